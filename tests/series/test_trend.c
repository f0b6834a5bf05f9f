#include "series/made.h"

#include <stdio.h>

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

enum { POINTS = 10, LONG = 1200 };

static void assert_close(double got, double wanted, double tolerance)
{
    if (!(fabs(got - wanted) <= tolerance)) {
        fail_msg("%.12g, not %.12g", got, wanted);
    }
}

static const double ticks[LONG];

/* A goroutine trend over x, one point a second. */
static struct trend counted(const double *x, size_t n, double *seconds)
{
    for (size_t i = 0; i < n; i++) {
        seconds[i] = (double)i;
    }
    struct trend t = {.n = n,
                      .seconds = seconds,
                      .clock = seconds,
                      .value = x,
                      .has_times = true};
    assert_true(trend_measure(&t, 0));
    return t;
}

/* What is measured first, and alone for most, must be what is measured last. */
static void cheap_figures_are_those_of_the_whole_measure(void **state)
{
    (void)state;
    uint64_t seed = 6;
    for (size_t round = 0; round < 200; round++) {
        double born[POINTS];
        double live[POINTS];
        double stock = 40;
        double ever = 40;
        for (size_t i = 0; i < POINTS; i++) {
            stock = made_step(&seed, stock, 9, round % 2 ? 1e9 : 4, &ever);
            live[i] = stock;
            born[i] = ever;
        }
        struct trend whole = {.n = POINTS,
                              .seconds = ticks,
                              .clock = born,
                              .value = live,
                              .objects = live,
                              .sampled = live,
                              .born = born};
        struct trend ends = {.n = POINTS, .value = live, .sampled = live};
        struct trend noise = ends;
        noise.seconds = ticks;
        noise.born = born;
        assert_true(trend_measure(&whole, 0));
        trend_measure_ends(&ends);
        trend_measure_noise(&noise);
        assert_close(ends.growth, whole.growth, 0);
        assert_close(ends.delta, whole.delta, 0);
        assert_close(ends.first, whole.first, 0);
        assert_close(ends.last, whole.last, 0);
        assert_close(noise.z, whole.z, 0);
        assert_close(noise.births, whole.births, 0);
    }
}

/* --- figures by hand ---------------------------------------------------------
 */

static void a_line_has_pace_one_and_no_fall(void **state)
{
    (void)state;
    const double x[] = {0, 10, 20, 30, 40, 50, 60, 70, 80, 90};
    double seconds[POINTS];
    const struct trend t = counted(x, POINTS, seconds);
    assert_close(t.growth, 90, 0);
    assert_close(t.per_second, 10, 1e-12);
    assert_close(t.events, 9, 1e-12);
    assert_close(t.drawdown, 0, 0);
    assert_close(t.p * 3628800, 1, 1e-9);
    for (int i = 0; i < TREND_SPLITS; i++) {
        assert_close(t.pace[i], 1, 1e-9);
    }
}

/* Steady increments: the noise of n arrivals, never less. */
static void z_of_an_accumulator_is_the_root_of_its_growth(void **state)
{
    (void)state;
    const double x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    double seconds[POINTS];
    assert_close(counted(x, POINTS, seconds).z, 3, 1e-12);
}

/* Thousands wait for the next message, a few per cent more than before: the
   load. The same growth in even steps is a leak beside an old stock. */
static void the_load_of_a_large_stock_wanders(void **state)
{
    (void)state;
    const double poll[] = {6986, 7176, 7154, 7069, 7156,
                           7142, 7324, 7331, 7375, 7407};
    double seconds[POINTS];
    assert_true(counted(poll, POINTS, seconds).z < 3);
    double even[POINTS];
    for (size_t i = 0; i < POINTS; i++) {
        even[i] = 6986 + 47 * (double)i;
    }
    assert_true(counted(even, POINTS, seconds).z > 10);
}

/* Pages of a full cache, of which sampling saw 48 and then 68: births and
   deaths say three deviates, and nine increments that happen to be even may
   not say much more. */
static void few_even_increments_are_weak_evidence(void **state)
{
    (void)state;
    const double live[] = {48, 50, 52, 54, 55, 57, 58, 59, 61, 68};
    const double born[] = {48, 51, 54, 58, 61, 65, 68, 71, 75, 80};
    double seconds[POINTS];
    struct trend t = counted(live, POINTS, seconds);
    t.sampled = t.objects = live;
    t.born = born;
    trend_measure_noise(&t);
    assert_close(t.births, 32, 0);
    assert_close(t.deaths, 12, 0);
    assert_true(t.z > 20 / sqrt(44.3));
    assert_true(t.z < 3.3);
}

static void growth_in_one_step_is_one_event(void **state)
{
    (void)state;
    const double x[] = {5, 5, 5, 5, 65, 65, 65, 65, 65, 65};
    double seconds[POINTS];
    const struct trend t = counted(x, POINTS, seconds);
    assert_close(t.events, 1, 0);
    assert_close(t.idle_share, 5.0 / 4, 1e-12);
}

