#include "test.h"

#include "series/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

#define assert_near(got, wanted, tolerance)                                    \
    do {                                                                       \
        const double g_ = (got);                                               \
        const double w_ = (wanted);                                            \
        if (!(fabs(g_ - w_) <= (tolerance))) {                                 \
            fail_msg("%s: %.12g, not %.12g", #got, g_, w_);                    \
        }                                                                      \
    } while (0)

/* --- Mann-Kendall -----------------------------------------------------------
 */

enum { ROW_MAX = 100 };

/* A permutation of 1..n whose S is `s`: small values come late until enough
   inversions are made. */
static void series_with_s(size_t n, long s, double *x)
{
    long inversions = ((long)(n * (n - 1) / 2) - s) / 2;
    for (size_t i = 0; i < n; i++) {
        x[i] = (double)i;
    }
    for (size_t i = 0; i < n && inversions > 0; i++) {
        size_t moves = n - 1 - i;
        moves = (long)moves > inversions ? (size_t)inversions : moves;
        inversions -= (long)moves;
        const double v = x[i + moves];
        memmove(x + i + 1, x + i, moves * sizeof *x);
        x[i] = v;
    }
}

static double p_of_s(size_t n, long s)
{
    double x[ROW_MAX];
    series_with_s(n, s, x);
    return stat_mann_kendall(x, n);
}

/* Critical values of S: leaks.md 4.2. 0 = the test cannot reach it. */
static const struct {
    size_t n;
    double least;
    long s_05, s_01, s_001;
} critical[] = {
    {3,  0.167,  0,  0,  0 },
    {4,  0.0417, 6,  0,  0 },
    {5,  0.0083, 8,  10, 0 },
    {6,  0.0014, 11, 13, 0 },
    {7,  2.0e-4, 13, 17, 21},
    {8,  2.5e-5, 16, 20, 24},
    {9,  2.8e-6, 18, 24, 30},
    {10, 2.8e-7, 21, 27, 35},
    {12, 2.1e-9, 26, 36, 44},
};

/* `s` reaches the level and the value before it does not. */
static void assert_critical(size_t n, long s, double level)
{
    const long most = (long)(n * (n - 1) / 2);
    if (s == 0) {
        assert_true(p_of_s(n, most) > level);
        return;
    }
    if (p_of_s(n, s) > level || p_of_s(n, s - 2) <= level) {
        fail_msg("n %zu level %g: S %ld has p %g, %ld has %g", n, level, s,
                 p_of_s(n, s), s - 2, p_of_s(n, s - 2));
    }
}

static void mann_kendall_has_the_published_critical_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(critical); i++) {
        const size_t n = critical[i].n;
        const double least = p_of_s(n, (long)(n * (n - 1) / 2));
        assert_near(least, critical[i].least, 0.03 * critical[i].least);
        assert_critical(n, critical[i].s_05, 0.05);
        assert_critical(n, critical[i].s_01, 0.01);
        assert_critical(n, critical[i].s_001, 0.001);
    }
}

/* Next arrangement in lexicographic order; false after the last. */
static bool next_arrangement(double *x, size_t n)
{
    size_t i = n - 1;
    while (i > 0 && x[i - 1] >= x[i]) {
        i--;
    }
    if (i == 0) {
        return false;
    }
    size_t k = n - 1;
    while (x[k] <= x[i - 1]) {
        k--;
    }
    const double v = x[k];
    x[k] = x[i - 1];
    x[i - 1] = v;
    for (size_t a = i, b = n - 1; a < b; a++, b--) {
        const double w = x[a];
        x[a] = x[b];
        x[b] = w;
    }
    return true;
}

static int s_of(const double *x, size_t n)
{
    int s = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; k < n; k++) {
            s += (x[k] > x[i]) - (x[k] < x[i]);
        }
    }
    return s;
}

/* All arrangements of a multiset are equally likely: counts them by S and
   compares the tail at every S that occurs. */
static void compare_with_enumeration(const double *sorted, size_t n)
{
    enum { S_MAX = 28 };
    double count[2 * S_MAX + 1] = {0};
    double example[2 * S_MAX + 1][8];
    double x[8];
    double all = 0;
    memcpy(x, sorted, n * sizeof *x);
    do {
        const int at = s_of(x, n) + S_MAX;
        count[at]++;
        all++;
        memcpy(example[at], x, n * sizeof *x);
    } while (next_arrangement(x, n));
    double tail = 0;
    for (int at = 2 * S_MAX; at >= 0; at--) {
        tail += count[at];
        if (count[at] > 0) {
            assert_near(stat_mann_kendall(example[at], n), tail / all, 1e-12);
        }
    }
}

