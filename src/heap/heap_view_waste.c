/*
 * Memory that is held and not needed: the ends of slices, arrays of which a
 * part is used, empty slots of maps, slots larger than what is in them.
 *
 * What is used of an array is what all strings, slices and plain pointers that
 * refer to it cover together, from the first to the last byte; a plain pointer
 * covers the value that begins there, a struct with a buffer in it as a whole.
 * Variables on stacks may refer to more than what is known of here, so that
 * what they point to is left out. Slices of length 0 at the begin are buffers
 * that wait to be filled again, and so is what a pool has: to keep them is what
 * somebody chose.
 */
#include "base/sort.h"
#include "heap/heap_types_private.h"
#include "heap/heap_view_private.h"

#include <stdlib.h>

#include "base/banned.h"

static const char *const texts[] = {
#define X(name, text, what) [WASTE_##name] = (text),
    VIEW_WASTES(X)
#undef X
};

const char *view_waste_text(enum view_waste_kind k)
{
    return texts[k];
}

/* --- what is used of arrays --- */

struct extent {
    uint32_t object; /* + 1; 0 free */
    bool has_slice;
    bool is_filled; /* no slice of length 0 at the begin only */
    uint64_t begin, used_end, room_end; /* offsets in the object */
};

struct extents {
    const struct heap_view *v;
    struct extent *slots;
    size_t n_slots, n;
};

static size_t slot_of(const struct extents *e, uint32_t object)
{
    size_t i = (object * UINT64_C(0x9e3779b97f4a7c15)) >> 20;
    i &= e->n_slots - 1;
    while (e->slots[i].object != 0 && e->slots[i].object != object + 1) {
        i = (i + 1) & (e->n_slots - 1);
    }
    return i;
}

static bool extents_grow(struct extents *e)
{
    struct extents bigger = {
        .v = e->v, .n = e->n, .n_slots = e->n_slots ? e->n_slots * 2 : 4096};
    bigger.slots = calloc(bigger.n_slots, sizeof *bigger.slots);
    if (!bigger.slots) {
        return false;
    }
    for (size_t i = 0; i < e->n_slots; i++) {
        if (e->slots[i].object != 0) {
            bigger.slots[slot_of(&bigger, e->slots[i].object - 1)] =
                e->slots[i];
        }
    }
    free(e->slots);
    *e = bigger;
    return true;
}

static uint64_t header_bytes(const struct extents *e, object_id o)
{
    return heap_type_of(e->v->f.types, o).header_bytes;
}

static bool take_part(void *ctx, const struct view_part *p, struct err *err)
{
    struct extents *e = ctx;
    const object_id o = heap_object_at(e->v->f.graph, p->address);
    if (o.i == OBJECT_NONE.i || !view_is_reachable(e->v, o)) {
        return true;
    }
    const uint64_t bytes = heap_object_bytes(e->v->f.graph, o);
    const uint64_t begin = p->address - heap_object_address(e->v->f.graph, o);
    if (p->room_bytes > bytes - begin) {
        return true; /* no header, or one of something else by now */
    }
    if (e->n * 2 >= e->n_slots && !extents_grow(e)) {
        return err_nomem(err, "strings and slices");
    }
    struct extent *x = &e->slots[slot_of(e, o.i)];
    if (x->object == 0) {
        *x = (struct extent){.object = o.i + 1, .begin = begin};
        e->n++;
    }
    const uint64_t used_end = begin + p->used_bytes;
    const uint64_t room_end = begin + p->room_bytes;
    x->begin = begin < x->begin ? begin : x->begin;
    x->used_end = used_end > x->used_end ? used_end : x->used_end;
    x->room_end = room_end > x->room_end ? room_end : x->room_end;
    x->has_slice = x->has_slice || !p->is_string;
    x->is_filled = x->is_filled || begin > header_bytes(e, o) || p->used_bytes;
    return true;
}

