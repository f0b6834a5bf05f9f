/* The findings document: every key, in order, always; jansson reads it back. */
#include "report/sample.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *parsed(const struct report *r)
{
    struct buf out =
        sample_render("json", r, (struct render_options){.columns = 40});
    json_error_t error;
    json_t *doc = json_loadb(out.data, out.len, 0, &error);
    if (!doc) {
        fail_msg("line %d: %s", error.line, error.text);
    }
    buf_release(&out);
    return doc;
}

/* Names in order, blank-separated; jansson keeps the order of insertion. */
static void assert_keys(const json_t *object, const char *want)
{
    struct buf got = BUF_LIMIT(4096);
    union {
        const json_t *from;
        json_t *to;
    } o = {object};
    const char *key;
    json_t *value;
    json_object_foreach(o.to, key, value)
    {
        buf_printf(&got, "%s%s", got.len > 0 ? " " : "", key);
    }
    assert_string_equal(got.data ? got.data : "", want);
    buf_release(&got);
}

#define TOP                                                                    \
    "schema tool command program verdict undecided target labels window "      \
    "runs limits inputs findings notes summary out_of_memory tables"

static void check_document(const json_t *doc)
{
    assert_keys(json_object_get(doc, "tool"), "name version");
    assert_keys(json_object_get(doc, "window"),
                "points dropped lost first last seconds");
    assert_keys(json_object_get(json_object_get(doc, "window"), "points"),
                "heap goroutine");
    assert_keys(json_object_get(doc, "limits"),
                "heap_bytes goroutines heap_most goroutines_most advice");
    size_t i;
    json_t *f;
    json_array_foreach(json_object_get(doc, "findings"), i, f)
    {
        assert_keys(
            f, "id id_version loose_id rule grade profile state first_seen "
               "site created_by operation stack metrics statistics holder "
               "replicas run patch suppressed uncounted past renamed primary "
               "cause "
               "evidence "
               "alternatives fix confirm");
        assert_keys(json_object_get(f, "site"),
                    "function file line package path text");
        assert_keys(json_array_get(json_object_get(f, "stack"), 0),
                    "function file line origin path module generated touched");
        assert_keys(json_array_get(json_object_get(f, "metrics"), 0),
                    "name unit first last delta per_hour per_hour_low "
                    "per_hour_high series");
        assert_keys(json_object_get(f, "statistics"),
                    "points p q retention z sampled relative_error");
    }
    json_array_foreach(json_object_get(doc, "inputs"), i, f)
    {
        assert_keys(f, "source kind time used why");
    }
}

static void every_key_is_there_in_order(void **state)
{
    (void)state;
    struct sample s;
    json_t *doc = parsed(sample_report(&s));
    assert_keys(doc, TOP);
    check_document(doc);
    assert_int_equal(json_array_size(json_object_get(doc, "findings")), 2);
    json_decref(doc);
}

static const json_t *at(const json_t *doc, size_t finding, const char *key)
{
    return json_object_get(
        json_array_get(json_object_get(doc, "findings"), finding), key);
}

static void values_are_the_reports(void **state)
{
    (void)state;
    struct sample s;
    json_t *doc = parsed(sample_report(&s));
    const char *text = NULL;
    assert_int_equal(json_unpack(doc, "{s:s}", "schema", &text), 0);
    assert_string_equal(text, "seep/findings/1");
    assert_string_equal(json_string_value(json_object_get(doc, "verdict")),
                        "leak");
    assert_string_equal(json_string_value(at(doc, 0, "rule")),
                        "goroutine-chan-receive");
    assert_string_equal(json_string_value(at(doc, 1, "grade")), "suspect");
    assert_true(json_is_null(at(doc, 0, "state")));
    assert_true(json_is_null(at(doc, 1, "created_by")));
    const json_t *statistics = at(doc, 0, "statistics");
    assert_true(json_is_null(json_object_get(statistics, "retention")));
    assert_float_equal(json_real_value(json_object_get(statistics, "p")), 3e-7,
                       1e-18);
    const json_t *metric = json_array_get(at(doc, 0, "metrics"), 0);
    assert_true(json_is_integer(json_object_get(metric, "last")));
    assert_int_equal(json_integer_value(json_object_get(metric, "last")), 306);
    assert_int_equal(json_array_size(json_object_get(metric, "series")), 10);
    const json_t *window = json_object_get(doc, "window");
    assert_string_equal(json_string_value(json_object_get(window, "last")),
                        "2025-11-23T12:13:42.500Z");
    json_decref(doc);
}

static void assert_text(const json_t *object, const char *key, const char *want)
{
    const char *got = json_string_value(json_object_get(object, key));
    assert_non_null(got);
    assert_string_equal(got, want);
}

