/*
 * Front header of series/: snapshots of one process, ordered, checked for
 * belonging together, aligned by stack, and the trends seen in them.
 *
 * Use: series_new, series_add for every snapshot in any order, series_finish
 * once, then read. The series copies what it keeps: a snapshot may be freed as
 * soon as it was added.
 */
#ifndef SEEP_SERIES_SERIES_H
#define SEEP_SERIES_SERIES_H

#include "base/err.h"
#include "profile/profile.h"
#include "series/stack_table.h" /* IWYU pragma: export */
#include "series/stats.h"       /* IWYU pragma: export */
#include "series/trend.h"       /* IWYU pragma: export */

struct series;

struct series_options {
    const char *module;        /* the user's module prefix; NULL = found out */
    struct stack_table *table; /* shared, outlives the series; NULL = its own */
};

struct series *series_new(const struct series_options *options);
void series_free(struct series *s);

/* Copies from the snapshot. A snapshot that takes no part is only listed. */
bool series_add(struct series *s, const struct snapshot *snap,
                struct err *err) MUST_USE;

/* The same of a point over the rows of the series' shared table; the point is
   copied, its texts stay the table's. */
bool series_add_point(struct series *s, const char *source,
                      const struct series_point *p, struct err *err) MUST_USE;

/* A file that is part of the input but not of the series ("ignored",
   "broken, skipped"): listed with its reason. */
bool series_note_input(struct series *s, const char *source,
                       enum profile_kind kind, const char *why,
                       struct err *err) MUST_USE;

/* Orders the points, drops repeated states, splits at restarts, aligns and
   tests. Of several runs it is that with most points, of equals the latest.
   ERR_MISMATCH when two programs or two processes are mixed. */
bool series_finish(struct series *s, struct err *err) MUST_USE;

/* What is between two restarts of the process: a process of its own. */
struct series_run {
    const char *first, *last; /* sources of its heap points */
    uint32_t n_heap;          /* of them, repeated states among them */
    bool is_judgeable;        /* enough of them for a verdict */
};

/* In order of time; none where no heap profile could tell. Borrowed. */
const struct series_run *series_runs(const struct series *s, size_t *n);

/* Makes a finished series that of another of its runs, from 1: all that is
   read of it is then of that one. Names that were read stay valid. */
bool series_choose_run(struct series *s, uint32_t run,
                       struct err *err) MUST_USE;

/* One line of the findings document's `inputs`. */
struct series_input {
    const char *source;
    enum profile_kind kind;
    enum snapshot_form form;
    int64_t time_nanos; /* 0 = unknown */
    bool used;
    const char *why; /* why not (or how) used; NULL when a plain point */
    uint32_t run;    /* of the process, from 1; 0 = unknown */
};

/* In order of the series; borrowed. */
const struct series_input *series_inputs(const struct series *s, size_t *n);

/* "series split: process restarted between a and b", ... Borrowed. */
const char *const *series_notes(const struct series *s, size_t *n);

/* What the series as a whole is. Strings are borrowed, NULL when unknown. */
struct series_about {
    const char *program;          /* base name of the main binary */
    const char *build_id;         /* of it in this run; NULL unknown */
    uint32_t n_heap, n_goroutine; /* points used (distinct states for heap) */
    uint32_t n_dumps, n_leak;     /* goroutine dumps, goroutineleak profiles */
    uint32_t n_dropped;           /* stale or outside the judged segment */
    uint32_t n_outside;           /* of them those of other runs */
    uint32_t n_stale;             /* of them heap states seen before */
    uint32_t n_segments; /* 1 = no restart; 0 = no heap profile could tell */
    int64_t first_nanos, last_nanos; /* of the points used; 0 = unknown */
    double seconds;                  /* window; 0 when no times are known */
    bool has_times;                  /* else per-hour figures are unknown */
    int64_t heap_period_bytes;       /* MemProfileRate; 0 = no heap */
    double live_heap_bytes;          /* in use at the last point, estimated */
    double live_goroutines;
    uint32_t run; /* the one judged, from 1; 0 = unknown */
};
const struct series_about *series_about(const struct series *s);

/* --- rows: distinct stacks with their labels --- */

