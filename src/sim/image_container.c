/*
 * Maps, slices and lists as the runtime lays them out, around the backing
 * arrays that the model counts. Headers (hmap, Map, tables, directories) are
 * objects beside the model: the profile of a service hardly ever has them.
 */
#include "sim/image_build_private.h"

#include <string.h>

#include "base/banned.h"

enum { WORD = 8, SLOTS = 8 };

struct container {
    struct sim_image *im;
    const struct sim_population *p;
    const uint64_t *roots, *keys; /* one an entry, or NULL */
    uint64_t n;                   /* entries that have a place */
    uint64_t array_bytes;         /* without what is in front */
    uint64_t header_bytes;        /* of a type word in front of each array */
    uint64_t array_type;          /* of an element */
    uint32_t n_key_pointers, n_elem_pointers; /* 0 or 1 */
};

/* Where an entry lies in an array: keys and elements have a stride each. */
static void set_key(const struct container *c, uint64_t at, uint64_t entry)
{
    enum { TEXT_BYTES = 12 };
    if (c->n_key_pointers) {
        /* A key that is no object of ours is a constant of the program. */
        sim_image_set(c->im, at,
                      c->keys ? c->keys[entry]
                              : c->im->layout.text_end + 0x100);
        sim_image_set(c->im, at + WORD, TEXT_BYTES);
    } else if (c->p->spec.container.key_bytes >= WORD) {
        sim_image_set(c->im, at, entry + 1);
    }
}

static void set_elem(const struct container *c, uint64_t at, uint64_t entry)
{
    const unsigned bytes = c->p->spec.container.elem_bytes;
    if (c->n_elem_pointers) {
        sim_image_set(c->im, at, c->roots[entry]);
        for (unsigned k = 1; k < 3 && (k + 1) * WORD <= bytes; k++) {
            sim_image_set(c->im, at + (uint64_t)k * WORD,
                          c->p->spec.members[0].bytes);
        }
    }
}

/* Offsets of pointers in an array of `n` groups of SLOTS pairs; keys and
   elements start at `keys` and `elems` in the group. `overflow` is the offset
   of one pointer more, or 0. */
struct grouping {
    uint64_t bytes; /* of a group */
    uint64_t keys, key_stride;
    uint64_t elems, elem_stride;
    uint64_t overflow;
};

static uint32_t mask_of_groups(const struct container *c,
                               const struct grouping *g, uint64_t n)
{
    struct sim_image *im = c->im;
    const struct sim_mask mask = {(uint32_t)im->offsets.n, 0};
    /* Ascending: in buckets keys come before elements, in groups they
       alternate. */
    const bool alternates = g->key_stride == g->elem_stride;
    const unsigned n_rounds = alternates ? SLOTS : 2 * SLOTS;
    for (uint64_t i = 0; i < n; i++) {
        for (unsigned r = 0; r < n_rounds; r++) {
            const uint64_t slot = alternates ? r : r % SLOTS;
            if (c->n_key_pointers && (alternates || r < SLOTS)) {
                im->has_failed |= !vec_u32_push(
                    &im->offsets, (uint32_t)(c->header_bytes + i * g->bytes +
                                             g->keys + slot * g->key_stride));
            }
            if (c->n_elem_pointers && (alternates || r >= SLOTS)) {
                im->has_failed |= !vec_u32_push(
                    &im->offsets, (uint32_t)(c->header_bytes + i * g->bytes +
                                             g->elems + slot * g->elem_stride));
            }
        }
        if (g->overflow && (c->n_key_pointers || c->n_elem_pointers)) {
            im->has_failed |= !vec_u32_push(
                &im->offsets,
                (uint32_t)(c->header_bytes + i * g->bytes + g->overflow));
        }
    }
    struct sim_mask done = mask;
    done.n = (uint32_t)im->offsets.n - mask.first;
    if (done.n == 0) {
        return 0;
    }
    im->has_failed |= !sim_masks_push(&im->masks, done);
    return (uint32_t)im->masks.n - 1;
}

/* The address of its first element. */
static uint64_t new_array(const struct container *c, uint32_t mask)
{
    const uint64_t slot = sim_image_object(
        c->im, c->header_bytes + c->array_bytes, mask, c->p->array_bucket);
    if (c->header_bytes) {
        sim_image_header(c->im, c->array_type);
    }
    return slot + c->header_bytes;
}

