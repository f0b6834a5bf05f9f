/*
 * The server's one thread: libmicrohttpd speaks HTTP and is driven from
 * outside, beside listening sockets and timers of our own in one epoll. Who
 * has to wait is suspended in libmicrohttpd and resumed by a timer; who hangs
 * up while suspended is noticed by a watch of ours, since libmicrohttpd does
 * not look at suspended connections.
 *
 * Everything is bounded: connections, bytes of a request, answers held back
 * for ever.
 */
#include "base/library.h"
#include "base/num.h"
#include "base/vec.h"
#include "sim/microhttpd_private.h"
#include "sim/serve_private.h"
#include "sim/world_private.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

enum {
    CONNECTIONS_MAX = 1024,
    /* Header lines of one request; a profiler's have some 200 bytes. */
    CONNECTION_BYTES = 32 << 10,
    IDLE_SECONDS_MAX = 60,
    POST_BYTES_MAX = 1 << 20,
    ANSWER_BYTES_MAX = 256 << 20,
    /* Silent answers kept at a time: the oldest is dropped for a new one. */
    HUNG_MAX = 256,
    SECONDS_MAX = 3600, /* of the clock, for seconds=N */
    EVENTS_MAX = 128,
    LISTEN_BACKLOG = 512,
    /* Go's server sends what fits into its buffer with a Content-Length, the
       rest in chunks. */
    UNCHUNKED_BYTES_MAX = 2048,
    BLOCK_BYTES = 16 << 10,
    STOP_POLL_MS = 100,
    /* Between two turns of worlds that nobody asks: half of a core at most. */
    LAG_POLL_MS = 20,
    /* Rounds of the search for consecutive ports. */
    PORT_TRIES = 32,
};

#define SLOW_LEAST_NS (2 * SIM_SECOND)
#define SLOW_MORE_NS  (2 * SIM_SECOND)
#define DRIP_NS       (SIM_SECOND / 50)
/* Worlds run for so long within a request, within a turn of the loop, one of
   them at a time there, and while a request waits. */
#define REQUEST_WORK_NS (SIM_SECOND / 200)
#define TURN_WORK_NS    (SIM_SECOND / 50)
#define SHARE_WORK_NS   (SIM_SECOND / 500)
#define WORK_MOST_NS    SIM_SECOND

enum watch_kind { WATCH_DAEMON, WATCH_LISTENER, WATCH_REQUEST };

/* What an epoll event points to; the first member of what is watched. */
struct watch {
    enum watch_kind kind;
};

struct listener {
    struct watch watch;
    int fd;
    uint16_t port;
    size_t target; /* of its port; the first when all share one */
};

enum phase { PHASE_READS, PHASE_DUE, PHASE_WAITED, PHASE_HUNG };

struct request {
    struct watch watch;
    struct sim_server *server;
    struct MHD_Connection *connection;
    struct sim_target *target; /* NULL: a path that is nobody's */
    struct sim_ask ask;
    struct span url; /* the path with the service's name */
    struct request *next, *previous;
    struct sim_timer timer;
    struct sim_page page;
    struct buf post;
    enum phase phase;
    enum sim_fault fault; /* N_SIM_FAULTS: none */
    bool is_started;      /* its header has been read */
    bool is_http_1_0;
    bool is_suspended, is_watched, is_gone;
    bool has_dripped;               /* the next byte has to wait */
    bool is_waiting;                /* for its world to catch up */
    bool has_waited;                /* the world is as near as it gets */
    int64_t waits_since_ns;         /* of the clock */
    int64_t waits_from_ns, goal_ns; /* of the world: when it asked, and due */
    unsigned generation;            /* of the process it asked first */
    uint64_t hung_since;
    char query[]; /* as sent */
};

struct sim_server {
    struct sim_server_options options;
    struct microhttpd http;
    struct MHD_Daemon *daemon;
    struct watch daemon_watch;
    int epoll_fd, daemon_fd;
    struct listener *listeners;
    size_t n_listeners;
    struct listener *accepting; /* for on_connection() */
    size_t n_connections;
    bool is_accepting;
    struct sim_target *targets;
    struct request *requests; /* all there are */
    struct sim_timers timers;
    struct sim_fault_dice dice;
    struct sim_bomb bomb;
    bool has_bomb;
    uint64_t n_hung, hung_clock;
    struct sim_pace pace;
    size_t next_target; /* whose world runs next */
    size_t n_waiting;   /* requests, for worlds */
    bool has_lagging;   /* worlds that should go on running */
    struct sim_server_counts counts;
};

