/*
 * Which profiles are of one process. Snapshots of one process share its warm-up
 * and its chances: counted as independent runs they would make any difference
 * between two processes certain. Only births, which never fall within a
 * process, tell processes apart; profiles of goroutines have none and follow
 * the heap profiles beside them.
 */
#include "series/diff_private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOT_YET UINT32_MAX

/* Counts are whole; what is recovered of them is not always. */
static const double rounding = 0.5;

/* One chance in a thousand. */
static const double evidence_min = 10;

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

bool diff_births_go_on(const struct diff_column *before,
                       const struct diff_column *after)
{
    for (uint32_t i = 0; i < before->sites.n; i++) {
        if (diff_site_of(after, i).born + rounding <
            before->sites.items[i].born) {
            return false;
        }
    }
    return true;
}

/* --- telling processes apart ------------------------------------------------
 */

static int by_time(const void *pa, const void *pb)
{
    const struct diff_column *a = pa;
    const struct diff_column *b = pb;
    if (a->time_nanos != b->time_nanos) {
        return a->time_nanos < b->time_nanos ? -1 : 1;
    }
    return (a->input > b->input) - (a->input < b->input);
}

static int by_process(const void *pa, const void *pb)
{
    const struct diff_column *a = pa;
    const struct diff_column *b = pb;
    if (a->process != b->process) {
        return a->process < b->process ? -1 : 1;
    }
    return by_time(pa, pb);
}

/* How unlikely it is that as many independent runs look like states of one
   process, in bits: at each site, of r + 1 counts that rise every time, only
   one order in (r + 1)! does. */
static double evidence_of(const struct diff_group *g, size_t first, size_t end)
{
    double bits = 0;
    for (uint32_t id = 0; id < g->columns.items[end - 1].sites.n; id++) {
        double n_orders = 1;
        double rises = 0;
        for (size_t i = first + 1; i < end; i++) {
            const double before =
                diff_site_of(&g->columns.items[i - 1], id).born;
            const double after = diff_site_of(&g->columns.items[i], id).born;
            if (after > before + rounding) {
                rises++;
                n_orders *= rises + 1;
            }
        }
        bits += isfinite(n_orders) ? log2(n_orders) : evidence_min;
    }
    return bits;
}

static bool has_births(const struct diff_column *c)
{
    for (size_t i = 0; i < c->sites.n; i++) {
        if (c->sites.items[i].born > 0) {
            return true;
        }
    }
    return false;
}

/* Could the two be of one process, before births are looked at? Files that were
   named alone may be of any, as long as births say so. */
static bool is_beside(const struct diff_column *a, const struct diff_column *b,
                      bool births_tell)
{
    return strcmp(a->folder, b->folder) == 0 &&
           (births_tell || a->run == b->run);
}

/* The process of an earlier column that this one can go on with, or NOT_YET. Of
   each process, the latest column is asked. */
static uint32_t process_before(const struct diff_group *g, size_t at)
{
    const struct diff_column *c = &g->columns.items[at];
    const bool births_tell = has_births(c);
    for (size_t i = at; i-- > 0;) {
        const struct diff_column *before = &g->columns.items[i];
        bool is_latest = true;
        for (size_t k = i + 1; k < at && is_latest; k++) {
            is_latest = g->columns.items[k].process != before->process;
        }
        if (is_latest && is_beside(before, c, births_tell) &&
            diff_births_go_on(before, c)) {
            return before->process;
        }
    }
    return NOT_YET;
}

/* The process of the heap profile of the same folder that is nearest in time,
   or NOT_YET. */
static uint32_t process_beside(const struct diff_group *heap,
                               const struct diff_column *c)
{
    uint32_t out = NOT_YET;
    double least = INFINITY;
    for (size_t i = 0; heap && i < heap->columns.n; i++) {
        const struct diff_column *h = &heap->columns.items[i];
        const double away = fabs((double)h->time_nanos - (double)c->time_nanos);
        if (strcmp(h->folder, c->folder) == 0 && away < least) {
            least = away;
            out = h->process;
        }
    }
    return out;
}