/* An object beside the model with pointers at `n` words from `first`. */
static uint64_t new_header(const struct container *c, uint64_t bytes,
                           uint64_t first, uint64_t n)
{
    return sim_image_object(c->im, sim_size_class(bytes),
                            sim_image_mask(c->im, first, WORD, n), SIM_NONE);
}

static void orphan(const struct container *c, uint64_t address)
{
    c->im->has_failed |= !vec_u64_push(&c->im->orphans, address);
}

/* Entries without a place in the array. */
static void leave_over(const struct container *c, uint64_t from)
{
    for (uint64_t i = from; i < c->n; i++) {
        if (c->n_elem_pointers) {
            orphan(c, c->roots[i]);
        }
        if (c->keys) {
            orphan(c, c->keys[i]);
        }
    }
}

/* Roots when the array's elements are too small to point to them. */
static void leave_roots(const struct container *c)
{
    for (uint64_t i = 0; c->roots && !c->n_elem_pointers && i < c->n; i++) {
        orphan(c, c->roots[i]);
    }
}

/* --- slices --- */

static uint64_t build_slice(const struct container *c)
{
    const unsigned elem = c->p->spec.container.elem_bytes
                              ? c->p->spec.container.elem_bytes
                              : WORD;
    struct sim_image *im = c->im;
    const uint64_t cap = c->array_bytes / elem;
    const uint32_t mask =
        c->n_elem_pointers ? sim_image_mask(im, c->header_bytes, elem, cap) : 0;
    const uint64_t array = new_array(c, mask);
    const uint64_t n = c->n < cap ? c->n : cap;
    for (uint64_t i = 0; i < n; i++) {
        set_elem(c, array + i * elem, i);
    }
    leave_over(c, n);
    return array;
}

/* --- maps until Go 1.23: hmap, buckets --- */

static uint64_t build_hmap(const struct container *c)
{
    enum { HMAP_BYTES = 48, COUNT = 0, B = 8, BUCKETS = 16, TOPHASH = 0x80 };
    const struct sim_container *of = &c->p->spec.container;
    struct sim_image *im = c->im;
    const struct grouping g = {
        .bytes = 8 + (uint64_t)SLOTS * (of->key_bytes + of->elem_bytes) + WORD,
        .keys = SLOTS,
        .key_stride = of->key_bytes,
        .elems = SLOTS + (uint64_t)SLOTS * of->key_bytes,
        .elem_stride = of->elem_bytes,
        .overflow = SLOTS + (uint64_t)SLOTS * (of->key_bytes + of->elem_bytes),
    };
    uint64_t n_buckets = 1;
    unsigned log = 0;
    while ((2 * n_buckets + (n_buckets >= 8 ? n_buckets / 8 : 0)) * g.bytes <=
           c->array_bytes) {
        n_buckets *= 2;
        log++;
    }
    const uint64_t array =
        new_array(c, mask_of_groups(c, &g, c->array_bytes / g.bytes));
    const uint64_t n = c->n < n_buckets * SLOTS ? c->n : n_buckets * SLOTS;
    for (uint64_t b = 0; b < n_buckets; b++) {
        uint64_t hashes = 0;
        for (uint64_t slot = 0; b + slot * n_buckets < n; slot++) {
            const uint64_t entry = b + slot * n_buckets;
            hashes |= (TOPHASH | (sim_mix(entry, 1) & 0x7f)) << (8 * slot);
            const uint64_t bucket = array + b * g.bytes;
            set_key(c, bucket + g.keys + slot * g.key_stride, entry);
            set_elem(c, bucket + g.elems + slot * g.elem_stride, entry);
        }
        sim_image_set(im, array + b * g.bytes, hashes);
    }
    leave_over(c, n);
    const uint64_t hmap = new_header(c, HMAP_BYTES, BUCKETS, 2);
    sim_image_set(im, hmap + COUNT, c->n);
    sim_image_set(im, hmap + B, (uint64_t)log << 8); /* flags, then B */
    sim_image_set(im, hmap + BUCKETS, array);
    return hmap;
}

/* --- maps since Go 1.24: Map, directory, tables, groups --- */

