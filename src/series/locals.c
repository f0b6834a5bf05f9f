/* The stacks of a series as numbers of its own; see points_private.h. */
#include "series/points_private.h"

#include <assert.h>
#include <string.h>

static bool nomem(struct err *err)
{
    return err_nomem(err, "numbering stacks");
}

void series_locals_release(struct series_locals *l)
{
    vec_u32_release(&l->rows);
    vec_u32_release(&l->funcs);
    free(l->func_of);
    *l = (struct series_locals){0};
}

/* A set of ids below n, read back in rising order. */
struct bits {
    uint64_t *words;
    size_t n_words;
};

static bool bits_init(struct bits *b, size_t n)
{
    b->n_words = n / 64 + 1;
    b->words = calloc(b->n_words, sizeof *b->words);
    return b->words != NULL;
}

/* Was it not there before? */
static inline bool bits_add(struct bits *b, uint32_t id)
{
    const uint64_t bit = UINT64_C(1) << (id % 64);
    const bool is_new = (b->words[id / 64] & bit) == 0;
    b->words[id / 64] |= bit;
    return is_new;
}

static void mark_rows(const struct series *s, struct bits *b)
{
    for (size_t i = 0; i < s->all.n; i++) {
        const struct point *pt = &s->all.items[i];
        for (size_t k = 0; k < pt->cells.n; k++) {
            bits_add(b, pt->cells.items[k].row);
        }
        for (size_t k = 0; k < pt->goroutines.n; k++) {
            bits_add(b, pt->goroutines.items[k].row);
        }
    }
}

/* Rising, so that cells sorted by the table's rows stay sorted. */
static bool number_rows(struct series *s, struct err *err)
{
    struct bits b;
    if (!bits_init(&b, s->table->rows.n)) {
        return nomem(err);
    }
    mark_rows(s, &b);
    bool ok = stacks_slots_reach(s->table, err);
    for (size_t w = 0; ok && w < b.n_words; w++) {
        uint32_t row = (uint32_t)w * 64;
        for (uint64_t left = b.words[w]; ok && left != 0; left >>= 1, row++) {
            if (left & 1) {
                s->table->slot_of_row.items[row] = (uint32_t)s->locals.rows.n;
                ok = vec_u32_push(&s->locals.rows, row) || nomem(err);
            }
        }
    }
    free(b.words);
    return ok;
}

static void renumber_points(struct series *s)
{
    const uint32_t *own = s->table->slot_of_row.items;
    for (size_t i = 0; i < s->all.n; i++) {
        struct point *pt = &s->all.items[i];
        for (size_t k = 0; k < pt->cells.n; k++) {
            pt->cells.items[k].row = own[pt->cells.items[k].row];
        }
        for (size_t k = 0; k < pt->goroutines.n; k++) {
            pt->goroutines.items[k].row = own[pt->goroutines.items[k].row];
        }
    }
}

static bool number_func(struct series_locals *l, uint32_t func, struct err *err)
{
    if (l->func_of[func] != 0) {
        return true;
    }
    l->func_of[func] = (uint32_t)l->funcs.n + 1;
    return vec_u32_push(&l->funcs, func) || nomem(err);
}

/* In order of sight: rows, then frames; every location once. */
static bool number_funcs(struct series *s, struct err *err)
{
    const struct stack_table *t = s->table;
    struct series_locals *l = &s->locals;
    struct bits seen;
    l->n_func_of = intern_count(&t->funcs);
    l->func_of = calloc(l->n_func_of + 1, sizeof *l->func_of);
    if (!l->func_of || !bits_init(&seen, t->locs.n)) {
        return nomem(err);
    }
    bool ok = true;
    for (size_t i = 0; ok && i < l->rows.n; i++) {
        const struct stack_row *r = &t->rows.items[l->rows.items[i]];
        for (uint32_t k = 0; ok && k < r->n_locs; k++) {
            const uint32_t loc = t->keys.items[r->key + k];
            const struct stack_loc at = t->locs.items[loc];
            for (uint32_t f = bits_add(&seen, loc) ? 0 : at.n; ok && f < at.n;
                 f++) {
                ok = number_func(l, t->frames.items[at.first + f].func, err);
            }
        }
    }
    free(seen.words);
    return ok;
}

static bool note_folded(struct series *s, struct err *err)
{
    for (size_t i = 0; i < s->locals.rows.n; i++) {
        if (s->table->rows.items[s->locals.rows.items[i]].is_folded) {
            return series_add_note(
                s,
                arena_printf(&s->arena,
                             "some stacks came with more than %u different "
                             "labels; those beyond are counted without",
                             s->table->label_sets_max),
                err);
        }
    }
    return true;
}

bool series_localise(struct series *s, struct err *err)
{
    if (s->table == &s->own) {
        return true;
    }
    s->locals.is_on = true;
    if (!number_rows(s, err) || !number_funcs(s, err)) {
        return false;
    }
    renumber_points(s);
    return note_folded(s, err);
}

uint32_t series_table_row(const struct series *s, uint32_t row)
{
    return s->locals.is_on ? s->locals.rows.items[row] : row;
}

const struct stack_table *series_shared_table(const struct series *s)
{
    return s->locals.is_on ? s->table : NULL;
}

uint32_t series_row_id(const struct series *s, uint32_t row)
{
    return series_table_row(s, row);
}

uint32_t series_func_of_id(const struct series *s, uint32_t id)
{
    return s->locals.is_on ? s->locals.func_of[id] - 1 : id;
}

uint32_t series_func_id(const struct series *s, uint32_t func)
{
    return s->locals.is_on ? s->locals.funcs.items[func] : func;
}

static const struct stack_row *row_at(const struct series *s, uint32_t row)
{
    return &s->table->rows.items[series_table_row(s, row)];
}

uint32_t series_n_rows(const struct series *s)
{
    return (uint32_t)(s->locals.is_on ? s->locals.rows.n : s->table->rows.n);
}

uint32_t series_n_funcs(const struct series *s)
{
    return (uint32_t)(s->locals.is_on ? s->locals.funcs.n
                                      : intern_count(&s->table->funcs));
}

const char *series_func_name(const struct series *s, uint32_t func)
{
    return intern_text(&s->table->funcs, series_func_id(s, func));
}

bool series_row_frames(const struct series *s, uint32_t row,
                       struct series_frames *out, struct err *err)
{
    const struct stack_table *t = s->table;
    const struct stack_row *r = row_at(s, row);
    for (uint32_t i = 0; i < r->n_locs; i++) {
        const struct stack_loc l = t->locs.items[t->keys.items[r->key + i]];
        for (uint32_t k = 0; k < l.n; k++) {
            const struct stack_frame *f = &t->frames.items[l.first + k];
            const struct series_frame frame = {
                series_func_of_id(s, f->func), intern_text(&t->names, f->name),
                intern_text(&t->names, f->file), f->line};
            if (!series_frames_push(out, frame)) {
                return err_nomem(err, "reading a stack");
            }
        }
    }
    return true;
}

int64_t series_row_block_bytes(const struct series *s, uint32_t row)
{
    return row_at(s, row)->block_bytes;
}

bool series_row_label(const struct series *s, uint32_t row, uint32_t i,
                      const char **key, const char **value)
{
    const struct stack_table *t = s->table;
    const struct stack_row *r = row_at(s, row);
    if (i >= r->n_labels) {
        return false;
    }
    const uint32_t at = r->key + r->n_locs + 2 * i;
    *key = intern_text(&t->names, t->keys.items[at]);
    *value = intern_text(&t->names, t->keys.items[at + 1]);
    return true;
}
