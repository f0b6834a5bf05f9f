/* The pull-request comment: marker, verdict, table, folds; never over 60 kB. */
#include "report/sample.h"

#include <stdio.h>
#include <stdlib.h>

#define NBSP "\xc2\xa0"

static struct buf page(const struct report *r)
{
    return sample_render("markdown", r, (struct render_options){0});
}

static size_t count(struct span text, const char *needle)
{
    size_t n = 0;
    for (struct span rest = text;;) {
        const size_t at = span_find(rest, needle);
        if (at == rest.len) {
            return n;
        }
        n++;
        rest = span_from(rest, at + strlen(needle));
    }
}

static void opening_is_marker_and_verdict(void **state)
{
    (void)state;
    struct sample s;
    struct buf b = page(sample_report(&s));
    static const char want[] =
        "<!-- seep:leaks:orders -->\n"
        "### LEAK: 1 strong, 1 suspect findings in 10 snapshots over 22.5 s\n"
        "orders, no restart\n"
        "\n"
        "| | grade | what | change | per hour | where |\n"
        "|--:|---|---|--:|--:|---|\n"
        "| 1 | **strong** | goroutines wait on a channel receive | "
        "24" NBSP "\xe2\x86\x92 306 | +45k/h | `main.(*Dispatcher).await` "
        "dispatcher.go:88 |\n"
        "| 2 | **suspect** | memory allocated here stays in use | "
        "1.0" NBSP "MB" NBSP "\xe2\x86\x92 10.0" NBSP "MB | +1.4" NBSP
        "GB/h | `acme.dev/orders/session.open` "
        "session/open.go:12 |\n"
        "\n"
        "```mermaid\n"
        "---\n"
        "config:\n"
        "  xyChart:\n"
        "    width: 720\n"
        "    height: 260\n"
        "  themeVariables:\n"
        "    xyChart:\n"
        "      plotColorPalette: \"#3b82f6\"\n"
        "---\n"
        "xychart-beta\n"
        "  title \"Growth of finding 1\"\n"
        "  x-axis \"snapshot, over 22.5 s\" 1 --> 10\n"
        "  y-axis \"goroutines\" 0 --> 350\n"
        "  line [24, 55.30, 86.60, 117.90, 149.20, 180.50, 211.80, 243.10, "
        "274.40, 305.70]\n"
        "```\n"
        "\n"
        "finding 1, `main.(*Dispatcher).await`\n"
        "\n"
        "```mermaid\n";
    static const char folds[] =
        "\n"
        "finding 2, `acme.dev/orders/session.open`\n"
        "\n"
        "<details><summary>1. strong: goroutines wait on a channel receive, "
        "<code>main.(*Dispatcher).await</code></summary>\n";
    assert_true(span_starts(buf_view(&b), want));
    assert_true(span_has(buf_view(&b), "  y-axis \"MB\" 0 --> 10\n"
                                       "  line [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"
                                       "\n"));
    assert_true(span_has(buf_view(&b), folds));
    assert_true(span_has(buf_view(&b), "```text\n"
                                       "runtime.gopark  runtime/proc.go:424\n"
                                       "main.(*Dispatcher).await  "
                                       "dispatcher.go:88\n```\n"));
    buf_release(&b);
}

static void states_and_the_patch_lead_the_comment(void **state)
{
    (void)state;
    struct sample_review v;
    struct buf b = page(sample_reviewed(&v));
    const struct span text = buf_view(&b);
    assert_true(span_starts(
        text,
        "<!-- seep:leaks:orders -->\n"
        "### LEAK: 1 new, 1 worse, 1 existing, 1 accepted, 1 fixed\n"
        "2 strong, 2 suspect findings in 10 snapshots over 22.5 s "
        "(orders, no restart)\n"
        "\n"
        "| | state | grade | what | change | per hour | where | touched "
        "by this change |\n"
        "|--:|---|---|---|--:|--:|---|---|\n"
        "| 1 | \xf0\x9f\x86\x95" NBSP "new | **strong** | goroutines wait on a "
        "channel receive | 24" NBSP "\xe2\x86\x92 306 | +45k/h | "
        "`main.(*Dispatcher).await` orders/dispatcher.go:88 | **line** "
        "|\n"
        "| 2 | \xf0\x9f\x93\x88" NBSP "worse | **suspect** | "));
    assert_true(span_has(text, " | **function** |\n| 3 |  | **suspect** | "));
    assert_true(span_has(text, " | no |\n|  | \xe2\x9c\x85" NBSP "fixed "
                               "|  | "));
    assert_true(span_has(text, " | no |\n| 4 | existing | "));
    assert_true(span_has(text, "- **state** worse: 10.0 MB, 24 B in the "
                               "baseline, moved from 0123456789abcdef\n"
                               "- **found** 2025-11-13T02:13:20Z\n"
                               "- **patch** touched by this change (function): "
                               "acme.dev/orders/session.open"));
    assert_true(span_has(text, "- **gate** does not fail the run: below "
                               "--min-bytes 16.0 MB\n"));
    assert_true(span_has(text, "<details><summary>1 accepted</summary>"));
    assert_true(span_has(text, "by .seep.yml:12 until 2026-12-31: the pool is "
                               "bounded by 400 |\n"));
    assert_true(span_has(text, "```sh\nseep leaks snapshots/ --patch "
                               "change.diff\n```\n"));
    assert_true(span_has(text, " go1.23.5. seep 0.1.0</sub>\n"));
    /* Open ones have a fold each: neither what is fixed nor what is accepted
       has. */
    assert_int_equal(count(text, "<details>"), 4 + 2);
    assert_int_equal(count(text, "\n```yaml\n"), 4);
    buf_release(&b);
}

