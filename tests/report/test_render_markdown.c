/* The pull-request comment: marker, verdict, table, folds; never over 60 kB. */
#include "report/sample.h"

#include <stdio.h>
#include <stdlib.h>

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
        "| | grade | what | change | per hour | where | rule |\n"
        "|--:|---|---|--:|--:|---|---|\n"
        "| 1 | **strong** | goroutines wait on a channel receive | "
        "24 -> 306 | +45k/h | `main.(*Dispatcher).await` dispatcher.go:88 | "
        "goroutine-chan-receive |\n"
        "| 2 | **suspect** | memory allocated here stays in use | "
        "1.0 MB -> 10.0 MB | +1.4 GB/h | `acme.dev/orders/session.open` "
        "session/open.go:12 | heap-growth |\n"
        "\n"
        "<details><summary>1. strong: goroutines wait on a channel receive, "
        "<code>main.(*Dispatcher).await</code></summary>\n";
    assert_true(span_starts(buf_view(&b), want));
    assert_true(span_has(buf_view(&b), "```text\n"
                                       "runtime.gopark  runtime/proc.go:424\n"
                                       "main.(*Dispatcher).await  "
                                       "dispatcher.go:88\n```\n"));
    buf_release(&b);
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
        cmocka_unit_test(empty_report_is_a_short_comment),
        cmocka_unit_test(hostile_names_do_not_break_out),
        cmocka_unit_test(hostile_program_name_cannot_end_the_marker),
        cmocka_unit_test(huge_report_is_cut_by_whole_findings),
        cmocka_unit_test(huge_finding_is_told_briefly),
        cmocka_unit_test(many_notes_and_rows_still_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
