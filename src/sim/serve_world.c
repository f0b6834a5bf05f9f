/*
 * Worlds behind a clock. A world runs towards the clock's time in slices of
 * a few milliseconds of work, so that a server can look up between them: at
 * who else asks, at being told to stop. What it cannot make good in time is
 * given up (its clock stays behind for ever), and a process that outgrows its
 * machine is killed and starts anew.
 */
#include "base/num.h"
#include "sim/serve_private.h"
#include "sim/world_private.h"

#include "base/banned.h"

/* Work in one slice, and the world's time of one: halved and doubled to fit.
   A fresh world does 15 s in 0.3 ms; 200,000 stacks take a thousandfold. */
#define SLICE_WORK_MOST_NS  (SIM_SECOND / 200)
#define SLICE_WORK_LEAST_NS (SIM_SECOND / 1000)
#define SLICE_FIRST_NS      (2 * SIM_SECOND)
#define SLICE_LEAST_NS      (SIM_SECOND / 20)
#define SLICE_MOST_NS       (60 * SIM_SECOND)

int64_t sim_pace_clock_ns(const struct sim_pace *p)
{
    return p->options->now_ns(p->options->ctx);
}

bool sim_pace_is_stopped(const struct sim_pace *p)
{
    return p->options->is_stopped != NULL &&
           p->options->is_stopped(p->options->ctx);
}

int64_t sim_pace_due_ns(const struct sim_pace *p, const struct sim_target *t)
{
    const double passed = (double)(sim_pace_clock_ns(p) - p->start_ns);
    const double scaled = passed * p->options->speed;
    /* 100 years: nothing reaches it, and a cast beyond int64 is undefined. */
    const double most = 100.0 * 365 * 86400 * (double)SIM_SECOND;
    const int64_t due_ns = (int64_t)(scaled < most ? scaled : most);
    return t != NULL ? sub_sat_i64(due_ns, t->lost_ns) : due_ns;
}

/* A second of the clock is let pass before a world runs that nobody asks. */
bool sim_target_lags(const struct sim_pace *p, const struct sim_target *t)
{
    const double allowed = p->options->speed * (double)SIM_SECOND;
    return t->world != NULL && t->err.code == ERR_NONE &&
           (double)(sim_pace_due_ns(p, t) - sim_world_now(t->world)) > allowed;
}

static void fit_slice(struct sim_target *t, int64_t took_ns)
{
    if (took_ns > SLICE_WORK_MOST_NS && t->slice_ns > SLICE_LEAST_NS) {
        t->slice_ns /= 2;
    } else if (took_ns < SLICE_WORK_LEAST_NS && t->slice_ns < SLICE_MOST_NS) {
        t->slice_ns *= 2;
    }
}

static bool outgrows(const struct sim_world *w)
{
    return w->heap_bytes > (double)SIM_HEAP_BYTES_MAX ||
           w->n_goroutines > SIM_GOROUTINES_LIVE_MAX;
}

static bool run_slice(struct sim_pace *p, struct sim_target *t, int64_t goal_ns,
                      struct err *err)
{
    const int64_t slice_ns = t->slice_ns;
    const int64_t end_ns = add_sat_i64(sim_world_now(t->world), slice_ns);
    if (!sim_world_run(t->world, end_ns < goal_ns ? end_ns : goal_ns, err)) {
        return false;
    }
    if (outgrows(t->world)) {
        p->counts->killed++;
        return sim_world_restart(t->world, err);
    }
    return true;
}

/* Makes the world when there is none. What fails, fails for ever. */
static bool is_usable(struct sim_target *t, struct err *err)
{
    if (t->err.code != ERR_NONE) {
        *err = t->err;
        return false;
    }
    if (t->world != NULL) {
        return true;
    }
    t->slice_ns = SLICE_FIRST_NS;
    return sim_world_new(t->options, &t->world, err);
}

bool sim_target_run(struct sim_pace *p, struct sim_target *t, int64_t work_ns,
                    bool *is_there, struct err *err)
{
    *is_there = false;
    if (!is_usable(t, err)) {
        return false;
    }
    const int64_t goal_ns = sim_pace_due_ns(p, t);
    int64_t at_ns = sim_pace_clock_ns(p);
    const int64_t end_ns = add_sat_i64(at_ns, work_ns);
    while (sim_world_now(t->world) < goal_ns) {
        if (at_ns >= end_ns || sim_pace_is_stopped(p)) {
            return true;
        }
        if (!run_slice(p, t, goal_ns, err)) {
            t->err = *err;
            return false;
        }
        const int64_t then_ns = at_ns;
        at_ns = sim_pace_clock_ns(p);
        fit_slice(t, at_ns - then_ns);
    }
    *is_there = true;
    return true;
}

void sim_target_give_up(struct sim_pace *p, struct sim_target *t, double speed)
{
    const int64_t lag_ns = sim_pace_due_ns(p, t) - sim_world_now(t->world);
    if (lag_ns <= 0) {
        return;
    }
    t->lost_ns = add_sat_i64(t->lost_ns, lag_ns);
    /* One that runs faster than the clock is late because nobody asked for it
       before: it would have kept up. */
    if (speed >= p->options->speed) {
        return;
    }
    /* Above 0, which says that all keep up. */
    speed = speed < 0.001 ? 0.001 : speed;
    if (p->counts->speed_kept <= 0 || speed < p->counts->speed_kept) {
        p->counts->speed_kept = speed;
    }
}
