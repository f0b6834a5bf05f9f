/*
 * Who is next: a binary heap of (time, id) that knows where each id stands,
 * so that one can be taken out. Ids are small and dense; each is in it once.
 * Equal times go by id, which keeps the order the same from run to run.
 */
#ifndef SEEP_WATCH_DUE_HEAP_PRIVATE_H
#define SEEP_WATCH_DUE_HEAP_PRIVATE_H

#include "base/vec.h"

struct due {
    int64_t at_ns;
    uint32_t id;
};
VEC_TYPE(due_vec, struct due)

/* Zero is a valid, empty heap. */
struct due_heap {
    struct due_vec items;
    struct vec_u32 places; /* of an id: index in items + 1; 0 = not in it */
};

/* Puts it in, or to another time. False when memory is out, which cannot
   happen to an id that was in it before. */
bool due_heap_put(struct due_heap *h, uint32_t id, int64_t at_ns);
void due_heap_remove(struct due_heap *h, uint32_t id);

bool due_heap_has(const struct due_heap *h, uint32_t id);

/* The first; NULL when empty. */
const struct due *due_heap_first(const struct due_heap *h);
void due_heap_release(struct due_heap *h);

#endif