static void forget(struct extents *e, object_id o)
{
    struct extent *x = e->n_slots ? &e->slots[slot_of(e, o.i)] : NULL;
    if (x && x->object != 0) {
        x->begin = 0;
        x->used_end = x->room_end = heap_object_bytes(e->v->f.graph, o);
    }
}

static void forget_those_on_stacks(struct extents *e)
{
    const struct heap_graph *g = e->v->f.graph;
    for (uint32_t i = 0; i < heap_n_groups(g); i++) {
        const struct root_group *group = heap_group(g, i);
        const struct heap_root *roots = heap_group_roots(g, i);
        for (uint64_t k = 0;
             group->kind == ROOT_GOROUTINE && k < group->n_roots; k++) {
            if (roots[k].object.i != OBJECT_NONE.i) {
                forget(e, roots[k].object);
            }
        }
    }
}

/* Where the largest value ends that begins there. What the slot has behind the
   one value in it is not of parts: see add_value(). */
static uint64_t value_end(const struct extents *e, object_id o,
                          uint64_t interior)
{
    const struct heap_types *types = e->v->f.types;
    struct object_type t;
    const type_id scan = view_scan_type(e->v, o, &t);
    const bool is_one = t.form == FORM_VALUE;
    const uint32_t type = is_one ? types_whole(types, scan.i) : scan.i;
    const uint64_t bytes = types_bytes(types, type);
    if (scan.i == TYPE_NONE.i || (!is_one && t.form != FORM_ARRAY) ||
        interior < t.header_bytes || bytes == 0 ||
        (interior - t.header_bytes) / bytes >= t.count) {
        return interior + 1;
    }
    struct type_part part = {.type = type,
                             .offset = (interior - t.header_bytes) % bytes};
    while (part.offset != 0) {
        if (!types_part_at(types, part.type, part.offset, &part)) {
            return interior + 1;
        }
    }
    const uint64_t end = interior + types_bytes(types, part.type);
    const uint64_t slot = heap_object_bytes(e->v->f.graph, o);
    return end > slot || (is_one && end == t.header_bytes + bytes) ? slot : end;
}

/* A plain pointer into the array: a slab hands out its elements so. */
static void extend(struct extents *e, object_id o, uint64_t interior)
{
    struct extent *x = &e->slots[slot_of(e, o.i)];
    if (x->object == 0) {
        return;
    }
    const uint64_t end = value_end(e, o, interior);
    x->begin = interior < x->begin ? interior : x->begin;
    x->used_end = end > x->used_end ? end : x->used_end;
    x->room_end = x->used_end > x->room_end ? x->used_end : x->room_end;
    x->is_filled = x->is_filled || interior > header_bytes(e, o);
}

static bool has_unused(const struct extents *e, const struct extent *x)
{
    const object_id o = {x->object - 1};
    return x->begin > 0 || x->used_end < x->room_end ||
           x->room_end < heap_object_bytes(e->v->f.graph, o);
}

static bool has_bit(const uint64_t *bits, object_id o)
{
    return (bits[o.i / 64] >> (o.i % 64) & 1) != 0;
}

static void follow_words(struct extents *e, const uint64_t *wanted, object_id o)
{
    const struct heap_graph *g = e->v->f.graph;
    const struct span words = heap_object_contents(g, o);
    struct dump_fields fields = heap_object_fields(g, o);
    uint64_t offset = 0;
    while (dump_fields_next(&fields, &offset)) {
        const uint64_t value = heap_word(g, words, offset);
        const object_id to = heap_object_at(g, value);
        if (to.i != OBJECT_NONE.i && has_bit(wanted, to)) {
            extend(e, to, value - heap_object_address(g, to));
        }
    }
}

