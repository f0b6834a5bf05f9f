/*
 * Sums of cells over groups of rows. Tests speak of raw counts, people of
 * scaled bytes.
 */
#include "series/points_private.h"
#include "series/sampling_private.h"

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

/* What one cell adds to every group it is in. */
struct share {
    double value, objects, sampled, born, born_bytes;
};

static struct share share_of(const struct series *s, const struct point *pt,
                             enum series_plane plane,
                             const struct series_cell *c)
{
    if (plane != PLANE_HEAP) {
        return (struct share){.value = (double)c->in_use};
    }
    const double chance =
        series_chance(block_bytes(s, c), (double)pt->period_bytes);
    return (struct share){.value = (double)c->in_use_bytes,
                          .objects = (double)c->in_use,
                          .sampled = series_raw_count(c->in_use, chance),
                          .born = series_raw_count(c->alloc_objects, chance),
                          .born_bytes = (double)c->alloc_bytes};
}

static void add_share(struct series_matrix *m, size_t at, const struct share *v)
{
    m->value[at] += v->value;
    m->objects[at] += v->objects;
    m->sampled[at] += v->sampled;
    m->born[at] += v->born;
    m->born_bytes[at] += v->born_bytes;
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
            if (first == end || g->ids[first] == SERIES_NO_GROUP) {
                continue;
            }
            const struct share v = share_of(s, pt, plane, c);
            for (uint32_t m = first; m < end; m++) {
                add_share(out, (size_t)g->ids[m] * pl->at.n + i, &v);
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
