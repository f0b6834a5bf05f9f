#include "test.h"

#include "sim/random_private.h"

#include <math.h>

/* --- the elementary functions --- */

static void near(double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fabs(want))) {
        fail_msg("%.17g is not %.17g", got, want);
    }
}

static void functions_agree_with_the_c_library(void **state)
{
    (void)state;
    double x = 1e-300;

    for (int i = -10000; i < 10000; i++) {
        const double t = i * 0.07;

        near(sim_exp(t), exp(t), 1e-14 + fabs(t) * 1e-16);
        near(sim_log(1.25 + t / 1000), log(1.25 + t / 1000), 1e-14);
        near(sim_sin(t * 1400), sin(t * 1400), 1e-13);
        near(sim_sin(t / 100), sin(t / 100), 1e-13);
        near(sim_log(x), log(x), 1e-14);
        x *= 1.07;
    }
    assert_true(x > 1e280);
}

static void functions_hold_at_their_ends(void **state)
{
    (void)state;
    assert_true(sim_exp(0) == 1);
    assert_true(sim_log(1) == 0);
    assert_true(sim_sin(0) == 0);
    assert_true(sim_exp(-1e9) == 0);
    assert_true(isinf(sim_exp(1e9)));
    assert_true(isinf(sim_log(0)) && sim_log(0) < 0);
    near(sim_exp(-740), exp(-740), 1e-2); /* subnormal: few digits */
    near(sim_log(5e-324), log(5e-324), 1e-14);
    near(sim_log(1.7e308), log(1.7e308), 1e-14);
}

/* --- the stream --- */

static void first_outputs_never_change(void **state)
{
    (void)state;
    static const uint64_t want[] = {
        UINT64_C(0x2fbf7d544957da33),
        UINT64_C(0xa8b7d557f0b5f6cf),
        UINT64_C(0xedf2881abfaa74bf),
        UINT64_C(0x90f5a516a14bc2f4),
    };
    struct sim_random r;

    sim_random_init(&r, 1, "golden");
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_int_equal(sim_random_u64(&r), want[i]);
    }
    assert_true(sim_random_normal(&r) == 0x1.c9ee4317db295p-3);
    assert_true(sim_random_exponential(&r, 3) == 0x1.201fd646c3ccp-1);
    assert_int_equal(sim_random_poisson(&r, 12.5), 12);
    assert_int_equal(sim_random_poisson(&r, 1e9), 1000003731);
    assert_int_equal(sim_random_binomial(&r, 1000, 0.03), 32);
    assert_int_equal(sim_random_binomial(&r, 1000000, 0.7), 699425);
    assert_int_equal(sim_random_hypergeometric(&r, 1000, 200, 100), 15);
    assert_int_equal(sim_random_hypergeometric(&r, 100000, 900, 9000), 81);
    assert_int_equal(sim_hash("main.users"), UINT64_C(0x3f3eaf7a8540d226));
    assert_int_equal(sim_mix(1, 2), UINT64_C(0x6871c08cbe75136c));
}

static void the_generator_is_the_published_one(void **state)
{
    (void)state;
    /* xoshiro256++ from the state 1, 2, 3, 4. */
    struct sim_random r = {
        {1, 2, 3, 4}
    };

    assert_int_equal(sim_random_u64(&r), UINT64_C(41943041));
    assert_int_equal(sim_random_u64(&r), UINT64_C(58720359));
    assert_int_equal(sim_random_u64(&r), UINT64_C(3588806011781223));
    assert_int_equal(sim_random_u64(&r), UINT64_C(3591011842654386));
}

static void streams_differ_by_name_and_by_seed(void **state)
{
    (void)state;
    struct sim_random a, b, c;

    sim_random_init(&a, 1, "a");
    sim_random_init(&b, 1, "b");
    sim_random_init(&c, 2, "a");

    const uint64_t first = sim_random_u64(&a);

    assert_true(first != sim_random_u64(&b));
    assert_true(first != sim_random_u64(&c));
}

