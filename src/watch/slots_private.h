/*
 * Who may ask now: at most so many requests at once, in all and to one host.
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
    uint32_t n_active, n_waiting;
    struct intern names; /* of hosts; ids are indices below */
    struct slot_hosts hosts;
    uint32_t first_ready, last_ready; /* host + 1; 0 = none */
};

/* The number of a host, given one when new. */
bool slots_host(struct slots *s, const char *name, uint32_t *host,
                struct err *err) MUST_USE;

/* Takes a slot, or stands in line: then false. */
bool slots_take(struct slots *s, struct slot_waiter *waiter);
void slots_give_back(struct slots *s, uint32_t host);

/* The next in line, which has a slot now; NULL: nobody can have one. */
void *slots_next(struct slots *s);

/* Takes one who waits out of the line without a slot; NULL: nobody waits. For
   the end. `*from` is where to look, 0 at first. */
void *slots_dismiss(struct slots *s, uint32_t *from);
void slots_release(struct slots *s);

#endif
