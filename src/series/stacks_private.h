/*
 * Stacks interned across the snapshots of a series: equal call stacks (by
 * normalised function name, file and line; never by address) and equal labels
 * get the same row id in every snapshot. Interning is done once per location
 * of a profile, not once per sample, and the row that followed the previous
 * sample's row last time is tried first ("successor prediction"): snapshots
 * of one process list their stacks in nearly the same order.
 */
#ifndef SEEP_SERIES_STACKS_PRIVATE_H
#define SEEP_SERIES_STACKS_PRIVATE_H

#include "base/err.h"
#include "base/intern.h"
#include "base/vec.h"
#include "profile/profile.h"

/* One frame of one location. `func` is the id of the normalised name. */
struct stack_frame {
    uint32_t func; /* id in `funcs` */
    uint32_t name; /* id in `names`: as first printed */
    uint32_t file; /* id in `names` */
    uint32_t line; /* saturated; 0 unknown */
};
VEC_TYPE(stack_frames, struct stack_frame)

/* Frames [first, first + n) of one location, innermost first. */
struct stack_loc {
    uint32_t first, n;
};
VEC_TYPE(stack_locs, struct stack_loc)

/* Key words [key, key + n_locs) are location ids, leaf first; then n_labels
   pairs (key name id, text name id). */
struct stack_row {
    uint32_t key, n_locs, n_labels;
    int64_t block_bytes; /* numeric label "bytes"; 0 = none */
    uint64_t hash;
};
VEC_TYPE(stack_rows, struct stack_row)

#define STACK_NONE UINT32_MAX

/* An open-addressing table of ids + 1 over hashes kept elsewhere. */
struct stack_slots {
    uint32_t *ids;
    size_t n_slots, n_used;
};

struct stacks {
    struct intern funcs; /* normalised function names */
    struct intern names; /* function names as printed, files, label texts */
    struct vec_u32 name_func; /* names id -> funcs id, or STACK_NONE */
    struct stack_frames frames;
    struct stack_locs locs;
    struct vec_u64 loc_hash;
    struct stack_slots loc_slots;
    struct stack_rows rows;
    struct vec_u32 keys;
    struct vec_u32 successor; /* row -> row that followed it, or STACK_NONE */
    struct stack_slots row_slots;
    uint32_t first_row; /* row of the previous profile's first sample */
    uint64_t n_predicted, n_hashed; /* how often prediction hit */
};

/* Per-profile scratch: location index -> location id. */
struct stacks_map {
    struct vec_u32 func_of, name_of, file_of, loc_of;
    struct vec_u32 key;
    struct vec_u32 string_of; /* label strings; STACK_NONE = not yet */
    uint32_t previous;        /* row of the previous sample */
};
void stacks_map_release(struct stacks_map *m);

/* Interns all locations of a profile. */
bool stacks_map_init(struct stacks_map *m, struct stacks *t,
                     const struct profile *p, struct err *err) MUST_USE;

/* Row of sample `s`. Numeric labels other than "bytes" are left out. */
bool stacks_row(struct stacks *t, struct stacks_map *m, const struct profile *p,
                uint32_t s, uint32_t *row, struct err *err) MUST_USE;

/* Row of a goroutine of a dump: its frames, and its status as a label: dumps
   hide the runtime's frames, which tell the state in profiles. */
bool stacks_dump_row(struct stacks *t, const struct goroutine_dump *d,
                     const struct dump_goroutine *g, uint32_t *row,
                     struct err *err) MUST_USE;

void stacks_release(struct stacks *t);

#endif
