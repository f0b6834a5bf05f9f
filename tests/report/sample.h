/*
 * A report as `seep leaks` would hand it over, for the tests of renderers:
 * two findings with real rules, one table, all figures made up.
 */
#ifndef SEEP_TESTS_REPORT_SAMPLE_H
#define SEEP_TESTS_REPORT_SAMPLE_H

#include "test.h"

#include "report/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct sample {
    struct frame stack[4];
    double goroutines[10], bytes[10];
    struct metric metrics[2];
    const char *evidence[2], *alternatives[2];
    const char *notes[1];
    struct finding items[2];
    struct findings findings;
    struct series_about about;
    struct series_input inputs[2];
    struct report_column columns[4];
    struct report_cell cells[8];
    struct report_table table;
    struct report report;
};

static inline void sample_goroutines(struct sample *s)
{
    s->stack[0] = (struct frame){.function = "runtime.gopark",
                                 .file = "/usr/local/go/src/runtime/proc.go",
                                 .package = "runtime",
                                 .line = 424,
                                 .origin = ORIGIN_RUNTIME};
    s->stack[1] = (struct frame){.function = "main.(*Dispatcher).await",
                                 .file = "/src/orders/dispatcher.go",
                                 .package = "main",
                                 .line = 88,
                                 .origin = ORIGIN_USER};
    for (size_t i = 0; i < 10; i++) {
        s->goroutines[i] = 24 + 31.3 * (double)i;
    }
    s->metrics[0] = (struct metric){.name = "goroutines",
                                    .unit = "count",
                                    .first = 24,
                                    .last = 306,
                                    .delta = 282,
                                    .per_hour = 45120,
                                    .per_hour_low = 44300,
                                    .per_hour_high = 46100,
                                    .series = s->goroutines,
                                    .n_series = 10};
    s->evidence[0] = "the longest has waited 3 minutes";
    s->items[0] = (struct finding){
        .id = "00c0ffee00c0ffee",
        .loose_id = "0ddba11000000000",
        .rule = rules_find("goroutine-chan-receive"),
        .grade = GRADE_STRONG,
        .profile = KIND_GOROUTINE,
        .has_site = true,
        .site = s->stack[1],
        .has_creator = true,
        .creator = {.function = "main.(*Dispatcher).Send",
                    .file = "/src/orders/dispatcher.go",
                    .package = "main",
                    .line = 61         },
        .operation = "main.serveOrder",
        .stack = s->stack,
        .n_stack = 2,
        .metrics = &s->metrics[0],
        .n_metrics = 1,
        .statistics = { .points = 10,
                    .p = 3e-7,
                    .q = 8e-5,
                    .retention = NAN,
                    .z = 15.5,
                    .sampled = NAN,
                    .relative_error = 0},
        .cause = "306 goroutines wait to receive from a channel; none of the "
                 "first 24 ended",
        .evidence = s->evidence,
        .n_evidence = 1,
        .rank_bytes_per_hour = 1e8,
    };
}

static inline void sample_heap(struct sample *s)
{
    s->stack[2] = (struct frame){.function = "acme.dev/orders/session.open",
                                 .file = "/src/orders/session/open.go",
                                 .package = "acme.dev/orders/session",
                                 .line = 12,
                                 .origin = ORIGIN_USER};
    s->stack[3] = (struct frame){.function = "main.serve", .file = ""};
    for (size_t i = 0; i < 10; i++) {
        s->bytes[i] = 1048576.0 * (double)(1 + i);
    }
    s->metrics[1] = (struct metric){.name = "inuse_space",
                                    .unit = "bytes",
                                    .first = 1048576,
                                    .last = 10485760,
                                    .delta = 9437184,
                                    .per_hour = 1.5e9,
                                    .per_hour_low = 1.2e9,
                                    .per_hour_high = 1.8e9,
                                    .series = s->bytes,
                                    .n_series = 10};
    s->alternatives[0] = "a cache on its way to its bound";
    s->items[1] = (struct finding){
        .id = "1234567890abcdef",
        .loose_id = "fedcba0987654321",
        .rule = rules_find("heap-growth"),
        .grade = GRADE_SUSPECT,
        .profile = KIND_HEAP,
        .has_site = true,
        .site = s->stack[2],
        .operation = "main.serve",
        .stack = &s->stack[2],
        .n_stack = 2,
        .metrics = &s->metrics[1],
        .n_metrics = 1,
        .statistics = {.points = 10,
                       .p = 0.004,
                       .q = 0.03,
                       .retention = 0.97,
                       .z = 4.1,
                       .sampled = 20,
                       .relative_error = 0.22},
        .cause = "10 MB in 40,960 objects allocated here are still in use",
        .alternatives = s->alternatives,
        .n_alternatives = 1,
    };
}

