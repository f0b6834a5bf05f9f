#include "series/made.h"

#include "series/trend.h"

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

enum { POINTS_MAX = 32 };

/* A goroutine count, one look a second; `load` NULL: as time passes. */
static struct trend counted(const double *x, size_t n, const double *load)
{
    static double seconds[POINTS_MAX];
    for (size_t i = 0; i < n; i++) {
        seconds[i] = (double)i;
    }
    struct trend t = {.n = n,
                      .seconds = seconds,
                      .clock = seconds,
                      .load = load,
                      .value = x,
                      .has_times = true};
    assert_true(trend_measure(&t, 0));
    return t;
}

/* What is level, in intervals; 0 nothing. */
static const struct level_case {
    const char *name;
    double x[POINTS_MAX];
    size_t n;
    double before, after;
} cases[] = {
    {"a_pool_that_reached_its_maximum_is_level_after",
     {12, 23, 31, 41, 51, 59, 59, 59, 60, 59, 59, 60, 59, 60},
     14, 0,
     8},
    {"a_level_may_swing",
     {244, 425, 605, 785, 966, 1144, 1323, 1233, 1413, 1293, 1473, 1353, 1233,
      1411, 1292, 1472},
     16, 0,
     9},
    {"a_batch_that_began_is_level_before",
     {10, 10, 10, 10, 10, 10, 52, 94, 141, 178},
     10, 5,
     0},
    {"a_step_has_no_steady_pace_to_miss",
     {10, 10, 10, 10, 10, 40, 70, 100, 130, 130, 130, 130, 130},
     13, 0,
     0},
    {"a_line_is_nowhere_level",
     {0, 10, 20, 30, 40, 50, 60, 70, 80, 90},
     10, 0,
     0},
    {"growth_that_slows_down_is_nowhere_level",
     {0, 40, 57, 69, 80, 89, 98, 106, 113, 120, 126, 133},
     12, 0,
     0},
    {"a_leak_beneath_a_warm_up_is_nowhere_level",
     {0, 60, 120, 180, 190, 200, 210, 220, 230, 240, 250, 260},
     12, 0,
     0},
    {"rests_between_bursts_are_not_level",
     {0, 30, 30, 60, 60, 90, 90, 120, 120, 150, 150, 150, 150, 150, 150},
     15, 0,
     0},
    {"few_would_not_have_been_seen",
     {0, 2, 4, 6, 8, 10, 12, 12, 12, 12},
     10, 0,
     0},
};

static void levels_are_found(void **state)
{
    const struct level_case *c = *state;
    const struct trend t = counted(c->x, c->n, NULL);
    const double intervals = (double)c->n - 1;
    if (fabs(t.level_before * intervals - c->before) > 0.5 ||
        fabs(t.level_after * intervals - c->after) > 0.5) {
        fail_msg("level %g before, %g after; not %g, %g",
                 t.level_before * intervals, t.level_after * intervals,
                 c->before, c->after);
    }
    assert_true((t.level_from > 0) == (c->after > 0));
}

/* Once nobody calls any more, a leak rests as a full pool does. */
static void growth_that_ended_with_the_load_is_not_level(void **state)
{
    (void)state;
    const double x[] = {0, 20, 40, 60, 80, 100, 100, 100, 100, 100, 100};
    const double idle[] = {0, 10, 20, 30, 40, 50, 50.1, 50.2, 50.3, 50.4, 50.5};
    assert_true(counted(x, N_OF(x), NULL).level_after > 0.4);
    assert_true(counted(x, N_OF(x), idle).level_after <= 0);
}

static void no_clock_and_few_points_show_no_level(void **state)
{
    (void)state;
    const double x[] = {0, 20, 40, 60, 60, 60, 60, 60, 60};
    const double still[N_OF(x)] = {0};
    assert_true(counted(x, N_OF(x), still).level_after <= 0);
    assert_true(counted(x, 5, NULL).level_after <= 0);
}

int main(void)
{
    struct CMUnitTest tests[N_OF(cases) + 2] = {
        cmocka_unit_test(growth_that_ended_with_the_load_is_not_level),
        cmocka_unit_test(no_clock_and_few_points_show_no_level)};
    for (size_t i = 0; i < N_OF(cases); i++) {
        tests[i + 2] =
            (struct CMUnitTest){.name = cases[i].name,
                                .test_func = levels_are_found,
                                .initial_state = test_case(&cases[i])};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