/* Bit i of `cuts` set: value i + 1 is larger than value i. */
static void mann_kendall_is_exact_for_every_multiset(void **state)
{
    (void)state;
    for (size_t n = 2; n <= 8; n++) {
        for (unsigned cuts = 1; cuts < 1u << (n - 1); cuts++) {
            double x[8] = {0};
            for (size_t i = 1; i < n; i++) {
                x[i] = x[i - 1] + ((cuts >> (i - 1)) & 1u);
            }
            compare_with_enumeration(x, n);
        }
    }
}

static void mann_kendall_of_nothing_and_of_equals_is_one(void **state)
{
    (void)state;
    const double equal[] = {3, 3, 3, 3, 3, 3};
    assert_near(stat_mann_kendall(NULL, 0), 1, 0);
    assert_near(stat_mann_kendall(equal, 1), 1, 0);
    assert_near(stat_mann_kendall(equal, 6), 1, 0);
}

/* Both sides of STAT_EXACT_MAX: at equal standardised S the approximation
   is what the exact distribution gives one point earlier. */
static void the_normal_approximation_takes_over_without_a_step(void **state)
{
    (void)state;
    static const struct {
        double z, tolerance;
    } rows[] = {
        {-1,    0.005},
        {0,     0.005},
        {1,     0.005},
        {1.645, 0.005},
        {2.326, 0.02 },
        {3.09,  0.1  }
    };
    double x[ROW_MAX];
    const size_t n = STAT_EXACT_MAX;
    const double k = (double)n;
    const double sd = sqrt(k * (k - 1) * (2 * k + 5) / 18);
    for (size_t i = 0; i < N_OF(rows); i++) {
        const long s = (long)(rows[i].z * sd / 2) * 2;
        series_with_s(n, s, x);
        const double exact = stat_mann_kendall(x, n);
        const double normal = stat_normal_upper(((double)s_of(x, n) - 1) / sd);
        assert_near(normal / exact, 1, rows[i].tolerance);
    }
}

static void beyond_the_exact_range_ties_shrink_the_variance(void **state)
{
    (void)state;
    enum { N = STAT_EXACT_MAX + 20 };
    double x[N];
    for (size_t i = 0; i < N; i++) {
        x[i] = (double)(i * 7 % 10); /* ten values, ten times each */
    }
    x[0] = 9;
    x[N - 1] = 9; /* was 3: s is not 0 */
    double var = (double)N * (N - 1) * (2 * N + 5);
    for (int v = 0; v < 10; v++) {
        double ties = 0;
        for (size_t i = 0; i < N; i++) {
            ties += x[i] == v;
        }
        var -= ties * (ties - 1) * (2 * ties + 5);
    }
    const double z = ((double)s_of(x, N) - 1) / sqrt(var / 18);
    assert_near(stat_mann_kendall(x, N), 0.5 * erfc(z / sqrt(2)), 1e-12);
}

/* --- slopes ------------------------------------------------------------------
 */

static const struct slope_case {
    const char *name;
    size_t n;
    double t[6], x[6];
    double slope;
} slope_cases[] = {
    {"theil_sen_of_a_line_is_its_slope",           4, {0, 1, 2, 4},    {1, 3, 5, 9}, 2   },
    {"theil_sen_ignores_one_wild_point",
     5,                                               {0, 1, 2, 3, 4},
     {0, 1, 2, 90, 4},
     1                                                                                   },
 /* slopes 0, 1/2, 1, 1, 1/3, 0 sorted: 0 0 1/3 1/2 1 1 */
    {"theil_sen_takes_the_mean_of_the_middle_two",
     4,                                               {0, 1, 2, 3},
     {0, 0, 1, 1},
     5.0 / 12                                                                            },
    {"theil_sen_skips_points_of_one_moment",       3, {0, 0, 2},       {0, 5, 4},    0.75},
    {"theil_sen_of_one_point_is_zero",             1, {0},             {7},          0   },
};

static void theil_sen_is(void **state)
{
    const struct slope_case *c = *state;
    assert_near(stat_theil_sen(c->t, c->x, c->n, 1.96, NULL, NULL), c->slope,
                1e-12);
}

