/*
 * libcurl says which sockets it waits for and when it wants to be called
 * again; one epoll descriptor waits for all of them, with a timer among them.
 * So a turn costs what is ready. Handles are kept for the next request, a
 * bounded number of them.
 */
#include "fetch/pool.h"

#include "fetch/transfer_private.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/banned.h"

enum {
    EVENTS_MAX = 256,
    /* Some 20 KB each. More are made when more are under way. */
    IDLE_MAX = 256,
    /* A signal that comes just before the wait does not end it. */
    STOP_CHECK_MS = 200,
    /* What is due at once is done at once; but a turn has an end. */
    ROUNDS_MAX = 8,
    NOT_ARMED = INT_MAX,
};

struct fetch_pool {
    struct client client;
    CURLM *multi;
    int epoll_fd, timer_fd;
    struct transfer *active, *idle; /* both ways linked, and one way */
    size_t n_active, n_idle;
    bool is_running;
    long armed_ms; /* the timer was set so far ahead; NOT_ARMED: it is not */
};

static bool fail_errno(struct err *err, const char *doing)
{
    return err_set(err, ERR_IO, "%s: %s", doing, err_system(errno).text);
}

/* --- what libcurl waits for --- */

static int on_socket(CURL *curl, curl_socket_t fd, int what, void *ctx,
                     void *known)
{
    const struct fetch_pool *p = ctx;
    struct epoll_event event = {.data.fd = fd};
    (void)curl;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                   (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (known != NULL) {
        return epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, fd, &event);
    }
    /* Any pointer will do to know it by. */
    p->client.lib.multi_assign(p->multi, fd, ctx);
    return epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* The timer is there for who waits for our descriptor with others of theirs.
   To set it costs more than to read an answer on some machines, so one that
   goes off too early is left alone. */
static void arm(struct fetch_pool *p, long after_ms)
{
    if (after_ms < 0 || after_ms >= p->armed_ms) {
        return;
    }
    const struct itimerspec when = {
        .it_value = {.tv_sec = after_ms / 1000,
                     .tv_nsec = after_ms > 0 ? after_ms % 1000 * 1000000 : 1}
    };
    if (timerfd_settime(p->timer_fd, 0, &when, NULL) == 0) {
        p->armed_ms = after_ms;
    }
}

/* --- lists --- */

static void link_active(struct fetch_pool *p, struct transfer *t)
{
    t->prior = NULL;
    t->next = p->active;
    if (p->active != NULL) {
        p->active->prior = t;
    }
    p->active = t;
    p->n_active++;
}

static void unlink_active(struct fetch_pool *p, struct transfer *t)
{
    if (t->prior != NULL) {
        t->prior->next = t->next;
    } else {
        p->active = t->next;
    }
    if (t->next != NULL) {
        t->next->prior = t->prior;
    }
    p->n_active--;
}

static void keep_idle(struct fetch_pool *p, struct transfer *t)
{
    if (p->n_idle == IDLE_MAX) {
        transfer_free(t);
        return;
    }
    t->next = p->idle;
    p->idle = t;
    p->n_idle++;
}

static bool take_idle(struct fetch_pool *p, struct transfer **out,
                      struct err *err)
{
    if (p->idle == NULL) {
        return transfer_new(&p->client, out, err);
    }
    *out = p->idle;
    p->idle = p->idle->next;
    p->n_idle--;
    return true;
}

/* --- ends --- */

/* The handle is free before `done` is called, which may ask again. */
static void finish(struct fetch_pool *p, struct transfer *t)
{
    const struct fetch_request request = t->request;
    const struct fetch_result result = t->result;
    unlink_active(p, t);
    keep_idle(p, t);
    request.done(request.ctx, &result);
}

static void end(struct fetch_pool *p, struct transfer *t, CURLcode code)
{
    p->client.lib.multi_remove_handle(p->multi, t->curl);
    if (!transfer_end(t, code)) {
        if (p->client.lib.multi_add_handle(p->multi, t->curl) == CURLM_OK) {
            return;
        }
        transfer_fail(t, FETCH_FAILURE_HERE, ERR_NOMEM,
                      "out of memory: fetching");
    }
    finish(p, t);
}

static void end_what_is_done(struct fetch_pool *p)
{
    const CURLMsg *message;
    int left = 0;
    while ((message = p->client.lib.multi_info_read(p->multi, &left)) != NULL) {
        /* The message goes with the handle. */
        const CURLcode code = message->data.result;
        void *transfer = NULL;
        p->client.lib.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
                                   &transfer);
        end(p, transfer, code);
    }
}

static void interrupt_all(struct fetch_pool *p)
{
    while (p->active != NULL) {
        struct transfer *t = p->active;
        p->client.lib.multi_remove_handle(p->multi, t->curl);
        transfer_interrupt(t);
        finish(p, t);
    }
}

/* --- its life --- */

void fetch_pool_free(struct fetch_pool *p)
{
    if (p == NULL) {
        return;
    }
    while (p->active != NULL) {
        struct transfer *t = p->active;
        p->client.lib.multi_remove_handle(p->multi, t->curl);
        unlink_active(p, t);
        transfer_free(t);
    }
    while (p->idle != NULL) {
        struct transfer *t = p->idle;
        p->idle = t->next;
        transfer_free(t);
    }
    if (p->multi != NULL) {
        p->client.lib.multi_cleanup(p->multi);
    }
    if (p->timer_fd >= 0) {
        close(p->timer_fd);
    }
    if (p->epoll_fd >= 0) {
        close(p->epoll_fd);
    }
    client_release(&p->client);
    free(p);
}

