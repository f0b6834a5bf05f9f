/* Shared by diff.c (taking snapshots in) and diff_sites.c (comparing). */
#ifndef SEEP_SERIES_DIFF_PRIVATE_H
#define SEEP_SERIES_DIFF_PRIVATE_H

#include "series/diff.h"
#include "series/series.h"
#include "series/stacks_private.h"

/* What a profile counts as; of a side, the best class that occurs is used. */
enum diff_class { CLASS_PROTO, CLASS_TEXT, CLASS_ALLOCS, N_CLASSES };

/* Sums of one row over the profiles of one side. */
struct diff_sum {
    double value, objects; /* bytes and objects, or goroutines and 0 */
    double sampled, born;  /* raw sampled counts */
};
VEC_TYPE(diff_sums, struct diff_sum)

/* One profile, by site and by row. */
struct diff_column {
    int64_t time_nanos;
    uint32_t input;
    uint32_t run;       /* as the caller numbers them */
    uint32_t order;     /* in its group, as taken; set by finish */
    uint32_t process;   /* counted from 0 in its group; set by finish */
    const char *folder; /* that it was read from; borrowed */
    double total;
    double born_bytes; /* ever allocated, estimated; heap */
    struct diff_sums sites, rows;
};
VEC_TYPE(diff_columns, struct diff_column)

struct diff_group {
    struct diff_sums rows;       /* over all profiles */
    struct diff_sums levels;     /* of the rows, over the last profiles */
    struct diff_columns columns; /* by process and order, once finished */
    bool has_times;              /* that all profiles say */
    size_t n_processes;
    int64_t period;
};

/* What a function was called in base. */
struct diff_was {
    const char *name, *by; /* NULL: as in head */
    bool is_unproven;      /* as a caller alone: what it holds may be new */
};

/* The rows of each site, in their order. See diff_rows.c. */
struct diff_site_rows {
    uint32_t *rows; /* by site */
    uint32_t *end;  /* of each site's */
};

/* One plane: its stacks, and the sites they belong to. */
#define DIFF_NO_SITE UINT32_MAX
struct diff_layer {
    struct stack_table stacks;
    size_t n_locs_known;      /* locations already looked at */
    struct vec_u32 loc_site;  /* location -> index of its site frame, by rank */
    struct vec_u32 loc_rank;  /* location -> enum rank of that frame */
    struct vec_u32 row_site;  /* row -> site id, or DIFF_NO_SITE */
    struct vec_u32 row_frame; /* row -> frame (index into stacks.frames) */
    struct vec_u32 func_site; /* normalised function -> site id */
    uint32_t n_sites;
    struct diff_group groups[N_DIFF_GROUPS][N_CLASSES];

    struct diff_group *used[N_DIFF_GROUPS]; /* set by finish; NULL = none */
    bool is_merged;       /* sites are those of builds: diff_merge.c */
    struct diff_was *was; /* by function; NULL: none was renamed */
    uint32_t *func_as;    /* function -> the one that stands for both names */
    struct diff_site *sites;
    struct diff_site_rows site_rows; /* set by compare */
    size_t n_shown;
    struct diff_total total;
};

VEC_TYPE(diff_inputs_vec, struct series_input)
VEC_TYPE(diff_notes_vec, const char *)

/* What identifies the program, as far as the profiles of a side say. */
struct diff_program {
    const char *name, *build_id;      /* NULL = not said */
    const char *other;                /* a second program's name; NULL none */
    const char *go_root, *go_version; /* "/usr/lib/go-1.23", "1.23"; or NULL */
    int64_t first_nanos, last_nanos;
};

struct series_diff {
    const char *module;
    const char *folder; /* of the last profile; NULL none */
    struct diff_layer layers[N_DIFF_PLANES];
    struct diff_program programs[N_DIFF_GROUPS];
    bool lacks[N_DIFF_SIDES]; /* a kind of profile that the other has */
    const char *warning, *undecided;
    struct diff_changes changes;
    double share; /* of the smaller side's functions (so many), in both */
    size_t n_functions;
    struct diff_inputs_vec inputs;
    struct diff_notes_vec notes;
    struct series_about about;
    struct arena arena;
};

enum frame_origin diff_frame_origin(const struct series_diff *d,
                                    const struct diff_layer *l,
                                    const struct stack_frame *f);

/* Appends a note; the text lives as long as the diff. NULL is no memory. */
bool diff_note(struct series_diff *d, const char *text,
               struct err *err) MUST_USE;