/* n = 5: 10 slopes, Var(S) = 5*4*15/18 = 16.67. At one standard deviation
   the ranks are (10 - 4.08) / 2 and (10 + 4.08) / 2 + 1, counted from 1 and
   rounded outwards: the 2nd and the 9th. */
static void
the_interval_of_theil_sen_is_at_the_ranks_of_kendalls_s(void **state)
{
    (void)state;
    const double t[] = {0, 1, 2, 3, 4};
    const double x[] = {0, 1, 4, 9, 16};
    double low = 0;
    double high = 0;
    /* slopes t_i + t_k: 1 2 3 3 4 4 5 5 6 7 */
    assert_near(stat_theil_sen(t, x, 5, 1, &low, &high), 4, 1e-12);
    assert_near(low, 2, 1e-12);
    assert_near(high, 6, 1e-12);
}

static void the_interval_of_a_falling_series_is_the_mirrored_one(void **state)
{
    (void)state;
    const double t[] = {0, 1, 2, 3, 4, 5};
    const double x[] = {0, 4, 5, 9, 10, 30};
    double y[6];
    double low[2];
    double high[2];
    for (size_t i = 0; i < 6; i++) {
        y[i] = -x[i];
    }
    for (int i = 1; i < 6; i++) {
        const double z = i / 2.0;
        stat_theil_sen(t, x, 6, z, &low[0], &high[0]);
        stat_theil_sen(t, y, 6, z, &low[1], &high[1]);
        assert_near(low[1], -high[0], 1e-12);
        assert_near(high[1], -low[0], 1e-12);
    }
}

static void the_interval_of_theil_sen_ends_at_the_outermost_slopes(void **state)
{
    (void)state;
    const double t[] = {0, 1, 2};
    const double x[] = {0, 1, 4};
    double low = 0;
    double high = 0;
    stat_theil_sen(t, x, 3, 5, &low, &high);
    assert_near(low, 1, 1e-12);
    assert_near(high, 3, 1e-12);
}

/* --- shares ------------------------------------------------------------------
 */

/* The p at which P(X <= k | n, p) = 1 - confidence, by bisection of exact
   binomial sums in 40 decimal digits. */
static const struct {
    double k, n, confidence, upper;
} shares[] = {
    {0,   10,  0.95,  0.258865550893},
    {1,   10,  0.95,  0.394163302437},
    {5,   10,  0.95,  0.777558898992},
    {9,   10,  0.95,  0.994883803108},
    {0,   1,   0.95,  0.95          },
    {3,   50,  0.95,  0.147837176364},
    {25,  50,  0.95,  0.623754108791},
    {100, 300, 0.95,  0.380864878142},
    {280, 300, 0.95,  0.955384216258},
    {2,   7,   0.9,   0.596179727848},
    {12,  40,  0.975, 0.465316285254},
    {10,  10,  0.95,  1             },
    {0,   0,   0.95,  1             },
};

static void clopper_pearson_agrees_with_exact_binomial_sums(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(shares); i++) {
        assert_near(
            stat_share_upper(shares[i].k, shares[i].n, shares[i].confidence),
            shares[i].upper, 1e-10);
    }
}

/* I_x(a, b) for whole a, b is a binomial tail: sums in 40 decimal digits. */
static const struct {
    double a, b, x, value;
} betas[] = {
    {1,   1,   0.3,  0.3               },
    {2,   3,   0.4,  0.5248            },
    {5,   2,   0.9,  0.885735          },
    {10,  30,  0.2,  0.241359451280791 },
    {50,  50,  0.5,  0.5               },
    {1,   200, 0.01, 0.866020325142038 },
    {300, 5,   0.97, 0.0486271005384731},
    {40,  60,  0.55, 0.998708989580412 },
    {2,   3,   0,    0                 },
    {2,   3,   1,    1                 },
    {2,   3,   -1,   0                 },
    {2,   3,   7,    1                 },
};

static void incomplete_beta_agrees_with_binomial_tails(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(betas); i++) {
        assert_near(stat_beta(betas[i].a, betas[i].b, betas[i].x),
                    betas[i].value, 1e-11);
    }
}

static void the_two_branches_of_incomplete_beta_meet(void **state)
{
    (void)state;
    for (int i = -1; i < 9; i++) {
        for (int k = -1; k < 9; k++) {
            const double a = pow(1.7, i);
            const double b = pow(1.6, k);
            const double x = (a + 1) / (a + b + 2);
            assert_near(stat_beta(a, b, x * (1 - 1e-9)) +
                            stat_beta(b, a, 1 - x),
                        1, 1e-7);
        }
    }
}

