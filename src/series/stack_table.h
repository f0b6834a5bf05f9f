/*
 * Stacks interned across snapshots, and what is kept of a snapshot on top of
 * them: a point, i.e. (row, values) cells. Any number of series and histories
 * share one table, so that a thousand replicas of a program keep its stacks
 * once.
 */
#ifndef SEEP_SERIES_STACK_TABLE_H
#define SEEP_SERIES_STACK_TABLE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "base/vec.h"
#include "profile/profile.h"

/* Labels tell rows apart, and a label may hold a request's id: of one stack a
   table keeps this many sets of labels. What comes beyond is counted on the
   stack without labels, and a series says so in a note. So rows are bounded by
   the program's stacks, whatever its labels are. */
enum { STACK_LABEL_SETS_MAX = 256 };

struct stack_table;
struct stack_table *stack_table_new(void); /* NULL: out of memory */
void stack_table_free(struct stack_table *t);

/* Row ids are below this; they are never taken back. */
uint32_t stack_table_n_rows(const struct stack_table *t);
size_t stack_table_bytes(const struct stack_table *t); /* memory, about */

/* A row as bytes that mean the same in every process and on every machine:
   names, files, lines, labels, block size (varints and texts). */
bool stack_table_encode(const struct stack_table *t, uint32_t row,
                        struct buf *out, struct err *err) MUST_USE;
/* The row of such bytes, added when new. Untrusted: ERR_FORMAT. */
bool stack_table_decode(struct stack_table *t, struct span bytes, uint32_t *row,
                        struct err *err) MUST_USE;

/* --- a point --- */

/* What one row held at one moment; goroutine kinds use in_use only. */
struct series_cell {
    uint32_t row;
    int64_t alloc_objects, alloc_bytes, in_use, in_use_bytes;
};
VEC_TYPE(series_cells_vec, struct series_cell)

/* A frame as a series shows it. `func` is an id of the normalised name, equal
   for equal functions. */
struct series_frame {
    uint32_t func;
    const char *function; /* as printed */
    const char *file;
    int64_t line;
};

/* One goroutine of one debug=2 dump. */
struct series_goroutine {
    uint64_t id;
    uint32_t row;
    const char *status;   /* borrowed from the table */
    int64_t wait_minutes; /* -1 not said */
    bool is_leaked;
    bool has_creator;
    struct series_frame creator;
    uint64_t creator_id; /* 0 not said */
};
VEC_TYPE(series_goroutines, struct series_goroutine)

/* All that is kept of a snapshot. Names are borrowed from the table, so that a
   point owns its two columns only. */
struct series_point {
    enum profile_kind kind;
    enum snapshot_form form;
    int64_t time_nanos;   /* its own; 0 = says none */
    const char *program;  /* path of the main binary, "" unknown */
    const char *build_id; /* "" unknown */
    int64_t period_bytes;
    bool is_delta;     /* ?seconds=N: a difference, not a level */
    bool is_truncated; /* dumps: cut off by Go's cap */
    bool is_collected; /* heap: garbage was collected for it (?gc=1), so that
                          what it shows is as of then, seen before or not */
    struct memstats memstats;
    struct series_cells_vec cells;       /* sorted by row, one a row */
    struct series_goroutines goroutines; /* dumps */
};

/* Copies from the snapshot, and adds its stacks to the table. */
bool series_point_of(struct stack_table *t, const struct snapshot *snap,
                     struct series_point *out, struct err *err) MUST_USE;
void series_point_release(struct series_point *p);

/* As bytes without names of rows: their ids, or `ids[row]` where `ids` is not
   NULL (a store has ids of its own). Reads back what it wrote; `rows` of a
   store maps its ids to rows and may be NULL. Untrusted: ERR_FORMAT. */
bool series_point_encode(const struct series_point *p, const uint32_t *ids,
                         struct buf *out, struct err *err) MUST_USE;

/* Row of a store's id; false with `err` set when there is none. */
struct series_row_source {
    void *ctx;
    bool (*row)(void *ctx, uint64_t id, uint32_t *row, struct err *err);
};
bool series_point_decode(struct stack_table *t, struct span bytes,
                         const struct series_row_source *rows /* or NULL */,
                         struct series_point *out, struct err *err) MUST_USE;

/* The snapshot again, as a pprof profile that every tool opens: same stacks,
   labels and values; no addresses. For points of profiles, not of dumps. Free
   it with profile_free(). */
bool series_point_profile(const struct stack_table *t,
                          const struct series_point *p, struct profile **out,
                          struct err *err) MUST_USE;

#endif
