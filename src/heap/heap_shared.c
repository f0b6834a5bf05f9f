/*
 * What several groups hold together. Everything that hangs below one child of
 * the super-root in the dominator tree is a region: all of it is reached from
 * the same groups, and pointers into it from outside lead to its top. So sets
 * of groups are passed on between regions, not objects; a set of more than
 * four groups is no longer told apart, hence each changes at most five times.
 */
#include "heap/heap_paths.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "heap/heap_dominators_private.h"
#include "heap/heap_memory_private.h"

#include "base/banned.h"

enum { SET_MAX = 4, SET_MANY = SET_MAX + 1 };

/* An object that no group holds alone: a child of the super-root. */
struct top {
    heap_node node;
    uint32_t n;               /* of groups; SET_MANY: more than these */
    uint32_t groups[SET_MAX]; /* ascending, unless there are more */
    bool is_waiting;
};
VEC_TYPE(vec_top, struct top)

/* An edge from a region, that of a group or n_groups + index of a top, to
   another top. */
struct crossing {
    uint32_t from, to;
};
VEC_TYPE(vec_crossing, struct crossing)

struct sharing {
    const struct heap_dominators *d;
    uint32_t n_groups;
    struct vec_top tops;
    uint32_t *top_of; /* by node: 1 + index of its top, 0 it is none */
    uint32_t *region; /* by number */
    struct vec_crossing crossings;
    uint64_t *first; /* by region: of its sorted crossings */
    uint32_t *to;    /* sorted: where they lead */
    struct vec_u32 queue;
};

/* --- regions --- */

static bool find_tops(struct sharing *s)
{
    const struct flow_tree *t = &s->d->tree;
    /* Zeroed pages that nobody writes to take no memory. */
    s->top_of = calloc(s->d->n_nodes, sizeof *s->top_of);
    if (!s->top_of) {
        return false;
    }
    for (heap_node v = s->d->n_heads; v < s->d->n_nodes; v++) {
        const uint32_t number = t->number[v];
        const bool is_top =
            number == FLOW_LEAF || (number < FLOW_LEAF && t->idom[number] == 0);
        if (is_top) {
            if (!vec_top_push(&s->tops, (struct top){.node = v})) {
                return false;
            }
            s->top_of[v] = (uint32_t)s->tops.n;
        }
    }
    return true;
}

/* What dominates a node has a lower number. */
static bool find_regions(struct sharing *s)
{
    const struct flow_tree *t = &s->d->tree;
    s->region = heap_column(uint32_t, t->n);
    if (!s->region) {
        return false;
    }
    for (uint32_t i = 1; i < t->n; i++) {
        const heap_node v = t->vertex[i];
        if (t->idom[i] != 0) {
            s->region[i] = s->region[t->idom[i]];
        } else {
            s->region[i] =
                v < s->d->n_heads ? v - 1 : s->n_groups + s->top_of[v] - 1;
        }
    }
    return true;
}

static bool cross(struct sharing *s, uint32_t from, object_id to)
{
    const uint32_t top = s->top_of[s->d->n_heads + to.i];
    if (top == 0 || from == s->n_groups + top - 1) {
        return true;
    }
    const struct crossing *last =
        s->crossings.n ? &s->crossings.items[s->crossings.n - 1] : NULL;
    if (last && last->from == from && last->to == top - 1) {
        return true;
    }
    if (!vec_crossing_reserve(&s->crossings, s->crossings.n + 1)) {
        return false;
    }
    assert(s->crossings.items);
    s->crossings.items[s->crossings.n++] = (struct crossing){from, top - 1};
    return true;
}

