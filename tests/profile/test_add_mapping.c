#include "written.h"

static void a_profile_without_mappings_gets_one_that_all_have(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p = written("samples/count", "1 a|b;2 0x10");
    assert_ok(profile_add_mapping(p, &err), &err);
    assert_int_equal(p->n_mappings, 1);
    assert_true(p->mappings[0].id == 1 && p->mappings[0].limit == 0 &&
                p->mappings[0].file.i == 0 && !p->mappings[0].has_functions);
    for (uint32_t i = 0; i < p->n_locations; i++) {
        assert_int_equal(p->locations[i].mapping, 0);
    }
    /* Nothing more the second time. */
    assert_ok(profile_add_mapping(p, &err), &err);
    assert_int_equal(p->n_mappings, 1);
    profile_free(p);
}

static void a_profile_with_mappings_stays(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p = written("samples/count", "1 1!a|b");
    assert_ok(profile_add_mapping(p, &err), &err);
    assert_int_equal(p->n_mappings, 1);
    assert_reads(p, "1 1!a|b");
    profile_free(p);
}

static void profiles_at_the_edge_get_one_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EDGE_PROFILES; i++) {
        struct err err = {0};
        struct profile *p = edge_profile(i);
        assert_ok(profile_add_mapping(p, &err), &err);
        assert_int_equal(p->n_mappings, 1);
        profile_free(p);
    }
}

static bool decode_and_add(void *ctx, struct err *err)
{
    const struct buf *bytes = ctx;
    struct profile *p = NULL;
    const bool ok =
        profile_decode(buf_view(bytes), &p, err) && profile_add_mapping(p, err);
    profile_free(p);
    return ok;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    struct buf bytes = written_bytes("samples/count", "1 a|b");
    assert_true(oom_walk(decode_and_add, &bytes) > 1);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_without_mappings_gets_one_that_all_have),
        cmocka_unit_test(a_profile_with_mappings_stays),
        cmocka_unit_test(profiles_at_the_edge_get_one_too),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
