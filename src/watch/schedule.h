/*
 * When each target is due. Every target has a place of its own within the
 * interval (from a hash of its name, so that it is the same after a restart
 * and that a thousand targets are spread evenly), shaken a little each time.
 * Ticks are multiples of the interval from the start: who is late does not
 * shift those to come, and a tick that is missed is dropped, not made up for.
 * Pure: times are given, in nanoseconds of a monotonic clock.
 */
#ifndef SEEP_WATCH_SCHEDULE_H
#define SEEP_WATCH_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct schedule;

/* Jitter is a share of the interval, 0..0.5. NULL: out of memory. */
struct schedule *schedule_new(int64_t interval_ns, double jitter,
                              uint64_t seed);
void schedule_free(struct schedule *s);

/* `id` is the caller's; its first tick is within one interval after `now_ns`,
   or at once with `is_now`. */
bool schedule_add(struct schedule *s, uint32_t id, const char *name,
                  int64_t now_ns, bool is_now);
void schedule_remove(struct schedule *s, uint32_t id);

/* The next one that is due at `now_ns`, with when it was due; it is put at its
   next tick after now. Ticks that had to be skipped are counted. */
bool schedule_take(struct schedule *s, int64_t now_ns, uint32_t *id,
                   int64_t *due_ns, uint64_t *n_skipped);

/* When the next is due; INT64_MAX: nobody. */
int64_t schedule_next_ns(const struct schedule *s);

#endif
