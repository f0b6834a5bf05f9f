/*
 * The history of one target, bounded: what a watch keeps so that it can judge
 * at any time what a directory of all snapshots would show.
 *
 * A moment is a set of snapshots taken together (heap, goroutines, ...), and
 * counted from 0 within a run of the process. At most `moments_max` of them
 * are kept: those whose number is a multiple of the stride, and the latest.
 * When they become too many the stride doubles and every second one goes. So
 * what is kept is evenly spaced, always begins with the run's first moment and
 * ends with its last, and depends on the numbers alone: thinning takes points
 * from tests of levels and of cumulative births, it does not bend them. A
 * restart, another build or a clock that was set back begins a new run; what
 * was before is forgotten.
 *
 * Of a kind of profile that was not taken at the latest moment (goroutineleak,
 * dumps) the latest there is stays as well.
 *
 * The latest point is kept whole, each earlier one as its difference to the
 * next, in counts of samples (flow_private.h). bench_history says what that
 * takes for a simulated service with 500 background stacks, heap and
 * goroutines: steady 25 KB after 300 moments, i.e. 39 bytes a stack, a busy
 * leaking one (mixed-rates) 35 KB, 51 bytes; with 2,000 stacks 23 bytes, with
 * 50 stacks 80. The stacks themselves take 400 bytes each, once for all
 * targets of a table.
 *
 * history_add() is the analysis step: a pure function of (history, moment).
 */
#ifndef SEEP_SERIES_HISTORY_H
#define SEEP_SERIES_HISTORY_H

#include "series/series.h"
#include "series/stack_table.h"

struct history;

enum { HISTORY_MOMENTS_MAX = 32 };

struct history *history_new(uint32_t moments_max); /* NULL: out of memory */
void history_free(struct history *h);

enum history_event {
    HISTORY_TAKEN,
    HISTORY_REPEAT,  /* taken, but the heap is in the state it had before, and
                        nothing says that garbage was collected in between: a
                        series will show one point of the two */
    HISTORY_RESTART, /* counters fell: a new run began with this moment */
    HISTORY_DEPLOY,  /* another binary: likewise */
    HISTORY_CLOCK    /* its times lie before those there are: likewise, since
                        a series goes by time and would end with the old */
};
bool history_begins_run(enum history_event event);

/* Takes the points of one moment, in any order; they are copied. `t` is the
   table of their rows and texts, and outlives the history. Of two points of
   one kind and form the first counts. After a failure (memory) the history may
   lack what this moment brought, and can be read and freed only. */
bool history_add(struct history *h, struct stack_table *t,
                 const struct series_point *points, size_t n,
                 enum history_event *event, struct err *err) MUST_USE;

/* What is kept, as a finished series that shares `t`: rules_judge() takes it,
   faster from the second time on with a rules_memory.
   Sources are named "007.heap.pb.gz" and so on. Free with series_free()
   before the table. */
bool history_series(const struct history *h, struct stack_table *t,
                    const struct series_options *o, struct series **out,
                    struct err *err) MUST_USE;

/* Figures without decoding anything. */
struct history_about {
    uint64_t n_moments; /* of this run, all that were taken */
    uint32_t n_kept;
    uint32_t stride;
    uint32_t n_runs;                 /* 1 + those that began anew */
    int64_t first_nanos, last_nanos; /* of this run; 0 unknown */
    size_t bytes; /* memory of this history, the table's not */
};
struct history_about history_about(const struct history *h);

/* Totals of what is kept, oldest first: bytes in use or goroutines, at most
   `n_max` of the latest; returns how many. */
size_t history_totals(const struct history *h, enum series_plane plane,
                      double *values, int64_t *nanos, size_t n_max);

/* A kept moment's points, decoded; `i` below n_kept, oldest first. The caller
   releases each and frees the array. */
bool history_moment(const struct history *h, struct stack_table *t, uint32_t i,
                    uint64_t *moment, struct series_point **out, size_t *n,
                    struct err *err) MUST_USE;

#endif
