/*
 * The watch as its caller sees it: targets that come and go, turns of the
 * loop, what is known. A turn costs what is due and what has arrived; nothing
 * in it looks at all targets.
 */
#include "watch/watcher_private.h"

#include "base/limits.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
    /* Then the caller reads its clock again, so that lateness is measured and
       not made. */
    STARTS_A_TURN = 64,
    FLEET_FROM = 32 /* targets: with fewer, answers are seldom close */
};

const char *watch_event_name(enum watch_event_kind k)
{
    static const char *const names[N_WATCH_EVENTS] = {
        [WATCH_ADDED] = "added",         [WATCH_REMOVED] = "removed",
        [WATCH_MOMENT] = "moment",       [WATCH_MISSED] = "missed",
        [WATCH_RECOVERED] = "recovered", [WATCH_SKIPPED] = "skipped",
        [WATCH_RESTART] = "restart",     [WATCH_DEPLOY] = "deploy",
        [WATCH_FINDING] = "finding",     [WATCH_CONFIRMED] = "confirmed",
        [WATCH_GONE] = "gone",           [WATCH_HINT] = "hint",
    };
    return names[k];
}

void watcher_say(struct watcher *w, const struct watched *t,
                 struct watch_event e)
{
    e.target = t->id;
    e.wall_nanos = w->wall_nanos;
    if (w->on_event) {
        w->on_event(w->ctx, &e);
    }
}

void watcher_fail(struct watcher *w, const struct err *err)
{
    if (!w->has_failed) {
        w->has_failed = true;
        w->failure = *err;
    }
}

bool watcher_has_failed(const struct watcher *w, struct err *err)
{
    if (w->has_failed) {
        *err = w->failure;
    }
    return w->has_failed;
}

/* --- making and unmaking --- */

static void watched_free(struct watched *t)
{
    history_free(t->history);
    findings_release(&t->findings);
    known_findings_release(&t->known);
    free(t->failure_text);
    free(t->texts);
    free(t);
}

void watcher_free(struct watcher *w)
{
    if (!w) {
        return;
    }
    fetch_pool_free(w->pool);
    fetching_forget_asks(w);
    for (size_t i = 0; i < w->n; i++) {
        fetching_forget(w, w->items[i]);
        watched_free(w->items[i]);
    }
    free(w->items);
    schedule_free(w->schedule);
    slots_release(&w->slots);
    due_heap_release(&w->retries);
    due_heap_release(&w->judgements);
    intern_release(&w->names);
    intern_release(&w->programs);
    rules_memory_free(w->memory);
    stack_table_free(w->table);
    free(w);
}

static bool check_options(const struct watch_options *o, struct err *err)
{
    if (o->interval_ns <= 0 || !(o->jitter >= 0 && o->jitter <= 0.5)) {
        return err_set(err, ERR_USAGE,
                       "the interval must be above 0 and its "
                       "jitter a share from 0 to 0.5");
    }
    if (!o->has_heap && !o->has_goroutine && !o->has_leak_profile) {
        return err_set(err, ERR_USAGE, "no profile is asked for");
    }
    return true;
}

static uint32_t or_one(uint32_t n)
{
    return n > 0 ? n : 1;
}

bool watcher_new(const struct watch_options *o, watch_on_event on_event,
                 void *ctx, struct watcher **out, struct err *err)
{
    *out = NULL;
    if (!check_options(o, err)) {
        return false;
    }
    struct watcher *w = calloc(1, sizeof(*w));
    if (!w) {
        return err_nomem(err, "watch");
    }
    w->o = *o;
    w->on_event = on_event;
    w->ctx = ctx;
    w->dice = o->seed;
    w->storing.epoch = 1;
    judging_init(w);
    w->slots.per_host_max = or_one(o->per_host_max);
    w->slots.all_max = or_one(o->in_flight_max);
    w->slots.bytes_max =
        o->answers_bytes_max > 0 ? o->answers_bytes_max : LIMIT_ANSWERS_BYTES;
    w->o.moments_max =
        o->moments_max > 0 ? o->moments_max : (uint32_t)HISTORY_MOMENTS_MAX;
    w->table = stack_table_new();
    w->memory = rules_memory_new();
    w->schedule = schedule_new(o->interval_ns, o->jitter, o->seed);
    const bool has_memory = w->table && w->memory && w->schedule;
    if (!has_memory || !fetch_pool_new(&o->http, &w->pool, err)) {
        watcher_free(w);
        return has_memory ? false : err_nomem(err, "watch");
    }
    *out = w;
    return true;
}

/* --- turns --- */

static void skip(struct watcher *w, struct watched *t, uint64_t n)
{
    if (n > 0) {
        t->n_skipped += n;
        w->counts.n_skipped += n;
        watcher_say(w, t,
                    (struct watch_event){
                        .kind = WATCH_SKIPPED,
                        .text = t->moment ? "the one before still runs"
                                          : "this machine was too late"});
    }
}

static void begin_due(struct watcher *w)
{
    uint32_t id = 0;
    int64_t due_ns = 0;
    uint64_t n_skipped = 0;
    for (unsigned i = 0; i < STARTS_A_TURN && !w->has_failed; i++) {
        if (!schedule_take(w->schedule, w->now_ns, &id, &due_ns, &n_skipped)) {
            return;
        }
        struct watched *t = w->items[id];
        skip(w, t, n_skipped + (t->moment ? 1 : 0));
        if (!t->moment) {
            fetching_begin(w, t, due_ns);
        }
    }
}

