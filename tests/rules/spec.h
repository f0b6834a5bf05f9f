/*
 * Evidence written by hand, short enough to read: frames leaf first, "+" in
 * front of the user's, "~" of a dependency's. Tests that need it include it.
 */
#ifndef SEEP_TESTS_RULES_SPEC_H
#define SEEP_TESTS_RULES_SPEC_H

#include "test.h"

#include "rules/rules.h"

#include <math.h>
#include <string.h>

enum { SPEC_FRAMES = 16, SPEC_SIZES = 4 };

struct spec {
    enum evidence_kind kind;
    enum primitive primitive;
    const char *frames[SPEC_FRAMES];
    struct evidence_size sizes[SPEC_SIZES];
    double cohort_first, cohort_left, wait_minutes, wait_minutes_others;
    double tickers;
    const char *memstat;
};

/* What a spec becomes; points into itself, so do not copy. */
struct spec_evidence {
    struct frame frames[SPEC_FRAMES];
    struct evidence_stack stack;
    struct series_about about;
    struct evidence e;
};

static inline enum frame_origin spec_origin(const char *text)
{
    if (*text == '+') {
        return ORIGIN_USER;
    }
    if (*text == '~') {
        return ORIGIN_DEP;
    }
    return strncmp(text, "runtime.", 8) == 0 ? ORIGIN_RUNTIME : ORIGIN_STD;
}

static inline size_t spec_frames(const char *const *texts,
                                 struct frame out[SPEC_FRAMES])
{
    size_t n = 0;
    for (; n < SPEC_FRAMES && texts[n]; n++) {
        const bool marked = *texts[n] == '+' || *texts[n] == '~';
        out[n] = (struct frame){.function = texts[n] + (marked ? 1 : 0),
                                .file = "f.go",
                                .package = "main",
                                .line = 10,
                                .origin = spec_origin(texts[n])};
    }
    return n;
}

static inline double spec_or_nan(double v)
{
    return v > 0 ? v : NAN;
}

/* Site: the first frame of the user's. Growth 10 -> 300. */
static inline const struct evidence *spec_build(const struct spec *s,
                                                struct spec_evidence *out)
{
    *out = (struct spec_evidence){0};
    const size_t n = spec_frames(s->frames, out->frames);
    out->stack = (struct evidence_stack){
        .frames = out->frames,
        .n_frames = n,
        .first = 10,
        .last = 300,
        .delta = 290,
    };
    out->about = (struct series_about){.heap_period_bytes = 524288};
    struct evidence *e = &out->e;
    e->kind = s->kind;
    e->grade = GRADE_STRONG;
    e->primitive = s->primitive;
    e->stacks = &out->stack;
    e->n_stacks = n > 0 ? 1 : 0;
    for (size_t i = 0; i < n && !e->has_site; i++) {
        if (out->frames[i].origin == ORIGIN_USER) {
            e->has_site = true;
            e->site = out->frames[i];
            e->is_leaf_site =
                i == 0 || out->frames[i - 1].origin == ORIGIN_RUNTIME;
        }
    }
    e->sizes = s->sizes;
    while (e->n_sizes < SPEC_SIZES && s->sizes[e->n_sizes].block_bytes > 0) {
        e->n_sizes++;
    }
    e->trend = (struct trend){.first = 10,
                              .last = 300,
                              .delta = 290,
                              .births = 300,
                              .retention = 0.96};
    e->memstat = s->memstat;
    e->cohort_first = spec_or_nan(s->cohort_first);
    e->cohort_left = s->cohort_first > 0 ? s->cohort_left : NAN;
    e->wait_minutes = spec_or_nan(s->wait_minutes);
    e->wait_minutes_max = spec_or_nan(s->wait_minutes);
    e->wait_minutes_others = spec_or_nan(s->wait_minutes_others);
    e->ticker_objects_growth = s->tickers;
    e->about = &out->about;
    e->total_goroutine_growth = 300;
    e->total_heap_growth_bytes = 300;
    return e;
}

/* The first rule whose check says yes, as the engine asks them; NULL none.
   `m` gets what it wrote. */
static inline const struct rule *
spec_name(const struct evidence *e, struct rule_match *m, struct arena *arena)
{
    size_t n;
    const struct rule *const *rules = rules_all(&n);
    for (size_t i = 0; i < n; i++) {
        double params[16] = {0};
        for (size_t k = 0; k < rules[i]->n_params; k++) {
            params[k] = rules[i]->params[k].value;
        }
        *m = (struct rule_match){.arena = arena};
        if ((rules[i]->kinds & RULE_KIND(e->kind)) &&
            rules[i]->check(rules[i], e, params, m)) {
            return rules[i];
        }
    }
    return NULL;
}

#endif
