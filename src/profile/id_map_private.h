/*
 * Ids of the wire to dense indices. Real profiles number from 1, so a plain
 * table serves them at a nanosecond a lookup; ids that are sparse (addresses,
 * hashes) go through a hash, and ids from 2^31 up first get a stand-in, so
 * that references always fit 32 bits.
 */
#ifndef SEEP_PROFILE_ID_MAP_PRIVATE_H
#define SEEP_PROFILE_ID_MAP_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ID_BIG (UINT32_C(1) << 31)

/* u64 -> u32, open addressing, load at most one half. `seed` keeps hostile
   ids from colliding on purpose; results do not depend on it. */
struct id_hash {
    struct id_slot *slots;
    uint32_t n_slots, n;
    uint64_t seed;
};

struct id_slot {
    uint64_t id;
    uint32_t index; /* + 1; 0 = free */
};

/* Adds id -> index unless present; `*found` gets the index that holds now.
   False: out of memory. */
bool id_hash_put(struct id_hash *h, uint64_t id, uint32_t index,
                 uint32_t *found);
uint32_t id_hash_get(const struct id_hash *h, uint64_t id); /* or UINT32_MAX */
void id_hash_release(struct id_hash *h);

struct id_map {
    struct id_hash big; /* id >= 2^31 -> stand-in */
    uint32_t *dense;    /* reference -> index, UINT32_MAX = none */
    uint32_t n_dense;
    bool is_sparse;
    bool is_identity;      /* element i has id i + 1, as Go numbers them */
    struct id_hash sparse; /* reference -> index, when not dense */
};

/* The 32-bit reference for an id. False: out of memory. */
bool id_map_refer_big(struct id_map *m, uint64_t id, uint32_t *ref);

static inline bool id_map_refer(struct id_map *m, uint64_t id, uint32_t *ref)
{
    if (id < ID_BIG) {
        *ref = (uint32_t)id;
        return true;
    }
    return id_map_refer_big(m, id, ref);
}

/* The id behind a reference, for messages. */
uint64_t id_map_id(const struct id_map *m, uint32_t ref);

/* The id of element `i` of a table whose first one is at `ids`. */
static inline uint64_t id_at(const uint64_t *ids, size_t i, size_t stride_bytes)
{
    uint64_t id = 0;
    memcpy(&id, (const char *)ids + i * stride_bytes, sizeof(id));
    return id;
}

/* Element i of n has the id at `ids + i * stride`. False with *duplicate < n
   when that element repeats an id; with *duplicate == n: out of memory. */
bool id_map_build(struct id_map *m, const uint64_t *ids, uint32_t n,
                  size_t stride_bytes, uint32_t *duplicate);

/* Index of a reference, or UINT32_MAX. After id_map_build(). */
static inline uint32_t id_map_index(const struct id_map *m, uint32_t ref)
{
    if (ref < m->n_dense) {
        return m->dense[ref];
    }
    return m->is_sparse ? id_hash_get(&m->sparse, ref) : UINT32_MAX;
}

void id_map_release(struct id_map *m);

#endif
