/* Inside of heap_blocked*.c. */
#ifndef SEEP_HEAP_HEAP_BLOCKED_PRIVATE_H
#define SEEP_HEAP_HEAP_BLOCKED_PRIVATE_H

#include "base/num.h"
#include "base/vec.h"
#include "heap/heap.h"
#include "heap/heap_blocked.h"

struct blocked_pair {
    uint32_t object, goroutine;
};
VEC_TYPE(blocked_pairs, struct blocked_pair)

struct heap_blocked {
    const struct heap_graph *graph;
    struct binary *binary;
    uint32_t n_goroutines;
    struct blocked_goroutine *states;
    size_t n_words; /* of the bit sets, by object */
    uint64_t *live, *is_waited, *is_masked;
    struct blocked_pairs waits; /* by object: who waits for it */
    /* The g and the sudogs of who may be unreachable, by goroutine. */
    struct blocked_pairs masked;
};

bool blocked_bit(const uint64_t *bits, uint32_t i);

/* Objects that variables on its stack may refer to, beyond the roots of its
   group. False when memory is out or `take` says so. */
bool blocked_scan_stack(const struct heap_graph *g, uint32_t goroutine,
                        bool (*take)(void *ctx, object_id o), void *ctx);

/* Fills waits and masked; who waits for something that was not found, or that
   is not in the heap, is set free. False when memory is out. */
bool blocked_find_waits(struct heap_blocked *b, const struct heap_types *t,
                        struct binary *binary);

#endif
