/*
 * What blocked goroutines wait for, from the runtime's sudogs: one for each
 * wait, with the goroutine, the channel, or the address of the lock. Where the
 * fields lie is the binary's word. A coroutine has none: it waits for an object
 * that its own stack leads to as well, and that names it. A condition's sudog
 * names nothing before Go 1.26: there, who has it in its list is what is waited
 * for.
 */
#include "base/sort.h"
#include "heap/heap_blocked_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* --- the runtime's layout --- */

struct layout {
    uint8_t *is_sudog; /* by type; debugging information has one for each
                          type of channel */
    size_t n_types;
    uint64_t g, next, elem, c;
};

/* A wrapper's word that holds the address: Go 1.26 hides it from the
   collector in "vu" beside the pointer. */
static uint64_t inner_offset(struct binary *b, type_id type)
{
    enum { DEPTH_MAX = 4 };
    uint64_t offset = 0;
    for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
        const struct go_type *t = binary_type(b, type);
        if (!t || t->kind != GO_STRUCT || t->n_fields == 0) {
            break;
        }
        size_t at = 0;
        for (size_t i = 0; i < t->n_fields; i++) {
            at = strcmp(t->fields[i].name, "vu") == 0 ? i : at;
        }
        offset += t->fields[at].offset;
        type = t->fields[at].type;
    }
    return offset;
}

static bool find_field(struct binary *b, const struct go_type *t,
                       const char *name, uint64_t *offset)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        if (strcmp(t->fields[i].name, name) == 0) {
            *offset = t->fields[i].offset + inner_offset(b, t->fields[i].type);
            return true;
        }
    }
    return false;
}

static bool is_sudog_name(const char *name)
{
    return strcmp(name, "runtime.sudog") == 0 ||
           strncmp(name, "sudog<", 6) == 0;
}

/* False: memory is out. */
static bool note_types(struct binary *b, struct layout *out)
{
    out->n_types = binary_n_types(b);
    out->is_sudog = calloc(out->n_types + 1, sizeof *out->is_sudog);
    for (uint32_t i = 0; out->is_sudog && i < out->n_types; i++) {
        const struct go_type *t = binary_type(b, (type_id){i});
        out->is_sudog[i] = t && t->name && is_sudog_name(t->name);
    }
    return out->is_sudog != NULL;
}

static bool is_sudog(const struct layout *l, type_id type)
{
    return type.i < l->n_types && l->is_sudog[type.i] != 0;
}

static bool find_layout(struct binary *b, struct layout *out)
{
    const type_id sudog = binary_type_named(b, "runtime.sudog");
    const struct go_type *t =
        sudog.i == TYPE_NONE.i ? NULL : binary_type(b, sudog);
    return t && find_field(b, t, "g", &out->g) &&
           find_field(b, t, "next", &out->next) &&
           find_field(b, t, "elem", &out->elem) &&
           find_field(b, t, "c", &out->c);
}

/* --- sudogs --- */

struct waiter {
    uint64_t address;   /* of a g */
    uint32_t goroutine; /* its index */
};
VEC_TYPE(waiters, struct waiter)

struct search {
    struct heap_blocked *b;
    const struct heap_types *types;
    struct layout layout;
    struct waiters waiters; /* by address: who may be unreachable */
    bool *is_found;         /* by goroutine: what it waits for */
    uint64_t *is_listed;    /* sudogs that name nothing */
    uint32_t n_listed;
    uint64_t steps_left; /* along lists */
};

static int by_address(const void *pa, const void *pb, const void *ctx)
{
    const struct waiter *a = pa;
    const struct waiter *b = pb;
    (void)ctx;
    return (a->address > b->address) - (a->address < b->address);
}

static bool list_waiters(struct search *s)
{
    for (uint32_t i = 0; i < s->b->n_goroutines; i++) {
        const struct waiter w = {heap_goroutine_at(s->b->graph, i)->address, i};
        if (s->b->states[i].is_unreachable && !waiters_push(&s->waiters, w)) {
            return false;
        }
    }
    sort_items(s->waiters.items, s->waiters.n, sizeof *s->waiters.items,
               by_address, NULL);
    return true;
}

