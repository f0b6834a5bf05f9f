/*
 * The distinct call stacks of a profile by what their frames are called, with
 * the sums of their samples, in order of first sight. A stack is kept as the
 * number of a sample that has it: nothing is copied, and building is linear
 * in the frames of the profile.
 */
#ifndef SEEP_REPORT_STACK_SET_PRIVATE_H
#define SEEP_REPORT_STACK_SET_PRIVATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/intern.h"
#include "profile/profile.h"

/* Texts end in NUL and are borrowed from the set or the profile. */
struct stack_frame {
    struct span name;
    struct span file; /* empty unless frames are told apart by it */
    int64_t line;     /* where the function begins; 0 = not said */
};
VEC_TYPE(stack_frames, struct stack_frame)

enum stack_identity {
    STACK_BY_NAME,    /* frames of one name are one */
    STACK_BY_FUNCTION /* also their files and first lines tell them apart */
};

struct stack_set {
    const struct profile *profile; /* borrowed */
    struct stack_frames frames;
    uint32_t *frame_ids;    /* of all locations, innermost first */
    uint32_t *first_frame;  /* by location, n_locations + 1 */
    struct vec_u32 samples; /* stack -> a sample that has it */
    struct vec_i64 sums;    /* n_types values a stack; wrap around, as pprof's
                               sums do */
    struct intern names;    /* what tells frames apart */
};

/* A set that is zero; released by the caller whether this works or not. */
bool stack_set_build(struct stack_set *set, const struct profile *p,
                     enum stack_identity identity, struct err *err) MUST_USE;
void stack_set_release(struct stack_set *set);

static inline int64_t stack_sum(const struct stack_set *set, size_t stack,
                                uint32_t column)
{
    return set->sums.items[stack * set->profile->n_types + column];
}

/* Goes over the frames of a stack, root first. */
struct stack_walk {
    const struct stack_set *set;
    const uint32_t *locations; /* those left are [0, n) */
    size_t n;
    uint32_t first, at; /* those left of the current one are [first, at) */
};

struct stack_walk stack_walk(const struct stack_set *set, size_t stack);

static inline bool stack_next(struct stack_walk *w, uint32_t *frame)
{
    while (w->at == w->first) {
        if (w->n == 0) {
            return false;
        }
        const uint32_t location = w->locations[--w->n];
        w->first = w->set->first_frame[location];
        w->at = w->set->first_frame[location + 1];
    }
    *frame = w->set->frame_ids[--w->at];
    return true;
}

/* --- Folded text --- */

/* The names of all frames as folded stacks spell them, by frame id: a
   semicolon, a line break and a backslash before an x become \x3b, \x0a, \x0d
   and \x5c, so that no name can end early and all can be read back. Borrowed
   from `arena`; NULL when memory is out. */
struct span *stack_folded_names(const struct stack_set *set,
                                struct arena *arena);

/* "root;frame;leaf"; "<unknown>" for a stack without frames. */
void stack_fold(struct buf *out, const struct stack_set *set, size_t stack,
                const struct span *folded_names);

#endif
