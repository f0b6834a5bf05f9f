/*
 * Series made by hand: profiles written as stacks in words, so that a test
 * reads like a table. Stacks are leaf first, frames apart by a space, with
 * ":line" behind a name, "@" in front of a dependency's.
 */
#ifndef SEEP_TESTS_SERIES_MADE_H
#define SEEP_TESTS_SERIES_MADE_H

#include "test.h"

#include "profile/profile.h"
#include "series/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MADE_FRAMES = 32, MADE_PERIOD = 524288 };

/* 2023-11-14: what all times here are counted from. */
#define MADE_EPOCH INT64_C(1700000000000000000)

static inline struct span made_file(struct span token)
{
    if (span_starts(token, "@")) {
        return SPAN_LIT("/root/go/pkg/mod/github.com/x/y@v1.0.0/y.go");
    }
    return span_starts(token, "main.") ? SPAN_LIT("/srv/app/main.go")
                                       : SPAN_LIT("");
}

static inline uint32_t made_location(struct profile_builder *b,
                                     struct span token)
{
    const size_t colon = span_find_char(token, ':');
    struct builder_frame f = {span_first(token, colon), made_file(token), 0};
    if (colon < token.len) {
        f.line = strtol(token.p + colon + 1, NULL, 10);
    }
    if (span_starts(f.function, "@")) {
        f.function = span_from(f.function, 1);
    }
    return profile_builder_location(b, 0, PROFILE_NONE, &f, 1);
}

static inline size_t made_locations(struct profile_builder *b,
                                    const char *stack,
                                    uint32_t locs[MADE_FRAMES])
{
    struct span rest = span_of(stack);
    size_t n = 0;
    while (rest.len > 0 && n < MADE_FRAMES) {
        const size_t end = span_find_char(rest, ' ');
        locs[n++] = made_location(b, span_first(rest, end));
        rest = span_from(rest, end < rest.len ? end + 1 : end);
    }
    return n;
}

static inline struct profile_builder *made_heap(int64_t period)
{
    struct profile_builder *b = profile_builder_new();
    profile_builder_type(b, "alloc_objects", "count");
    profile_builder_type(b, "alloc_space", "bytes");
    profile_builder_type(b, "inuse_objects", "count");
    profile_builder_type(b, "inuse_space", "bytes");
    profile_builder_period(b, "space", "bytes", period);
    return b;
}

/* The main binary; called before any sample. */
static inline void made_program(struct profile_builder *b, const char *path)
{
    profile_builder_mapping(b, 0x400000, 0x500000, 0, span_of(path),
                            SPAN_LIT(""));
}

/* As Go scales what it sampled. */
static inline int64_t made_scaled(double n, int64_t block, int64_t period)
{
    const double p = period <= 1 ? 1 : -expm1(-(double)block / (double)period);
    return (int64_t)(n / p);
}

/* `born` and `live` are sampled objects of `block` bytes. */
static inline void made_block(struct profile_builder *b, const char *stack,
                              int64_t block, double born, double live)
{
    uint32_t locs[MADE_FRAMES];
    const size_t n = made_locations(b, stack, locs);
    const int64_t period = profile_builder_profile(b)->period;
    const int64_t ever = made_scaled(born, block, period);
    const int64_t now = made_scaled(live, block, period);
    const int64_t values[] = {ever, ever * block, now, now * block};
    const struct profile_label label = {
        .key = profile_builder_string(b, SPAN_LIT("bytes")),
        .is_num = true,
        .num = block};
    profile_builder_sample(b, locs, n, values, 4, &label, 1);
}

static inline struct profile_builder *made_goroutine(void)
{
    struct profile_builder *b = profile_builder_new();
    profile_builder_type(b, "goroutine", "count");
    profile_builder_period(b, "goroutine", "count", 1);
    return b;
}

static inline void made_count(struct profile_builder *b, const char *stack,
                              double count)
{
    uint32_t locs[MADE_FRAMES];
    const size_t n = made_locations(b, stack, locs);
    const int64_t values[] = {(int64_t)count};
    profile_builder_sample(b, locs, n, values, 1, NULL, 0);
}

