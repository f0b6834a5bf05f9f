/*
 * Two groups of profiles, base and head, compared by site. A site is the
 * innermost user function of a stack (else of a dependency, else what the
 * stack hangs on), over all its callers and lines: work that moves from one
 * caller to another is no growth. Heap counts are compared as the sampled
 * objects that Go recorded, recovered exactly.
 *
 * Use: series_diff_new, series_diff_add for every snapshot, then
 * series_diff_finish once, then read. Nothing of a snapshot is borrowed.
 */
#ifndef SEEP_SERIES_DIFF_H
#define SEEP_SERIES_DIFF_H

#include "base/arena.h"
#include "base/err.h"
#include "profile/profile.h"

struct series_input;
struct series_about;
struct series_diff;

enum diff_side { DIFF_BASE, DIFF_HEAD, N_DIFF_SIDES };
enum diff_plane { DIFF_HEAP, DIFF_GOROUTINE, DIFF_LEAK, N_DIFF_PLANES };

/* Strings are borrowed from the diff, never NULL. */
struct diff_frame {
    const char *function, *file;
    int64_t line;
    enum frame_origin origin;
};

/* Levels are means over the profiles of a side: bytes in use, or goroutines.
   What a plane does not have is 0 or NAN. */
struct diff_site {
    uint32_t id;
    struct diff_frame frame;
    double base, head, delta;
    double base_objects, head_objects;
    double base_sampled, head_sampled; /* sampled objects in use; heap */
    double births, deaths; /* sampled; NAN unless one process seen twice */
    double retention;      /* of the births, still in use; NAN unknown */
    double z;              /* growth over its noise */
    double error;          /* sampling error of delta, same unit */
    double p; /* group test, one-sided; NAN with fewer than 3 a side */
    /* Highest minus lowest level over the profiles of both sides together:
       does not know the sides, so choosing tests by it is no bias. 0 without
       a group test. */
    double spread;
};

/* How the two sides relate. */
enum diff_replicas {
    DIFF_TOO_FEW,     /* fewer than 3 profiles on a side: no group test */
    DIFF_UNKNOWN,     /* cannot be told */
    DIFF_ONE_PROCESS, /* a side is one process seen again and again */
    DIFF_INDEPENDENT
};

struct diff_total {
    size_t n[N_DIFF_SIDES];     /* profiles used */
    double level[N_DIFF_SIDES]; /* mean of the totals */
    int64_t period[N_DIFF_SIDES];
    bool is_one_process; /* base and head are one process, seen twice */
    enum diff_replicas replicas;
};

struct series_diff *series_diff_new(const char *module); /* NULL: found out */
void series_diff_free(struct series_diff *d);

bool series_diff_add(struct series_diff *d, enum diff_side side,
                     const struct snapshot *snap, struct err *err) MUST_USE;
bool series_diff_note_input(struct series_diff *d, const char *source,
                            enum profile_kind kind, const char *why,
                            struct err *err) MUST_USE;

/* ERR_MISMATCH when no kind of profile is on both sides. */
bool series_diff_finish(struct series_diff *d, struct err *err) MUST_USE;

/* Is the plane on both sides (leak profiles: in head)? */
bool series_diff_has(const struct series_diff *d, enum diff_plane plane);

/* Largest change first, then by name. Borrowed. */
const struct diff_site *series_diff_sites(const struct series_diff *d,
                                          enum diff_plane plane, size_t *n);
const struct diff_total *series_diff_total(const struct series_diff *d,
                                           enum diff_plane plane);

/* One call stack of a site, aligned by function names; leaf first. */
struct diff_stack {
    const struct diff_frame *frames;
    size_t n_frames;
    double base, head;
    double base_objects, head_objects;
};

/* The stack of the site that grew most; frames are taken from `arena`. */
bool series_diff_stack(const struct series_diff *d, enum diff_plane plane,
                       const struct diff_site *site, struct arena *arena,
                       struct diff_stack *out, struct err *err) MUST_USE;

const struct series_input *series_diff_inputs(const struct series_diff *d,
                                              size_t *n);
const char *const *series_diff_notes(const struct series_diff *d, size_t *n);
const struct series_about *series_diff_about(const struct series_diff *d);

#endif
