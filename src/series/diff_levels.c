/*
 * What a process has of a site. It counts once, as its last profile shows it: a
 * mean over profiles would be of a younger process, the more of them there are,
 * and pass over a leak, or make one of two builds that leak alike. The profiles
 * before the last one say how far the process strays from its own trend.
 */
#include "base/num.h"
#include "series/diff_private.h"

#include <math.h>
#include <stdlib.h>

void diff_add_sum(struct diff_sum *to, const struct diff_sum *more)
{
    to->value += more->value;
    to->objects += more->objects;
    to->sampled += more->sampled;
    to->born += more->born;
}

static struct diff_sum divided(const struct diff_sum *s, double n)
{
    return (struct diff_sum){s->value / n, s->objects / n, s->sampled / n,
                             s->born / n};
}

struct diff_sum diff_site_of(const struct diff_column *c, uint32_t id)
{
    return id < c->sites.n ? c->sites.items[id] : (struct diff_sum){0};
}

const struct diff_column *diff_next_last(const struct diff_group *g, size_t *i)
{
    *i = diff_process_end(g, *i);
    return &g->columns.items[*i - 1];
}

/* --- means ------------------------------------------------------------------
 */

bool diff_sum_levels(struct diff_group *g, struct err *err)
{
    for (size_t i = 0; i < g->columns.n;) {
        const struct diff_sums *rows = &diff_next_last(g, &i)->rows;
        if (!diff_reach(&g->levels, rows->n)) {
            return err_nomem(err, "levels of processes");
        }
        for (size_t row = 0; row < rows->n; row++) {
            diff_add_sum(&g->levels.items[row], &rows->items[row]);
        }
    }
    return true;
}

void diff_process_levels(const struct diff_group *g, uint32_t id,
                         double *levels)
{
    for (size_t i = 0; i < g->columns.n;) {
        *levels++ = diff_site_of(diff_next_last(g, &i), id).value;
    }
}

struct diff_sum diff_site_mean(const struct diff_group *g, uint32_t id)
{
    struct diff_sum out = {0};
    if (!g || g->n_processes == 0) {
        return out;
    }
    for (size_t i = 0; i < g->columns.n;) {
        const struct diff_sum s = diff_site_of(diff_next_last(g, &i), id);
        diff_add_sum(&out, &s);
    }
    return divided(&out, (double)g->n_processes);
}

struct diff_sum diff_row_mean(const struct diff_group *g, size_t row)
{
    return g && row < g->levels.n
               ? divided(&g->levels.items[row], (double)g->n_processes)
               : (struct diff_sum){0};
}

double diff_total_mean(const struct diff_group *g)
{
    double out = 0;
    for (size_t i = 0; i < g->columns.n;) {
        out += diff_next_last(g, &i)->total / (double)g->n_processes;
    }
    return out;
}

double diff_births_mean(const struct diff_group *g)
{
    double out = 0;
    for (size_t i = 0; i < g->columns.n;) {
        out += diff_next_last(g, &i)->born_bytes / (double)g->n_processes;
    }
    return out;
}

/* --- stray ------------------------------------------------------------------
 */

/* A straight line by least squares through the levels of one process; without
   times it counts profiles. */
struct line {
    double x_mean, y_mean, slope;
};

/* Since the first, or doubles would lose it. */
static double x_of(const struct diff_group *g, size_t first, size_t i)
{
    const struct diff_column *c = g->columns.items;
    return g->has_times
               ? (double)sub_sat_i64(c[i].time_nanos, c[first].time_nanos) / 1e9
               : (double)(i - first);
}

static struct line line_of(const struct diff_group *g, size_t first, size_t end,
                           uint32_t id)
{
    struct line out = {0};
    double xx = 0;
    double xy = 0;
    for (size_t i = first; i < end; i++) {
        out.x_mean += x_of(g, first, i) / (double)(end - first);
        out.y_mean += diff_site_of(&g->columns.items[i], id).value /
                      (double)(end - first);
    }
    for (size_t i = first; i < end; i++) {
        const double x = x_of(g, first, i) - out.x_mean;
        xx += x * x;
        xy += x * diff_site_of(&g->columns.items[i], id).value;
    }
    out.slope = xx > 0 ? xy / xx : 0;
    return out;
}

static double stray_of(const struct diff_group *g, size_t first, size_t end,
                       uint32_t id)
{
    const struct line line = line_of(g, first, end, id);
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = first; i < end; i++) {
        const double x = x_of(g, first, i) - line.x_mean;
        const double y = diff_site_of(&g->columns.items[i], id).value;
        const double away = y - line.y_mean - line.slope * x;
        low = fmin(low, away);
        high = fmax(high, away);
    }
    return high - low;
}

double diff_stray(const struct diff_group *g, uint32_t id)
{
    enum { LINE_MIN = 3 }; /* a line goes through two points */
    double most = 0;
    for (size_t i = 0; g && i < g->columns.n;) {
        const size_t end = diff_process_end(g, i);
        if (end - i >= LINE_MIN) {
            most = fmax(most, stray_of(g, i, end, id));
        }
        i = end;
    }
    return most;
}

/* --- length -----------------------------------------------------------------
 */

/* A ratio of fewer sampled births is chance. */
static const double births_min = 20;

/* From so many sites on one of them is typical. */
enum { TYPICAL_MIN = 3 };

static int by_value(const void *pa, const void *pb)
{
    const double a = *(const double *)pa;
    const double b = *(const double *)pb;
    return (a > b) - (a < b);
}

bool diff_measure_length(const struct diff_layer *l, double *ratio,
                         struct err *err)
{
    const struct diff_group *base = l->used[DIFF_BASE];
    const struct diff_group *head = l->used[DIFF_HEAD];
    double *ratios = calloc((size_t)l->n_sites + 1, sizeof *ratios);
    if (!ratios) {
        return err_nomem(err, "lengths of runs");
    }
    size_t n = 0;
    for (uint32_t id = 0; id < l->n_sites; id++) {
        const double a = diff_site_mean(base, id).born;
        const double b = diff_site_mean(head, id).born;
        if (a > 0 && b > 0 && a + b >= births_min) {
            ratios[n++] = b / a;
        }
    }
    /* A leak adds births too, but at its own sites. */
    qsort(ratios, n, sizeof *ratios, by_value);
    const double total = diff_births_mean(base);
    *ratio = n >= TYPICAL_MIN ? ratios[n / 2]
             : total > 0      ? diff_births_mean(head) / total
                              : NAN;
    free(ratios);
    return true;
}
