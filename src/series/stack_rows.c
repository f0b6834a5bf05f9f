/*
 * Rows of stacks_private.h: a stack with its labels. The full key is compared
 * on every hit. Rows that differ in labels alone are bounded in a shared
 * table: a label with a request id would add rows forever.
 */
#include "base/num.h"
#include "base/sort.h"
#include "series/series.h"
#include "series/stacks_private.h"

#include <string.h>
#include <xxhash.h>

enum { LABELS_MAX = (1 << 30) - 1 };

static bool nomem(struct err *err)
{
    return err_nomem(err, "aligning stacks");
}

struct row_key {
    const uint32_t *words;
    uint32_t n_words, n_locs, n_labels;
    int64_t block_bytes;
};

static bool row_is(const struct stack_table *t, uint32_t row,
                   const struct row_key *k)
{
    const struct stack_row *r = &t->rows.items[row];
    return r->n_locs == k->n_locs && r->n_labels == k->n_labels &&
           r->block_bytes == k->block_bytes &&
           memcmp(t->keys.items + r->key, k->words,
                  k->n_words * sizeof *k->words) == 0;
}

static bool has_profiler(const struct stack_table *t, const struct row_key *k)
{
    for (uint32_t i = 0; i < k->n_locs; i++) {
        if (t->locs.items[k->words[i]].is_profiler) {
            return true;
        }
    }
    return false;
}

static bool row_new(struct stack_table *t, const struct row_key *k, uint64_t h,
                    uint32_t *row, struct err *err)
{
    uint32_t at = 0;
    if (!u32_from_u64(&at, t->keys.n) || t->rows.n >= STACK_NONE - 1) {
        return err_set(err, ERR_LIMIT, "too many different stacks");
    }
    if (!vec_u32_reserve(&t->keys, t->keys.n + k->n_words) ||
        !stack_rows_reserve(&t->rows, t->rows.n + 1) ||
        !vec_u32_reserve(&t->successor, t->successor.n + 1)) {
        return nomem(err);
    }
    if (k->n_words > 0) {
        memcpy(t->keys.items + at, k->words, k->n_words * sizeof *k->words);
    }
    const struct stack_row r = {.key = at,
                                .n_locs = k->n_locs,
                                .n_labels = k->n_labels & LABELS_MAX,
                                .is_profiler = has_profiler(t, k),
                                .block_bytes = k->block_bytes,
                                .hash = h};
    *row = (uint32_t)t->rows.n;
    t->rows.items[t->rows.n++] = r;
    t->successor.items[t->successor.n++] = STACK_NONE;
    t->keys.n += k->n_words;
    return true;
}

static bool row_slots_grow(struct stack_table *t)
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

static uint64_t row_hash(const struct row_key *k)
{
    return XXH3_64bits_withSeed(k->words, k->n_words * sizeof *k->words,
                                (uint64_t)k->block_bytes);
}

/* The row, or STACK_NONE; `*at` is the slot it has or would have. Needs slots.
 */
static uint32_t row_find(const struct stack_table *t, const struct row_key *k,
                         uint64_t h, size_t *at)
{
    const size_t mask = t->row_slots.n_slots - 1;
    for (*at = h & mask; t->row_slots.ids[*at] != 0; *at = (*at + 1) & mask) {
        const uint32_t id = t->row_slots.ids[*at] - 1;
        if (t->rows.items[id].hash == h && row_is(t, id, k)) {
            return id;
        }
    }
    return STACK_NONE;
}

static bool row_find_or_add(struct stack_table *t, const struct row_key *k,
                            uint32_t *row, struct err *err)
{
    const uint64_t h = row_hash(k);
    size_t at = 0;
    if ((t->row_slots.n_used + 1) * 2 > t->row_slots.n_slots &&
        !row_slots_grow(t)) {
        return nomem(err);
    }
    *row = row_find(t, k, h, &at);
    if (*row != STACK_NONE) {
        return true;
    }
    if (!row_new(t, k, h, row, err)) {
        return false;
    }
    t->row_slots.ids[at] = *row + 1;
    t->row_slots.n_used++;
    return true;
}