static int64_t clock_ns(const struct sim_server *s)
{
    return sim_pace_clock_ns(&s->pace);
}

/* --- waiting --- */

/* From now on its peer is looked after by us. */
static void suspend(struct request *r)
{
    const union MHD_ConnectionInfo *info = r->server->http.get_connection_info(
        r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET,
                                .data.ptr = &r->watch};
    if (!r->is_watched && info != NULL) {
        r->is_watched = epoll_ctl(r->server->epoll_fd, EPOLL_CTL_ADD,
                                  info->connect_fd, &event) == 0;
    }
    r->server->http.suspend_connection(r->connection);
    r->is_suspended = true;
}

static void resume(struct request *r)
{
    if (r->is_waiting) {
        r->is_waiting = false;
        r->target->n_waiting--;
        r->server->n_waiting--;
    }
    if (r->is_suspended) {
        r->is_suspended = false;
        sim_timers_remove(&r->server->timers, &r->timer);
        r->server->http.resume_connection(r->connection);
    }
}

/* Out of memory for a timer, the wait is over at once. */
static void wait_ns(struct request *r, int64_t ns)
{
    r->timer.due_ns = add_sat_i64(clock_ns(r->server), ns);
    suspend(r);
    if (!sim_timers_add(&r->server->timers, &r->timer)) {
        resume(r);
    }
}

static struct request *request_of(struct sim_timer *t)
{
    return (struct request *)((char *)t - offsetof(struct request, timer));
}

static void fire_timers(struct sim_server *s)
{
    const int64_t now_ns = clock_ns(s);
    struct sim_timer *t;
    while ((t = sim_timers_due(&s->timers, now_ns)) != NULL) {
        resume(request_of(t));
    }
}

/* --- worlds --- */

static void wait_for_world(struct request *r)
{
    r->is_waiting = true;
    r->target->n_waiting++;
    r->server->n_waiting++;
    r->waits_since_ns = clock_ns(r->server);
    r->waits_from_ns = sim_world_now(r->target->world);
    r->goal_ns = sim_pace_due_ns(&r->server->pace, r->target);
    suspend(r);
}

/* Is the world of the request where it should be? False: the request waits, or
   it has an answer, which says why not. */
static bool catch_up(struct request *r, bool *waits)
{
    struct err err = {0};
    struct sim_target *t = r->target;
    bool is_there = false;
    *waits = false;
    if (r->has_waited) {
        r->has_waited = false;
        return true;
    }
    /* Who comes later must not take turns from those who wait. */
    const int64_t work_ns = t->n_waiting > 0 ? 0 : REQUEST_WORK_NS;
    if (!sim_target_run(&r->server->pace, t, work_ns, &is_there, &err)) {
        sim_answer_text(&r->page.answer, 500, err.text);
        return false;
    }
    if (!is_there) {
        *waits = true;
        wait_for_world(r);
    }
    return is_there;
}

/* Is the wait over? After too long a one the world is taken as it is. */
static bool is_waited_for(struct sim_server *s, const struct request *r,
                          struct sim_target *t)
{
    const int64_t waited_ns = clock_ns(s) - r->waits_since_ns;
    const int64_t world_ns = sim_world_now(t->world);
    if (t->err.code != ERR_NONE || world_ns >= r->goal_ns) {
        return true;
    }
    if (waited_ns < WORK_MOST_NS) {
        return false;
    }
    sim_target_give_up(
        &s->pace, t, (double)(world_ns - r->waits_from_ns) / (double)waited_ns);
    return true;
}

static void wake(struct sim_server *s)
{
    for (struct request *r = s->requests; r != NULL; r = r->next) {
        struct sim_target *t = r->is_waiting ? r->target : NULL;
        if (t != NULL && is_waited_for(s, r, t)) {
            r->has_waited = t->err.code == ERR_NONE;
            resume(r);
        }
    }
}

/* Does it run? Then for a share of the turn, so that all come to their turn
   while a request waits. */
static bool run_world(struct sim_server *s, struct sim_target *t)
{
    struct err err = {0};
    bool is_there = false;
    if (t->n_waiting == 0 && !sim_target_lags(&s->pace, t)) {
        return false;
    }
    /* A failure is the target's: its next answer tells it. */
    return sim_target_run(&s->pace, t, SHARE_WORK_NS, &is_there, &err) &&
           !is_there;
}

