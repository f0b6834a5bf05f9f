/*
 * Semi-NCA: the semidominator of each node, in reverse order of the search,
 * then its dominator, in order: the nearest common ancestor of its parent and
 * its semidominator in the tree so far.
 *
 * Two things keep hostile graphs at n log n: ancestors are compressed with
 * reversed links instead of a stack, and the walk up the tree uses a second
 * link of each node that leaps (skew-binary), for on a list of a million
 * nodes that all point to a thousand objects a walk step by step does not end.
 */
#include "heap/flow_search_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "heap/heap_dominators.h"
#include "heap/heap_memory_private.h"

#include "base/banned.h"

enum {
    AHEAD = 16, /* edges looked ahead, as in the search */
    /* Sources on their way up, a power of two, and the sources between two of
       their steps: most ways are shorter than eight steps. */
    SCOUTS = 32,
    SCOUT_STEP = 4,
    CHECK_EVERY = 1 << 20
};

/* Nodes without a number, 12 bytes each, that are worth a call. */
enum { SHRINK_FROM = 1 << 17 };

/* Of a node, while semidominators are sought: an ancestor, and the lowest
   semidominator on the way there, itself included. */
struct link {
    uint32_t ancestor, lowest;
};

/* Of a node of the finished tree. */
struct leap {
    uint32_t to, depth;
};

/* Two uses of the same memory, one after the other. */
union step {
    struct link link;
    struct leap leap;
};

/* The lowest semidominator from `v` up to the last ancestor above `w`. The way
   up reverses the links, the way down restores them shortened. */
static uint32_t lowest_above(union step *steps, uint32_t v, uint32_t w)
{
    uint32_t below = FLOW_NONE;
    uint32_t at = v;
    while (steps[at].link.ancestor > w) {
        const uint32_t next = steps[at].link.ancestor;
        steps[at].link.ancestor = below;
        below = at;
        at = next;
    }
    const uint32_t ancestor = steps[at].link.ancestor;
    uint32_t lowest = steps[at].link.lowest;
    while (below != FLOW_NONE) {
        struct link *l = &steps[below].link;
        below = l->ancestor;
        l->ancestor = ancestor;
        if (l->lowest < lowest) {
            lowest = l->lowest;
        }
        l->lowest = lowest;
    }
    return lowest;
}

/* Sources of back and cross edges by target: those of w begin at ends[w - 1]
   and end at ends[w]. */
struct sources {
    uint32_t *of;
    uint32_t *ends;
};

static bool sort_cross(struct flow_search *s, struct sources *out)
{
    const struct flow_cross *cross = s->cross.items;
    const size_t n = s->cross.n;
    uint32_t *of = out->of = heap_column(uint32_t, n);
    uint32_t *ends = out->ends;
    if (!of) {
        return false;
    }
    memset(ends, 0, sizeof(*ends) * s->n);
    for (size_t e = 0; e < n; e++) {
        HEAP_PREFETCH(&ends[cross[e + AHEAD < n ? e + AHEAD : e].target]);
        ends[cross[e].target]++;
    }
    uint32_t at = 0;
    for (uint32_t w = 0; w < s->n; w++) {
        const uint32_t n_of_it = ends[w];
        ends[w] = at;
        at += n_of_it;
    }
    for (size_t e = 0; e < n; e++) {
        HEAP_PREFETCH(&ends[cross[e + AHEAD < n ? e + AHEAD : e].target]);
        of[ends[cross[e].target]++] = cross[e].source;
    }
    vec_flow_cross_release(&s->cross);
    return true;
}

/* Each step of a way up is a miss of the cache, and says where the next one
   is: so the sources that come next are on their way while others are at work,
   a step every few sources. What they saw may be shortened meanwhile. */
struct scouts {
    uint32_t at[SCOUTS]; /* by the lowest bits of the source's index */
};

/* Before the e-th source of all is looked at; what is up to `w` has no link
   yet. */