static void another_frame_that_is_touched_is_named(void **state)
{
    (void)state;
    struct sample_review v;
    sample_reviewed(&v);
    v.items[1].patched = &v.base.stack[1];
    struct buf b = page(&v.base.report);
    assert_true(span_has(buf_view(&b), "session/open.go:12 | **line** "
                                       "`orders/dispatcher.go:88` |\n"));
    buf_release(&b);
}

static void commands_with_backticks_stay_in_their_block(void **state)
{
    (void)state;
    struct sample_review v;
    sample_reviewed(&v);
    v.base.report.reproduce = "seep leaks '```' \x1b[31m\n```\n# hello";
    struct buf b = page(&v.base.report);
    assert_true(span_has(buf_view(&b), "\n````sh\nseep leaks '```' \\x1b[31m\n"
                                       "```\n# hello\n````\n"));
    buf_release(&b);
}

/* What changed and what is fixed must not fall to what was there before. */
static void new_findings_come_before_existing_ones(void **state)
{
    (void)state;
    enum { N = 500 };
    struct sample s;
    struct finding *items = calloc(N, sizeof(*items));
    assert_non_null(items);
    sample_huge(&s, items, N);
    for (size_t i = 0; i < N; i++) {
        items[i].state = i < N - 2 ? "existing" : i < N - 1 ? "new" : "fixed";
    }
    struct buf b = page(&s.report);
    const struct span text = buf_view(&b);
    assert_true(b.len < 60000);
    assert_true(span_has(text, "\n| 1 | \xf0\x9f\x86\x95" NBSP "new | "));
    assert_true(span_has(text, "\n|  | \xe2\x9c\x85" NBSP "fixed | "));
    assert_true(span_has(text, "\n| 2 | existing | "));
    assert_true(span_has(text, " more findings left out for length.\n"));
    buf_release(&b);
    free(items);
}

static void what_cannot_be_drawn_has_no_chart(void **state)
{
    (void)state;
    struct sample s;
    sample_report(&s);
    s.goroutines[3] = NAN;
    s.metrics[1].n_series = 2;
    struct buf b = page(&s.report);
    assert_false(span_has(buf_view(&b), "mermaid"));
    buf_release(&b);
}

/* From zero it would be a flat line. */
static void growth_on_a_high_level_is_seen(void **state)
{
    (void)state;
    struct sample s;
    sample_report(&s);
    for (size_t i = 0; i < 10; i++) {
        s.goroutines[i] = 10000 + 10 * (double)i;
    }
    struct buf b = page(&s.report);
    assert_true(span_has(buf_view(&b), "\"goroutines\" 9955 --> 10112.50\n"));
    buf_release(&b);
}

static void long_series_are_thinned(void **state)
{
    (void)state;
    enum { N = 5000 };
    struct sample s;
    sample_report(&s);
    double *series = calloc(N, sizeof(*series));
    assert_non_null(series);
    for (size_t i = 0; i < N; i++) {
        series[i] = (double)i;
    }
    s.metrics[0].series = series;
    s.metrics[0].n_series = N;
    s.findings.n = 1;
    struct buf b = page(&s.report);
    assert_true(span_has(buf_view(&b), " 1 --> 5000\n"));
    assert_true(b.len < 5000);
    buf_release(&b);
    free(series);
}