/* Sorts, and leaves no number out: it would count as a process. */
static void close_gaps(struct diff_group *g)
{
    uint32_t n = 0;
    qsort(g->columns.items, g->columns.n, sizeof *g->columns.items, by_process);
    for (size_t i = 0; i < g->columns.n;) {
        const uint32_t process = g->columns.items[i].process;
        for (; i < g->columns.n && g->columns.items[i].process == process;
             i++) {
            g->columns.items[i].process = n;
        }
        n++;
    }
    g->n_processes = n;
}

/* Files that were named one by one are runs unless much speaks against it. */
static void part_runs(struct diff_group *g)
{
    uint32_t n = (uint32_t)g->n_processes;
    for (size_t i = 0; i < g->columns.n;) {
        const size_t end = diff_process_end(g, i);
        const bool is_sure = evidence_of(g, i, end) >= evidence_min;
        uint32_t process = g->columns.items[i].process;
        for (size_t k = i + 1; k < end; k++) {
            struct diff_column *c = &g->columns.items[k];
            if (!is_sure && c->run != g->columns.items[k - 1].run) {
                process = n++;
            }
            c->process = process;
        }
        i = end;
    }
}

static void find_processes(struct diff_group *g, const struct diff_group *heap)
{
    uint32_t n = heap ? (uint32_t)heap->n_processes : 0;
    qsort(g->columns.items, g->columns.n, sizeof *g->columns.items, by_time);
    for (size_t i = 0; i < g->columns.n; i++) {
        struct diff_column *c = &g->columns.items[i];
        c->process = process_beside(heap, c);
        if (c->process == NOT_YET) {
            c->process = process_before(g, i);
        }
        if (c->process == NOT_YET) {
            c->process = n++;
        }
    }
    close_gaps(g);
    if (!heap) {
        part_runs(g);
        close_gaps(g);
    }
}

void diff_find_processes(struct series_diff *d)
{
    for (int group = 0; group < N_DIFF_GROUPS; group++) {
        struct diff_group *heap = d->layers[DIFF_HEAP].used[group];
        for (int k = 0; k < N_DIFF_PLANES; k++) {
            struct diff_group *g = d->layers[k].used[group];
            if (g) {
                find_processes(g, g == heap ? NULL : heap);
            }
        }
    }
}

/* --- means ------------------------------------------------------------------
 */

size_t diff_process_end(const struct diff_group *g, size_t first)
{
    size_t i = first + 1;
    while (i < g->columns.n &&
           g->columns.items[i].process == g->columns.items[first].process) {
        i++;
    }
    return i;
}

/* Mean of a site over the profiles of one process. */
static struct diff_sum mean_of(const struct diff_group *g, size_t first,
                               size_t end, uint32_t id)
{
    struct diff_sum out = {0};
    for (size_t i = first; i < end; i++) {
        const struct diff_sum s = diff_site_of(&g->columns.items[i], id);
        diff_add_sum(&out, &s);
    }
    return divided(&out, (double)(end - first));
}

void diff_process_levels(const struct diff_group *g, uint32_t id,
                         double *levels)
{
    for (size_t i = 0; i < g->columns.n;) {
        const size_t end = diff_process_end(g, i);
        *levels++ = mean_of(g, i, end, id).value;
        i = end;
    }
}

struct diff_sum diff_site_mean(const struct diff_group *g, uint32_t id)
{
    struct diff_sum out = {0};
    if (!g || g->n_processes == 0) {
        return out;
    }
    for (size_t i = 0; i < g->columns.n;) {
        const size_t end = diff_process_end(g, i);
        const struct diff_sum s = mean_of(g, i, end, id);
        diff_add_sum(&out, &s);
        i = end;
    }
    return divided(&out, (double)g->n_processes);
}

double diff_total_mean(const struct diff_group *g)
{
    double out = 0;
    for (size_t i = 0; i < g->columns.n;) {
        const size_t end = diff_process_end(g, i);
        double sum = 0;
        for (size_t k = i; k < end; k++) {
            sum += g->columns.items[k].total;
        }
        out += sum / (double)(end - i) / (double)g->n_processes;
        i = end;
    }
    return out;
}
