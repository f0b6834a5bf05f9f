/*
 * The depth-first search of a flow graph, with an explicit stack. It is what
 * dominators cost most: each node is a miss of the cache, and the next node is
 * not known before. So what a visit needs is together: whether the node was
 * seen, and its first edges. All edges are followed at a time, with what they
 * lead to being loaded; most of what the later steps need from edges is kept:
 *
 * - to what is unseen: put on the stack. When it was seen meanwhile, the edge
 *   goes to a descendant, and is kept as the lowest ancestor of it;
 * - to what is seen: back or across, and kept in a list. There are few: a heap
 *   has hardly more edges than objects;
 * - to a leaf: its holder is noted, further ones are listed.
 */
#include "heap/flow_search_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "heap/heap_memory_private.h"

#include "base/banned.h"

/* Edges looked ahead: enough to hide a miss, few enough to stay in cache. */
enum { AHEAD = 16, CHECK_EVERY = 1 << 16 };

/* What is to be known of a node, in a quarter of a line of the cache. */
enum { EDGES_MAX = 3 };
struct node {
    uint32_t state;         /* a value of flow_tree's number, or unseen: */
    uint32_t to[EDGES_MAX]; /* its edges, or where they are */
};

/* States of unseen nodes: from UNSEEN + 1 with so many edges in `to`, which is
   above every number; UNSEEN_MANY with 48 bits of place and of count. */
#define UNSEEN      UINT32_C(0xfffffff0)
#define UNSEEN_MANY (UNSEEN + EDGES_MAX + 1)
#define PLACE_BITS  48

struct pending {
    uint32_t node, from;
};
VEC_TYPE(vec_pending, struct pending)

struct walk {
    const struct flow_graph *g;
    struct flow_search *s;
    struct node *nodes;
    struct vec_pending stack;
    uint64_t wanted_bytes; /* of lists, above the limit; 0 within it */
};

bool flow_goes_on(const struct heap_graph_options *o, const char *what,
                  uint64_t done, uint64_t all, struct err *err)
{
    if (!o) {
        return true;
    }
    if (o->stop && *o->stop) {
        return err_set(err, ERR_INTERRUPTED, "interrupted");
    }
    if (o->progress) {
        o->progress(o->progress_ctx, what,
                    all ? (double)done / (double)all : 1);
    }
    return true;
}

void flow_search_release(struct flow_search *s)
{
    free(s->number);
    free(s->vertex);
    free(s->parent);
    free(s->semi);
    vec_flow_cross_release(&s->cross);
    vec_flow_shared_release(&s->shared);
    *s = (struct flow_search){0};
}

/* --- nodes --- */

static struct node many_edges(uint64_t place, uint64_t n)
{
    const uint32_t upper =
        (uint32_t)(place >> 32) | (uint32_t)(n >> 32 << (PLACE_BITS - 32));
    return (struct node){
        UNSEEN_MANY, {(uint32_t)place, upper, (uint32_t)n}
    };
}

static struct node make_node(const struct flow_graph *g, uint64_t place,
                             uint64_t n)
{
    if (n > EDGES_MAX) {
        return many_edges(place, n);
    }
    struct node node = {UNSEEN + (uint32_t)n, {0}};
    for (uint64_t k = 0; k < n; k++) {
        node.to[k] = g->n_heads + g->rest.to[place + k];
    }
    return node;
}

/* Returns how many are to be numbered: those with edges, and all heads. */
static uint32_t make_nodes(const struct flow_graph *g, struct node *nodes)
{
    uint32_t n_inner = g->n_heads;
    for (uint32_t i = 0; i < g->n_heads; i++) {
        const uint64_t place = g->head_first[i];
        nodes[i] = many_edges(place, g->head_first[i + 1] - place);
    }
    uint64_t place = 0;
    for (uint32_t i = 0; i < g->n_rest; i++) {
        const uint64_t next = heap_csr_begin(&g->rest, i + 1);
        const uint32_t v = g->n_heads + i;
        /* The root is numbered in any case. */
        if ((place == next && v) || i == g->rest.without) {
            nodes[v] = (struct node){FLOW_UNSEEN_LEAF, {0}};
        } else {
            nodes[v] = make_node(g, place, next - place);
            n_inner++;
        }
        place = next;
    }
    return n_inner;
}

