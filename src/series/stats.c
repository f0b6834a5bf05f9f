/* See stats.h. */
#include "series/stats.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *pa, const void *pb)
{
    const double a = *(const double *)pa;
    const double b = *(const double *)pb;
    return (a > b) - (a < b);
}

static double *sorted_copy(const double *x, size_t n)
{
    double *y = calloc(n + 1, sizeof *y);
    if (y && n > 0) {
        memcpy(y, x, n * sizeof *y);
        qsort(y, n, sizeof *y, by_value);
    }
    return y;
}

/* --- Mann-Kendall -----------------------------------------------------------
 */

/* Concordant less discordant pairs. */
static double kendall_s(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; k < n; k++) {
            s += (x[k] > x[i]) - (x[k] < x[i]);
        }
    }
    return s;
}

/* Sizes of the groups of equal values, in `size` (n elements). */
static size_t tie_groups(const double *x, size_t n, size_t *size)
{
    double *y = sorted_copy(x, n);
    if (!y) {
        return 0;
    }
    size_t groups = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && y[i] <= y[i - 1]) {
            size[groups - 1]++;
        } else {
            size[groups++] = 1;
        }
    }
    free(y);
    return groups;
}

/* Distribution of the inversions between a group of m equal values and k
   values placed before it: Mann and Whitney's recurrence on probabilities,
   f(m,k,u) = m/(m+k) f(m-1,k,u-k) + k/(m+k) f(m,k-1,u).
   `f` has (m + 1) rows of m * k + 1; the answer is row m. */
static void whitney(size_t m, size_t k, double *f)
{
    const size_t width = m * k + 1;
    memset(f, 0, (m + 1) * width * sizeof *f);
    for (size_t i = 0; i <= m; i++) {
        f[i * width] = 1; /* k = 0: no inversions */
    }
    for (size_t kk = 1; kk <= k; kk++) {
        for (size_t i = 1; i <= m; i++) {
            const double up = (double)i / (double)(i + kk);
            double *row = f + i * width;
            const double *above = f + (i - 1) * width;
            for (size_t u = i * kk + 1; u-- > 0;) {
                const double from = u >= kk ? above[u - kk] : 0;
                row[u] = up * from + (1 - up) * row[u];
            }
        }
    }
}

/* Distribution of the inversions so far: P(0) .. P(n_kept - 1). What lies
   above is never asked for, since inversions only add up. */
struct inversions {
    double *p, *next; /* of `cap` elements */
    size_t cap, n_kept;
};

/* One more group, with its own distribution. */
static void convolve(struct inversions *d, const double *group,
                     size_t group_degree)
{
    const size_t most = d->n_kept + group_degree;
    const size_t n = most < d->cap ? most : d->cap;
    memset(d->next, 0, n * sizeof *d->next);
    for (size_t a = 0; a < d->n_kept; a++) {
        for (size_t b = 0; b <= group_degree && a + b < n; b++) {
            d->next[a + b] += d->p[a] * group[b];
        }
    }
    memcpy(d->p, d->next, n * sizeof *d->p);
    d->n_kept = n;
}

/* One more value, larger or smaller than any of the `placed` ones with equal
   chance: a running mean. Most series have no ties. */
static void convolve_one(struct inversions *d, size_t placed)
{
    const size_t most = d->n_kept + placed;
    const size_t n = most < d->cap ? most : d->cap;
    double sum = 0;
    for (size_t u = 0; u < n; u++) {
        sum += u < d->n_kept ? d->p[u] : 0;
        d->next[u] = sum;
    }
    for (size_t u = 0; u < n; u++) {
        const double below = u > placed ? d->next[u - placed - 1] : 0;
        d->p[u] = (d->next[u] - below) / (double)(placed + 1);
    }
    d->n_kept = n;
}

static void convolve_all(struct inversions *d, const size_t *size,
                         size_t groups, double *f)
{
    size_t placed = 0;
    d->p[0] = 1;
    d->n_kept = 1;
    for (size_t g = 0; g < groups; g++) {
        if (size[g] == 1) {
            convolve_one(d, placed);
        } else {
            whitney(size[g], placed, f);
            convolve(d, f + size[g] * (size[g] * placed + 1), size[g] * placed);
        }
        placed += size[g];
    }
}

/* Room that whitney() needs at most. */
static size_t whitney_cells(const size_t *size, size_t groups)
{
    size_t most = 1;
    size_t placed = 0;
    for (size_t g = 0; g < groups; g++) {
        const size_t cells = (size[g] + 1) * (size[g] * placed + 1);
        most = size[g] > 1 && cells > most ? cells : most;
        placed += size[g];
    }
    return most;
}