static void what_a_repository_adds_is_there(void **state)
{
    (void)state;
    struct sample_review v;
    json_t *doc = parsed(sample_reviewed(&v));
    check_document(doc);
    assert_string_equal(json_string_value(at(doc, 0, "state")), "new");
    const json_t *patch = at(doc, 0, "patch");
    assert_keys(patch, "touched frame path line");
    assert_text(patch, "touched", "line");
    assert_text(patch, "path", "orders/dispatcher.go");
    assert_text(at(doc, 1, "patch"), "touched", "function");
    assert_true(json_is_null(at(doc, 2, "patch")));
    assert_keys(at(doc, 1, "past"), "level per_hour moved_from");
    assert_text(at(doc, 1, "past"), "moved_from", "0123456789abcdef");
    assert_keys(at(doc, 2, "renamed"), "from by id loose_id");
    assert_text(at(doc, 2, "renamed"), "from", "main.old");
    assert_text(at(doc, 2, "renamed"), "by", "patch");
    assert_string_equal(json_string_value(at(doc, 3, "uncounted")),
                        "below --min-bytes 16.0 MB");
    assert_keys(at(doc, 4, "suppressed"), "by reason expires");
    assert_text(at(doc, 4, "suppressed"), "by", ".seep.yml:12");
    assert_text(at(doc, 1, "primary"), "path", "orders/session/open.go");
    const json_t *frame = json_array_get(at(doc, 1, "stack"), 0);
    assert_text(frame, "module", "acme.dev/orders");
    assert_true(json_is_true(json_object_get(frame, "generated")));
    assert_text(frame, "touched", "function");
    frame = json_array_get(at(doc, 1, "stack"), 1);
    assert_true(json_is_null(json_object_get(frame, "generated")));
    json_decref(doc);
}

static void own_texts_fall_back_to_the_rules(void **state)
{
    (void)state;
    struct sample s;
    json_t *doc = parsed(sample_report(&s));
    const struct rule *rule = rules_find("goroutine-chan-receive");
    assert_string_equal(json_string_value(at(doc, 0, "fix")), rule->fix);
    assert_int_equal(json_array_size(at(doc, 0, "alternatives")), 3);
    assert_int_equal(json_array_size(at(doc, 1, "alternatives")), 1);
    json_decref(doc);
}

static void empty_report_has_every_key(void **state)
{
    (void)state;
    struct sample s;
    json_t *doc = parsed(sample_empty(&s));
    assert_keys(doc, TOP);
    check_document(doc);
    const json_t *window = json_object_get(doc, "window");
    assert_true(json_is_null(json_object_get(window, "first")));
    assert_true(json_is_null(json_object_get(window, "seconds")));
    const json_t *limits = json_object_get(doc, "limits");
    assert_true(json_is_null(json_object_get(limits, "heap_bytes")));
    json_decref(doc);
}

static void hostile_text_stays_text(void **state)
{
    (void)state;
    struct sample s;
    json_t *doc = parsed(sample_hostile(&s));
    check_document(doc);
    const char *name =
        json_string_value(json_object_get(at(doc, 0, "site"), "function"));
    assert_non_null(strstr(name, "\x1b[31mevil\n\t|`</details>"));
    assert_non_null(strstr(name, "\xef\xbf\xbd\xef\xbf\xbd("));
    json_decref(doc);
}

static void infinities_become_null(void **state)
{
    (void)state;
    struct sample s;
    const struct report *r = sample_report(&s);
    s.metrics[0].per_hour = INFINITY;
    s.metrics[0].per_hour_low = -INFINITY;
    s.metrics[0].delta = 0.1;
    s.metrics[0].last = 1e300;
    s.goroutines[0] = NAN;
    json_t *doc = parsed(r);
    const json_t *metric = json_array_get(at(doc, 0, "metrics"), 0);
    assert_true(json_is_null(json_object_get(metric, "per_hour")));
    assert_true(json_is_null(json_object_get(metric, "per_hour_low")));
    assert_true(
        json_is_null(json_array_get(json_object_get(metric, "series"), 0)));
    assert_float_equal(json_real_value(json_object_get(metric, "last")), 1e300,
                       1e288);
    json_decref(doc);
}

/* A reader of the document alone must not take it for a pass. */
static void what_was_lost_is_told(void **state)
{
    (void)state;
    struct sample s;
    sample_empty(&s);
    json_t *doc = parsed(&s.report);
    assert_true(json_is_null(json_object_get(doc, "undecided")));
    assert_true(
        json_is_false(json_object_get(json_object_get(doc, "window"), "lost")));
    assert_true(json_is_null(json_object_get(doc, "out_of_memory")));
    json_decref(doc);
    s.findings.has_lost = true;
    doc = parsed(&s.report);
    assert_string_equal(json_string_value(json_object_get(doc, "undecided")),
                        "an input was lost");
    assert_true(
        json_is_true(json_object_get(json_object_get(doc, "window"), "lost")));
    json_decref(doc);
}

