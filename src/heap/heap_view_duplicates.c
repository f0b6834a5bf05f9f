/*
 * What is there more than once. Values are what strings and slices of bytes
 * refer to, each place once however many refer to it or to a part of it (which
 * also bounds the work: a program may hold every suffix of a text); a slot's
 * end behind a value is garbage and does not count. Without types whole objects
 * without pointers are compared.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/sort.h"
#include "heap/heap_view_private.h"

#include <stdlib.h>

#include "base/banned.h"

struct value {
    uint64_t address; /* 0 free */
    uint64_t hash;
    uint32_t length_bytes;
    bool is_string;
};

/* By address, open addressing. */
struct values {
    const struct heap_view *v;
    struct value *slots;
    size_t n_slots, n;
};

static size_t slot_of(const struct values *t, uint64_t address)
{
    size_t i = (size_t)((address * UINT64_C(0x9e3779b97f4a7c15)) >> 24);
    i &= t->n_slots - 1;
    while (t->slots[i].address != 0 && t->slots[i].address != address) {
        i = (i + 1) & (t->n_slots - 1);
    }
    return i;
}

static bool grow(struct values *t)
{
    struct values bigger = {
        .v = t->v, .n = t->n, .n_slots = t->n_slots ? t->n_slots * 2 : 4096};
    bigger.slots = calloc(bigger.n_slots, sizeof *bigger.slots);
    if (!bigger.slots) {
        return false;
    }
    for (size_t i = 0; i < t->n_slots; i++) {
        if (t->slots[i].address != 0) {
            bigger.slots[slot_of(&bigger, t->slots[i].address)] = t->slots[i];
        }
    }
    free(t->slots);
    *t = bigger;
    return true;
}

static bool put(struct values *t, uint64_t address, uint64_t length,
                bool is_string, struct err *err)
{
    if (length == 0 || length > UINT32_MAX || address == 0) {
        return true;
    }
    if (t->n * 2 >= t->n_slots && !grow(t)) {
        return err_nomem(err, "equal values");
    }
    struct value *x = &t->slots[slot_of(t, address)];
    t->n += x->address == 0;
    x->address = address;
    x->is_string = x->is_string || is_string;
    if (length > x->length_bytes) {
        x->length_bytes = (uint32_t)length;
    }
    return true;
}

static bool take_part(void *ctx, const struct view_part *p, struct err *err)
{
    struct values *t = ctx;
    const object_id o = heap_object_at(t->v->f.graph, p->address);
    return p->element_bytes != 1 || o.i == OBJECT_NONE.i ||
           !view_is_reachable(t->v, o) ||
           put(t, p->address, p->used_bytes, p->is_string, err);
}

static bool take_plain_objects(struct values *t, struct err *err)
{
    enum { SMALL_BYTES = 16 }; /* blocks of several values */
    const struct heap_graph *g = t->v->f.graph;
    const uint32_t n = heap_n_objects(g);
    for (uint32_t i = 0; i < n; i++) {
        const object_id o = {i};
        struct dump_fields fields = heap_object_fields(g, o);
        uint64_t offset = 0;
        const uint64_t bytes = heap_object_bytes(g, o);
        if (!view_is_reachable(t->v, o) || bytes <= SMALL_BYTES ||
            dump_fields_next(&fields, &offset)) {
            continue;
        }
        if (!put(t, heap_object_address(g, o), bytes, false, err)) {
            return false;
        }
    }
    return true;
}

static struct span contents_of(const struct values *t, const struct value *x)
{
    const struct heap_graph *g = t->v->f.graph;
    const object_id o = heap_object_at(g, x->address);
    const struct span all = heap_object_contents(g, o);
    const struct span from =
        span_from(all, (size_t)(x->address - heap_object_address(g, o)));
    return span_first(from, x->length_bytes);
}

static int by_address(const void *pa, const void *pb, const void *ctx)
{
    const struct value *a = pa;
    const struct value *b = pb;
    (void)ctx;
    return (a->address > b->address) - (a->address < b->address);
}

static void pack(struct values *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_slots; i++) {
        if (t->slots[i].address != 0) {
            t->slots[n++] = t->slots[i];
        }
    }
    t->n = n;
    sort_items(t->slots, n, sizeof *t->slots, by_address, NULL);
}

/* Leaves those that begin behind the end of the last one, with their hashes;
   what the dump has only in part is dropped. */
static void keep_apart(struct values *t)
{
    size_t n = 0;
    uint64_t end = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct value x = t->slots[i];
        const struct span s = contents_of(t, &x);
        if (s.len == x.length_bytes && x.address >= end) {
            x.hash = XXH3_64bits(s.p, s.len);
            end = x.address + x.length_bytes;
            t->slots[n++] = x;
        }
    }
    t->n = n;
}

static int alike_together(const void *pa, const void *pb, const void *ctx)
{
    const struct value *a = pa;
    const struct value *b = pb;
    (void)ctx;
    if (a->length_bytes != b->length_bytes) {
        return a->length_bytes > b->length_bytes ? -1 : 1;
    }
    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }
    return (a->address > b->address) - (a->address < b->address);
}

