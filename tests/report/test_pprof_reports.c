/*
 * What google/pprof's reports share: the table, totals, units, the lines
 * above a report. Wanted texts are google/pprof's of the same profiles.
 */
#include "pprof_run.h"

#include "report/pprof_private.h"

static void reports_are_found_by_their_flag(void **state)
{
    (void)state;
    size_t n;
    const struct pprof_report *const *all = pprof_reports(&n);
    assert_true(n >= 11);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(pprof_report_find(span_of(all[i]->name)), all[i]);
        assert_in_range(strlen(all[i]->summary), 5, 60);
        assert_non_null(all[i]->print);
    }
    assert_null(pprof_report_find(SPAN_LIT("weblist")));
    assert_null(pprof_report_find(SPAN_LIT("")));
}

static void comments_are_printed_as_they_are(void **state)
{
    (void)state;
    struct profile *p = rich_profile();
    const struct pprof_options o = run_options(p, 0);
    assert_report("comments", p, &o, "made by hand\n# not in headers\n");
}

/* --- Totals --- */

static void totals_are_of_absolute_values(void **state)
{
    (void)state;
    struct profile *p = rich_profile();
    assert_int_equal(pprof_total(p, 0, false), 5);
    assert_int_equal(pprof_total(p, 1, false), 50000000);
    assert_int_equal(pprof_total(p, 1, true), 50000000 / 3);
    p->values[0] = 1; /* the divisors cancel: no mean */
    assert_int_equal(pprof_total(p, 1, true), 50000000);
    p->values[0] = INT64_MIN;
    assert_true(pprof_total(p, 0, false) == INT64_MIN + 1);
    profile_free(p);
}

static void the_total_of_a_diff_is_that_of_its_base(void **state)
{
    (void)state;
    static const struct made_sample samples[] = {
        {"a", {4, 100},  "pprof::base=false", 0},
        {"b", {-2, -60}, "pprof::base=true",  0},
        {"c", {1, 7},    NULL,                8},
    };
    struct profile *p = made_profile("n/count v/bytes", samples, 3);
    assert_int_equal(pprof_total(p, 1, false), 60);
    assert_int_equal(pprof_total(p, 1, true), -30);
    p->values[3] = 0; /* a base of nothing does not count */
    assert_int_equal(pprof_total(p, 1, false), 107);
    profile_free(p);
}

/* --- Text --- */

static void text_is_padded_by_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"",             "|    "          },
        {"ab",           "|  ab"          },
        {"abcd",         "|abcd"          },
        {"abcde",        "|abcde"         },
        {"\u00f6\u2026", "|  \u00f6\u2026"},
        {"\U0001f600",   "|   \U0001f600" },
        {"\xff\xc3",     "|  \xff\xc3"    }, /* wrong bytes are one each */
    };
    for (size_t i = 0; i < TEST_N(cases); i++) {
        struct buf out = BUF_LIMIT(100);
        buf_str(&out, "|");
        buf_str(&out, cases[i].text);
        pprof_pad_left(&out, 1, 4);
        assert_text(&out, cases[i].want);
        buf_release(&out);
    }
}

static void integers_are_printfs(void **state)
{
    (void)state;
    static const int64_t values[] = {0,   7,    -7,        10,
                                     999, -999, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < TEST_N(values); i++) {
        char want[200];
        (void)snprintf(want, sizeof(want), "%5lld %lld %llu %llx",
                       (long long)values[i], (long long)values[i],
                       (unsigned long long)values[i],
                       (unsigned long long)values[i]);
        struct buf out = BUF_LIMIT(200);
        pprof_int_right(&out, values[i], 5);
        buf_char(&out, ' ');
        pprof_int(&out, values[i]);
        buf_char(&out, ' ');
        pprof_uint(&out, (uint64_t)values[i]);
        buf_char(&out, ' ');
        const size_t start = out.len;
        pprof_hex(&out, (uint64_t)values[i]);
        assert_memory_equal(out.data + start, "0x", 2);
        memmove(out.data + start, out.data + start + 2, out.len - start - 1);
        assert_string_equal(out.data, want);
        buf_release(&out);
    }
}

