/*
 * Stacks interned across the snapshots of a series: equal call stacks (by
 * normalised function name, file and line; never by address) and equal labels
 * get the same row id in every snapshot. Interning is done once per location
 * of a profile, not once per sample, and what followed the previous name,
 * location or row last time is tried first ("successor prediction"): snapshots
 * of one process list all of them in nearly the same order.
 */
#ifndef SEEP_SERIES_STACKS_PRIVATE_H
#define SEEP_SERIES_STACKS_PRIVATE_H

#include "base/err.h"
#include "base/intern.h"
#include "base/vec.h"
#include "profile/profile.h"
#include "series/stack_table.h"

/* One frame of one location. `func` is the id of the normalised name. */
struct stack_frame {
    uint32_t func;       /* id in `funcs` */
    uint32_t name;       /* id in `names`: as first printed */
    uint32_t file;       /* id in `names` */
    uint32_t line;       /* saturated; 0 unknown */
    uint32_t start_line; /* of the function, as first seen; 0 unknown. Tells no
                            frames apart, and no store keeps it */
};
VEC_TYPE(stack_frames, struct stack_frame)

/* Frames [first, first + n) of one location, innermost first. */
struct stack_loc {
    uint32_t first;
    uint32_t n : 31;
    uint32_t is_profiler : 1; /* has a function of the profiler */
};
VEC_TYPE(stack_locs, struct stack_loc)

/* Key words [key, key + n_locs) are location ids, leaf first; then n_labels
   pairs (key name id, text name id). */
struct stack_row {
    uint32_t key, n_locs;
    uint32_t n_labels : 30;
    uint32_t is_profiler : 1;
    uint32_t is_folded : 1; /* stands for label sets beyond the limit too */
    int64_t block_bytes;    /* numeric label "bytes"; 0 = none */
    uint64_t hash;
};
VEC_TYPE(stack_rows, struct stack_row)

#define STACK_NONE UINT32_MAX

/* What is known of a name that is a function's: its normalised form, and what
   profiles had with it last time: the function after it, and its file. */
struct stack_name {
    uint32_t func, next, file; /* STACK_NONE: not yet */
};
VEC_TYPE(stack_names, struct stack_name)
VEC_TYPE(stack_flags, uint8_t)

/* An open-addressing table of ids + 1 over hashes kept elsewhere. */
struct stack_slots {
    uint32_t *ids;
    size_t n_slots, n_used;
};

struct stack_table {
    struct intern funcs; /* normalised function names */
    struct intern names; /* function names as printed, files, label texts */
    struct stack_names name_facts;    /* per names id, as far as needed */
    struct stack_flags func_profiler; /* per func: one of the profiler's */
    struct stack_frames frames;
    struct stack_locs locs;
    struct vec_u64 loc_hash;
    struct vec_u32 loc_next; /* loc -> loc that followed it, or STACK_NONE */
    struct stack_slots loc_slots;
    struct stack_rows rows;
    struct vec_u32 keys;
    struct vec_u32 successor; /* row -> row that followed it, or STACK_NONE */
    struct stack_slots row_slots;
    uint32_t first_name, first_loc; /* of the previous profile */
    uint32_t first_row; /* row of the previous profile's first sample */
    uint64_t n_predicted, n_hashed; /* how often prediction hit */

    /* A shared table lives for months: rows that differ in labels alone are
       bounded. 0 = they are not. */
    uint32_t label_sets_max;
    struct vec_u32 n_label_sets; /* per row without labels, as far as needed */
    struct vec_u32 slot_of_row;  /* scratch: row -> some index */
};

/* Makes the scratch as long as there are rows; its content is whatever. */
bool stacks_slots_reach(struct stack_table *t, struct err *err) MUST_USE;

/* Id of a text among t->names. */
bool stacks_text(struct stack_table *t, struct span text, uint32_t *id,
                 struct err *err) MUST_USE;

/* Per-profile scratch: location index -> location id. */
struct stacks_map {
    struct vec_u32 func_of, name_of, file_of, loc_of;
    struct vec_u32 key;
    struct vec_u32 string_of; /* files, labels; STACK_NONE = not yet */
    struct vec_u32 labels;    /* of the sample: its text labels, by key */
    uint32_t previous;        /* row of the previous sample */
};
void stacks_map_release(struct stacks_map *m);

/* Interns all locations of a profile. */
bool stacks_map_init(struct stacks_map *m, struct stack_table *t,
                     const struct profile *p, struct err *err) MUST_USE;

/* Id among t->names of a string of the profile, found once a string; `guess`
   is tried first and may be any id. */
bool stacks_map_string(struct stacks_map *m, struct stack_table *t,
                       const struct profile *p, str_id s, uint32_t guess,
                       uint32_t *id, struct err *err) MUST_USE;

/* Row of sample `s`. Numeric labels other than "bytes" are left out. */
bool stacks_row(struct stack_table *t, struct stacks_map *m,
                const struct profile *p, uint32_t s, uint32_t *row,
                struct err *err) MUST_USE;

/* Row of a goroutine of a dump: its frames, and its status as a label: dumps
   hide the runtime's frames, which tell the state in profiles. */
bool stacks_dump_row(struct stack_table *t, const struct goroutine_dump *d,
                     const struct dump_goroutine *g, uint32_t *row,
                     struct err *err) MUST_USE;

/* A row put together frame by frame, for what comes from a store: locations
   leaf first, then labels. */
struct stacks_builder {
    struct vec_u32 key;
    uint32_t n_locs, n_labels;
    size_t n_frames; /* of the location being built, at the end of t->frames */
};
bool stacks_build_frame(struct stack_table *t, struct stacks_builder *b,
                        struct span function, struct span file, int64_t line,
                        struct err *err) MUST_USE;
bool stacks_build_location(struct stack_table *t, struct stacks_builder *b,
                           struct err *err) MUST_USE;
bool stacks_build_label(struct stack_table *t, struct stacks_builder *b,
                        struct span key, struct span value,
                        struct err *err) MUST_USE;
bool stacks_build_row(struct stack_table *t, struct stacks_builder *b,
                      int64_t block_bytes, uint32_t *row,
                      struct err *err) MUST_USE;
/* Also undoes what was begun and not finished. */
void stacks_builder_release(struct stack_table *t, struct stacks_builder *b);

size_t stacks_bytes(const struct stack_table *t);
void stacks_release(struct stack_table *t);

#endif
