/*
 * Two dumps of one service beside each other. What has the same name in both
 * is one row: a type, a holder, a way from a holder, an allocation site. Go
 * does not move objects: in two dumps of one process an address is an object,
 * as far as size, type and, where it was sampled, allocation agree; so there
 * it can be told what is new and what is gone.
 */
#ifndef SEEP_HEAP_HEAP_DIFF_H
#define SEEP_HEAP_HEAP_DIFF_H

#include "heap/heap_view.h"

struct diff_row {
    const char *name;
    /* NAN: less than what is listed, or on another way. */
    double before_bytes, after_bytes;
    double before_objects, after_objects;
    /* Of types, in one process: not in the other dump. */
    double new_bytes, new_objects, gone_objects;
};

enum heap_diff_by {
    DIFF_BY_TYPE,
    DIFF_BY_HOLDER, /* globals, goroutines, what several hold */
    DIFF_BY_PATH,
    DIFF_BY_SITE, /* scaled from samples */
    N_HEAP_DIFF_BY
};

/* Do both come from one process, the first earlier? Same binary and build,
   counters that only grow, and the same addresses of allocation buckets. */
bool heap_is_same_process(const struct heap_graph *before,
                          const struct heap_graph *after);

/* Which call of an allocation is the one to blame; NULL none. */
typedef const struct heap_call *heap_diff_site(const struct heap_bucket *b);

struct heap_diff;
bool heap_diff_new(struct heap_view *before, const struct heap_facts *before_of,
                   struct heap_view *after, const struct heap_facts *after_of,
                   heap_diff_site *site, struct heap_diff **out,
                   struct err *err) MUST_USE;
void heap_diff_free(struct heap_diff *d);
bool heap_diff_is_same_process(const struct heap_diff *d);

/* What changed most first; rows that did not change are left out. Rows live as
   long as the diff. */
bool heap_diff_rows(struct heap_diff *d, enum heap_diff_by by, size_t n_max,
                    const struct diff_row **out, size_t *n, size_t *n_all,
                    struct err *err) MUST_USE;

#endif
