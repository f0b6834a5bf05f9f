/* See stacks_private.h. The full key is compared on every hit: a hash alone
   would merge different stacks sooner or later. */
#include "series/stacks_private.h"

#include "base/buf.h"
#include "base/num.h"
#include "series/series.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

enum { NAME_BYTES_MAX = 1 << 26 };

static bool nomem(struct err *err)
{
    return err_nomem(err, "aligning stacks");
}

/* --- slots: an open-addressing set of ids --- */

static bool slots_grow(struct stack_slots *s, const uint64_t *hash_of)
{
    const size_t n = s->n_slots ? s->n_slots * 2 : 1024;
    uint32_t *ids = calloc(n, sizeof *ids);
    if (!ids) {
        return false;
    }
    for (size_t i = 0; i < s->n_slots; i++) {
        if (s->ids[i] != 0) {
            size_t at = hash_of[s->ids[i] - 1] & (n - 1);
            while (ids[at] != 0) {
                at = (at + 1) & (n - 1);
            }
            ids[at] = s->ids[i];
        }
    }
    free(s->ids);
    s->ids = ids;
    s->n_slots = n;
    return true;
}

/* --- names --- */

/* Id of the printed name, and of its normalised form through name_func. */
static bool intern_function(struct stacks *t, struct span name, uint32_t *id,
                            uint32_t *func, struct err *err)
{
    if (!intern_add(&t->names, name, id, err)) {
        return false;
    }
    while (t->name_func.n <= *id) {
        if (!vec_u32_push(&t->name_func, STACK_NONE)) {
            return nomem(err);
        }
    }
    if (t->name_func.items[*id] == STACK_NONE) {
        struct buf b = BUF_LIMIT(NAME_BYTES_MAX);
        name_normalise(&b, name);
        const bool ok =
            buf_check(&b, "function name", err) &&
            intern_add(&t->funcs, buf_view(&b), &t->name_func.items[*id], err);
        buf_release(&b);
        if (!ok) {
            return false;
        }
    }
    *func = t->name_func.items[*id];
    return true;
}

static uint32_t narrow_line(int64_t line)
{
    return line < 0 ? 0 : line > INT32_MAX ? INT32_MAX : (uint32_t)line;
}

/* --- locations --- */

static bool frames_equal(const struct stack_frame *a,
                         const struct stack_frame *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i].func != b[i].func || a[i].file != b[i].file ||
            a[i].line != b[i].line) {
            return false;
        }
    }
    return true;
}

static uint64_t frames_hash(const struct stack_frame *f, size_t n)
{
    uint64_t h = 0x9e3779b97f4a7c15u + n;
    for (size_t i = 0; i < n; i++) {
        const uint32_t key[3] = {f[i].func, f[i].file, f[i].line};
        h = XXH3_64bits_withSeed(key, sizeof key, h);
    }
    return h;
}

/* The last `n` frames of t->frames are a candidate: keeps them as a new
   location, or drops them for the equal one that exists. */
static bool loc_commit(struct stacks *t, size_t n, uint32_t *loc,
                       struct err *err)
{
    const size_t first = t->frames.n - n;
    const struct stack_frame *f = t->frames.items + first;
    const uint64_t h = frames_hash(f, n);
    if ((t->loc_slots.n_used + 1) * 2 > t->loc_slots.n_slots &&
        !slots_grow(&t->loc_slots, t->loc_hash.items)) {
        return nomem(err);
    }
    size_t at = h & (t->loc_slots.n_slots - 1);
    for (; t->loc_slots.ids[at] != 0;
         at = (at + 1) & (t->loc_slots.n_slots - 1)) {
        const uint32_t id = t->loc_slots.ids[at] - 1;
        const struct stack_loc l = t->locs.items[id];
        if (t->loc_hash.items[id] == h && l.n == n &&
            frames_equal(t->frames.items + l.first, f, n)) {
            t->frames.n = first;
            *loc = id;
            return true;
        }
    }
    *loc = (uint32_t)t->locs.n;
    if (!stack_locs_push(&t->locs,
                         (struct stack_loc){(uint32_t)first, (uint32_t)n}) ||
        !vec_u64_push(&t->loc_hash, h)) {
        return nomem(err);
    }
    t->loc_slots.ids[at] = *loc + 1;
    t->loc_slots.n_used++;
    return true;
}

