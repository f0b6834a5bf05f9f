#include "test.h"

#include "base/vec.h"

static void pushing_keeps_order(void **state)
{
    (void)state;
    struct vec_u32 v = {0};
    for (uint32_t i = 0; i < 10000; i++) {
        assert_true(vec_u32_push(&v, i * 3));
    }
    assert_int_equal(v.n, 10000);
    for (uint32_t i = 0; i < 10000; i++) {
        assert_int_equal(v.items[i], i * 3);
    }
    assert_true(v.cap < 20000);
    vec_u32_release(&v);
    assert_int_equal(v.cap, 0);
}

static void reserve_prevents_moves(void **state)
{
    (void)state;
    struct vec_i64 v = {0};
    assert_true(vec_i64_reserve(&v, 1000));
    const int64_t *items = v.items;
    for (int i = 0; i < 1000; i++) {
        assert_true(vec_i64_push(&v, -i));
    }
    assert_ptr_equal(items, v.items);
    vec_i64_release(&v);
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    struct vec_u64 v = {0};
    assert_false(vec_u64_reserve(&v, SIZE_MAX));
    assert_false(vec_u64_reserve(&v, SIZE_MAX / 4));
    assert_int_equal(v.cap, 0);
    assert_null(v.items);
}

static bool fill(void *ctx, struct err *err)
{
    (void)ctx;
    struct vec_u64 v = {0};
    bool ok = true;
    for (uint64_t i = 0; ok && i < 100; i++) {
        ok = vec_u64_push(&v, i);
    }
    vec_u64_release(&v);
    return ok || err_nomem(err, "vec");
}

static void memory_may_end_at_any_time(void **state)
{
    (void)state;
    assert_int_equal(oom_walk(fill, NULL), 5); /* 8 16 32 64 128 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pushing_keeps_order),
        cmocka_unit_test(reserve_prevents_moves),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(memory_may_end_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
