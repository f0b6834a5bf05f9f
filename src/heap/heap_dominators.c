/*
 * The dominator tree of a heap graph, what each node keeps alive, and on
 * demand who the children of each are. Sums are kept of numbered nodes alone:
 * a leaf keeps itself.
 */
#include "heap/heap_dominators_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "heap/heap_memory_private.h"

#include "base/banned.h"

enum { AHEAD = 16 }; /* objects loaded ahead */

/* --- the flow graph --- */

struct heads {
    uint64_t *first;
    uint32_t *to;
};

static uint64_t count_roots(const struct heap_graph *g)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < heap_n_groups(g); i++) {
        n += heap_group(g, i)->n_roots;
    }
    return n;
}

static bool heads_make(const struct heap_graph *g, struct heads *h)
{
    const uint32_t n_groups = heap_n_groups(g);
    uint64_t at = 0;
    h->first = heap_column(uint64_t, (size_t)n_groups + 2);
    h->to = heap_column(uint32_t, n_groups + count_roots(g));
    if (!h->first || !h->to) {
        return false;
    }
    h->first[0] = 0;
    for (uint32_t i = 0; i < n_groups; i++) {
        h->to[at++] = heap_node_of_group(i);
    }
    for (uint32_t i = 0; i < n_groups; i++) {
        h->first[heap_node_of_group(i)] = at;
        const struct heap_root *roots = heap_group_roots(g, i);
        const uint64_t n = heap_group(g, i)->n_roots;
        for (uint64_t k = 0; k < n; k++) {
            if (roots[k].object.i != OBJECT_NONE.i) {
                h->to[at++] = heap_node_of_object(g, roots[k].object);
            }
        }
    }
    h->first[n_groups + 1] = at;
    return true;
}

static void heads_release(struct heads *h)
{
    free(h->first);
    free(h->to);
}

/* Four words for each node while it is searched, three more for each with
   edges. */
static uint64_t search_bytes(const struct flow_graph *f)
{
    uint64_t n_inner = f->n_heads;
    for (uint32_t i = 0; i < f->n_rest; i++) {
        n_inner +=
            heap_csr_begin(&f->rest, i) != heap_csr_begin(&f->rest, i + 1);
    }
    return 16 * ((uint64_t)f->n_heads + f->n_rest) + 12 * n_inner;
}

static bool find_within_limit(struct heap_dominators *d, struct flow_graph *f,
                              const struct heap_graph_options *o,
                              struct err *err)
{
    const uint64_t room_bytes = heap_room(d->graph, o);
    if (room_bytes != UINT64_MAX) {
        const uint64_t bytes = search_bytes(f);
        if (!heap_has_room(d->graph, o, bytes, "dominators", err)) {
            return false;
        }
        f->lists_max_bytes = room_bytes - bytes;
        f->lists_max_bytes += f->lists_max_bytes == 0 ? 1 : 0;
    }
    return flow_dominators(f, o, &d->tree, err);
}

static bool find_tree(struct heap_dominators *d,
                      const struct heap_graph_options *o, struct err *err)
{
    struct heads h = {0};
    if (!heads_make(d->graph, &h)) {
        heads_release(&h);
        return err_nomem(err, "root groups");
    }
    struct flow_graph f = {.n_heads = d->n_heads,
                           .head_first = h.first,
                           .head_to = h.to,
                           .n_rest = heap_n_objects(d->graph),
                           .rest = heap_csr(d->graph)};
    const bool ok = find_within_limit(d, &f, o, err);
    heads_release(&h);
    return ok;
}

/* --- what each keeps --- */

/* The number of a node, or of who dominates it when it is a leaf. */
static uint32_t holder_of(uint32_t number)
{
    return number & ~FLOW_LEAF;
}

/* Objects are added in order of address to numbers in any order, which are
   loaded ahead; what is numbered was counted before. */
static void load_sums(const struct heap_dominators *d, uint32_t number)
{
    if (flow_is_seen(number)) {
        HEAP_PREFETCH(&d->bytes[holder_of(number)]);
        if (number & FLOW_LEAF) {
            HEAP_PREFETCH(&d->objects[holder_of(number)]);
        }
    }
}

static void add_run(struct heap_dominators *d, uint32_t begin, uint32_t end,
                    uint64_t bytes)
{
    const uint32_t *number = d->tree.number + d->n_heads;
    for (uint32_t i = begin; i < end; i++) {
        load_sums(d,
                  number[i + AHEAD < d->n_nodes - d->n_heads ? i + AHEAD : i]);
        if (!flow_is_seen(number[i])) {
            continue;
        }
        d->bytes[holder_of(number[i])] += bytes;
        if (number[i] & FLOW_LEAF) {
            d->objects[holder_of(number[i])]++;
        }
    }
}