static struct grouping swiss_group(const struct sim_container *of)
{
    const uint64_t pair = of->key_bytes + of->elem_bytes;
    return (struct grouping){.bytes = 8 + SLOTS * pair,
                             .keys = 8,
                             .key_stride = pair,
                             .elems = UINT64_C(8) + of->key_bytes,
                             .elem_stride = pair};
}

/* The entries first, first + step, ... in groups at `array`; returns how many
   there are. */
static uint64_t fill_groups(const struct container *c, const struct grouping *g,
                            uint64_t array, uint64_t n_groups, uint64_t first,
                            uint64_t step)
{
    uint64_t n = 0;
    for (uint64_t group = 0; group < n_groups; group++) {
        uint64_t control = 0;
        for (unsigned slot = 0; slot < SLOTS; slot++) {
            const uint64_t entry = first + (group + slot * n_groups) * step;
            if (entry >= c->n) {
                control |= UINT64_C(0x80) << (8 * slot); /* empty */
                continue;
            }
            const uint64_t at = array + group * g->bytes;
            control |= (sim_mix(entry, 1) & 0x7f) << (8 * slot);
            set_key(c, at + g->keys + slot * g->key_stride, entry);
            set_elem(c, at + g->elems + slot * g->elem_stride, entry);
            n++;
        }
        sim_image_set(c->im, array + group * g->bytes, control);
    }
    return n;
}

/* internal/runtime/maps.table. */
static uint64_t build_table(const struct container *c, uint64_t array,
                            uint64_t n_groups, uint64_t used,
                            uint64_t local_depth, uint64_t index)
{
    enum { TABLE_BYTES = 32, INDEX = 8, GROUPS = 16, LENGTH_MASK = 24 };
    const uint64_t capacity = n_groups * SLOTS;
    const uint64_t growth = capacity <= SLOTS ? SLOTS - 1 : capacity / 8 * 7;
    const uint64_t table = new_header(c, TABLE_BYTES, GROUPS, 1);
    sim_image_set(c->im, table,
                  used | capacity << 16 |
                      (growth > used ? growth - used : 0) << 32 |
                      local_depth << 48);
    sim_image_set(c->im, table + INDEX, index);
    sim_image_set(c->im, table + GROUPS, array);
    sim_image_set(c->im, table + LENGTH_MASK, n_groups - 1);
    return table;
}

/* Tables of an extendible hash: with T of them and a directory of D, T - D/2
   pairs have the full depth, the others lie there twice. */
static uint64_t build_tables(const struct container *c,
                             const struct grouping *g, uint64_t n_groups,
                             uint64_t *directory_length, uint64_t *depth)
{
    struct sim_image *im = c->im;
    const uint64_t n_tables = c->p->n_arrays;
    struct vec_u64 directory = {0};
    *directory_length = 1;
    *depth = 0;
    while (*directory_length < n_tables) {
        *directory_length *= 2;
        ++*depth;
    }
    const uint64_t n_deep =
        n_tables > 1 ? 2 * (n_tables - *directory_length / 2) : 1;
    const uint32_t mask = mask_of_groups(c, g, n_groups);
    for (uint64_t t = 0; t < n_tables && !im->has_failed; t++) {
        const uint64_t array = new_array(c, mask);
        const uint64_t used = fill_groups(c, g, array, n_groups, t, n_tables);
        const bool is_deep = t < n_deep;
        const uint64_t table =
            build_table(c, array, n_groups, used, is_deep ? *depth : *depth - 1,
                        directory.n);
        im->has_failed |= !vec_u64_push(&directory, table) ||
                          (!is_deep && !vec_u64_push(&directory, table));
    }
    const uint64_t at =
        im->has_failed ? 0 : sim_image_array(im, directory.items, directory.n);
    vec_u64_release(&directory);
    return at;
}

