/* -top for programs: keys, raw numbers, null where nothing is known. */
#include "made_profile.h"

#include <jansson.h>
#include <math.h>

static const struct made_sample samples[] = {
    {.stack = "main@m.go:1;work@w.go:7",             .values = {1, 3072}},
    {.stack = "main@m.go:1;read@r.go:2>fill@r.go:9", .values = {2, 1024}},
};

static json_t *top(struct profile *p, const struct pprof_options *o)
{
    struct buf out = BUF_LIMIT(1u << 20);
    struct err err = {0};
    assert_ok(pprof_top_json(p, o, &out, &err), &err);
    json_error_t where;
    json_t *doc = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &where);
    if (!doc) {
        fail_msg("line %d: %s in %s", where.line, where.text, out.data);
    }
    buf_release(&out);
    return doc;
}

static int64_t number_at(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    assert_true(json_is_integer(v));
    return json_integer_value(v);
}

static void assert_real(const json_t *object, const char *key, double want)
{
    const json_t *v = json_object_get(object, key);
    assert_true(json_is_real(v));
    assert_true(fabs(json_real_value(v) - want) < 1e-9);
}

static void assert_text_at(const json_t *object, const char *key,
                           const char *want)
{
    const json_t *v = json_object_get(object, key);
    assert_non_null(v);
    if (!want) {
        assert_true(json_is_null(v));
        return;
    }
    assert_string_equal(json_string_value(v), want);
}

static void the_head_says_what_the_rows_are_of(void **state)
{
    (void)state;
    struct profile *p = made_profile("n/count space/bytes", samples, 2);
    p->time_nanos = INT64_C(1700000000) * 1000000000;
    p->duration_nanos = 5;
    struct pprof_options o = made_options(p, 1);
    const struct span filters[] = {SPAN_LIT("focus=main")};
    o.active_filters = filters;
    o.n_active_filters = 1;
    json_t *doc = top(p, &o);
    assert_text_at(doc, "schema", "seep/pprof-top/1");
    assert_text_at(doc, "sample_type", "space");
    assert_text_at(doc, "sample_unit", "bytes");
    assert_text_at(doc, "time", "2023-11-14T22:13:20Z");
    assert_int_equal(number_at(doc, "duration_ns"), 5);
    assert_int_equal(number_at(doc, "total"), 4096);
    assert_int_equal(number_at(doc, "shown"), 4096);
    assert_int_equal(number_at(doc, "n_rows"), 4);
    assert_int_equal(number_at(doc, "n_dropped"), 0);
    assert_int_equal(number_at(doc, "n_beyond_count"), 0);
    const json_t *f = json_object_get(doc, "filters");
    assert_string_equal(json_string_value(json_array_get(f, 0)), "focus=main");
    json_decref(doc);
    profile_free(p);
}

static void rows_are_raw_numbers_in_the_order_of_the_text(void **state)
{
    (void)state;
    struct profile *p = made_profile("n/count space/bytes", samples, 2);
    profile_aggregate(p, KEEP_INLINES | KEEP_FUNCTION);
    const struct pprof_options o = made_options(p, 1);
    json_t *doc = top(p, &o);
    const json_t *rows = json_object_get(doc, "rows");
    assert_int_equal(json_array_size(rows), 4);
    const json_t *first = json_array_get(rows, 0);
    assert_text_at(first, "name", "work");
    assert_text_at(first, "file", NULL);
    assert_text_at(first, "line", NULL);
    assert_text_at(first, "address", NULL);
    assert_text_at(first, "inline", NULL);
    assert_int_equal(number_at(first, "flat"), 3072);
    assert_int_equal(number_at(first, "cum"), 3072);
    assert_real(first, "flat_percent", 75);
    assert_real(first, "sum_percent", 75);
    assert_real(first, "cum_percent", 75);
    const json_t *second = json_array_get(rows, 1);
    assert_text_at(second, "name", "fill");
    assert_text_at(second, "inline", "inline");
    assert_real(second, "sum_percent", 100);
    json_decref(doc);
    profile_free(p);
}