/* Is there room for one more set of labels on the stack of `k`? Counts it if
   so; else `*row` is the stack without labels, which stands for the rest. */
static bool take_label_set(struct stack_table *t, const struct row_key *k,
                           uint32_t *row, bool *has_room, struct err *err)
{
    struct row_key bare = *k;
    bare.n_labels = 0;
    bare.n_words = k->n_locs;
    *has_room = true;
    if (t->label_sets_max == 0 || k->n_labels == 0) {
        return true;
    }
    if (!row_find_or_add(t, &bare, row, err)) {
        return false;
    }
    while (t->n_label_sets.n <= *row) {
        if (!vec_u32_push(&t->n_label_sets, 0)) {
            return nomem(err);
        }
    }
    *has_room = t->n_label_sets.items[*row] < t->label_sets_max;
    t->n_label_sets.items[*row] += *has_room;
    t->rows.items[*row].is_folded |= !*has_room;
    return true;
}

/* The row of a key whose texts are all interned. */
static bool row_of_key(struct stack_table *t, const struct row_key *k,
                       uint32_t *row, struct err *err)
{
    size_t at = 0;
    *row = t->row_slots.n_slots > 0 ? row_find(t, k, row_hash(k), &at)
                                    : STACK_NONE;
    if (*row != STACK_NONE) {
        return true;
    }
    bool has_room = false;
    return take_label_set(t, k, row, &has_room, err) &&
           (!has_room || row_find_or_add(t, k, row, err));
}

/* Looks a label's text up without adding it: what carries a request id is new
   in every snapshot, and must not fill the table. STACK_NONE: not there. */
static uint32_t find_string(const struct stack_table *t, struct stacks_map *m,
                            const struct profile *p, str_id s)
{
    uint32_t *known = &m->string_of.items[s.i];
    if (*known == STACK_NONE) {
        uint32_t id = 0;
        *known =
            intern_find(&t->names, profile_span(p, s), &id) ? id : STACK_NONE;
    }
    return *known;
}

static int by_key(const void *pa, const void *pb, const void *ctx)
{
    const struct profile *p = ctx;
    const uint32_t a = *(const uint32_t *)pa;
    const uint32_t b = *(const uint32_t *)pb;
    const int order = span_compare(profile_span(p, p->labels[a].key),
                                   profile_span(p, p->labels[b].key));
    return order ? order : (a > b) - (a < b);
}

/* The sample's text labels, by key: before Go 1.24 their order is a map's, and
   another in each snapshot. */
static bool choose_labels(struct stacks_map *m, const struct profile *p,
                          uint32_t s, struct row_key *k, struct err *err)
{
    bool is_sorted = true;
    m->labels.n = 0;
    if (!p->label_off) {
        return true;
    }
    for (uint32_t i = p->label_off[s]; i < p->label_off[s + 1]; i++) {
        const struct profile_label *l = &p->labels[i];
        const size_t n = m->labels.n;
        if (l->is_num) {
            if (span_is(profile_span(p, l->key), "bytes")) {
                k->block_bytes = l->num;
            }
            continue;
        }
        if (!vec_u32_push(&m->labels, i)) {
            return nomem(err);
        }
        is_sorted = is_sorted && (n == 0 || by_key(&m->labels.items[n - 1],
                                                   &m->labels.items[n], p) < 0);
    }
    if (!is_sorted) {
        sort_items(m->labels.items, m->labels.n, sizeof *m->labels.items,
                   by_key, p);
    }
    return true;
}

static bool push_labels(const struct stack_table *t, struct stacks_map *m,
                        const struct profile *p, uint32_t s, struct row_key *k,
                        struct err *err)
{
    if (!choose_labels(m, p, s, k, err)) {
        return false;
    }
    if (m->labels.n > LABELS_MAX) {
        return err_set(err, ERR_LIMIT, "too many labels");
    }
    for (size_t i = 0; i < m->labels.n; i++) {
        const struct profile_label *l = &p->labels[m->labels.items[i]];
        if (!vec_u32_push(&m->key, find_string(t, m, p, l->key)) ||
            !vec_u32_push(&m->key, find_string(t, m, p, l->str))) {
            return nomem(err);
        }
    }
    k->n_labels = (uint32_t)m->labels.n;
    return true;
}