static bool map_functions(struct stacks_map *m, struct stacks *t,
                          const struct profile *p, struct err *err)
{
    if (!vec_u32_reserve(&m->func_of, p->n_functions) ||
        !vec_u32_reserve(&m->name_of, p->n_functions) ||
        !vec_u32_reserve(&m->file_of, p->n_functions)) {
        return nomem(err);
    }
    for (uint32_t i = 0; i < p->n_functions; i++) {
        const struct profile_function *f = &p->functions[i];
        uint32_t name = 0;
        uint32_t func = 0;
        uint32_t file = 0;
        if (!intern_function(t, profile_span(p, f->name), &name, &func, err) ||
            !intern_add(&t->names, profile_span(p, f->file), &file, err)) {
            return false;
        }
        m->func_of.items[i] = func;
        m->name_of.items[i] = name;
        m->file_of.items[i] = file;
    }
    return true;
}

/* A location without symbols is told apart by its address. */
static bool push_address(struct stacks *t, uint64_t address, struct err *err)
{
    struct buf b = BUF_LIMIT(64);
    buf_printf(&b, "0x%llx", (unsigned long long)address);
    struct stack_frame f = {0};
    bool ok = intern_function(t, buf_view(&b), &f.name, &f.func, err) &&
              intern_add(&t->names, SPAN_LIT(""), &f.file, err);
    buf_release(&b);
    if (ok && !stack_frames_push(&t->frames, f)) {
        ok = nomem(err);
    }
    return ok;
}

static bool map_location(struct stacks_map *m, struct stacks *t,
                         const struct profile *p, uint32_t i, struct err *err)
{
    const struct profile_location *l = &p->locations[i];
    size_t n = 0;
    for (uint32_t k = 0; k < l->n_lines; k++) {
        const struct profile_line *line = &p->lines[l->first_line + k];
        if (line->function == PROFILE_NONE) {
            continue;
        }
        const struct stack_frame f = {
            m->func_of.items[line->function], m->name_of.items[line->function],
            m->file_of.items[line->function], narrow_line(line->line)};
        if (!stack_frames_push(&t->frames, f)) {
            return nomem(err);
        }
        n++;
    }
    if (n == 0) {
        if (!push_address(t, l->address, err)) {
            return false;
        }
        n = 1;
    }
    return loc_commit(t, n, &m->loc_of.items[i], err);
}

bool stacks_map_init(struct stacks_map *m, struct stacks *t,
                     const struct profile *p, struct err *err)
{
    *m = (struct stacks_map){.previous = STACK_NONE};
    if (!map_functions(m, t, p, err)) {
        return false;
    }
    if (!vec_u32_reserve(&m->loc_of, p->n_locations)) {
        return nomem(err);
    }
    for (uint32_t i = 0; i < p->n_locations; i++) {
        if (!map_location(m, t, p, i, err)) {
            return false;
        }
    }
    if (!vec_u32_reserve(&m->string_of, p->n_strings)) {
        return nomem(err);
    }
    for (uint32_t i = 0; i < p->n_strings; i++) {
        m->string_of.items[i] = STACK_NONE;
    }
    return true;
}

void stacks_map_release(struct stacks_map *m)
{
    vec_u32_release(&m->func_of);
    vec_u32_release(&m->name_of);
    vec_u32_release(&m->file_of);
    vec_u32_release(&m->loc_of);
    vec_u32_release(&m->key);
    vec_u32_release(&m->string_of);
}

/* --- rows --- */

