/*
 * Who keeps what alive. The dominator of a node is the last one that every
 * path from the super-root passes; what a node dominates is freed when it
 * goes. Semi-NCA (Georgiadis 2005): Cooper, Harvey and Kennedy's iteration,
 * simpler, does not end on lists of a heap's length. Explicit stacks only; at
 * most E log N steps for any graph.
 *
 * Nodes: 0 the super-root, 1 + group, 1 + n_groups + object.
 */
#ifndef SEEP_HEAP_HEAP_DOMINATORS_H
#define SEEP_HEAP_HEAP_DOMINATORS_H

#include "heap/heap_graph.h"

typedef uint32_t heap_node;

struct heap_dominators;

/* `o` may be NULL; the graph must outlive the dominators. */
bool heap_dominators_build(const struct heap_graph *g,
                           const struct heap_graph_options *o,
                           struct heap_dominators **out,
                           struct err *err) MUST_USE;
void heap_dominators_free(struct heap_dominators *d);

bool heap_is_reachable(const struct heap_dominators *d, heap_node n);
/* UINT32_MAX where `n` is unreachable; the super-root's is itself. */
heap_node heap_dominator(const struct heap_dominators *d, heap_node n);
/* Kept alive by it, itself included; 0 where it is unreachable. */
uint64_t heap_retained_bytes(const struct heap_dominators *d, heap_node n);
uint32_t heap_retained_objects(const struct heap_dominators *d, heap_node n);
/* Its children in the tree, largest retained first; the array is the caller's,
   NULL when there are none. The first call makes the lists of all nodes. */
bool heap_dominated(const struct heap_dominators *d, heap_node n,
                    heap_node **out, size_t *n_out, struct err *err) MUST_USE;

/* The same in no order, lent until the tree is freed: for walks over all of
   it. */
bool heap_children(const struct heap_dominators *d, heap_node n,
                   const heap_node **out, size_t *n_out,
                   struct err *err) MUST_USE;

heap_node heap_node_of_group(uint32_t group);
heap_node heap_node_of_object(const struct heap_graph *g, object_id o);
bool heap_node_is_object(const struct heap_graph *g, heap_node n, object_id *o);

/* For tests and other graphs: idom[] of a CSR graph of n nodes from node 0;
   UINT32_MAX where unreachable. Arrays are the caller's. */
bool dominators_of(uint32_t n, const uint64_t *first, const uint32_t *to,
                   uint32_t *idom, struct err *err) MUST_USE;

#endif