static void add_objects(struct heap_dominators *d)
{
    const uint32_t n = heap_n_objects(d->graph);
    for (uint32_t i = 0; i < n;) {
        uint32_t n_same = 0;
        const uint64_t bytes =
            heap_same_bytes(d->graph, (object_id){i}, &n_same);
        const uint32_t end = n_same < n - i ? i + n_same : n;
        add_run(d, i, end, bytes);
        i = end;
    }
}

static void sum_up(struct heap_dominators *d)
{
    const struct flow_tree *t = &d->tree;
    d->bytes = t->spare;
    d->objects = (void *)(d->bytes + t->n);
    for (uint32_t i = 0; i < t->n; i++) {
        d->bytes[i] = 0;
        d->objects[i] = t->vertex[i] >= d->n_heads;
    }
    add_objects(d);
    for (uint32_t i = t->n; i-- > 1;) {
        d->bytes[t->idom[i]] += d->bytes[i];
        d->objects[t->idom[i]] += d->objects[i];
    }
    flow_tree_shrink(&d->tree, d->n_nodes);
    d->bytes = t->spare;
    d->objects = (void *)(d->bytes + t->n);
}

/* What is left of the search: a number of each node; of each numbered one its
   node, its dominator, and what it keeps. */
static uint64_t kept_bytes(const struct heap_dominators *d)
{
    return 4 * (uint64_t)d->n_nodes + 20 * (uint64_t)d->tree.n;
}

static bool spend(struct heap_dominators *d, uint64_t bytes,
                  const struct heap_graph_options *o, struct err *err)
{
    if (!heap_spend(d->graph, o, bytes, "dominators", err)) {
        return false;
    }
    d->children->spent_bytes += bytes;
    return true;
}

bool heap_dominators_build(const struct heap_graph *g,
                           const struct heap_graph_options *o,
                           struct heap_dominators **out, struct err *err)
{
    const uint64_t n_heads = UINT64_C(1) + heap_n_groups(g);
    if (n_heads + heap_n_objects(g) > FLOW_NODES_MAX) {
        return err_set(err, ERR_LIMIT, "more than %u objects", FLOW_NODES_MAX);
    }
    struct heap_dominators *d = calloc(1, sizeof *d);
    if (!d) {
        return err_nomem(err, "dominators");
    }
    d->children = calloc(1, sizeof *d->children);
    if (!d->children) {
        heap_dominators_free(d);
        return err_nomem(err, "dominators");
    }
    d->graph = g;
    d->n_heads = (uint32_t)n_heads;
    d->n_nodes = d->n_heads + heap_n_objects(g);
    if (!find_tree(d, o, err)) {
        heap_dominators_free(d);
        return false;
    }
    sum_up(d);
    if (!spend(d, kept_bytes(d), o, err)) {
        heap_dominators_free(d);
        return false;
    }
    *out = d;
    return true;
}

static void children_release(struct children *c)
{
    free(c->first);
    free(c->nodes);
    *c = (struct children){0};
}

void heap_dominators_free(struct heap_dominators *d)
{
    if (d) {
        flow_tree_release(&d->tree);
        if (d->children) {
            heap_give_back(d->graph, d->children->spent_bytes);
            children_release(d->children);
        }
        free(d->children);
        free(d);
    }
}

/* --- questions --- */

static uint32_t number_of(const struct heap_dominators *d, heap_node n)
{
    assert(n < d->n_nodes);
    return d->tree.number[n];
}

/* The number of a seen node's dominator. */
static uint32_t dominator_number(const struct flow_tree *t, uint32_t number)
{
    return number & FLOW_LEAF ? holder_of(number) : t->idom[number];
}

bool heap_is_reachable(const struct heap_dominators *d, heap_node n)
{
    return flow_is_seen(number_of(d, n));
}

heap_node heap_dominator(const struct heap_dominators *d, heap_node n)
{
    const uint32_t number = number_of(d, n);
    return flow_is_seen(number)
               ? d->tree.vertex[dominator_number(&d->tree, number)]
               : FLOW_NONE;
}

uint64_t heap_retained_bytes(const struct heap_dominators *d, heap_node n)
{
    const uint32_t number = number_of(d, n);
    if (!flow_is_seen(number)) {
        return 0;
    }
    return number & FLOW_LEAF
               ? heap_object_bytes(d->graph, (object_id){n - d->n_heads})
               : d->bytes[number];
}