/* Worlds in turn: those that someone waits for, and those far behind. */
static void run_worlds(struct sim_server *s)
{
    const size_t n = s->options.n_worlds;
    const int64_t end_ns = clock_ns(s) + TURN_WORK_NS;
    size_t n_still = 0; /* since the last that has more to do */
    while (n_still < n && !sim_pace_is_stopped(&s->pace)) {
        struct sim_target *t = &s->targets[s->next_target];
        s->next_target = (s->next_target + 1) % n;
        if (!run_world(s, t)) {
            n_still++;
            continue;
        }
        n_still = 0;
        if (clock_ns(s) >= end_ns) {
            break;
        }
    }
    s->has_lagging = n_still < n;
    if (s->n_waiting > 0) {
        wake(s);
    }
}

/* --- answers --- */

static uint64_t body_bytes(const struct request *r)
{
    return r->fault == SIM_FAULT_BOMB ? sim_bomb_bytes(&r->server->bomb)
                                      : r->page.answer.body.len;
}

/* With a linger time of 0 the kernel resets instead of closing. */
static ssize_t break_off(const struct request *r)
{
    const union MHD_ConnectionInfo *info = r->server->http.get_connection_info(
        r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    if (r->fault == SIM_FAULT_RESET && info != NULL) {
        (void)setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &none,
                         sizeof(none));
    }
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static size_t copy_body(const struct request *r, uint64_t at, char *out,
                        size_t max)
{
    if (r->fault == SIM_FAULT_BOMB) {
        return sim_bomb_read(&r->server->bomb, at, out, max);
    }
    const struct span rest =
        span_first(span_from(buf_view(&r->page.answer.body), (size_t)at), max);
    if (rest.len > 0) {
        memcpy(out, rest.p, rest.len);
    }
    return rest.len;
}

static ssize_t on_body(void *cls, uint64_t at, char *out, size_t max)
{
    struct request *r = cls;
    const bool is_cut =
        r->fault == SIM_FAULT_RESET || r->fault == SIM_FAULT_TRUNCATE;
    const uint64_t end = is_cut ? body_bytes(r) / 2 : body_bytes(r);
    if (r->is_gone || (is_cut && at >= end)) {
        return break_off(r);
    }
    if (at >= end) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (r->fault == SIM_FAULT_DRIP) {
        if (r->has_dripped) {
            r->has_dripped = false;
            wait_ns(r, DRIP_NS);
            return 0;
        }
        r->has_dripped = true;
        max = 1;
    }
    const uint64_t left = end - at;
    const size_t n = copy_body(r, at, out, left < max ? (size_t)left : max);
    r->server->counts.bytes += n;
    return (ssize_t)n;
}

static void add_header(const struct microhttpd *http,
                       struct MHD_Response *response, const char *name,
                       const char *value)
{
    if (value != NULL && *value != '\0') {
        (void)http->add_response_header(response, name, value);
    }
}

/* In the order of net/http: those of the handler by name, then the server's. */
static void add_headers(const struct request *r, struct MHD_Response *response)
{
    const struct sim_answer *a = &r->page.answer;
    const struct microhttpd *http = &r->server->http;
    char disposition[sizeof(a->disposition) + 32] = "";
    char date[SIM_DATE_BYTES];
    if (a->disposition[0] != '\0') {
        (void)snprintf(disposition, sizeof(disposition),
                       "attachment; filename=\"%s\"", a->disposition);
    }
    add_header(http, response, "Allow", a->allow);
    add_header(http, response, "Content-Disposition", disposition);
    add_header(http, response, "Content-Type", a->type);
    add_header(http, response, "Location", a->location);
    add_header(http, response, "Www-Authenticate", a->authenticate);
    add_header(http, response, "X-Content-Type-Options",
               a->is_nosniff ? "nosniff" : NULL);
    add_header(http, response, "X-Go-Pprof", a->is_pprof_error ? "1" : NULL);
    const int64_t now_ns = sim_pace_due_ns(&r->server->pace, r->target);
    sim_http_date((SIM_EPOCH_NS + now_ns) / SIM_SECOND, date);
    add_header(http, response, "Date", date);
}

/* A length that is too small, in front of all bytes. As HTTP/1.0, since
   libmicrohttpd adds a length or chunks of its own to 1.1. */
static void lie_about_length(const struct request *r,
                             struct MHD_Response *response)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%zu", r->page.answer.body.len / 2);
    (void)r->server->http.set_response_options(
        response,
        (enum MHD_ResponseFlags)(MHD_RF_INSANITY_HEADER_CONTENT_LENGTH |
                                 MHD_RF_HTTP_1_0_SERVER),
        MHD_RO_END);
    add_header(&r->server->http, response, "Content-Length", text);
    add_header(&r->server->http, response, "Connection", "close");
}

