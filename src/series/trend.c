/*
 * Tests on one trend. Notation of research on the subject: n_i sampled
 * objects in use at point i, b_i ever allocated; growth dn = n_K - n_1,
 * births B = b_K - b_1, deaths D = B - dn. Goroutine counts are exact and
 * have no births: n_i is the count.
 */
#include "series/trend.h"

#include "series/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double splits[TREND_SPLITS] = {1.0 / 2, 2.0 / 3, 3.0 / 4};

/* Standard deviation of a steady service's load, relative: a guess at the low
   end of what services show, so that it costs leaks nothing. */
static const double load_wander = 0.03;

/* What is tested: raw samples where there are any, else the value. */
static const double *stock(const struct trend *t)
{
    return t->sampled ? t->sampled : t->value;
}

double trend_flow_ratio(const double *cumulative, size_t n)
{
    if (n < 4) {
        return 1;
    }
    const size_t third = (n - 1) / 3;
    const double early = cumulative[third] - cumulative[0];
    const double late = cumulative[n - 1] - cumulative[n - 1 - third];
    return early > 0 ? late / early : late > 0 ? INFINITY : 1;
}

/* Mean of the last third of the points over the mean of the first third. */
static double level_ratio(const double *x, size_t n)
{
    const size_t third = n < 3 ? 1 : n / 3;
    double early = 0;
    double late = 0;
    for (size_t i = 0; i < third; i++) {
        early += x[i];
        late += x[n - 1 - i];
    }
    return early > 0 ? late / early : late > 0 ? INFINITY : 1;
}

/* Increment of interval i. */
static double step(const double *x, size_t i)
{
    return x[i + 1] - x[i];
}

/* A watch that stood still leaves an interval many times as long as the others.
   What came in it is no step: its share of a usual interval is what counts. */
static const double gap_least = 8;

/* The usual interval of a trend that has gaps, in seconds; 0: it has none. The
   mean of all intervals, then of those that are no gap beside it, and so on:
   a few rounds settle it. */
static double usual_interval(const struct trend *t)
{
    enum { ROUNDS = 4 };
    double usual = (t->seconds[t->n - 1] - t->seconds[0]) / (double)(t->n - 1);
    size_t n_gaps = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double sum = 0;
        n_gaps = 0;
        for (size_t i = 0; i + 1 < t->n; i++) {
            const double seconds = step(t->seconds, i);
            const bool is_gap = seconds > gap_least * usual;
            n_gaps += is_gap;
            sum += is_gap ? 0 : seconds;
        }
        usual = sum / (double)(t->n - 1 - n_gaps);
    }
    return n_gaps > 0 ? usual : 0;
}

/* Increment of interval i, of a gap its share of a usual one. */
static double fair_step(const struct trend *t, size_t i, double usual)
{
    const double seconds = step(t->seconds, i);
    const double d = step(stock(t), i);
    return usual > 0 && seconds > gap_least * usual ? d * usual / seconds : d;
}

static double fair_growth(const struct trend *t, double usual)
{
    double sum = 0;
    for (size_t i = 0; i + 1 < t->n; i++) {
        sum += fair_step(t, i, usual);
    }
    return usual > 0 ? sum : t->growth;
}

/* Largest fall from a peak. */
static double deepest_fall(const double *x, size_t n)
{
    double peak = n ? x[0] : 0;
    double fall = 0;
    for (size_t i = 0; i < n; i++) {
        peak = x[i] > peak ? x[i] : peak;
        fall = peak - x[i] > fall ? peak - x[i] : fall;
    }
    return fall;
}

/* Mann-Kendall on births and on residence (in use per birth), over the
   intervals that had births. */
static bool measure_flow_tests(struct trend *t)
{
    const size_t k = t->n;
    double *w = calloc(2 * k + 1, sizeof *w);
    if (!w) {
        return false;
    }
    double *births = w + k;
    size_t m = 0;
    for (size_t i = 1; i < k; i++) {
        const double born = t->born[i] - t->born[i - 1];
        if (born > 0) {
            births[m] = born;
            w[m++] = t->sampled[i] / born;
        }
    }
    t->p_residence = stat_mann_kendall(w, m);
    t->p_births = stat_mann_kendall(births, m);
    free(w);
    return !isnan(t->p_residence) && !isnan(t->p_births);
}

static void measure_heap_flow(struct trend *t)
{
    const double *b = t->born;
    const size_t k = t->n;
    t->births = b[k - 1] - b[0];
    if (t->births < t->growth) {
        t->births = t->growth;
    }
    t->deaths = t->births - t->growth;
    t->retention = t->births > 0 ? t->growth / t->births : 0;
    t->birth_ratio = trend_flow_ratio(b, k);
}

/* Sum over the window of the variance of increments around their mean. */
static double moved(const struct trend *t, size_t m, double usual)
{
    double var = 0;
    const double mean = fair_growth(t, usual) / (double)m;
    for (size_t i = 0; i < m; i++) {
        const double off = fair_step(t, i, usual) - mean;
        var += off * off;
    }
    var = m > 1 ? var * (double)m / (double)(m - 1) : var;
    /* In the gaps as many usual intervals as fit went unseen. */
    const double span = t->seconds[t->n - 1] - t->seconds[0];
    return usual > 0 ? var * span / (usual * (double)m) : var;
}

