/*
 * How much runs of the same build differ. Nothing is assumed of a site but that
 * its runs vary alike before and after the change: then a difference of two new
 * runs is beyond Student's bound for the variance that was seen with the
 * promised risk alone. A few runs give a wide bound, which is the truth about
 * a few runs.
 */
#include "base/num.h"
#include "series/diff_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool nomem(struct err *err)
{
    return err_nomem(err, "measuring noise");
}

static struct diff_noise noise_of(const double *x, size_t n)
{
    struct diff_noise out = {.n = n};
    double low = INFINITY;
    double high = -INFINITY;
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        out.mean += x[i] / (double)n;
        low = fmin(low, x[i]);
        high = fmax(high, x[i]);
    }
    for (size_t i = 0; i < n; i++) {
        squares += (x[i] - out.mean) * (x[i] - out.mean);
    }
    out.range = n > 0 ? high - low : 0;
    out.highest = n > 0 ? high : 0;
    out.deviation = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
    return out;
}

double diff_noise_floor(const struct diff_noise *noise, size_t n_base,
                        size_t n_head, double risk)
{
    if (noise->n < 2 || n_base == 0 || n_head == 0) {
        return INFINITY;
    }
    const double factor = sqrt(1 / (double)n_base + 1 / (double)n_head);
    const double t = stat_t_quantile(risk, (double)noise->n - 1);
    /* The range is of single runs; means differ less. */
    return fmax(t * noise->deviation * factor, noise->range * factor / sqrt(2));
}

/* Fewer sampled objects (or goroutines) than this in all runs: their variance
   says little, since most runs have none. */
static const double rare_units = 5;

double diff_burst_floor(const struct diff_total *total,
                        const struct diff_site *site, double risk)
{
    const struct diff_noise *b = &total->bursts;
    const double most = fmax(site->base, site->noise.highest);
    if (b->n < 2 || site->noise.mean >= rare_units * total->unit) {
        return 0;
    }
    const double t = stat_t_quantile(risk, (double)b->n - 1);
    const double spread = t * b->deviation * sqrt(1 + 1 / (double)b->n);
    const double root =
        fmax(b->mean + spread, b->highest) + sqrt(most / total->unit);
    return total->unit * root * root - site->base;
}

/* The run that has most of a site, when the others hardly have it. */
static void find_burst(const struct diff_group *g, uint32_t id, double unit,
                       double *bursts)
{
    double first = 0;
    double second = 0;
    size_t at = 0;
    size_t run = 0;
    for (size_t i = 0; i < g->columns.n;) {
        const double level =
            diff_site_of(diff_next_last(g, &i), id).value / unit;
        if (level > first) {
            second = first;
            first = level;
            at = run;
        } else if (level > second) {
            second = level;
        }
        run++;
    }
    if (second < rare_units) {
        bursts[at] = fmax(bursts[at], sqrt(first) - sqrt(second));
    }
}

static bool measure_bursts(struct diff_layer *l, const struct diff_group *g,
                           struct err *err)
{
    double *bursts = calloc(g->n_processes, sizeof *bursts);
    if (!bursts) {
        return nomem(err);
    }
    l->total.unit = g->period > 1 ? (double)g->period : 1;
    for (uint32_t id = 0; id < l->n_sites; id++) {
        find_burst(g, id, l->total.unit, bursts);
    }
    l->total.bursts = noise_of(bursts, g->n_processes);
    free(bursts);
    return true;
}

bool diff_measure_noise(struct diff_layer *l, struct err *err)
{
    const struct diff_group *g = l->used[DIFF_CALIBRATION];
    if (!g) {
        return true;
    }
    const size_t n = g->n_processes;
    double *levels = calloc(n, sizeof *levels);
    if (!levels) {
        return nomem(err);
    }
    size_t run = 0;
    for (size_t i = 0; i < g->columns.n; run++) {
        levels[run] = diff_next_last(g, &i)->total;
    }
    l->total.noise = noise_of(levels, n);
    for (size_t s = 0; s < l->n_shown; s++) {
        diff_process_levels(g, l->sites[s].id, levels);
        l->sites[s].noise = noise_of(levels, n);
    }
    free(levels);
    return measure_bursts(l, g, err);
}

/* --- growth -----------------------------------------------------------------
 */

/* Profiles of the best class that was calibrated with. */
static const struct diff_group *calibration(const struct diff_layer *l)
{
    for (int c = 0; c < N_CLASSES; c++) {
        if (l->groups[DIFF_CALIBRATION][c].columns.n > 0) {
            return &l->groups[DIFF_CALIBRATION][c];
        }
    }
    return NULL;
}

/* Marks the sites that this function names. */
static void mark_sites(const struct diff_layer *l, const char *function,
                       bool *is_of)
{
    for (size_t row = 0; row < l->row_site.n; row++) {
        const uint32_t id = l->row_site.items[row];
        if (id == DIFF_NO_SITE) {
            continue;
        }
        const struct stack_frame *f =
            &l->stacks.frames.items[l->row_frame.items[row]];
        is_of[id] |=
            strcmp(intern_text(&l->stacks.names, f->name), function) == 0;
    }
}

static double level_of(const struct diff_column *c, const bool *is_of)
{
    double sum = 0;
    for (size_t id = 0; id < c->sites.n; id++) {
        sum += is_of[id] ? c->sites.items[id].value : 0;
    }
    return sum;
}

/* Least squares through the profiles of one run, per hour; NAN when they are
   all of one moment. Times count from the first, or doubles would lose them. */
static double slope_of(const struct diff_group *g, uint32_t run,
                       const bool *is_of)
{
    double n = 0;
    double t_sum = 0;
    double x_sum = 0;
    double tt = 0;
    double tx = 0;
    const int64_t start = g->columns.items[0].time_nanos;
    for (size_t i = 0; i < g->columns.n; i++) {
        const struct diff_column *c = &g->columns.items[i];
        if (c->run != run || c->time_nanos == 0) {
            continue;
        }
        const double t = (double)sub_sat_i64(c->time_nanos, start) / 3600e9;
        const double x = level_of(c, is_of);
        n++;
        t_sum += t;
        x_sum += x;
        tt += t * t;
        tx += t * x;
    }
    const double spread = n * tt - t_sum * t_sum;
    return n >= 2 && spread > 1e-12 ? (n * tx - t_sum * x_sum) / spread : NAN;
}

bool series_diff_rates(struct series_diff *d, enum diff_plane plane,
                       const char *function, struct arena *arena,
                       struct diff_noise *out, struct err *err)
{
    const struct diff_layer *l = &d->layers[plane];
    const struct diff_group *g = calibration(l);
    *out = (struct diff_noise){0};
    if (!g) {
        return true;
    }
    uint32_t n_runs = 0;
    for (size_t i = 0; i < g->columns.n; i++) {
        const uint32_t run = g->columns.items[i].run;
        n_runs = run >= n_runs ? run + 1 : n_runs;
    }
    bool *is_of = calloc((size_t)l->n_sites + 1, sizeof *is_of);
    double *rates = arena_new(arena, double, (size_t)n_runs + 1);
    if (!is_of || !rates) {
        free(is_of);
        return nomem(err);
    }
    mark_sites(l, function, is_of);
    size_t n = 0;
    for (uint32_t run = 0; run < n_runs; run++) {
        const double rate = slope_of(g, run, is_of);
        if (!isnan(rate)) {
            rates[n++] = rate;
        }
    }
    free(is_of);
    *out = noise_of(rates, n);
    return true;
}