static bool find_crossings(struct sharing *s)
{
    const struct heap_graph *g = s->d->graph;
    const struct flow_tree *t = &s->d->tree;
    if (s->tops.n == 0) {
        return true;
    }
    for (uint32_t i = 0; i < s->n_groups; i++) {
        const struct heap_root *roots = heap_group_roots(g, i);
        const uint64_t n = heap_group(g, i)->n_roots;
        for (uint64_t k = 0; k < n; k++) {
            if (!cross(s, i, roots[k].object)) {
                return false;
            }
        }
    }
    for (uint32_t i = 1; i < t->n; i++) {
        object_id o = OBJECT_NONE;
        uint64_t n = 0;
        if (!heap_node_is_object(g, t->vertex[i], &o)) {
            continue;
        }
        const object_id *to = heap_edges(g, o, &n);
        for (uint64_t k = 0; k < n; k++) {
            if (!cross(s, s->region[i], to[k])) {
                return false;
            }
        }
    }
    return true;
}

/* Counted at first[i + 2], summed at first[i + 1]: filling moves the begins to
   where they belong. */
static bool sort_crossings(struct sharing *s)
{
    const size_t n_regions = s->n_groups + s->tops.n;
    s->first = calloc(n_regions + 2, sizeof *s->first);
    s->to = heap_column(uint32_t, s->crossings.n);
    if (!s->first || !s->to) {
        return false;
    }
    for (size_t i = 0; i < s->crossings.n; i++) {
        s->first[(size_t)s->crossings.items[i].from + 2]++;
    }
    for (size_t i = 0; i < n_regions; i++) {
        s->first[i + 2] += s->first[i + 1];
    }
    for (size_t i = 0; i < s->crossings.n; i++) {
        const struct crossing c = s->crossings.items[i];
        s->to[s->first[(size_t)c.from + 1]++] = c.to;
    }
    vec_crossing_release(&s->crossings);
    return true;
}

/* --- sets --- */

static bool top_add(struct top *t, uint32_t group)
{
    uint32_t i = 0;
    if (t->n == SET_MANY) {
        return false;
    }
    while (i < t->n && t->groups[i] < group) {
        i++;
    }
    if (i < t->n && t->groups[i] == group) {
        return false;
    }
    if (t->n < SET_MAX) {
        memmove(t->groups + i + 1, t->groups + i,
                (t->n - i) * sizeof t->groups[0]);
        t->groups[i] = group;
    }
    t->n++;
    return true;
}

/* True when it changed. */
static bool top_add_all(struct top *t, const struct top *from)
{
    bool has_changed = false;
    for (uint32_t i = 0; i < from->n && i < SET_MAX; i++) {
        has_changed |= top_add(t, from->groups[i]);
    }
    if (from->n == SET_MANY && t->n != SET_MANY) {
        t->n = SET_MANY;
        has_changed = true;
    }
    return has_changed;
}

static bool pass_on(struct sharing *s, uint32_t region, const struct top *set)
{
    for (uint64_t k = s->first[region]; k < s->first[region + 1]; k++) {
        struct top *to = &s->tops.items[s->to[k]];
        if (top_add_all(to, set) && !to->is_waiting) {
            to->is_waiting = true;
            if (!vec_u32_push(&s->queue, s->to[k])) {
                return false;
            }
        }
    }
    return true;
}

static bool find_sets(struct sharing *s)
{
    for (uint32_t i = 0; i < s->n_groups; i++) {
        const struct top alone = {.n = 1, .groups = {i}};
        if (!pass_on(s, i, &alone)) {
            return false;
        }
    }
    for (size_t i = 0; i < s->queue.n; i++) {
        const uint32_t at = s->queue.items[i];
        struct top *t = &s->tops.items[at];
        const struct top set = *t;
        t->is_waiting = false;
        if (!pass_on(s, s->n_groups + at, &set)) {
            return false;
        }
    }
    return true;
}

/* --- sums --- */