/* What turns over follows the load, which wanders between two looks at a
   steady service too: variance of the change that this makes. Little where
   little is large: the counts themselves are the noise then. */
static double wander(const struct trend *t)
{
    const double *x = stock(t);
    double turned = x[0] < x[t->n - 1] ? x[0] : x[t->n - 1];
    if (t->sampled && t->deaths < turned) {
        turned = t->deaths;
    }
    return 2 * load_wander * load_wander * turned * turned;
}

/* Variance of dn at steady state. Two upper bounds of it are laws, the smaller
   holds: n_1 + n_K for short-lived things (two independent stocks, wider when
   they clump), B + D for long-lived ones. */
static double noise_by_law(const struct trend *t)
{
    const double *x = stock(t);
    double var = (x[0] + x[t->n - 1]) * stat_dispersion(x, t->n);
    if (t->sampled && t->births + t->deaths < var) {
        var = t->births + t->deaths;
    }
    return var + wander(t);
}

/* Growth over its noise at steady state. What the increments themselves show
   alone knows that an old stock does not move; but from few of them it is an
   estimate that may be small by chance, so its ratio is Student's and counts as
   the normal deviate of the same chance. No variance is below dn: even a pure
   accumulator is a Poisson count. */
static double over_noise(const struct trend *t, size_t m, double usual)
{
    const double var = t->noise;
    const double least = fabs(t->growth) > 1 ? fabs(t->growth) : 1;
    const double by_law = t->growth / sqrt(var > least ? var : least);
    const double seen = moved(t, m, usual);
    if (m < 4 || seen >= var || t->growth <= 0) {
        return by_law;
    }
    const double tail = stat_t_upper(t->growth / sqrt(seen), (double)m - 1);
    const double by_seen =
        fmin(stat_normal_quantile(tail), t->growth / sqrt(least));
    return by_seen > by_law ? by_seen : by_law;
}

/* How clumped the growth arrives: variance of increments over their mean,
   from successive differences so that a slow change of pace is no clump. */
static double clumping(const struct trend *t, size_t m, double usual)
{
    const double growth = fair_growth(t, usual);
    if (m < 3 || growth <= 0) {
        return 1;
    }
    double v = 0;
    for (size_t i = 1; i < m; i++) {
        const double change =
            fair_step(t, i, usual) - fair_step(t, i - 1, usual);
        v += change * change / 2 / (double)(m - 1);
    }
    const double phi = v / (growth / (double)m);
    return phi > 1 ? phi : 1;
}

/* Pace after a split over pace before it, with an upper bound from the
   binomial law of how many of the (clumped) arrivals fell after it. */
static void measure_pace(struct trend *t, double phi)
{
    const double *x = stock(t);
    const double begin = t->clock[0];
    const double length = t->clock[t->n - 1] - begin;
    for (int i = 0; i < TREND_SPLITS; i++) {
        const double f = splits[i];
        const double mid =
            stat_interpolate(t->clock, x, t->n, begin + f * length);
        const double early = mid - x[0];
        const double late = x[t->n - 1] - mid;
        const double odds = f / (1 - f);
        t->pace[i] = early > 0 ? late / early * odds : late > 0 ? INFINITY : 0;
        const double k = (late > 0 ? late : 0) / phi;
        const double all = k + (early > 0 ? early : 0) / phi;
        const double share = stat_share_upper(k, all, 0.95);
        t->pace_high[i] = share < 1 ? share / (1 - share) * odds : INFINITY;
    }
}

/* Over how many intervals the growth is spread, and whether it has been idle
   for longer than it ever paused before. */
static void measure_events(struct trend *t, size_t m, double usual)
{
    double sum = 0;
    double squares = 0;
    double largest = 0;
    for (size_t i = 0; i < m; i++) {
        const double d = fair_step(t, i, usual);
        if (d > 0) {
            sum += d;
            squares += d * d;
            largest = d > largest ? d : largest;
        }
    }
    t->events = squares > 0 ? sum * sum / squares : 0;
    double longest = 0;
    double pause = 0;
    for (size_t i = 0; i < m; i++) {
        pause++;
        if (fair_step(t, i, usual) >= largest / 4) {
            longest = pause > longest ? pause : longest;
            pause = 0;
        }
    }
    t->idle_share = longest > 0 ? pause / longest : INFINITY;
}

/* What the growth of a trend says about the pace behind it: its variance, and
   the quantile that turns it into a 95 % interval. */
struct spread {
    double var;      /* of the growth, samples or goroutines squared */
    double quantile; /* for two sides of 2.5 % */
};

/* Residuals of an accumulator are not independent, its increments nearly are:
   the variance of the growth is that of births and deaths (a Poisson count,
   known but for its mean, so the normal quantile holds), and more where the
   increments show that they clump (estimated from few of them: Student's). */
