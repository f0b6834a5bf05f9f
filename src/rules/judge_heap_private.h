/* What the heap's sites and the parent step share. */
#ifndef SEEP_RULES_JUDGE_HEAP_PRIVATE_H
#define SEEP_RULES_JUDGE_HEAP_PRIVATE_H

#include "rules/judge_private.h"

struct heap_work {
    struct series_matrix sites, leaves, parents, total;
    uint32_t *site_of, *leaf_of;
    double *gain;            /* per row: bytes gained over the window */
    uint32_t *group_of_func; /* func -> group of `sites`, or NO_GROUP */
    uint32_t *func_of_group;
    size_t n_sites;

    /* The parent step: row -> user functions on it, and back. */
    uint32_t *off, *ids;
    uint32_t *row_off, *row_ids;
    uint8_t *is_strong; /* per site */
};

/* Copies the trend of a group and measures it. */
bool heap_measure(struct judge *j, const struct heap_work *w,
                  const struct series_matrix *m, size_t group, struct trend *t,
                  struct err *err) MUST_USE;

/* Sampled objects a group gained over the window. */
double heap_grown(const struct series_matrix *m, size_t group);

/* Did the total stay flat while this grew? Contradiction only: a noisy total
   is no veto. */
bool heap_total_contradicts(const struct heap_work *w, const struct trend *t,
                            bool *contradicts, struct err *err) MUST_USE;

/* judge_parents.c: leaks spread over many small sites. */
bool judge_parents(struct judge *j, struct heap_work *w,
                   struct err *err) MUST_USE;

#endif
