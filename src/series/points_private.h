/*
 * The observations behind a series, before and after they are put in order.
 * Shared by the files of series/; other rooms see series.h.
 */
#ifndef SEEP_SERIES_POINTS_PRIVATE_H
#define SEEP_SERIES_POINTS_PRIVATE_H

#include "series/series.h"
#include "series/stacks_private.h"

VEC_TYPE(series_cells_vec, struct series_cell)
VEC_TYPE(series_goroutines, struct series_goroutine)
VEC_TYPE(series_inputs_vec, struct series_input)
VEC_TYPE(series_dumps_vec, struct series_dump)
VEC_TYPE(series_memstats_vec, struct series_memstats)
VEC_TYPE(series_notes_vec, const char *)
VEC_TYPE(vec_double, double)

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
    bool is_delta; /* ?seconds=N: a difference, not a level */
    struct series_cells_vec cells;
    struct series_goroutines goroutines; /* dumps */
    bool is_truncated;
    struct memstats memstats;
};
VEC_TYPE(points, struct point)

/* Points of one plane, as indices into series.all, oldest first. */
struct plane {
    struct vec_u32 at;
    struct vec_double seconds;
};

struct series {
    struct series_options options;
    struct arena arena;
    struct stacks stacks;
    struct vec_u32 slot_of_row; /* scratch of adding: row -> cell index */
    struct points all;
    struct plane planes[N_PLANES];
    struct series_inputs_vec inputs;
    struct series_notes_vec notes;
    struct series_dumps_vec dumps;
    struct series_memstats_vec memstats;
    struct series_about about;
    bool is_finished;
};

/* order.c: gives siblings' times to points that say none and sorts `all`. */
bool series_order(struct series *s, struct err *err) MUST_USE;

/* roles.c: which points make trends, which are evidence; fills planes. */
bool series_assign_roles(struct series *s, struct err *err) MUST_USE;

/* segment.c: two programs or processes are an error, a restart splits. Keeps
   the segment with most points in the planes. */
bool series_segment(struct series *s, struct err *err) MUST_USE;

/* states.c: drops heap points that repeat the state before them, and leading
   ones taken before the first GC. */
bool series_distinct_states(struct series *s, struct err *err) MUST_USE;

/* Says why an input is not a plain point. */
void point_unused(struct series *s, uint32_t point, const char *why);
void point_explain(struct series *s, uint32_t point, const char *how);

bool series_add_note(struct series *s, const char *note,
                     struct err *err) MUST_USE;

#endif