/* Else the body is sent in chunks, or ends with the connection. */
static bool says_length(const struct request *r)
{
    switch (r->fault) {
    case SIM_FAULT_TRUNCATE:
    case SIM_FAULT_RESET:
        return true; /* where it breaks off, a length tells that more was due */
    case SIM_FAULT_BOMB:
    case SIM_FAULT_LENGTH:
        return false;
    case SIM_FAULT_SLOW:
    case SIM_FAULT_DRIP:
    case SIM_FAULT_500:
    case SIM_FAULT_404:
    case SIM_FAULT_401:
    case SIM_FAULT_REDIRECT:
    case SIM_FAULT_HTML:
    case SIM_FAULT_RESTART:
    case SIM_FAULT_HANG:
    case N_SIM_FAULTS:
        break;
    }
    return r->page.answer.body.len <= UNCHUNKED_BYTES_MAX;
}

static enum MHD_Result respond(struct request *r)
{
    struct sim_server *s = r->server;
    struct buf *body = &r->page.answer.body;
    if (!buf_ok(body)) {
        buf_clear(body);
        sim_answer_text(&r->page.answer, 500, "out of memory");
    }
    struct MHD_Response *response = s->http.create_response_from_callback(
        says_length(r) ? body->len : MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_body, r,
        NULL);
    if (response == NULL) {
        return MHD_NO;
    }
    add_headers(r, response);
    if (r->is_http_1_0 && r->fault != SIM_FAULT_LENGTH) {
        (void)s->http.set_response_options(response, MHD_RF_HTTP_1_0_SERVER,
                                           MHD_RO_END);
    }
    if (r->fault == SIM_FAULT_LENGTH) {
        lie_about_length(r, response);
    }
    s->counts.answers++;
    s->counts.faults += r->fault != N_SIM_FAULTS;
    const enum MHD_Result result =
        s->http.queue_response(r->connection, r->page.answer.status, response);
    s->http.destroy_response(response);
    return result;
}

static bool restart_or_answer(struct request *r)
{
    struct err err = {0};
    if (r->fault == SIM_FAULT_RESTART &&
        !sim_world_restart(r->target->world, &err)) {
        r->target->err = err;
        sim_answer_text(&r->page.answer, 500, err.text);
        return false;
    }
    return true;
}

/* Of a path that belongs to no service. */
static void answer_nobody(struct request *r)
{
    const struct sim_server *s = r->server;
    const bool has_several =
        s->options.n_worlds > 1 && !s->options.one_port_each;
    if (has_several && span_is(r->url, "/")) {
        sim_answer_services(&r->page.answer, s->targets, s->options.n_worlds);
    } else {
        sim_answer_text(&r->page.answer, 404, "404 page not found");
    }
}

static enum MHD_Result answer(struct request *r)
{
    struct sim_server *s = r->server;
    bool waits = false;
    if (r->target == NULL) {
        answer_nobody(r);
        return respond(r);
    }
    if (sim_fault_answer(r->fault, r->url, &r->page.answer)) {
        return respond(r);
    }
    if (!catch_up(r, &waits)) {
        return waits ? MHD_YES : respond(r);
    }
    if (!restart_or_answer(r)) {
        return respond(r);
    }
    sim_page_begin(r->target, &r->ask, &r->page);
    if (r->page.seconds == 0) {
        return respond(r);
    }
    r->generation = r->target->world->generation;
    const double most = SECONDS_MAX;
    const double wanted = (double)r->page.seconds / s->options.speed;
    r->phase = PHASE_WAITED;
    wait_ns(r, (int64_t)((wanted < most ? wanted : most) * (double)SIM_SECOND));
    return MHD_YES;
}

/* A process that ended meanwhile took the connection with it. */
static enum MHD_Result finish(struct request *r)
{
    bool waits = false;
    if (catch_up(r, &waits)) {
        if (r->generation != r->target->world->generation) {
            return MHD_NO;
        }
        sim_page_finish(r->target, &r->page);
    }
    return waits ? MHD_YES : respond(r);
}

/* --- faults in time --- */

static void drop_oldest_hung(struct sim_server *s)
{
    struct request *oldest = NULL;
    for (struct request *r = s->requests; r != NULL; r = r->next) {
        if (r->phase == PHASE_HUNG && r->is_suspended &&
            (oldest == NULL || r->hung_since < oldest->hung_since)) {
            oldest = r;
        }
    }
    if (oldest != NULL) {
        s->n_hung--;
        resume(oldest);
    }
}