/* --- quantiles --- */

/* Two-sided 5 % points of Student's t, as every table prints them. */
static const struct {
    double df, t;
} students[] = {
    {1,   12.706},
    {2,   4.303 },
    {3,   3.182 },
    {4,   2.776 },
    {5,   2.571 },
    {6,   2.447 },
    {8,   2.306 },
    {10,  2.228 },
    {20,  2.086 },
    {30,  2.042 },
    {60,  2.000 },
    {120, 1.980 },
};

static void students_quantile_agrees_with_the_printed_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(students); i++) {
        assert_near(stat_t975(students[i].df), students[i].t, 0.00051);
    }
}

static void the_normal_tail_agrees_with_the_printed_table(void **state)
{
    (void)state;
    assert_near(stat_normal_upper(0), 0.5, 1e-15);
    assert_near(stat_normal_upper(1.644854), 0.05, 1e-7);
    assert_near(stat_normal_upper(3), 0.0013499, 1e-7);
    assert_near(stat_normal_upper(-3), 1 - 0.0013499, 1e-7);
}

/* --- many tests --- */

static const struct fdr_case {
    const char *name;
    size_t n;
    double p[6], q[6];
} fdr_cases[] = {
    {"one_test_keeps_its_p",                  1, {0.03},                    {0.03}            },
    {"equal_p_stay_equal",                    3, {0.04, 0.04, 0.04},        {0.04, 0.04, 0.04}},
    {"each_p_is_times_n_over_its_rank",
     4,                                          {0.01, 0.02, 0.06, 0.5},
     {0.04, 0.04, 0.08, 0.5}                                                                  },
 /* 0.03 * 4 / 2 = 0.06 is undercut by 0.031 * 4 / 3 = 0.0413. */
    {"a_larger_p_may_lower_a_smaller_ones_q",
     4,                                          {0.03, 0.9, 0.001, 0.031},
     {0.124 / 3, 0.9, 0.004, 0.124 / 3}                                                       },
    {"q_is_never_above_one",                  2, {1, 0.9},                  {1, 1}            },
};

static void benjamini_hochberg_gives(void **state)
{
    const struct fdr_case *c = *state;
    double q[6];
    assert_true(stat_benjamini_hochberg(c->p, c->n, q));
    for (size_t i = 0; i < c->n; i++) {
        assert_near(q[i], c->q[i], 1e-12);
    }
}

/* --- small ones --- */

static void the_median_is_the_middle_or_the_mean_of_two(void **state)
{
    (void)state;
    const double x[] = {5, 1, 3, 100};
    assert_near(stat_median(x, 3), 3, 0);
    assert_near(stat_median(x, 4), 4, 0);
    assert_true(isnan(stat_median(x, 0)));
}

static const struct dispersion_case {
    const char *name;
    size_t n;
    double x[6];
    double phi;
} dispersion_cases[] = {
    {"dispersion_of_a_line_is_one",                             5, {10, 20, 30, 40, 50}, 1},
    {"dispersion_is_never_below_one",                           5, {10, 10, 10, 10, 10}, 1},
    {"dispersion_of_two_points_is_one",                         2, {1, 100},             1},
    {"dispersion_of_zeros_is_one",                              4, {0, 0, 0, 0},         1},
 /* Steps +20 -20 +20 -20, no drift: var = 1600 / 3, half of it over the
  mean of 18. */
    {"dispersion_of_a_saw_tooth_is_its_variance_over_its_mean",
     5,                                                            {10, 30, 10, 30, 10},
     1600.0 / 3 / 2 / 18                                                                  },
 /* The same on a slope of 10: the drift is taken out. Mean 38. */
    {"dispersion_ignores_a_steady_drift",
     5,                                                            {10, 40, 30, 60, 50},
     1600.0 / 3 / 2 / 38                                                                  },
};

static void dispersion_is(void **state)
{
    const struct dispersion_case *c = *state;
    assert_near(stat_dispersion(c->x, c->n), c->phi, 1e-12);
}

static void interpolation_is_linear_and_stays_inside(void **state)
{
    (void)state;
    const double clock[] = {0, 10, 10, 30};
    const double x[] = {1, 3, 7, 8};
    assert_near(stat_interpolate(clock, x, 4, -5), 1, 0);
    assert_near(stat_interpolate(clock, x, 4, 5), 2, 1e-12);
    assert_near(stat_interpolate(clock, x, 4, 10), 3, 1e-12);
    assert_near(stat_interpolate(clock, x, 4, 20), 7.5, 1e-12);
    assert_near(stat_interpolate(clock, x, 4, 99), 8, 0);
    assert_true(isnan(stat_interpolate(clock, x, 0, 1)));
}

