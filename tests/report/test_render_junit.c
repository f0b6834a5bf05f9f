/* JUnit XML: what fails, what is skipped, what was not looked for. */
#include "report/sample.h"

#include <stdlib.h>

static struct buf page(const struct report *r)
{
    return sample_render("junit", r, (struct render_options){0});
}

static size_t count(struct span text, const char *needle)
{
    size_t n = 0;
    for (struct span rest = text;; n++) {
        const size_t at = span_find(rest, needle);
        if (at == rest.len) {
            return n;
        }
        rest = span_from(rest, at + strlen(needle));
    }
}

/* The part of one test case; empty when there is none. */
static struct span case_part(struct span text, const char *name)
{
    struct buf wanted = BUF_LIMIT(256);
    buf_printf(&wanted, " name=\"%s\"", name);
    struct span part = span_from(text, span_find(text, wanted.data));
    buf_release(&wanted);
    return span_first(part, span_find(part, "<testcase"));
}

static void a_clean_run_shows_what_was_checked(void **state)
{
    (void)state;
    struct sample s;
    sample_report(&s);
    s.findings.n = 0;
    s.findings.verdict = VERDICT_CLEAN;
    struct buf b = page(&s.report);
    const struct span text = buf_view(&b);
    assert_true(span_has(text, " failures=\"0\" errors=\"0\""));
    assert_true(span_has(text, "<testcase classname=\"seep.leaks.orders\" "
                               "name=\"heap-growth\"/>\n"));
    assert_true(span_has(text, "<system-out>CLEAN: nothing grows beyond noise "
                               "in 10 snapshots over 22.5 s</system-out>"));
    /* No heap dump was given: its rules did not pass. */
    assert_int_equal(case_part(text, "dump-global").len, 0);
    assert_true(span_has(text, "not checked, since no input could show it: "));
    assert_true(span_has(text, "dump-global"));
    buf_release(&b);
}

static void findings_fail_their_rule_with_the_stack(void **state)
{
    (void)state;
    struct sample s;
    struct buf b = page(sample_report(&s));
    const struct span part = case_part(buf_view(&b), "goroutine-chan-receive");
    assert_true(span_has(part, "<failure type=\"strong\" message=\"goroutines "
                               "wait on a channel receive at "));
    assert_true(span_has(part, "24 -&gt; 306"));
    assert_true(span_has(part, "\n    runtime.gopark  runtime/proc.go:424\n    "
                               "main.(*Dispatcher).await  dispatcher.go:88\n"
                               "</failure>"));
    assert_int_equal(count(buf_view(&b), "<failure "), 2);
    assert_true(span_has(buf_view(&b), " failures=\"2\" errors=\"0\""));
    buf_release(&b);
}

static void the_gate_decides_what_fails(void **state)
{
    (void)state;
    struct sample_review v;
    sample_reviewed(&v);
    struct report_gate gate = {.fail_on = GRADE_STRONG};
    v.base.report.gate = &gate;
    struct buf b = page(&v.base.report);
    struct span part = case_part(buf_view(&b), "goroutine-chan-receive");
    assert_true(span_has(part, "message=\"2 findings; the first: "));
    part = case_part(buf_view(&b), "heap-growth");
    assert_false(span_has(part, "<failure"));
    assert_true(span_has(part, "<system-out>\n1234567890abcde1, suspect: "));
    buf_release(&b);

    gate.only_new = true;
    b = page(&v.base.report);
    part = case_part(buf_view(&b), "goroutine-chan-receive");
    assert_false(span_has(part, "2 findings"));
    assert_true(span_has(part, "<failure"));
    buf_release(&b);

    gate.is_never = true;
    b = page(&v.base.report);
    assert_int_equal(count(buf_view(&b), "<failure"), 0);
    buf_release(&b);
}

static void what_is_too_small_does_not_fail(void **state)
{
    (void)state;
    struct sample s;
    sample_report(&s);
    s.items[1].uncounted = "below --min-bytes 16.0 MB";
    struct buf b = page(&s.report);
    const struct span part = case_part(buf_view(&b), "heap-growth");
    assert_false(span_has(part, "<failure"));
    assert_true(span_has(part, "Does not fail the run: below --min-bytes"));
    buf_release(&b);
}