static void hang(struct request *r)
{
    struct sim_server *s = r->server;
    s->counts.faults++;
    if (s->n_hung >= HUNG_MAX) {
        drop_oldest_hung(s);
    }
    s->n_hung++;
    r->phase = PHASE_HUNG;
    r->hung_since = ++s->hung_clock;
    suspend(r);
}

static enum MHD_Result start(struct request *r)
{
    struct sim_server *s = r->server;
    r->phase = PHASE_DUE;
    if (r->target != NULL) {
        r->fault = sim_fault_choose(&s->dice, ++r->target->n_answers);
    }
    if (r->fault == SIM_FAULT_HANG) {
        hang(r);
        return MHD_YES;
    }
    if (r->fault == SIM_FAULT_BOMB && !s->has_bomb) {
        struct err err = {0};
        s->has_bomb = sim_bomb_make(&s->bomb, &err);
        r->fault = s->has_bomb ? r->fault : N_SIM_FAULTS;
    }
    if (r->fault == SIM_FAULT_SLOW) {
        wait_ns(r, SLOW_LEAST_NS + (int64_t)sim_random_below(&s->dice.random,
                                                             SLOW_MORE_NS));
        return MHD_YES;
    }
    return answer(r);
}

static enum MHD_Result step(struct request *r)
{
    /* So that an end does not wait for all who ask. */
    if (r->is_gone || sim_pace_is_stopped(&r->server->pace)) {
        return MHD_NO;
    }
    switch (r->phase) {
    case PHASE_READS:
        return start(r);
    case PHASE_DUE:
        return answer(r);
    case PHASE_WAITED:
        return finish(r);
    case PHASE_HUNG:
        break;
    }
    return MHD_NO;
}

/* --- requests --- */

/* "/NAME/debug/pprof/heap" names one of several services on a port. */
static struct sim_target *find_target(struct sim_server *s, size_t first,
                                      struct span path, struct span *rest)
{
    *rest = path;
    if (span_is(path, "/debug/pprof") || span_starts(path, "/debug/pprof/")) {
        return &s->targets[first];
    }
    if (s->options.one_port_each || path.len < 2 || path.p[0] != '/') {
        return NULL;
    }
    const struct span inside = span_from(path, 1);
    const struct span name = span_first(inside, span_find_char(inside, '/'));
    *rest = span_from(path, name.len + 1);
    if (!span_is(*rest, "/debug/pprof") &&
        !span_starts(*rest, "/debug/pprof/")) {
        return NULL;
    }
    for (size_t i = 0; i < s->options.n_worlds; i++) {
        if (span_is(name, s->targets[i].name)) {
            return &s->targets[i];
        }
    }
    return NULL;
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *c)
{
    struct sim_server *s = cls;
    const char *mark = strchr(uri, '?');
    const char *query = mark != NULL ? mark + 1 : "";
    const size_t n = strlen(query);
    struct request *r = calloc(1, sizeof(*r) + n + 1);
    if (r == NULL) {
        return NULL;
    }
    memcpy(r->query, query, n + 1);
    r->watch.kind = WATCH_REQUEST;
    r->server = s;
    r->connection = c;
    r->ask.query = (struct span){r->query, n};
    r->fault = N_SIM_FAULTS;
    r->post.limit_bytes = POST_BYTES_MAX;
    r->page.answer.body.limit_bytes = ANSWER_BYTES_MAX;
    r->next = s->requests;
    if (s->requests != NULL) {
        s->requests->previous = r;
    }
    s->requests = r;
    return r;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c,
                                  const char *url, const char *method,
                                  const char *version, const char *upload,
                                  size_t *upload_bytes, void **own)
{
    struct sim_server *s = cls;
    struct request *r = *own;
    if (r == NULL) {
        return MHD_NO;
    }
    if (!r->is_started) {
        r->is_started = true;
        r->is_http_1_0 = strcmp(version, "HTTP/1.0") == 0;
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        /* What is too long is read, not kept. */
        buf_add(&r->post, upload, *upload_bytes);
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (r->phase == PHASE_READS) {
        const union MHD_ConnectionInfo *info =
            s->http.get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        const struct listener *l = info ? info->socket_context : NULL;
        r->ask.method = method;
        r->url = span_of(url);
        r->ask.post = buf_view(&r->post);
        r->target =
            find_target(s, l != NULL ? l->target : 0, r->url, &r->ask.path);
    }
    /* Path and method live as long as the request. */
    return step(r);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **own,
                         enum MHD_RequestTerminationCode code)
{
    struct sim_server *s = cls;
    struct request *r = *own;
    (void)code;
    if (r == NULL) {
        return;
    }
    *own = NULL;
    resume(r); /* does nothing, unless it ends while it waits */
    sim_timers_remove(&s->timers, &r->timer);
    const union MHD_ConnectionInfo *info =
        s->http.get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (r->is_watched && info != NULL) {
        (void)epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, info->connect_fd, NULL);
    }
    if (r->next != NULL) {
        r->next->previous = r->previous;
    }
    if (r->previous != NULL) {
        r->previous->next = r->next;
    } else {
        s->requests = r->next;
    }
    if (r->target != NULL) {
        sim_page_release(r->target, &r->page);
    } else {
        buf_release(&r->page.answer.body);
    }
    buf_release(&r->post);
    free(r);
}

