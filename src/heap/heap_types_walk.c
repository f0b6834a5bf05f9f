/*
 * Following typed pointers, without recursion. What points into the middle of
 * an object waits until all that is known of begins has been followed: most of
 * it is a part of what is known by then.
 */
#include "heap/heap_types_private.h"

#include "base/banned.h"

/* --- what was seen --- */

static uint64_t mix(uint64_t address, uint32_t type)
{
    /* splitmix64; 0 marks a free slot. */
    uint64_t x = address + type * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return x ? x : 1;
}

static bool set_grow(struct address_set *s)
{
    enum { FIRST = 1024 };
    const uint64_t n = s->n_slots ? 2 * s->n_slots : FIRST;
    uint64_t *slots = calloc(n, sizeof(*slots));
    if (!slots) {
        return false;
    }
    for (uint64_t i = 0; i < s->n_slots; i++) {
        uint64_t at = s->slots[i] & (n - 1);
        while (s->slots[i] && slots[at]) {
            at = (at + 1) & (n - 1);
        }
        if (s->slots[i]) {
            slots[at] = s->slots[i];
        }
    }
    free(s->slots);
    s->slots = slots;
    s->n_slots = n;
    return true;
}

/* Was it not seen before? */
static bool is_new(struct heap_types *t, uint64_t address, uint32_t type)
{
    struct address_set *s = &t->seen;
    if (s->n >= s->n_slots / 2 && !set_grow(s)) {
        t->is_out_of_memory = true;
        return false;
    }
    const uint64_t key = mix(address, type);
    uint64_t at = key & (s->n_slots - 1);
    while (s->slots[at] && s->slots[at] != key) {
        at = (at + 1) & (s->n_slots - 1);
    }
    const bool is_there = s->slots[at] == key;
    s->slots[at] = key;
    s->n += !is_there;
    return !is_there;
}

void address_set_release(struct address_set *s)
{
    free(s->slots);
    *s = (struct address_set){0};
}

/* --- the worklist --- */

/* What pointers from an object are known by: no better than the object. */
static enum type_source derived_source(enum type_source of)
{
    return of <= TYPED_BY_SITE ? of : TYPED_BY_POINTER;
}

static void scan_item(struct heap_types *t, const struct types_ready *r)
{
    const struct types_memory m = {
        .object = r->item.object, .contents = r->contents, .base = r->base};
    types_scan_memory(t, &m, r->item.at - r->base, r->item.type, r->item.count,
                      derived_source(r->item.source));
}

/* Where its memory is; that of objects is brought into the cache. */
static struct types_ready make_ready(const struct heap_types *t,
                                     struct typing_item item)
{
    struct types_ready r = {.item = item};
    if (item.object == UINT32_MAX) {
        const struct types_memory m = types_memory_at(t, item.at);
        r.contents = m.contents;
        r.base = m.base;
        return r;
    }
    r.contents = item.contents;
    types_load(r.contents, item.at);
    return r;
}

/* Is it a part of what the object is known to be? */
static bool is_covered(const struct heap_types *t,
                       const struct typing_item *item)
{
    if (item->object == UINT32_MAX) {
        const struct go_variable *v = binary_variable_at(t->b, item->at);
        return v && item->count == 1 &&
               types_has_part(t, v->type.i, item->at - v->address, item->type);
    }
    const struct typing y = types_get(t, item->object);
    const unsigned header = types_header(t, item->object);
    const uint64_t bytes = types_bytes(t, y.scan);
    if (y.source == TYPED_NOT || types_is_unsure(&y) || bytes == 0 ||
        item->at < header) {
        return false;
    }
    const uint64_t at = item->at - header;
    return at / bytes < y.count &&
           (item->count == 1 || (y.scan == item->type && at % bytes == 0)) &&
           types_has_part(t, y.scan, at % bytes, item->type);
}

static uint64_t item_address(const struct heap_types *t,
                             const struct typing_item *item)
{
    return item->object == UINT32_MAX
               ? item->at
               : heap_object_address(t->g, (object_id){item->object}) +
                     item->at;
}

static bool look(const struct heap_types *t, struct err *err)
{
    if (t->is_out_of_memory) {
        return err_nomem(err, "types of objects");
    }
    if (t->o && t->o->stop && *t->o->stop) {
        return err_set(err, ERR_INTERRUPTED, "types of objects: interrupted");
    }
    /* Of what was seen half as much again, while it grows. */
    const uint64_t bytes =
        sizeof(*t->work.items) * ((uint64_t)t->work.cap + t->later.cap) +
        sizeof(*t->seen.slots) * (t->seen.n_slots + t->seen.n_slots / 2);
    return heap_has_room(t->g, t->o, bytes, "types of objects", err);
}

/* Nothing more is to be found by going on. */
static void give_up(struct heap_types *t)
{
    t->work.n = 0;
    t->later.n = 0;
    t->ready_begin = t->ready_end;
    types_forget_found(t);
}

/* The next item, or one of those that wait; false when there is none. */
static bool take_item(struct heap_types *t, struct typing_item *out)
{
    if (t->work.n > 0) {
        *out = t->work.items[--t->work.n];
        return true;
    }
    /* What is on its way may yet be more than a part. */
    if (t->ready_begin != t->ready_end || t->pointed_begin != t->pointed_end) {
        return false;
    }
    while (t->later.n > 0) {
        *out = t->later.items[--t->later.n];
        if (!is_covered(t, out) && is_new(t, item_address(t, out), out->type)) {
            return true;
        }
    }
    return false;
}

/* One step; false when all is done. */
static bool step(struct heap_types *t)
{
    struct typing_item item;
    if (take_item(t, &item)) {
        t->ready[t->ready_end++ % TYPES_READY_MAX] = make_ready(t, item);
        if (t->ready_end - t->ready_begin < TYPES_READY_MAX) {
            return true;
        }
    }
    if (t->ready_begin != t->ready_end) {
        const struct types_ready r =
            t->ready[t->ready_begin++ % TYPES_READY_MAX];
        scan_item(t, &r);
        return true;
    }
    return types_place_next(t);
}

bool types_drain(struct heap_types *t, struct err *err)
{
    enum { CHECK_EVERY = 1 << 16 };
    for (uint64_t n = 1; step(t); n++) {
        if (t->is_out_of_budget) {
            give_up(t);
        }
        if (n % CHECK_EVERY == 0 && !look(t, err)) {
            return false;
        }
    }
    return look(t, err);
}