/* Without fenced blocks and code spans: what Markdown and HTML act on. */
static void outside_code(struct buf *out, struct span text)
{
    bool in_fence = false;
    bool in_span = false;
    for (struct span rest = text, line; span_line(&rest, &line);) {
        if (span_starts(line, "```")) {
            in_fence = !in_fence;
            continue;
        }
        /* A line that opens HTML is HTML to its end. */
        if (span_starts(line, "<details>")) {
            buf_span(out, line);
            line.len = 0;
        }
        for (size_t i = 0; i < line.len && !in_fence; i++) {
            if (!in_span && line.p[i] == '\\') {
                i++; /* and what it escapes */
            } else if (line.p[i] == '`') {
                in_span = !in_span;
            } else if (!in_span) {
                buf_char(out, line.p[i]);
            }
        }
        assert_false(in_span);
        buf_char(out, '\n');
    }
    assert_false(in_fence);
}

/* What is open is closed, and every row has its seven cells. */
static void check_shape(struct span whole, size_t n_findings)
{
    struct buf outside = BUF_LIMIT(1 << 20);
    outside_code(&outside, whole);
    const struct span text = buf_view(&outside);
    assert_true(whole.len <= 60000);
    assert_int_equal(count(text, "<details>"), count(text, "</details>"));
    assert_int_equal(count(text, "<summary>"), count(text, "</summary>"));
    assert_int_equal(count(text, "<code>"), count(text, "</code>"));
    assert_int_equal(count(text, "\n| ") - count(text, "\n| |"), n_findings);
    assert_true(span_starts(text, "<!-- seep:"));
    assert_int_equal(count(text, "</sub>"), 1);
    assert_int_equal(count(text, "<b>"), 0);
    buf_release(&outside);
}

static void empty_report_is_a_short_comment(void **state)
{
    (void)state;
    struct sample s;
    struct buf b = page(sample_empty(&s));
    assert_string_equal(b.data, "<!-- seep:leaks: -->\n"
                                "### CLEAN: nothing grows beyond noise\n"
                                "\n<sub>seep 0.1.0</sub>\n");
    buf_release(&b);
}

static void hostile_names_do_not_break_out(void **state)
{
    (void)state;
    struct sample s;
    sample_hostile(&s);
    s.report.n_tables = 0;
    struct buf b = page(&s.report);
    const struct span text = buf_view(&b);
    check_shape(text, 2);
    assert_int_equal(count(text, "\x1b"), 0);
    assert_false(span_has(text, "\xe2\x80\xae"));
    assert_false(span_has(text, " @all #1 *x*"));
    buf_release(&b);
}

static void hostile_program_name_cannot_end_the_marker(void **state)
{
    (void)state;
    struct sample s;
    sample_report(&s);
    s.about.program = "a--> <script>x</script> --b";
    struct buf b = page(&s.report);
    struct span rest = buf_view(&b);
    struct span line;
    assert_true(span_line(&rest, &line));
    assert_true(span_is(line, "<!-- seep:leaks:a-script-x-script-b -->"));
    buf_release(&b);
}

enum { N_HUGE = 10000 };

static void huge_report_is_cut_by_whole_findings(void **state)
{
    (void)state;
    struct sample s;
    struct finding *items = calloc(N_HUGE, sizeof(*items));
    assert_non_null(items);
    struct buf b = page(sample_huge(&s, items, N_HUGE));
    const struct span text = buf_view(&b);
    const size_t n_shown = count(text, "<details>");
    assert_true(n_shown > 20 && text.len > 40000);
    check_shape(text, n_shown);
    char line[80];
    snprintf(line, sizeof line, "\n%zu more findings left out for length.\n",
             N_HUGE - n_shown);
    assert_true(span_has(text, line));
    buf_release(&b);
    free(items);
}

/* One finding with an absurd stack must not hide the others. */
static void huge_finding_is_told_briefly(void **state)
{
    (void)state;
    struct sample s;
    sample_report(&s);
    struct buf name = BUF_LIMIT(1 << 20);
    buf_str(&name, "main.");
    for (size_t i = 0; i < 100000; i++) {
        buf_str(&name, "\xe4\xb8\xad");
    }
    struct frame *stack = calloc(5000, sizeof(*stack));
    assert_non_null(stack);
    for (size_t i = 0; i < 5000; i++) {
        stack[i] =
            (struct frame){.function = name.data, .file = name.data, .line = 1};
    }
    s.items[0].stack = stack;
    s.items[0].n_stack = 5000;
    s.items[0].cause = name.data;
    struct buf b = page(&s.report);
    check_shape(buf_view(&b), 2);
    assert_true(b.len < 16000);
    assert_int_equal(count(buf_view(&b), "```text"), 1); /* the other's */
    buf_release(&b);
    buf_release(&name);
    free(stack);
}

