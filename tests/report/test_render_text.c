/*
 * The text report: a golden page, and what must hold whatever the report is:
 * never wider than the terminal, no control characters, colour adds nothing
 * but colour.
 */
#include "report/sample.h"

#include "report/plain.h"

#include <stdlib.h>

static const char golden[] =
    "LEAK  1 strong, 1 suspect findings in 10 snapshots over 22.5 s\n"
    "  (orders, no restart)\n"
    "\n"
    " 1 strong  goroutines wait on a channel receive               "
    "24 -> 306   +45k/h\n"
    "   main.(*Dispatcher).await  dispatcher.go:88   "
    "goroutine-chan-receive\n"
    "   _.--~=++*#  12.5/s (95% 12.3-12.8), p 3e-07, q 8e-05\n"
    "   why    306 goroutines wait to receive from a channel; none of the "
    "first 24\n"
    "          ended. @WHY0\n"
    "   seen   the longest has waited 3 minutes\n"
    "   fix    @FIX0\n"
    "   from   main.(*Dispatcher).Send  dispatcher.go:61\n"
    "   unless @UNLESS0\n"
    "   check  seep fetch HOST --profile goroutine --debug 2   (how long each "
    "waited)\n"
    "\n"
    " 2 suspect  memory allocated here stays in use     "
    "1.0 MB -> 10.0 MB   +1.4 GB/h\n"
    "   acme.dev/orders/session.open  session/open.go:12   heap-growth\n"
    "   _.--~=++*#  407 KB/s (95% 326 KB to 488 KB), p 0.0040, q 0.030, 97% "
    "kept,\n"
    "   sampling error 22%\n"
    "   why    10 MB in 40,960 objects allocated here are still in use. "
    "@WHY1\n"
    "   fix    @FIX1\n"
    "   from   main.serve\n"
    "   unless a cache on its way to its bound\n"
    "   check  debug.WriteHeapDump(fd)   (who holds them)\n"
    "\n"
    "8 other sites grew within noise. Smallest leak this window could show: "
    "1.5 MB,\n"
    "10 goroutines.\n"
    "note: 1 file ignored: README\n";

/* The words of one paragraph, however they are wrapped. */
static void add_unwrapped(struct buf *out, struct span text)
{
    bool was_blank = true;
    for (size_t i = 0; i < text.len; i++) {
        const bool is_blank = text.p[i] == ' ' || text.p[i] == '\n';
        if (!is_blank) {
            buf_char(out, text.p[i]);
        } else if (!was_blank) {
            buf_char(out, ' ');
        }
        was_blank = is_blank;
    }
}

/* Puts the rules' own sentences, which may be reworded, into the golden. */
static void fill_golden(struct buf *out)
{
    const struct rule *r0 = rules_find("goroutine-chan-receive");
    const struct rule *r1 = rules_find("heap-growth");
    struct buf unless = BUF_LIMIT(4096);
    buf_printf(&unless, "%s; %s", r0->alternatives[0], r0->alternatives[1]);
    const struct {
        const char *mark, *text;
    } rows[] = {
        {"@WHY0",    r0->why    },
        {"@FIX0",    r0->fix    },
        {"@UNLESS0", unless.data},
        {"@WHY1",    r1->why    },
        {"@FIX1",    r1->fix    }
    };
    for (const char *at = golden; *at;) {
        size_t i = 0;
        while (i < 5 && strncmp(at, rows[i].mark, strlen(rows[i].mark)) != 0) {
            i++;
        }
        if (i < 5) {
            buf_str(out, rows[i].text);
            at += strlen(rows[i].mark);
        } else {
            buf_char(out, *at++);
        }
    }
    buf_release(&unless);
}