struct row_key {
    const uint32_t *words;
    uint32_t n_words, n_locs, n_labels;
    int64_t block_bytes;
};

static bool row_is(const struct stacks *t, uint32_t row,
                   const struct row_key *k)
{
    const struct stack_row *r = &t->rows.items[row];
    return r->n_locs == k->n_locs && r->n_labels == k->n_labels &&
           r->block_bytes == k->block_bytes &&
           memcmp(t->keys.items + r->key, k->words,
                  k->n_words * sizeof *k->words) == 0;
}

static bool row_new(struct stacks *t, const struct row_key *k, uint64_t h,
                    uint32_t *row, struct err *err)
{
    uint32_t at = 0;
    if (!u32_from_u64(&at, t->keys.n) || t->rows.n >= STACK_NONE - 1) {
        return err_set(err, ERR_LIMIT, "too many different stacks");
    }
    if (!vec_u32_reserve(&t->keys, t->keys.n + k->n_words)) {
        return nomem(err);
    }
    if (k->n_words > 0) {
        memcpy(t->keys.items + at, k->words, k->n_words * sizeof *k->words);
    }
    const struct stack_row r = {at, k->n_locs, k->n_labels, k->block_bytes, h};
    *row = (uint32_t)t->rows.n;
    if (!stack_rows_push(&t->rows, r) ||
        !vec_u32_push(&t->successor, STACK_NONE)) {
        return nomem(err);
    }
    t->keys.n += k->n_words;
    return true;
}

static bool row_slots_grow(struct stacks *t)
{
    const size_t n = t->row_slots.n_slots ? t->row_slots.n_slots * 2 : 4096;
    uint32_t *ids = calloc(n, sizeof *ids);
    if (!ids) {
        return false;
    }
    for (uint32_t id = 0; id < t->rows.n; id++) {
        size_t at = t->rows.items[id].hash & (n - 1);
        while (ids[at] != 0) {
            at = (at + 1) & (n - 1);
        }
        ids[at] = id + 1;
    }
    free(t->row_slots.ids);
    t->row_slots = (struct stack_slots){ids, n, t->rows.n};
    return true;
}

static bool row_find_or_add(struct stacks *t, const struct row_key *k,
                            uint32_t *row, struct err *err)
{
    const uint64_t h = XXH3_64bits_withSeed(
        k->words, k->n_words * sizeof *k->words, (uint64_t)k->block_bytes);
    if ((t->row_slots.n_used + 1) * 2 > t->row_slots.n_slots &&
        !row_slots_grow(t)) {
        return nomem(err);
    }
    const size_t mask = t->row_slots.n_slots - 1;
    size_t at = h & mask;
    for (; t->row_slots.ids[at] != 0; at = (at + 1) & mask) {
        const uint32_t id = t->row_slots.ids[at] - 1;
        if (t->rows.items[id].hash == h && row_is(t, id, k)) {
            *row = id;
            return true;
        }
    }
    if (!row_new(t, k, h, row, err)) {
        return false;
    }
    t->row_slots.ids[at] = *row + 1;
    t->row_slots.n_used++;
    return true;
}

static bool label_string(struct stacks *t, struct stacks_map *m,
                         const struct profile *p, str_id s, uint32_t *id,
                         struct err *err)
{
    if (m->string_of.items[s.i] == STACK_NONE &&
        !intern_add(&t->names, profile_span(p, s), &m->string_of.items[s.i],
                    err)) {
        return false;
    }
    *id = m->string_of.items[s.i];
    return true;
}