/* --- Units --- */

struct unit_case {
    const char *sample_unit;
    int64_t flat, cum, total;
    double ratio;
    bool is_exact;
    const char *want;
};

static void the_unit_is_that_of_the_smallest_value(void **state)
{
    (void)state;
    static const struct unit_case cases[] = {
        {"bytes",   2048,  4096, 4096,             1,     false, "kB"     },
        {"bytes",   -2048, 0,    4096,             1,     false, "kB"     },
        {"bytes",   0,     2048, 4096,             1,     false, "kB"     },
        {"bytes",   0,     0,    5000000,          1,     false, "MB"     },
 /* A hundredth of a MB can still be written. */
        {"bytes",   20000, 0,    INT64_C(1) << 30, 1,     false, "MB"     },
        {"bytes",   20000, 0,    INT64_C(1) << 30, 1,     true,  "kB"     },
        {"bytes",   20000, 0,    1999999,          1,     false, "kB"     },
        {"bytes",   20000, 0,    2000001,          1,     false, "MB"     },
        {"bytes",   4096,  0,    8192,             0.125, false, "B"      },
        {"bytes",   4096,  0,    8192,             0,     false, "kB"     },
        {"count",   1,     1,    5,                1,     false, "count"  },
        {"widgets", 1,     1,    5,                1,     false, "widgets"},
    };
    for (size_t i = 0; i < TEST_N(cases); i++) {
        const struct unit_case *c = &cases[i];
        struct graph_node nodes[] = {
            {.flat = c->flat, .cum = c->cum}
        };
        uint32_t order[] = {0};
        const struct graph g = {
            .nodes = nodes, .n_nodes = 1, .order = order, .n_shown = 1};
        const struct pprof_options o = {.ratio = c->ratio,
                                        .total = c->total,
                                        .sample_unit = span_of(c->sample_unit),
                                        .output_unit = SPAN_LIT("minimum")};
        struct pprof_values v = pprof_values_of(&o);
        pprof_select_unit(&v, &g, c->is_exact);
        if (!span_is(v.output_unit, c->want)) {
            fail_msg("case %zu: '%.*s'", i, (int)v.output_unit.len,
                     v.output_unit.p);
        }
    }
}

static void a_unit_that_was_asked_for_stays(void **state)
{
    (void)state;
    struct profile *p = shop_profile();
    struct pprof_options o = run_options(p, 1);
    o.output_unit = SPAN_LIT("auto");
    profile_aggregate(p, KEEP_INLINES | KEEP_FUNCTION);
    assert_report("top", p, &o,
                  "Showing nodes accounting for 7.50kB, 100% of 7.50kB total\n"
                  "      flat  flat%   sum%        cum   cum%\n"
                  "       4kB 53.33% 53.33%        7kB 93.33%  shop.serve\n"
                  "       3kB 40.00% 93.33%        3kB 40.00%  shop.parse"
                  " (inline)\n"
                  "      512B  6.67%   100%       512B  6.67%  [service]\n"
                  "         0     0%   100%     7.50kB   100%  main.main\n");
}

static void a_ratio_divides_and_cuts(void **state)
{
    (void)state;
    struct profile *p = rich_profile();
    struct pprof_options o = run_options(p, 1);
    o.ratio = 1 / 3.0;
    profile_aggregate(p, KEEP_INLINES | KEEP_FUNCTION);
    assert_report("top", p, &o,
                  "Showing nodes accounting for 10ms, 60.00% of 16.67ms total\n"
                  "      flat  flat%   sum%        cum   cum%\n"
                  "   13.33ms 80.00% 80.00%    13.33ms 80.00%  work (inline)\n"
                  "   -3.33ms 20.00% 60.00%       10ms 60.00%  start\n");
}