static void on_connection(void *cls, struct MHD_Connection *c,
                          void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct sim_server *s = cls;
    (void)c;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = s->accepting;
        s->n_connections++;
    } else {
        s->n_connections--;
    }
}

/* --- listening --- */

/* While too many are connected, others wait in the kernel's queue. */
static void accept_or_not(struct sim_server *s, bool accepts)
{
    if (s->is_accepting == accepts) {
        return;
    }
    s->is_accepting = accepts;
    for (size_t i = 0; i < s->n_listeners; i++) {
        struct epoll_event event = {.events = accepts ? EPOLLIN : 0,
                                    .data.ptr = &s->listeners[i].watch};
        (void)epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->listeners[i].fd, &event);
    }
}

static void accept_all(struct sim_server *s, struct listener *l)
{
    while (s->n_connections < CONNECTIONS_MAX) {
        struct sockaddr_storage peer;
        socklen_t n = sizeof(peer);
        const int fd = accept(l->fd, (struct sockaddr *)&peer, &n);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) {
            continue;
        }
        if (fd < 0) {
            if (errno != EAGAIN) {
                break; /* no descriptors left: wait until one is closed */
            }
            return;
        }
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        s->accepting = l;
        /* Closes the descriptor when it fails. */
        (void)s->http.add_connection(s->daemon, fd, (struct sockaddr *)&peer,
                                     n);
    }
    accept_or_not(s, false);
}

static bool fail_errno(struct err *err, const char *doing, const char *what)
{
    return err_set(err, ERR_IO, "%s %s: %s", doing, what,
                   err_system(errno).text);
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t n = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &n) != 0) {
        return 0;
    }
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memcpy(&v4, &address, sizeof(v4));
    memcpy(&v6, &address, sizeof(v6));
    return ntohs(address.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

static bool bind_one(struct listener *l, const struct addrinfo *where,
                     const char *shown, struct err *err)
{
    const int on = 1;
    l->fd = socket(where->ai_family, SOCK_STREAM, 0);
    if (l->fd < 0) {
        return fail_errno(err, "cannot listen on", shown);
    }
    (void)fcntl(l->fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(l->fd, F_SETFL, O_NONBLOCK);
    (void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(l->fd, where->ai_addr, where->ai_addrlen) != 0 ||
        listen(l->fd, LISTEN_BACKLOG) != 0) {
        return fail_errno(err, "cannot listen on", shown);
    }
    l->port = bound_port(l->fd);
    return true;
}

struct address {
    char host[256];
    uint64_t port;
};

static bool parse_address(const char *text, struct address *out,
                          struct err *err)
{
    const struct span whole = span_of(text);
    const size_t colon = span_rfind_char(whole, ':');
    struct span host = span_first(whole, colon);
    if (host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']') {
        host = (struct span){host.p + 1, host.len - 2};
    } else if (span_find_char(host, ':') < host.len) {
        host.len = sizeof(out->host); /* IPv6 wants its brackets */
    }
    if (colon == whole.len || host.len >= sizeof(out->host) ||
        !num_parse_u64(span_from(whole, colon + 1), &out->port) ||
        out->port > 65535) {
        return err_set(err, ERR_USAGE, "'%.64s' is not HOST:PORT", text);
    }
    memcpy(out->host, host.len > 0 ? host.p : "", host.len);
    out->host[host.len] = '\0';
    return true;
}

/* Listener i of an address; ports count upwards. */
static bool open_listener(struct sim_server *s, const struct address *a,
                          size_t i, struct err *err)
{
    struct listener *l = &s->listeners[i];
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];
    const uint64_t wanted = a->port == 0 ? 0 : a->port + i;
    if (wanted > 65535) {
        return err_set(err, ERR_USAGE, "no port is left for service %zu",
                       i + 1);
    }
    (void)snprintf(port, sizeof(port), "%u", (unsigned)wanted);
    const int code =
        getaddrinfo(a->host[0] != '\0' ? a->host : NULL, port, &hints, &found);
    if (code != 0) {
        return err_set(err, ERR_IO, "cannot listen on %.64s: %s",
                       s->options.address, gai_strerror(code));
    }
    *l = (struct listener){.watch = {WATCH_LISTENER}, .fd = -1, .target = i};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &l->watch};
    bool ok = bind_one(l, found, s->options.address, err);
    if (ok && epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, l->fd, &event) != 0) {
        ok = fail_errno(err, "cannot listen on", s->options.address);
    }
    freeaddrinfo(found);
    return ok;
}

