#include "written.h"

static void every_sample_gets_the_one_value(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"1 a",                    "1 a k=v"                       },
        {"1 a;2 -",                "1 a k=v;2 - k=v"               },
        {"1 a k=x",                "1 a k=v"                       },
        {"1 a k=x k=y z=x;2 b",    "1 a z=x k=v;2 b k=v"           },
        {"1 a k:=1/s j=k;2 b l=v", "1 a k:=1/s j=k k=v;2 b l=v k=v"},
        {"",                       ""                              },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        struct profile *p = written("samples/count", cases[i][0]);
        assert_ok(profile_set_label(p, 0, SPAN_LIT("k"), SPAN_LIT("v"), &err),
                  &err);
        assert_reads(p, cases[i][1]);
        /* Once more: the same. */
        assert_ok(profile_set_label(p, 0, SPAN_LIT("k"), SPAN_LIT("v"), &err),
                  &err);
        assert_reads(p, cases[i][1]);
        profile_free(p);
    }
}

static void samples_before_the_first_keep_theirs(void **state)
{
    (void)state;
    static const char *const texts[] = {"1 a k=x;2 b k=x z=y;3 c",
                                        "1 a k=x;2 b;3 c k=x z=y", "1 a;2 b"};
    static const char *const wanted[][4] = {
        {"1 a k=v;2 b z=y k=v;3 c k=v", "1 a k=x;2 b z=y k=v;3 c k=v",
         "1 a k=x;2 b k=x z=y;3 c k=v",                                           "1 a k=x;2 b k=x z=y;3 c"},
        {"1 a k=v;2 b k=v;3 c z=y k=v", "1 a k=x;2 b k=v;3 c z=y k=v",
         "1 a k=x;2 b;3 c z=y k=v",                                               "1 a k=x;2 b;3 c k=x z=y"},
        {"1 a k=v;2 b k=v",             "1 a;2 b k=v",                 "1 a;2 b", NULL                     },
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (uint32_t first = 0; first < 4 && wanted[i][first]; first++) {
            struct err err = {0};
            struct profile *p = written("samples/count", texts[i]);
            assert_ok(
                profile_set_label(p, first, SPAN_LIT("k"), SPAN_LIT("v"), &err),
                &err);
            assert_reads(p, wanted[i][first]);
            profile_free(p);
        }
    }
}

static void texts_that_are_there_are_not_added(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p = written("samples/count", "1 a k=v");
    const uint32_t n = p->n_strings;
    assert_ok(profile_set_label(p, 0, SPAN_LIT("k"), SPAN_LIT("a"), &err),
              &err);
    assert_int_equal(p->n_strings, n);
    assert_ok(profile_set_label(p, 0, SPAN_LIT("k"), SPAN_LIT("new"), &err),
              &err);
    assert_int_equal(p->n_strings, n + 1);
    assert_reads(p, "1 a k=new");
    profile_free(p);
}

/* The whole of -diff_base: label, negate, merge. */
static void a_labelled_difference_is_google_pprofs(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p = loaded("goroutine-go1.23-9");
    struct profile *base = loaded("goroutine-go1.23-0");
    struct profile *const both[] = {p, base};
    struct profile *sum = NULL;
    assert_ok(profile_set_label(base, 0, SPAN_LIT("pprof::base"),
                                SPAN_LIT("true"), &err),
              &err);
    profile_scale(base, -1);
    assert_ok(profile_unify_types(both, 2, &err), &err);
    const struct profile *const in[] = {p, base};
    assert_ok(profile_merge(in, 2, &sum, &err), &err);
    assert_weighs(sum, (struct weight){6879, UINT64_C(0xfb2293c135c84f51)},
                  "difference");
    profile_free(sum);
    profile_free(p);
    profile_free(base);
}

static void profiles_at_the_edge_are_labelled(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EDGE_PROFILES; i++) {
        struct err err = {0};
        struct profile *p = edge_profile(i);
        assert_ok(profile_set_label(p, 0, SPAN_LIT(""), SPAN_LIT(""), &err),
                  &err);
        assert_true(p->n_labels >= p->n_samples);
        profile_free(p);
    }
}

static bool decode_and_label(void *ctx, struct err *err)
{
    const struct buf *bytes = ctx;
    struct profile *p = NULL;
    const bool ok =
        profile_decode(buf_view(bytes), &p, err) &&
        profile_set_label(p, 0, SPAN_LIT("key"), SPAN_LIT("value"), err);
    profile_free(p);
    return ok;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    struct buf bytes = written_bytes("samples/count", "1 a k=v;2 b");
    assert_true(oom_walk(decode_and_label, &bytes) > 4);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_gets_the_one_value),
        cmocka_unit_test(samples_before_the_first_keep_theirs),
        cmocka_unit_test(texts_that_are_there_are_not_added),
        cmocka_unit_test(a_labelled_difference_is_google_pprofs),
        cmocka_unit_test(profiles_at_the_edge_are_labelled),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