static void sample_reads_as_sketched(void **state)
{
    (void)state;
    struct sample s;
    struct buf got = sample_render("text", sample_report(&s),
                                   (struct render_options){.ascii = true});
    struct buf want = BUF_LIMIT(1 << 16);
    struct buf a = BUF_LIMIT(1 << 16);
    struct buf b = BUF_LIMIT(1 << 16);
    fill_golden(&want);
    add_unwrapped(&a, buf_view(&got));
    add_unwrapped(&b, buf_view(&want));
    assert_string_equal(a.data, b.data);
    /* Lines without a rule's sentence are compared as they stand. */
    struct span rest = span_of(golden);
    for (struct span line; span_line(&rest, &line);) {
        char text[128];
        if (line.len < sizeof text && !span_has(line, "@")) {
            memcpy(text, line.p, line.len);
            text[line.len] = '\0';
            if (!span_has(buf_view(&got), text)) {
                fail_msg("line missing: %s", text);
            }
        }
    }
    buf_release(&got);
    buf_release(&want);
    buf_release(&a);
    buf_release(&b);
}

static void check_page(const struct buf *page, size_t columns)
{
    struct span rest = buf_view(page);
    for (struct span line; span_line(&rest, &line);) {
        if (plain_width(line) > columns) {
            fail_msg("%zu columns: %.*s", plain_width(line), (int)line.len,
                     line.p);
        }
        assert_true(line.len == 0 || line.p[line.len - 1] != ' ');
        for (size_t i = 0; i < line.len; i++) {
            assert_true((unsigned char)line.p[i] >= ' ' && line.p[i] != 0x7f);
        }
    }
}

enum { TABLE_EXCESS = 60 };

static void only_table_rows_may_be_wider_than_the_terminal(void **state)
{
    (void)state;
    static const unsigned widths[] = {0, 60, 71, 80, 100, 160};
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        const struct render_options o = {.columns = widths[i],
                                         .verbose = i % 2 == 0};
        struct sample s;
        struct buf pages[] = {
            sample_render("text", sample_report(&s), o),
            sample_render("text", sample_with_table(&s), o),
            sample_render("text", sample_hostile(&s), o),
            sample_render("text", sample_empty(&s), o),
        };
        for (size_t k = 0; k < sizeof(pages) / sizeof(pages[0]); k++) {
            /* A name nobody can read is worse than a long row: tables keep
               48 columns of it. */
            const size_t table = k == 1 || k == 2 ? TABLE_EXCESS : 0;
            check_page(&pages[k], (widths[i] ? widths[i] : 80) + table);
            buf_release(&pages[k]);
        }
    }
}

static void long_names_are_cut_to_the_width(void **state)
{
    (void)state;
    struct sample s;
    sample_with_table(&s);
    struct buf name = BUF_LIMIT(1 << 20);
    buf_str(&name, "acme.dev/");
    buf_repeat(&name, 'x', 100000);
    buf_str(&name, ".(*T[acme.dev/y.Z]).Method");
    s.items[0].site.function = name.data;
    s.items[0].site.file = name.data;
    s.items[0].headline = name.data;
    s.items[0].cause = name.data;
    s.cells[3].text = name.data;
    struct buf page = sample_render("text", &s.report,
                                    (struct render_options){.ascii = true});
    check_page(&page, 250);
    assert_true(span_has(buf_view(&page), ".Method"));
    buf_release(&page);
    buf_release(&name);
}

static void without_escapes(struct buf *out, struct span in)
{
    for (size_t i = 0; i < in.len; i++) {
        if (in.p[i] == '\x1b') {
            while (in.p[i] != 'm') {
                i++;
            }
        } else {
            buf_char(out, in.p[i]);
        }
    }
}

static void colour_adds_only_colour(void **state)
{
    (void)state;
    struct sample s;
    const struct report *r = sample_with_table(&s);
    struct buf plain = sample_render("text", r, (struct render_options){0});
    struct buf color =
        sample_render("text", r, (struct render_options){.color = true});
    struct buf stripped = BUF_LIMIT(1 << 20);
    without_escapes(&stripped, buf_view(&color));
    assert_true(color.len > plain.len);
    assert_string_equal(stripped.data, plain.data);
    buf_release(&plain);
    buf_release(&color);
    buf_release(&stripped);
}

