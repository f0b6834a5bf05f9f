/*
 * The observations behind a series, before and after they are put in order.
 * Shared by the files of series/; other rooms see series.h.
 */
#ifndef SEEP_SERIES_POINTS_PRIVATE_H
#define SEEP_SERIES_POINTS_PRIVATE_H

#include "series/series.h"
#include "series/stacks_private.h"

VEC_TYPE(series_inputs_vec, struct series_input)
VEC_TYPE(series_dumps_vec, struct series_dump)
VEC_TYPE(series_memstats_vec, struct series_memstats)
VEC_TYPE(series_notes_vec, const char *)
VEC_TYPE(vec_double, double)
VEC_TYPE(series_runs_vec, struct series_run)

/* One snapshot as kept. `number` is what its name counts ("07"), and tells
   which snapshots are of one moment. */
struct point {
    uint32_t input; /* index into series.inputs */
    enum profile_kind kind;
    enum snapshot_form form;
    int64_t own_nanos;  /* 0 = says none */
    int64_t time_nanos; /* own, or a sibling's */
    const char *source, *number;
    const char *program;  /* path of the main binary, "" unknown */
    const char *build_id; /* "" unknown */
    int64_t period_bytes;
    bool is_delta;     /* ?seconds=N: a difference, not a level */
    bool is_collected; /* ?gc=1 */
    struct series_cells_vec cells;
    struct series_goroutines goroutines; /* dumps */
    bool is_truncated;
    struct memstats memstats;
};
VEC_TYPE(points, struct point)

/* A shared table holds the stacks of many programs: a series numbers those it
   has by itself, so that its costs and its order do not depend on the others.
   With a table of its own the numbers are the table's. */
struct series_locals {
    bool is_on;
    struct vec_u32 rows, funcs; /* own number -> table's; rows rise */
    uint32_t *func_of;          /* table's number -> own + 1 */
    size_t n_func_of;
};

/* Points of one plane, as indices into series.all, oldest first. */
struct plane {
    struct vec_u32 at;
    struct vec_double seconds;
};

struct series {
    struct series_options options;
    struct arena arena;
    struct stack_table *table, own; /* a shared one, or its own */
    struct series_locals locals;
    struct points all;
    struct plane planes[N_PLANES];
    struct series_inputs_vec inputs;
    struct series_notes_vec notes;
    struct series_runs_vec runs;
    struct series_dumps_vec dumps;
    struct series_memstats_vec memstats;
    struct series_about about;
    bool is_finished;
};

/* locals.c: gives the rows and functions of a shared table numbers of the
   series' own, and puts them into all points. */
bool series_localise(struct series *s, struct err *err) MUST_USE;
void series_locals_release(struct series_locals *l);
uint32_t series_table_row(const struct series *s, uint32_t row);

/* series_point.c */
bool series_takes_part(enum profile_kind kind);
bool series_cells_sort(struct series_cells_vec *cells,
                       struct err *err) MUST_USE;
bool series_point_copy(const struct series_point *p, struct series_point *out,
                       struct err *err) MUST_USE;

/* series_add_point() that takes what the point owns, whatever happens. */
bool series_take_point(struct series *s, const char *source,
                       struct series_point *p, struct err *err) MUST_USE;

/* order.c: gives siblings' times to points that say none and sorts `all`. */
bool series_order(struct series *s, struct err *err) MUST_USE;

/* roles.c: which points make trends, which are evidence; fills planes. */
bool series_assign_roles(struct series *s, struct err *err) MUST_USE;

/* roles.c: do their names count the same, at times that are a minute apart at
   most where both say one? */
bool points_are_of_a_moment(const struct point *a, const struct point *b);

/* between_runs.c: numbers what is between the last heap point of `run` and the
   first of the next one, as indices into `all`: 0 where that cannot be told. */
void series_number_between(struct series *s, uint32_t last, uint32_t first,
                           uint32_t run);

/* segment.c: two programs or processes are an error, a restart splits. Finds
   the runs, of which `about.run` is the longest, and which input is of which.
 */
bool series_segment(struct series *s, struct err *err) MUST_USE;

/* segment.c: keeps the points of the run `about.run` in the planes. */
void series_keep_run(struct series *s);

/* states.c: drops heap points that repeat the state before them, and leading
   ones taken before the first GC. */
void series_distinct_states(struct series *s);

/* The comment of a profile that is made of a point that was collected. */
#define POINT_COLLECTED_COMMENT "seep: taken after a collection, gc=1"

/* Says why an input is not a plain point. */
void point_unused(struct series *s, uint32_t point, const char *why);
void point_explain(struct series *s, uint32_t point, const char *how);

bool series_add_note(struct series *s, const char *note,
                     struct err *err) MUST_USE;

#endif
