/*
 * The requests of a moment: one after the other, each with its retries, none
 * without a slot. A retry waits without one, so that who fails holds up nobody;
 * the next request of a moment keeps the slot, so that a moment is short.
 */
#include "watch/watcher_private.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum { URL_BYTES_MAX = 64 << 10 };

struct step_about {
    const char *profile;
    enum profile_kind kind;
    bool is_leak;
};

static const struct step_about steps[N_STEPS] = {
    [STEP_HEAP] = {"heap",          KIND_HEAP,          false},
    [STEP_GOROUTINE] = {"goroutine",     KIND_GOROUTINE,     false},
    [STEP_LEAK_FIRST] = {"goroutineleak", KIND_GOROUTINELEAK, true },
    [STEP_LEAK] = {"goroutineleak", KIND_GOROUTINELEAK, true },
};

const char *step_profile(enum step step)
{
    return steps[step].profile;
}

bool fetching_url(const struct watched *t, const char *profile,
                  const char *parameters, struct buf *out, struct err *err)
{
    const char *query = t->target.query;
    const bool has_both = *parameters && *query;
    buf_printf(out, "%s%s%s%s%s%s", t->target.base, profile,
               *parameters || *query ? "?" : "", parameters,
               has_both ? "&" : "", query);
    return buf_check(out, "URL", err);
}

bool fetching_has_secrets(const struct watched *t)
{
    return *t->target.query || strchr(t->target.base, '@');
}

/* --- what is asked for --- */

/* Goroutines that leak for sure. Asking costs the service a collection, so
   where nothing ever leaks it is asked less. */
enum { LEAK_EMPTY_MAX = 3, LEAK_REST = 3 };

static unsigned leak_steps(struct watched *t)
{
    switch (t->leak_profile) {
    case LEAK_ABSENT:
        return 0;
    case LEAK_UNKNOWN:
        break;
    case LEAK_PRESENT:
        if (t->n_leak_empty >= LEAK_EMPTY_MAX &&
            t->n_leak_rested++ < LEAK_REST) {
            return 0;
        }
        t->n_leak_rested = 0;
        break;
    }
    return 1u << STEP_LEAK_FIRST | 1u << STEP_LEAK;
}

static unsigned steps_of(const struct watcher *w, struct watched *t)
{
    return (w->o.has_heap ? 1u << STEP_HEAP : 0) |
           (w->o.has_goroutine ? 1u << STEP_GOROUTINE : 0) |
           (w->o.has_leak_profile ? leak_steps(t) : 0);
}

/* --- ends --- */

static void moment_free(struct watcher *w, struct moment *m)
{
    for (size_t i = 0; i < m->n_points; i++) {
        series_point_release(&m->points[i]);
    }
    input_free(m->input);
    m->t->moment = NULL;
    w->n_running--;
    free(m);
}

void fetching_forget(struct watcher *w, struct watched *t)
{
    if (t->moment) {
        due_heap_remove(&w->retries, t->id);
        moment_free(w, t->moment);
    }
}

static void finish(struct watcher *w, struct moment *m)
{
    const bool has_news = m->n_points > 0 || m->failure != FETCH_FAILURE_NONE;
    if (has_news && !m->t->is_gone && !w->has_failed) {
        taking_finish(w, m);
    }
    moment_free(w, m);
}

static void note_failure(struct moment *m, enum fetch_failure failure,
                         const struct err *err)
{
    if (m->failure == FETCH_FAILURE_NONE) {
        m->failure = failure;
        m->failed_step = m->step;
        m->err = *err;
    }
}

/* Who was not reached, or not in time, is not asked for more. */
static bool is_hopeless(enum fetch_failure failure)
{
    return failure == FETCH_FAILURE_CONNECT || failure == FETCH_FAILURE_TLS ||
           failure == FETCH_FAILURE_SLOW;
}

/* --- decoding, whose time is counted --- */

