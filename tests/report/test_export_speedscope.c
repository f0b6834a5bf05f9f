/*
 * speedscope's JSON: what its schema asks for, read back by jansson, and that
 * no weight is lost.
 */
#include "made_profile.h"

#include <jansson.h>

static bool write_speedscope(struct profile *p, uint32_t column,
                             struct buf *out, struct err *err)
{
    const struct export_format *f = export_format_find(SPAN_LIT("speedscope"));
    assert_non_null(f);
    const struct export_options o = {.value_column = column};
    return f->write(p, &o, out, err);
}

static json_t *speedscope(struct profile *p, uint32_t column)
{
    struct err err = {0};
    struct buf out = BUF_LIMIT(64u << 20);
    assert_ok(write_speedscope(p, column, &out, &err), &err);
    json_error_t where;
    json_t *doc = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &where);
    if (!doc) {
        fail_msg("line %d: %s", where.line, where.text);
    }
    buf_release(&out);
    return doc;
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    return text;
}

static int64_t number_at(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    assert_true(json_is_integer(v));
    return json_integer_value(v);
}

/* "main,work" of sample `i`. */
static void assert_stack(const json_t *doc, const json_t *profile, size_t i,
                         const char *want)
{
    const json_t *frames =
        json_object_get(json_object_get(doc, "shared"), "frames");
    const json_t *sample =
        json_array_get(json_object_get(profile, "samples"), i);
    struct buf got = BUF_LIMIT(1u << 16);
    buf_str(&got, "");
    for (size_t k = 0; k < json_array_size(sample); k++) {
        const json_int_t id = json_integer_value(json_array_get(sample, k));
        const json_t *frame = json_array_get(frames, (size_t)id);
        buf_str(&got, k > 0 ? "," : "");
        buf_str(&got, text_at(frame, "name"));
    }
    assert_text(&got, want);
    buf_release(&got);
}

static void each_type_is_a_profile_over_shared_frames(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "main@m.go:1;b@b.go:7", .values = {1, 10}},
        {.stack = "main@m.go:2;a@a.go:3", .values = {2, 0} },
        {.stack = "main@m.go:3;b@b.go:8", .values = {4, 40}},
    };
    struct profile *p = made_profile("objects/count space/bytes", samples, 3);
    json_t *doc = speedscope(p, 1);
    assert_string_equal(text_at(doc, "$schema"),
                        "https://www.speedscope.app/file-format-schema.json");
    assert_string_equal(text_at(doc, "name"), "service");
    assert_string_equal(text_at(doc, "exporter"), "seep");
    assert_int_equal(number_at(doc, "activeProfileIndex"), 1);
    const json_t *frames =
        json_object_get(json_object_get(doc, "shared"), "frames");
    assert_int_equal(json_array_size(frames), 3);
    assert_string_equal(text_at(json_array_get(frames, 0), "file"), "m.go");
    const json_t *profiles = json_object_get(doc, "profiles");
    assert_int_equal(json_array_size(profiles), 2);
    const json_t *objects = json_array_get(profiles, 0);
    assert_string_equal(text_at(objects, "type"), "sampled");
    assert_string_equal(text_at(objects, "name"), "objects");
    assert_string_equal(text_at(objects, "unit"), "none");
    assert_int_equal(number_at(objects, "startValue"), 0);
    assert_int_equal(number_at(objects, "endValue"), 7);
    assert_stack(doc, objects, 0, "main,b");
    assert_stack(doc, objects, 1, "main,a");
    const json_t *space = json_array_get(profiles, 1);
    assert_string_equal(text_at(space, "unit"), "bytes");
    assert_int_equal(json_array_size(json_object_get(space, "samples")), 1);
    const json_t *weights = json_object_get(space, "weights");
    assert_int_equal(json_array_size(weights), 1);
    assert_int_equal(json_integer_value(json_array_get(weights, 0)), 50);
    json_decref(doc);
    profile_free(p);
}

static void functions_of_one_name_in_two_files_are_two_frames(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "init@a.go:1", .values = {1}},
        {.stack = "init@b.go:1", .values = {2}},
    };
    struct profile *p = made_profile("n/count", samples, 2);
    json_t *doc = speedscope(p, 0);
    const json_t *frames =
        json_object_get(json_object_get(doc, "shared"), "frames");
    assert_int_equal(json_array_size(frames), 2);
    assert_null(json_object_get(json_array_get(frames, 0), "line"));
    json_decref(doc);
    profile_free(p);
}

