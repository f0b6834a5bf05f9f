/*
 * The smallest leak that a comparison could have shown. What is asked is the
 * question of diff_counting.c turned round: how much must a site gain so that
 * it counts in four of five pairs like this one? Sampling scatters what a leak
 * shows, so that a leak of just the size that counts is missed in every second
 * pair. What a site holds already scatters too, and a leak beside it must be
 * larger: so there are two answers, one for a site that base does not have and
 * one for the site where it takes most.
 */
#include "rules/diff_judge_private.h"

#include <math.h>

/* Four of five: as many standard deviations below its mean as a leak may fall
   and still count. */
static const double power_z = 0.8416;

/* Larger than any heap: what is not found then is not found at all. */
static const double most_bytes = 1e18;

/* A site as it would be if nothing had grown there. */
struct steady {
    double level;      /* in base */
    double unit[2];    /* what one sampled object stands for, of base, head */
    double churn;      /* of one process: what was born and freed; INFINITY */
    double n[2];       /* runs */
    double runs_error; /* of the difference of runs; NAN: they are not tested */
    double t_runs;     /* above so many of them it counts */
    double more_than;  /* stray and noise floor */
};

/* Variance of what is seen of a growth `g`, of means over the runs. */
static double variance_of(const struct steady *s, enum diff_plane plane,
                          double g)
{
    const double leak = plane == DIFF_HEAP ? g * s->unit[DIFF_HEAD] : 0;
    const double base = s->level * s->unit[DIFF_BASE] / s->n[DIFF_BASE];
    const double head = s->level * s->unit[DIFF_HEAD] / s->n[DIFF_HEAD];
    return fmin(base + head, s->churn * s->unit[DIFF_HEAD]) +
           leak / s->n[DIFF_HEAD];
}

/* Does a leak of `g` count in four of five pairs, as diff_reason() would have
   it? */
static bool is_found(const struct diff_judge *j, enum diff_plane plane,
                     const struct steady *s, double g)
{
    const struct rules_diff_options *o = j->options;
    const double seen = g - power_z * sqrt(variance_of(s, plane, g));
    const double units = s->unit[DIFF_BASE] + s->unit[DIFF_HEAD];
    const double noise = fmin(s->level * units, s->churn * s->unit[DIFF_HEAD]) +
                         seen * s->unit[DIFF_HEAD];
    if (seen <= s->more_than || seen < diff_least_growth(j, plane) ||
        seen < o->min_growth * s->level ||
        seen < o->min_z * sqrt(fmax(noise, 0))) {
        return false;
    }
    const double leak =
        plane == DIFF_HEAP ? g * s->unit[DIFF_HEAD] / s->n[DIFF_HEAD] : 0;
    return isnan(s->runs_error) ||
           seen >= s->t_runs * sqrt(s->runs_error * s->runs_error +
                                    (s->n[DIFF_HEAD] > 1 ? leak : 0));
}

