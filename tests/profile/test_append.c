/* Profiles end to end: summed afterwards they are what a merge gives. */
#include "test.h"

#include "profile/profile.h"

#include "profiles.h"

/* What is left of it when equal samples are summed. */
static struct buf summed(const struct profile *const *in, size_t n)
{
    struct err err = {0};
    struct profile *sum = NULL;
    struct buf out = BUF_LIMIT((size_t)1 << 26);
    assert_ok(profile_merge(in, n, &sum, &err), &err);
    assert_ok(profile_encode(sum, &out, &err), &err);
    profile_free(sum);
    return out;
}

static void assert_appends(struct profile *p, struct profile *more)
{
    struct err err = {0};
    const struct profile *const apart[] = {p, more};
    assert_true(profile_can_append(p, more));
    struct buf wanted = summed(apart, 2);
    assert_ok(profile_append(p, more, &err), &err);
    const struct profile *const together[] = {p};
    struct buf found = summed(together, 1);
    assert_true(span_eq(buf_view(&wanted), buf_view(&found)));
    buf_release(&wanted);
    buf_release(&found);
    profile_free(p);
    profile_free(more);
}

static void real_profiles_sum_to_their_merge(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"demo/00.heap.pb.gz",      "demo/09.heap.pb.gz"     },
        {"demo/00.goroutine.pb.gz", "demo/09.goroutine.pb.gz"},
        {"demo/09.goroutine.pb.gz", "demo/09.goroutine.pb.gz"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        assert_appends(load_profile(testdata(pairs[i][0])),
                       load_profile(testdata(pairs[i][1])));
    }
}

/* --- Built by hand --- */

struct spec {
    uint64_t start; /* of the mapping */
    const char *build_id, *comment, *label;
    int64_t value;
};

static struct profile *build(const struct spec *spec)
{
    struct err err = {0};
    struct profile *p = NULL;
    struct profile_builder *b = profile_builder_new();
    assert_non_null(b);
    profile_builder_type(b, "space", "bytes");
    const uint32_t mapping =
        profile_builder_mapping(b, spec->start, spec->start + 0x1000, 0,
                                SPAN_LIT("/bin/x"), span_of(spec->build_id));
    const struct builder_frame frame = {SPAN_LIT("f"), SPAN_LIT("f.go"), 3};
    const uint32_t loc =
        profile_builder_location(b, spec->start + 0x10, mapping, &frame, 1);
    const struct profile_label label = {
        .key = profile_builder_string(b, SPAN_LIT("k")),
        .str = profile_builder_string(b, span_of(spec->label))};
    profile_builder_sample(b, &loc, 1, &spec->value, 1, &label,
                           *spec->label != '\0');
    profile_builder_sample(b, &loc, 1, &(int64_t){0}, 1, NULL, 0);
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    assert_ok(profile_add_comment(p, span_of(spec->comment), &err), &err);
    return p;
}

static void mappings_and_labels_are_matched(void **state)
{
    (void)state;
    static const struct spec specs[] = {
        {0x5000, "id",    "one", "",  7},
        {0x9000, "id",    "one", "a", 5},
        {0x9000, "other", "two", "",  3},
    };
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 3; k++) {
            assert_appends(build(&specs[i]), build(&specs[k]));
        }
    }
}

static void what_could_cancel_is_not_appended(void **state)
{
    (void)state;
    const struct spec plus = {0x5000, "id", "", "", 7};
    const struct spec minus = {0x5000, "id", "", "", -7};
    struct profile *p = build(&plus);
    struct profile *n = build(&minus);
    assert_false(profile_can_append(p, n));
    assert_false(profile_can_append(n, p));
    profile_free(p);
    profile_free(n);
}

static void other_types_are_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p = load_profile(testdata("demo/00.heap.pb.gz"));
    struct profile *more = load_profile(testdata("demo/00.goroutine.pb.gz"));
    assert_false(profile_append(p, more, &err));
    assert_err(&err, ERR_MISMATCH,
               "merge: period types differ: space and goroutine");
    profile_free(p);
    profile_free(more);
}

static bool append_once(void *ctx, struct err *err)
{
    const struct span *in = ctx;
    struct profile *p = NULL;
    struct profile *more = NULL;
    const bool ok = profile_decode(in[0], &p, err) &&
                    profile_decode(in[1], &more, err) &&
                    profile_append(p, more, err);
    profile_free(p);
    profile_free(more);
    return ok;
}

static void running_out_of_memory_is_said(void **state)
{
    (void)state;
    struct buf a = test_read_file(testdata("demo/00.goroutine.pb.gz"));
    struct buf b = test_read_file(testdata("demo/01.goroutine.pb.gz"));
    struct span in[] = {buf_view(&a), buf_view(&b)};
    assert_true(oom_walk(append_once, in) > 10);
    buf_release(&a);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_profiles_sum_to_their_merge),
        cmocka_unit_test(mappings_and_labels_are_matched),
        cmocka_unit_test(what_could_cancel_is_not_appended),
        cmocka_unit_test(other_types_are_refused),
        cmocka_unit_test(running_out_of_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
