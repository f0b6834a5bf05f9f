#include "profile/id_map_private.h"

#include <stdlib.h>
#include <string.h>

static uint32_t slot_of(const struct id_hash *h, uint64_t id)
{
    uint64_t x = (id ^ h->seed) * UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 32;
    x *= h->seed | 1;
    x ^= x >> 29;
    return (uint32_t)x & (h->n_slots - 1);
}

static struct id_slot *find_slot(const struct id_hash *h, uint64_t id)
{
    uint32_t i = slot_of(h, id);
    while (h->slots[i].index != 0 && h->slots[i].id != id) {
        i = (i + 1) & (h->n_slots - 1);
    }
    return &h->slots[i];
}

static bool grow(struct id_hash *h)
{
    if (h->n_slots >= UINT32_C(1) << 31) {
        return false;
    }
    struct id_hash bigger = {.n_slots = h->n_slots ? h->n_slots * 2 : 64,
                             .n = h->n};
    bigger.slots = calloc(bigger.n_slots, sizeof(*bigger.slots));
    if (bigger.slots == NULL) {
        return false;
    }
    /* Where the table lies differs from run to run, which is all that is
       asked of the seed. */
    bigger.seed =
        (uint64_t)(uintptr_t)bigger.slots * UINT64_C(0xd1342543de82ef95);
    for (uint32_t i = 0; i < h->n_slots; i++) {
        if (h->slots[i].index != 0) {
            *find_slot(&bigger, h->slots[i].id) = h->slots[i];
        }
    }
    free(h->slots);
    *h = bigger;
    return true;
}

bool id_hash_put(struct id_hash *h, uint64_t id, uint32_t index,
                 uint32_t *found)
{
    if (h->n >= h->n_slots / 2 && !grow(h)) {
        return false;
    }
    struct id_slot *slot = find_slot(h, id);
    if (slot->index == 0) {
        *slot = (struct id_slot){id, index + 1};
        h->n++;
    }
    *found = slot->index - 1;
    return true;
}

uint32_t id_hash_get(const struct id_hash *h, uint64_t id)
{
    if (h->n == 0) {
        return UINT32_MAX;
    }
    const struct id_slot *slot = find_slot(h, id);
    return slot->index != 0 ? slot->index - 1 : UINT32_MAX;
}

void id_hash_release(struct id_hash *h)
{
    free(h->slots);
    *h = (struct id_hash){0};
}

bool id_map_refer_big(struct id_map *m, uint64_t id, uint32_t *ref)
{
    uint32_t found = 0;
    if (m->big.n >= ID_BIG - 2 || !id_hash_put(&m->big, id, m->big.n, &found)) {
        return false;
    }
    *ref = ID_BIG | found;
    return true;
}

uint64_t id_map_id(const struct id_map *m, uint32_t ref)
{
    if (ref < ID_BIG) {
        return ref;
    }
    for (uint32_t i = 0; i < m->big.n_slots; i++) {
        if (m->big.slots[i].index == (ref & ~ID_BIG) + 1) {
            return m->big.slots[i].id;
        }
    }
    return 0;
}

/* Is a plain table over 0..max worth its memory? 64K costs nothing. */
static bool is_dense(uint64_t max, uint32_t n)
{
    return max <= 4 * (uint64_t)n + 65536;
}

static bool build_dense(struct id_map *m, const uint64_t *ids, uint32_t n,
                        size_t stride_bytes, uint64_t max, uint32_t *duplicate)
{
    const uint32_t n_dense = (uint32_t)max + 1;
    m->dense = malloc(n_dense * sizeof(*m->dense));
    if (m->dense == NULL) {
        return false;
    }
    m->n_dense = n_dense;
    memset(m->dense, 0xff, n_dense * sizeof(*m->dense));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *slot = &m->dense[id_at(ids, i, stride_bytes)];
        if (*slot != UINT32_MAX) {
            *duplicate = i;
            return false;
        }
        *slot = i;
    }
    return true;
}

static bool build_sparse(struct id_map *m, const uint64_t *ids, uint32_t n,
                         size_t stride_bytes, uint32_t *duplicate)
{
    m->is_sparse = true;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t ref = 0;
        uint32_t found = 0;
        if (!id_map_refer(m, id_at(ids, i, stride_bytes), &ref) ||
            !id_hash_put(&m->sparse, ref, i, &found)) {
            return false;
        }
        if (found != i) {
            *duplicate = i;
            return false;
        }
    }
    return true;
}

bool id_map_build(struct id_map *m, const uint64_t *ids, uint32_t n,
                  size_t stride_bytes, uint32_t *duplicate)
{
    uint64_t max = 0;
    m->is_identity = true;
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t id = id_at(ids, i, stride_bytes);
        max = id > max ? id : max;
        m->is_identity = m->is_identity && id == (uint64_t)i + 1;
    }
    *duplicate = n;
    return max < ID_BIG && is_dense(max, n)
               ? build_dense(m, ids, n, stride_bytes, max, duplicate)
               : build_sparse(m, ids, n, stride_bytes, duplicate);
}

void id_map_release(struct id_map *m)
{
    id_hash_release(&m->big);
    id_hash_release(&m->sparse);
    free(m->dense);
    *m = (struct id_map){0};
}
