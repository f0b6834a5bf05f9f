/* Sparklines: shape from low to high, never wider than asked. */
#include "test.h"

#include "report/spark.h"

#include <math.h>

static void assert_spark(const double *v, size_t n, size_t columns,
                         const char *want)
{
    struct buf out = BUF_LIMIT(4096);
    spark(&out, v, n, columns, true);
    assert_string_equal(out.data ? out.data : "", want);
    buf_release(&out);
}

static void levels_run_from_low_to_high(void **state)
{
    (void)state;
    const double v[] = {0, 1, 2, 3, 4, 5, 6, 7};
    assert_spark(v, 8, 24, "_.-~=+*#");
    assert_spark(v, 8, 4, "_-+#");
}

static void flat_series_stays_in_the_middle(void **state)
{
    (void)state;
    const double v[] = {5, 5, 5};
    assert_spark(v, 3, 24, "===");
}

static void gaps_are_blank(void **state)
{
    (void)state;
    const double v[] = {0, NAN, 7, INFINITY};
    assert_spark(v, 4, 24, "_ # ");
    assert_spark(v, 0, 24, "");
}

static void blocks_are_utf8(void **state)
{
    (void)state;
    const double v[] = {0, 1};
    struct buf out = BUF_LIMIT(64);
    spark(&out, v, 2, 24, false);
    assert_string_equal(out.data, "\xe2\x96\x81\xe2\x96\x88");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_run_from_low_to_high),
        cmocka_unit_test(flat_series_stays_in_the_middle),
        cmocka_unit_test(gaps_are_blank),
        cmocka_unit_test(blocks_are_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
