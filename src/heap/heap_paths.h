/*
 * Why an object is alive: shortest chains of pointers from roots, with the
 * names of the fields they go through, alone or merged for a group of objects;
 * and what several roots hold together.
 */
#ifndef SEEP_HEAP_HEAP_PATHS_H
#define SEEP_HEAP_HEAP_PATHS_H

#include "heap/heap_dominators.h"
#include "heap/heap_types.h"

/* One step: from the root or the object before, through the field, to it. */
struct heap_step {
    object_id object;
    uint64_t offset; /* of the pointer in what is before: the variable, or the
                        slot of an object; 0 where that is unknown */
};

struct heap_path {
    uint32_t group; /* where it begins */
    const struct heap_root *root;
    const struct heap_step *steps; /* from the root to the object */
    size_t n;
};

struct heap_paths; /* distances from all roots; kept for many questions */
bool heap_paths_build(const struct heap_graph *g,
                      const struct heap_graph_options *o,
                      struct heap_paths **out, struct err *err) MUST_USE;
void heap_paths_free(struct heap_paths *p);

/* Up to `k` paths to an object, in `arena`, shortest first: the shortest from
   each of the nearest root groups, then those through other holders. None when
   it is unreachable. The first question with k > 1 turns all edges around. */
bool heap_paths_to(const struct heap_paths *p, object_id o, size_t k,
                   struct arena *arena, struct heap_path **out, size_t *n,
                   struct err *err) MUST_USE;

/* Of many objects: their shortest paths, merged by the names of their steps
   (types and fields, without indices; goroutines of one function are one; what
   repeats itself, as a list does, is one step), most bytes first. Bytes and
   numbers are those of the objects themselves. Without types (NULL) steps go
   by offsets and bytes. */
struct merged_step {
    const char *text; /* ".users[] -> *main.User" */
};
struct merged_path {
    uint32_t group;    /* one of those whose roots it begins at */
    uint32_t n_groups; /* of these, all alike */
    const struct merged_step *steps;
    size_t n;
    uint64_t n_objects, bytes;
};
bool heap_paths_merged(const struct heap_paths *p, const struct heap_types *t,
                       const object_id *objects, size_t n_objects, size_t n_max,
                       struct arena *arena, struct merged_path **out, size_t *n,
                       struct err *err) MUST_USE;

/* All that a group reaches, itself holding it alone or not. */
bool heap_reachable_from(const struct heap_graph *g, uint32_t group,
                         uint64_t *bytes, uint64_t *n_objects,
                         struct err *err) MUST_USE;

/* All that an object reaches, itself included. */
bool heap_reachable_from_object(const struct heap_graph *g, object_id o,
                                uint64_t *bytes, uint64_t *n_objects,
                                struct err *err) MUST_USE;

/* What is reachable from more than one group: the sets of groups that share
   most, each with its bytes; sets of up to four groups by name, larger ones
   as one. */
struct heap_shared {
    uint32_t groups[4];
    uint32_t n_groups; /* above 4: the first four of them */
    uint64_t bytes, n_objects;
};
bool heap_shared_sets(const struct heap_graph *g,
                      const struct heap_dominators *d, size_t n_max,
                      struct arena *arena, struct heap_shared **out, size_t *n,
                      struct err *err) MUST_USE;

#endif
