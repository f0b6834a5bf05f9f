/*
 * Maps, in the layout of Go up to 1.23 (buckets of eight, chained) and of
 * Swiss maps since (groups of eight, in tables, in a directory). Which one it
 * is, and where things are, is asked of the types, not of the version.
 */
#include "heap/heap_types_private.h"

#include "base/banned.h"

enum { SLOTS = 8 }; /* of a bucket and of a group */

/* --- layouts --- */

const struct map_layout *types_map_layout(const struct heap_types *t,
                                          uint32_t map)
{
    return map < t->layouts.n ? t->layouts.items[map] : NULL;
}

/* Offset and type of a field; false when there is none. */
static bool find(const struct heap_types *t, uint32_t type, const char *name,
                 uint64_t *offset, uint32_t *field_type)
{
    const struct go_field *f = types_field(t, type, name);
    if (f) {
        *offset = f->offset;
    }
    if (f && field_type) {
        *field_type = f->type.i;
    }
    return f != NULL;
}

static uint32_t element_of(const struct heap_types *t, uint32_t type)
{
    const struct go_type *g = binary_type(t->b, (type_id){type});
    return g ? g->element.i : UINT32_MAX;
}

static bool read_hash(const struct heap_types *t, struct map_layout *l)
{
    uint32_t buckets = UINT32_MAX;
    if (!find(t, l->header, "count", &l->count_at, NULL) ||
        !find(t, l->header, "B", &l->log_at, NULL) ||
        !find(t, l->header, "buckets", &l->buckets_at, &buckets) ||
        !find(t, l->header, "oldbuckets", &l->old_at, NULL)) {
        return false;
    }
    l->bucket = element_of(t, buckets);
    return types_bytes(t, l->bucket) > SLOTS;
}

static bool read_swiss(const struct heap_types *t, struct map_layout *l)
{
    uint32_t directory = UINT32_MAX, groups = UINT32_MAX, data = UINT32_MAX;
    uint64_t data_at = 0;
    if (!find(t, l->header, "used", &l->used_at, NULL) ||
        !find(t, l->header, "dirPtr", &l->directory_at, &directory) ||
        !find(t, l->header, "dirLen", &l->length_at, NULL)) {
        return false;
    }
    l->is_swiss = true;
    l->entry = element_of(t, directory);
    l->table = element_of(t, l->entry);
    if (!find(t, l->table, "capacity", &l->capacity_at, NULL) ||
        !find(t, l->table, "groups", &l->groups_at, &groups) ||
        !find(t, groups, "data", &data_at, &data) ||
        !find(t, groups, "lengthMask", &l->mask_at, NULL)) {
        return false;
    }
    l->mask_at += l->groups_at;
    l->groups_at += data_at;
    l->bucket = element_of(t, data);
    return types_bytes(t, l->bucket) > SLOTS;
}

const struct map_layout *types_read_layout(struct heap_types *t, uint32_t map)
{
    const struct go_type *g = binary_type(t->b, (type_id){map});
    struct map_layout l = {.header = g->layout.i,
                           .bucket = UINT32_MAX,
                           .table = UINT32_MAX,
                           .entry = UINT32_MAX};
    if (!read_hash(t, &l) && !read_swiss(t, &l)) {
        return NULL;
    }
    struct map_layout *kept = arena_new(&t->arena, struct map_layout, 1);
    bool ok = kept != NULL;
    while (ok && t->layouts.n <= map) {
        ok = map_layouts_push(&t->layouts, NULL);
    }
    if (!ok) {
        t->is_out_of_memory = true;
        return NULL;
    }
    *kept = l;
    t->layouts.items[map] = kept;
    return kept;
}

/* --- what a map holds --- */

struct map_reader {
    const struct heap_types *t;
    const struct map_layout *l;
    struct map_about *about;
    uint64_t bucket_bytes; /* of one bucket or group */
    uint64_t budget;       /* buckets that may yet be looked at */
};

static uint32_t object_at(const struct map_reader *r, uint64_t address,
                          uint64_t *interior)
{
    return graph_lookup(&r->t->g->spans, address, interior);
}

static struct span bytes_at(const struct map_reader *r, uint64_t address)
{
    uint64_t interior = 0;
    const uint32_t o = object_at(r, address, &interior);
    return o == UINT32_MAX
               ? (struct span){0}
               : span_from(heap_object_contents(r->t->g, (object_id){o}),
                           (size_t)interior);
}

/* Counts the object at an address with the map's arrays. */
static void add_bytes(struct map_reader *r, uint64_t address)
{
    uint64_t interior = 0;
    const uint32_t o = object_at(r, address, &interior);
    if (o != UINT32_MAX) {
        r->about->bucket_bytes += heap_object_bytes(r->t->g, (object_id){o});
    }
}

static uint64_t small_number(struct span c, uint64_t offset)
{
    return offset < c.len ? (unsigned char)c.p[offset] : 0;
}

static uint64_t u16_at(const struct map_reader *r, struct span c,
                       uint64_t offset)
{
    const uint64_t a = small_number(c, offset), b = small_number(c, offset + 1);
    return r->t->g->about.is_big_endian ? a << 8 | b : b << 8 | a;
}

/* Of 8 bytes whatever a pointer has. */
static uint64_t u64_at(const struct map_reader *r, struct span c,
                       uint64_t offset)
{
    enum { BYTES = 8 };
    uint64_t v = 0;
    for (unsigned i = 0; i < BYTES; i++) {
        const unsigned at = r->t->g->about.is_big_endian ? i : BYTES - 1 - i;
        v = v << 8 | small_number(c, offset + at);
    }
    return v;
}