/* P(inversions <= most). */
static double inversions_at_most(const size_t *size, size_t groups, size_t n,
                                 size_t most)
{
    const size_t full = n * n / 2 + 1;
    const size_t cap = most < full ? most + 1 : full + 1;
    struct inversions d = {.cap = cap};
    d.p = calloc(2 * cap, sizeof *d.p);
    double *f = calloc(whitney_cells(size, groups), sizeof *f);
    double sum = NAN;
    if (d.p && f) {
        d.next = d.p + cap;
        convolve_all(&d, size, groups, f);
        sum = 0;
        for (size_t u = 0; u <= most && u < d.n_kept; u++) {
            sum += d.p[u];
        }
    }
    free(d.p);
    free(f);
    return sum > 1 ? 1 : sum;
}

static double kendall_normal(double s, const size_t *size, size_t groups,
                             size_t n)
{
    const double k = (double)n;
    double var = k * (k - 1) * (2 * k + 5);
    for (size_t g = 0; g < groups; g++) {
        const double m = (double)size[g];
        var -= m * (m - 1) * (2 * m + 5);
    }
    var /= 18;
    return var > 0 ? stat_normal_upper((s - 1) / sqrt(var)) : 1;
}

double stat_mann_kendall(const double *x, size_t n)
{
    if (n < 2) {
        return 1;
    }
    size_t *size = calloc(n, sizeof *size);
    const size_t groups = size ? tie_groups(x, n, size) : 0;
    double p = groups > 0 ? 1 : NAN;
    if (groups > 1) {
        const double s = kendall_s(x, n);
        double pairs = (double)n * (double)(n - 1) / 2;
        for (size_t g = 0; g < groups; g++) {
            pairs -= (double)size[g] * (double)(size[g] - 1) / 2;
        }
        p = n <= STAT_EXACT_MAX
                ? inversions_at_most(size, groups, n, (size_t)((pairs - s) / 2))
                : kendall_normal(s, size, groups, n);
    }
    free(size);
    return p;
}

/* --- slopes ------------------------------------------------------------------
 */

static size_t slopes_of(const double *t, const double *x, size_t n, size_t step,
                        double *out)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i += step) {
        for (size_t k = i + step; k < n; k += step) {
            if (t[k] > t[i]) {
                out[m++] = (x[k] - x[i]) / (t[k] - t[i]);
            }
        }
    }
    qsort(out, m, sizeof *out, by_value);
    return m;
}

static double ranked(const double *sorted, size_t m, double rank)
{
    const double at = rank < 0                 ? 0
                      : rank > (double)(m - 1) ? (double)(m - 1)
                                               : rank;
    return sorted[(size_t)at];
}

double stat_theil_sen(const double *t, const double *x, size_t n,
                      double z_quantile, double *low, double *high)
{
    const size_t step = n / STAT_SLOPE_POINTS_MAX + 1;
    const size_t used = n > 0 ? (n - 1) / step + 1 : 0;
    double *slopes =
        n >= 2 ? calloc(used * (used - 1) / 2 + 1, sizeof *slopes) : NULL;
    const size_t m = slopes ? slopes_of(t, x, n, step, slopes) : 0;
    double slope = n >= 2 && !slopes ? NAN : 0;
    double lo = slope;
    double hi = slope;
    if (m > 0) {
        const double k = (double)used;
        const double c = z_quantile * sqrt(k * (k - 1) * (2 * k + 5) / 18);
        slope = (slopes[(m - 1) / 2] + slopes[m / 2]) / 2;
        lo = ranked(slopes, m, floor(((double)m - c) / 2) - 1);
        hi = ranked(slopes, m, ceil(((double)m + c) / 2));
    }
    free(slopes);
    if (low) {
        *low = lo;
    }
    if (high) {
        *high = hi;
    }
    return slope;
}

double stat_median(const double *x, size_t n)
{
    double *y = n > 0 ? sorted_copy(x, n) : NULL;
    if (!y) {
        return NAN;
    }
    const double median = (y[(n - 1) / 2] + y[n / 2]) / 2;
    free(y);
    return median;
}

/* --- beta --------------------------------------------------------------------
 */

/* Continued fraction of the incomplete beta function by Lentz's method; it
   converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1;
    double d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 500; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        const double odd =
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        const double steps[2] = {even, odd};
        double factor = 1;
        for (int k = 0; k < 2; k++) {
            d = 1 + steps[k] * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + steps[k] / c;
            c = fabs(c) < tiny ? tiny : c;
            factor = c * d;
            h *= factor;
        }
        if (fabs(factor - 1) < 1e-14) {
            break;
        }
    }
    return h;
}

/* Stirling's series after a shift to where it is exact to double; the C
   library's lgamma writes a global. */