static bool says(const struct report *r, struct render_options o,
                 const char *text)
{
    struct buf page = sample_render("text", r, o);
    const bool found = span_has(buf_view(&page), text);
    buf_release(&page);
    return found;
}

static void verdict_comes_first_in_every_case(void **state)
{
    (void)state;
    const struct render_options o = {0};
    struct sample s;
    const struct report *r = sample_empty(&s);
    assert_true(says(r, o, "CLEAN  nothing grows beyond noise\n"));
    s.findings.verdict = VERDICT_INCONCLUSIVE;
    s.findings.limits.advice = "wait 4 more minutes";
    assert_true(says(r, o, "INCONCLUSIVE  too little to judge\n"));
    assert_true(says(r, o, "To know more: wait 4 more minutes.\n"));
    s.findings.n_within_noise = 1;
    assert_true(says(r, o, "1 site grew within noise."));
}

static void what_is_proven_has_no_unless(void **state)
{
    (void)state;
    const struct render_options o = {0};
    struct sample s;
    const struct report *r = sample_report(&s);
    s.findings.n = 1;
    assert_true(says(r, o, "   unless a slow"));
    s.items[0].grade = GRADE_PROVEN;
    assert_false(says(r, o, "   unless "));
}

static void one_replica_is_told_by_its_name(void **state)
{
    (void)state;
    const struct render_options o = {0};
    const char *worst[] = {"orders-3:6060"};
    struct finding_replicas one = {.n_with = 1,
                                   .n_targets = 1,
                                   .rms = 96,
                                   .min = 96,
                                   .median = 96,
                                   .max = 96,
                                   .worst = worst,
                                   .n_worst = 1};
    struct sample s;
    const struct report *r = sample_report(&s);
    s.items[0].replicas = &one;
    s.items[0].first_seen_nanos = INT64_C(1763900000000000000);
    assert_true(says(r, o, "   fleet  in orders-3:6060\n"));
    assert_true(says(r, o, "   found  2025-11-23T12:13:20Z\n"));
    one.n_targets = 40;
    assert_true(says(r, o, "   fleet  in 1 of 40 replicas, rms "));
}

static void memory_limit_is_told(void **state)
{
    (void)state;
    const struct render_options o = {0};
    struct sample s;
    const struct report *r = sample_report(&s);
    assert_false(says(r, o, "The limit of"));
    s.findings.oom = (struct out_of_memory){true, 536870912, 5400, 3600, 7200};
    assert_true(says(r, o,
                     "The limit of 512 MB is reached in about 1 h 30 min "
                     "(95% 1 h to 2 h) at"));
    assert_true(says(r, o, "the heap may grow to twice what is live."));
    s.findings.oom.seconds = 0;
    assert_true(says(r, o, "The limit of 512 MB is passed, or will be at the"));
    s.findings.oom.seconds = NAN;
    assert_true(says(r, o, "The limit of 512 MB is not in sight."));
}

static void infos_are_for_verbose(void **state)
{
    (void)state;
    struct sample s;
    const struct report *r = sample_report(&s);
    s.items[1].grade = GRADE_INFO;
    assert_false(says(r, (struct render_options){0}, "session/open.go"));
    assert_true(says(r, (struct render_options){0},
                     "1 more of grade info; --verbose shows it."));
    assert_true(
        says(r, (struct render_options){.verbose = true}, "session/open.go"));
}

static void findings_without_site_or_figures_are_shown(void **state)
{
    (void)state;
    struct sample s;
    const struct report *r = sample_report(&s);
    s.items[0] = (struct finding){
        .rule = rules_find("memstats-growth"),
        .grade = GRADE_SUSPECT,
        .statistics = {.p = NAN, .q = NAN, .retention = NAN}
    };
    assert_true(says(r, (struct render_options){0},
                     "   (the whole process)   memstats-growth\n"));
    assert_true(says(r, (struct render_options){0},
                     " 1 suspect  a figure of the runtime grows\n"));
}

enum { N_HUGE = 10000 };

