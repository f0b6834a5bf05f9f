/*
 * A snapshot as what is kept of it: (row, values) cells over a table, and a
 * few facts. The one way from snapshot to point.
 */
#include "base/num.h"
#include "series/points_private.h"

#include <string.h>

static bool nomem(struct err *err)
{
    return err_nomem(err, "keeping a snapshot");
}

/* --- cells --- */

/* The cell of `row` in the point being filled, whose values are all zero when
   it is new; rows seen twice share one. */
static struct series_cell *cell_of(struct stack_table *t,
                                   struct series_point *pt, uint32_t row,
                                   bool *is_new)
{
    struct series_cells_vec *cells = &pt->cells;
    const uint32_t slot = t->slot_of_row.items[row];
    *is_new = slot >= cells->n || cells->items[slot].row != row;
    if (!*is_new) {
        return &cells->items[slot];
    }
    t->slot_of_row.items[row] = (uint32_t)cells->n;
    if (!series_cells_vec_push(cells, (struct series_cell){.row = row})) {
        return NULL;
    }
    return &cells->items[cells->n - 1];
}

/* Row and place of a cell in one number: what is sorted. */
static inline uint64_t key_of(const struct series_cell *c, size_t place)
{
    return (uint64_t)c->row << 32 | place;
}

/* Where the run of rising keys that begins at `i` ends. */
static size_t run_end(const uint64_t *key, size_t i, size_t n)
{
    for (i++; i < n && key[i - 1] < key[i]; i++) {
    }
    return i;
}

/* Merges [0, middle) and [middle, n) of `from` into `to`. */
static void merge_runs(const uint64_t *from, size_t middle, size_t n,
                       uint64_t *to)
{
    size_t a = 0;
    size_t b = middle;
    for (size_t i = 0; i < n; i++) {
        const bool left = a < middle && (b == n || from[a] < from[b]);
        to[i] = from[left ? a++ : b++];
    }
}

/* Pairs of runs of `from` become runs of `to`; returns how many are left. */
static size_t merge_pass(const uint64_t *from, size_t n, uint64_t *to)
{
    size_t runs = 0;
    for (size_t i = 0; i < n; runs++) {
        const size_t middle = run_end(from, i, n);
        const size_t end = middle < n ? run_end(from, middle, n) : n;
        merge_runs(from + i, middle - i, end - i, to + i);
        i = end;
    }
    return runs;
}

static bool is_sorted(const struct series_cells_vec *cells)
{
    for (size_t i = 1; i < cells->n; i++) {
        if (cells->items[i - 1].row > cells->items[i].row) {
            return false;
        }
    }
    return true;
}

/* Merges the runs of rising rows, of which there are few: new stacks come
   first in a profile, and the others are in the order of the one before. */
bool series_cells_sort(struct series_cells_vec *cells, struct err *err)
{
    const size_t n = cells->n;
    if (is_sorted(cells)) {
        return true;
    }
    struct series_cells_vec sorted = {0};
    uint64_t *keys = malloc(2 * n * sizeof *keys);
    if (!keys || n > UINT32_MAX || !series_cells_vec_reserve(&sorted, n)) {
        free(keys);
        return nomem(err);
    }
    uint64_t *from = keys;
    uint64_t *to = keys + n;
    for (size_t i = 0; i < n; i++) {
        from[i] = key_of(&cells->items[i], i);
    }
    size_t runs = 0;
    do {
        runs = merge_pass(from, n, to);
        uint64_t *swap = from;
        from = to;
        to = swap;
    } while (runs > 1);
    for (size_t i = 0; i < n; i++) {
        sorted.items[i] = cells->items[from[i] & UINT32_MAX];
    }
    sorted.n = n;
    free(keys);
    series_cells_vec_release(cells);
    *cells = sorted;
    return true;
}

/* --- profiles --- */

struct columns {
    int alloc_objects, alloc_bytes, in_use, in_use_bytes;
};

