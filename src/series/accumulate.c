/*
 * Sums of cells over groups of rows. Tests speak of raw counts, people of
 * scaled bytes.
 */
#include "series/points_private.h"
#include "series/sampling_private.h"

#include <math.h>

/* The chance to be sampled of every row that says its size, for one period:
   found once a row, and rows share few sizes. 0: the row says none. */
struct chances {
    double *of_row;
    int64_t period_bytes;
};

static void find_chances(const struct series *s, struct chances *c,
                         int64_t period_bytes)
{
    enum { SIZES = 64 };
    int64_t size[SIZES] = {0};
    double chance[SIZES] = {0};
    const uint32_t n = series_n_rows(s);
    c->period_bytes = period_bytes;
    for (uint32_t r = 0; r < n; r++) {
        const int64_t block = series_row_block_bytes(s, r);
        const size_t at = (uint64_t)block * UINT64_C(0x9e3779b97f4a7c15) >> 58;
        if (block > 0 && size[at] != block) {
            size[at] = block;
            chance[at] = series_chance((double)block, (double)period_bytes);
        }
        c->of_row[r] = block > 0 ? chance[at] : 0;
    }
}

/* Where the row does not say the size of its blocks, the mean of what was ever
   allocated there. */
static double chance_of(const struct chances *chances,
                        const struct series_cell *c)
{
    const double chance = chances->of_row[c->row];
    if (chance > 0) {
        return chance;
    }
    const double block =
        c->alloc_objects > 0 ? (double)c->alloc_bytes / (double)c->alloc_objects
        : c->in_use > 0      ? (double)c->in_use_bytes / (double)c->in_use
                             : 0;
    return series_chance(block, (double)chances->period_bytes);
}

/* What one cell adds to every group it is in. */
struct share {
    double value, objects, sampled, born, born_bytes;
};

static struct share share_of(const struct chances *chances,
                             const struct series_cell *c)
{
    if (!chances->of_row) {
        return (struct share){.value = (double)c->in_use};
    }
    const double chance = chance_of(chances, c);
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

void series_matrix_release(struct series_matrix *m)
{
    free(m->cells);
    *m = (struct series_matrix){0};
}

/* Adds a point's cells as column `at` of the matrix. */
static void add_column(const struct point *pt, const struct chances *chances,
                       const struct series_grouping *g, size_t at,
                       struct series_matrix *out)
{
    for (size_t k = 0; k < pt->cells.n; k++) {
        const struct series_cell *c = &pt->cells.items[k];
        const uint32_t first = g->off ? g->off[c->row] : c->row;
        const uint32_t end = g->off ? g->off[c->row + 1] : c->row + 1;
        if (first == end || (g->ids && g->ids[first] == SERIES_NO_GROUP)) {
            continue;
        }
        const struct share v = share_of(chances, c);
        for (uint32_t m = first; m < end; m++) {
            const size_t group = g->ids ? g->ids[m] : m;
            add_share(out, group * out->n_points + at, &v);
        }
    }
}

/* Points 0, stride, 2 * stride, ... become the columns. */
static bool accumulate(const struct series *s, enum series_plane plane,
                       const struct series_grouping *g, size_t n_columns,
                       size_t stride, struct series_matrix *out,
                       struct err *err)
{
    const struct plane *pl = &s->planes[plane];
    struct chances chances = {.period_bytes = -1};
    if (!matrix_init(out, g->n_groups, n_columns, err)) {
        return false;
    }
    if (plane == PLANE_HEAP) {
        chances.of_row =
            malloc(((size_t)series_n_rows(s) + 1) * sizeof *chances.of_row);
        if (!chances.of_row) {
            series_matrix_release(out);
            return err_nomem(err, "summing over stacks");
        }
    }
    for (size_t i = 0; i < n_columns; i++) {
        const struct point *pt = &s->all.items[pl->at.items[i * stride]];
        if (chances.of_row &&
            (i == 0 || pt->period_bytes != chances.period_bytes)) {
            find_chances(s, &chances, pt->period_bytes);
        }
        add_column(pt, &chances, g, i, out);
    }
    free(chances.of_row);
    return true;
}

bool series_accumulate(const struct series *s, enum series_plane plane,
                       const struct series_grouping *g,
                       struct series_matrix *out, struct err *err)
{
    return accumulate(s, plane, g, s->planes[plane].at.n, 1, out, err);
}

bool series_accumulate_ends(const struct series *s, enum series_plane plane,
                            const struct series_grouping *g,
                            struct series_matrix *out, struct err *err)
{
    const size_t n = s->planes[plane].at.n;
    return accumulate(s, plane, g, n < 2 ? n : 2, n < 2 ? 1 : n - 1, out, err);
}