/* Adds the texts that push_labels() did not find. */
static bool intern_labels(struct stack_table *t, struct stacks_map *m,
                          const struct profile *p, uint32_t at, struct err *err)
{
    for (size_t i = 0; i < m->labels.n; i++, at += 2) {
        const struct profile_label *l = &p->labels[m->labels.items[i]];
        if (!stacks_map_string(m, t, p, l->key, STACK_NONE, &m->key.items[at],
                               err) ||
            !stacks_map_string(m, t, p, l->str, STACK_NONE,
                               &m->key.items[at + 1], err)) {
            return false;
        }
    }
    return true;
}

static bool has_new_text(const struct row_key *k)
{
    for (uint32_t i = k->n_locs; i < k->n_words; i++) {
        if (k->words[i] == STACK_NONE) {
            return true;
        }
    }
    return false;
}

/* Not predicted: found by its hash, or added. */
static bool row_by_hash(struct stack_table *t, struct stacks_map *m,
                        const struct profile *p, const struct row_key *k,
                        uint32_t *row, struct err *err)
{
    t->n_hashed++;
    if (!has_new_text(k)) {
        return row_of_key(t, k, row, err);
    }
    bool has_room = false;
    return take_label_set(t, k, row, &has_room, err) &&
           (!has_room || (intern_labels(t, m, p, k->n_locs, err) &&
                          row_find_or_add(t, k, row, err)));
}

bool stacks_row(struct stack_table *t, struct stacks_map *m,
                const struct profile *p, uint32_t s, uint32_t *row,
                struct err *err)
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
    } else if (!row_by_hash(t, m, p, &k, row, err)) {
        return false;
    }
    if (m->previous == STACK_NONE) {
        t->first_row = *row;
    } else {
        t->successor.items[m->previous] = *row;
    }
    m->previous = *row;
    return true;
}

bool stacks_build_label(struct stack_table *t, struct stacks_builder *b,
                        struct span key, struct span value, struct err *err)
{
    uint32_t k = 0;
    uint32_t v = 0;
    if (!intern_add(&t->names, key, &k, err) ||
        !intern_add(&t->names, value, &v, err)) {
        return false;
    }
    if (b->n_labels++ == LABELS_MAX) {
        return err_set(err, ERR_LIMIT, "too many labels");
    }
    return (vec_u32_push(&b->key, k) && vec_u32_push(&b->key, v)) || nomem(err);
}

bool stacks_build_row(struct stack_table *t, struct stacks_builder *b,
                      int64_t block_bytes, uint32_t *row, struct err *err)
{
    const struct row_key k = {b->key.items, (uint32_t)b->key.n, b->n_locs,
                              b->n_labels, block_bytes};
    return row_of_key(t, &k, row, err);
}

void stacks_builder_release(struct stack_table *t, struct stacks_builder *b)
{
    t->frames.n -= b->n_frames;
    vec_u32_release(&b->key);
    *b = (struct stacks_builder){0};
}

bool stacks_dump_row(struct stack_table *t, const struct goroutine_dump *d,
                     const struct dump_goroutine *g, uint32_t *row,
                     struct err *err)
{
    struct stacks_builder b = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && i < g->n_frames; i++) {
        const struct dump_frame *f = &d->frames.items[g->first_frame + i];
        ok = stacks_build_frame(t, &b, span_of(dump_text(d, f->function)),
                                span_of(dump_text(d, f->file)), f->line, err) &&
             stacks_build_location(t, &b, err);
    }
    ok = ok &&
         stacks_build_label(t, &b, SPAN_LIT(SERIES_STATUS),
                            span_of(dump_text(d, g->status)), err) &&
         stacks_build_row(t, &b, 0, row, err);
    stacks_builder_release(t, &b);
    return ok;
}