static int64_t value_at(const struct profile *p, uint32_t sample, int column)
{
    if (column < 0) {
        return 0;
    }
    return p->values[(size_t)sample * p->n_types + (size_t)column];
}

static struct columns columns_of(const struct profile *p,
                                 enum profile_kind kind)
{
    if (kind == KIND_HEAP || kind == KIND_ALLOCS) {
        return (struct columns){profile_type_index(p, "alloc_objects"),
                                profile_type_index(p, "alloc_space"),
                                profile_type_index(p, "inuse_objects"),
                                profile_type_index(p, "inuse_space")};
    }
    return (struct columns){-1, -1, 0, -1};
}

static bool add_sample(struct stack_table *t, struct series_point *pt,
                       const struct profile *p, const struct columns *c,
                       uint32_t row, uint32_t i, struct err *err)
{
    bool is_new = false;
    struct series_cell *cell =
        stacks_slots_reach(t, err) ? cell_of(t, pt, row, &is_new) : NULL;
    if (!cell) {
        return nomem(err);
    }
    const struct series_cell v = {
        row, value_at(p, i, c->alloc_objects), value_at(p, i, c->alloc_bytes),
        value_at(p, i, c->in_use), value_at(p, i, c->in_use_bytes)};
    if (is_new) {
        *cell = v;
        return true;
    }
    cell->alloc_objects = add_sat_i64(cell->alloc_objects, v.alloc_objects);
    cell->alloc_bytes = add_sat_i64(cell->alloc_bytes, v.alloc_bytes);
    cell->in_use = add_sat_i64(cell->in_use, v.in_use);
    cell->in_use_bytes = add_sat_i64(cell->in_use_bytes, v.in_use_bytes);
    return true;
}

static bool add_samples(struct stack_table *t, struct series_point *pt,
                        const struct profile *p, struct err *err)
{
    const struct columns c = columns_of(p, pt->kind);
    struct stacks_map map;
    bool ok =
        stacks_map_init(&map, t, p, err) &&
        (series_cells_vec_reserve(&pt->cells, p->n_samples) || nomem(err));
    for (uint32_t i = 0; ok && i < p->n_samples; i++) {
        if (value_at(p, i, c.in_use) == 0 &&
            value_at(p, i, c.alloc_objects) == 0) {
            continue; /* new records of all zeros appear in every profile */
        }
        uint32_t row = 0;
        ok = stacks_row(t, &map, p, i, &row, err) &&
             add_sample(t, pt, p, &c, row, i, err);
    }
    stacks_map_release(&map);
    return ok;
}

static bool keep_text(struct stack_table *t, struct span text, const char **out,
                      struct err *err)
{
    uint32_t id = 0;
    if (!stacks_text(t, text, &id, err)) {
        return false;
    }
    *out = intern_text(&t->names, id);
    return true;
}

static bool says_collected(const struct profile *p)
{
    for (uint32_t i = 0; i < p->n_comments; i++) {
        if (span_is(profile_span(p, p->comments[i]), POINT_COLLECTED_COMMENT)) {
            return true;
        }
    }
    return false;
}

static bool describe_profile(struct stack_table *t, struct series_point *pt,
                             const struct profile *p, struct err *err)
{
    struct span program = {0};
    struct span build_id = {0};
    for (uint32_t i = 0; i < p->n_mappings && program.len == 0; i++) {
        program = profile_span(p, p->mappings[i].file);
        build_id = profile_span(p, p->mappings[i].build_id);
    }
    pt->period_bytes = p->period;
    pt->is_delta = pt->kind != KIND_CPU && p->duration_nanos > 0;
    pt->is_collected = pt->is_collected || says_collected(p);
    pt->memstats = p->memstats;
    return keep_text(t, program, &pt->program, err) &&
           keep_text(t, build_id, &pt->build_id, err);
}

/* --- dumps --- */

