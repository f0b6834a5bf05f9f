/* What a moment brought becomes history, store and events. */
#include "watch/watcher_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static double total_of(const struct series_point *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->cells.n; i++) {
        const struct series_cell *c = &p->cells.items[i];
        sum += (double)(p->kind == KIND_HEAP ? c->in_use_bytes : c->in_use);
    }
    return sum;
}

static void take_total(double value, bool begins_run, double *last,
                       double *first)
{
    *last = value;
    if (begins_run || isnan(*first)) {
        *first = value;
    }
}

void watched_take_totals(struct watched *t, const struct series_point *points,
                         size_t n, bool begins_run)
{
    for (size_t i = 0; i < n; i++) {
        const double total = total_of(&points[i]);
        if (points[i].kind == KIND_HEAP) {
            take_total(total, begins_run, &t->heap_bytes, &t->heap_first_bytes);
        } else if (points[i].kind == KIND_GOROUTINE) {
            take_total(total, begins_run, &t->goroutines, &t->goroutines_first);
        }
    }
}

/* Replicas of one program are told by its name. */
bool watched_take_program(struct watcher *w, struct watched *t,
                          const struct series_point *points, size_t n,
                          struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct span name = span_of(points[i].program);
        if (name.len > 0) {
            return intern_add(&w->programs, span_base_name(name), &t->program,
                              err);
        }
    }
    return true;
}

/* --- what failed --- */

static void say_missed(struct watcher *w, const struct moment *m)
{
    watcher_say(w, m->t,
                (struct watch_event){.kind = WATCH_MISSED,
                                     .profile = step_profile(m->failed_step),
                                     .failure = m->failure,
                                     .text = m->err.text});
}

static void note_state(struct watched *t, const struct moment *m)
{
    free(t->failure_text);
    t->failure = m->failure;
    t->failure_text = NULL;
    if (m->failure == FETCH_FAILURE_NONE) {
        return;
    }
    const size_t n = strlen(m->err.text) + 1;
    t->failure_text = malloc(n);
    if (t->failure_text) { /* without it the kind is said still */
        memcpy(t->failure_text, m->err.text, n);
    }
}

/* Says what failed, and that it works again. */
static void take_failures(struct watcher *w, struct moment *m)
{
    struct watched *t = m->t;
    note_state(t, m);
    const bool was_failing = t->was_missed;
    t->was_missed = m->failure != FETCH_FAILURE_NONE;
    if (t->was_missed) {
        say_missed(w, m);
    }
    const bool is_missed = m->n_points == 0;
    if (t->is_failing != is_missed) {
        t->is_failing = is_missed;
        w->counts.n_failing += is_missed ? 1 : 0;
        w->counts.n_failing -= is_missed ? 0 : 1;
    }
    if (is_missed) {
        t->n_missed++;
        w->counts.n_missed++;
    }
    if (was_failing && !t->was_missed) {
        watcher_say(w, t, (struct watch_event){.kind = WATCH_RECOVERED});
    }
}

/* --- what came --- */

static bool has_proof(const struct moment *m)
{
    for (size_t i = 0; i < m->n_points; i++) {
        if (m->points[i].kind == KIND_GOROUTINELEAK &&
            m->points[i].cells.n > 0) {
            return true;
        }
    }
    return false;
}

/* Another process, or the same for another reason: what it serves is asked
   anew, and it is judged as soon as one can. */
static void begin_run(struct watcher *w, struct watched *t,
                      enum watch_event_kind kind, const char *why)
{
    t->leak_profile = LEAK_UNKNOWN;
    t->n_leak_empty = 0;
    t->judge_at = 0;
    for (size_t i = 0; i < t->known.n; i++) {
        t->known.items[i].strong_since = 0;
    }
    watcher_say(w, t, (struct watch_event){.kind = kind, .text = why});
}

/* What cannot be put into the history is a failure of the target's; no memory
   and a broken store are this machine's. */
static bool is_of_target(const struct err *err)
{
    return err->code == ERR_LIMIT || err->code == ERR_MISMATCH ||
           err->code == ERR_FORMAT;
}

/* A history that could not take all of a moment can take no other. */
static bool begin_history(struct watcher *w, struct watched *t, struct err *err)
{
    struct history *fresh = history_new(w->o.moments_max);
    if (!fresh) {
        return err_nomem(err, "history");
    }
    history_free(t->history);
    t->history = fresh;
    counts_resize(w, t);
    t->mark_nanos = 0; /* a replay begins with the next moment */
    t->has_unjudged = false;
    due_heap_remove(&w->judgements, t->id);
    begin_run(w, t, WATCH_RESTART, "its history could not be gone on with");
    return true;
}

static bool add_to_history(struct watcher *w, struct moment *m,
                           enum history_event *event, struct err *err)
{
    if (!storing_resume(w, m->t, err)) {
        return false;
    }
    if (history_add(m->t->history, w->table, m->points, m->n_points, event,
                    err)) {
        return true;
    }
    if (!is_of_target(err)) {
        return false;
    }
    while (m->n_points > 0) {
        series_point_release(&m->points[--m->n_points]);
    }
    m->failure = FETCH_FAILURE_HERE;
    m->failed_step = STEP_HEAP;
    m->err = *err;
    err_clear(err);
    return begin_history(w, m->t, err);
}

static bool take_points(struct watcher *w, struct moment *m,
                        enum history_event event, struct err *err)
{
    struct watched *t = m->t;
    const bool begins_run = history_begins_run(event);
    t->n_moments++;
    t->n_repeats += event == HISTORY_REPEAT ? 1 : 0;
    w->counts.n_moments++;
    t->last_nanos = w->wall_nanos;
    t->has_unjudged = true;
    watched_take_totals(t, m->points, m->n_points, begins_run);
    if (!watched_take_program(w, t, m->points, m->n_points, err) ||
        !storing_append(w, t, m->points, m->n_points, begins_run, err)) {
        return false;
    }
    counts_resize(w, t);
    if (begins_run) {
        begin_run(w, t, event == HISTORY_DEPLOY ? WATCH_DEPLOY : WATCH_RESTART,
                  event == HISTORY_CLOCK ? "its clock was set back" : NULL);
    }
    watcher_say(w, t, (struct watch_event){.kind = WATCH_MOMENT});
    return judging_after_moment(w, t, has_proof(m), err);
}

static void end_when_done(struct watcher *w, struct watched *t)
{
    if (w->o.moments_each > 0 &&
        t->n_moments + t->n_missed >= w->o.moments_each) {
        t->is_ended = true;
        schedule_remove(w->schedule, t->id);
    }
}

void taking_finish(struct watcher *w, struct moment *m)
{
    struct err err = {0};
    enum history_event event = HISTORY_TAKEN;
    bool ok = m->n_points == 0 || add_to_history(w, m, &event, &err);
    if (ok) {
        take_failures(w, m);
        ok = m->n_points == 0 || take_points(w, m, event, &err);
    }
    if (!ok) {
        (void)err_wrap(&err, "%.80s", m->t->target.shown);
        watcher_fail(w, &err);
        return;
    }
    end_when_done(w, m->t);
}
