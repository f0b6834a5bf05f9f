/*
 * Who has to wait is suspended in libmicrohttpd and resumed by a timer, or by
 * a world that has caught up; who hangs up while suspended is noticed by a
 * watch of ours, since libmicrohttpd does not look at suspended connections.
 */
#include "base/num.h"
#include "sim/serve_server_private.h"
#include "sim/world_private.h"

#include <stddef.h>
#include <sys/epoll.h>

#include "base/banned.h"

/* Worlds run for so long within a request, within a turn of the loop, one of
   them at a time there, and while a request waits. */
#define REQUEST_WORK_NS (SIM_SECOND / 200)
#define TURN_WORK_NS    (SIM_SECOND / 50)
#define SHARE_WORK_NS   (SIM_SECOND / 500)
#define WORK_MOST_NS    SIM_SECOND

/* --- waiting --- */

void sim_request_suspend(struct sim_request *r)
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

void sim_request_resume(struct sim_request *r)
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

void sim_request_wait(struct sim_request *r, int64_t ns)
{
    r->timer.due_ns = add_sat_i64(sim_pace_clock_ns(&r->server->pace), ns);
    sim_request_suspend(r);
    if (!sim_timers_add(&r->server->timers, &r->timer)) {
        sim_request_resume(r);
    }
}

static struct sim_request *request_of(struct sim_timer *t)
{
    return (struct sim_request *)((char *)t -
                                  offsetof(struct sim_request, timer));
}

void sim_server_fire_timers(struct sim_server *s)
{
    const int64_t now_ns = sim_pace_clock_ns(&s->pace);
    struct sim_timer *t;
    while ((t = sim_timers_due(&s->timers, now_ns)) != NULL) {
        sim_request_resume(request_of(t));
    }
}

/* --- worlds --- */

static void wait_for_world(struct sim_request *r)
{
    r->is_waiting = true;
    r->target->n_waiting++;
    r->server->n_waiting++;
    r->waits_since_ns = sim_pace_clock_ns(&r->server->pace);
    r->waits_from_ns = sim_world_now(r->target->world);
    r->goal_ns = sim_pace_due_ns(&r->server->pace, r->target);
    sim_request_suspend(r);
}

bool sim_request_catch_up(struct sim_request *r, bool *waits)
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
static bool is_waited_for(struct sim_server *s, const struct sim_request *r,
                          struct sim_target *t)
{
    const int64_t waited_ns = sim_pace_clock_ns(&s->pace) - r->waits_since_ns;
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
    for (struct sim_request *r = s->requests; r != NULL; r = r->next) {
        struct sim_target *t = r->is_waiting ? r->target : NULL;
        if (t != NULL && is_waited_for(s, r, t)) {
            r->has_waited = t->err.code == ERR_NONE;
            sim_request_resume(r);
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

void sim_server_run_worlds(struct sim_server *s)
{
    const size_t n = s->options.n_worlds;
    const int64_t end_ns = sim_pace_clock_ns(&s->pace) + TURN_WORK_NS;
    size_t n_still = 0; /* since the last that has more to do */
    while (n_still < n && !sim_pace_is_stopped(&s->pace)) {
        struct sim_target *t = &s->targets[s->next_target];
        s->next_target = (s->next_target + 1) % n;
        if (!run_world(s, t)) {
            n_still++;
            continue;
        }
        n_still = 0;
        if (sim_pace_clock_ns(&s->pace) >= end_ns) {
            break;
        }
    }
    s->has_lagging = n_still < n;
    if (s->n_waiting > 0) {
        wake(s);
    }
}