static void scout(struct scouts *s, const union step *steps, const uint32_t *of,
                  uint32_t e, uint32_t w)
{
    for (uint32_t ahead = SCOUT_STEP; ahead < SCOUTS; ahead += SCOUT_STEP) {
        uint32_t *at = &s->at[(e - ahead) % SCOUTS];
        if (*at > w) {
            *at = steps[*at].link.ancestor;
            HEAP_PREFETCH(&steps[*at]);
        }
    }
    const uint32_t first = e < SCOUTS ? 0 : of[e - SCOUTS];
    s->at[e % SCOUTS] = first;
    HEAP_PREFETCH(&steps[first]);
}

static bool find_semidominators(struct flow_search *s,
                                const struct sources *sources,
                                union step *steps,
                                const struct heap_graph_options *o,
                                struct err *err)
{
    const uint32_t *ends = sources->ends;
    const uint32_t *of = sources->of;
    struct scouts scouts = {{0}};
    for (uint32_t w = s->n; w-- > 1;) {
        uint32_t semi = s->semi[w];
        for (uint32_t e = ends[w]; e-- > ends[w - 1];) {
            scout(&scouts, steps, of, e, w);
            const uint32_t found = lowest_above(steps, of[e], w);
            semi = found < semi ? found : semi;
        }
        s->semi[w] = semi;
        steps[w].link = (struct link){s->parent[w], semi};
        if (w % CHECK_EVERY == 0 &&
            !flow_goes_on(o, "dominators", s->n - w, s->n, err)) {
            return false;
        }
    }
    return true;
}

/* The nearest ancestor of `v`, itself included, that is not above `limit`. */
static uint32_t ancestor_within(const union step *steps, const uint32_t *idom,
                                uint32_t v, uint32_t limit)
{
    while (v > limit) {
        const uint32_t to = steps[v].leap.to;
        v = to >= limit ? to : idom[v];
    }
    return v;
}

/* A leap goes as far as the two before it together, when these are equal. */
static struct leap leap_below(const union step *steps, uint32_t parent)
{
    const struct leap a = steps[parent].leap;
    const struct leap b = steps[a.to].leap;
    const struct leap c = steps[b.to].leap;
    const bool is_equal = a.depth - b.depth == b.depth - c.depth;
    return (struct leap){is_equal ? b.to : parent, a.depth + 1};
}

/* Turns parents into dominators. */
static void find_dominators(struct flow_search *s, union step *steps)
{
    uint32_t *idom = s->parent;
    idom[0] = 0;
    steps[0].leap = (struct leap){0, 0};
    for (uint32_t w = 1; w < s->n; w++) {
        idom[w] = ancestor_within(steps, idom, idom[w], s->semi[w]);
        steps[w].leap = leap_below(steps, idom[w]);
    }
}

static uint32_t common_ancestor(const union step *steps, const uint32_t *idom,
                                uint32_t a, uint32_t b)
{
    if (steps[a].leap.depth < steps[b].leap.depth) {
        const uint32_t swap = a;
        a = b;
        b = swap;
    }
    const uint32_t depth = steps[b].leap.depth;
    while (steps[a].leap.depth > depth) {
        const uint32_t to = steps[a].leap.to;
        a = steps[to].leap.depth >= depth ? to : idom[a];
    }
    while (a != b) {
        const bool is_leap = steps[a].leap.to != steps[b].leap.to;
        a = is_leap ? steps[a].leap.to : idom[a];
        b = is_leap ? steps[b].leap.to : idom[b];
    }
    return a;
}

/* A leaf's dominator is the common one of all that hold it. */
static void settle_leaves(struct flow_search *s, const union step *steps)
{
    for (size_t i = 0; i < s->shared.n; i++) {
        const struct flow_shared *e = &s->shared.items[i];
        const uint32_t so_far = s->number[e->leaf] & ~FLOW_LEAF;
        if (so_far != 0) {
            s->number[e->leaf] = FLOW_LEAF | common_ancestor(steps, s->parent,
                                                             so_far, e->source);
        }
    }
}

