/* What the heap's sites and the parent step share. */
#ifndef SEEP_RULES_JUDGE_HEAP_PRIVATE_H
#define SEEP_RULES_JUDGE_HEAP_PRIVATE_H

#include "rules/judge_private.h"

/* Sums at the first and the last point, of a site or a leaf function. */
struct heap_ends {
    double value[2], sampled[2];
    double gained; /* scratch */
};

/* Sums over the whole program but the profiler. */
struct heap_total {
    double *value, *born_bytes; /* per point */
    double sampled_first, sampled_last, born_first, born_last;
};

/* Nearly everything in a healthy program is told by the first and the last
   point: sums over all points are made of what grew. */
struct heap_work {
    struct series_matrix ends;  /* every row, first and last point */
    struct series_matrix sites; /* heap_sites() makes them */
    struct series_matrix parents;
    struct heap_total total;
    uint32_t *site_of;
    struct heap_ends *site_ends; /* per site */
    struct heap_ends *leaves;    /* per function; NULL until asked for */
    double *gain;                /* per row: bytes gained over the window */
    uint32_t *group_of_func;     /* func -> group of `sites`, or NO_GROUP */
    uint32_t *func_of_group;
    size_t n_sites;

    /* The parent step: row -> user functions on it, and back. */
    uint32_t *off, *ids;
    uint32_t *row_off, *row_ids;
    uint8_t *is_strong; /* per site */
    uint8_t *is_level;  /* the same: its growth ended in the window */
};

/* Copies the trend of a group and measures it. */
bool heap_measure(struct judge *j, const struct heap_work *w,
                  const struct series_matrix *m, size_t group, struct trend *t,
                  struct err *err) MUST_USE;

/* Growth of a group over its noise, from sums that are there already. */
double heap_z(const struct judge *j, const struct series_matrix *m,
              size_t group);

/* Sampled objects a site gained over the window. */
static inline double heap_grown(const struct heap_ends *e)
{
    return e->sampled[1] - e->sampled[0];
}

/* Makes w->sites. */
bool heap_sites(const struct judge *j, struct heap_work *w,
                struct err *err) MUST_USE;

/* Did the total stay flat while this grew? Contradiction only: a noisy total
   is no veto. */
bool heap_total_contradicts(const struct heap_work *w, const struct trend *t,
                            bool *contradicts, struct err *err) MUST_USE;

/* judge_blocks.c: single blocks that grow by being copied. */
bool judge_blocks(struct judge *j, struct heap_work *w,
                  struct err *err) MUST_USE;

/* judge_parents.c: leaks spread over many small sites. */
bool judge_parents(struct judge *j, struct heap_work *w,
                   struct err *err) MUST_USE;

#endif