/* Ends a profile and adds it; `seconds` < 0 is no time. */
static inline bool made_try(struct series *s, struct profile_builder *b,
                            enum profile_kind kind, const char *source,
                            double seconds, struct err *err)
{
    struct snapshot snap = {.source = source, .kind = kind};
    if (seconds >= 0) {
        snap.time_nanos = MADE_EPOCH + (int64_t)(seconds * 1e9);
    }
    const bool ok = profile_builder_finish(b, &snap.profile, err) &&
                    series_add(s, &snap, err);
    snapshot_release(&snap);
    return ok;
}

static inline void made_add(struct series *s, struct profile_builder *b,
                            enum profile_kind kind, const char *source,
                            double seconds)
{
    struct err err = {0};
    assert_ok(made_try(s, b, kind, source, seconds, &err), &err);
}

static inline void made_finish(struct series *s)
{
    struct err err = {0};
    assert_ok(series_finish(s, &err), &err);
}

/* --- dumps -----------------------------------------------------------------
 */

static inline struct goroutine_dump *made_dump(void)
{
    struct goroutine_dump *d = calloc(1, sizeof *d);
    assert_non_null(d);
    return d;
}

static inline uint32_t made_name(struct goroutine_dump *d, struct span text)
{
    struct err err = {0};
    uint32_t id = 0;
    assert_ok(intern_add(&d->names, text, &id, &err), &err);
    return id;
}

static inline void made_dumped(struct goroutine_dump *d, uint64_t id,
                               const char *status, int64_t minutes,
                               const char *stack)
{
    struct dump_goroutine g = {.id = id,
                               .status = made_name(d, span_of(status)),
                               .wait_minutes = minutes,
                               .first_frame = (uint32_t)d->frames.n};
    struct span rest = span_of(stack);
    while (rest.len > 0) {
        const size_t end = span_find_char(rest, ' ');
        const struct span token = span_first(rest, end);
        const size_t colon = span_find_char(token, ':');
        const struct dump_frame f = {
            made_name(d, span_first(token, colon)),
            made_name(d, made_file(token)),
            colon < token.len ? strtol(token.p + colon + 1, NULL, 10) : 0};
        assert_true(dump_frames_push(&d->frames, f));
        g.n_frames++;
        rest = span_from(rest, end < rest.len ? end + 1 : end);
    }
    assert_true(dump_goroutines_push(&d->goroutines, g));
}

static inline void made_add_dump(struct series *s, struct goroutine_dump *d,
                                 const char *source)
{
    struct err err = {0};
    struct snapshot snap = {
        .source = source, .kind = KIND_GOROUTINE, .form = FORM_DUMP, .dump = d};
    assert_ok(series_add(s, &snap, &err), &err);
    snapshot_release(&snap);
}

/* --- chance ------------------------------------------------------------------
 */

static inline double made_uniform(uint64_t *seed)
{
    return ((double)(test_random(seed) >> 11) + 0.5) * 0x1p-53;
}

/* Knuth's product of uniforms; exp(-mean) must not vanish. */
static inline double made_few(uint64_t *seed, double mean)
{
    const double end = exp(-mean);
    double product = made_uniform(seed);
    unsigned n = 0;
    while (product > end) {
        product *= made_uniform(seed);
        n++;
    }
    return n;
}

static inline double made_poisson(uint64_t *seed, double mean)
{
    double n = 0;
    while (mean > 30) {
        n += made_few(seed, 30);
        mean -= 30;
    }
    return n + made_few(seed, mean);
}

static inline double made_binomial(uint64_t *seed, double n, double p)
{
    unsigned k = 0;
    for (size_t i = 0; i < (size_t)n; i++) {
        k += made_uniform(seed) < p;
    }
    return k;
}

/* A stock with births at `rate` per interval and exponential lifetimes of
   `life` intervals: exact over one interval. */
static inline double made_step(uint64_t *seed, double stock, double rate,
                               double life, double *born)
{
    const double births = made_poisson(seed, rate);
    const double stays = exp(-1 / life);
    *born += births;
    return made_binomial(seed, stock, stays) +
           made_binomial(seed, births, (1 - stays) * life);
}

#endif
