/*
 * A point as bytes: what a store keeps of a snapshot. Rows are ids, told as
 * differences; of the bytes of a cell only what its number of objects does not
 * say already is kept: blocks of a row have one size, nearly.
 */
#include "base/limits.h"
#include "base/num.h"
#include "series/points_private.h"
#include "series/varint_private.h"

enum { POINT_VERSION = 1 };

enum point_flag {
    POINT_IS_DELTA = 1,
    POINT_IS_TRUNCATED = 2,
    POINT_HAS_MEMSTATS = 4,
    POINT_HAS_GOROUTINES = 8,
    POINT_IS_COLLECTED = 16
};

/* Which numbers of a cell are not zero. */
enum cell_flag { CELL_IN_USE = 1, CELL_IN_USE_BYTES = 2, CELL_ALLOC = 4 };

enum goroutine_flag { GOROUTINE_IS_LEAKED = 1, GOROUTINE_HAS_CREATOR = 2 };

static bool nomem(struct err *err)
{
    return err_nomem(err, "reading a stored snapshot");
}

static bool bad(struct err *err, const char *why)
{
    return err_set(err, ERR_FORMAT, "a stored snapshot: %s", why);
}

/* --- cells --- */

/* Bytes of one object, rounded: 0 where nothing was allocated. */
static uint64_t object_bytes(int64_t objects, int64_t bytes)
{
    return objects > 0 && bytes > 0
               ? ((uint64_t)bytes + (uint64_t)objects / 2) / (uint64_t)objects
               : 0;
}

static void put_cell(struct buf *out, const struct series_cell *c,
                     uint64_t step)
{
    const bool has_alloc = c->alloc_objects != 0 || c->alloc_bytes != 0;
    const uint64_t each = object_bytes(c->alloc_objects, c->alloc_bytes);
    const uint64_t flags =
        (c->in_use != 0 ? (unsigned)CELL_IN_USE : 0) |
        (c->in_use_bytes != 0 ? (unsigned)CELL_IN_USE_BYTES : 0) |
        (has_alloc ? (unsigned)CELL_ALLOC : 0);
    varint_put(out, varint_fold(step) << 3 | flags);
    if (has_alloc) {
        varint_put_signed(out, c->alloc_objects);
        varint_put(out, each);
        varint_put(out, varint_fold((uint64_t)c->alloc_bytes -
                                    (uint64_t)c->alloc_objects * each));
    }
    if (c->in_use != 0) {
        varint_put_signed(out, c->in_use);
    }
    if (c->in_use_bytes != 0) {
        varint_put(out, varint_fold((uint64_t)c->in_use_bytes -
                                    (uint64_t)c->in_use * each));
    }
}

/* Fills all but the row; returns the step of the row's id. */
static uint64_t get_cell(struct reader *r, struct series_cell *c)
{
    const uint64_t head = varint_get(r);
    uint64_t each = 0;
    if (head & CELL_ALLOC) {
        c->alloc_objects = varint_get_signed(r);
        each = varint_get(r);
        c->alloc_bytes = (int64_t)((uint64_t)c->alloc_objects * each +
                                   varint_unfold(varint_get(r)));
    }
    if (head & CELL_IN_USE) {
        c->in_use = varint_get_signed(r);
    }
    if (head & CELL_IN_USE_BYTES) {
        c->in_use_bytes = (int64_t)((uint64_t)c->in_use * each +
                                    varint_unfold(varint_get(r)));
    }
    return varint_unfold(head >> 3);
}

static void put_cells(const struct series_point *p, const uint32_t *ids,
                      struct buf *out)
{
    uint64_t before = 0;
    varint_put(out, p->cells.n);
    for (size_t i = 0; i < p->cells.n; i++) {
        const struct series_cell *c = &p->cells.items[i];
        const uint64_t id = ids ? ids[c->row] : c->row;
        put_cell(out, c, id - before);
        before = id;
    }
}

static bool row_of_id(const struct stack_table *t,
                      const struct series_row_source *rows, uint64_t id,
                      uint32_t *row, struct err *err)
{
    if (rows) {
        if (!rows->row(rows->ctx, id, row, err)) {
            return false;
        }
    } else {
        *row = id < t->rows.n ? (uint32_t)id : STACK_NONE;
    }
    return *row < t->rows.n || bad(err, "a stack that is not there");
}

/* A table keeps fewer sets of labels than a store may know: what has no room
   is counted on the stack without labels, as when it was taken. */
static void fold_cells(struct series_cells_vec *cells)
{
    size_t n = 0;
    for (size_t i = 0; i < cells->n; i++) {
        const struct series_cell c = cells->items[i];
        struct series_cell *last = n > 0 ? &cells->items[n - 1] : NULL;
        if (!last || last->row != c.row) {
            cells->items[n++] = c;
            continue;
        }
        last->alloc_objects = add_sat_i64(last->alloc_objects, c.alloc_objects);
        last->alloc_bytes = add_sat_i64(last->alloc_bytes, c.alloc_bytes);
        last->in_use = add_sat_i64(last->in_use, c.in_use);
        last->in_use_bytes = add_sat_i64(last->in_use_bytes, c.in_use_bytes);
    }
    cells->n = n;
}