static void close_listeners(struct sim_server *s)
{
    for (size_t i = 0; i < s->n_listeners; i++) {
        if (s->listeners[i].fd >= 0) {
            close(s->listeners[i].fd);
        }
        s->listeners[i].fd = -1;
    }
}

static bool open_all(struct sim_server *s, struct address a, struct err *err)
{
    for (size_t i = 0; i < s->n_listeners; i++) {
        if (!open_listener(s, &a, i, err)) {
            return false;
        }
        if (i == 0) {
            a.port = s->listeners[0].port;
        }
    }
    return true;
}

/* The kernel picks a port, not a row of them: where it picked before ports in
   use, once more. */
static bool open_row(struct sim_server *s, const struct address *a,
                     struct err *err)
{
    const unsigned tries = a->port == 0 && s->n_listeners > 1 ? PORT_TRIES : 1;
    for (unsigned i = 0; i < tries; i++) {
        *err = (struct err){0};
        if (open_all(s, *a, err)) {
            return true;
        }
        close_listeners(s);
    }
    return false;
}

static bool open_listeners(struct sim_server *s, struct err *err)
{
    struct address a = {0};
    if (!parse_address(s->options.address, &a, err)) {
        return false;
    }
    const size_t n = s->options.one_port_each ? s->options.n_worlds : 1;
    s->listeners = calloc(n, sizeof(*s->listeners));
    if (s->listeners == NULL) {
        return err_nomem(err, "server");
    }
    for (size_t i = 0; i < n; i++) {
        s->listeners[i].fd = -1;
    }
    s->n_listeners = n;
    s->is_accepting = true;
    return open_row(s, &a, err);
}

/* --- the loop --- */

static bool load_library(struct sim_server *s, struct err *err)
{
    const struct library_function functions[] = {
#define X(name) {"MHD_" #name, &s->http.name},
        MICROHTTPD_FUNCTIONS(X)
#undef X
    };
    return library_load(MICROHTTPD_LIBRARY, functions,
                        sizeof(functions) / sizeof(functions[0]), err);
}

static bool start_daemon(struct sim_server *s, struct err *err)
{
    /* TURBO also keeps it from a shutdown() before close(), after which a
       reset would come as an orderly end. */
    s->daemon = s->http.start_daemon(
        MHD_USE_EPOLL | MHD_USE_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
            MHD_USE_SUPPRESS_DATE_NO_CLOCK | MHD_USE_TURBO,
        0, NULL, NULL, on_request, s, MHD_OPTION_URI_LOG_CALLBACK, on_uri, s,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS_MAX,
        MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        s->daemon != NULL
            ? s->http.get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)
            : NULL;
    if (info == NULL) {
        return err_set(err, ERR_IO, "cannot start the HTTP server");
    }
    struct epoll_event event = {.events = EPOLLIN,
                                .data.ptr = &s->daemon_watch};
    s->daemon_fd = info->epoll_fd;
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->daemon_fd, &event) != 0) {
        return fail_errno(err, "cannot start", "the HTTP server");
    }
    return true;
}

static bool make_targets(struct sim_server *s, struct err *err)
{
    const struct sim_server_options *o = &s->options;
    s->targets = calloc(o->n_worlds, sizeof(*s->targets));
    if (s->targets == NULL) {
        return err_nomem(err, "server");
    }
    for (size_t i = 0; i < o->n_worlds; i++) {
        s->targets[i] = (struct sim_target){
            .options = &o->worlds[i],
            .name =
                o->names != NULL ? o->names[i] : o->worlds[i].scenario->name};
    }
    return true;
}