static inline void sample_table(struct sample *s)
{
    s->columns[0] = (struct report_column){"delta", "delta", CELL_BYTES, true};
    s->columns[1] = (struct report_column){"share", "%", CELL_PERCENT, true};
    s->columns[2] = (struct report_column){"z", "z", CELL_RATIO, false};
    s->columns[3] = (struct report_column){"site", "where", CELL_TEXT, false};
    s->cells[0] = (struct report_cell){NULL, 9437184};
    s->cells[1] = (struct report_cell){NULL, 900};
    s->cells[2] = (struct report_cell){NULL, 4.1};
    s->cells[3] = (struct report_cell){"session.open  open.go:12", NAN};
    s->cells[4] = (struct report_cell){NULL, -1048576};
    s->cells[5] = (struct report_cell){"gone", NAN};
    s->cells[6] = (struct report_cell){NULL, NAN};
    s->cells[7] = (struct report_cell){"main.warm  main.go:7", NAN};
    s->table = (struct report_table){.key = "heap",
                                     .title = "Heap in use",
                                     .columns = s->columns,
                                     .n_columns = 4,
                                     .cells = s->cells,
                                     .n_rows = 2,
                                     .n_rows_left_out = 1200};
}

/* Points into `s`: do not copy it. */
static inline const struct report *sample_report(struct sample *s)
{
    *s = (struct sample){0};
    sample_goroutines(s);
    sample_heap(s);
    sample_table(s);
    s->notes[0] = "1 file ignored: README";
    s->findings = (struct findings){
        .verdict = VERDICT_LEAK,
        .items = s->items,
        .n = 2,
        .limits = {.heap_bytes = 1572864, .goroutines = 9.2  },
        .oom = { .seconds = NAN,   .seconds_low = NAN, .seconds_high = NAN},
        .n_within_noise = 8,
    };
    s->about = (struct series_about){
        .program = "orders",
        .n_heap = 10,
        .n_goroutine = 10,
        .n_segments = 1,
        .first_nanos = INT64_C(1763900000000000000),
        .last_nanos = INT64_C(1763900022500000000),
        .seconds = 22.5,
        .has_times = true,
        .heap_period_bytes = 524288,
    };
    s->inputs[0] =
        (struct series_input){.source = "00.heap.pb.gz",
                              .kind = KIND_HEAP,
                              .time_nanos = INT64_C(1763900000000000000),
                              .used = true};
    s->inputs[1] = (struct series_input){
        .source = "README", .kind = KIND_UNKNOWN, .why = "not a profile"};
    s->report = (struct report){
        .tool_version = "0.1.0",
        .command = "leaks",
        .about = &s->about,
        .inputs = s->inputs,
        .n_inputs = 2,
        .findings = &s->findings,
        .notes = s->notes,
        .n_notes = 1,
    };
    return &s->report;
}

static inline const struct report *sample_with_table(struct sample *s)
{
    sample_report(s);
    s->report.tables = &s->table;
    s->report.n_tables = 1;
    return &s->report;
}

/* Everything a symbol table or a file name could hold. */
#define SAMPLE_HOSTILE                                                         \
    "main.\x1b[31mevil\n\t|`</details><b>@all #1 *x* [y](http://z/) "          \
    "\xe4\xb8\xad\xe6\x96\x87\xe2\x80\xae\xff\xc3("                            \
    "\"\\"

static inline const struct report *sample_hostile(struct sample *s)
{
    sample_with_table(s);
    for (size_t i = 0; i < 4; i++) {
        s->stack[i].function = SAMPLE_HOSTILE;
        s->stack[i].file = SAMPLE_HOSTILE;
        s->stack[i].package = SAMPLE_HOSTILE;
    }
    for (size_t i = 0; i < 2; i++) {
        s->items[i].site = s->stack[1];
        s->items[i].operation = SAMPLE_HOSTILE;
        s->items[i].cause = SAMPLE_HOSTILE;
    }
    s->items[0].creator = s->stack[1];
    s->evidence[0] = SAMPLE_HOSTILE;
    s->notes[0] = SAMPLE_HOSTILE;
    s->about.program = SAMPLE_HOSTILE;
    s->inputs[0].source = SAMPLE_HOSTILE;
    s->report.target = SAMPLE_HOSTILE;
    s->table.title = SAMPLE_HOSTILE;
    s->cells[3].text = SAMPLE_HOSTILE;
    return &s->report;
}

/* What a repository adds to the sample, and one finding of each state. */
struct sample_review {
    struct sample base;
    struct frame_mark marks[4], creator_mark;
    struct finding items[6];
    struct finding_past past;
    struct finding_rename renamed;
    struct finding_acceptance accepted;
};

