/* GitLab's code quality report: unique fingerprints, places it can link. */
#include "report/sample.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *parsed(const struct report *r)
{
    struct buf out = sample_render("gitlab", r, (struct render_options){0});
    json_t *doc = json_loadb(out.data, out.len, 0, NULL);
    assert_true(json_is_array(doc));
    buf_release(&out);
    return doc;
}

static const char *text_at(const json_t *doc, size_t i, const char *key)
{
    return json_string_value(json_object_get(json_array_get(doc, i), key));
}

static const char *path_at(const json_t *doc, size_t i)
{
    return json_string_value(json_object_get(
        json_object_get(json_array_get(doc, i), "location"), "path"));
}

static void open_findings_are_issues(void **state)
{
    (void)state;
    struct sample_review v;
    sample_reviewed(&v);
    v.marks[2].path = "./orders/session/open.go";
    json_t *doc = parsed(&v.base.report);
    assert_int_equal(json_array_size(doc), 4); /* neither accepted nor fixed */
    assert_string_equal(text_at(doc, 0, "severity"), "critical");
    assert_string_equal(text_at(doc, 1, "severity"), "major");
    assert_string_equal(text_at(doc, 0, "check_name"),
                        "goroutine-chan-receive");
    assert_string_equal(text_at(doc, 0, "fingerprint"), "00c0ffee00c0ffe0");
    assert_string_equal(path_at(doc, 0), "orders/dispatcher.go");
    assert_string_equal(path_at(doc, 1), "orders/session/open.go");
    json_decref(doc);
}

static void severity_follows_the_grade(void **state)
{
    (void)state;
    static const char *const want[N_GRADES] = {"info", "minor", "major",
                                               "critical", "blocker"};
    for (int g = 0; g < N_GRADES; g++) {
        struct sample s;
        sample_report(&s);
        s.items[0].grade = (enum grade)g;
        json_t *doc = parsed(&s.report);
        assert_string_equal(text_at(doc, 0, "severity"), want[g]);
        json_decref(doc);
    }
}

/* Whole sentences may go, and a reader sees that they did. */
static void a_message_says_that_it_was_cut_and_of_which_run_it_is(void **state)
{
    const struct finding_run run = {
        .number = 2, .n_runs = 3, .first = "10", .last = "19"};
    struct sample s;
    char cause[600];
    (void)state;
    (void)snprintf(cause, sizeof cause, "One sentence. %0*d.", 300, 7);
    sample_report(&s);
    s.items[0].cause = cause;
    s.items[0].run = &run;
    json_t *doc = parsed(&s.report);
    const char *text = text_at(doc, 0, "description");
    assert_non_null(strstr(text, "One sentence. \xe2\x80\xa6 Fix: "));
    assert_non_null(strstr(text, ". In run 2 of 3 of the process. "));
    json_decref(doc);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void fingerprints_are_unique(void **state)
{
    (void)state;
    enum { N = 10000 };
    struct sample s;
    struct finding *items = calloc(N, sizeof(*items));
    const char **all = calloc(N, sizeof(*all));
    assert_true(items && all);
    json_t *doc = parsed(sample_huge(&s, items, N));
    assert_int_equal(json_array_size(doc), N);
    for (size_t i = 0; i < N; i++) {
        all[i] = text_at(doc, i, "fingerprint");
    }
    qsort(all, N, sizeof(*all), by_text);
    for (size_t i = 1; i < N; i++) {
        assert_string_not_equal(all[i - 1], all[i]);
    }
    json_decref(doc);
    free(items);
    free(all);
}

static void nothing_is_an_empty_array(void **state)
{
    (void)state;
    struct sample s;
    struct buf out =
        sample_render("gitlab", sample_empty(&s), (struct render_options){0});
    assert_string_equal(out.data, "[]\n");
    buf_release(&out);
}

/* Nothing would read as all solved. */
static void a_run_that_decides_nothing_is_an_issue(void **state)
{
    (void)state;
    struct sample s;
    sample_empty(&s);
    s.report.undecided = "an input was lost";
    s.report.anchor = "api/go.mod";
    struct buf out =
        sample_render("gitlab", &s.report, (struct render_options){0});
    json_t *doc = json_loads(out.data, 0, NULL);
    const json_t *issue = json_array_get(doc, 0);
    assert_int_equal(json_array_size(doc), 1);
    assert_string_equal(json_string_value(json_object_get(issue, "severity")),
                        "major");
    assert_string_equal(
        json_string_value(json_object_get(issue, "fingerprint")),
        "undecided-leaks");
    assert_string_equal(
        json_string_value(json_object_get(issue, "description")),
        "seep could not decide: an input was lost");
    assert_non_null(strstr(out.data, "api/go.mod"));
    json_decref(doc);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_findings_are_issues),
        cmocka_unit_test(severity_follows_the_grade),
        cmocka_unit_test(a_message_says_that_it_was_cut_and_of_which_run_it_is),
        cmocka_unit_test(fingerprints_are_unique),
        cmocka_unit_test(nothing_is_an_empty_array),
        cmocka_unit_test(a_run_that_decides_nothing_is_an_issue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