static int64_t cpu_now(const struct watcher *w)
{
    return w->o.cpu_ns ? w->o.cpu_ns() : 0;
}

static void count_decoding(struct watcher *w, int64_t since_ns)
{
    w->counts.decode_cpu_ns += cpu_now(w) - since_ns;
}

/* Each answer has a limit of its own, and all under way together have one: who
   takes the most of it is given up then, and comes with more room next time. */
static bool count_memory(const struct moment *m, struct err *err)
{
    struct slots *s = &m->w->slots;
    struct watched *t = m->t;
    const uint64_t bytes = input_bytes(m->input);
    t->answer_bytes = bytes > t->answer_bytes ? bytes : t->answer_bytes;
    return slots_charge(s, &t->waiter, bytes) ||
           err_set(err, ERR_LIMIT,
                   "it takes %llu MiB, and all answers under way more than the "
                   "%llu MiB there are for them",
                   (unsigned long long)(bytes >> 20),
                   (unsigned long long)(s->bytes_max >> 20));
}

static bool decode_some(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    const struct moment *m = ctx;
    const struct sink sink = input_sink(m->input);
    const int64_t since_ns = cpu_now(m->w);
    const bool ok = sink.write(sink.ctx, p, n, err);
    count_decoding(m->w, since_ns);
    return ok && count_memory(m, err);
}

static bool end_decoding(void *ctx, struct err *err)
{
    const struct moment *m = ctx;
    const struct sink sink = input_sink(m->input);
    const int64_t since_ns = cpu_now(m->w);
    const bool ok = sink.end(sink.ctx, err);
    count_decoding(m->w, since_ns);
    return ok;
}

static bool begin_decoding(struct moment *m)
{
    const struct input_options input = {
        .limit_inflated_bytes = LIMIT_WATCHED_BYTES, .is_proto_only = true};
    const int64_t since_ns = cpu_now(m->w);
    input_free(m->input);
    m->input = input_new(&input);
    count_decoding(m->w, since_ns);
    return m->input != NULL;
}

/* --- one request --- */

/* Is garbage collected for the profile of this step? */
static bool collects(const struct moment *m)
{
    return m->step == STEP_HEAP && m->w->o.collects;
}

static void on_done(void *ctx, const struct fetch_result *r);

static bool begin_request(struct watcher *w, struct moment *m, struct err *err)
{
    struct buf url = BUF_LIMIT(URL_BYTES_MAX);
    if (!begin_decoding(m)) {
        return err_nomem(err, "input");
    }
    m->n_tries++;
    m->asked_ns = w->now_ns;
    bool ok = fetching_url(m->t, steps[m->step].profile,
                           collects(m) ? "gc=1" : "", &url, err);
    if (ok) {
        const struct fetch_request request = {
            .url = url.data,
            .sink = {m, decode_some, end_decoding},
            .has_secrets = fetching_has_secrets(m->t),
            .ctx = m,
            .done = on_done,
        };
        ok = fetch_pool_start(w->pool, &request, err);
    }
    buf_release(&url);
    return ok;
}

static enum step next_step(const struct moment *m)
{
    unsigned step = 0;
    while (!(m->todo & 1u << step)) {
        step++;
    }
    return (enum step)step;
}

/* With a slot: goes on until something is under way, or ends the moment. */
static void go_on(struct watcher *w, struct moment *m)
{
    m->todo = m->t->is_gone ? 0 : m->todo;
    while (m->todo != 0 && !w->has_failed) {
        struct err err = {0};
        m->step = next_step(m);
        if (begin_request(w, m, &err)) {
            return;
        }
        if (err.code == ERR_NOMEM) {
            watcher_fail(w, &err);
        }
        w->counts.n_requests[FETCH_FAILURE_HERE]++;
        note_failure(m, FETCH_FAILURE_HERE, &err);
        m->todo &= ~(1u << m->step);
    }
    slots_give_back(&w->slots, &m->t->waiter);
    finish(w, m);
}