static bool has_row_twice(const struct series_cells_vec *cells)
{
    for (size_t i = 1; i < cells->n; i++) {
        if (cells->items[i - 1].row == cells->items[i].row) {
            return true;
        }
    }
    return false;
}

static bool get_cells(const struct stack_table *t,
                      const struct series_row_source *rows, struct reader *r,
                      struct series_point *p, struct err *err)
{
    const uint64_t n = varint_get(r);
    if (n > reader_left(r)) {
        return bad(err, "too many cells");
    }
    if (!series_cells_vec_reserve(&p->cells, (size_t)n)) {
        return nomem(err);
    }
    uint64_t id = 0;
    for (uint64_t i = 0; i < n && reader_ok(r); i++) {
        struct series_cell c = {0};
        id += get_cell(r, &c);
        if (reader_ok(r) && !row_of_id(t, rows, id, &c.row, err)) {
            return false;
        }
        p->cells.items[p->cells.n++] = c;
    }
    if (!reader_ok(r)) {
        return bad(err, r->failed);
    }
    if (!series_cells_sort(&p->cells, err)) {
        return false;
    }
    if (rows) {
        fold_cells(&p->cells);
    }
    return !has_row_twice(&p->cells) || bad(err, "a stack twice");
}

/* --- goroutines --- */

/* Status and creator repeat from one goroutine to the next: a text is told
   once, then by its number. */
struct told {
    struct intern texts;
    struct vec_u32 ids; /* reading: number -> id in the table's names */
};

static bool put_told(struct buf *out, struct told *t, const char *text,
                     struct err *err)
{
    const size_t n = intern_count(&t->texts);
    uint32_t id = 0;
    if (!intern_add(&t->texts, span_of(text), &id, err)) {
        return false;
    }
    varint_put(out, id);
    if (id == n) {
        varint_put_text(out, span_of(text));
    }
    return true;
}

static bool get_told(struct stack_table *t, struct reader *r, struct told *told,
                     const char **text, struct err *err)
{
    const uint64_t number = varint_get(r);
    if (number > told->ids.n || !reader_ok(r)) {
        return bad(err, "a text that is not there");
    }
    if (number == told->ids.n) {
        const struct span s = varint_get_text(r);
        uint32_t id = 0;
        if (!reader_ok(r)) {
            return bad(err, r->failed);
        }
        if (!stacks_text(t, s, &id, err)) {
            return false;
        }
        if (!vec_u32_push(&told->ids, id)) {
            return nomem(err);
        }
    }
    *text = intern_text(&t->names, told->ids.items[number]);
    return true;
}

static bool put_goroutines(const struct series_point *p, const uint32_t *ids,
                           struct buf *out, struct err *err)
{
    struct told told = {.ids = {0}};
    uint64_t before = 0;
    bool ok = true;
    varint_put(out, p->goroutines.n);
    for (size_t i = 0; ok && i < p->goroutines.n; i++) {
        const struct series_goroutine *g = &p->goroutines.items[i];
        varint_put(out, varint_fold(g->id - before));
        before = g->id;
        varint_put(out, ids ? ids[g->row] : g->row);
        varint_put(out,
                   (g->is_leaked ? (unsigned)GOROUTINE_IS_LEAKED : 0) |
                       (g->has_creator ? (unsigned)GOROUTINE_HAS_CREATOR : 0));
        varint_put_signed(out, g->wait_minutes);
        varint_put(out, g->creator_id);
        ok = put_told(out, &told, g->status, err);
        if (ok && g->has_creator) {
            varint_put_signed(out, g->creator.line);
            ok = put_told(out, &told, g->creator.function, err) &&
                 put_told(out, &told, g->creator.file, err);
        }
    }
    intern_release(&told.texts);
    return ok;
}

static bool get_goroutine(struct stack_table *t,
                          const struct series_row_source *rows,
                          struct reader *r, struct told *told,
                          struct series_goroutine *g, struct err *err)
{
    g->id += varint_unfold(varint_get(r)); /* holds the one before */
    const uint64_t row = varint_get(r);
    const uint64_t flags = varint_get(r);
    g->wait_minutes = varint_get_signed(r);
    g->creator_id = varint_get(r);
    g->is_leaked = (flags & GOROUTINE_IS_LEAKED) != 0;
    g->has_creator = (flags & GOROUTINE_HAS_CREATOR) != 0;
    g->creator = (struct series_frame){0};
    if (!reader_ok(r)) {
        return bad(err, r->failed);
    }
    if (!row_of_id(t, rows, row, &g->row, err) ||
        !get_told(t, r, told, &g->status, err)) {
        return false;
    }
    if (!g->has_creator) {
        return true;
    }
    g->creator.func = STACK_NONE;
    g->creator.line = varint_get_signed(r);
    return get_told(t, r, told, &g->creator.function, err) &&
           get_told(t, r, told, &g->creator.file, err);
}

