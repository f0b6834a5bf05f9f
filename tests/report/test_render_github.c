/* Annotations: one command a line, whatever names hold; ten of each level. */
#include "report/sample.h"

#include <stdlib.h>

static struct buf page(const struct report *r)
{
    return sample_render("github", r, (struct render_options){0});
}

static size_t count_lines(struct span text, const char *start)
{
    size_t n = 0;
    for (struct span rest = text, line; span_line(&rest, &line);) {
        n += span_starts(line, start);
    }
    return n;
}

static void findings_are_annotations_by_level(void **state)
{
    (void)state;
    struct sample_review v;
    struct buf b = page(sample_reviewed(&v));
    const struct span text = buf_view(&b);
    assert_true(span_starts(
        text,
        "::notice title=seep::LEAK: 2 strong, 2 suspect findings in 10 "
        "snapshots over 22.5 s; 1 new, 1 worse, 1 existing, 1 accepted, 1 "
        "fixed\n"
        "::error file=orders/dispatcher.go,line=88,endLine=88,title=seep%3A "
        "strong%2C new::goroutines wait on a channel receive at "
        "main.(*Dispatcher).await orders/dispatcher.go:88: 24 -> 306, +45k/h. "
        "This change touches this line. State: new. "));
    assert_int_equal(count_lines(text, "::error "), 1);
    assert_int_equal(count_lines(text, "::warning "), 1);
    /* The verdict, existing, too small, accepted, fixed. */
    assert_int_equal(count_lines(text, "::notice "), 5);
    assert_true(
        span_has(text, "Does not fail the run: below --min-bytes 16.0 MB. "));
    assert_true(span_has(text, "title=seep%3A strong%2C accepted::"));
    buf_release(&b);
}

static void hostile_names_cannot_begin_a_command(void **state)
{
    (void)state;
    struct sample_review v;
    sample_hostile_review(&v);
    v.marks[1].path = "a\n::error::x,line=2::y.go";
    v.items[0].headline = "100%\r\n::stop-commands::x";
    struct buf b = page(&v.base.report);
    const struct span text = buf_view(&b);
    size_t n = 0;
    for (struct span rest = text, line; span_line(&rest, &line); n++) {
        assert_true(span_starts(line, "::error ") ||
                    span_starts(line, "::warning ") ||
                    span_starts(line, "::notice "));
    }
    assert_int_equal(n, 7);
    assert_int_equal(span_find_char(text, '\x1b'), text.len);
    assert_int_equal(span_find_char(text, '\r'), text.len);
    assert_true(span_has(text, "::error file=a\\n%3A%3Aerror%3A%3Ax%2Cline=2"
                               "%3A%3Ay.go,line=88,"));
    assert_true(span_has(text, "::100%25\\x0d\\n::stop-commands::x at "));
    buf_release(&b);
}

enum { N_HUGE = 10000 };

static void the_rest_is_counted(void **state)
{
    (void)state;
    struct sample s;
    struct finding *items = calloc(N_HUGE, sizeof(*items));
    assert_non_null(items);
    struct buf b = page(sample_huge(&s, items, N_HUGE));
    const struct span text = buf_view(&b);
    assert_int_equal(count_lines(text, "::error "), 10);
    assert_int_equal(count_lines(text, "::warning "), 10);
    assert_int_equal(count_lines(text, "::notice "), 2);
    assert_true(span_ends(text, "::notice title=seep::9980 more; GitHub shows "
                                "ten of each level in a step\n"));
    buf_release(&b);
    free(items);
}

static void notices_are_ten_at_most(void **state)
{
    (void)state;
    struct sample s;
    struct finding *items = calloc(N_HUGE, sizeof(*items));
    assert_non_null(items);
    sample_huge(&s, items, 100);
    for (size_t i = 0; i < 100; i++) {
        items[i].state = "existing";
    }
    struct buf b = page(&s.report);
    assert_int_equal(count_lines(buf_view(&b), "::notice "), 10);
    assert_true(span_has(buf_view(&b), "::92 more; "));
    buf_release(&b);
    free(items);
}

static void a_run_that_decides_nothing_warns(void **state)
{
    (void)state;
    struct sample s;
    sample_empty(&s);
    s.findings.verdict = VERDICT_INCONCLUSIVE;
    s.findings.limits.advice = "wait 4 more minutes";
    struct buf b = page(&s.report);
    assert_string_equal(b.data, "::warning title=seep::INCONCLUSIVE: too "
                                "little to judge; wait 4 more minutes\n");
    buf_release(&b);
    s.findings.verdict = VERDICT_CLEAN;
    s.findings.limits.advice = NULL;
    s.report.undecided = "an input was lost";
    b = page(&s.report);
    assert_true(span_starts(buf_view(&b), "::warning title=seep::CLEAN: "));
    assert_true(
        span_has(buf_view(&b), "; could not decide: an input was lost\n"));
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings_are_annotations_by_level),
        cmocka_unit_test(hostile_names_cannot_begin_a_command),
        cmocka_unit_test(the_rest_is_counted),
        cmocka_unit_test(notices_are_ten_at_most),
        cmocka_unit_test(a_run_that_decides_nothing_warns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
