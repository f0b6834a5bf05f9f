/*
 * Goroutines that nothing can ever wake. A goroutine that waits for a channel
 * or a lock can go on only when somebody who runs reaches that channel or
 * lock. So what is reachable is found without the stacks of those that wait;
 * whoever's channel or lock turns out to be reachable is taken to run as well,
 * until nothing changes. Who is left is leaked, and so is what only they hold.
 *
 * Go's own goroutineleak profile decides alike. Whatever is not understood
 * counts as able to go on: main, goroutines of the runtime, waits whose object
 * was not found.
 */
#ifndef SEEP_HEAP_HEAP_BLOCKED_H
#define SEEP_HEAP_HEAP_BLOCKED_H

#include "heap/heap_types.h"

enum blocked_on {
    BLOCKED_NOT,       /* runs, or waits for time, a device, the runtime */
    BLOCKED_CHANNEL,   /* receive, send, select */
    BLOCKED_SYNC,      /* mutex, wait group, condition */
    BLOCKED_COROUTINE, /* parked until next or stop of its iter.Pull */
    BLOCKED_FOREVER    /* nil channel, select without cases */
};

struct blocked_goroutine {
    enum blocked_on on;
    bool is_unreachable; /* nothing can wake it */
    /* It would be, but something that no root holds refers to what it waits
       for: garbage, or a clean-up, which dumps do not list (Go 1.24). */
    bool is_doubtful;
    /* Of a lock or a condition: where what has it in it begins, an object or a
       variable; 0 unknown. */
    uint64_t target;
};

/* What a wait reason says; a reason that is not known waits for nothing. */
enum blocked_on blocked_on_reason(const char *wait_reason);

struct heap_blocked;
/* Without `types` (NULL) only BLOCKED_FOREVER is told. */
bool heap_blocked_find(const struct heap_graph *g, const struct heap_types *t,
                       struct binary *b, struct heap_blocked **out,
                       struct err *err) MUST_USE;
void heap_blocked_free(struct heap_blocked *b);

/* By index among the graph's goroutines. */
const struct blocked_goroutine *heap_blocked_at(const struct heap_blocked *b,
                                                uint32_t goroutine);

/* What these goroutines reach and no goroutine that may go on does. */
struct blocked_held {
    uint64_t bytes;
    uint64_t n_objects;
};
bool heap_blocked_hold(const struct heap_blocked *b, const uint32_t *goroutines,
                       size_t n, struct blocked_held *out,
                       struct err *err) MUST_USE;

/* Who waits for which object, sorted by object; a select has several. */
size_t heap_blocked_n_waits(const struct heap_blocked *b);
object_id heap_blocked_wait_at(const struct heap_blocked *b, size_t i,
                               uint32_t *goroutine);

/* Do roots or goroutines that may go on reach it? */
bool heap_blocked_is_live(const struct heap_blocked *b, object_id o);

/* The same as heap_blocked_hold() for one set after the other: what a set
   before had counts no more. NULL when memory is out. */
struct blocked_tally;
struct blocked_tally *blocked_tally_new(const struct heap_blocked *b);
void blocked_tally_free(struct blocked_tally *t);
bool blocked_tally_add(struct blocked_tally *t, const uint32_t *goroutines,
                       size_t n, struct blocked_held *out,
                       struct err *err) MUST_USE;

#endif