static void tables_and_memory_are_told(void **state)
{
    (void)state;
    struct sample s;
    const struct report *r = sample_with_table(&s);
    s.findings.oom = (struct out_of_memory){true, 1e9, 60, 30, NAN};
    json_t *doc = parsed(r);
    assert_keys(doc, TOP);
    const json_t *table = json_array_get(json_object_get(doc, "tables"), 0);
    assert_keys(table, "key title rows rows_left_out");
    const json_t *row = json_array_get(json_object_get(table, "rows"), 1);
    assert_keys(row, "delta share z site");
    assert_string_equal(json_string_value(json_object_get(row, "share")),
                        "gone");
    assert_true(json_is_null(json_object_get(row, "z")));
    json_decref(doc);
}

enum { N_HUGE = 10000 };

static void ten_thousand_findings_are_all_there(void **state)
{
    (void)state;
    struct sample s;
    struct finding *items = calloc(N_HUGE, sizeof(*items));
    assert_non_null(items);
    json_t *doc = parsed(sample_huge(&s, items, N_HUGE));
    assert_int_equal(json_array_size(json_object_get(doc, "findings")), N_HUGE);
    json_decref(doc);
    free(items);
}

static void labels_and_replicas_are_there_when_known(void **state)
{
    (void)state;
    struct sample s;
    struct report r = *sample_report(&s);
    const struct report_label labels[] = {
        {"app",  "orders"},
        {"zone", "\xff\""},
    };
    const char *worst[] = {"orders-3:6060", "orders-9:6060"};
    const struct finding_replicas replicas = {.n_with = 7,
                                              .n_targets = 40,
                                              .rms = 812.5,
                                              .min = 96,
                                              .median = 300,
                                              .max = 1204,
                                              .worst = worst,
                                              .n_worst = 2};
    r.labels = labels;
    r.n_labels = 2;
    s.items[0].replicas = &replicas;
    s.items[0].first_seen_nanos = INT64_C(1763900000000000000);
    json_t *doc = parsed(&r);
    assert_keys(json_object_get(doc, "labels"), "app zone");
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(doc, "labels"), "zone")),
                        "\xef\xbf\xbd\"");
    assert_string_equal(json_string_value(at(doc, 0, "first_seen")),
                        "2025-11-23T12:13:20Z");
    assert_true(json_is_null(at(doc, 1, "first_seen")));
    assert_true(json_is_null(at(doc, 1, "replicas")));
    const json_t *got = at(doc, 0, "replicas");
    assert_keys(got, "count of rms min median max targets");
    assert_int_equal(json_integer_value(json_object_get(got, "count")), 7);
    assert_int_equal(json_integer_value(json_object_get(got, "of")), 40);
    assert_int_equal(json_array_size(json_object_get(got, "targets")), 2);
    json_decref(doc);
}

static void one_finding_is_what_the_document_holds_in_one_line(void **state)
{
    (void)state;
    struct sample s;
    json_t *doc = parsed(sample_report(&s));
    struct buf out = BUF_LIMIT(1 << 20);
    struct err err = {0};
    assert_ok(report_finding_json(&s.items[1], &out, &err), &err);
    assert_null(strchr(out.data, '\n'));
    json_t *one = json_loadb(out.data, out.len, 0, NULL);
    assert_true(
        json_equal(one, json_array_get(json_object_get(doc, "findings"), 1)));
    json_decref(one);
    json_decref(doc);
    buf_release(&out);
    out = BUF_LIMIT(20);
    assert_false(report_finding_json(&s.items[1], &out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_release(&out);
}

static void small_limit_is_an_error(void **state)
{
    (void)state;
    struct sample s;
    struct err err = {0};
    struct buf out = BUF_LIMIT(200);
    const struct render_options o = {0};
    assert_false(report_renderer_find("json")->render(sample_report(&s), &o,
                                                      &out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_there_in_order),
        cmocka_unit_test(values_are_the_reports),
        cmocka_unit_test(what_a_repository_adds_is_there),
        cmocka_unit_test(own_texts_fall_back_to_the_rules),
        cmocka_unit_test(empty_report_has_every_key),
        cmocka_unit_test(hostile_text_stays_text),
        cmocka_unit_test(infinities_become_null),
        cmocka_unit_test(what_was_lost_is_told),
        cmocka_unit_test(tables_and_memory_are_told),
        cmocka_unit_test(ten_thousand_findings_are_all_there),
        cmocka_unit_test(labels_and_replicas_are_there_when_known),
        cmocka_unit_test(one_finding_is_what_the_document_holds_in_one_line),
        cmocka_unit_test(small_limit_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
