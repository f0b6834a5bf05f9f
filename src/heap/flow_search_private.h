/*
 * A graph that everything flows through from one root, and its dominator
 * tree. Nodes are those of heap_dominators.h; heads (the super-root and the
 * groups) have their edges apart, so that the edges of objects are used where
 * they are.
 *
 * More than half of the objects of a heap point to nothing. Such leaves stay
 * out of every array but `number`, which says who dominates them; only what
 * has edges of its own is searched and numbered.
 */
#ifndef SEEP_HEAP_FLOW_SEARCH_PRIVATE_H
#define SEEP_HEAP_FLOW_SEARCH_PRIVATE_H

#include "base/err.h"
#include "base/vec.h"
#include "heap/heap_graph.h"

#include <stdbool.h>
#include <stdint.h>

struct flow_graph {
    uint32_t n_heads; /* the first nodes; 0: all are in `rest` */
    const uint64_t *head_first;
    const uint32_t *head_to; /* nodes */
    uint32_t n_rest;
    struct heap_csr rest;     /* of node n_heads + i, to node n_heads + to */
    uint64_t lists_max_bytes; /* for what grows with edges; 0 no limit */
};

/* Values of `number`. The bit of a leaf is set in both kinds of unseen. */
#define FLOW_LEAF        UINT32_C(0x80000000)
#define FLOW_UNSEEN_LEAF UINT32_C(0xfffffffe)
#define FLOW_UNSEEN      UINT32_C(0xffffffff)
#define FLOW_NONE        UINT32_C(0xffffffff)
#define FLOW_NODES_MAX   UINT32_C(0x7ffffff0)

/* Numbers are those of a depth-first search, the root has 0. */
struct flow_tree {
    uint32_t *number; /* by node: its number, FLOW_LEAF | that of its
                         dominator, or unseen */
    uint32_t *vertex; /* by number: the node */
    uint32_t *idom;   /* by number: the number of its dominator */
    uint32_t n;       /* numbered */
    void *spare;      /* 12 bytes for each number, aligned for 8, for the
                         caller's use; in the memory of `number` */
};

static inline bool flow_is_seen(uint32_t number)
{
    return number < FLOW_UNSEEN_LEAF;
}

void flow_tree_release(struct flow_tree *t);
/* Gives back what is behind the spare bytes; they may move. */
void flow_tree_shrink(struct flow_tree *t, size_t n_nodes);

/* `o` may be NULL; its progress and stop are used. */
bool flow_dominators(const struct flow_graph *g,
                     const struct heap_graph_options *o, struct flow_tree *out,
                     struct err *err) MUST_USE;

/* False, with ERR_INTERRUPTED, when it should stop. `o` may be NULL. */
bool flow_goes_on(const struct heap_graph_options *o, const char *what,
                  uint64_t done, uint64_t all, struct err *err) MUST_USE;

/* --- the search, first half of the work --- */

/* An edge to a node that was numbered before its source: back or across. */
struct flow_cross {
    uint32_t target, source;
};
VEC_TYPE(vec_flow_cross, struct flow_cross)

/* A further edge to a leaf that has a holder already. */
struct flow_shared {
    uint32_t leaf, source;
};
VEC_TYPE(vec_flow_shared, struct flow_shared)

struct flow_search {
    uint32_t *number, *vertex, *parent; /* as in flow_tree */
    void *spare;
    uint32_t *semi; /* lowest ancestor with an edge to it */
    struct vec_flow_cross cross;
    struct vec_flow_shared shared;
    uint32_t n;
};

bool flow_search(const struct flow_graph *g, const struct heap_graph_options *o,
                 struct flow_search *out, struct err *err) MUST_USE;
void flow_search_release(struct flow_search *s);

#endif