/* --- answers --- */

/* The sink's own errors are about what was sent. */
static enum fetch_failure failure_of(enum fetch_failure failure,
                                     const struct err *err)
{
    if (failure != FETCH_FAILURE_HERE && failure != FETCH_FAILURE_NONE) {
        return failure;
    }
    return fetch_failure_of(err->code);
}

static bool take_snapshot(struct watcher *w, struct moment *m,
                          struct snapshot *s, struct err *err)
{
    if (s->kind != steps[m->step].kind) {
        return err_set(err, ERR_MISMATCH, "it sent a profile of kind %s",
                       profile_kind_name(s->kind));
    }
    if (m->step == STEP_LEAK_FIRST) {
        return true;
    }
    struct series_point *p = &m->points[m->n_points];
    if (!series_point_of(w->table, s, p, err)) {
        return false;
    }
    p->kind = steps[m->step].kind;
    p->is_collected = collects(m);
    m->n_points++;
    if (p->is_delta) {
        series_point_release(&m->points[--m->n_points]);
        return err_set(err, ERR_MISMATCH,
                       "it sent what changed in some seconds, not a level");
    }
    return true;
}

static bool take_answer(struct watcher *w, struct moment *m, struct err *err)
{
    struct snapshot s = {.source = steps[m->step].profile};
    const bool ok =
        input_finish(m->input, &s, err) && take_snapshot(w, m, &s, err);
    const int64_t since_ns = cpu_now(w);
    snapshot_release(&s);
    count_decoding(w, since_ns);
    return ok;
}

static void count(struct watcher *w, const struct fetch_result *r,
                  enum fetch_failure failure)
{
    w->counts.n_requests[failure]++;
    w->counts.n_bytes += r->n_bytes;
    counts_observe(w->counts.latency, &w->counts.latency_seconds, r->total_ns);
}

/* Time goes on while requests are waited for; nobody tells but they. */
static void advance_clock(struct watcher *w, int64_t to_ns)
{
    if (to_ns > w->now_ns) {
        w->wall_nanos += to_ns - w->now_ns;
        w->now_ns = to_ns;
    }
}

/* Resets and cuts pass. What came to its end and is broken was made so, and
   costs the service another profile. */
static bool is_passing(const struct moment *m, enum fetch_failure failure,
                       const struct err *err)
{
    return err->code != ERR_FORMAT &&
           fetch_retry_is_worth(failure, m->t->n_moments > 0);
}

/* Before the next tick, or not at all. */
static bool retry_later(struct watcher *w, struct moment *m,
                        enum fetch_failure failure, const struct err *err)
{
    if (w->is_draining || m->n_tries >= w->o.retry.tries_max ||
        !is_passing(m, failure, err)) {
        return false;
    }
    w->dice =
        w->dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    const int64_t at = w->now_ns + fetch_retry_delay_ns(&w->o.retry, m->n_tries,
                                                        w->dice >> 16);
    if (at >= m->due_ns + w->o.interval_ns ||
        !due_heap_put(&w->retries, m->t->id, at)) {
        return false;
    }
    w->counts.n_retries++;
    m->retried = failure;
    m->retried_err = *err;
    return true;
}

/* Old Go does not serve it: said once, and not asked for again. */
static bool learn_absence(struct watcher *w, struct moment *m,
                          enum fetch_failure failure)
{
    if (!steps[m->step].is_leak || failure != FETCH_FAILURE_REFUSED) {
        return false;
    }
    m->t->leak_profile = LEAK_ABSENT;
    m->todo &= ~(1u << STEP_LEAK_FIRST | 1u << STEP_LEAK);
    if (!w->has_hinted) {
        w->has_hinted = true;
        watcher_say(w, m->t,
                    (struct watch_event){
                        .kind = WATCH_HINT,
                        .profile = steps[STEP_LEAK].profile,
                        .text = "the goroutineleak profile, which proves "
                                "leaks, is not served: Go 1.27 has it, Go 1.26 "
                                "when built with "
                                "GOEXPERIMENT=goroutineleakprofile"});
    }
    return true;
}

