/*
 * The server's one thread: libmicrohttpd speaks HTTP and is driven from
 * outside, beside listening sockets and timers of our own in one epoll.
 *
 * Everything is bounded: connections, bytes of a request, answers held back
 * for ever.
 */
#include "base/num.h"
#include "sim/serve_server_private.h"
#include "sim/world_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/banned.h"

enum {
    EVENTS_MAX = 128,
    STOP_POLL_MS = 100,
    /* Between two turns of worlds that nobody asks: half of a core at most. */
    LAG_POLL_MS = 20,
};

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
    s->daemon_watch.kind = SIM_WATCH_DAEMON;
    s->dice = (struct sim_fault_dice){.plans = o->faults, .n = o->n_faults};
    sim_random_init(&s->dice.random, o->seed, "faults");
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    const bool ok = s->epoll_fd >= 0 ||
                    err_set(err, ERR_IO, "cannot start the HTTP server: %s",
                            err_system(errno).text);
    if (!ok || !make_targets(s, err) || !sim_http_start(s, err) ||
        !sim_listeners_open(s, err)) {
        sim_server_free(s);
        return false;
    }
    s->pace.start_ns = sim_pace_clock_ns(&s->pace);
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
    const int64_t left_ns = sub_sat_i64(next_ns, sim_pace_clock_ns(&s->pace));
    const int64_t left_ms = left_ns > 0 ? left_ns / (SIM_SECOND / 1000) + 1 : 0;
    return left_ms < most ? (int)left_ms : most;
}

/* Those who hung up are marked before anything is freed: a request that ends
   may be in the same batch of events. */
static void note_gone(const struct epoll_event *events, int n)
{
    for (int i = 0; i < n; i++) {
        struct sim_watch *w = events[i].data.ptr;
        if (w->kind == SIM_WATCH_REQUEST) {
            struct sim_request *r = (struct sim_request *)w;
            r->server->n_hung -= r->phase == SIM_PHASE_HUNG && r->is_suspended;
            r->is_gone = true;
            sim_request_resume(r);
        }
    }
}

static bool turn(struct sim_server *s, int wait_ms, struct err *err)
{
    struct epoll_event events[EVENTS_MAX];
    sim_listeners_accept(s, s->n_connections < SIM_CONNECTIONS_MAX);
    const int n =
        epoll_wait(s->epoll_fd, events, EVENTS_MAX, until_due_ms(s, wait_ms));
    if (n < 0 && errno != EINTR) {
        return err_set(err, ERR_IO, "cannot wait for requests: %s",
                       err_system(errno).text);
    }
    note_gone(events, n);
    for (int i = 0; i < n; i++) {
        struct sim_watch *w = events[i].data.ptr;
        if (w->kind == SIM_WATCH_LISTENER) {
            sim_listener_accept_all(s, (struct sim_listener *)w);
        }
    }
    sim_server_fire_timers(s);
    sim_server_run_worlds(s);
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

void sim_server_free(struct sim_server *s)
{
    if (s == NULL) {
        return;
    }
    if (s->daemon != NULL) {
        sim_http_stop(s);
    }
    sim_listeners_close(s);
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