static void below_is_even(void **state)
{
    (void)state;
    enum { N = 70000, SIDES = 7 };
    struct sim_random r;
    uint64_t seen[SIDES] = {0};

    sim_random_init(&r, 5, "below");
    for (size_t i = 0; i < N; i++) {
        seen[sim_random_below(&r, SIDES)]++;
    }
    for (size_t i = 0; i < SIDES; i++) {
        assert_true(fabs((double)seen[i] - 10000) < 5 * sqrt(10000));
    }
    assert_int_equal(sim_random_below(&r, 0), 0);
    assert_int_equal(sim_random_below(&r, 1), 0);

    /* Of n = 3 * 2^62 + 1 every third number below 2^62 would come twice as
       often if none were rejected. */
    const uint64_t n = (UINT64_C(3) << 62) + 1;
    double thirds[3] = {0};

    for (size_t i = 0; i < N; i++) {
        const uint64_t x = sim_random_below(&r, n);

        assert_true(x < n);
        thirds[x % 3] += x < UINT64_C(1) << 62;
    }
    for (size_t i = 0; i < 3; i++) {
        assert_true(fabs(thirds[i] - N / 9.0) < 5 * sqrt(N / 9.0));
    }
}

/* --- moments of each law --- */

enum law { POISSON, BINOMIAL, HYPERGEOMETRIC, NORMAL, EXPONENTIAL };

struct law_case {
    enum law law;
    uint64_t n;     /* binomial, hypergeometric */
    double p;       /* mean; chance; marked */
    uint64_t drawn; /* hypergeometric */
};

static double draw(struct sim_random *r, const struct law_case *c)
{
    switch (c->law) {
    case POISSON:
        return (double)sim_random_poisson(r, c->p);
    case BINOMIAL:
        return (double)sim_random_binomial(r, c->n, c->p);
    case HYPERGEOMETRIC:
        return (double)sim_random_hypergeometric(r, c->n, (uint64_t)c->p,
                                                 c->drawn);
    case NORMAL:
        return sim_random_normal(r);
    case EXPONENTIAL:
        return sim_random_exponential(r, c->p);
    }
    return 0;
}

struct theory {
    double mean, variance, skew, kurtosis; /* 3 for the normal */
};

static struct theory theory_of(const struct law_case *c)
{
    const double n = (double)c->n, p = c->p, q = 1 - p;
    const double d = (double)c->drawn;

    switch (c->law) {
    case POISSON:
        return (struct theory){p, p, 1 / sqrt(p), 3 + 1 / p};
    case BINOMIAL:
        return (struct theory){n * p, n * p * q, (q - p) / sqrt(n * p * q),
                               3 + (1 - 6 * p * q) / (n * p * q)};
    case HYPERGEOMETRIC: {
        const double share = p / n;
        const double variance = d * share * (1 - share) * (n - d) / (n - 1);

        /* The kurtosis only bounds errors: the binomial's, and some. */
        return (struct theory){d * share, variance,
                               (1 - 2 * share) * (n - 2 * d) / (n - 2) /
                                   sqrt(variance),
                               4 + 1 / variance};
    }
    case NORMAL:
        return (struct theory){0, 1, 0, 3};
    case EXPONENTIAL:
        return (struct theory){p, p * p, 2, 9};
    }
    return (struct theory){0};
}

/* Five standard errors of the mean and of the variance, six of the skew. */
static void check_moments(const struct law_case *c, unsigned n)
{
    const struct theory t = theory_of(c);
    double sum = 0, squares = 0, cubes = 0;
    struct sim_random r;

    sim_random_init(&r, 11, "moments");
    for (unsigned i = 0; i < n; i++) {
        const double x = draw(&r, c) - t.mean;

        sum += x;
        squares += x * x;
        cubes += x * x * x;
    }

    const double mean = sum / n;
    const double variance = squares / n - mean * mean;
    const double sd = sqrt(t.variance);
    const double skew =
        (cubes / n - 3 * mean * squares / n + 2 * mean * mean * mean) /
        (sd * sd * sd);
    const double excess = t.kurtosis - 3;
    const double skew_error =
        c->law == EXPONENTIAL
            ? 30
            : excess + sqrt(6 + 10 * excess + 20 * t.skew * t.skew);

    if (!(fabs(mean) <= 5 * sd / sqrt(n)) ||
        !(fabs(variance / t.variance - 1) <= 5 * sqrt((t.kurtosis - 1) / n)) ||
        !(fabs(skew - t.skew) <= 6 * skew_error / sqrt(n))) {
        fail_msg("law %d n %llu p %g drawn %llu: mean %g off %g, variance %g "
                 "of %g, skew %g of %g",
                 (int)c->law, (unsigned long long)c->n, c->p,
                 (unsigned long long)c->drawn, t.mean, mean, variance,
                 t.variance, skew, t.skew);
    }
}