/* A watch that stood still for a minute between its snapshots. */
static void a_gap_in_watching_is_no_step(void **state)
{
    (void)state;
    double x[20];
    double seconds[20];
    for (size_t i = 0; i < 20; i++) {
        seconds[i] = (double)i + (i >= 14 ? 60 : 0);
        x[i] = 5 * seconds[i];
    }
    struct trend t = {.n = 20,
                      .seconds = seconds,
                      .clock = seconds,
                      .value = x,
                      .has_times = true};
    assert_true(trend_measure(&t, 0));
    assert_true(t.events > 15);
    assert_true(t.z > 10);
    assert_close(t.per_second, 5, 1e-9);
    assert_true(t.per_second_low > 4);

    /* What came in it alone is a step still. */
    for (size_t i = 0; i < 20; i++) {
        x[i] = i >= 14 ? 400 : 100;
    }
    assert_true(trend_measure(&t, 0));
    assert_close(t.events, 1, 1e-9);
}

static void the_deepest_fall_is_from_the_peak_before_it(void **state)
{
    (void)state;
    const double x[] = {0, 30, 10, 60, 50, 100};
    double seconds[POINTS];
    assert_close(counted(x, 6, seconds).drawdown, 0.2, 1e-12);
}

static void pace_is_of_after_to_before_each_split(void **state)
{
    (void)state;
    /* 6 a second to t = 6, then 2: halves 36 : 12, thirds 36 : 0 beyond. */
    const double x[] = {0, 6, 12, 18, 24, 30, 36, 38, 40, 42, 44, 46, 48};
    double seconds[13];
    const struct trend t = counted(x, 13, seconds);
    assert_close(t.pace[0], 12.0 / 36, 1e-9);
    assert_close(t.pace[1], 8.0 / 40 * 2, 1e-9);
    assert_close(t.pace[2], 6.0 / 42 * 3, 1e-9);
    for (int i = 0; i < TREND_SPLITS; i++) {
        assert_true(t.pace_high[i] > t.pace[i]);
    }
}

static void heap_flow_counts_births_deaths_and_retention(void **state)
{
    (void)state;
    const double seconds[] = {0, 1, 2, 3, 4};
    const double live[] = {10, 14, 20, 24, 30};
    const double born[] = {100, 110, 120, 130, 140};
    const double value[] = {10e6, 14e6, 20e6, 24e6, 30e6};
    struct trend t = {.n = 5,
                      .seconds = seconds,
                      .clock = seconds,
                      .value = value,
                      .objects = live,
                      .sampled = live,
                      .born = born,
                      .has_times = true};
    assert_true(trend_measure(&t, MADE_PERIOD));
    assert_close(t.births, 40, 0);
    assert_close(t.deaths, 20, 0);
    assert_close(t.retention, 0.5, 1e-12);
    assert_close(t.per_second, 5e6, 1e-6);
    assert_close(t.relative_error, 0, 0); /* every object was sampled */
}

/* 16 sampled of 64: sqrt((1 - 1/4) / 16). */
static void relative_error_is_of_sampling(void **state)
{
    (void)state;
    const double one = 16;
    const double objects = 64;
    const double value = 1e6;
    struct trend t = {.n = 1,
                      .seconds = ticks,
                      .clock = ticks,
                      .value = &value,
                      .objects = &objects,
                      .sampled = &one,
                      .born = &one};
    assert_true(trend_measure(&t, MADE_PERIOD));
    assert_close(t.relative_error, sqrt(0.75 / 16), 1e-12);
}

static void without_times_there_is_no_rate(void **state)
{
    (void)state;
    const double x[] = {0, 1, 2};
    const double seconds[] = {0, 1, 2};
    struct trend t = {.n = 3, .seconds = seconds, .clock = seconds, .value = x};
    assert_true(trend_measure(&t, 0));
    assert_true(isnan(t.per_second) && isnan(t.per_second_low));
    assert_close(t.growth, 2, 0);
}

static void no_points_are_measured_as_nothing(void **state)
{
    (void)state;
    struct trend t = {.n = 0};
    assert_true(trend_measure(&t, 0));
    assert_close(t.p, 1, 0);
    assert_close(t.growth, 0, 0);
}

/* Every interval counts, however long the series. */
static void a_long_series_is_measured_to_its_end(void **state)
{
    (void)state;
    static double x[LONG];
    static double seconds[LONG];
    uint64_t seed = 7;
    for (size_t i = 1; i < LONG; i++) {
        x[i] = x[i - 1] + made_poisson(&seed, 2);
    }
    const struct trend t = counted(x, LONG, seconds);
    assert_true(t.events > LONG / 2.0);
    assert_close(t.z, sqrt(t.growth), 0.02 * t.z);
    /* 1.96 standard deviations of a Poisson count of 2400 over 1199 s. */
    const double half = (t.per_second_high - t.per_second_low) / 2;
    assert_close(half, 1.96 * sqrt(t.growth) / 1199, 0.1 * half);
}

