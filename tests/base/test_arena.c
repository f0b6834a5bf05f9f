#include "test.h"

#include "base/arena.h"

#include <string.h>

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct arena a = {0};
    uint64_t seed = 1;
    char *last_end = NULL;
    for (int i = 0; i < 2000; i++) {
        const size_t n = (size_t)(test_random(&seed) % 300);
        const size_t align = (size_t)1 << (test_random(&seed) % 8);
        char *p = arena_alloc(&a, n, 1, align);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % align, 0);
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(p[k], 0);
        }
        /* A later overlap would find these bytes not zero. */
        memset(p, 0xaa, n);
        assert_true(p != last_end || n > 0 || last_end == NULL);
        last_end = p + n;
    }
    assert_true(a.used_bytes <= a.block_bytes);
    arena_release(&a);
    assert_int_equal(a.used_bytes, 0);
}

static void big_pieces_do_not_waste_the_current_block(void **state)
{
    (void)state;
    struct arena a = {0};
    char *first = arena_alloc(&a, 16, 1, 1);
    assert_non_null(arena_alloc(&a, 10 << 20, 1, 16));
    char *second = arena_alloc(&a, 16, 1, 1);
    assert_ptr_equal(second, first + 16);
    assert_true(a.block_bytes < (11 << 20));
    arena_release(&a);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    struct arena a = {0};
    assert_null(arena_alloc(&a, SIZE_MAX / 2, 4, 8));
    assert_null(arena_alloc(&a, SIZE_MAX, 1, 8));
    assert_int_equal(a.block_bytes, 0);
    assert_non_null(arena_alloc(&a, 0, 8, 8));
    arena_release(&a);
}

static void text_is_copied_and_formatted(void **state)
{
    (void)state;
    struct arena a = {0};
    assert_string_equal(arena_strdup(&a, (struct span){"abcdef", 3}), "abc");
    assert_string_equal(arena_strdup(&a, (struct span){0}), "");
    assert_string_equal(arena_printf(&a, "%s:%d", "main.go", 12), "main.go:12");
    arena_release(&a);
}

static bool use_arena(void *ctx, struct err *err)
{
    (void)ctx;
    struct arena a = {0};
    bool ok = true;
    for (int i = 0; ok && i < 40; i++) {
        ok = arena_new(&a, uint64_t, 200) && arena_strdup(&a, SPAN_LIT("x")) &&
             arena_printf(&a, "%d", i);
    }
    arena_release(&a);
    return ok || err_nomem(err, "arena");
}

static void memory_may_end_at_any_time(void **state)
{
    (void)state;
    assert_true(oom_walk(use_arena, NULL) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(big_pieces_do_not_waste_the_current_block),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(text_is_copied_and_formatted),
        cmocka_unit_test(memory_may_end_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
