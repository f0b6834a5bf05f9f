/*
 * Backing arrays of maps and slices: what a container has allocated for the
 * entries it holds. They grow as the runtime's do and never shrink.
 */
#include "sim/population_private.h"

#include "base/banned.h"

/* Arrays of one size: room for entries, how many, how large (their class),
   and how much of it a type word takes. */
struct arrays {
    uint64_t room, n, bytes, header_bytes;
};

/* What arrays look like in a version, and whether they have pointers. */
struct kind {
    enum sim_go go;
    bool has_pointers;
};

/* --- type words in front of arrays --- */

bool sim_container_points(const struct sim_population *p)
{
    enum { POINTER_BYTES = 8 };
    bool has_roots = false;
    for (unsigned m = 0; m < p->spec.n_members; m++) {
        has_roots = has_roots || p->spec.members[m].parent < 0;
    }
    return has_roots && p->spec.container.elem_bytes >= POINTER_BYTES;
}

/* Keys of 16 bytes are texts. */
static bool has_pointers(const struct sim_population *p)
{
    enum { TEXT_BYTES = 16 };
    const struct sim_container *c = &p->spec.container;
    return (c->kind == SIM_MAP && c->key_bytes == TEXT_BYTES) ||
           sim_container_points(p);
}

/* Bytes of that word for an array of `bytes`: 8 or 0. */
static uint64_t header_bytes(struct kind k, uint64_t bytes)
{
    enum { HEADER = 8, MOST_WITHOUT = 512, LARGEST_SMALL = 32768 };
    return k.has_pointers && k.go >= SIM_GO_1_23 && bytes > MOST_WITHOUT &&
                   bytes <= LARGEST_SMALL - HEADER
               ? HEADER
               : 0;
}

/* `n` arrays of `bytes` each. */
static struct arrays arrays_of(struct kind k, uint64_t room, uint64_t n,
                               uint64_t bytes)
{
    const uint64_t header = header_bytes(k, bytes);
    return (struct arrays){room, n, sim_size_class(bytes + header), header};
}

/* --- how they grow --- */

/* runtime/slice.go, nextslicecap: twice up to 256, then towards 1.25. */
static struct arrays slice_for(struct kind k, const struct sim_container *c,
                               uint64_t n)
{
    uint64_t cap = 1;
    while (cap < n) {
        cap = cap < 256 ? cap * 2 : cap + (cap + 768) / 4;
    }
    const uint64_t elem = c->elem_bytes > 0 ? c->elem_bytes : 8;
    struct arrays a = arrays_of(k, 0, 1, cap * elem);
    a.room = (a.bytes - a.header_bytes) / elem;
    return a;
}

/* runtime/map.go until 1.23: buckets of 8, at most 6.5 in use on average; from
   16 buckets on a sixteenth more for overflow. */
static struct arrays buckets_for(struct kind k, const struct sim_container *c,
                                 uint64_t n)
{
    uint64_t buckets = 1;
    while (n > 8 && n * 2 > buckets * 13) {
        buckets *= 2;
    }
    const uint64_t bucket =
        8 + UINT64_C(8) * (c->key_bytes + c->elem_bytes) + 8;
    const uint64_t extra = buckets >= 16 ? buckets / 16 : 0;
    const uint64_t room = buckets == 1 ? 8 : buckets * 13 / 2;
    return arrays_of(k, room, 1, (buckets + extra) * bucket);
}

/* internal/runtime/maps since 1.24: groups of 8 slots, at most 7/8 in use, and
   tables of at most 1024 slots that split in two; after splits at random they
   are 0.69 full on average (ln 2). */
static struct arrays tables_for(struct kind k, const struct sim_container *c,
                                uint64_t n)
{
    enum { SLOTS_MAX = 1024, FULL = SLOTS_MAX / 8 * 7, MEAN_FULL = 620 };
    uint64_t slots = 8;
    uint64_t tables = 1;
    if (n > FULL) {
        slots = SLOTS_MAX;
        tables = n / MEAN_FULL + 1;
    } else {
        while (n > 8 && slots / 8 * 7 < n) {
            slots *= 2;
        }
    }
    const uint64_t group = 8 + UINT64_C(8) * (c->key_bytes + c->elem_bytes);
    uint64_t room = slots == 8 ? 8 : slots / 8 * 7;
    if (tables > 1) {
        room = tables * MEAN_FULL;
    }
    return arrays_of(k, room, tables, slots / 8 * group);
}

static struct arrays arrays_for(const struct sim_world *w,
                                const struct sim_population *p)
{
    const struct sim_container *c = &p->spec.container;
    const struct kind k = {w->options.go, has_pointers(p)};
    if (c->kind == SIM_SLICE) {
        return slice_for(k, c, p->n);
    }
    return k.go >= SIM_GO_1_24 ? tables_for(k, c, p->n)
                               : buckets_for(k, c, p->n);
}

bool sim_container_fit(struct sim_world *w, struct sim_population *p)
{
    const struct sim_container *c = &p->spec.container;
    if ((c->kind != SIM_MAP && c->kind != SIM_SLICE) || p->n <= p->room) {
        return true;
    }
    const struct arrays next = arrays_for(w, p);
    const uint32_t bucket = sim_bucket(w, c->stack, next.bytes);
    if (bucket == UINT32_MAX) {
        return false;
    }
    if (bucket != p->array_bucket) { /* moved to larger arrays */
        sim_bucket_drop(w, p->array_bucket, p->n_arrays, p->arrays_sampled);
        p->n_arrays = 0;
        p->arrays_sampled = 0;
    }
    const uint64_t more = next.n - p->n_arrays;
    p->arrays_sampled += sim_bucket_alloc(w, bucket, more, &p->random);
    p->n_arrays = next.n;
    p->array_bucket = bucket;
    p->array_header_bytes = (uint32_t)next.header_bytes;
    p->room = next.room;
    return true;
}