/* UINT32_MAX: nobody who may be unreachable. */
static uint32_t find_waiter(const struct search *s, uint64_t address)
{
    size_t low = 0;
    size_t high = s->waiters.n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (s->waiters.items[middle].address < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < s->waiters.n && s->waiters.items[low].address == address
               ? s->waiters.items[low].goroutine
               : UINT32_MAX;
}

static uint64_t word_of(const struct search *s, object_id o, uint64_t offset)
{
    const struct heap_graph *g = s->b->graph;
    return heap_word(g, heap_object_contents(g, o), offset);
}

/* The first that is found: others may refer to it by chance. */
static void note_target(struct search *s, uint32_t goroutine, uint64_t address)
{
    struct blocked_goroutine *g = &s->b->states[goroutine];
    if (g->on == BLOCKED_SYNC && g->target == 0) {
        g->target = address;
    }
}

static bool add_wait(struct search *s, uint32_t goroutine, object_id target)
{
    const struct blocked_pair p = {target.i, goroutine};
    s->is_found[goroutine] = true;
    note_target(s, goroutine, heap_object_address(s->b->graph, target));
    return blocked_pairs_push(&s->b->waits, p);
}

static void set_free(struct search *s, uint32_t goroutine)
{
    if (s->b->states[goroutine].on != BLOCKED_FOREVER) {
        s->b->states[goroutine].is_unreachable = false;
    }
}

/* Channels are waited for by address; locks by that of a word in them. What is
   outside of the heap is always there. */
static bool take_target(struct search *s, uint32_t goroutine, uint64_t address)
{
    const object_id target = heap_object_at(s->b->graph, address);
    if (target.i == OBJECT_NONE.i) {
        set_free(s, goroutine);
        note_target(s, goroutine, address);
        return true;
    }
    return add_wait(s, goroutine, target);
}

static bool take_sudog(struct search *s, object_id o)
{
    const uint32_t goroutine = find_waiter(s, word_of(s, o, s->layout.g));
    if (goroutine == UINT32_MAX) {
        return true;
    }
    const struct blocked_pair masked = {o.i, goroutine};
    const uint64_t channel = word_of(s, o, s->layout.c);
    const uint64_t elem = word_of(s, o, s->layout.elem);
    if (!blocked_pairs_push(&s->b->masked, masked)) {
        return false;
    }
    if (s->b->states[goroutine].on == BLOCKED_CHANNEL) {
        return channel == 0 || take_target(s, goroutine, channel);
    }
    if (channel != 0) {
        return true;
    }
    if (elem != 0) {
        return take_target(s, goroutine, elem);
    }
    s->is_listed[o.i / 64] |= UINT64_C(1) << (o.i % 64);
    s->n_listed++;
    return true;
}

static bool take_sudogs(struct search *s)
{
    const uint32_t n = heap_n_objects(s->b->graph);
    for (uint32_t i = 0; i < n; i++) {
        const struct object_type t = heap_type_of(s->types, (object_id){i});
        if (is_sudog(&s->layout, t.type) && t.form == FORM_VALUE &&
            !take_sudog(s, (object_id){i})) {
            return false;
        }
    }
    return true;
}

/* --- coroutines --- */

/* Who is parked in a runtime.coro is named there, by a word that the collector
   does not take for a pointer. */
static bool is_parked_in(const struct search *s, object_id o, uint64_t at,
                         uint64_t g)
{
    return o.i != OBJECT_NONE.i &&
           at + heap_graph_about(s->b->graph)->pointer_bytes <=
               heap_object_bytes(s->b->graph, o) &&
           word_of(s, o, at) == g;
}

/* The object itself, or what it refers to: yield, a closure, has it. */
static object_id parked_at(const struct search *s, object_id o, uint64_t at,
                           uint64_t g)
{
    enum { EDGES_MAX = 64 };
    uint64_t n = 0;
    if (o.i == OBJECT_NONE.i || is_parked_in(s, o, at, g)) {
        return o;
    }
    const object_id *to = heap_edges(s->b->graph, o, &n);
    for (uint64_t i = 0; i < n && i < EDGES_MAX; i++) {
        if (is_parked_in(s, to[i], at, g)) {
            return to[i];
        }
    }
    return OBJECT_NONE;
}

static bool take_coroutine(struct search *s, uint32_t goroutine, uint64_t at)
{
    const struct heap_graph *g = s->b->graph;
    const struct graph_goroutine *r = heap_goroutine_at(g, goroutine);
    const struct heap_root *roots = heap_group_roots(g, r->group);
    const uint64_t n = heap_group(g, r->group)->n_roots;
    for (uint64_t i = 0; i < n; i++) {
        const object_id o = parked_at(s, roots[i].object, at, r->address);
        if (o.i != OBJECT_NONE.i) {
            return add_wait(s, goroutine, o);
        }
    }
    return true;
}

static bool take_coroutines(struct search *s)
{
    const type_id coro = binary_type_named(s->b->binary, "runtime.coro");
    const struct go_type *t =
        coro.i == TYPE_NONE.i ? NULL : binary_type(s->b->binary, coro);
    uint64_t at = 0;
    if (!t || !find_field(s->b->binary, t, "gp", &at)) {
        return true;
    }
    for (size_t i = 0; i < s->waiters.n; i++) {
        const uint32_t goroutine = s->waiters.items[i].goroutine;
        if (s->b->states[goroutine].on == BLOCKED_COROUTINE &&
            !take_coroutine(s, goroutine, at)) {
            return false;
        }
    }
    return true;
}

/* --- lists of conditions --- */

/* Sudogs point to each other, and those for reuse lie in lists as well. */
static bool is_holder(const struct search *s, object_id o)
{
    const struct object_type t = heap_type_of(s->types, o);
    const struct go_type *type =
        t.type.i == TYPE_NONE.i ? NULL : binary_type(s->b->binary, t.type);
    if (!type) {
        return true;
    }
    return !is_sudog(&s->layout, t.type) &&
           strcmp(type->name, "*runtime.sudog") != 0 &&
           strcmp(type->name, "runtime.p") != 0 &&
           strcmp(type->name, "runtime.g") != 0;
}

/* Who waits with a listed sudog; UINT32_MAX: nobody who may be unreachable. */
static uint32_t listed_waiter(const struct search *s, object_id o)
{
    return find_waiter(s, word_of(s, o, s->layout.g));
}

static object_id next_listed(const struct search *s, object_id o)
{
    const object_id next =
        heap_object_at(s->b->graph, word_of(s, o, s->layout.next));
    const bool is_listed =
        next.i != OBJECT_NONE.i && blocked_bit(s->is_listed, next.i);
    return is_listed ? next : OBJECT_NONE;
}

/* All of the list from `o` on wait for `holder`. */
static bool take_list(struct search *s, object_id holder, object_id o)
{
    for (; o.i != OBJECT_NONE.i && s->steps_left > 0; s->steps_left--) {
        const uint32_t goroutine = listed_waiter(s, o);
        if (goroutine != UINT32_MAX && !add_wait(s, goroutine, holder)) {
            return false;
        }
        o = next_listed(s, o);
    }
    return true;
}

static bool find_holders(struct search *s)
{
    const struct heap_graph *g = s->b->graph;
    const uint32_t n = heap_n_objects(g);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t n_edges = 0;
        const object_id *to = heap_edges(g, (object_id){i}, &n_edges);
        for (uint64_t k = 0; k < n_edges; k++) {
            if (blocked_bit(s->is_listed, to[k].i) &&
                is_holder(s, (object_id){i}) &&
                !take_list(s, (object_id){i}, to[k])) {
                return false;
            }
        }
    }
    return true;
}

