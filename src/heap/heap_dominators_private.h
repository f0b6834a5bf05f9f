/* The tree itself, for what else is computed from it. */
#ifndef SEEP_HEAP_HEAP_DOMINATORS_PRIVATE_H
#define SEEP_HEAP_HEAP_DOMINATORS_PRIVATE_H

#include "heap/flow_search_private.h"
#include "heap/heap_dominators.h"

/* Lists of children, made when first asked for: those of number i are
   nodes[first[i]] up to nodes[first[i + 1]]. */
struct children {
    uint32_t *first;
    heap_node *nodes;
    uint64_t spent_bytes; /* of these and of the tree */
};

struct heap_dominators {
    const struct heap_graph *graph;
    uint32_t n_heads; /* the super-root and the groups */
    uint32_t n_nodes;
    struct flow_tree tree;
    uint64_t *bytes;   /* by number; spare bytes of the tree */
    uint32_t *objects; /* the same */
    struct children *children;
};

#endif