/* --- up to Go 1.23 --- */

/* Slots that were left, in a bucket; the hash of an entry is 5 or more. */
static uint64_t left_slots(struct span bucket)
{
    enum { EMPTY_ONE = 1 };
    uint64_t n = 0;
    for (size_t i = 0; i < SLOTS && i < bucket.len; i++) {
        n += bucket.p[i] == EMPTY_ONE ? 1 : 0;
    }
    return n;
}

/* Buckets chained to one of an array. */
static void follow_chain(struct map_reader *r, struct span bucket,
                         uint64_t array, uint64_t array_bytes)
{
    const unsigned w = r->t->pointer_bytes;
    while (r->budget > 0 && bucket.len >= r->bucket_bytes) {
        const uint64_t next = types_word(r->t, bucket, r->bucket_bytes - w);
        if (next == 0) {
            return;
        }
        r->budget--;
        bucket = span_first(bytes_at(r, next), (size_t)r->bucket_bytes);
        r->about->capacity += SLOTS;
        r->about->n_deleted += left_slots(bucket);
        if (next < array || next - array >= array_bytes) {
            add_bytes(r, next);
        }
    }
}

/* Go makes another array before there are as many chained buckets as it has,
   so more than a few times that is a chain without an end. */
static void read_array(struct map_reader *r, uint64_t address, uint64_t n)
{
    enum { CHAINED_MAX = 8, CHAINED_MORE = 64 };
    const struct span all = bytes_at(r, address);
    const uint64_t n_there = all.len / r->bucket_bytes;
    const uint64_t most =
        (n < n_there ? n : n_there) * (CHAINED_MAX + 1) + CHAINED_MORE;
    r->budget = most < r->budget ? most : r->budget;
    add_bytes(r, address);
    for (uint64_t i = 0; i < n && r->budget > 0; i++, r->budget--) {
        if (all.len < (i + 1) * r->bucket_bytes) {
            return;
        }
        const struct span bucket =
            span_first(span_from(all, (size_t)(i * r->bucket_bytes)),
                       (size_t)r->bucket_bytes);
        r->about->capacity += SLOTS;
        r->about->n_deleted += left_slots(bucket);
        follow_chain(r, bucket, address, all.len);
    }
}

static void read_buckets(struct map_reader *r, struct span header)
{
    const uint64_t log = small_number(header, r->l->log_at);
    const uint64_t old = types_word(r->t, header, r->l->old_at);
    r->about->n_entries = types_word(r->t, header, r->l->count_at);
    read_array(r, types_word(r->t, header, r->l->buckets_at),
               log < 48 ? UINT64_C(1) << log : 0);
    if (old != 0) {
        r->about->is_growing = true;
        add_bytes(r, old);
    }
}

/* --- Swiss --- */

static uint64_t deleted_slots(struct span group)
{
    enum { DELETED = 0xfe };
    uint64_t n = 0;
    for (size_t i = 0; i < SLOTS && i < group.len; i++) {
        n += (unsigned char)group.p[i] == DELETED ? 1 : 0;
    }
    return n;
}

static void read_groups(struct map_reader *r, uint64_t address, uint64_t n)
{
    const struct span all = bytes_at(r, address);
    add_bytes(r, address);
    for (uint64_t i = 0; i < n && r->budget > 0; i++, r->budget--) {
        if (all.len < (i + 1) * r->bucket_bytes) {
            return;
        }
        r->about->capacity += SLOTS;
        r->about->n_deleted +=
            deleted_slots(span_from(all, (size_t)(i * r->bucket_bytes)));
    }
}

/* Those that the directory names are named in a row. */
static void read_tables(struct map_reader *r, uint64_t directory, uint64_t n)
{
    const unsigned w = r->t->pointer_bytes;
    const struct span all = bytes_at(r, directory);
    uint64_t last = 0;
    add_bytes(r, directory);
    for (uint64_t i = 0; i < n && r->budget > 0 && all.len >= (i + 1) * w;
         i++) {
        const uint64_t table = types_word(r->t, all, i * w);
        if (table == last) {
            continue;
        }
        const struct span c = bytes_at(r, table);
        last = table;
        add_bytes(r, table);
        read_groups(r, types_word(r->t, c, r->l->groups_at),
                    u16_at(r, c, r->l->capacity_at) / SLOTS);
    }
}

static void read_directory(struct map_reader *r, struct span header)
{
    const uint64_t p = types_word(r->t, header, r->l->directory_at);
    const uint64_t n = types_word(r->t, header, r->l->length_at);
    r->about->is_swiss = true;
    r->about->n_entries = u64_at(r, header, r->l->used_at);
    if (p == 0) {
        return;
    }
    if (n == 0) {
        read_groups(r, p, 1);
    } else {
        read_tables(r, p, n);
    }
}

bool heap_map_about(const struct heap_types *t, object_id map,
                    struct map_about *out)
{
    const struct typing typing = types_get(t, map.i);
    const struct map_layout *l = types_map_layout(t, typing.type);
    *out = (struct map_about){0};
    if (typing.form != FORM_MAP || typing.source == TYPED_NOT || !l) {
        return false;
    }
    struct map_reader r = {.t = t,
                           .l = l,
                           .about = out,
                           .bucket_bytes = types_bytes(t, l->bucket)};
    r.budget = t->g->about.object_bytes / r.bucket_bytes + SLOTS;
    const struct span header =
        span_from(heap_object_contents(t->g, map), types_header(t, map.i));
    if (l->is_swiss) {
        read_directory(&r, header);
    } else {
        read_buckets(&r, header);
    }
    return true;
}
