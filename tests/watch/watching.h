/* A watch of a test: its clock, its events, and turns until something is. */
#ifndef SEEP_TESTS_WATCH_WATCHING_H
#define SEEP_TESTS_WATCH_WATCHING_H

#include "sim_server.h"

#include "watch/watch.h"

#include <time.h>

enum { EVENTS_MAX = 4096 };

struct heard {
    enum watch_event_kind kind;
    uint32_t target;
    char profile[16];
    enum fetch_failure failure;
    char text[ERR_TEXT_MAX];
    char id[17];
    enum grade grade, before;
    int64_t wall_nanos;
};

struct watching {
    struct watcher *w;
    struct heard events[EVENTS_MAX];
    size_t n;
    unsigned n_of[N_WATCH_EVENTS];
};

static inline int64_t clock_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline void watching_hear(void *ctx, const struct watch_event *e)
{
    struct watching *x = ctx;
    x->n_of[e->kind]++;
    if (x->n == EVENTS_MAX) {
        return;
    }
    struct heard *h = &x->events[x->n++];
    *h = (struct heard){.kind = e->kind,
                        .target = e->target,
                        .failure = e->failure,
                        .before = e->before,
                        .wall_nanos = e->wall_nanos};
    snprintf(h->profile, sizeof h->profile, "%s", e->profile ? e->profile : "");
    snprintf(h->text, sizeof h->text, "%s", e->text ? e->text : "");
    if (e->finding) {
        snprintf(h->id, sizeof h->id, "%s", e->finding->id);
        h->grade = e->finding->grade;
    }
}

static inline const struct heard *watching_find(const struct watching *x,
                                                enum watch_event_kind kind,
                                                uint32_t target)
{
    for (size_t i = 0; i < x->n; i++) {
        if (x->events[i].kind == kind && x->events[i].target == target) {
            return &x->events[i];
        }
    }
    return NULL;
}

static inline struct watch_options watching_options(void)
{
    static const struct rules_options rules;
    return (struct watch_options){
        .http = {.user_agent = "seep-test",
                 .connect_timeout_ns = INT64_C(2000000000),
                 .total_timeout_ns = INT64_C(5000000000),
                 .limit_bytes = 64u << 20},
        .retry = {.tries_max = 3,
                 .first_ns = INT64_C(10000000),
                 .max_ns = INT64_C(100000000)          },
        .interval_ns = INT64_C(100000000),
        .seed = 1,
        .collects = true,
        .has_heap = true,
        .has_goroutine = true,
        .per_host_max = 64,
        .in_flight_max = 64,
        .begins_at_once = true,
        .rules = &rules,
    };
}

static inline void watching_set(struct watching *x, const char *lines)
{
    struct watch_targets t = {0};
    struct err err = {0};
    assert_ok(watch_targets_parse(&t, span_of(lines), &err), &err);
    assert_ok(watch_targets_finish(&t, &err), &err);
    assert_ok(watcher_set_targets(x->w, &t, clock_ns(CLOCK_MONOTONIC),
                                  clock_ns(CLOCK_REALTIME), &err),
              &err);
    watch_targets_release(&t);
}

/* Zeroes `x` and begins. */
static inline void watching_begin(struct watching *x,
                                  const struct watch_options *o,
                                  const char *lines)
{
    struct err err = {0};
    memset(x, 0, sizeof *x);
    assert_ok(watcher_new(o, watching_hear, x, &x->w, &err), &err);
    watching_set(x, lines);
}

static inline void watching_turn(struct watching *x)
{
    struct err err = {0};
    assert_ok(watcher_run(x->w, clock_ns(CLOCK_MONOTONIC),
                          clock_ns(CLOCK_REALTIME), 50, &err),
              &err);
}

/* Turns until that many events of the kind were heard; at most 60 s. */
static inline void watching_until(struct watching *x,
                                  enum watch_event_kind kind, unsigned n)
{
    const int64_t end = clock_ns(CLOCK_MONOTONIC) + INT64_C(60000000000);
    while (x->n_of[kind] < n) {
        if (clock_ns(CLOCK_MONOTONIC) > end) {
            fail_msg("%u events '%s' and not %u within 60 s", x->n_of[kind],
                     watch_event_name(kind), n);
        }
        watching_turn(x);
    }
}

static inline void watching_for(struct watching *x, int64_t ns)
{
    const int64_t end = clock_ns(CLOCK_MONOTONIC) + ns;
    while (clock_ns(CLOCK_MONOTONIC) < end) {
        watching_turn(x);
    }
}

/* Until all targets have all their moments. */
static inline void watching_all(struct watching *x)
{
    const int64_t end = clock_ns(CLOCK_MONOTONIC) + INT64_C(60000000000);
    for (size_t i = 0; i < watcher_n_targets(x->w); i++) {
        struct watch_about about;
        watcher_about(x->w, (uint32_t)i, &about);
        while (!about.is_ended) {
            assert_true(clock_ns(CLOCK_MONOTONIC) < end);
            watching_turn(x);
            watcher_about(x->w, (uint32_t)i, &about);
        }
    }
}

static inline void watching_judge(struct watching *x)
{
    struct err err = {0};
    assert_ok(watcher_judge_all(x->w, clock_ns(CLOCK_REALTIME), &err), &err);
}

static inline void watching_end(struct watching *x)
{
    watcher_free(x->w);
    x->w = NULL;
}

#endif