static void laws_have_their_moments(void **state)
{
    (void)state;
    static const struct law_case cases[] = {
        {POISSON,        0,                       0.001,   0                },
        {POISSON,        0,                       0.7,     0                },
        {POISSON,        0,                       7,       0                },
        {POISSON,        0,                       59.5,    0                },
        {POISSON,        0,                       61,      0                },
        {POISSON,        0,                       300,     0                },
        {POISSON,        0,                       1e6,     0                },
        {BINOMIAL,       1,                       0.3,     0                },
        {BINOMIAL,       10,                      0.5,     0                },
        {BINOMIAL,       10,                      0.8,     0                },
        {BINOMIAL,       100,                     0.97,    0                },
        {BINOMIAL,       1000,                    1e-5,    0                },
        {BINOMIAL,       1000,                    0.03,    0                },
        {BINOMIAL,       130,                     0.499,   0                },
        {BINOMIAL,       1000,                    0.3,     0                },
        {BINOMIAL,       1000,                    0.93,    0                },
        {BINOMIAL,       UINT64_C(1000000000000), 1e-12,   0                },
        {BINOMIAL,       UINT64_C(1000000000000), 5e-11,   0                },
        {BINOMIAL,       UINT64_C(1) << 60,       0x1p-60, 0                }, /* 1 - p rounds to 1 */
        {BINOMIAL,       UINT64_C(1000000000000), 0.25,    0                },
        {HYPERGEOMETRIC, 10,                      3,       4                },
        {HYPERGEOMETRIC, 10,                      7,       4                },
        {HYPERGEOMETRIC, 10,                      3,       8                },
        {HYPERGEOMETRIC, 10,                      8,       7                },
        {HYPERGEOMETRIC, 200,                     100,     100              },
        {HYPERGEOMETRIC, 300,                     130,     130              },
        {HYPERGEOMETRIC, 100000,                  900,     500              },
        {HYPERGEOMETRIC, 100000,                  40,      40000            },
        {HYPERGEOMETRIC, 100000,                  30000,   99000            },
        {HYPERGEOMETRIC, 1000,                    600,     300              },
        {HYPERGEOMETRIC, UINT64_C(1000000000000), 4e10,    1000             },
        {HYPERGEOMETRIC, UINT64_C(1000000000000), 3e11,    UINT64_C(1000000)},
        {NORMAL,         0,                       0,       0                },
        {EXPONENTIAL,    0,                       3,       0                },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_moments(&cases[i], 100000);
    }
}

/* --- the whole distribution --- */