static uint64_t build_swiss(const struct container *c)
{
    enum { MAP_BYTES = 48, SEED = 8, DIRECTORY = 16, LENGTH = 24, DEPTH = 32 };
    struct sim_image *im = c->im;
    const struct grouping g = swiss_group(&c->p->spec.container);
    uint64_t n_groups = 1;
    while (2 * n_groups * g.bytes <= c->array_bytes) {
        n_groups *= 2;
    }
    const uint64_t map = new_header(c, MAP_BYTES, DIRECTORY, 1);
    sim_image_set(im, map, c->n);
    sim_image_set(im, map + SEED, sim_hash(c->p->spec.name));
    const uint64_t capacity = c->p->n_arrays * n_groups * SLOTS;
    leave_over(c, c->n < capacity ? c->n : capacity);
    if (n_groups == 1 && c->p->n_arrays == 1) {
        const uint64_t group = new_array(c, mask_of_groups(c, &g, 1));
        (void)fill_groups(c, &g, group, 1, 0, 1);
        sim_image_set(im, map + DIRECTORY, group);
        return map;
    }
    uint64_t length = 0;
    uint64_t depth = 0;
    sim_image_set(im, map + DIRECTORY,
                  build_tables(c, &g, n_groups, &length, &depth));
    sim_image_set(im, map + LENGTH, length);
    sim_image_set(im, map + DEPTH, depth | (64 - depth) << 8);
    return map;
}

/* --- lists --- */

static uint64_t build_chain(const struct container *c, uint32_t link_offset)
{
    for (uint64_t i = 1; i < c->n; i++) {
        sim_image_set(c->im, c->roots[i] + link_offset, c->roots[i - 1]);
    }
    return c->roots[c->n - 1];
}

/* container/list: a ring through the list itself. */
static uint64_t build_ring(const struct container *c)
{
    enum { LIST_BYTES = 48, PREV = 8, LIST = 16, N_POINTERS = 3, LENGTH = 40 };
    struct sim_image *im = c->im;
    const uint64_t list = new_header(c, LIST_BYTES, 0, N_POINTERS);
    uint64_t before = list;
    for (uint64_t i = 0; i < c->n; i++) {
        sim_image_set(im, before, c->roots[i]);
        sim_image_set(im, c->roots[i] + PREV, before);
        sim_image_set(im, c->roots[i] + LIST, list);
        before = c->roots[i];
    }
    sim_image_set(im, before, list);
    sim_image_set(im, list + PREV, before);
    sim_image_set(im, list + LENGTH, c->n);
    return list;
}

static uint64_t build_list(const struct container *c, size_t population)
{
    const struct sim_layout_of_program *l = &c->im->layout;
    const struct sim_look *look = sim_layout_look(l, population, 0);
    if (look->type == SIM_NONE || look->link_offset == SIM_NONE) {
        return sim_image_array(c->im, c->roots, c->n);
    }
    return strcmp(l->types.items[look->type].name, "list.Element") == 0
               ? build_ring(c)
               : build_chain(c, look->link_offset);
}

/* --- any --- */

/* Entries without a container: one is pointed to, more are in an array. */
static uint64_t build_bare(const struct container *c, size_t population)
{
    const struct sim_layout_of_program *l = &c->im->layout;
    const struct sim_holding *h = &l->holdings[population];
    const unsigned bytes = l->globals.items[h->global].part_bytes;
    return bytes == WORD && c->n == 1 ? c->roots[0]
                                      : sim_image_array(c->im, c->roots, c->n);
}

uint64_t sim_image_container(struct sim_image *im, size_t i,
                             const uint64_t *roots, const uint64_t *keys)
{
    const struct sim_population *p = &im->world->populations.items[i];
    const struct sim_container *of = &p->spec.container;
    struct container c = {
        .im = im, .p = p, .roots = roots, .keys = keys, .n = p->n};
    c.n_elem_pointers = sim_container_points(p) ? 1 : 0;
    c.n_key_pointers = of->key_bytes == 2 * WORD ? 1 : 0;
    const bool has_array = p->array_bucket != SIM_NONE && p->n_arrays > 0;
    if (has_array) {
        c.header_bytes = p->array_header_bytes;
        c.array_bytes =
            im->world->buckets.items[p->array_bucket].bytes - c.header_bytes;
        c.array_type = im->layout.array_types[i];
    }
    switch (of->kind) {
    case SIM_MAP:
        if (has_array) {
            leave_roots(&c);
            return im->world->options.go >= SIM_GO_1_24 ? build_swiss(&c)
                                                        : build_hmap(&c);
        }
        break;
    case SIM_SLICE:
        if (has_array) {
            leave_roots(&c);
            return build_slice(&c);
        }
        break;
    case SIM_LIST:
        return roots ? build_list(&c, i) : 0;
    case SIM_NO_CONTAINER:
        break;
    }
    return roots ? build_bare(&c, i) : 0;
}