static bool prepare(const struct flow_graph *g, struct walk *w)
{
    struct flow_search *s = w->s;
    /* One more, so that what is spare can be aligned. */
    w->nodes = heap_column(struct node, (size_t)g->n_heads + g->n_rest + 1);
    if (!w->nodes) {
        return false;
    }
    const uint32_t n = make_nodes(g, w->nodes);
    s->vertex = heap_column(uint32_t, n);
    s->parent = heap_column(uint32_t, n);
    s->semi = heap_column(uint32_t, n);
    return s->vertex && s->parent && s->semi;
}

/* The nodes become their numbers, in the same memory. What is left of it is
   used later on: pages that are new to the process cost more than the work
   that is done on them. */
static void keep_numbers(struct walk *w)
{
    const size_t n = (size_t)w->g->n_heads + w->g->n_rest;
    void *memory = w->nodes;
    uint32_t *numbers = memory;
    for (size_t v = 0; v < n; v++) {
        const uint32_t state = w->nodes[v].state;
        const bool is_unseen = state >= UNSEEN && state <= UNSEEN_MANY;
        numbers[v] = is_unseen ? FLOW_UNSEEN : state;
    }
    w->s->number = numbers;
    w->s->spare = numbers + (n + 1) / 2 * 2;
    w->nodes = NULL;
}

/* --- the search --- */

/* Those of a line of the cache. */
static bool is_beside(uint32_t a, uint32_t b)
{
    enum { LINE_NODES = 64 / sizeof(struct node) };
    return a / LINE_NODES == b / LINE_NODES;
}

/* `v` is visited sooner or later: what it leads to is loaded while what is
   above it on the stack is visited. What was allocated beside it is there
   already, and says what it leads to in turn. */
static void load_edges(const struct walk *w, uint32_t v)
{
    uint32_t next = v;
    for (;;) {
        const struct node *node = &w->nodes[next];
        const uint32_t at = next;
        for (uint32_t k = 0; k < EDGES_MAX; k++) {
            if (node->state <= UNSEEN + k || node->state >= UNSEEN_MANY) {
                break;
            }
            if (!is_beside(node->to[k], at)) {
                HEAP_PREFETCH(&w->nodes[node->to[k]]);
            } else if (node->to[k] > next) {
                next = node->to[k];
            }
        }
        if (next == at) {
            return;
        }
    }
}

/* Asked before a list grows to hold `need`. */
static bool may_grow(struct walk *w, size_t cap, size_t need)
{
    const uint64_t most = w->g->lists_max_bytes;
    static_assert(sizeof(struct flow_cross) == sizeof(struct pending) &&
                      sizeof(struct flow_shared) == sizeof(struct pending),
                  "counted alike");
    uint64_t grown = cap > 0 ? cap : 1;
    while (grown < need) {
        grown *= 2; /* as they do */
    }
    const uint64_t n = (uint64_t)w->stack.cap + w->s->cross.cap +
                       w->s->shared.cap - cap + grown;
    if (most == 0 || sizeof(struct pending) * n <= most) {
        return true;
    }
    w->wanted_bytes = sizeof(struct pending) * n;
    return false;
}

static bool add_shared(struct walk *w, struct flow_shared edge)
{
    struct vec_flow_shared *list = &w->s->shared;
    return (list->n < list->cap || may_grow(w, list->cap, list->n + 1)) &&
           vec_flow_shared_push(list, edge);
}

static bool add_cross(struct walk *w, struct flow_cross edge)
{
    struct vec_flow_cross *list = &w->s->cross;
    return (list->n < list->cap || may_grow(w, list->cap, list->n + 1)) &&
           vec_flow_cross_push(list, edge);
}

/* One edge, from the node numbered `from`. */
static bool follow(struct walk *w, uint32_t to, uint32_t from)
{
    const uint32_t state = w->nodes[to].state;
    if (state == FLOW_UNSEEN_LEAF) {
        w->nodes[to].state = FLOW_LEAF | from;
        return true;
    }
    if (state >= UNSEEN) {
        load_edges(w, to);
        w->stack.items[w->stack.n++] = (struct pending){to, from};
        return true;
    }
    if (state & FLOW_LEAF) {
        return state == (FLOW_LEAF | from) ||
               add_shared(w, (struct flow_shared){to, from});
    }
    return state == from || add_cross(w, (struct flow_cross){state, from});
}