/* Equal sets beside each other; of those of many the largest object first. */
static int by_set(const void *pa, const void *pb, const void *ctx)
{
    const struct top *a = pa;
    const struct top *b = pb;
    const struct heap_dominators *d = ctx;
    if (a->n != b->n) {
        return a->n < b->n ? -1 : 1;
    }
    for (uint32_t i = 0; i < a->n && a->n <= SET_MAX; i++) {
        if (a->groups[i] != b->groups[i]) {
            return a->groups[i] < b->groups[i] ? -1 : 1;
        }
    }
    const uint64_t bytes_a = heap_retained_bytes(d, a->node);
    const uint64_t bytes_b = heap_retained_bytes(d, b->node);
    if (bytes_a != bytes_b) {
        return bytes_a > bytes_b ? -1 : 1;
    }
    return (a->node > b->node) - (a->node < b->node);
}

static bool is_same_set(const struct top *a, const struct heap_shared *b)
{
    return a->n == b->n_groups &&
           (a->n == SET_MANY ||
            memcmp(a->groups, b->groups, a->n * sizeof a->groups[0]) == 0);
}

static int most_first(const void *pa, const void *pb, const void *ctx)
{
    const struct heap_shared *a = pa;
    const struct heap_shared *b = pb;
    (void)ctx;
    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes ? -1 : 1;
    }
    if (a->n_groups != b->n_groups) {
        return a->n_groups < b->n_groups ? -1 : 1;
    }
    return memcmp(a->groups, b->groups, sizeof a->groups);
}

VEC_TYPE(vec_shared, struct heap_shared)

static bool sum_sets(struct sharing *s, struct vec_shared *sums)
{
    sort_items(s->tops.items, s->tops.n, sizeof *s->tops.items, by_set, s->d);
    for (size_t i = 0; i < s->tops.n; i++) {
        const struct top *t = &s->tops.items[i];
        if (t->n < 2) {
            continue;
        }
        if (sums->n == 0 || !is_same_set(t, &sums->items[sums->n - 1])) {
            struct heap_shared fresh = {.n_groups = t->n};
            memcpy(fresh.groups, t->groups, sizeof fresh.groups);
            if (!vec_shared_push(sums, fresh)) {
                return false;
            }
        }
        struct heap_shared *sum = &sums->items[sums->n - 1];
        sum->bytes += heap_retained_bytes(s->d, t->node);
        sum->n_objects += heap_retained_objects(s->d, t->node);
    }
    return true;
}

static bool find_shared(struct sharing *s, struct vec_shared *sums)
{
    return find_tops(s) && find_regions(s) && find_crossings(s) &&
           sort_crossings(s) && find_sets(s) && sum_sets(s, sums);
}

static bool give_most(struct vec_shared *sums, size_t n_max,
                      struct arena *arena, struct heap_shared **out, size_t *n)
{
    sort_items(sums->items, sums->n, sizeof *sums->items, most_first, NULL);
    const size_t n_given = sums->n < n_max ? sums->n : n_max;
    *out = arena_new(arena, struct heap_shared, n_given);
    if (!*out) {
        return false;
    }
    if (n_given) {
        memcpy(*out, sums->items, n_given * sizeof **out);
    }
    *n = n_given;
    return true;
}

bool heap_shared_sets(const struct heap_graph *g,
                      const struct heap_dominators *d, size_t n_max,
                      struct arena *arena, struct heap_shared **out, size_t *n,
                      struct err *err)
{
    struct sharing s = {.d = d, .n_groups = heap_n_groups(g)};
    struct vec_shared sums = {0};
    *n = 0;
    /* A word for each node, one for each that is numbered, two and more for
       each edge between regions, of which there are few. */
    if (!heap_has_room(g, NULL, 4 * ((uint64_t)d->n_nodes + d->tree.n),
                       "what roots share", err)) {
        return false;
    }
    const bool ok =
        find_shared(&s, &sums) && give_most(&sums, n_max, arena, out, n);
    vec_top_release(&s.tops);
    free(s.top_of);
    free(s.region);
    vec_crossing_release(&s.crossings);
    free(s.first);
    free(s.to);
    vec_u32_release(&s.queue);
    vec_shared_release(&sums);
    return ok || err_nomem(err, "what roots share");
}