static bool set_up_waiting(struct fetch_pool *p, struct err *err)
{
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    p->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (p->epoll_fd < 0 || p->timer_fd < 0) {
        return fail_errno(err, "cannot wait for sockets");
    }
    struct epoll_event event = {.events = EPOLLIN, .data.fd = p->timer_fd};
    return epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, p->timer_fd, &event) == 0 ||
           fail_errno(err, "cannot wait for sockets");
}

static bool set_up_multi(struct fetch_pool *p, struct err *err)
{
    const struct curl_library *lib = &p->client.lib;
    p->multi = lib->multi_init();
    const bool ok =
        p->multi != NULL &&
        lib->multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket) ==
            CURLM_OK &&
        lib->multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p) == CURLM_OK &&
        lib->multi_setopt(p->multi, CURLMOPT_MAXCONNECTS,
                          (long)p->client.options.keeps) == CURLM_OK;
    return ok || err_nomem(err, "libcurl");
}

bool fetch_pool_new(const struct fetch_http_options *o, struct fetch_pool **out,
                    struct err *err)
{
    struct fetch_pool *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return err_nomem(err, "libcurl");
    }
    p->epoll_fd = -1;
    p->timer_fd = -1;
    p->armed_ms = NOT_ARMED;
    if (!client_init(&p->client, o, err)) {
        free(p);
        return false;
    }
    if (!set_up_waiting(p, err) || !set_up_multi(p, err)) {
        fetch_pool_free(p);
        return false;
    }
    *out = p;
    return true;
}

/* --- requests --- */

bool fetch_pool_start(struct fetch_pool *p, const struct fetch_request *r,
                      struct err *err)
{
    struct transfer *t = NULL;
    if (client_is_stopped(&p->client)) {
        return err_set(err, ERR_INTERRUPTED, "interrupted");
    }
    if (!take_idle(p, &t, err)) {
        return false;
    }
    if (!transfer_begin(t, r, err)) {
        keep_idle(p, t);
        return false;
    }
    if (p->client.lib.multi_add_handle(p->multi, t->curl) != CURLM_OK) {
        keep_idle(p, t);
        return err_nomem(err, "fetching");
    }
    link_active(p, t);
    if (!p->is_running) {
        arm(p, 0);
    }
    return true;
}

size_t fetch_pool_n_active(const struct fetch_pool *p)
{
    return p->n_active;
}

int fetch_pool_fd(const struct fetch_pool *p)
{
    return p->epoll_fd;
}

/* --- turns --- */

/* How many events there are; -1 with errno. Looks at the stop flag now and
   then. */
static int wait_for_events(const struct fetch_pool *p, int timeout_ms,
                           struct epoll_event *events)
{
    const bool is_endless = timeout_ms < 0;
    int n = 0;
    int left_ms = timeout_ms;
    do {
        const bool is_long = is_endless || left_ms > STOP_CHECK_MS;
        const int part_ms = p->client.options.stop == NULL ? timeout_ms
                            : is_long                      ? STOP_CHECK_MS
                                                           : left_ms;
        n = epoll_wait(p->epoll_fd, events, EVENTS_MAX, part_ms);
        left_ms -= part_ms;
    } while (n == 0 && (is_endless || left_ms > 0) &&
             !client_is_stopped(&p->client));
    return n;
}

static CURLMcode act(struct fetch_pool *p, const struct epoll_event *event)
{
    const int fd = event->data.fd;
    int n_running = 0;
    if (fd == p->timer_fd) {
        uint64_t n_times;
        /* Read so that it is no longer ready; what is due is done later. */
        const ssize_t n = read(fd, &n_times, sizeof(n_times));
        (void)n;
        p->armed_ms = NOT_ARMED;
        return CURLM_OK;
    }
    int mask = 0;
    mask |= event->events & EPOLLIN ? CURL_CSELECT_IN : 0;
    mask |= event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
    mask |= event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0;
    return p->client.lib.multi_socket_action(p->multi, fd, mask, &n_running);
}

/* Timeouts, and requests that begin. */
static CURLMcode do_what_is_due(struct fetch_pool *p)
{
    const struct curl_library *lib = &p->client.lib;
    CURLMcode code = CURLM_OK;
    long after_ms = -1;
    int n_running = 0;
    for (int i = 0; i < ROUNDS_MAX && code == CURLM_OK; i++) {
        code = lib->multi_timeout(p->multi, &after_ms);
        if (code != CURLM_OK || after_ms != 0) {
            break;
        }
        code = lib->multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0,
                                        &n_running);
        end_what_is_done(p);
    }
    arm(p, after_ms);
    return code;
}

static CURLMcode turn(struct fetch_pool *p, const struct epoll_event *events,
                      int n)
{
    CURLMcode code = CURLM_OK;
    p->is_running = true;
    for (int i = 0; i < n && code == CURLM_OK; i++) {
        code = act(p, &events[i]);
    }
    end_what_is_done(p);
    if (client_is_stopped(&p->client)) {
        interrupt_all(p);
    } else if (code == CURLM_OK) {
        code = do_what_is_due(p);
    }
    p->is_running = false;
    return code;
}

bool fetch_pool_run(struct fetch_pool *p, int timeout_ms, struct err *err)
{
    struct epoll_event events[EVENTS_MAX];
    int n = 0;
    assert(!p->is_running);
    /* Nothing would ever happen. */
    const bool is_endless = timeout_ms < 0 && p->n_active == 0;
    if (!client_is_stopped(&p->client)) {
        n = wait_for_events(p, is_endless ? 0 : timeout_ms, events);
        if (n < 0 && errno != EINTR) {
            return fail_errno(err, "cannot wait for sockets");
        }
    }
    const CURLMcode code = turn(p, events, n);
    return code == CURLM_OK || err_set(err, ERR_INTERNAL, "libcurl: %s",
                                       p->client.lib.multi_strerror(code));
}
