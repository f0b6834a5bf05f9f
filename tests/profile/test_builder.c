#include "profiles.h"

static bool build(void *ctx, struct err *err)
{
    struct profile **out = ctx;
    struct profile_builder *b = profile_builder_new();
    if (b == NULL) {
        return err_nomem(err, "test");
    }
    profile_builder_type(b, "inuse_objects", "count");
    profile_builder_type(b, "inuse_space", "bytes");
    profile_builder_period(b, "space", "bytes", 524288);
    const uint32_t m = profile_builder_mapping(
        b, 0x400000, 0x500000, 0, SPAN_LIT("/bin/x"), SPAN_LIT("id"));
    const struct builder_frame frames[] = {
        {SPAN_LIT("main.inlined"), SPAN_LIT("a.go"), 7},
        {SPAN_LIT("main.caller"),  SPAN_LIT("b.go"), 9}
    };
    const uint32_t locs[] = {
        profile_builder_location(b, 0x400010, m, frames, 2),
        profile_builder_location(b, 0x400020, m, frames + 1, 1),
        profile_builder_location(b, 0x400030, PROFILE_NONE, NULL, 0)};
    const struct profile_label label = {
        .key = profile_builder_string(b, SPAN_LIT("bytes")),
        .is_num = true,
        .num = 48};
    const int64_t values[] = {1, 48};
    profile_builder_sample(b, locs, 3, values, 2, &label, 1);
    profile_builder_sample(b, locs + 1, 1, values, 2, NULL, 0);
    struct profile *p = NULL;
    if (!profile_builder_finish(b, &p, err)) {
        return false;
    }
    if (out != NULL) {
        *out = p;
    } else {
        profile_free(p);
    }
    return true;
}

static void what_is_built_survives_the_wire(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p = NULL;
    assert_ok(build(&p, &err), &err);
    if (p == NULL) {
        fail();
        return;
    }
    assert_int_equal(p->n_samples, 2);
    assert_int_equal(p->n_locations, 3);
    assert_int_equal(p->n_functions, 2);
    assert_int_equal(profile_type_index(p, "inuse_space"), 1);
    assert_int_equal(profile_type_index(p, "alloc_space"), -1);
    struct buf out = encode_ok(p);
    struct profile *q = decode_ok(buf_view(&out), "built");
    assert_same_profile(p, q);
    profile_free(p);
    profile_free(q);
    buf_release(&out);
}

static void equal_content_has_the_equal_index(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p = NULL;
    struct profile_builder *b = profile_builder_new();
    profile_builder_type(b, "goroutine", "count");
    const struct builder_frame f = {SPAN_LIT("main.f"), SPAN_LIT("a.go"), 7};
    const struct builder_frame g = {SPAN_LIT("main.f"), SPAN_LIT("a.go"), 8};
    const uint32_t one = profile_builder_location(b, 1, PROFILE_NONE, &f, 1);
    assert_int_equal(profile_builder_location(b, 1, PROFILE_NONE, &f, 1), one);
    assert_int_not_equal(profile_builder_location(b, 2, PROFILE_NONE, &f, 1),
                         one);
    assert_int_not_equal(profile_builder_location(b, 1, PROFILE_NONE, &g, 1),
                         one);
    assert_int_not_equal(profile_builder_location(b, 1, PROFILE_NONE, &f, 0),
                         one);
    assert_int_equal(profile_builder_string(b, SPAN_LIT("")).i, 0);
    assert_int_equal(profile_builder_string(b, SPAN_LIT("x")).i,
                     profile_builder_string(b, SPAN_LIT("x")).i);
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    assert_int_equal(p->n_locations, 4);
    assert_int_equal(p->n_functions, 1);
    assert_int_equal(p->n_samples, 0);
    assert_null(p->label_off);
    profile_free(p);
}

static void a_location_may_move_and_stays_itself(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p = NULL;
    struct profile_builder *b = profile_builder_new();
    profile_builder_type(b, "goroutine", "count");
    (void)profile_builder_location(b, 1, PROFILE_NONE, NULL, 0);
    (void)profile_builder_location(b, 2, PROFILE_NONE, NULL, 0);
    assert_int_equal(profile_builder_n_locations(b), 2);
    assert_int_equal(profile_builder_address(b, 1), 2);
    const struct profile_mapping m = {.limit = 9};
    const uint32_t first = profile_builder_next_mapping(b, &m);
    assert_int_not_equal(profile_builder_next_mapping(b, &m), first);
    profile_builder_place(b, 0, 7, first);
    profile_builder_place(b, 1, 7, first);
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    assert_int_equal(p->n_locations, 2);
    assert_int_equal(p->locations[1].address, 7);
    assert_int_equal(p->locations[1].mapping, first);
    assert_int_equal(p->n_mappings, 2);
    assert_int_equal(p->mappings[1].id, 2);
    profile_free(p);
}

static void a_wrong_value_count_is_our_mistake(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p = NULL;
    struct profile_builder *b = profile_builder_new();
    profile_builder_type(b, "goroutine", "count");
    const int64_t values[] = {1, 2};
    profile_builder_sample(b, NULL, 0, values, 1, NULL, 0);
    profile_builder_sample(b, NULL, 0, values, 2, NULL, 0);
    assert_false(profile_builder_finish(b, &p, &err));
    assert_err(&err, ERR_INTERNAL,
               "sample 1 was built with a wrong number of values for 1 sample"
               " types");
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    assert_true(oom_walk(build, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_built_survives_the_wire),
        cmocka_unit_test(equal_content_has_the_equal_index),
        cmocka_unit_test(a_location_may_move_and_stays_itself),
        cmocka_unit_test(a_wrong_value_count_is_our_mistake),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
