/*
 * Findings with real rules and made-up figures, for the tests of review/. Each
 * has a stack of four frames: the runtime, a dependency, the user's function,
 * its caller.
 */
#ifndef SEEP_TESTS_REVIEW_MADE_FINDINGS_H
#define SEEP_TESTS_REVIEW_MADE_FINDINGS_H

#include "test.h"

#include "review/review.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MADE_MAX = 8, MADE_FRAMES = 4 };

struct made {
    struct findings findings;
    struct finding items[MADE_MAX];
    struct frame frames[MADE_MAX][MADE_FRAMES];
    struct metric metrics[MADE_MAX];
};

static inline void made_release(struct made *m)
{
    findings_release(&m->findings);
    memset(m, 0, sizeof(*m));
}

static inline struct made *made_new(void)
{
    struct made *m = calloc(1, sizeof(*m));
    assert_non_null(m);
    m->findings.items = m->items;
    m->findings.verdict = VERDICT_CLEAN;
    m->findings.limits =
        (struct limits){.heap_bytes = 1 << 20, .goroutines = 10};
    m->findings.kinds = PROFILE_BIT(KIND_HEAP) | PROFILE_BIT(KIND_GOROUTINE);
    m->findings.window_seconds = 3600;
    return m;
}

static inline void made_free(struct made *m)
{
    findings_release(&m->findings);
    free(m);
}

static inline struct frame made_frame(const char *function, const char *file,
                                      const char *package, int64_t line,
                                      enum frame_origin origin)
{
    return (struct frame){.function = function,
                          .file = file,
                          .package = package,
                          .line = line,
                          .origin = origin};
}

/* A goroutine finding at `site`; its ids are those of its place in the list
   unless they are changed. Rates are level per hour, +-10 %. */
static inline struct finding *made_goroutines(struct made *m, const char *site,
                                              enum grade grade, double level)
{
    const size_t i = m->findings.n++;
    struct finding *f = &m->items[i];
    struct frame *s = m->frames[i];
    assert_true(i < MADE_MAX);
    s[0] = made_frame("runtime.gopark", "/go/src/runtime/proc.go", "runtime",
                      424, ORIGIN_RUNTIME);
    s[1] = made_frame("example.com/dep.(*Pool).wait", "/mod/dep/pool.go",
                      "example.com/dep", 12, ORIGIN_DEP);
    s[2] =
        made_frame(site, "/src/orders/dispatcher.go", "main", 88, ORIGIN_USER);
    s[3] = made_frame("main.serve", "/src/orders/main.go", "main", 20,
                      ORIGIN_USER);
    m->metrics[i] = (struct metric){.name = "goroutines",
                                    .unit = "count",
                                    .first = 0,
                                    .last = level,
                                    .delta = level,
                                    .per_hour = level,
                                    .per_hour_low = level * 0.9,
                                    .per_hour_high = level * 1.1};
    *f = (struct finding){
        .rule = rules_find("goroutine-chan-receive"),
        .grade = grade,
        .profile = KIND_GOROUTINE,
        .has_site = true,
        .site = s[2],
        .has_creator = true,
        .creator =
            made_frame("main.(*Dispatcher).Send", "/src/orders/dispatcher.go",
                       "main", 61, ORIGIN_USER),
        .stack = s,
        .n_stack = MADE_FRAMES,
        .metrics = &m->metrics[i],
        .n_metrics = 1,
        .statistics = {.points = 10, .z = NAN},
        .headline = "goroutines wait on a channel receive"
    };
    snprintf(f->id, sizeof(f->id), "%016zx", i + 1);
    snprintf(f->loose_id, sizeof(f->loose_id), "f%015zx", i + 1);
    if (grade >= GRADE_STRONG) {
        m->findings.verdict = VERDICT_LEAK;
    }
    return f;
}

/* The same of the heap. */
static inline struct finding *made_heap(struct made *m, const char *site,
                                        enum grade grade, double level)
{
    struct finding *f = made_goroutines(m, site, grade, level);
    struct metric *metric = &m->metrics[m->findings.n - 1];
    metric->name = "inuse_space";
    metric->unit = "bytes";
    f->rule = rules_find("heap-growth");
    f->profile = KIND_HEAP;
    f->has_creator = false;
    return f;
}

/* Is there a note with this text in it? */
static inline bool made_has_note(const struct findings *f, const char *text)
{
    for (size_t i = 0; i < f->n_notes; i++) {
        if (strstr(f->notes[i], text) != NULL) {
            return true;
        }
    }
    return false;
}

static inline void made_review(struct made *m, const struct review_options *o)
{
    struct err err = {0};
    assert_ok(review_apply(&m->findings, o, &err), &err);
}

#endif
