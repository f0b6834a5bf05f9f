/* Which flag sets of pprof_diff.def meet which profiles. */
#ifndef SEEP_TESTS_PPROF_PLAN_H
#define SEEP_TESTS_PPROF_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pprof_corpus.h"

enum breadth { BREADTH_ROW, BREADTH_BROAD, BREADTH_LARGE };

struct flag_set {
    const char *words;
    enum breadth breadth;
};

enum {
#define ROW(words)   +1
#define BROAD(words) +1
#define LARGE(words) +1
    N_FLAG_SETS = 0
#include "pprof_diff.def"
#undef ROW
#undef BROAD
#undef LARGE
};
extern const struct flag_set flag_sets[N_FLAG_SETS];

enum { N_REPORTS = 13 };
extern const char *const reports[N_REPORTS];

/* Place in `reports` of the one that the row asks for. */
size_t report_of(const struct flag_set *f);

/* How old the peer is. All print the numbers of reports alike. */
enum age {
    AGE_RECENT,
    AGE_OLD,   /* another line "Time:", another report of tags */
    AGE_OLDEST /* merges a single profile, too, and knows no columns: what
                  prints samples or places is another report; cuts scaled
                  values where others round them */
};

struct job {
    uint32_t flag_set, source;
    uint64_t order;
};

struct jobs {
    struct job *items;
    size_t n;
    size_t n_broad, n_others; /* flag sets */
};

struct plan {
    uint64_t n_sample; /* so many jobs, spread over all rows; 0: a whole run */
    uint64_t depth;    /* ... where rows that are not broad meet one in so many
                          small profiles; 1: all rows meet all profiles */
    uint64_t seed;
    const char *filter; /* only rows with it; NULL: all */
    enum age age;
};

bool is_large(const struct source *s);

/* Jobs in the order in which they are to be done. Caller frees the items. */
struct jobs plan_jobs(const struct plan *plan, const struct sources *s);

/* The same for the same numbers, and else like dice. */
uint64_t mix(uint64_t z);

#endif
