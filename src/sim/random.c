/*
 * Random numbers that are the same everywhere. The elementary functions are
 * short series after an exact reduction of the argument. Counts with a small
 * mean are drawn by inversion: one uniform number walks up the distribution,
 * and since P(0) >= 1 - mean for all three laws, most draws of rare events
 * end at one comparison.
 */
#include "sim/random_private.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/banned.h"

/* --- bits --- */

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static uint64_t rotl(uint64_t x, unsigned n)
{
    return (x << n) | (x >> (64 - n));
}

/* The finaliser of splitmix64. */
static uint64_t scramble(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t sim_mix(uint64_t a, uint64_t b)
{
    return scramble(scramble(a + GOLDEN) ^ (b + GOLDEN));
}

uint64_t sim_hash(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (const char *c = text; *c; c++) {
        h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    }
    return scramble(h);
}

static uint64_t double_bits(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static double bits_double(uint64_t bits)
{
    double x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* 2 to the k, for k of normal numbers. */
static double two_to(int k)
{
    return bits_double((uint64_t)(k + 1023) << 52);
}

/* --- elementary functions --- */

/* ln 2 and pi / 2 in parts: the leading ones have few enough bits that
   their product with the quotient is exact. */
#define LN2_HIGH  6.93147180369123816490e-01
#define LN2_LOW   1.90821492927058770002e-10
#define HALF_PI_1 1.57079632673412561417e+00
#define HALF_PI_2 6.07710050630396597660e-11
#define HALF_PI_3 2.02226624879595063154e-21

static double polynomial(const double *c, size_t n, double x)
{
    double sum = c[n - 1];

    for (size_t i = n - 1; i-- > 0;) {
        sum = sum * x + c[i];
    }
    return sum;
}

double sim_exp(double x)
{
    static const double c[] = {
        1.0,
        1.0,
        1.0 / 2,
        1.0 / 6,
        1.0 / 24,
        1.0 / 120,
        1.0 / 720,
        1.0 / 5040,
        1.0 / 40320,
        1.0 / 362880,
        1.0 / 3628800,
        1.0 / 39916800,
        1.0 / 479001600,
        1.0 / 6227020800,
    };

    if (x > 709.78) {
        return INFINITY;
    }
    if (x < -745.0) {
        return 0;
    }

    const double k = floor(x * 1.44269504088896340736 + 0.5);
    const double r = (x - k * LN2_HIGH) - k * LN2_LOW;
    const double y = polynomial(c, sizeof(c) / sizeof(c[0]), r);
    const int half = (int)k / 2; /* in two steps: 2^k may be subnormal */

    return y * two_to(half) * two_to((int)k - half);
}

double sim_log(double x)
{
    static const double c[] = {
        2.0,      2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11,
        2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23,
    };
    double k = 0;

    if (x <= 0 || x > 1.7976931348623157e308) {
        return x > 0 ? x : -INFINITY;
    }
    if (x < 2.3e-308) { /* subnormal */
        x *= 0x1p60;
        k = -60;
    }

    const uint64_t bits = double_bits(x);
    double m = bits_double((bits & UINT64_C(0xfffffffffffff)) |
                           UINT64_C(0x3ff0000000000000));

    k += (double)(int)(bits >> 52) - 1023;
    if (m > 1.41421356237309504880) {
        m *= 0.5;
        k += 1;
    }

    const double s = (m - 1) / (m + 1);
    const double y = s * polynomial(c, sizeof(c) / sizeof(c[0]), s * s);

    return k * LN2_HIGH + (y + k * LN2_LOW);
}

/* log(1 + x) for x > -1: what 1 + x rounds away is put right in ratio. */
static double log_1p(double x)
{
    const double u = 1 + x;

    return u == 1 ? x : sim_log(u) * (x / (u - 1));
}

static double sin_near_0(double r)
{
    static const double c[] = {
        1.0,
        -1.0 / 6,
        1.0 / 120,
        -1.0 / 5040,
        1.0 / 362880,
        -1.0 / 39916800,
        1.0 / 6227020800,
        -1.0 / 1307674368000,
        1.0 / 355687428096000,
    };

    return r * polynomial(c, sizeof(c) / sizeof(c[0]), r * r);
}

static double cos_near_0(double r)
{
    static const double c[] = {
        1.0,
        -1.0 / 2,
        1.0 / 24,
        -1.0 / 720,
        1.0 / 40320,
        -1.0 / 3628800,
        1.0 / 479001600,
        -1.0 / 87178291200,
        1.0 / 20922789888000,
        -1.0 / 6402373705728000,
    };

    return polynomial(c, sizeof(c) / sizeof(c[0]), r * r);
}

double sim_sin(double x)
{
    const double k = floor(x * 0.63661977236758134308 + 0.5);
    const double r = ((x - k * HALF_PI_1) - k * HALF_PI_2) - k * HALF_PI_3;
    const unsigned quadrant = (unsigned)((int64_t)k & 3);
    const double y = quadrant & 1 ? cos_near_0(r) : sin_near_0(r);

    return quadrant & 2 ? -y : y;
}

/* --- the stream --- */

void sim_random_init(struct sim_random *r, uint64_t seed, const char *name)
{
    uint64_t x = sim_mix(seed, sim_hash(name));

    for (size_t i = 0; i < sizeof(r->s) / sizeof(r->s[0]); i++) {
        x += GOLDEN;
        r->s[i] = scramble(x);
    }
}

uint64_t sim_random_u64(struct sim_random *r)
{
    uint64_t *s = r->s;
    const uint64_t out = rotl(s[0] + s[3], 23) + s[0];
    const uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

double sim_random_unit(struct sim_random *r)
{
    return (double)(sim_random_u64(r) >> 11) * 0x1p-53;
}

/* The product of two 64-bit numbers in 128 bits. */
static uint64_t multiply(uint64_t a, uint64_t b, uint64_t *low)
{
    const uint64_t a0 = a & UINT32_MAX, a1 = a >> 32;
    const uint64_t b0 = b & UINT32_MAX, b1 = b >> 32;
    const uint64_t mid = a1 * b0 + (a0 * b0 >> 32);
    const uint64_t carry = (mid & UINT32_MAX) + a0 * b1;

    *low = a * b;
    return a1 * b1 + (mid >> 32) + (carry >> 32);
}

uint64_t sim_random_below(struct sim_random *r, uint64_t n)
{
    if (n == 0) {
        return 0;
    }

    uint64_t low;
    uint64_t high = multiply(sim_random_u64(r), n, &low);

    if (low < n) { /* the first 2^64 mod n products would favour some */
        const uint64_t least = (0 - n) % n;

        while (low < least) {
            high = multiply(sim_random_u64(r), n, &low);
        }
    }
    return high;
}

double sim_random_exponential(struct sim_random *r, double mean)
{
    return -mean * sim_log(1 - sim_random_unit(r));
}

double sim_random_normal(struct sim_random *r)
{
    double x, square;

    do { /* Marsaglia's polar method */
        x = 2 * sim_random_unit(r) - 1;

        const double y = 2 * sim_random_unit(r) - 1;

        square = x * x + y * y;
    } while (square >= 1 || square == 0);
    return x * sqrt(-2 * sim_log(square) / square);
}

/* --- counts --- */

#define SMALL_MEAN 60.0

struct moments {
    double mean, variance, skew, excess;
};

/* A normal number bent until skew and kurtosis are right, then rounded.
   Rounding adds 1/12 to the variance, so it is taken off before. */
static double rounded_normal(struct sim_random *r, const struct moments *m)
{
    const double z = sim_random_normal(r);
    const double z2 = z * z;
    const double bent = z + m->skew * (z2 - 1) / 6 +
                        m->excess * z * (z2 - 3) / 24 -
                        m->skew * m->skew * z * (2 * z2 - 5) / 36;

    return floor(m->mean + sqrt(m->variance - 1.0 / 12) * bent + 0.5);
}

static uint64_t clipped(double x, uint64_t most)
{
    if (!(x > 0)) {
        return 0;
    }
    return x >= (double)most ? most : (uint64_t)x;
}

/* P(k + 1) / P(k) is (a - k) (b - k) / ((k + 1) (c + k)), of all three laws:
   with a, b or c left out where they are far from k. */
struct ladder {
    double p0;   /* P(0) */
    double a, b; /* b = 0: without that factor */
    double c;    /* 0: without */
    double factor;
    uint64_t most;
};

static uint64_t climb(const struct ladder *l, double u)
{
    double p = l->p0;
    double k = 0;
    const double most = (double)l->most;

    while (u >= p && k < most) {
        double ratio = l->factor / (k + 1);

        u -= p;
        if (l->a > 0) {
            ratio *= l->a - k;
        }
        if (l->b > 0) {
            ratio *= (l->b - k) / (l->c + k);
        }
        k += 1;
        p *= ratio;
        if (p < 1e-30 && k > SMALL_MEAN) { /* u was past the last digit */
            break;
        }
    }
    return (uint64_t)k;
}

uint64_t sim_random_poisson(struct sim_random *r, double mean)
{
    if (!(mean > 0)) {
        return 0;
    }
    if (mean >= SMALL_MEAN) {
        const struct moments m = {mean, mean, 1 / sqrt(mean), 1 / mean};

        return clipped(rounded_normal(r, &m), UINT64_C(1) << 62);
    }

    const double u = sim_random_unit(r);

    if (u < 1 - mean) {
        return 0;
    }
    return climb(
        &(struct ladder){.p0 = sim_exp(-mean), .factor = mean, .most = 400}, u);
}

/* For p <= 1/2. */
static uint64_t binomial_lower(struct sim_random *r, uint64_t n, double p)
{
    const double mean = (double)n * p;

    if (mean >= SMALL_MEAN) {
        const double variance = mean * (1 - p);
        const struct moments m = {mean, variance, (1 - 2 * p) / sqrt(variance),
                                  (1 - 6 * p * (1 - p)) / variance};

        return clipped(rounded_normal(r, &m), n);
    }

    const double u = sim_random_unit(r);

    if (u < 1 - mean) {
        return 0;
    }
    return climb(&(struct ladder){.p0 = sim_exp((double)n * log_1p(-p)),
                                  .a = (double)n,
                                  .factor = p / (1 - p),
                                  .most = n},
                 u);
}

uint64_t sim_random_binomial(struct sim_random *r, uint64_t n, double p)
{
    if (n == 0 || !(p > 0)) {
        return 0;
    }
    if (p >= 1) {
        return n;
    }
    return p > 0.5 ? n - binomial_lower(r, n, 1 - p) : binomial_lower(r, n, p);
}

/* Stirling's rest: log x! = (x + 1/2) log x - x + log sqrt(2 pi) + this. */
static double stirling(double x)
{
    const double y = 1 / (x * x);

    return (1.0 / 12 - y * (1.0 / 360 - y / 1260)) / x;
}

enum { FEW = 128 };

/* P(0): none of `few` is among the `many` of n; both are at most n / 2. */
static double none_of(double n, double few, double many)
{
    if (few <= FEW) {
        double p = 1;

        for (unsigned i = 0; i < (unsigned)few; i++) {
            p *= 1 - many / (n - i);
        }
        return p;
    }

    /* (n-many)! (n-few)! / n! / (n-many-few)!, in parts of n so that the
       great terms cancel before they are rounded. */
    const double rest = n - few - many;
    const double log_p = (n - many + 0.5) * log_1p(-many / n) +
                         (n - few + 0.5) * log_1p(-few / n) -
                         (rest + 0.5) * log_1p(-(few + many) / n);

    return sim_exp(log_p + stirling(n - many) + stirling(n - few) -
                   stirling(n) - stirling(rest));
}

static void hypergeometric_moments(double n, double k, double d,
                                   struct moments *m)
{
    const double product = d * k * (n - k) * (n - d);

    m->mean = d * k / n;
    m->variance = product / (n * n * (n - 1));
    m->skew =
        (n - 2 * k) * (n - 2 * d) * sqrt(n - 1) / (sqrt(product) * (n - 2));
    m->excess =
        ((n - 1) * n * n * (n * (n + 1) - 6 * k * (n - k) - 6 * d * (n - d)) +
         6 * product * (5 * n - 6)) /
        (product * (n - 2) * (n - 3));
}

/* For marked <= n / 2 and drawn <= n / 2. */
static uint64_t hypergeometric_lower(struct sim_random *r, uint64_t n,
                                     uint64_t marked, uint64_t drawn)
{
    const uint64_t few = marked < drawn ? marked : drawn;
    const uint64_t many = marked < drawn ? drawn : marked;
    const double mean = (double)few * ((double)many / (double)n);

    if (mean >= SMALL_MEAN) {
        struct moments m;

        hypergeometric_moments((double)n, (double)many, (double)few, &m);
        return clipped(rounded_normal(r, &m), few);
    }

    const double u = sim_random_unit(r);

    if (u < 1 - mean) {
        return 0;
    }
    return climb(
        &(struct ladder){.p0 = none_of((double)n, (double)few, (double)many),
                         .a = (double)few,
                         .b = (double)many,
                         .c = (double)(n - few - many + 1),
                         .factor = 1,
                         .most = few},
        u);
}

uint64_t sim_random_hypergeometric(struct sim_random *r, uint64_t n,
                                   uint64_t marked, uint64_t drawn)
{
    marked = marked < n ? marked : n;
    drawn = drawn < n ? drawn : n;
    if (marked == 0 || drawn == 0) {
        return 0;
    }
    if (marked == n || drawn == n) {
        return marked < drawn ? marked : drawn;
    }

    /* Of the smaller half: what is not marked, what is not drawn. */
    const uint64_t m = marked > n - marked ? n - marked : marked;
    const uint64_t d = drawn > n - drawn ? n - drawn : drawn;
    const uint64_t both = hypergeometric_lower(r, n, m, d);
    const uint64_t of_drawn = m == marked ? both : d - both;

    return d == drawn ? of_drawn : marked - of_drawn;
}
