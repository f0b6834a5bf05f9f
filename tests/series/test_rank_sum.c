#include "test.h"

#include "series/rank_sum_private.h"

#include <math.h>

/* p-values of scipy.stats.mannwhitneyu(high, low, alternative="greater",
   method="exact"), and for ties of counting all subsets by hand. */
static const struct rank_case {
    double low[6], high[6];
    size_t n_low, n_high;
    double p;
} cases[] = {
    {{1, 2, 3},    {4, 5, 6},    3, 3, 1.0 / 20},
    {{4, 5, 6},    {1, 2, 3},    3, 3, 1       },
    {{1, 2, 4},    {3, 5, 6},    3, 3, 2.0 / 20},
    {{1, 3, 5},    {2, 4, 6},    3, 3, 7.0 / 20},
    {{1, 2, 3, 4}, {5, 6, 7, 8}, 4, 4, 1.0 / 70},
    {{1, 1, 1},    {1, 1, 1},    3, 3, 1       },
    {{1, 1, 2},    {2, 3, 3},    3, 3, 2.0 / 20},
    {{0},          {1},          1, 1, 0.5     },
    {{0},          {1},          0, 1, 1       },
};

static void exact_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct rank_case *c = &cases[i];
        const double p = rank_sum_p(c->low, c->n_low, c->high, c->n_high);
        if (fabs(p - c->p) > 1e-12) {
            fail_msg("case %zu: %.17g, not %.17g", i, p, c->p);
        }
    }
}

/* 41 values take the approximation, 40 the exact way: both must agree. */
static void approximation_joins_the_exact_one(void **state)
{
    (void)state;
    double low[21];
    double high[21];
    for (size_t i = 0; i < 21; i++) {
        low[i] = (double)(2 * i);
        high[i] = (double)(2 * i + 7);
    }
    const double exact = rank_sum_p(low, 20, high, 20);
    const double normal = rank_sum_p(low, 21, high, 21);
    assert_true(fabs(exact - 0.04295700999284691) < 1e-12);
    assert_true(fabs(exact - normal) < 0.02);
}

/* Without a difference, p <= 0.05 comes up in at most 5 % of the draws. */
static void holds_its_size(void **state)
{
    (void)state;
    uint64_t seed = 1;
    int n_rejected = 0;
    enum { DRAWS = 4000 };
    for (int i = 0; i < DRAWS; i++) {
        double v[10];
        for (size_t k = 0; k < 10; k++) {
            v[k] = (double)(test_random(&seed) % 6);
        }
        n_rejected += rank_sum_p(v, 5, v + 5, 5) <= 0.05;
    }
    assert_in_range(n_rejected, DRAWS / 100, DRAWS / 20 + 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_values),
        cmocka_unit_test(approximation_joins_the_exact_one),
        cmocka_unit_test(holds_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