/* Rounded up: waking too early would mean to wake twice. */
static int wait_at_most(const struct watcher *w, int wait_ms)
{
    const int64_t next = watcher_next_ns(w);
    if (next == INT64_MAX) {
        return wait_ms;
    }
    const int64_t ns = next > w->now_ns ? next - w->now_ns : 0;
    const int64_t ms = (ns + 999999) / 1000000;
    return wait_ms >= 0 && wait_ms < ms ? wait_ms
                                        : (int)(ms < 60000 ? ms : 60000);
}

bool watcher_run(struct watcher *w, int64_t mono_ns, int64_t wall_nanos,
                 int wait_ms, struct err *err)
{
    w->now_ns = mono_ns;
    w->wall_nanos = wall_nanos;
    if (w->is_draining) {
        fetching_drop_waiting(w);
    } else {
        begin_due(w);
        fetching_continue(w);
    }
    if (watcher_has_failed(w, err) ||
        !fetch_pool_run(w->pool, wait_at_most(w, wait_ms), err)) {
        return false;
    }
    if (!w->is_draining) {
        fetching_continue(w);
    }
    return !watcher_has_failed(w, err) && judging_turn(w, err) &&
           storing_turn(w, err);
}

int watcher_fd(const struct watcher *w)
{
    return fetch_pool_fd(w->pool);
}

int64_t watcher_next_ns(const struct watcher *w)
{
    const struct due *retry = due_heap_first(&w->retries);
    const int64_t commit = storing_next_ns(w);
    int64_t next = schedule_next_ns(w->schedule);
    if (judging_is_due(w)) {
        return w->now_ns;
    }
    if (w->is_draining) {
        return commit;
    }
    next = commit < next ? commit : next;
    return retry && retry->at_ns < next ? retry->at_ns : next;
}

bool watcher_may_gather(const struct watcher *w)
{
    return !w->is_draining && w->counts.n_targets >= FLEET_FROM &&
           w->slots.n_waiting == 0 && schedule_next_ns(w->schedule) > w->now_ns;
}

size_t watcher_n_in_flight(const struct watcher *w)
{
    return w->n_running + w->n_asks;
}

void watcher_drain(struct watcher *w)
{
    w->is_draining = true;
}

bool watcher_judge_all(struct watcher *w, int64_t wall_nanos, struct err *err)
{
    w->wall_nanos = wall_nanos;
    w->storing.retry_ns = 0; /* there is no other time */
    for (size_t i = 0; i < w->n; i++) {
        struct watched *t = w->items[i];
        if (t->is_gone) {
            continue;
        }
        if (!storing_resume(w, t, err) ||
            (t->has_unjudged && !judging_now(w, t, err)) ||
            !storing_findings_again(w, t, err)) {
            return err_wrap(err, "%.80s", t->target.shown);
        }
    }
    return storing_commit(w, err) && !watcher_has_failed(w, err);
}

/* --- what is known --- */

size_t watcher_n_targets(const struct watcher *w)
{
    return w->n;
}

void watcher_about(const struct watcher *w, uint32_t target,
                   struct watch_about *out)
{
    assert(target < w->n);
    const struct watched *t = w->items[target];
    *out = (struct watch_about){
        .target = &t->target,
        .is_gone = t->is_gone,
        .is_ended = t->is_ended,
        .is_failing = t->is_failing,
        .failure = t->failure,
        .failure_text = t->failure_text ? t->failure_text : "",
        .last_nanos = t->last_nanos,
        .n_moments = t->n_moments,
        .n_missed = t->n_missed,
        .n_skipped = t->n_skipped,
        .n_repeats = t->n_repeats,
        .heap_bytes = t->heap_bytes,
        .goroutines = t->goroutines,
        .heap_first_bytes = t->heap_first_bytes,
        .goroutines_first = t->goroutines_first,
        .findings = t->has_findings ? &t->findings : NULL,
        .grade = judging_grade(t),
    };
    if (t->history) {
        out->history = history_about(t->history);
    }
}

const struct finding *watcher_confirmed(const struct watcher *w,
                                        uint32_t target)
{
    assert(target < w->n);
    const struct watched *t = w->items[target];
    for (size_t i = 0; i < t->findings.n; i++) {
        const struct finding *f = &t->findings.items[i];
        const struct known_finding *k = known_find(&t->known, f->id);
        if (f->grade >= GRADE_STRONG && k && k->is_confirmed) {
            return f;
        }
    }
    return NULL;
}

const struct history *watcher_history(const struct watcher *w, uint32_t target)
{
    assert(target < w->n);
    return w->items[target]->history;
}

const char *watcher_store_trouble(const struct watcher *w)
{
    return w->storing.is_failing ? w->storing.latest : NULL;
}

const char *watcher_store_trouble_first(const struct watcher *w)
{
    return *w->storing.first ? w->storing.first : NULL;
}

struct stack_table *watcher_table(struct watcher *w)
{
    return w->table;
}

bool watcher_series(struct watcher *w, uint32_t target, struct series **out,
                    struct err *err)
{
    assert(target < w->n);
    struct watched *t = w->items[target];
    const struct series_options options = {.module = w->o.module,
                                           .table = w->table};
    *out = NULL;
    if (!t->history) {
        return err_set(err, ERR_INTERNAL, "the target has left");
    }
    return storing_resume(w, t, err) &&
           history_series(t->history, w->table, &options, out, err);
}
