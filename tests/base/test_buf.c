#include "test.h"

#include <string.h>

static void appends_end_with_nul(void **state)
{
    (void)state;
    struct buf b = BUF_LIMIT(1000);
    buf_str(&b, "one");
    buf_char(&b, ' ');
    buf_span(&b, (struct span){"twofold", 3});
    buf_repeat(&b, '-', 3);
    buf_printf(&b, "%d %s", 42, "x");
    assert_string_equal(b.data, "one two---42 x");
    assert_int_equal(b.len, strlen(b.data));
    buf_clear(&b);
    assert_string_equal(b.data, "");
    buf_release(&b);
    assert_int_equal(b.limit_bytes, 1000);
}

static void nothing_is_fine_too(void **state)
{
    (void)state;
    struct buf b = BUF_LIMIT(10);
    buf_add(&b, NULL, 0);
    buf_span(&b, (struct span){0});
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 0);
    buf_release(&b);
}

static void the_limit_is_exact_and_sticks(void **state)
{
    (void)state;
    struct buf b = BUF_LIMIT(4);
    buf_str(&b, "1234");
    assert_true(buf_ok(&b));
    buf_char(&b, '5');
    assert_false(buf_ok(&b));
    buf_clear(&b);
    buf_str(&b, "123");
    buf_printf(&b, "%d", 45);
    assert_false(buf_ok(&b));
    buf_str(&b, "6"); /* would fit, but the hole before it would not show */
    assert_string_equal(b.data, "123");
    struct err err = {0};
    assert_false(buf_check(&b, "report", &err));
    assert_err(&err, ERR_LIMIT, "report: more than 4 bytes");
    buf_release(&b);
}

static void a_buffer_without_limit_takes_nothing(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_char(&b, 'x');
    assert_true(b.failed_limit);
    buf_release(&b);
}

static void huge_lengths_do_not_wrap(void **state)
{
    (void)state;
    struct buf b = BUF_LIMIT(SIZE_MAX);
    buf_char(&b, 'x');
    buf_repeat(&b, 'x', SIZE_MAX - 1);
    assert_true(b.failed_memory);
    buf_release(&b);
}

static bool write_much(void *ctx, struct err *err)
{
    (void)ctx;
    struct buf b = BUF_LIMIT(1 << 20);
    for (int i = 0; i < 1000; i++) {
        buf_printf(&b, "line %d\n", i);
    }
    const bool ok = buf_check(&b, "lines", err);
    buf_release(&b);
    return ok;
}

static void memory_may_end_at_any_time(void **state)
{
    (void)state;
    assert_true(oom_walk(write_much, NULL) >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_end_with_nul),
        cmocka_unit_test(nothing_is_fine_too),
        cmocka_unit_test(the_limit_is_exact_and_sticks),
        cmocka_unit_test(a_buffer_without_limit_takes_nothing),
        cmocka_unit_test(huge_lengths_do_not_wrap),
        cmocka_unit_test(memory_may_end_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