/* What is pasted must fit: a name that is elided in its middle does not. */
static void the_suppression_has_whole_names(void **state)
{
    (void)state;
    struct sample s;
    sample_report(&s);
    struct buf name = BUF_LIMIT(4096);
    buf_str(&name, "main.");
    buf_repeat(&name, 'x', 900);
    s.items[0].site.function = name.data;
    struct buf b = page(&s.report);
    buf_str(&name, "'\n");
    assert_true(span_has(buf_view(&b), name.data));
    buf_release(&b);
    buf_release(&name);
}

static void charts_are_in_the_order_of_the_findings(void **state)
{
    (void)state;
    struct sample s;
    sample_report(&s);
    const struct finding first = s.items[0];
    s.items[0] = s.items[1];
    s.items[1] = first;
    struct buf b = page(&s.report);
    const char *bytes = strstr(b.data, "y-axis \"MB\"");
    const char *counts = strstr(b.data, "y-axis \"goroutines\"");
    assert_true(bytes && counts && bytes < counts);
    buf_release(&b);
}

/* A note names functions and files: a cut in the middle would lose the name. */
static void notes_have_whole_names(void **state)
{
    (void)state;
    static const char note[] =
        "does not fail: acme.dev/shop/internal/audit/trail.(*Recorder).wait is "
        "within the noise of 3 calibration runs: 12 goroutines, at most 40 in "
        "healthy ones";
    const char *const notes[] = {note};
    struct sample s;
    sample_report(&s);
    s.report.notes = notes;
    s.report.n_notes = 1;
    struct buf b = page(&s.report);
    assert_true(span_has(buf_view(&b), "acme.dev/shop/internal/audit/trail."
                                       "(\\*Recorder).wait is within the noise"
                                       " of 3 calibration runs"));
    buf_release(&b);
}

static void many_notes_and_rows_still_fit(void **state)
{
    (void)state;
    struct sample s;
    struct finding *items = calloc(N_HUGE, sizeof(*items));
    struct report_cell *cells = calloc((size_t)4 * N_HUGE, sizeof(*cells));
    const char **notes = calloc(N_HUGE, sizeof(*notes));
    assert_true(items && cells && notes);
    sample_with_table(&s);
    for (size_t i = 0; i < N_HUGE; i++) {
        notes[i] = SAMPLE_HOSTILE SAMPLE_HOSTILE SAMPLE_HOSTILE;
        memcpy(&cells[4 * i], s.cells, 4 * sizeof(*cells));
    }
    s.table.cells = cells;
    s.table.n_rows = N_HUGE;
    s.report.notes = notes;
    s.report.n_notes = N_HUGE;
    struct buf b = page(&s.report);
    assert_true(b.len <= 60000 && b.len > 40000);
    assert_true(span_has(buf_view(&b), " more rows left out.\n"));
    assert_true(span_has(buf_view(&b), "- 9992 more notes\n"));
    assert_true(span_ends(buf_view(&b), "</sub>\n"));
    buf_release(&b);
    free(items);
    free(cells);
    free(notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_is_marker_and_verdict),
        cmocka_unit_test(states_and_the_patch_lead_the_comment),
        cmocka_unit_test(another_frame_that_is_touched_is_named),
        cmocka_unit_test(commands_with_backticks_stay_in_their_block),
        cmocka_unit_test(new_findings_come_before_existing_ones),
        cmocka_unit_test(what_cannot_be_drawn_has_no_chart),
        cmocka_unit_test(growth_on_a_high_level_is_seen),
        cmocka_unit_test(long_series_are_thinned),
        cmocka_unit_test(empty_report_is_a_short_comment),
        cmocka_unit_test(hostile_names_do_not_break_out),
        cmocka_unit_test(hostile_program_name_cannot_end_the_marker),
        cmocka_unit_test(huge_report_is_cut_by_whole_findings),
        cmocka_unit_test(huge_finding_is_told_briefly),
        cmocka_unit_test(the_suppression_has_whole_names),
        cmocka_unit_test(charts_are_in_the_order_of_the_findings),
        cmocka_unit_test(notes_have_whole_names),
        cmocka_unit_test(many_notes_and_rows_still_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
