/*
 * Runs one of google/pprof's reports on a small profile. The clock of the
 * tests knows one moment.
 */
#ifndef SEEP_TESTS_REPORT_PPROF_RUN_H
#define SEEP_TESTS_REPORT_PPROF_RUN_H

#include "made_profile.h"

#define TEST_N(array) (sizeof(array) / sizeof((array)[0]))

static inline void run_local_time(void *ctx, int64_t unix_ns, struct buf *out)
{
    (void)ctx;
    assert_true(unix_ns != 0);
    buf_str(out, "2026-01-02 03:04:05 CET");
}

static inline void run_local_time_full(void *ctx, int64_t unix_ns,
                                       struct buf *out)
{
    (void)ctx;
    assert_true(unix_ns != 0);
    buf_str(out, "2026-01-02 03:04:05.000000006 +0100 CET");
}

static inline struct pprof_options run_options(const struct profile *p,
                                               uint32_t column)
{
    struct pprof_options o = made_options(p, column);
    o.world.local_time = run_local_time;
    o.world.local_time_full = run_local_time_full;
    return o;
}

/* A shop: a call that was inlined, a frame without a name, labels of both
   kinds. */
static inline struct profile *shop_profile(void)
{
    static const struct made_sample samples[] = {
        {"main.main@main.go:10;shop.serve@serve.go:20>shop.parse@parse.go:5",
         {3, 3072},
         "user=anna",                                                                                       1024},
        {"main.main@main.go:10;shop.serve@serve.go:21",                       {1, 4096}, NULL,              4096},
        {"main.main@main.go:12;0x400",                                        {2, 512},  "user=b\u00f6rje", 0   },
    };
    return made_profile("inuse_objects/count inuse_space/bytes", samples,
                        TEST_N(samples));
}

static inline struct profile_label
rich_string(struct profile_builder *b, const char *key, const char *value)
{
    return (struct profile_label){
        .key = profile_builder_string(b, span_of(key)),
        .str = profile_builder_string(b, span_of(value)),
    };
}

static inline struct profile_label rich_number(struct profile_builder *b,
                                               const char *key, int64_t value,
                                               const char *unit)
{
    return (struct profile_label){
        .key = profile_builder_string(b, span_of(key)),
        .unit = profile_builder_string(b, span_of(unit)),
        .is_num = true,
        .num = value,
    };
}

static inline void rich_samples(struct profile_builder *b)
{
    const uint32_t mapping = profile_builder_mapping(
        b, 0x400000, 0x500000, 0x1000, SPAN_LIT("/opt/shop/bin/shop"),
        SPAN_LIT("c0ffee"));
    const struct builder_frame lines[] = {
        {SPAN_LIT("work"),  SPAN_LIT("w.cc"), 5},
        {SPAN_LIT("start"), SPAN_LIT("s.cc"), 9},
    };
    const uint32_t locations[] = {
        profile_builder_location(b, 0x401000, mapping, lines, 2),
        profile_builder_location(b, 0x402000, PROFILE_NONE, lines + 1, 1),
    };
    const struct profile_label labels[] = {
        rich_string(b, "tier", "front"),
        rich_string(b, "gr\u00f6\u00dfe", "L"),
        rich_number(b, "wait", 1500, "microseconds"),
        rich_number(b, "size", 2048, ""),
        rich_string(b, "tier", "back"),
        rich_number(b, "wait", 2, ""),
        rich_number(b, "size", 5, ""),
    };
    const int64_t first[] = {4, 40000000};
    const int64_t second[] = {-1, -10000000};
    profile_builder_sample(b, locations, 2, first, 2, labels, TEST_N(labels));
    profile_builder_sample(b, locations + 1, 1, second, 2, NULL, 0);
}

/* Every field that a profile has. */
static inline struct profile *rich_profile(void)
{
    struct profile_builder *b = profile_builder_new();
    assert_non_null(b);
    struct profile *p = profile_builder_profile(b);
    profile_builder_type(b, "samples", "count");
    profile_builder_type(b, "cpu", "nanoseconds");
    profile_builder_period(b, "cpu", "nanoseconds", 10000000);
    p->default_type = profile_builder_string(b, SPAN_LIT("samples"));
    p->doc_url = profile_builder_string(b, SPAN_LIT("https://shop.example/p"));
    p->time_nanos = INT64_C(1700000000000000006);
    p->duration_nanos = INT64_C(150000000);
    const str_id comments[] = {
        profile_builder_string(b, SPAN_LIT("made by hand")),
        profile_builder_string(b, SPAN_LIT("# not in headers")),
    };
    const str_id system_name = profile_builder_string(b, SPAN_LIT("_Z4workv"));
    rich_samples(b);
    struct err err = {0};
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    p->comments = malloc(sizeof(comments));
    assert_non_null(p->comments);
    memcpy(p->comments, comments, sizeof(comments));
    p->n_comments = TEST_N(comments);
    p->mappings[0].has_functions = true;
    p->mappings[0].has_filenames = true;
    p->mappings[0].has_line_numbers = true;
    p->mappings[0].has_inline_frames = true;
    p->functions[0].system_name = system_name;
    p->functions[0].start_line = 3;
    p->lines[0].column = 17;
    p->locations[1].is_folded = true;
    return p;
}

/* What report `name` prints. Release it. */
static inline struct buf run_report(const char *name, struct profile *p,
                                    const struct pprof_options *o)
{
    const struct pprof_report *report = pprof_report_find(span_of(name));
    assert_non_null(report);
    struct buf out = BUF_LIMIT((size_t)1 << 24);
    struct err err = {0};
    assert_ok(report->print(p, o, &out, &err), &err);
    return out;
}

/* The same for the functions of the profile, compared. Frees the profile. */
static inline void assert_report(const char *name, struct profile *p,
                                 const struct pprof_options *o,
                                 const char *want)
{
    struct buf out = run_report(name, p, o);
    assert_text(&out, want);
    buf_release(&out);
    profile_free(p);
}

#endif