static void a_mean_is_over_the_first_column(void **state)
{
    (void)state;
    struct profile *p = rich_profile();
    struct pprof_options o = run_options(p, 1);
    o.has_mean = true;
    o.total = pprof_total(p, 1, true);
    profile_aggregate(p, KEEP_INLINES | KEEP_FUNCTION);
    assert_report(
        "top", p, &o,
        "Showing nodes accounting for 20ms, 120.00% of 16.67ms total\n"
        "      flat  flat%   sum%        cum   cum%\n"
        "      10ms 60.00% 60.00%       10ms 60.00%  work (inline)\n"
        "      10ms 60.00% 120.00%       10ms 60.00%  start\n");
}

/* --- Lines above a report --- */

static void assert_labels(struct profile *p, const struct pprof_options *o,
                          const char *want, size_t first_bytes)
{
    const struct pprof_values v = pprof_values_of(o);
    struct buf out = BUF_LIMIT(4096);
    buf_str(&out, "> ");
    const size_t first = pprof_profile_labels(&out, p, o, &v);
    assert_text(&out, want);
    assert_int_equal(first, first_bytes);
    buf_release(&out);
    profile_free(p);
}

static void a_profile_is_described_from_its_header(void **state)
{
    (void)state;
    struct profile *p = rich_profile();
    struct pprof_options o = run_options(p, 1);
    assert_labels(p, &o,
                  "> File: shop\n"
                  "Build ID: c0ffee\n"
                  "made by hand\n"
                  "Type: cpu\n"
                  "Doc: https://shop.example/p\n"
                  "Time: 2026-01-02 03:04:05 CET\n"
                  "Duration: 150ms, Total samples = 50ms (33.33%)\n",
                  strlen("File: shop"));
}

/* Samples that are no time are no share of the duration; the blank stays. */
static void a_duration_is_compared_with_time_only(void **state)
{
    (void)state;
    struct profile *p = rich_profile();
    struct pprof_options o = run_options(p, 0);
    p->n_mappings = 0;
    p->n_comments = 0;
    p->doc_url.i = 0;
    p->time_nanos = 0;
    o.sample_type = SPAN_LIT("");
    assert_labels(p, &o, "> Duration: 150ms, Total samples = 5 \n",
                  strlen("Duration: 150ms, Total samples = 5 "));
    p = rich_profile();
    o = run_options(p, 1);
    o.total = 0;
    p->n_mappings = 0;
    p->n_comments = 0;
    p->doc_url.i = 0;
    p->time_nanos = 0;
    p->duration_nanos = -5;
    assert_labels(p, &o, "> Type: cpu\nDuration: -5ns, Total samples = 0 \n",
                  strlen("Type: cpu"));
}

static void an_empty_profile_has_no_labels(void **state)
{
    (void)state;
    struct profile *p = made_profile("", NULL, 0);
    p->n_mappings = 0;
    const struct pprof_options o = {.ratio = 1};
    assert_labels(p, &o, "> ", 0);
}

static void filters_are_named_and_cut(void **state)
{
    (void)state;
    const struct span filters[] = {
        SPAN_LIT("focus=main"),
        SPAN_LIT("hide=0123456789012345678901234567890123456789"
                 "012345678901234567890123456789012345"),
    };
    struct profile *p = shop_profile();
    struct pprof_options o = run_options(p, 0);
    o.active_filters = filters;
    o.n_active_filters = 2;
    o.node_count = 1;
    o.node_fraction = 0.5;
    profile_aggregate(p, KEEP_INLINES | KEEP_FUNCTION);
    assert_report("top", p, &o,
                  "Active filters:\n"
                  "   focus=main\n"
                  "   hide=01234567890123456789012345678901234567890123456789"
                  "0123456789012345678901234\u2026\n"
                  "Showing nodes accounting for 3, 50.00% of 6 total\n"
                  "Dropped 1 node (cum <= 3)\n"
                  "Showing top 1 nodes out of 3\n"
                  "      flat  flat%   sum%        cum   cum%\n"
                  "         3 50.00% 50.00%          3 50.00%  shop.parse\n");
}