static void free_all_listed(struct search *s)
{
    const uint32_t n = heap_n_objects(s->b->graph);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t goroutine = blocked_bit(s->is_listed, i)
                                       ? listed_waiter(s, (object_id){i})
                                       : UINT32_MAX;
        if (goroutine != UINT32_MAX) {
            set_free(s, goroutine);
        }
    }
}

/* One holder has a list, by its head and its end. Where many refer to many of
   it, nothing is known of it: to pair them all takes time and memory by the
   square. */
static bool take_lists(struct search *s)
{
    enum { HOLDERS_MAX = 4, STEPS_MIN = 64 };
    s->steps_left = HOLDERS_MAX * (uint64_t)s->n_listed + STEPS_MIN;
    if (!find_holders(s)) {
        return false;
    }
    if (s->steps_left == 0) {
        free_all_listed(s);
    }
    return true;
}

/* A list in a global: its condition is always there. What is free is listed no
   more, so that each is met once. */
static void free_list(struct search *s, object_id o, uint64_t target)
{
    if (o.i == OBJECT_NONE.i || !blocked_bit(s->is_listed, o.i)) {
        return;
    }
    while (o.i != OBJECT_NONE.i) {
        const uint32_t goroutine = listed_waiter(s, o);
        if (goroutine != UINT32_MAX) {
            set_free(s, goroutine);
            note_target(s, goroutine, target);
        }
        s->is_listed[o.i / 64] &= ~(UINT64_C(1) << (o.i % 64));
        o = next_listed(s, o);
    }
}

