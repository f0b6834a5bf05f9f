/*
 * The heap of a simulated process, object by object, as it is written to a
 * dump: a sparse memory (words that are not 0, by address), and objects with
 * the offsets of their pointers.
 */
#ifndef SEEP_SIM_IMAGE_BUILD_PRIVATE_H
#define SEEP_SIM_IMAGE_BUILD_PRIVATE_H

#include "sim/image_private.h"

#define SIM_ARENA UINT64_C(0xc000000000)
enum { SIM_PAGE = 8192 };

struct sim_word {
    uint64_t address, value;
};
VEC_TYPE(sim_words, struct sim_word)

/* Offsets of pointers from the start of a slot: `n` of offsets[first ...]. */
struct sim_mask {
    uint32_t first, n;
};
VEC_TYPE(sim_masks, struct sim_mask)

struct sim_object_at {
    uint64_t slot, bytes;
    uint32_t mask;   /* 0 = without pointers */
    uint32_t bucket; /* SIM_NONE: not in the profile's model */
    bool has_header; /* a type word in front of the value */
};
VEC_TYPE(sim_objects, struct sim_object_at)

struct sim_span {
    uint64_t next, end; /* free slots */
    uint64_t bytes;
    bool is_scanned;
};
VEC_TYPE(sim_spans, struct sim_span)

/* An object that has a finalizer: its value, past a type word. */
struct sim_finalized {
    uint64_t address;
    uint32_t finalizer;
};
VEC_TYPE(sim_finalized_list, struct sim_finalized)

/* Where the roots of the entries of one population are, in held.items: entry
   e has [first + e * per_entry, + per_entry). */
struct sim_held {
    size_t first;
    unsigned per_entry;
};

struct sim_image {
    struct sim_world *world;
    struct sim_layout_of_program layout;
    struct sim_words words;
    struct sim_masks masks;
    struct vec_u32 offsets;
    struct sim_objects objects;
    struct sim_spans spans; /* open ones, a class each */
    uint64_t next_page;
    struct vec_u32 look_masks;         /* by population and member */
    uint32_t array_mask, array_mask_n; /* the last array of pointers */
    struct vec_u64 held;
    struct sim_held *held_by; /* by population */
    struct vec_u64 orphans;   /* what nothing else holds */
    struct sim_finalized_list finalized;
    struct vec_u64 gs;        /* addresses of g structs on the heap */
    struct vec_u64 sudogs;    /* in the order of populations' goroutines */
    struct vec_u64 heads;     /* of populations held by another's goroutine */
    struct vec_u64 allocated; /* objects by bucket */
    uint64_t extra_bytes, n_extra; /* not in the model's MemStats */
    bool has_failed;               /* out of memory */
};

/* Collects, then lays out everything reachable. */
bool sim_image_make(struct sim_image *im, struct sim_world *w,
                    struct err *err) MUST_USE;
void sim_image_release(struct sim_image *im);

/* Bytes at the end of a page of slots that hold the bitmap of their pointers,
   and marks. */
uint32_t sim_tail_bytes(enum sim_go go, uint64_t slot_bytes, bool is_scanned);

/* --- between image_build.c and image_container.c --- */

void sim_image_set(struct sim_image *im, uint64_t address, uint64_t value);

/* A mask of `n` pointers, the first at `first`, each `stride` on. */
uint32_t sim_image_mask(struct sim_image *im, uint64_t first, uint64_t stride,
                        uint64_t n);

/* A new object; the address of its slot. */
uint64_t sim_image_object(struct sim_image *im, uint64_t bytes, uint32_t mask,
                          uint32_t bucket);

/* The object made last has a type word in front of its value, Go 1.22. */
void sim_image_header(struct sim_image *im, uint64_t type);

/* An array of pointers beside the model; the address of its first element. */
uint64_t sim_image_array(struct sim_image *im, const uint64_t *pointers,
                         uint64_t n);

/* The container of population i with its first roots `roots`, one an entry,
   and the keys' bytes if the entries have them (else NULL); returns what its
   holder points to. */
uint64_t sim_image_container(struct sim_image *im, size_t i,
                             const uint64_t *roots, const uint64_t *keys);

#endif
