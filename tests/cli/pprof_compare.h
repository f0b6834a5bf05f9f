/* One flag set and one profile, asked of seep and of its peer. */
#ifndef SEEP_TESTS_PPROF_COMPARE_H
#define SEEP_TESTS_PPROF_COMPARE_H

#include <stddef.h>

#include "pprof_plan.h"

enum verdict {
    NOT_DONE,
    SAME,
    SAME_FAILURE,
    UNDECIDED, /* the peer's outputs differ, ours is one or has their lines */
    UNKNOWN,   /* the peer is too old for it */
    DIFFERENT,
    N_VERDICTS
};

struct setting {
    const char *seep, *peer;
    enum age age;
};

/* Works in the current folder, and leaves what there is to say of a difference
   in ../difference.I. */
enum verdict compare(size_t i, const struct job *job,
                     const struct sources *sources, const struct setting *set);

#endif