static void a_picture_says_more(void **state)
{
    (void)state;
    struct profile *p = shop_profile();
    const struct pprof_options o = run_options(p, 0);
    struct graph g = {.n_dropped_nodes = 2, .n_dropped_edges = 1};
    const struct pprof_values v = pprof_values_of(&o);
    struct buf out = BUF_LIMIT(4096);
    (void)pprof_report_labels(&out, p, &o, &v, &g, true);
    assert_text(&out, "File: service\n"
                      "Type: inuse_objects\n"
                      "Showing nodes accounting for 0, 0% of 6 total\n"
                      "Dropped 2 nodes (cum <= 0)\n"
                      "Dropped 1 edge (freq <= 0)\n"
                      "\n"
                      "See https://git.io/JfYMW for how to read the graph\n");
    buf_release(&out);
    profile_free(p);
}

/* --- Memory --- */

struct report_run {
    const struct pprof_report *report;
    struct profile *p;
    struct pprof_options o;
};

static bool run_once(void *ctx, struct err *err)
{
    struct report_run *r = ctx;
    struct buf out = BUF_LIMIT((size_t)1 << 24);
    const bool ok = r->report->print(r->p, &r->o, &out, err);
    buf_release(&out);
    return ok;
}

static void every_report_survives_running_out_of_memory(void **state)
{
    (void)state;
    size_t n;
    const struct pprof_report *const *all = pprof_reports(&n);
    for (size_t i = 0; i < n; i++) {
        struct report_run r = {.report = all[i], .p = rich_profile()};
        struct label_units units;
        struct err err = {0};
        r.o = run_options(r.p, 1);
        assert_ok(label_units_find(r.p, &units, NULL, &err), &err);
        r.o.label_units = &units;
        r.o.symbol_text = SPAN_LIT("work");
        if (r.report->has_argument) {
            assert_ok(regex_new(r.o.symbol_text, &r.o.symbol, &err), &err);
        }
        assert_true(oom_walk(run_once, &r) > 0);
        regex_free(r.o.symbol);
        label_units_release(&units);
        profile_free(r.p);
    }
}

static void a_full_buffer_is_an_error(void **state)
{
    (void)state;
    static const char *const names[] = {"top", "tree",     "traces",   "tags",
                                        "raw", "comments", "callgrind"};
    for (size_t i = 0; i < TEST_N(names); i++) {
        struct profile *p = rich_profile();
        const struct pprof_options o = run_options(p, 1);
        struct buf out = BUF_LIMIT(16);
        struct err err = {0};
        const struct pprof_report *r = pprof_report_find(span_of(names[i]));
        assert_false(r->print(p, &o, &out, &err));
        assert_int_equal(err.code, ERR_LIMIT);
        assert_non_null(strstr(err.text, "more than 16 bytes"));
        buf_release(&out);
        profile_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_are_found_by_their_flag),
        cmocka_unit_test(comments_are_printed_as_they_are),
        cmocka_unit_test(totals_are_of_absolute_values),
        cmocka_unit_test(the_total_of_a_diff_is_that_of_its_base),
        cmocka_unit_test(text_is_padded_by_characters),
        cmocka_unit_test(integers_are_printfs),
        cmocka_unit_test(the_unit_is_that_of_the_smallest_value),
        cmocka_unit_test(a_unit_that_was_asked_for_stays),
        cmocka_unit_test(a_ratio_divides_and_cuts),
        cmocka_unit_test(a_mean_is_over_the_first_column),
        cmocka_unit_test(a_profile_is_described_from_its_header),
        cmocka_unit_test(a_duration_is_compared_with_time_only),
        cmocka_unit_test(an_empty_profile_has_no_labels),
        cmocka_unit_test(filters_are_named_and_cut),
        cmocka_unit_test(a_picture_says_more),
        cmocka_unit_test(every_report_survives_running_out_of_memory),
        cmocka_unit_test(a_full_buffer_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