static bool dominate(struct flow_search *s, const struct heap_graph_options *o,
                     struct err *err)
{
    /* Their places are 32 bits; so many edges are 34 GB already. */
    if (s->cross.n > UINT32_MAX) {
        return err_set(err, ERR_LIMIT, "too many pointers between objects");
    }
    static_assert(sizeof(union step) == 8, "spare bytes: steps, and an end");
    union step *steps = s->spare;
    void *behind = steps + s->n;
    struct sources sources = {.ends = behind};
    if (!sort_cross(s, &sources)) {
        return err_nomem(err, "dominators");
    }
    const bool ok = find_semidominators(s, &sources, steps, o, err);
    free(sources.of);
    if (ok) {
        find_dominators(s, steps);
        settle_leaves(s, steps);
    }
    return ok;
}

void flow_tree_release(struct flow_tree *t)
{
    free(t->number);
    free(t->vertex);
    free(t->idom);
    *t = (struct flow_tree){0};
}

void flow_tree_shrink(struct flow_tree *t, size_t n_nodes)
{
    const size_t n_words = (n_nodes + 1) / 2 * 2;
    if (n_nodes - t->n < SHRINK_FROM) {
        return;
    }
    void *memory =
        realloc(t->number, (n_words + 3 * (size_t)t->n) * sizeof *t->number);
    if (memory) {
        t->number = memory;
        t->spare = t->number + n_words;
    }
}

bool flow_dominators(const struct flow_graph *g,
                     const struct heap_graph_options *o, struct flow_tree *out,
                     struct err *err)
{
    if ((uint64_t)g->n_heads + g->n_rest > FLOW_NODES_MAX) {
        return err_set(err, ERR_LIMIT, "more than %u objects", FLOW_NODES_MAX);
    }
    struct flow_search s = {0};
    if (!flow_search(g, o, &s, err)) {
        return false;
    }
    const bool ok = dominate(&s, o, err);
    if (ok) {
        *out = (struct flow_tree){s.number, s.vertex, s.parent, s.n, s.spare};
        s.number = NULL;
        s.vertex = NULL;
        s.parent = NULL;
    }
    flow_search_release(&s);
    return ok;
}

/* The compact form of `first`; the caller's. */
static bool compact(uint32_t n, const uint64_t *first, uint64_t **bases,
                    uint32_t **begins, struct err *err)
{
    uint64_t *base = *bases = heap_column(uint64_t, (n >> 8) + (size_t)1);
    uint32_t *begin = *begins = heap_column(uint32_t, n + (size_t)1);
    if (!base || !begin) {
        return err_nomem(err, "dominators");
    }
    for (uint64_t i = 0; i <= n; i++) {
        if (i % 256 == 0) {
            base[i / 256] = first[i];
        }
        const uint64_t rest = first[i] - base[i / 256];
        if (!u32_from_u64(&begin[i], rest)) {
            return err_set(err, ERR_LIMIT, "more than %u edges of 256 nodes",
                           UINT32_MAX);
        }
    }
    return true;
}

static void take_dominators(const struct flow_tree *t, uint32_t n,
                            uint32_t *idom)
{
    assert(t->number);
    for (uint32_t v = 0; v < n; v++) {
        const uint32_t number = t->number[v];
        if (!flow_is_seen(number)) {
            idom[v] = UINT32_MAX;
        } else if (number & FLOW_LEAF) {
            idom[v] = t->vertex[number & ~FLOW_LEAF];
        } else {
            idom[v] = t->vertex[t->idom[number]];
        }
    }
}

bool dominators_of(uint32_t n, const uint64_t *first, const uint32_t *to,
                   uint32_t *idom, struct err *err)
{
    if (n == 0) {
        return true;
    }
    uint64_t *bases = NULL;
    uint32_t *begins = NULL;
    struct flow_tree t = {0};
    bool ok = compact(n, first, &bases, &begins, err);
    if (ok) {
        const struct flow_graph g = {
            .n_rest = n, .rest = {bases, begins, to, UINT32_MAX}
        };
        ok = flow_dominators(&g, NULL, &t, err);
    }
    if (ok) {
        take_dominators(&t, n, idom);
    }
    flow_tree_release(&t);
    free(bases);
    free(begins);
    return ok;
}
