/* What the files of heap_paths.h share: the tree of shortest paths. */
#ifndef SEEP_HEAP_HEAP_PATHS_PRIVATE_H
#define SEEP_HEAP_HEAP_PATHS_PRIVATE_H

#include "heap/heap_paths.h"

/* Values of `from`: an object, PATH_ROOT | the number of a root, or
   PATH_UNREACHED. */
#define PATH_ROOT      UINT32_C(0x80000000)
#define PATH_UNREACHED UINT32_C(0xffffffff)
#define PATH_MAX       UINT32_C(0x7ffffff0) /* objects, and roots */

/* Edges turned around, and roots by object; made when first asked for. */
struct path_holders {
    uint64_t *first; /* of object i: from[first[i]] up to from[first[i + 1]] */
    uint32_t *from;
    struct path_root *roots; /* sorted by object */
    size_t n_roots;
    uint64_t spent_bytes; /* of these and of the distances */
};
struct path_root {
    uint32_t object, root;
};

struct heap_paths {
    const struct heap_graph *graph;
    uint32_t *from;     /* by object: the step before on a shortest path */
    uint32_t *distance; /* by object: steps from a root, 1 when a root holds it;
                           undefined where unreached */
    struct path_holders *holders;
};

/* Root number `i` of all. */
const struct heap_root *path_root_at(const struct heap_graph *g, uint32_t i);

/* Bytes from the begin of `from` to its first pointer into `to`; 0 when it has
   none. */
uint64_t path_offset(const struct heap_graph *g, object_id from, object_id to);

bool path_spend(const struct heap_paths *p, uint64_t bytes,
                const struct heap_graph_options *o, struct err *err) MUST_USE;

/* Fills `holders` unless it is. */
bool path_holders_make(const struct heap_paths *p, struct err *err) MUST_USE;
/* Index of the first of an object's roots among `roots`. */
size_t path_first_root(const struct path_holders *h, uint32_t object);
void path_holders_release(struct path_holders *h);

#endif