/* From the last to the first, which is then the next that is visited: what an
   object points to first was often allocated next to it. */
static bool follow_all(struct walk *w, const uint32_t *to, uint64_t n,
                       uint32_t base, uint32_t from)
{
    const size_t need = w->stack.n + n;
    if (need > w->stack.cap && (!may_grow(w, w->stack.cap, need) ||
                                !vec_pending_reserve(&w->stack, need))) {
        return false;
    }
    for (uint64_t k = n; k > 0 && n - k < AHEAD; k--) {
        HEAP_PREFETCH(&w->nodes[base + to[k - 1]]);
    }
    for (uint64_t k = n; k-- > 0;) {
        if (k >= AHEAD) {
            HEAP_PREFETCH(&w->nodes[base + to[k - AHEAD]]);
        }
        if (!follow(w, base + to[k], from)) {
            return false;
        }
    }
    return true;
}

static bool follow_many(struct walk *w, uint32_t v, const struct node *node,
                        uint32_t from)
{
    const struct flow_graph *g = w->g;
    const uint64_t upper = node->to[1];
    const uint64_t place =
        node->to[0] | (upper & ((1U << (PLACE_BITS - 32)) - 1)) << 32;
    const uint64_t n = node->to[2] | upper >> (PLACE_BITS - 32) << 32;
    return v < g->n_heads
               ? follow_all(w, g->head_to + place, n, 0, from)
               : follow_all(w, g->rest.to + place, n, g->n_heads, from);
}

static bool visit(struct walk *w, struct pending at)
{
    struct flow_search *s = w->s;
    const struct node node = w->nodes[at.node];
    if (node.state < UNSEEN) {
        if (at.from < s->semi[node.state]) {
            s->semi[node.state] = at.from;
        }
        return true;
    }
    const uint32_t i = s->n++;
    w->nodes[at.node].state = i;
    s->vertex[i] = at.node;
    s->parent[i] = at.from;
    s->semi[i] = at.from;
    return node.state == UNSEEN_MANY
               ? follow_many(w, at.node, &node, i)
               : follow_all(w, node.to, node.state - UNSEEN, 0, i);
}

/* What is next on the stack may have left the cache since it was put there. */
static void look_ahead(const struct walk *w)
{
    if (w->stack.n > 0) {
        HEAP_PREFETCH(&w->nodes[w->stack.items[w->stack.n - 1].node]);
    }
}

static bool fail(const struct walk *w, struct err *err)
{
    return w->wanted_bytes == 0
               ? err_nomem(err, "dominators")
               : err_set(err, ERR_LIMIT,
                         "dominators need %llu bytes of memory for pointers, "
                         "the limit leaves %llu",
                         (unsigned long long)w->wanted_bytes,
                         (unsigned long long)w->g->lists_max_bytes);
}

static bool walk(struct walk *w, const struct heap_graph_options *o,
                 struct err *err)
{
    const uint64_t all = (uint64_t)w->g->n_heads + w->g->n_rest;
    uint32_t n_visits = 0;
    if (!vec_pending_push(&w->stack, (struct pending){0, 0})) {
        return err_nomem(err, "dominators");
    }
    while (w->stack.n > 0) {
        const struct pending at = w->stack.items[--w->stack.n];
        look_ahead(w);
        if (!visit(w, at)) {
            return fail(w, err);
        }
        if (++n_visits % CHECK_EVERY == 0 &&
            !flow_goes_on(o, "searching", w->s->n, all, err)) {
            return false;
        }
    }
    return true;
}

bool flow_search(const struct flow_graph *g, const struct heap_graph_options *o,
                 struct flow_search *out, struct err *err)
{
    struct flow_search s = {0};
    struct walk w = {.g = g, .s = &s};
    bool ok = prepare(g, &w) || err_nomem(err, "dominators");
    ok = ok && walk(&w, o, err);
    vec_pending_release(&w.stack);
    if (!ok) {
        free(w.nodes);
        flow_search_release(&s);
        return false;
    }
    keep_numbers(&w);
    *out = s;
    return true;
}