static bool push_labels(struct stacks *t, struct stacks_map *m,
                        const struct profile *p, uint32_t s, struct row_key *k,
                        struct err *err)
{
    if (!p->label_off) {
        return true;
    }
    for (uint32_t i = p->label_off[s]; i < p->label_off[s + 1]; i++) {
        const struct profile_label *l = &p->labels[i];
        uint32_t key = 0;
        uint32_t value = 0;
        if (l->is_num) {
            if (span_is(profile_span(p, l->key), "bytes")) {
                k->block_bytes = l->num;
            }
            continue;
        }
        if (!label_string(t, m, p, l->key, &key, err) ||
            !label_string(t, m, p, l->str, &value, err)) {
            return false;
        }
        if (!vec_u32_push(&m->key, key) || !vec_u32_push(&m->key, value)) {
            return nomem(err);
        }
        k->n_labels++;
    }
    return true;
}

bool stacks_row(struct stacks *t, struct stacks_map *m, const struct profile *p,
                uint32_t s, uint32_t *row, struct err *err)
{
    const uint32_t first = p->sample_off[s];
    const uint32_t n = p->sample_off[s + 1] - first;
    m->key.n = 0;
    if (!vec_u32_reserve(&m->key, (size_t)n + 1)) {
        return nomem(err);
    }
    for (uint32_t i = 0; i < n; i++) {
        m->key.items[i] = m->loc_of.items[p->sample_locs[first + i]];
    }
    m->key.n = n;
    struct row_key k = {.n_locs = n};
    if (!push_labels(t, m, p, s, &k, err)) {
        return false;
    }
    k.words = m->key.items;
    k.n_words = (uint32_t)m->key.n;

    const uint32_t guess = m->previous == STACK_NONE
                               ? t->first_row
                               : t->successor.items[m->previous];
    if (guess < t->rows.n && row_is(t, guess, &k)) {
        t->n_predicted++;
        *row = guess;
    } else {
        t->n_hashed++;
        if (!row_find_or_add(t, &k, row, err)) {
            return false;
        }
    }
    if (m->previous == STACK_NONE) {
        t->first_row = *row;
    } else {
        t->successor.items[m->previous] = *row;
    }
    m->previous = *row;
    return true;
}

static bool dump_location(struct stacks *t, const struct goroutine_dump *d,
                          const struct dump_frame *in, uint32_t *loc,
                          struct err *err)
{
    struct stack_frame f = {.line = narrow_line(in->line)};
    if (!intern_function(t, span_of(dump_text(d, in->function)), &f.name,
                         &f.func, err) ||
        !intern_add(&t->names, span_of(dump_text(d, in->file)), &f.file, err)) {
        return false;
    }
    if (!stack_frames_push(&t->frames, f)) {
        return nomem(err);
    }
    return loc_commit(t, 1, loc, err);
}

bool stacks_dump_row(struct stacks *t, const struct goroutine_dump *d,
                     const struct dump_goroutine *g, uint32_t *row,
                     struct err *err)
{
    struct vec_u32 key = {0};
    const uint32_t n = g->n_frames;
    bool ok = vec_u32_reserve(&key, (size_t)n + 2) || nomem(err);
    for (uint32_t i = 0; ok && i < n; i++) {
        ok = dump_location(t, d, &d->frames.items[g->first_frame + i],
                           &key.items[i], err);
    }
    ok = ok &&
         intern_add(&t->names, SPAN_LIT(SERIES_STATUS), &key.items[n], err) &&
         intern_add(&t->names, span_of(dump_text(d, g->status)),
                    &key.items[n + 1], err);
    const struct row_key k = {key.items, n + 2, n, 1, 0};
    ok = ok && row_find_or_add(t, &k, row, err);
    vec_u32_release(&key);
    return ok;
}

void stacks_release(struct stacks *t)
{
    intern_release(&t->funcs);
    intern_release(&t->names);
    vec_u32_release(&t->name_func);
    stack_frames_release(&t->frames);
    stack_locs_release(&t->locs);
    vec_u64_release(&t->loc_hash);
    free(t->loc_slots.ids);
    stack_rows_release(&t->rows);
    vec_u32_release(&t->keys);
    vec_u32_release(&t->successor);
    free(t->row_slots.ids);
    *t = (struct stacks){0};
}