static double log_choose(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

static double chance(const struct law_case *c, double k)
{
    const double n = (double)c->n, d = (double)c->drawn;

    switch (c->law) {
    case POISSON:
        return exp(k * log(c->p) - c->p - lgamma(k + 1));
    case BINOMIAL:
        return k > n ? 0
                     : exp(log_choose(n, k) + k * log(c->p) +
                           (n - k) * log1p(-c->p));
    case HYPERGEOMETRIC:
        if (k > c->p || k > d || d - k > n - c->p) {
            return 0;
        }
        return exp(log_choose(c->p, k) + log_choose(n - c->p, d - k) -
                   log_choose(n, d));
    case NORMAL:
    case EXPONENTIAL:
        break;
    }
    return 0;
}

/* The greatest gap between the two distribution functions; 1.95 / sqrt(n) is
   passed by one stream in a thousand. */
static void check_distribution(const struct law_case *c, unsigned n)
{
    enum { MOST = 1000 };
    static unsigned seen[MOST];
    struct sim_random r;
    double gap = 0, got = 0, want = 0;

    memset(seen, 0, sizeof(seen));
    sim_random_init(&r, 17, "distribution");
    for (unsigned i = 0; i < n; i++) {
        const double x = draw(&r, c);

        assert_true(x < MOST);
        seen[(size_t)x]++;
    }
    for (size_t k = 0; k < MOST; k++) {
        got += (double)seen[k] / n;
        want += chance(c, (double)k);
        gap = fabs(got - want) > gap ? fabs(got - want) : gap;
    }
    near(want, 1, 1e-6);
    if (!(gap < 1.95 / sqrt(n))) {
        fail_msg("law %d n %llu p %g: gap %g", (int)c->law,
                 (unsigned long long)c->n, c->p, gap);
    }
}

static void laws_have_their_distribution(void **state)
{
    (void)state;
    static const struct law_case cases[] = {
        {POISSON,        0,    0.4,    0  },
        {POISSON,        0,    20,     0  },
        {POISSON,        0,    60,     0  },
        {POISSON,        0,    150,    0  },
        {BINOMIAL,       7,    0.6,    0  },
        {BINOMIAL,       500,  0.1,    0  },
        {BINOMIAL,       121,  0.4999, 0  },
        {BINOMIAL,       300,  0.21,   0  },
        {BINOMIAL,       300,  0.79,   0  },
        {HYPERGEOMETRIC, 12,   5,      6  },
        {HYPERGEOMETRIC, 400,  140,    150},
        {HYPERGEOMETRIC, 300,  130,    130},
        {HYPERGEOMETRIC, 1000, 800,    900},
        {HYPERGEOMETRIC, 4000, 1000,   300},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_distribution(&cases[i], 200000);
    }
}

/* --- ends --- */

static void certain_and_impossible_counts(void **state)
{
    (void)state;
    struct sim_random r;

    sim_random_init(&r, 3, "ends");
    assert_int_equal(sim_random_poisson(&r, 0), 0);
    assert_int_equal(sim_random_poisson(&r, -1), 0);
    assert_int_equal(sim_random_binomial(&r, 0, 0.5), 0);
    assert_int_equal(sim_random_binomial(&r, 9, 0), 0);
    assert_int_equal(sim_random_binomial(&r, 9, -0.1), 0);
    assert_int_equal(sim_random_binomial(&r, 9, 1), 9);
    assert_int_equal(sim_random_binomial(&r, 9, 1.1), 9);
    assert_int_equal(sim_random_hypergeometric(&r, 0, 0, 0), 0);
    assert_int_equal(sim_random_hypergeometric(&r, 9, 0, 5), 0);
    assert_int_equal(sim_random_hypergeometric(&r, 9, 5, 0), 0);
    assert_int_equal(sim_random_hypergeometric(&r, 9, 9, 5), 5);
    assert_int_equal(sim_random_hypergeometric(&r, 9, 5, 9), 5);
    assert_int_equal(sim_random_hypergeometric(&r, 9, 20, 20), 9);
    assert_int_equal(sim_random_hypergeometric(&r, 1, 1, 1), 1);
}

static void hypergeometric_stays_in_its_support(void **state)
{
    (void)state;
    struct sim_random r;

    sim_random_init(&r, 4, "support");
    for (unsigned i = 0; i < 200000; i++) {
        const uint64_t n = 1 + sim_random_below(&r, i % 3 ? 20 : 5000);
        const uint64_t marked = sim_random_below(&r, n + 1);
        const uint64_t drawn = sim_random_below(&r, n + 1);
        const uint64_t x = sim_random_hypergeometric(&r, n, marked, drawn);

        assert_true(x <= marked && x <= drawn);
        assert_true(marked + drawn <= n + x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_agree_with_the_c_library),
        cmocka_unit_test(functions_hold_at_their_ends),
        cmocka_unit_test(first_outputs_never_change),
        cmocka_unit_test(the_generator_is_the_published_one),
        cmocka_unit_test(streams_differ_by_name_and_by_seed),
        cmocka_unit_test(below_is_even),
        cmocka_unit_test(laws_have_their_moments),
        cmocka_unit_test(laws_have_their_distribution),
        cmocka_unit_test(certain_and_impossible_counts),
        cmocka_unit_test(hypergeometric_stays_in_its_support),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