static double log_gamma(double x)
{
    double shift = 0;
    while (x < 15) {
        shift += log(x);
        x += 1;
    }
    const double r = 1 / (x * x);
    const double series =
        (1.0 / 12 - r * (1.0 / 360 - r * (1.0 / 1260 - r / 1680))) / x;
    const double half_log_2pi = 0.91893853320467274178;
    return (x - 0.5) * log(x) - x + half_log_2pi + series - shift;
}

static double log_beta(double a, double b)
{
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b);
}

/* The same for one (a, b) at many x: `whole` is log_beta(a, b). */
static double beta_of(double a, double b, double x, double whole)
{
    if (x <= 0) {
        return 0;
    }
    if (x >= 1) {
        return 1;
    }
    const double front = exp(a * log(x) + b * log1p(-x) - whole);
    if (x < (a + 1) / (a + b + 2)) {
        return front * beta_fraction(a, b, x) / a;
    }
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double stat_beta(double a, double b, double x)
{
    return beta_of(a, b, x, log_beta(a, b));
}

double stat_share_upper(double k, double n, double confidence)
{
    if (n <= 0 || k >= n) {
        return 1;
    }
    const double whole = log_beta(k + 1, n - k);
    double lo = 0;
    double hi = 1;
    for (int i = 0; i < 34; i++) { /* to 6e-11 */
        const double mid = (lo + hi) / 2;
        if (beta_of(k + 1, n - k, mid, whole) < confidence) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    return hi;
}

/* --- many tests --- */

struct ranked_p {
    double p;
    size_t at;
};

static int by_p(const void *pa, const void *pb)
{
    const struct ranked_p *a = pa;
    const struct ranked_p *b = pb;
    if (a->p < b->p || a->p > b->p) {
        return a->p < b->p ? -1 : 1;
    }
    return (a->at > b->at) - (a->at < b->at);
}

bool stat_benjamini_hochberg(const double *p, size_t n, double *q)
{
    struct ranked_p *order = calloc(n + 1, sizeof *order);
    if (!order) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        order[i] = (struct ranked_p){p[i], i};
    }
    qsort(order, n, sizeof *order, by_p);
    double least = 1;
    for (size_t i = n; i-- > 0;) {
        const double adjusted = order[i].p * (double)n / (double)(i + 1);
        least = adjusted < least ? adjusted : least;
        q[order[i].at] = least;
    }
    free(order);
    return true;
}

/* --- small ones --- */

double stat_normal_upper(double z)
{
    return 0.5 * erfc(z / sqrt(2));
}

double stat_normal_quantile(double tail)
{
    double lo = 0;
    double hi = 38;
    for (int i = 0; i < 60; i++) {
        const double mid = (lo + hi) / 2;
        if (stat_normal_upper(mid) > tail) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    return (lo + hi) / 2;
}

double stat_t975(double df)
{
    /* P(T > t) = I_{df / (df + t^2)}(df / 2, 1 / 2) / 2, bisected. */
    double lo = 1.9;
    double hi = 13;
    for (int i = 0; i < 60; i++) {
        const double mid = (lo + hi) / 2;
        const double tail = stat_beta(df / 2, 0.5, df / (df + mid * mid)) / 2;
        if (tail > 0.025) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    return (lo + hi) / 2;
}

double stat_t_upper(double t, double df)
{
    const double tail = stat_beta(df / 2, 0.5, df / (df + t * t)) / 2;
    return t >= 0 ? tail : 1 - tail;
}

double stat_t_quantile(double tail, double df)
{
    double lo = 0;
    double hi = 1e6;
    for (int i = 0; i < 80; i++) {
        const double mid = (lo + hi) / 2;
        if (stat_t_upper(mid, df) > tail) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    return (lo + hi) / 2;
}

double stat_dispersion(const double *x, size_t n)
{
    if (n < 3) {
        return 1;
    }
    double mean = 0;
    for (size_t i = 0; i < n; i++) {
        mean += x[i] / (double)n;
    }
    const double drift = (x[n - 1] - x[0]) / (double)(n - 1);
    double var = 0;
    for (size_t i = 1; i < n; i++) {
        const double d = x[i] - x[i - 1] - drift;
        var += d * d / (double)(n - 2);
    }
    const double phi = mean > 0 ? var / 2 / mean : 1;
    return phi > 1 ? phi : 1;
}

double stat_interpolate(const double *clock, const double *x, size_t n,
                        double c)
{
    if (n == 0) {
        return NAN;
    }
    if (c <= clock[0]) {
        return x[0];
    }
    for (size_t i = 1; i < n; i++) {
        if (c <= clock[i]) {
            const double step = clock[i] - clock[i - 1];
            const double share = step > 0 ? (c - clock[i - 1]) / step : 1;
            return x[i - 1] + share * (x[i] - x[i - 1]);
        }
    }
    return x[n - 1];
}