/* 0 new, touched; 1 worse; 2 existing; 3 nothing known; 4 accepted; 5 fixed. */
static inline const struct report *sample_reviewed(struct sample_review *v)
{
    static const char *const states[6] = {"new", "worse",    "existing",
                                          NULL,  "existing", "fixed"};
    *v = (struct sample_review){0};
    sample_report(&v->base);
    struct sample *s = &v->base;
    v->marks[0] = (struct frame_mark){.module = "std"};
    v->marks[1] = (struct frame_mark){.path = "orders/dispatcher.go",
                                      .module = "acme.dev/orders",
                                      .touch = TOUCH_LINE};
    v->marks[2] = (struct frame_mark){.path = "orders/session/open.go",
                                      .module = "acme.dev/orders",
                                      .is_generated = true,
                                      .touch = TOUCH_FUNCTION};
    v->creator_mark = (struct frame_mark){.path = "orders/send it.go"};
    s->stack[0].mark = &v->marks[0];
    s->stack[1].mark = &v->marks[1];
    s->stack[2].mark = &v->marks[2];
    s->items[0].site.mark = &v->marks[1];
    s->items[0].creator.mark = &v->creator_mark;
    s->items[1].site.mark = &v->marks[2];
    v->past = (struct finding_past){
        .level = 24, .per_hour = NAN, .moved_from = "0123456789abcdef"};
    v->renamed = (struct finding_rename){.from = "main.old",
                                         .by = "patch",
                                         .id = "fedcba9876543210",
                                         .loose_id = "fedcba9876543211"};
    v->accepted = (struct finding_acceptance){
        ".seep.yml:12", "the pool is bounded by 400", "2026-12-31"};
    for (size_t i = 0; i < 6; i++) {
        v->items[i] = s->items[i % 2];
        v->items[i].state = states[i];
        v->items[i].primary = &v->items[i].stack[(i + 1) % 2];
        v->items[i].id[15] = (char)('0' + i);
    }
    v->items[0].patched = &s->stack[1];
    v->items[1].patched = &s->stack[2];
    v->items[3].uncounted = "below --min-bytes 16.0 MB";
    v->items[1].past = &v->past;
    v->items[1].first_seen_nanos = INT64_C(1763000000000000000);
    v->items[2].renamed = &v->renamed;
    v->items[4].accepted = &v->accepted;
    s->findings.items = v->items;
    s->findings.n = 6;
    s->report.has_patch = true;
    s->report.reproduce = "seep leaks snapshots/ --patch change.diff";
    s->report.go_version = "go1.23.5";
    return &s->report;
}

static inline const struct report *
sample_hostile_review(struct sample_review *v)
{
    sample_reviewed(v);
    for (size_t i = 0; i < 4; i++) {
        v->base.stack[i].function = SAMPLE_HOSTILE;
        v->base.stack[i].file = SAMPLE_HOSTILE;
        v->marks[i].path = v->marks[i].path ? SAMPLE_HOSTILE : NULL;
        v->marks[i].module = SAMPLE_HOSTILE;
    }
    for (size_t i = 0; i < 6; i++) {
        v->items[i].site.function = SAMPLE_HOSTILE;
        v->items[i].cause = SAMPLE_HOSTILE;
        v->items[i].headline = SAMPLE_HOSTILE;
    }
    v->past.moved_from = SAMPLE_HOSTILE;
    v->renamed.from = SAMPLE_HOSTILE;
    v->accepted = (struct finding_acceptance){SAMPLE_HOSTILE, SAMPLE_HOSTILE,
                                              SAMPLE_HOSTILE};
    v->base.report.reproduce = SAMPLE_HOSTILE;
    v->base.report.go_version = SAMPLE_HOSTILE;
    v->base.report.anchor = SAMPLE_HOSTILE;
    return &v->base.report;
}

/* An empty series: nothing known, nothing found. */
static inline const struct report *sample_empty(struct sample *s)
{
    *s = (struct sample){0};
    s->findings = (struct findings){
        .verdict = VERDICT_CLEAN,
        .limits = {.heap_bytes = NAN, .goroutines = NAN},
    };
    s->report = (struct report){
        .tool_version = "0.1.0", .command = "leaks", .findings = &s->findings};
    return &s->report;
}

/* `items` has room for n findings. */
static inline const struct report *sample_huge(struct sample *s,
                                               struct finding *items, size_t n)
{
    sample_report(s);
    for (size_t i = 0; i < n; i++) {
        items[i] = s->items[i % 2];
        snprintf(items[i].id, sizeof items[i].id, "%016zx", i / 2);
    }
    s->findings.items = items;
    s->findings.n = n;
    return &s->report;
}

/* Renders and fails the test on error. Release the result. */
static inline struct buf sample_render(const char *renderer,
                                       const struct report *r,
                                       struct render_options o)
{
    struct err err = {0};
    struct buf out = BUF_LIMIT((size_t)256 << 20);
    assert_ok(report_renderer_find(renderer)->render(r, &o, &out, &err), &err);
    return out;
}

#endif
