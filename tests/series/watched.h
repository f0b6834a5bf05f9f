/*
 * A made service as a watch sees it: some heap sites and goroutine groups, each
 * healthy or leaking, moment by moment; so that a test can hand any moment to a
 * history or to a series of its own.
 */
#ifndef SEEP_TESTS_SERIES_WATCHED_H
#define SEEP_TESTS_SERIES_WATCHED_H

#include "series/made.h"

#include "rules/rules.h"
#include "series/series.h"

#include <stdio.h>

enum { WATCHED_SITES = 6, WATCHED_GROUPS = 4, WATCHED_NAME = 64 };

struct watched_site {
    double born, live;
};

struct watched {
    size_t n_moments;
    struct watched_site *sites; /* n_moments x WATCHED_SITES */
    double *groups;             /* n_moments x WATCHED_GROUPS */
    const char *program, *build_id;
    int64_t begin_seconds;
};

static inline const char *watched_stack(size_t site)
{
    static const char *const stacks[WATCHED_SITES] = {
        "main.(*Cache).put:12 main.handle:40 net/http.HandlerFunc.ServeHTTP:1",
        "main.parse:7 main.handle:41 net/http.HandlerFunc.ServeHTTP:1",
        "bytes.growSlice:3 bytes.(*Buffer).Write:9 main.encode:20 main.handle",
        "@github.com/x/y.Load:5 main.refresh:70 main.main:3",
        "main.(*Pool).get:30 main.work:33",
        "runtime/pprof.writeHeapInternal:5 net/http/pprof.Index:8"};
    return stacks[site];
}

static inline const char *watched_goroutine(size_t group)
{
    static const char *const stacks[WATCHED_GROUPS] = {
        "runtime.gopark runtime.chanrecv main.worker:50 main.start:9",
        "runtime.gopark runtime.selectgo main.listen:51",
        "runtime.gopark internal/poll.runtime_pollWait net.(*conn).Read "
        "net/http.(*conn).serve:5",
        "runtime.gopark runtime.chansend main.notify:52 main.handle:44"};
    return stacks[group];
}

static const int64_t watched_block[WATCHED_SITES] = {2048, 512,   4096,
                                                     1024, 16384, 96};

/* A leaking site or group keeps everything. */
static inline void watched_init(struct watched *w, size_t n, uint64_t seed,
                                bool heap_leaks, bool goroutines_leak)
{
    *w = (struct watched){.n_moments = n,
                          .sites = calloc(n * WATCHED_SITES, sizeof *w->sites),
                          .groups = calloc(n * WATCHED_GROUPS, sizeof(double)),
                          .program = "/srv/app/server",
                          .build_id = "0123456789abcdef"};
    assert_non_null(w->sites);
    assert_non_null(w->groups);
    for (size_t s = 0; s < WATCHED_SITES; s++) {
        struct watched_site now = {200, 60};
        for (size_t i = 0; i < n; i++) {
            const bool leaks = heap_leaks && s == 0;
            now.live =
                made_step(&seed, now.live, 12, leaks ? 1e9 : 6, &now.born);
            w->sites[i * WATCHED_SITES + s] = now;
        }
    }
    for (size_t g = 0; g < WATCHED_GROUPS; g++) {
        double now = 20;
        double born = 0;
        for (size_t i = 0; i < n; i++) {
            const bool leaks = goroutines_leak && g == 0;
            now = made_step(&seed, now, leaks ? 5 : 3, leaks ? 1e9 : 6, &born);
            w->groups[i * WATCHED_GROUPS + g] = now;
        }
    }
}

static inline void watched_release(struct watched *w)
{
    free(w->sites);
    free(w->groups);
    *w = (struct watched){0};
}

static inline int64_t watched_nanos(const struct watched *w, size_t i)
{
    return MADE_EPOCH +
           (w->begin_seconds + (int64_t)i * 60) * INT64_C(1000000000);
}

static inline void watched_program(struct profile_builder *b,
                                   const struct watched *w)
{
    profile_builder_mapping(b, 0x400000, 0x500000, 0, span_of(w->program),
                            span_of(w->build_id));
}

/* The snapshot of moment i; snapshot_release() it. */
static inline struct snapshot watched_heap(const struct watched *w, size_t i)
{
    struct err err = {0};
    struct snapshot snap = {
        .source = "x", .kind = KIND_HEAP, .time_nanos = watched_nanos(w, i)};
    struct profile_builder *b = made_heap(MADE_PERIOD);
    watched_program(b, w);
    for (size_t s = 0; s < WATCHED_SITES; s++) {
        const struct watched_site *x = &w->sites[i * WATCHED_SITES + s];
        made_block(b, watched_stack(s), watched_block[s], x->born, x->live);
    }
    assert_ok(profile_builder_finish(b, &snap.profile, &err), &err);
    return snap;
}