uint32_t heap_retained_objects(const struct heap_dominators *d, heap_node n)
{
    const uint32_t number = number_of(d, n);
    if (!flow_is_seen(number)) {
        return 0;
    }
    return number & FLOW_LEAF ? 1 : d->objects[number];
}

/* --- children --- */

/* `first` counts at i + 2 and sums at i + 1, so that filling moves it to where
   it belongs. */
static void children_fill(const struct heap_dominators *d, struct children *c)
{
    const struct flow_tree *t = &d->tree;
    for (heap_node n = 1; n < d->n_nodes; n++) {
        if (flow_is_seen(t->number[n])) {
            c->first[dominator_number(t, t->number[n]) + 2]++;
        }
    }
    for (uint32_t i = 0; i < t->n; i++) {
        c->first[i + 2] += c->first[i + 1];
    }
    for (heap_node n = 1; n < d->n_nodes; n++) {
        if (flow_is_seen(t->number[n])) {
            c->nodes[c->first[dominator_number(t, t->number[n]) + 1]++] = n;
        }
    }
}

static bool children_make(const struct heap_dominators *d, struct children *c,
                          struct err *err)
{
    const uint64_t bytes =
        4 * ((uint64_t)d->tree.n + 2 + d->objects[0] + (uint64_t)d->n_heads);
    if (!heap_spend(d->graph, NULL, bytes, "children of dominators", err)) {
        return false;
    }
    c->spent_bytes += bytes;
    c->first = heap_zeroed_column(uint32_t, (size_t)d->tree.n + 2);
    c->nodes = heap_column(heap_node, (size_t)d->objects[0] + d->n_heads);
    if (!c->first || !c->nodes) {
        free(c->first);
        free(c->nodes);
        c->first = NULL;
        c->nodes = NULL;
        return err_nomem(err, "dominator tree");
    }
    children_fill(d, c);
    return true;
}

struct sized {
    uint64_t bytes;
    heap_node node;
};

static int larger_first(const void *pa, const void *pb, const void *ctx)
{
    const struct sized *a = pa;
    const struct sized *b = pb;
    (void)ctx;
    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes ? -1 : 1;
    }
    return (a->node > b->node) - (a->node < b->node);
}

/* A sorted copy; the caller's. NULL when memory is out. */
static heap_node *sort_by_size(const struct heap_dominators *d,
                               const heap_node *nodes, size_t n)
{
    struct sized *items = malloc(n * sizeof *items);
    heap_node *out = malloc(n * sizeof *out);
    if (!items || !out) {
        free(items);
        free(out);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        items[i] = (struct sized){heap_retained_bytes(d, nodes[i]), nodes[i]};
    }
    sort_items(items, n, sizeof *items, larger_first, NULL);
    for (size_t i = 0; i < n; i++) {
        out[i] = items[i].node;
    }
    free(items);
    return out;
}

bool heap_children(const struct heap_dominators *d, heap_node n,
                   const heap_node **out, size_t *n_out, struct err *err)
{
    const uint32_t number = number_of(d, n);
    *out = NULL;
    *n_out = 0;
    if (number & FLOW_LEAF) { /* what is not reachable has this bit, too */
        return true;
    }
    if (!d->children->first && !children_make(d, d->children, err)) {
        return false;
    }
    const uint32_t *first = &d->children->first[number];
    *out = d->children->nodes + first[0];
    *n_out = first[1] - first[0];
    return true;
}

bool heap_dominated(const struct heap_dominators *d, heap_node n,
                    heap_node **out, size_t *n_out, struct err *err)
{
    const heap_node *children = NULL;
    *out = NULL;
    if (!heap_children(d, n, &children, n_out, err)) {
        return false;
    }
    if (*n_out == 0) {
        return true;
    }
    *out = sort_by_size(d, children, *n_out);
    return *out || err_nomem(err, "dominator tree");
}

/* --- nodes --- */

heap_node heap_node_of_group(uint32_t group)
{
    return 1 + group;
}

heap_node heap_node_of_object(const struct heap_graph *g, object_id o)
{
    return 1 + heap_n_groups(g) + o.i;
}

bool heap_node_is_object(const struct heap_graph *g, heap_node n, object_id *o)
{
    const uint32_t first = 1 + heap_n_groups(g);
    if (n < first) {
        return false;
    }
    o->i = n - first;
    return true;
}
