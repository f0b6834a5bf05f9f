/*
 * Who may ask now: at most so many requests at once, in all and to one host,
 * and no more than their answers have memory for, by what they took last time.
 * Who cannot have a slot stands in line at its host, in the order of coming;
 * hosts with room take turns, so that one slow host holds up nobody else.
 */
#ifndef SEEP_WATCH_SLOTS_PRIVATE_H
#define SEEP_WATCH_SLOTS_PRIVATE_H

#include "base/intern.h"
#include "base/vec.h"

/* Embedded in who waits. */
struct slot_waiter {
    struct slot_waiter *next;
    void *owner;
    uint32_t host;
    bool is_waiting;
    uint64_t wanted_bytes; /* what its answer may take */
    uint64_t taken_bytes;  /* with a slot: what is counted for it */
};

struct slot_host {
    struct slot_waiter *first, *last;
    uint32_t n_active;
    uint32_t next_ready; /* host + 1; 0 = last */
    bool is_ready;       /* in line for a turn */
};
VEC_TYPE(slot_hosts, struct slot_host)

struct slots {
    uint32_t per_host_max, all_max; /* above 0 */
    uint64_t bytes_max;             /* of all answers under way; 0 = no limit */
    uint32_t n_active, n_waiting;
    uint64_t bytes_active;
    struct intern names; /* of hosts; ids are indices below */
    struct slot_hosts hosts;
    uint32_t first_ready, last_ready; /* host + 1; 0 = none */
};

/* The number of a host, given one when new. */
bool slots_host(struct slots *s, const char *name, uint32_t *host,
                struct err *err) MUST_USE;

/* Takes a slot, or stands in line: then false. */
bool slots_take(struct slots *s, struct slot_waiter *waiter);
void slots_give_back(struct slots *s, struct slot_waiter *waiter);

/* The answer of who has a slot takes so much by now. False: all together take
   more than they may, and this one more than its share. */
bool slots_charge(struct slots *s, struct slot_waiter *waiter, uint64_t bytes);

/* The next in line, which has a slot now; NULL: nobody can have one. */
void *slots_next(struct slots *s);

/* Takes one who waits out of the line without a slot; NULL: nobody waits. For
   the end. `*from` is where to look, 0 at first. */
void *slots_dismiss(struct slots *s, uint32_t *from);
void slots_release(struct slots *s);

#endif
