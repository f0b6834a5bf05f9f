/*
 * Sums of cells over groups of rows. Go scales what it sampled: a stored
 * count is v = floor(n / p), p = 1 - exp(-size / rate), so the raw count is
 * n = ceil(v * p - 1e-9), exactly (p <= 1 makes it unique). Tests speak of
 * raw counts, people of scaled bytes.
 */
#include "series/points_private.h"

#include <math.h>

/* Size of the blocks of a cell: the label, else the mean of what was ever
   allocated there. */
static double block_bytes(const struct series *s, const struct series_cell *c)
{
    const int64_t label = s->stacks.rows.items[c->row].block_bytes;
    if (label > 0) {
        return (double)label;
    }
    if (c->alloc_objects > 0) {
        return (double)c->alloc_bytes / (double)c->alloc_objects;
    }
    return c->in_use > 0 ? (double)c->in_use_bytes / (double)c->in_use : 0;
}

static double chance_sampled(double block, int64_t period)
{
    if (period <= 1 || block <= 0) {
        return 1;
    }
    return -expm1(-block / (double)period);
}

static double raw_count(int64_t scaled, double chance)
{
    return scaled > 0 ? ceil((double)scaled * chance - 1e-9) : 0;
}

static void add_cell(const struct series *s, const struct point *pt,
                     enum series_plane plane, const struct series_cell *c,
                     size_t at, struct series_matrix *m)
{
    if (plane != PLANE_HEAP) {
        m->value[at] += (double)c->in_use;
        return;
    }
    const double chance = chance_sampled(block_bytes(s, c), pt->period_bytes);
    m->value[at] += (double)c->in_use_bytes;
    m->objects[at] += (double)c->in_use;
    m->sampled[at] += raw_count(c->in_use, chance);
    m->born[at] += raw_count(c->alloc_objects, chance);
    m->born_bytes[at] += (double)c->alloc_bytes;
}

static bool matrix_init(struct series_matrix *m, size_t n_groups,
                        size_t n_points, struct err *err)
{
    const size_t n = n_groups * n_points;
    *m = (struct series_matrix){.n_groups = n_groups, .n_points = n_points};
    m->cells = calloc(n * 5 + 1, sizeof *m->cells);
    if (!m->cells) {
        return err_nomem(err, "summing over stacks");
    }
    m->value = m->cells;
    m->objects = m->cells + n;
    m->sampled = m->cells + 2 * n;
    m->born = m->cells + 3 * n;
    m->born_bytes = m->cells + 4 * n;
    return true;
}

bool series_accumulate(const struct series *s, enum series_plane plane,
                       const struct series_grouping *g,
                       struct series_matrix *out, struct err *err)
{
    const struct plane *pl = &s->planes[plane];
    if (!matrix_init(out, g->n_groups, pl->at.n, err)) {
        return false;
    }
    for (size_t i = 0; i < pl->at.n; i++) {
        const struct point *pt = &s->all.items[pl->at.items[i]];
        for (size_t k = 0; k < pt->cells.n; k++) {
            const struct series_cell *c = &pt->cells.items[k];
            const uint32_t first = g->off ? g->off[c->row] : c->row;
            const uint32_t end = g->off ? g->off[c->row + 1] : c->row + 1;
            for (uint32_t m = first; m < end; m++) {
                if (g->ids[m] != SERIES_NO_GROUP) {
                    add_cell(s, pt, plane, c, (size_t)g->ids[m] * pl->at.n + i,
                             out);
                }
            }
        }
    }
    return true;
}

void series_matrix_release(struct series_matrix *m)
{
    free(m->cells);
    *m = (struct series_matrix){0};
}