/* Two planes of points: heap and goroutine profiles. The third holds the
   goroutineleak profiles, which are proof and no trend. */
enum series_plane { PLANE_HEAP, PLANE_GOROUTINE, PLANE_LEAK, N_PLANES };

VEC_TYPE(series_frames, struct series_frame)

uint32_t series_n_rows(const struct series *s);
uint32_t series_n_funcs(const struct series *s);
const char *series_func_name(const struct series *s, uint32_t func);

/* Frames of a row, leaf first, inlined calls expanded, appended to `out`. */
bool series_row_frames(const struct series *s, uint32_t row,
                       struct series_frames *out, struct err *err) MUST_USE;

/* Size of the row's blocks (label "bytes"), 0 unknown. */
int64_t series_row_block_bytes(const struct series *s, uint32_t row);

/* String labels of a row: key and value of label i; false past the last. Rows
   of goroutine dumps have one label, SERIES_STATUS, with the wait status. */
#define SERIES_STATUS "(status)"
bool series_row_label(const struct series *s, uint32_t row, uint32_t i,
                      const char **key, const char **value);

/* Ids in the shared table of a series that has one, the same for all its
   series; of a function that some row of the series has. NULL: none shared. */
const struct stack_table *series_shared_table(const struct series *s);
uint32_t series_row_id(const struct series *s, uint32_t row);
uint32_t series_func_id(const struct series *s, uint32_t func);
uint32_t series_func_of_id(const struct series *s, uint32_t id);

/* The user's module as asked for; "" when it is to be found out. */
const char *series_module(const struct series *s);

/* Is this function the profiler writing a profile? (Not pprof.Do and the
   like, which stand in the middle of a user's stacks.) */
bool series_is_profiler_function(const char *function);

/* --- points --- */

size_t series_n_points(const struct series *s, enum series_plane plane);

/* Seconds since the first point of the series, one a point; the index of the
   point where the series has no times. */
const double *series_seconds(const struct series *s, enum series_plane plane);

/* Rows of one point and what they hold; goroutine planes use in_use only. */
const struct series_cell *series_cells(const struct series *s,
                                       enum series_plane plane, size_t point,
                                       size_t *n);

/* Groups of rows. Row r is in groups ids[off[r]] .. ids[off[r + 1]), or, with
   `off` NULL, in ids[r], where SERIES_NO_GROUP is none; with both NULL each
   row is a group. */
#define SERIES_NO_GROUP UINT32_MAX
struct series_grouping {
    size_t n_groups;
    const uint32_t *off, *ids;
};

/* Sums over groups, n_groups x n_points each, row-major by group. Heap: raw
   sampled counts are recovered exactly. Goroutine planes fill `value` only.
   Owned by the caller. */
struct series_matrix {
    size_t n_groups, n_points;
    double *value;      /* bytes in use, or goroutines */
    double *objects;    /* objects in use */
    double *sampled;    /* sampled objects in use */
    double *born;       /* sampled objects ever allocated */
    double *born_bytes; /* bytes ever allocated */
    double *cells;      /* allocation behind all of them */
};
bool series_accumulate(const struct series *s, enum series_plane plane,
                       const struct series_grouping *g,
                       struct series_matrix *out, struct err *err) MUST_USE;
/* The same of the first and the last point only. */
bool series_accumulate_ends(const struct series *s, enum series_plane plane,
                            const struct series_grouping *g,
                            struct series_matrix *out,
                            struct err *err) MUST_USE;
void series_matrix_release(struct series_matrix *m);

/* --- what else the inputs say --- */

struct series_dump {
    const char *source;
    double seconds; /* as series_seconds */
    const struct series_goroutine *items;
    size_t n;
    bool is_truncated;
};

/* Dumps within the judged segment, oldest first. */
const struct series_dump *series_dumps(const struct series *s, size_t *n);

/* MemStats of heap profiles in text form, oldest first. */
struct series_memstats {
    const char *source;
    double seconds;
    struct memstats stats;
};
const struct series_memstats *series_memstats(const struct series *s,
                                              size_t *n);

#include "series/diff.h"    /* IWYU pragma: export */
#include "series/history.h" /* IWYU pragma: export */

#endif