/* A clock that stands still for a while: what happened then is behind it. */
static void a_clock_that_stands_still_is_passed_in_one_step(void **state)
{
    (void)state;
    const double clock[] = {0, 0, 0, 10};
    const double x[] = {1, 2, 3, 4};
    assert_near(stat_interpolate(clock, x, 4, 5), 3.5, 1e-12);
}

/* Tables of Student's t: one-sided tails. */
static void students_quantiles_match_tables(void **state)
{
    (void)state;
    static const struct {
        double tail, df, t;
    } rows[] = {
        {0.05,  1,  6.3138},
        {0.01,  1,  31.821},
        {0.01,  4,  3.7469},
        {0.001, 9,  4.2968},
        {0.025, 30, 2.0423},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_near(stat_t_quantile(rows[i].tail, rows[i].df), rows[i].t,
                    0.0006);
        assert_near(stat_t_upper(rows[i].t, rows[i].df), rows[i].tail, 1e-5);
        assert_near(stat_t_upper(-rows[i].t, rows[i].df), 1 - rows[i].tail,
                    1e-5);
    }
}

static void normal_quantiles_match_tables(void **state)
{
    (void)state;
    assert_near(stat_normal_quantile(0.5), 0, 1e-9);
    assert_near(stat_normal_quantile(0.025), 1.959964, 1e-6);
    assert_near(stat_normal_quantile(0.00135), 2.99998, 1e-4);
    assert_near(stat_normal_quantile(1e-9), 5.997807, 1e-6);
    assert_true(stat_normal_quantile(0) > 37);
}

int main(void)
{
    struct CMUnitTest tests[64] = {
        cmocka_unit_test(normal_quantiles_match_tables),
        cmocka_unit_test(students_quantiles_match_tables),
        cmocka_unit_test(mann_kendall_has_the_published_critical_values),
        cmocka_unit_test(mann_kendall_is_exact_for_every_multiset),
        cmocka_unit_test(mann_kendall_of_nothing_and_of_equals_is_one),
        cmocka_unit_test(the_normal_approximation_takes_over_without_a_step),
        cmocka_unit_test(beyond_the_exact_range_ties_shrink_the_variance),
        cmocka_unit_test(
            the_interval_of_theil_sen_is_at_the_ranks_of_kendalls_s),
        cmocka_unit_test(
            the_interval_of_theil_sen_ends_at_the_outermost_slopes),
        cmocka_unit_test(the_interval_of_a_falling_series_is_the_mirrored_one),
        cmocka_unit_test(clopper_pearson_agrees_with_exact_binomial_sums),
        cmocka_unit_test(incomplete_beta_agrees_with_binomial_tails),
        cmocka_unit_test(the_two_branches_of_incomplete_beta_meet),
        cmocka_unit_test(students_quantile_agrees_with_the_printed_table),
        cmocka_unit_test(the_normal_tail_agrees_with_the_printed_table),
        cmocka_unit_test(the_median_is_the_middle_or_the_mean_of_two),
        cmocka_unit_test(interpolation_is_linear_and_stays_inside),
        cmocka_unit_test(a_clock_that_stands_still_is_passed_in_one_step),
    };
    size_t n = 16;
    for (size_t i = 0; i < N_OF(slope_cases); i++) {
        tests[n++] =
            (struct CMUnitTest){.name = slope_cases[i].name,
                                .test_func = theil_sen_is,
                                .initial_state = test_case(&slope_cases[i])};
    }
    for (size_t i = 0; i < N_OF(fdr_cases); i++) {
        tests[n++] =
            (struct CMUnitTest){.name = fdr_cases[i].name,
                                .test_func = benjamini_hochberg_gives,
                                .initial_state = test_case(&fdr_cases[i])};
    }
    for (size_t i = 0; i < N_OF(dispersion_cases); i++) {
        tests[n++] = (struct CMUnitTest){.name = dispersion_cases[i].name,
                                         .test_func = dispersion_is,
                                         .initial_state =
                                             test_case(&dispersion_cases[i])};
    }
    return _cmocka_run_group_tests("stats", tests, n, NULL, NULL);
}
