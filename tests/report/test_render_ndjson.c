/* Lines: each is an object that says what it is. */
#include "report/sample.h"

#include <jansson.h>
#include <stdlib.h>

enum { LINES_MAX = 16 };

static size_t parsed(const struct report *r, json_t **lines)
{
    struct buf out = sample_render("ndjson", r, (struct render_options){0});
    size_t n = 0;
    for (struct span rest = buf_view(&out), line; span_line(&rest, &line);) {
        assert_true(n < LINES_MAX);
        lines[n] = json_loadb(line.p, line.len, 0, NULL);
        assert_non_null(lines[n]);
        assert_int_equal(
            json_integer_value(json_object_get(lines[n], "schema_version")), 1);
        n++;
    }
    buf_release(&out);
    return n;
}

static void assert_type(const json_t *line, const char *want)
{
    assert_string_equal(json_string_value(json_object_get(line, "type")), want);
}

static void header_comes_first(void **state)
{
    (void)state;
    struct sample_review v;
    json_t *lines[LINES_MAX] = {0};
    assert_int_equal(parsed(sample_reviewed(&v), lines), 7);
    assert_type(lines[0], "header");
    assert_string_equal(json_string_value(json_object_get(lines[0], "verdict")),
                        "leak");
    assert_null(json_object_get(lines[0], "findings"));
    for (size_t i = 0; i < 7; i++) {
        if (i > 0) {
            assert_type(lines[i], "finding");
            assert_non_null(json_object_get(lines[i], "suppressed"));
        }
        json_decref(lines[i]);
    }
}

/* A line is the finding of the findings document. */
static void a_line_is_the_documents_finding(void **state)
{
    (void)state;
    struct sample_review v;
    json_t *lines[LINES_MAX] = {0};
    const size_t n = parsed(sample_reviewed(&v), lines);
    struct buf out =
        sample_render("json", &v.base.report, (struct render_options){0});
    json_t *doc = json_loadb(out.data, out.len, 0, NULL);
    for (size_t i = 1; i < n; i++) {
        json_object_del(lines[i], "type");
        json_object_del(lines[i], "schema_version");
        assert_true(json_equal(
            lines[i], json_array_get(json_object_get(doc, "findings"), i - 1)));
    }
    for (size_t i = 0; i < n; i++) {
        json_decref(lines[i]);
    }
    json_decref(doc);
    buf_release(&out);
}

static void rows_of_tables_are_lines(void **state)
{
    (void)state;
    struct sample s;
    json_t *lines[LINES_MAX] = {0};
    sample_with_table(&s);
    s.report.findings = NULL;
    assert_int_equal(parsed(&s.report, lines), 3);
    assert_type(lines[1], "row");
    assert_string_equal(json_string_value(json_object_get(lines[1], "table")),
                        "heap");
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(lines[1], "row"), "delta")),
                     9437184);
    for (size_t i = 0; i < 3; i++) {
        json_decref(lines[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_comes_first),
        cmocka_unit_test(a_line_is_the_documents_finding),
        cmocka_unit_test(rows_of_tables_are_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