/* Of the sites as they are now. Released even when it fails. */
bool diff_rows_init(struct diff_site_rows *r, const struct diff_layer *l,
                    struct err *err) MUST_USE;
void diff_rows_release(struct diff_site_rows *r);
/* Borrowed from `r`. */
const uint32_t *diff_rows_of(const struct diff_site_rows *r, uint32_t site,
                             size_t *n);

/* Could `after` be of a later time of the process of `before`? Of groups of one
   process each. */
bool diff_is_later(const struct diff_group *before,
                   const struct diff_group *after);

/* Tells the processes of each side and calibration apart: sets `process` of all
   columns and sorts them. See diff_runs.c. */
bool diff_find_processes(struct series_diff *d, struct err *err) MUST_USE;

/* Index behind the columns of the process that begins at this one. */
size_t diff_process_end(const struct diff_group *g, size_t first);

/* The last profile of the process that begins at column *i, which moves on to
   the next process. */
const struct diff_column *diff_next_last(const struct diff_group *g, size_t *i);

struct diff_frame diff_frame_at(const struct series_diff *d,
                                const struct diff_layer *l,
                                const struct stack_frame *f);

/* Makes the closures of a function one site; see diff_merge.c. */
bool diff_merge_sites(struct diff_layer *l, struct err *err) MUST_USE;

/* Zeros up to `n` at least; false is no memory. */
bool diff_reach(struct diff_sums *v, size_t n) MUST_USE;

/* Makes the sites `id` those `to[id]`, none of which is above its own. */
void diff_move_sites(struct diff_layer *l, const uint32_t *to);

/* Makes sites that were renamed one, after all planes are merged. */
bool diff_join_renamed(struct series_diff *d, struct err *err) MUST_USE;

void diff_add_sum(struct diff_sum *to, const struct diff_sum *more);
struct diff_sum diff_site_of(const struct diff_column *c, uint32_t id);

/* Levels of processes, see diff_levels.c: of a site in each, and means of a
   site, of a row and of all; `g` NULL is nothing. */
bool diff_sum_levels(struct diff_group *g, struct err *err) MUST_USE;
void diff_process_levels(const struct diff_group *g, uint32_t id,
                         double *levels);
struct diff_sum diff_site_mean(const struct diff_group *g, uint32_t id);
struct diff_sum diff_row_mean(const struct diff_group *g, size_t row);
double diff_total_mean(const struct diff_group *g);
double diff_births_mean(const struct diff_group *g);

/* Highest minus lowest distance of a process's profiles from their own trend,
   of the process where that is most; 0 with fewer than 3 profiles each. */
double diff_stray(const struct diff_group *g, uint32_t id);

/* How many times as much head has allocated at the typical site, of what one
   process allocates there; NAN unknown. */
bool diff_measure_length(const struct diff_layer *l, double *ratio,
                         struct err *err) MUST_USE;

/* Does no site of `after` have fewer births than in `before`? */
bool diff_births_go_on(const struct diff_column *before,
                       const struct diff_column *after);

/* What the profiles say of the program; see diff_program.c. */
bool diff_learn_program(struct series_diff *d, struct diff_program *program,
                        const struct snapshot *snap, struct err *err) MUST_USE;

/* Do both sides say what program and build they are of, and differ? Or are the
   same? */
bool diff_is_other_build(const struct series_diff *d);
bool diff_is_same_build(const struct series_diff *d);

/* How many functions both sides have, by the names that they have; 1 when there
   is nothing to tell by. Before any is taken for renamed. */
bool diff_measure_share(struct series_diff *d, struct err *err) MUST_USE;

/* Does the side have, or had it ever, anything in this row? */
bool diff_has_row(const struct diff_group *g, size_t row);

/* Is the package main of the two sides surely another one? See diff_main.c. */
bool diff_has_other_main(const struct series_diff *d, bool *out,
                         struct err *err) MUST_USE;

/* Is it one program, in order, of one rate? After diff_compare. */
bool diff_check(struct series_diff *d, bool forced, struct err *err) MUST_USE;

/* Fills the noise of all sites and of the total; see diff_noise.c. */
bool diff_measure_noise(struct diff_layer *l, struct err *err) MUST_USE;

/* What a layer is of, and its sites; then ranks them; see diff_sites.c. */
bool diff_describe(struct series_diff *d, struct diff_layer *l,
                   struct err *err) MUST_USE;
bool diff_compare(struct series_diff *d, struct diff_layer *l,
                  struct err *err) MUST_USE;

#endif