/* --- rows --- */

enum { PREVIEW_BYTES = 48, PREVIEW_HEX_BYTES = 16 };

static bool is_all_zero(struct span s)
{
    return s.len > 0 && s.p[0] == 0 && memcmp(s.p, s.p + 1, s.len - 1) == 0;
}

static const char *preview(struct heap_view *v, struct span s, struct err *err)
{
    size_t n_odd = 0;
    const struct span front = span_first(s, PREVIEW_BYTES);
    for (size_t i = 0; i < front.len; i++) {
        const unsigned char c = (unsigned char)front.p[i];
        n_odd += c < 0x20 || c == 0x7f;
    }
    struct buf *word = view_word(v);
    if (is_all_zero(s)) {
        buf_str(word, "zeros");
        return view_keep(v, err);
    }
    if (n_odd * 4 > front.len) {
        for (size_t i = 0; i < front.len && i < PREVIEW_HEX_BYTES; i++) {
            buf_printf(word, "%s%02x", i > 0 ? " " : "",
                       (unsigned)(unsigned char)front.p[i]);
        }
    } else {
        buf_char(word, '"');
        view_add_text(word, front);
        buf_char(word, '"');
    }
    const bool is_cut =
        s.len > (n_odd * 4 > front.len ? PREVIEW_HEX_BYTES : PREVIEW_BYTES);
    buf_str(word, is_cut ? "..." : "");
    return view_keep(v, err);
}

static bool is_equal(const struct values *t, const struct value *a,
                     const struct value *b)
{
    return a->length_bytes == b->length_bytes && a->hash == b->hash &&
           span_eq(contents_of(t, a), contents_of(t, b));
}

VEC_TYPE(duplicates, struct view_duplicate)

/* One row for each run of equal ones. The sample's address stands in for its
   text until it is known who is shown. */
static bool list_runs(const struct values *t, struct duplicates *rows,
                      struct view_duplicates *about, struct err *err)
{
    for (size_t i = 0; i < t->n;) {
        size_t end = i + 1;
        bool is_string = t->slots[i].is_string;
        while (end < t->n && is_equal(t, &t->slots[i], &t->slots[end])) {
            is_string = is_string || t->slots[end].is_string;
            end++;
        }
        const uint64_t length = t->slots[i].length_bytes;
        about->n_values += end - i;
        about->n_distinct++;
        about->bytes += length * (end - i);
        about->saved_bytes += length * (end - i - 1);
        const struct view_duplicate row = {
            .is_string = is_string,
            .length_bytes = length,
            .n_copies = end - i,
            .saved_bytes = length * (end - i - 1),
            .address = t->slots[i].address,
            .sample = heap_object_at(t->v->f.graph, t->slots[i].address),
        };
        if (row.n_copies > 1 && !duplicates_push(rows, row)) {
            return err_nomem(err, "equal values");
        }
        i = end;
    }
    return true;
}

static int most_first(const void *pa, const void *pb, const void *ctx)
{
    const struct view_duplicate *a = pa;
    const struct view_duplicate *b = pb;
    (void)ctx;
    if (a->saved_bytes != b->saved_bytes) {
        return a->saved_bytes > b->saved_bytes ? -1 : 1;
    }
    return (a->address > b->address) - (a->address < b->address);
}

static bool keep_rows(struct heap_view *v, const struct values *t,
                      struct duplicates *rows, size_t n_max,
                      const struct view_duplicate **out, size_t *n,
                      struct err *err)
{
    sort_items(rows->items, rows->n, sizeof *rows->items, most_first, NULL);
    *n = rows->n < n_max ? rows->n : n_max;
    struct view_duplicate *kept =
        arena_new(&v->arena, struct view_duplicate, *n + 1);
    if (!kept) {
        return err_nomem(err, "equal values");
    }
    for (size_t i = 0; i < *n; i++) {
        kept[i] = rows->items[i];
        const struct value x = {.address = kept[i].address,
                                .length_bytes = (uint32_t)kept[i].length_bytes};
        kept[i].text = preview(v, contents_of(t, &x), err);
        if (!kept[i].text) {
            return false;
        }
    }
    *out = kept;
    return true;
}

bool heap_view_duplicates(struct heap_view *v, size_t n_max,
                          const struct view_duplicate **out, size_t *n,
                          size_t *n_all, struct view_duplicates *about,
                          struct err *err)
{
    struct values t = {.v = v};
    struct duplicates rows = {0};
    *about = (struct view_duplicates){0};
    bool ok = v->f.types && v->f.binary ? view_parts(v, take_part, &t, err)
                                        : take_plain_objects(&t, err);
    if (ok) {
        pack(&t);
        keep_apart(&t);
        sort_items(t.slots, t.n, sizeof *t.slots, alike_together, NULL);
        ok = list_runs(&t, &rows, about, err);
    }
    *n_all = rows.n;
    ok = ok && keep_rows(v, &t, &rows, n_max, out, n, err);
    duplicates_release(&rows);
    free(t.slots);
    return ok;
}