static void learn_presence(struct moment *m)
{
    if (m->step != STEP_LEAK) {
        return;
    }
    const bool is_empty = m->points[m->n_points - 1].cells.n == 0;
    m->t->leak_profile = LEAK_PRESENT;
    m->t->n_leak_empty = is_empty ? m->t->n_leak_empty + 1 : 0;
}

static void on_done(void *ctx, const struct fetch_result *r)
{
    struct moment *m = ctx;
    struct watcher *w = m->w;
    struct err err = r->err;
    advance_clock(w, m->asked_ns + r->total_ns);
    bool ok = r->failure == FETCH_FAILURE_NONE && take_answer(w, m, &err);
    const enum fetch_failure failure =
        ok ? FETCH_FAILURE_NONE : failure_of(r->failure, &err);
    count(w, r, failure);
    if (err.code == ERR_NOMEM) {
        watcher_fail(w, &err);
    }
    if (err.code == ERR_INTERRUPTED) {
        m->todo = 0;
    } else if (ok) {
        m->todo &= ~(1u << m->step);
        m->n_tries = 0;
        learn_presence(m);
    } else if (learn_absence(w, m, failure)) {
        m->n_tries = 0;
    } else if (retry_later(w, m, failure, &err)) {
        slots_give_back(&w->slots, &m->t->waiter);
        return;
    } else {
        note_failure(m, failure, &err);
        m->todo &= is_hopeless(failure) ? 0 : ~(1u << m->step);
        m->todo &= m->step == STEP_LEAK_FIRST ? ~(1u << STEP_LEAK) : ~0u;
        m->n_tries = 0;
    }
    go_on(w, m);
}

/* --- who is next --- */

static void start_moment(struct watcher *w, struct moment *m)
{
    if (!m->is_begun) {
        m->is_begun = true;
        counts_observe(w->counts.lateness, &w->counts.lateness_seconds,
                       w->now_ns - m->due_ns);
    }
    go_on(w, m);
}

void fetching_begin(struct watcher *w, struct watched *t, int64_t due_ns)
{
    struct moment *m = calloc(1, sizeof(*m));
    struct err err = {0};
    if (!m) {
        (void)err_nomem(&err, "moment");
        watcher_fail(w, &err);
        return;
    }
    *m = (struct moment){
        .w = w, .t = t, .due_ns = due_ns, .todo = steps_of(w, t)};
    t->waiter.wanted_bytes = t->answer_bytes; /* of the moment before */
    t->answer_bytes = 0;
    t->moment = m;
    w->n_running++;
    if (slots_take(&w->slots, &t->waiter)) {
        start_moment(w, m);
    }
}

void fetching_continue(struct watcher *w)
{
    const struct due *due;
    while ((due = due_heap_first(&w->retries)) != NULL &&
           due->at_ns <= w->now_ns && !w->has_failed) {
        struct watched *t = w->items[due->id];
        due_heap_remove(&w->retries, t->id);
        if (slots_take(&w->slots, &t->waiter)) {
            go_on(w, t->moment);
        }
    }
    struct watched *t;
    while (!w->has_failed && (t = slots_next(&w->slots)) != NULL) {
        start_moment(w, t->moment);
    }
}

void fetching_drop_waiting(struct watcher *w)
{
    uint32_t from = 0;
    struct watched *t;
    while ((t = slots_dismiss(&w->slots, &from)) != NULL) {
        finish(w, t->moment);
    }
    const struct due *due;
    while ((due = due_heap_first(&w->retries)) != NULL) {
        t = w->items[due->id];
        due_heap_remove(&w->retries, t->id);
        note_failure(t->moment, t->moment->retried, &t->moment->retried_err);
        finish(w, t->moment);
    }
}
