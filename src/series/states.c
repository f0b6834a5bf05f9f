/*
 * Distinct published states of the heap. A plain heap profile shows the last
 * finished GC cycle and repeats it until the next one: a repeated state is no
 * new point, unless a collection was asked for with it. Before the first GC Go
 * counts everything as in use: a state without any free that is followed by
 * states with frees is no level either, unless it was collected as well.
 */
#include "base/num.h"
#include "series/points_private.h"
#include "series/states_private.h"

#include <string.h>

/* Frees seen, in sampled or scaled objects: enough that a state without any
   must be older than the first GC. */
enum { FREES_FEW = 5 };

static bool same_cell(const struct series_cell *a, const struct series_cell *b)
{
    return a->row == b->row && a->alloc_objects == b->alloc_objects &&
           a->in_use == b->in_use && a->in_use_bytes == b->in_use_bytes;
}

static bool is_profiler(const struct stack_table *t, const uint32_t *table_row,
                        uint32_t row)
{
    return t->rows.items[table_row ? table_row[row] : row].is_profiler;
}

/* The profiler's own allocations move at every fetch, even when nothing was
   collected: they do not count. */
bool cells_same_state(const struct series_cells_vec *a,
                      const struct series_cells_vec *b,
                      const struct stack_table *t, const uint32_t *table_row)
{
    size_t i = 0;
    size_t k = 0;
    for (;;) {
        while (i < a->n && is_profiler(t, table_row, a->items[i].row)) {
            i++;
        }
        while (k < b->n && is_profiler(t, table_row, b->items[k].row)) {
            k++;
        }
        if (i == a->n || k == b->n) {
            return i == a->n && k == b->n;
        }
        if (!same_cell(&a->items[i], &b->items[k])) {
            return false;
        }
        i++;
        k++;
    }
}

bool memstats_collected_between(const struct memstats *a,
                                const struct memstats *b)
{
    return a->present && b->present &&
           a->v[MEMSTATS_NumGC] != b->v[MEMSTATS_NumGC];
}

static double frees(const struct point *pt)
{
    double n = 0;
    for (size_t i = 0; i < pt->cells.n; i++) {
        n += (double)sub_sat_i64(pt->cells.items[i].alloc_objects,
                                 pt->cells.items[i].in_use);
    }
    return n;
}

static void drop_repeats(struct series *s)
{
    const uint32_t *table_row = s->locals.is_on ? s->locals.rows.items : NULL;
    struct vec_u32 *at = &s->planes[PLANE_HEAP].at;
    size_t kept = 0;
    for (size_t i = 0; i < at->n; i++) {
        const struct point *pt = &s->all.items[at->items[i]];
        const struct point *before =
            kept > 0 ? &s->all.items[at->items[kept - 1]] : NULL;
        if (before && !pt->is_collected &&
            cells_same_state(&before->cells, &pt->cells, s->table, table_row) &&
            !memstats_collected_between(&before->memstats, &pt->memstats)) {
            point_unused(s, at->items[i],
                         "no GC since the snapshot before: the same state");
            s->about.n_dropped++;
            s->about.n_stale++;
        } else {
            at->items[kept++] = at->items[i];
        }
    }
    at->n = kept;
}

/* The same profile twice, by its own time: copies are no new points. */
static void drop_copies(struct series *s, struct plane *pl)
{
    size_t kept = 0;
    for (size_t i = 0; i < pl->at.n; i++) {
        const uint32_t id = pl->at.items[i];
        const int64_t t = s->all.items[id].own_nanos;
        if (kept > 0 && t != 0 &&
            t == s->all.items[pl->at.items[kept - 1]].own_nanos) {
            point_unused(s, id, "the same profile again");
            s->about.n_dropped++;
        } else {
            pl->at.items[kept++] = id;
        }
    }
    pl->at.n = kept;
}

static void drop_before_gc(struct series *s)
{
    struct vec_u32 *at = &s->planes[PLANE_HEAP].at;
    if (at->n == 0 || frees(&s->all.items[at->items[at->n - 1]]) < FREES_FEW) {
        return;
    }
    size_t begin = 0;
    while (begin < at->n && s->all.items[at->items[begin]].cells.n > 0 &&
           !s->all.items[at->items[begin]].is_collected &&
           frees(&s->all.items[at->items[begin]]) <= 0) {
        point_unused(s, at->items[begin],
                     "before the first GC: everything counts as in use");
        s->about.n_dropped++;
        begin++;
    }
    memmove(at->items, at->items + begin, (at->n - begin) * sizeof *at->items);
    at->n -= begin;
}

void series_distinct_states(struct series *s)
{
    drop_copies(s, &s->planes[PLANE_HEAP]);
    drop_copies(s, &s->planes[PLANE_GOROUTINE]);
    drop_repeats(s);
    drop_before_gc(s);
}