static void accepted_is_skipped(void **state)
{
    (void)state;
    struct sample_review v;
    sample_reviewed(&v);
    v.items[0] = v.items[4];
    v.base.findings.n = 1;
    struct buf b = page(&v.base.report);
    const struct span part = case_part(buf_view(&b), "goroutine-chan-receive");
    assert_true(span_has(part, "<skipped message=\"1 accepted; the first: by "
                               ".seep.yml:12 until 2026-12-31: the pool is "
                               "bounded by 400\"/>"));
    assert_true(span_has(buf_view(&b), "skipped=\"1\""));
    buf_release(&b);
}

static void a_run_that_decides_nothing_is_never_green(void **state)
{
    (void)state;
    struct sample s;
    sample_report(&s);
    s.findings.n = 0;
    s.findings.verdict = VERDICT_INCONCLUSIVE;
    s.findings.limits.advice = "wait 4 more minutes";
    struct buf b = page(&s.report);
    const struct span text = buf_view(&b);
    assert_true(span_has(text, " failures=\"0\" errors=\"1\""));
    assert_true(span_has(text, "<error type=\"inconclusive\" message=\""
                               "INCONCLUSIVE: too little to judge in 10 "
                               "snapshots over 22.5 s; wait 4 more minutes\""));
    assert_true(span_has(case_part(text, "heap-growth"),
                         "<skipped message=\"too little to judge\"/>"));
    assert_int_equal(count(text, "\"/>\n  <testcase"), 0);
    buf_release(&b);
}

/* Clean as far as was seen, but no pass. */
static void a_run_that_lost_something_is_never_green(void **state)
{
    (void)state;
    struct sample s;
    sample_report(&s);
    s.findings.n = 0;
    s.findings.verdict = VERDICT_CLEAN;
    s.report.undecided = "an input was lost";
    struct buf b = page(&s.report);
    const struct span text = buf_view(&b);
    assert_true(span_has(text, " failures=\"0\" errors=\"1\""));
    assert_true(span_has(text, "22.5 s; an input was lost\""));
    assert_int_equal(count(text, "\"/>\n  <testcase"), 0);
    buf_release(&b);
}

/* Only what XML 1.0 has, and nothing that ends an element. */
static void hostile_text_stays_text(void **state)
{
    (void)state;
    struct sample_review v;
    sample_hostile_review(&v);
    v.items[0].headline = "]]> \xef\xbf\xbe \xef\xbf\xbf \x01 <b a='1'>&x;";
    struct buf b = page(&v.base.report);
    const struct span text = buf_view(&b);
    for (size_t i = 0; i < text.len; i++) {
        assert_true((unsigned char)text.p[i] >= 0x20 || text.p[i] == '\n');
    }
    assert_true(span_has(text, "]]&gt; ? ? \\x01 &lt;b a='1'&gt;&amp;x;"));
    assert_int_equal(count(text, "<b>"), 0);
    assert_int_equal(count(text, "<testcase "),
                     count(text, "</testcase>") +
                         count(text, "\"/>\n  <testcase ") +
                         count(text, "\"/>\n  <system-out>"));
    buf_release(&b);
}

static void many_findings_are_counted(void **state)
{
    (void)state;
    enum { N = 10000 };
    struct sample s;
    struct finding *items = calloc(N, sizeof(*items));
    assert_non_null(items);
    struct buf b = page(sample_huge(&s, items, N));
    assert_true(b.len < 200000);
    assert_true(span_has(buf_view(&b), "\n4980 more findings of this rule\n"));
    buf_release(&b);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_run_shows_what_was_checked),
        cmocka_unit_test(findings_fail_their_rule_with_the_stack),
        cmocka_unit_test(the_gate_decides_what_fails),
        cmocka_unit_test(what_is_too_small_does_not_fail),
        cmocka_unit_test(accepted_is_skipped),
        cmocka_unit_test(a_run_that_decides_nothing_is_never_green),
        cmocka_unit_test(a_run_that_lost_something_is_never_green),
        cmocka_unit_test(hostile_text_stays_text),
        cmocka_unit_test(many_findings_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