static void a_long_series_that_has_stopped_is_idle(void **state)
{
    (void)state;
    static double x[LONG];
    static double seconds[LONG];
    for (size_t i = 1; i < LONG; i++) {
        x[i] = i < 400 ? (double)i : 400;
    }
    const struct trend t = counted(x, LONG, seconds);
    assert_close(t.idle_share, 799, 1);
}

/* --- does the interval hold what it promises? --- */

struct process {
    const char *name;
    double rate, life;  /* births per interval; 0 = they stay */
    double leak;        /* more births per interval that stay */
    double least, most; /* accepted coverage */
};

/* One run of the process: stock and births at every point. */
static void run(const struct process *p, uint64_t *seed, double *live,
                double *born)
{
    double stock = p->life > 0 ? made_poisson(seed, p->rate * p->life) : 0;
    double kept = 0;
    double ever = stock;
    for (size_t i = 0; i < POINTS; i++) {
        live[i] = stock + kept;
        born[i] = ever;
        if (p->life > 0) {
            stock = made_step(seed, stock, p->rate, p->life, &ever);
        }
        const double more = made_poisson(seed, p->leak);
        kept += more;
        ever += more;
    }
}

static void the_growth_interval_covers(void **state)
{
    const struct process *p = *state;
    enum { RUNS = 2000 };
    static const double seconds[POINTS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    uint64_t seed = 20;
    size_t covered = 0;
    for (size_t r = 0; r < RUNS; r++) {
        double live[POINTS];
        double born[POINTS];
        run(p, &seed, live, born);
        struct trend t = {.n = POINTS,
                          .seconds = seconds,
                          .clock = seconds,
                          .value = live,
                          .objects = live,
                          .sampled = live,
                          .born = born,
                          .has_times = true};
        assert_true(trend_measure(&t, MADE_PERIOD));
        covered += t.per_second_low <= p->leak && p->leak <= t.per_second_high;
    }
    const double share = (double)covered / RUNS;
    print_message("covered in %.1f %% of %d runs\n", 100 * share, RUNS);
    assert_true(share >= p->least && share <= p->most);
}

/* 95 % is promised. The interval takes the larger of two estimates and t's
   quantile, so it is wide, and very wide where most births die soon: births
   and deaths then bound a variance that the stock itself does not have. It
   must never be narrow. */
static const struct process processes[] = {
    {"an_accumulator_of_24_is_covered",              0,  0,  24.0 / 9, 0.93, 0.98 },
    {"an_accumulator_of_90_is_covered",              0,  0,  10,       0.93, 0.98 },
    {"an_accumulator_of_900_is_covered",             0,  0,  100,      0.93, 0.98 },
    {"a_long_lived_stock_is_covered",                10, 40, 0,        0.93, 0.985},
    {"a_leak_beside_a_long_lived_stock_is_covered",  5,  40, 5,        0.93, 0.985},
    {"a_stock_of_a_windows_life_is_covered",         10, 9,  0,        0.93, 0.995},
    {"a_short_lived_stock_is_covered",               20, 2,  0,        0.93, 0.995},
    {"a_leak_beside_a_short_lived_stock_is_covered", 20, 2,  5,        0.93, 0.995},
};

int main(void)
{
    struct CMUnitTest tests[32] = {
        cmocka_unit_test(cheap_figures_are_those_of_the_whole_measure),
        cmocka_unit_test(a_line_has_pace_one_and_no_fall),
        cmocka_unit_test(z_of_an_accumulator_is_the_root_of_its_growth),
        cmocka_unit_test(the_load_of_a_large_stock_wanders),
        cmocka_unit_test(few_even_increments_are_weak_evidence),
        cmocka_unit_test(growth_in_one_step_is_one_event),
        cmocka_unit_test(a_gap_in_watching_is_no_step),
        cmocka_unit_test(the_deepest_fall_is_from_the_peak_before_it),
        cmocka_unit_test(pace_is_of_after_to_before_each_split),
        cmocka_unit_test(heap_flow_counts_births_deaths_and_retention),
        cmocka_unit_test(relative_error_is_of_sampling),
        cmocka_unit_test(without_times_there_is_no_rate),
        cmocka_unit_test(no_points_are_measured_as_nothing),
        cmocka_unit_test(a_long_series_is_measured_to_its_end),
        cmocka_unit_test(a_long_series_that_has_stopped_is_idle),
    };
    size_t n = 13;
    for (size_t i = 0; i < N_OF(processes); i++) {
        tests[n++] =
            (struct CMUnitTest){.name = processes[i].name,
                                .test_func = the_growth_interval_covers,
                                .initial_state = test_case(&processes[i])};
    }
    return _cmocka_run_group_tests("trend", tests, n, NULL, NULL);
}