static void free_listed(struct search *s)
{
    const struct heap_graph *g = s->b->graph;
    for (uint32_t i = 0; i < heap_n_groups(g); i++) {
        const struct root_group *group = heap_group(g, i);
        const struct heap_root *roots = heap_group_roots(g, i);
        for (uint64_t k = 0; group->kind == ROOT_GLOBAL && k < group->n_roots;
             k++) {
            free_list(s, roots[k].object,
                      group->address ? group->address : roots[k].address);
        }
    }
}

/* --- all of it --- */

static int by_object(const void *pa, const void *pb, const void *ctx)
{
    const struct blocked_pair *a = pa;
    const struct blocked_pair *b = pb;
    (void)ctx;
    if (a->object != b->object) {
        return a->object < b->object ? -1 : 1;
    }
    return (a->goroutine > b->goroutine) - (a->goroutine < b->goroutine);
}

static int by_goroutine(const void *pa, const void *pb, const void *ctx)
{
    const struct blocked_pair *a = pa;
    const struct blocked_pair *b = pb;
    (void)ctx;
    if (a->goroutine != b->goroutine) {
        return a->goroutine < b->goroutine ? -1 : 1;
    }
    return (a->object > b->object) - (a->object < b->object);
}

/* Who waits for something that nobody found can go on for all we know. */
static void free_unknown(struct heap_blocked *b, const bool *is_found)
{
    for (uint32_t i = 0; i < b->n_goroutines; i++) {
        if (b->states[i].on != BLOCKED_FOREVER && (!is_found || !is_found[i])) {
            b->states[i].is_unreachable = false;
        }
    }
}

static bool mask_goroutines(struct heap_blocked *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->masked.n; i++) {
        const struct blocked_pair p = b->masked.items[i];
        b->masked.items[n] = p;
        n += b->states[p.goroutine].is_unreachable;
    }
    b->masked.n = n;
    for (uint32_t i = 0; i < b->n_goroutines; i++) {
        const object_id o =
            heap_object_at(b->graph, heap_goroutine_at(b->graph, i)->address);
        const struct blocked_pair p = {o.i, i};
        if (b->states[i].is_unreachable && o.i != OBJECT_NONE.i &&
            !blocked_pairs_push(&b->masked, p)) {
            return false;
        }
    }
    sort_items(b->masked.items, b->masked.n, sizeof *b->masked.items,
               by_goroutine, NULL);
    sort_items(b->waits.items, b->waits.n, sizeof *b->waits.items, by_object,
               NULL);
    return true;
}

static bool search(struct search *s)
{
    const size_t n_words = s->b->n_words;
    s->is_found = calloc(s->b->n_goroutines + (size_t)1, sizeof *s->is_found);
    s->is_listed = calloc(n_words, sizeof *s->is_listed);
    bool ok = s->is_found && s->is_listed &&
              note_types(s->b->binary, &s->layout) && list_waiters(s) &&
              take_sudogs(s) && take_coroutines(s);
    if (ok && s->n_listed > 0) {
        free_listed(s);
        ok = take_lists(s);
    }
    if (ok) {
        free_unknown(s->b, s->is_found);
    }
    free(s->is_found);
    free(s->is_listed);
    free(s->layout.is_sudog);
    waiters_release(&s->waiters);
    return ok;
}

bool blocked_find_waits(struct heap_blocked *b, const struct heap_types *t,
                        struct binary *binary)
{
    struct search s = {.b = b, .types = t};
    b->binary = binary;
    if (!t || !binary || !find_layout(binary, &s.layout)) {
        free_unknown(b, NULL);
        return mask_goroutines(b);
    }
    return search(&s) && mask_goroutines(b);
}