static bool add_creator(struct stack_table *t, const struct goroutine_dump *d,
                        const struct dump_goroutine *g,
                        struct series_goroutine *out, struct err *err)
{
    out->has_creator = true;
    out->creator =
        (struct series_frame){.func = STACK_NONE, .line = g->creator.line};
    return keep_text(t, span_of(dump_text(d, g->creator.function)),
                     &out->creator.function, err) &&
           keep_text(t, span_of(dump_text(d, g->creator.file)),
                     &out->creator.file, err);
}

static bool add_goroutine(struct stack_table *t, struct series_point *pt,
                          const struct goroutine_dump *d,
                          const struct dump_goroutine *g, struct err *err)
{
    struct series_goroutine out = {.id = g->id,
                                   .wait_minutes = g->wait_minutes,
                                   .is_leaked = g->is_leaked,
                                   .creator_id = g->creator_id};
    return stacks_dump_row(t, d, g, &out.row, err) &&
           keep_text(t, span_of(dump_text(d, g->status)), &out.status, err) &&
           (!g->has_creator || add_creator(t, d, g, &out, err)) &&
           (series_goroutines_push(&pt->goroutines, out) || nomem(err));
}

/* A dump counts its goroutines too: where no profile does, it is a point. */
static bool add_dump(struct stack_table *t, struct series_point *pt,
                     const struct goroutine_dump *d, struct err *err)
{
    pt->is_truncated = d->is_truncated;
    for (size_t i = 0; i < d->goroutines.n; i++) {
        if (!add_goroutine(t, pt, d, &d->goroutines.items[i], err)) {
            return false;
        }
        const uint32_t row = pt->goroutines.items[i].row;
        bool is_new = false;
        struct series_cell *cell =
            stacks_slots_reach(t, err) ? cell_of(t, pt, row, &is_new) : NULL;
        if (!cell) {
            return nomem(err);
        }
        cell->in_use++;
    }
    return true;
}

/* --- points --- */

bool series_takes_part(enum profile_kind kind)
{
    return kind == KIND_HEAP || kind == KIND_ALLOCS || kind == KIND_GOROUTINE ||
           kind == KIND_GOROUTINELEAK;
}

bool series_point_of(struct stack_table *t, const struct snapshot *snap,
                     struct series_point *out, struct err *err)
{
    struct series_point pt = {.kind = snap->kind,
                              .form = snap->form,
                              .time_nanos = snap->time_nanos,
                              .is_collected = snap->is_collected,
                              .program = "",
                              .build_id = ""};
    bool ok = true;
    if (snap->profile) {
        ok = describe_profile(t, &pt, snap->profile, err) &&
             (!series_takes_part(pt.kind) ||
              add_samples(t, &pt, snap->profile, err));
    } else if (snap->dump) {
        ok = add_dump(t, &pt, snap->dump, err);
    }
    ok = ok && series_cells_sort(&pt.cells, err);
    if (!ok) {
        series_point_release(&pt);
    }
    *out = pt;
    return ok;
}

bool series_point_copy(const struct series_point *p, struct series_point *out,
                       struct err *err)
{
    *out = *p;
    out->cells = (struct series_cells_vec){0};
    out->goroutines = (struct series_goroutines){0};
    if (!series_cells_vec_reserve(&out->cells, p->cells.n) ||
        !series_goroutines_reserve(&out->goroutines, p->goroutines.n)) {
        series_point_release(out);
        return nomem(err);
    }
    if (p->cells.n > 0) {
        memcpy(out->cells.items, p->cells.items,
               p->cells.n * sizeof *p->cells.items);
    }
    if (p->goroutines.n > 0) {
        memcpy(out->goroutines.items, p->goroutines.items,
               p->goroutines.n * sizeof *p->goroutines.items);
    }
    out->cells.n = p->cells.n;
    out->goroutines.n = p->goroutines.n;
    return true;
}

void series_point_release(struct series_point *p)
{
    series_cells_vec_release(&p->cells);
    series_goroutines_release(&p->goroutines);
    *p = (struct series_point){0};
}