static void the_first_line_of_a_function_is_said(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "f@a.go:9", .values = {1}}
    };
    struct profile *p = made_profile("n/count", samples, 1);
    p->functions[0].start_line = 4;
    json_t *doc = speedscope(p, 0);
    const json_t *frames =
        json_object_get(json_object_get(doc, "shared"), "frames");
    assert_int_equal(number_at(json_array_get(frames, 0), "line"), 4);
    json_decref(doc);
    profile_free(p);
}

static void units_become_those_that_speedscope_knows(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "f", .values = {3, 3, 3, 3}}
    };
    struct profile *p =
        made_profile("a/kilobytes b/milliseconds c/gcu d/", samples, 1);
    json_t *doc = speedscope(p, 0);
    static const struct {
        const char *unit;
        int64_t weight;
    } want[] = {
        {"bytes",       3072   },
        {"nanoseconds", 3000000},
        {"none",        3      },
        {"none",        3      }
    };
    for (size_t i = 0; i < 4; i++) {
        const json_t *profile =
            json_array_get(json_object_get(doc, "profiles"), i);
        assert_string_equal(text_at(profile, "unit"), want[i].unit);
        assert_int_equal(number_at(profile, "endValue"), want[i].weight);
    }
    json_decref(doc);
    profile_free(p);
}

static void names_are_valid_json_whatever_they_are(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "quote\"back\\slash\n\xff\x01", .values = {1}}
    };
    struct profile *p = made_profile("n/count", samples, 1);
    json_t *doc = speedscope(p, 0);
    assert_stack(doc, json_array_get(json_object_get(doc, "profiles"), 0), 0,
                 "quote\"back\\slash\n\xef\xbf\xbd\x01");
    json_decref(doc);
    profile_free(p);
}

static void a_difference_is_refused(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "f", .values = {-1}}
    };
    struct profile *p = made_profile("n/count", samples, 1);
    struct buf out = BUF_LIMIT(1u << 20);
    struct err err = {0};
    assert_false(write_speedscope(p, 0, &out, &err));
    assert_err(&err, ERR_USAGE,
               "speedscope has no negative values: n is a difference");
    buf_release(&out);
    profile_free(p);
}

static void weights_add_up_to_the_profile(void **state)
{
    (void)state;
    struct buf in = test_read_file(testdata("profiles/heap-go1.23.pb.gz"));
    struct profile *p = NULL;
    struct err err = {0};
    assert_ok(profile_decode(buf_view(&in), &p, &err), &err);
    json_t *doc = speedscope(p, 0);
    for (uint32_t column = 0; column < p->n_types; column++) {
        int64_t want = 0;
        for (uint32_t s = 0; s < p->n_samples; s++) {
            want += p->values[(size_t)s * p->n_types + column];
        }
        const json_t *profile =
            json_array_get(json_object_get(doc, "profiles"), column);
        const json_t *weights = json_object_get(profile, "weights");
        int64_t sum = 0;
        for (size_t i = 0; i < json_array_size(weights); i++) {
            sum += json_integer_value(json_array_get(weights, i));
        }
        assert_int_equal(sum, want);
        assert_int_equal(number_at(profile, "endValue"), want);
        assert_int_equal(json_array_size(json_object_get(profile, "samples")),
                         json_array_size(weights));
    }
    json_decref(doc);
    profile_free(p);
    buf_release(&in);
}

static bool write_one(void *ctx, struct err *err)
{
    struct buf out = BUF_LIMIT(1u << 20);
    const bool ok = write_speedscope(ctx, 0, &out, err);
    buf_release(&out);
    return ok;
}

static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "main@m.go:1;0x1234", .values = {1}}
    };
    struct profile *p = made_profile("n/count", samples, 1);
    assert_true(oom_walk(write_one, p) > 3);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_is_a_profile_over_shared_frames),
        cmocka_unit_test(functions_of_one_name_in_two_files_are_two_frames),
        cmocka_unit_test(the_first_line_of_a_function_is_said),
        cmocka_unit_test(units_become_those_that_speedscope_knows),
        cmocka_unit_test(names_are_valid_json_whatever_they_are),
        cmocka_unit_test(a_difference_is_refused),
        cmocka_unit_test(weights_add_up_to_the_profile),
        cmocka_unit_test(running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
