/*
 * One record of a dump, decoded but not yet told to anyone: the reader tells
 * it to its visitor, the search after damage only asks whether it makes sense.
 */
#ifndef SEEP_HEAP_DUMP_RECORD_PRIVATE_H
#define SEEP_HEAP_DUMP_RECORD_PRIVATE_H

#include "base/vec.h"
#include "heap/dump_cursor_private.h"
#include "heap/heap.h"

VEC_TYPE(heap_calls, struct heap_call)

/* What a record needs to know of those before it. */
struct dump_world {
    const uint8_t *begin;
    unsigned pointer_bytes;
    uint64_t arena_start, arena_end; /* equal: unknown */
    struct heap_calls calls;         /* of the last bucket */
    uint64_t n_steps;                /* taken so far, by a rough measure */
    bool is_out_of_memory;
};

struct dump_record {
    uint64_t tag;
    struct dump_memory memory; /* objects, segments, frames */
    uint64_t n_fields;
    union {
        struct heap_params params;
        struct heap_type type;
        struct heap_itab itab;
        struct heap_goroutine goroutine;
        struct heap_frame frame;
        struct heap_finalizer finalizer;
        struct heap_os_thread os_thread;
        struct heap_defer defer;
        struct heap_panic panic;
        struct heap_memstats memstats;
        struct heap_bucket bucket;
        struct heap_sample sample;
        struct {
            struct span description;
            uint64_t address;
        } other_root;
    } as;
};

/* Decodes the record at `c`, which ends up behind it. False when there is
   none; `r` is undefined then. */
bool dump_record_read(struct dump_cursor *c, struct dump_world *w,
                      struct dump_record *r);

/* May objects lie there? */
static inline bool dump_in_arena(const struct dump_world *w, uint64_t address,
                                 uint64_t bytes)
{
    if (w->arena_start == w->arena_end) {
        return bytes <= UINT64_MAX - address;
    }
    return address >= w->arena_start && address < w->arena_end &&
           bytes <= w->arena_end - address;
}

/* Searches [from, end) for a place where records make sense again. NULL when
   there is none or `work` is used up: the steps it may take, counted down, so
   that hostile files cost no more than their size. */
const uint8_t *dump_resync(const struct dump_world *w, const uint8_t *from,
                           const uint8_t *end, uint64_t *work);

#endif