static void ten_thousand_findings_are_numbered(void **state)
{
    (void)state;
    struct sample s;
    struct finding *items = calloc(N_HUGE, sizeof(*items));
    assert_non_null(items);
    struct buf page = sample_render("text", sample_huge(&s, items, N_HUGE),
                                    (struct render_options){0});
    check_page(&page, 80);
    assert_true(span_has(buf_view(&page), "\n10000 suspect  "));
    buf_release(&page);
    free(items);
}

static void small_limit_is_an_error_not_a_half_page(void **state)
{
    (void)state;
    struct sample s;
    struct err err = {0};
    struct buf out = BUF_LIMIT(200);
    const struct render_options o = {0};
    assert_false(report_renderer_find("text")->render(sample_report(&s), &o,
                                                      &out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_release(&out);
}

static bool render_once(void *ctx, struct err *err)
{
    struct sample s;
    const struct render_options o = {.verbose = true};
    struct buf out = BUF_LIMIT(1 << 20);
    const struct renderer *renderer = ctx;
    const bool ok = renderer->render(sample_with_table(&s), &o, &out, err);
    buf_release(&out);
    return ok;
}

static void running_out_of_memory_is_reported(void **state)
{
    (void)state;
    union {
        const struct renderer *from;
        void *to;
    } r = {report_renderer_find("text")};
    assert_true(oom_walk(render_once, r.to) > 0);
    r.from = report_renderer_find("markdown");
    assert_true(oom_walk(render_once, r.to) > 0);
    r.from = report_renderer_find("json");
    assert_true(oom_walk(render_once, r.to) > 0);
}

static void states_patch_and_acceptance_are_said(void **state)
{
    (void)state;
    struct sample_review v;
    struct buf b = sample_render("text", sample_reviewed(&v),
                                 (struct render_options){.columns = 80});
    const struct span text = buf_view(&b);
    assert_true(span_has(
        text, "(orders, no restart)\n"
              "1 new, 1 worse, 1 existing, 1 accepted, 1 fixed\n\n 1 strong"));
    assert_true(span_has(text, "   state  new\n"
                               "   patch  touched by this change (line): "
                               "main.(*Dispatcher).await\n"
                               "          orders/dispatcher.go:88\n"));
    assert_true(span_has(text, "   state  worse: 10.0 MB, 24 B in the baseline"
                               ", moved from 0123456789abcdef\n"));
    assert_true(
        span_has(text, "\nfixed  memory allocated here stays in use at "));
    assert_true(span_has(text, "\n1 accepted; --verbose shows it.\n"));
    assert_true(span_has(text, "   gate   does not fail the run: below "
                               "--min-bytes 16.0 MB\n"));
    assert_false(span_has(text, ".seep.yml:12"));
    assert_false(span_has(text, "\n 5 "));
    buf_release(&b);
    b = sample_render("text", &v.base.report,
                      (struct render_options){.columns = 80, .verbose = true});
    assert_true(span_has(buf_view(&b), "   accept by .seep.yml:12 until "
                                       "2026-12-31: the pool is bounded by "
                                       "400\n"));
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_patch_and_acceptance_are_said),
        cmocka_unit_test(sample_reads_as_sketched),
        cmocka_unit_test(only_table_rows_may_be_wider_than_the_terminal),
        cmocka_unit_test(long_names_are_cut_to_the_width),
        cmocka_unit_test(colour_adds_only_colour),
        cmocka_unit_test(verdict_comes_first_in_every_case),
        cmocka_unit_test(what_is_proven_has_no_unless),
        cmocka_unit_test(one_replica_is_told_by_its_name),
        cmocka_unit_test(memory_limit_is_told),
        cmocka_unit_test(infos_are_for_verbose),
        cmocka_unit_test(findings_without_site_or_figures_are_shown),
        cmocka_unit_test(ten_thousand_findings_are_numbered),
        cmocka_unit_test(small_limit_is_an_error_not_a_half_page),
        cmocka_unit_test(running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