static struct spread spread_of(const struct trend *t, size_t m, double usual)
{
    const double normal = 1.959964;
    const double *x = stock(t);
    const double births_and_deaths =
        t->sampled ? t->births + t->deaths : fabs(t->growth);
    const double counted = births_and_deaths > 1 ? births_and_deaths : 1;
    const double clumps = moved(t, m, usual) / counted;
    const double t975 = stat_t975(m > 2 ? (double)m - 1 : 1);
    const double student = m >= 8 || t975 < 4.4 ? t975 : 4.4;
    const double doubt = clumps <= 1 ? 0 : clumps >= 1.5 ? 1 : 2 * clumps - 2;
    struct spread s = {counted * (clumps > 1 ? clumps : 1),
                       normal + doubt * (student - normal)};
    /* However much is born and dies, two looks at the stock differ by no more
       than two independent stocks: n_1 + n_K, more when they clump. */
    const double two_looks = (x[0] + x[t->n - 1]) * stat_dispersion(x, t->n);
    if (t->sampled && t->deaths > 0 && two_looks < s.var) {
        const double least = fabs(t->growth) > 1 ? fabs(t->growth) : 1;
        s.var = two_looks > least ? two_looks : least;
    }
    return s;
}

/* Growth per second with its interval. Counts that hardly die are skewed: on
   the scale of square roots their spread does not depend on their mean
   (Anscombe's 3/8), so both ends miss equally often. */
static void measure_rate(struct trend *t, size_t m, double usual)
{
    t->per_second = t->per_second_low = t->per_second_high = NAN;
    const double span = t->seconds[t->n - 1] - t->seconds[0];
    if (!t->has_times || span <= 0) {
        return;
    }
    const struct spread s = spread_of(t, m, usual);
    const double unit =
        t->sampled && t->growth != 0 ? fabs(t->delta / t->growth) : 1;
    double low = t->growth - s.quantile * sqrt(s.var);
    double high = t->growth + s.quantile * sqrt(s.var);
    if (t->growth > 0 && s.var <= t->growth * t->growth / 4) {
        const double each = s.var / t->growth; /* variance of one arrival */
        const double shift = 0.375 * each;
        const double root = sqrt(t->growth + shift);
        const double half = s.quantile * sqrt(each) / 2;
        if (root > half) {
            low = (root - half) * (root - half) - shift;
        }
        high = (root + half) * (root + half) - shift;
    }
    t->per_second = t->delta / span;
    t->per_second_low = t->per_second + (low - t->growth) * unit / span;
    t->per_second_high = t->per_second + (high - t->growth) * unit / span;
}

static void measure_error(struct trend *t, int64_t period_bytes)
{
    t->relative_error = 0;
    if (!t->sampled || period_bytes <= 1) {
        return;
    }
    const double n = t->sampled[t->n - 1];
    const double objects = t->objects[t->n - 1];
    if (n <= 0 || objects <= 0) {
        t->relative_error = n > 0 ? 0 : 1;
        return;
    }
    const double chance = n / objects < 1 ? n / objects : 1;
    t->relative_error = sqrt((1 - chance) / n);
}

void trend_measure_ends(struct trend *t)
{
    const size_t k = t->n;
    t->p = t->q = t->p_residence = t->p_births = t->p_late = 1;
    t->retention = NAN;
    t->birth_ratio = t->level_ratio = 1;
    if (k > 0) {
        const double *x = stock(t);
        t->first = t->value[0];
        t->last = t->value[k - 1];
        t->delta = t->last - t->first;
        t->growth = x[k - 1] - x[0];
    }
}

void trend_measure_noise(struct trend *t)
{
    trend_measure_ends(t);
    if (t->n < 2) {
        return;
    }
    if (t->sampled) {
        measure_heap_flow(t);
    }
    t->noise = noise_by_law(t);
    t->z = over_noise(t, t->n - 1, usual_interval(t));
}

double trend_clumping(const struct trend *t)
{
    return t->n < 2 ? 1 : clumping(t, t->n - 1, usual_interval(t));
}

bool trend_measure(struct trend *t, int64_t period_bytes)
{
    const size_t k = t->n;
    trend_measure_noise(t);
    if (k == 0) {
        return true;
    }
    const double *x = stock(t);
    measure_error(t, period_bytes);
    if (k < 2) {
        return true;
    }
    if (t->sampled && !measure_flow_tests(t)) {
        return false;
    }
    const size_t m = k - 1;
    const double usual = usual_interval(t);
    const double phi = clumping(t, m, usual);
    t->level_ratio = level_ratio(x, k);
    t->p = stat_mann_kendall(t->value, k);
    t->p_late = stat_mann_kendall(x + (k - 1) / 2, k - (k - 1) / 2);
    t->drawdown = t->growth > 0 ? deepest_fall(x, k) / t->growth : INFINITY;
    measure_pace(t, phi);
    measure_events(t, m, usual);
    measure_rate(t, m, usual);
    trend_measure_levels(t);
    return !isnan(t->p) && !isnan(t->p_late);
}
