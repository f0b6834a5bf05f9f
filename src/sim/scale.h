/*
 * Benchmark inputs at any size, written as a stream in bounded memory: heap
 * profiles of millions of stacks (the inputs of the speed notes), and heap
 * dumps of millions of objects in shapes that are hard for graph algorithms.
 */
#ifndef SEEP_SIM_SCALE_H
#define SEEP_SIM_SCALE_H

#include "base/err.h"
#include "base/sink.h"

#include <stdbool.h>
#include <stdint.h>

/* Order of fields: as runtime/pprof writes (locations between samples, string
   table last), or as google/pprof does (all samples first). */
enum sim_layout { SIM_LAYOUT_GO, SIM_LAYOUT_CANON, N_SIM_LAYOUTS };
extern const char *const sim_layout_names[]; /* "go", "canon"; NULL ends */

struct sim_scale {
    uint64_t n_samples;
    uint64_t seed;
    enum sim_layout layout;
    bool is_goroutine; /* one value, no label; else a heap profile */
    unsigned snapshot; /* of a series: ids are dealt anew, and each has 1 % of
                          n_samples more stacks than the one before */
    uint64_t n_locations, n_functions; /* 0: by the number of samples */
};

/* The raw (not compressed) message into `out`, then out->end. */
bool sim_scale_write(const struct sim_scale *s, const struct sink *out,
                     struct err *err) MUST_USE;

/* --- heap dumps --- */

enum sim_shape {
    SIM_CHAIN,  /* one linked list */
    SIM_TREE,   /* binary tree */
    SIM_STAR,   /* one array that points to all */
    SIM_POWER,  /* fan-in by a power law */
    SIM_RANDOM, /* random graph without cycles */
    SIM_CYCLES, /* strongly connected: rings within rings */
    N_SIM_SHAPES
};
extern const char *const sim_shape_names[]; /* "chain", ...; NULL ends */

struct sim_shape_options {
    enum sim_shape shape;
    uint64_t n_objects;
    uint64_t seed;
    bool is_32_bit, is_big_endian;
    bool has_tail_slots;  /* bogus trailing slots of Go 1.22 and later */
    bool has_huge_object; /* one of more than 2 GiB, as Go writes it: length
                             in full, bytes cut */
    bool is_truncated;    /* ends in the middle of the objects */
};

bool sim_shape_write(const struct sim_shape_options *o, const struct sink *out,
                     struct err *err) MUST_USE;

#endif