static void places_are_said_where_the_granularity_has_them(void **state)
{
    (void)state;
    const struct made_sample one[] = {
        {.stack = "main@m.go:1;0x1234", .values = {1}}
    };
    struct profile *p = made_profile("n/count", one, 1);
    const struct pprof_options o = made_options(p, 0);
    json_t *doc = top(p, &o);
    const json_t *rows = json_object_get(doc, "rows");
    assert_text_at(json_array_get(rows, 0), "name",
                   "0000000000001234 [service]");
    assert_text_at(json_array_get(rows, 0), "address", "0x1234");
    assert_text_at(json_array_get(rows, 1), "name", "main");
    assert_text_at(json_array_get(rows, 1), "file", "m.go");
    assert_int_equal(number_at(json_array_get(rows, 1), "line"), 1);
    json_decref(doc);
    profile_free(p);
}

static void what_is_trimmed_is_counted(void **state)
{
    (void)state;
    struct profile *p = made_profile("n/count space/bytes", samples, 2);
    struct pprof_options o = made_options(p, 1);
    o.node_count = 1;
    o.node_fraction = 0.5;
    json_t *doc = top(p, &o);
    assert_int_equal(number_at(doc, "n_rows"), 1);
    assert_int_equal(number_at(doc, "n_dropped"), 2);
    assert_int_equal(number_at(doc, "n_beyond_count"), 1);
    json_decref(doc);
    profile_free(p);
}

static void percentages_of_nothing_are_null(void **state)
{
    (void)state;
    struct profile *p = made_profile("n/count space/bytes", samples, 2);
    struct pprof_options o = made_options(p, 1);
    o.total = 0;
    json_t *doc = top(p, &o);
    const json_t *first = json_array_get(json_object_get(doc, "rows"), 0);
    assert_text_at(first, "flat_percent", NULL);
    json_decref(doc);
    profile_free(p);
}

static void values_are_divided_and_negative_ones_keep_their_sign(void **state)
{
    (void)state;
    const struct made_sample lost[] = {
        {.stack = "f", .values = {-1001}}
    };
    struct profile *p = made_profile("n/count", lost, 1);
    struct pprof_options o = made_options(p, 0);
    o.ratio = 0.1;
    json_t *doc = top(p, &o);
    const json_t *first = json_array_get(json_object_get(doc, "rows"), 0);
    assert_int_equal(number_at(first, "flat"), -100);
    assert_real(first, "flat_percent", -100);
    assert_int_equal(number_at(doc, "total"), 100);
    json_decref(doc);
    profile_free(p);
}

static void csv_has_the_same_rows(void **state)
{
    (void)state;
    const struct made_sample one[] = {
        {.stack = "main@m.go:1;f(int, int)@a,b.c:9", .values = {4}},
        {.stack = "main@m.go:1",                     .values = {4}},
    };
    struct profile *p = made_profile("n/count", one, 2);
    const struct pprof_options o = made_options(p, 0);
    struct buf out = BUF_LIMIT(1u << 20);
    struct err err = {0};
    assert_ok(pprof_top_csv(p, &o, &out, &err), &err);
    assert_text(&out, "name,file,line,address,flat,flat_percent,sum_percent,"
                      "cum,cum_percent,inline,unit\r\n"
                      "\"f(int, int)\",\"a,b.c\",9,,4,50,50,4,50,,count\r\n"
                      "main,m.go,1,,4,50,100,8,100,,count\r\n");
    buf_release(&out);
    profile_free(p);
}

static bool print_both(void *ctx, struct err *err)
{
    const struct pprof_options o = made_options(ctx, 0);
    struct buf out = BUF_LIMIT(1u << 20);
    const bool ok =
        pprof_top_csv(ctx, &o, &out, err) && pprof_top_json(ctx, &o, &out, err);
    buf_release(&out);
    return ok;
}

static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    struct profile *p = made_profile("n/count space/bytes", samples, 2);
    assert_true(oom_walk(print_both, p) > 3);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_says_what_the_rows_are_of),
        cmocka_unit_test(rows_are_raw_numbers_in_the_order_of_the_text),
        cmocka_unit_test(places_are_said_where_the_granularity_has_them),
        cmocka_unit_test(what_is_trimmed_is_counted),
        cmocka_unit_test(percentages_of_nothing_are_null),
        cmocka_unit_test(values_are_divided_and_negative_ones_keep_their_sign),
        cmocka_unit_test(csv_has_the_same_rows),
        cmocka_unit_test(running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