static void follow_pointers(struct extents *e, const uint64_t *wanted)
{
    const struct heap_graph *g = e->v->f.graph;
    const uint32_t n = heap_n_objects(g);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t n_to = 0;
        const object_id *to = heap_edges(g, (object_id){i}, &n_to);
        uint64_t k = 0;
        while (k < n_to && !has_bit(wanted, to[k])) {
            k++;
        }
        if (k < n_to && view_is_reachable(e->v, (object_id){i})) {
            follow_words(e, wanted, (object_id){i});
        }
    }
    for (uint32_t i = 0; i < heap_n_groups(g); i++) {
        const struct heap_root *roots = heap_group_roots(g, i);
        for (uint64_t k = 0; k < heap_group(g, i)->n_roots; k++) {
            if (roots[k].object.i != OBJECT_NONE.i &&
                has_bit(wanted, roots[k].object)) {
                extend(e, roots[k].object, roots[k].interior_bytes);
            }
        }
    }
}

static bool extend_by_pointers(struct extents *e)
{
    uint64_t *wanted =
        calloc(heap_n_objects(e->v->f.graph) / 64 + (size_t)1, sizeof *wanted);
    bool is_any = false;
    if (!wanted) {
        return false;
    }
    for (size_t i = 0; i < e->n_slots; i++) {
        const struct extent *x = &e->slots[i];
        if (x->object != 0 && has_unused(e, x)) {
            const uint32_t o = x->object - 1;
            wanted[o / 64] |= UINT64_C(1) << (o % 64);
            is_any = true;
        }
    }
    if (is_any) {
        follow_pointers(e, wanted);
    }
    free(wanted);
    return true;
}

/* --- rows --- */

struct sums {
    struct heap_view *v;
    uint64_t *pooled;        /* see view_find_pooled() */
    struct view_waste *rows; /* by kind and class */
    uint64_t *worst;
};

static void add(struct sums *s, enum view_waste_kind kind, object_id o,
                uint64_t bytes, uint64_t wasted)
{
    const uint32_t c = s->v->class_of[view_node(s->v, o)];
    if (wasted == 0 || c == VIEW_NO_CLASS) {
        return;
    }
    const size_t i = (size_t)kind * s->v->classes.n + c;
    struct view_waste *row = &s->rows[i];
    row->kind = kind;
    row->type = s->v->classes.items[c].name;
    row->n_objects++;
    row->bytes += bytes;
    row->wasted_bytes += wasted;
    if (wasted > s->worst[i]) {
        s->worst[i] = wasted;
        row->worst = o;
    }
}

/* What size classes round up: a quarter of a slot at most, nearly a third in
   those of 24 and 48 bytes. */
static bool is_rounding(uint64_t slot, uint64_t outside)
{
    enum { STEEP_BYTES_MAX = 48 };
    return outside <= slot / 4 ||
           (slot <= STEEP_BYTES_MAX && outside < slot / 3);
}

static void add_extent(struct sums *s, const struct extent *x)
{
    const object_id o = {x->object - 1};
    const uint64_t bytes = heap_object_bytes(s->v->f.graph, o);
    const uint64_t header = heap_type_of(s->v->f.types, o).header_bytes;
    const uint64_t begin = x->begin > header ? x->begin : 0;
    const uint64_t outside = bytes - (x->room_end - begin);
    const bool is_pooled = view_is_pooled(s->v, s->pooled, o);
    if (bytes <= 16) { /* small values share such blocks */
        return;
    }
    if (x->has_slice) {
        add(s, is_pooled || !x->is_filled ? WASTE_FOR_REUSE : WASTE_SLICE_TAIL,
            o, bytes, x->room_end - x->used_end);
    }
    if (is_rounding(bytes, outside)) {
        add(s, WASTE_ROUNDING, o, bytes, outside);
    } else {
        add(s, is_pooled ? WASTE_FOR_REUSE : WASTE_PINNED, o, bytes, outside);
    }
}