bool sim_server_new(const struct sim_server_options *o, struct sim_server **out,
                    struct err *err)
{
    if (o->n_worlds == 0 || !(o->speed > 0 && o->speed <= SIM_SPEED_MAX)) {
        return err_set(err, ERR_USAGE,
                       "the speed must be above 0 and at most %d",
                       SIM_SPEED_MAX);
    }
    struct sim_server *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return err_nomem(err, "server");
    }
    s->options = *o;
    s->pace = (struct sim_pace){&s->options, &s->counts, 0};
    s->daemon_watch.kind = WATCH_DAEMON;
    s->dice = (struct sim_fault_dice){.plans = o->faults, .n = o->n_faults};
    sim_random_init(&s->dice.random, o->seed, "faults");
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    const bool ok =
        s->epoll_fd >= 0 || fail_errno(err, "cannot start", "the HTTP server");
    if (!ok || !make_targets(s, err) || !load_library(s, err) ||
        !start_daemon(s, err) || !open_listeners(s, err)) {
        sim_server_free(s);
        return false;
    }
    s->pace.start_ns = clock_ns(s);
    *out = s;
    return true;
}

uint16_t sim_server_port(const struct sim_server *s, size_t i)
{
    return s->listeners[s->options.one_port_each ? i : 0].port;
}

/* Milliseconds until something is due, rounded up; at most `most`. */
static int until_due_ms(const struct sim_server *s, int most)
{
    MHD_UNSIGNED_LONG_LONG daemon_ms = 0;
    if (s->http.get_timeout(s->daemon, &daemon_ms) == MHD_YES &&
        daemon_ms < (MHD_UNSIGNED_LONG_LONG)most) {
        most = (int)daemon_ms;
    }
    if (s->n_waiting > 0) {
        return 0;
    }
    most = s->has_lagging && most > LAG_POLL_MS ? LAG_POLL_MS : most;
    const int64_t next_ns = sim_timers_next_ns(&s->timers);
    if (next_ns == INT64_MAX) {
        return most;
    }
    const int64_t left_ns = sub_sat_i64(next_ns, clock_ns(s));
    const int64_t left_ms = left_ns > 0 ? left_ns / (SIM_SECOND / 1000) + 1 : 0;
    return left_ms < most ? (int)left_ms : most;
}

/* Those who hung up are marked before anything is freed: a request that ends
   may be in the same batch of events. */
static void note_gone(const struct epoll_event *events, int n)
{
    for (int i = 0; i < n; i++) {
        struct watch *w = events[i].data.ptr;
        if (w->kind == WATCH_REQUEST) {
            struct request *r = (struct request *)w;
            r->server->n_hung -= r->phase == PHASE_HUNG && r->is_suspended;
            r->is_gone = true;
            resume(r);
        }
    }
}

static bool turn(struct sim_server *s, int wait_ms, struct err *err)
{
    struct epoll_event events[EVENTS_MAX];
    accept_or_not(s, s->n_connections < CONNECTIONS_MAX);
    const int n =
        epoll_wait(s->epoll_fd, events, EVENTS_MAX, until_due_ms(s, wait_ms));
    if (n < 0 && errno != EINTR) {
        return fail_errno(err, "cannot wait for", "requests");
    }
    note_gone(events, n);
    for (int i = 0; i < n; i++) {
        struct watch *w = events[i].data.ptr;
        if (w->kind == WATCH_LISTENER) {
            accept_all(s, (struct listener *)w);
        }
    }
    fire_timers(s);
    run_worlds(s);
    if (s->http.run(s->daemon) != MHD_YES) {
        return err_set(err, ERR_IO, "the HTTP server failed");
    }
    return true;
}

bool sim_server_run(struct sim_server *s, int wait_ms, struct err *err)
{
    if (wait_ms >= 0) {
        return turn(s, wait_ms, err);
    }
    while (!sim_pace_is_stopped(&s->pace)) {
        if (!turn(s, STOP_POLL_MS, err)) {
            return false;
        }
    }
    return true;
}

struct sim_server_counts sim_server_counts(const struct sim_server *s)
{
    return s->counts;
}

/* libmicrohttpd must not be stopped with suspended connections. */
static void stop_daemon(struct sim_server *s)
{
    for (struct request *r = s->requests; r != NULL; r = r->next) {
        r->is_gone = true;
        resume(r);
    }
    s->http.stop_daemon(s->daemon);
}

void sim_server_free(struct sim_server *s)
{
    if (s == NULL) {
        return;
    }
    if (s->daemon != NULL) {
        stop_daemon(s);
    }
    close_listeners(s);
    if (s->epoll_fd >= 0) {
        close(s->epoll_fd);
    }
    for (size_t i = 0; s->targets != NULL && i < s->options.n_worlds; i++) {
        sim_world_free(s->targets[i].world);
    }
    sim_timers_release(&s->timers);
    sim_bomb_release(&s->bomb);
    free(s->targets);
    free(s->listeners);
    free(s);
}