/* To one in a hundred; NAN when nothing would be found. */
static double least_leak(const struct diff_judge *j, enum diff_plane plane,
                         const struct steady *s)
{
    double high = fmax(diff_least_growth(j, plane), 1);
    while (!is_found(j, plane, s, high)) {
        high *= 2;
        if (high > most_bytes) {
            return NAN;
        }
    }
    double low = high / 2;
    if (high <= diff_least_growth(j, plane)) {
        return high;
    }
    while (high - low > high / 100) {
        const double middle = (low + high) / 2;
        if (is_found(j, plane, s, middle)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return high;
}

/* The more sites are tested, the more each must show: those that are, and the
   one that would leak. */
static double runs_risk(const struct diff_judge *j, enum diff_plane plane)
{
    size_t n = 0;
    size_t n_tested = 1;
    const struct diff_site *sites = series_diff_sites(j->diff, plane, &n);
    for (size_t i = 0; i < n; i++) {
        n_tested += !isnan(sites[i].p_runs) &&
                    sites[i].spread >= diff_least_growth(j, plane);
    }
    return DIFF_GROUP_Q / (double)n_tested;
}

static double unit_of(const struct diff_total *t, enum diff_side side,
                      double level, double sampled)
{
    const double period = (double)t->period[side];
    return sampled > 0 ? level / sampled : period > 1 ? period : 0;
}

/* A site that base does not have, where runs differ by what is sampled. */
static struct steady new_site(const struct diff_judge *j, enum diff_plane plane)
{
    const struct diff_total *t = series_diff_total(j->diff, plane);
    const size_t n_head = t->n[DIFF_HEAD];
    const bool is_tested = t->n[DIFF_BASE] > 0 && t->n[DIFF_BASE] + n_head > 2;
    const struct diff_site site = {.noise = {.n = t->noise.n}};
    struct steady s = {
        .unit = {1,                    1 },
        .churn = INFINITY,
        .n = { fmax((double)t->n[DIFF_BASE], 1), fmax((double)n_head, 1)},
        .runs_error = is_tested ? 0 : NAN,
        .t_runs = is_tested && n_head > 1
                      ? stat_t_quantile(runs_risk(j, plane), (double)n_head - 1)
                      : 0,
    };
    if (plane == DIFF_HEAP) {
        s.unit[DIFF_BASE] = unit_of(t, DIFF_BASE, 0, 0);
        s.unit[DIFF_HEAD] = unit_of(t, DIFF_HEAD, 0, 0);
    }
    if (site.noise.n > 0) {
        s.more_than = fmax(diff_noise_floor(&site.noise, t->n[DIFF_BASE],
                                            n_head, DIFF_NOISE_RISK),
                           diff_burst_floor(t, &site, DIFF_NOISE_RISK));
    }
    return s;
}

/* One that base has. */
static struct steady old_site(const struct diff_judge *j, enum diff_plane plane,
                              const struct diff_site *site,
                              const struct steady *beside, double risk)
{
    const struct diff_total *t = series_diff_total(j->diff, plane);
    const double floor = j->floor[plane][diff_site_index(j, plane, site)];
    struct steady s = *beside;
    s.level = site->base;
    if (plane == DIFF_HEAP) {
        s.unit[DIFF_BASE] =
            unit_of(t, DIFF_BASE, site->base, site->base_sampled);
        s.unit[DIFF_HEAD] =
            unit_of(t, DIFF_HEAD, site->head, site->head_sampled);
        s.churn = isnan(site->deaths)
                      ? INFINITY
                      : 2 * fmax(site->deaths, 0) * s.unit[DIFF_HEAD];
    }
    if (!isnan(site->runs_error) && site->runs_error > 0) {
        s.runs_error = site->runs_error;
        s.t_runs = stat_t_quantile(risk, site->runs_df);
    }
    s.more_than = isnan(floor) ? 0 : floor;
    if (diff_has_few_runs(j, plane)) {
        s.more_than = fmax(s.more_than, site->stray);
    }
    return s;
}

struct diff_limit diff_limit_of(const struct diff_judge *j,
                                enum diff_plane plane)
{
    size_t n = 0;
    const struct diff_site *sites = series_diff_sites(j->diff, plane, &n);
    const struct steady beside = new_site(j, plane);
    const double risk = runs_risk(j, plane);
    struct diff_limit out = {.least = least_leak(j, plane, &beside)};
    out.most = out.least;
    for (size_t i = 0; !isnan(out.least) && i < n; i++) {
        /* Of what counts it was seen already. */
        if (sites[i].base <= 0 || diff_reason(j, plane, &sites[i]) == COUNTS) {
            continue;
        }
        const struct steady s = old_site(j, plane, &sites[i], &beside, risk);
        const double least = least_leak(j, plane, &s);
        if (least > out.most) {
            out.most = least;
            out.most_at = sites[i].frame.function;
        }
    }
    return out;
}