static inline struct snapshot watched_goroutines(const struct watched *w,
                                                 size_t i)
{
    struct err err = {0};
    struct snapshot snap = {.source = "x",
                            .kind = KIND_GOROUTINE,
                            .time_nanos = watched_nanos(w, i)};
    struct profile_builder *b = made_goroutine();
    watched_program(b, w);
    for (size_t g = 0; g < WATCHED_GROUPS; g++) {
        made_count(b, watched_goroutine(g), w->groups[i * WATCHED_GROUPS + g]);
    }
    assert_ok(profile_builder_finish(b, &snap.profile, &err), &err);
    return snap;
}

static inline struct series_point watched_point(struct stack_table *t,
                                                struct snapshot snap)
{
    struct err err = {0};
    struct series_point p;
    assert_ok(series_point_of(t, &snap, &p, &err), &err);
    snapshot_release(&snap);
    return p;
}

/* One moment into a history: heap and goroutines. */
static inline enum history_event watched_step(const struct watched *w, size_t i,
                                              struct history *h,
                                              struct stack_table *t)
{
    struct err err = {0};
    enum history_event event = HISTORY_TAKEN;
    struct series_point p[2] = {watched_point(t, watched_goroutines(w, i)),
                                watched_point(t, watched_heap(w, i))};
    assert_ok(history_add(h, t, p, 2, &event, &err), &err);
    series_point_release(&p[0]);
    series_point_release(&p[1]);
    return event;
}

/* --- comparing --- */

static inline void assert_points_equal(const struct series_point *a,
                                       const struct series_point *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->form, b->form);
    assert_int_equal(a->time_nanos, b->time_nanos);
    assert_int_equal(a->period_bytes, b->period_bytes);
    assert_int_equal(a->is_delta, b->is_delta);
    assert_int_equal(a->is_truncated, b->is_truncated);
    assert_int_equal(a->is_collected, b->is_collected);
    assert_string_equal(a->program, b->program);
    assert_string_equal(a->build_id, b->build_id);
    assert_int_equal(a->memstats.present, b->memstats.present);
    assert_int_equal(a->memstats.has, b->memstats.has);
    assert_memory_equal(a->memstats.v, b->memstats.v, sizeof a->memstats.v);
    assert_int_equal(a->cells.n, b->cells.n);
    for (size_t i = 0; i < a->cells.n; i++) {
        const struct series_cell *x = &a->cells.items[i];
        const struct series_cell *y = &b->cells.items[i];
        assert_int_equal(x->row, y->row);
        assert_int_equal(x->alloc_objects, y->alloc_objects);
        assert_int_equal(x->alloc_bytes, y->alloc_bytes);
        assert_int_equal(x->in_use, y->in_use);
        assert_int_equal(x->in_use_bytes, y->in_use_bytes);
    }
    assert_int_equal(a->goroutines.n, b->goroutines.n);
    for (size_t i = 0; i < a->goroutines.n; i++) {
        const struct series_goroutine *x = &a->goroutines.items[i];
        const struct series_goroutine *y = &b->goroutines.items[i];
        assert_int_equal(x->id, y->id);
        assert_int_equal(x->row, y->row);
        assert_int_equal(x->wait_minutes, y->wait_minutes);
        assert_int_equal(x->is_leaked, y->is_leaked);
        assert_int_equal(x->has_creator, y->has_creator);
        assert_int_equal(x->creator_id, y->creator_id);
        assert_string_equal(x->status, y->status);
        if (x->has_creator) {
            assert_string_equal(x->creator.function, y->creator.function);
            assert_string_equal(x->creator.file, y->creator.file);
            assert_int_equal(x->creator.line, y->creator.line);
        }
    }
}

/* NAN equals NAN. */
static inline bool watched_same(double a, double b)
{
    return (isnan(a) && isnan(b)) || (a <= b && a >= b);
}

static inline void assert_findings_equal(const struct findings *a,
                                         const struct findings *b)
{
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->n_within_noise, b->n_within_noise);
    assert_int_equal(a->n, b->n);
    assert_true(watched_same(a->limits.heap_bytes, b->limits.heap_bytes));
    assert_true(watched_same(a->limits.goroutines, b->limits.goroutines));
    for (size_t i = 0; i < a->n; i++) {
        const struct finding *x = &a->items[i];
        const struct finding *y = &b->items[i];
        assert_string_equal(x->id, y->id);
        assert_string_equal(x->rule->id, y->rule->id);
        assert_int_equal(x->grade, y->grade);
        assert_string_equal(x->headline, y->headline);
        assert_string_equal(x->cause ? x->cause : "", y->cause ? y->cause : "");
        assert_int_equal(x->n_evidence, y->n_evidence);
        for (size_t k = 0; k < x->n_evidence; k++) {
            assert_string_equal(x->evidence[k], y->evidence[k]);
        }
        assert_int_equal(x->n_stack, y->n_stack);
        assert_true(watched_same(x->statistics.p, y->statistics.p));
        assert_true(watched_same(x->statistics.q, y->statistics.q));
        assert_true(watched_same(x->statistics.z, y->statistics.z));
        assert_true(watched_same(x->metrics[0].last, y->metrics[0].last));
        assert_true(
            watched_same(x->metrics[0].per_hour, y->metrics[0].per_hour));
        assert_true(
            watched_same(x->rank_bytes_per_hour, y->rank_bytes_per_hour));
    }
}

#endif