static void add_map(struct sums *s, object_id o)
{
    struct map_about m;
    if (!heap_map_about(s->v->f.types, o, &m) || m.capacity == 0) {
        return;
    }
    const double slot = (double)m.bucket_bytes / (double)m.capacity;
    const uint64_t n_taken = m.n_entries + m.n_deleted;
    const uint64_t n_free = m.capacity > n_taken ? m.capacity - n_taken : 0;
    add(s, WASTE_MAP_ROOM, o, m.bucket_bytes,
        (uint64_t)(slot * (double)n_free));
    add(s, WASTE_MAP_DELETED, o, m.bucket_bytes,
        (uint64_t)(slot * (double)m.n_deleted));
}

/* A large slot that is mostly empty holds more than the one value that is known
   of it: size classes waste an eighth there. */
static void add_value(struct sums *s, object_id o, const struct object_type *t)
{
    enum { LARGE_BYTES = 1024 };
    const struct heap_types *types = s->v->f.types;
    const uint64_t bytes = heap_object_bytes(s->v->f.graph, o);
    const uint64_t used = types_bytes(types, types_whole(types, t->type.i));
    if (t->count != 1 || used == 0 || used + t->header_bytes > bytes) {
        return;
    }
    const uint64_t wasted = bytes - used - t->header_bytes;
    if (bytes <= LARGE_BYTES || wasted <= bytes / 4) {
        add(s, WASTE_ROUNDING, o, bytes, wasted);
    }
}

static void add_objects(struct sums *s)
{
    const uint32_t n = heap_n_objects(s->v->f.graph);
    for (uint32_t i = 0; i < n; i++) {
        const object_id o = {i};
        if (!view_is_reachable(s->v, o)) {
            continue;
        }
        const struct object_type t = heap_type_of(s->v->f.types, o);
        if (t.type.i != TYPE_NONE.i && t.form == FORM_VALUE) {
            add_value(s, o, &t);
        } else if (t.form == FORM_MAP) {
            add_map(s, o);
        }
    }
}

static int most_first(const void *pa, const void *pb, const void *ctx)
{
    const struct view_waste *a = pa;
    const struct view_waste *b = pb;
    (void)ctx;
    if (a->wasted_bytes != b->wasted_bytes) {
        return a->wasted_bytes > b->wasted_bytes ? -1 : 1;
    }
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    return a->type && b->type ? strcmp(a->type, b->type) : 0;
}

static bool fill(struct heap_view *v, struct sums *s, struct err *err)
{
    struct extents e = {.v = v};
    const bool ok =
        view_parts(v, take_part, &e, err) &&
        ((extend_by_pointers(&e) && view_find_pooled(v, &s->pooled)) ||
         err_nomem(err, "strings and slices"));
    if (ok) {
        forget_those_on_stacks(&e);
        for (size_t i = 0; i < e.n_slots; i++) {
            if (e.slots[i].object != 0) {
                add_extent(s, &e.slots[i]);
            }
        }
        add_objects(s);
    }
    free(e.slots);
    return ok;
}

bool heap_view_waste(struct heap_view *v, size_t n_max,
                     const struct view_waste **out, size_t *n, size_t *n_all,
                     struct err *err)
{
    const size_t n_rows = v->classes.n * N_VIEW_WASTES;
    *n = *n_all = 0;
    *out = NULL;
    if (!v->f.types || !v->f.binary) {
        return true;
    }
    struct sums s = {
        .v = v, .rows = arena_new(&v->arena, struct view_waste, n_rows + 1)};
    s.worst = calloc(n_rows + 1, sizeof *s.worst);
    bool ok = (s.rows && s.worst) || err_nomem(err, "waste");
    ok = ok && fill(v, &s, err);
    free(s.worst);
    free(s.pooled);
    if (!ok) {
        return false;
    }
    sort_items(s.rows, n_rows, sizeof *s.rows, most_first, NULL);
    while (*n_all < n_rows && s.rows[*n_all].wasted_bytes > 0) {
        (*n_all)++;
    }
    *n = *n_all < n_max ? *n_all : n_max;
    *out = s.rows;
    return true;
}