static bool get_goroutines(struct stack_table *t,
                           const struct series_row_source *rows,
                           struct reader *r, struct series_point *p,
                           struct err *err)
{
    struct told told = {.ids = {0}};
    struct series_goroutine g = {.id = 0};
    const uint64_t n = varint_get(r);
    bool ok = n <= reader_left(r) || bad(err, "too many goroutines");
    for (uint64_t i = 0; ok && i < n; i++) {
        ok = get_goroutine(t, rows, r, &told, &g, err) &&
             (series_goroutines_push(&p->goroutines, g) || nomem(err));
    }
    vec_u32_release(&told.ids);
    return ok;
}

/* --- points --- */

static void put_memstats(const struct memstats *m, struct buf *out)
{
    varint_put(out, m->has);
    for (unsigned i = 0; i < MEMSTATS_N; i++) {
        if (m->has >> i & 1) {
            varint_put(out, m->v[i]);
        }
    }
}

static void get_memstats(struct reader *r, struct memstats *m)
{
    m->present = true;
    m->has = (uint32_t)varint_get(r) & ((1u << MEMSTATS_N) - 1);
    for (unsigned i = 0; i < MEMSTATS_N; i++) {
        m->v[i] = m->has >> i & 1 ? varint_get(r) : 0;
    }
}

bool series_point_encode(const struct series_point *p, const uint32_t *ids,
                         struct buf *out, struct err *err)
{
    varint_put(out, POINT_VERSION);
    varint_put(out, p->kind);
    varint_put(out, p->form);
    varint_put(out,
               (p->is_delta ? (unsigned)POINT_IS_DELTA : 0) |
                   (p->is_truncated ? (unsigned)POINT_IS_TRUNCATED : 0) |
                   (p->is_collected ? (unsigned)POINT_IS_COLLECTED : 0) |
                   (p->memstats.present ? (unsigned)POINT_HAS_MEMSTATS : 0) |
                   (p->goroutines.n > 0 ? (unsigned)POINT_HAS_GOROUTINES : 0));
    varint_put_signed(out, p->time_nanos);
    varint_put_signed(out, p->period_bytes);
    varint_put_text(out, span_of(p->program));
    varint_put_text(out, span_of(p->build_id));
    if (p->memstats.present) {
        put_memstats(&p->memstats, out);
    }
    put_cells(p, ids, out);
    return (p->goroutines.n == 0 || put_goroutines(p, ids, out, err)) &&
           buf_check(out, "a snapshot", err);
}

static bool get_text(struct stack_table *t, struct reader *r, const char **out,
                     struct err *err)
{
    const struct span text = varint_get_text(r);
    uint32_t id = 0;
    if (!reader_ok(r)) {
        return bad(err, r->failed);
    }
    if (!stacks_text(t, text, &id, err)) {
        return false;
    }
    *out = intern_text(&t->names, id);
    return true;
}

/* Everything but cells and goroutines. */
static bool get_head(struct stack_table *t, struct reader *r,
                     struct series_point *p, bool *has_goroutines,
                     struct err *err)
{
    if (varint_get(r) != POINT_VERSION) {
        return bad(err, "of another version");
    }
    const uint64_t kind = varint_get(r);
    const uint64_t form = varint_get(r);
    const uint64_t flags = varint_get(r);
    if (kind >= N_PROFILE_KINDS || form > FORM_OTHER) {
        return bad(err, "of another kind");
    }
    p->kind = (enum profile_kind)kind;
    p->form = (enum snapshot_form)form;
    p->is_delta = (flags & POINT_IS_DELTA) != 0;
    p->is_truncated = (flags & POINT_IS_TRUNCATED) != 0;
    p->is_collected = (flags & POINT_IS_COLLECTED) != 0;
    *has_goroutines = (flags & POINT_HAS_GOROUTINES) != 0;
    p->time_nanos = varint_get_signed(r);
    p->period_bytes = varint_get_signed(r);
    if (!get_text(t, r, &p->program, err) ||
        !get_text(t, r, &p->build_id, err)) {
        return false;
    }
    if (flags & POINT_HAS_MEMSTATS) {
        get_memstats(r, &p->memstats);
    }
    return true;
}

bool series_point_decode(struct stack_table *t, struct span bytes,
                         const struct series_row_source *rows,
                         struct series_point *out, struct err *err)
{
    struct reader r = reader_of(bytes.p, bytes.len);
    bool has_goroutines = false;
    *out = (struct series_point){.program = "", .build_id = ""};
    bool ok = get_head(t, &r, out, &has_goroutines, err) &&
              get_cells(t, rows, &r, out, err) &&
              (!has_goroutines || get_goroutines(t, rows, &r, out, err));
    if (ok && (!reader_ok(&r) || reader_left(&r) > 0)) {
        ok = bad(err, r.failed ? r.failed : "something follows");
    }
    if (!ok) {
        series_point_release(out);
    }
    return ok;
}
