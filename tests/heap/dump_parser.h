/*
 * A second reading of heap dumps, for tests: it shares no line with the
 * library. Takes a whole dump in memory, fails the test on the first byte
 * that is not as Go writes it, and can follow all pointers.
 */
#ifndef SEEP_TESTS_HEAP_DUMP_PARSER_H
#define SEEP_TESTS_HEAP_DUMP_PARSER_H

#include "test.h"

#include "base/span.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

enum { PARSED_TAGS = 18, PARSED_MEMSTATS = 281 };
enum { PARSED_ALLOC = 0, PARSED_HEAP_ALLOC = 6, PARSED_HEAP_OBJECTS = 11 };

/* Contents with pointer slots: an object, a segment or a frame. */
struct parsed_memory {
    uint64_t address, bytes; /* as said; less may be present */
    size_t at, present;      /* in the file */
    size_t first_field, n_fields;
    uint32_t goroutine; /* of frames */
    bool is_reached;
};
VEC_TYPE(parsed_memories, struct parsed_memory)

struct parsed_goroutine {
    uint64_t address, sp, goid, creator_pc, status, wait_since;
    bool is_system;
    struct span wait;
    size_t n_frames;
};
VEC_TYPE(parsed_goroutines, struct parsed_goroutine)

struct parsed_frame {
    uint64_t sp, depth, child_sp, entry, pc;
    struct span function;
};
VEC_TYPE(parsed_frames, struct parsed_frame)

struct parsed_bucket {
    uint64_t id, bytes, n_calls, allocs, frees, n_samples;
    struct span leaf;
};
VEC_TYPE(parsed_buckets, struct parsed_bucket)

struct parsed_sample {
    uint64_t address, bucket;
};
VEC_TYPE(parsed_samples, struct parsed_sample)

struct parsed_finalizer {
    uint64_t object, closure, pc, argument_type, object_type;
};
VEC_TYPE(parsed_finalizers, struct parsed_finalizer)

struct parsed_dump {
    const uint8_t *data;
    size_t n, at;
    bool is_big_endian, has_ended, is_cut;
    unsigned pointer_bytes;
    uint64_t arena_start, arena_end;
    struct span arch, build;
    struct parsed_memories objects, roots; /* roots: segments and frames */
    struct vec_u64 fields;
    struct parsed_goroutines goroutines;
    struct parsed_frames frames;
    struct parsed_buckets buckets;
    struct parsed_samples samples;
    struct parsed_finalizers finalizers;
    uint64_t memstats[PARSED_MEMSTATS];
    uint64_t n_tags[PARSED_TAGS];
    /* Kinds in the order of their first record. */
    uint8_t order[PARSED_TAGS];
    size_t n_order;
};

/* --- bytes; after the end everything is 0 and `is_cut` is set --- */

static inline uint64_t parsed_varint(struct parsed_dump *d)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (d->at >= d->n) {
            d->is_cut = true;
            return 0;
        }
        const uint8_t b = d->data[d->at++];
        v |= (uint64_t)(b & 0x7f) << (shift < 64 ? shift : 63);
        if (b < 0x80) {
            return v;
        }
    }
    fail_msg("varint of more than 10 bytes at %zu", d->at);
    return 0;
}

static inline size_t parsed_skip(struct parsed_dump *d, uint64_t n)
{
    const size_t at = d->at;
    if (n > d->n - d->at) {
        d->is_cut = true;
        d->at = d->n;
    } else {
        d->at += (size_t)n;
    }
    return at;
}

static inline struct span parsed_text(struct parsed_dump *d)
{
    const uint64_t len = parsed_varint(d);
    const size_t at = parsed_skip(d, len);
    const char *p = (const char *)d->data + at;
    return (struct span){p, d->is_cut ? 0 : (size_t)len};
}

static inline void parsed_varints(struct parsed_dump *d, uint64_t *out,
                                  size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = parsed_varint(d);
    }
}

static inline uint64_t parsed_word(const struct parsed_dump *d, size_t at)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < d->pointer_bytes; i++) {
        const unsigned low = d->is_big_endian ? d->pointer_bytes - 1 - i : i;
        v |= (uint64_t)d->data[at + i] << (8 * low);
    }
    return v;
}

/* --- records --- */

static inline void parsed_contents(struct parsed_dump *d,
                                   struct parsed_memory *m)
{
    m->bytes = parsed_varint(d);
    m->present = (size_t)(m->bytes & UINT32_MAX);
    if (m->present > 0x7ffff000) {
        m->present = 0x7ffff000;
    }
    m->at = parsed_skip(d, m->present);
}

static inline void parsed_fields(struct parsed_dump *d, struct parsed_memory *m)
{
    m->first_field = d->fields.n;
    uint64_t kind = 0;
    while (!d->is_cut && (kind = parsed_varint(d)) != 0) {
        assert_int_equal(kind, 1);
        const uint64_t offset = parsed_varint(d);
        assert_true(offset + d->pointer_bytes <= m->bytes);
        assert_int_equal(offset % d->pointer_bytes, 0);
        assert_true(vec_u64_push(&d->fields, offset));
    }
    m->n_fields = d->fields.n - m->first_field;
}

static inline void parsed_put(struct parsed_dump *d,
                              struct parsed_memories *list,
                              struct parsed_memory m)
{
    parsed_fields(d, &m);
    if (!d->is_cut) {
        assert_true(parsed_memories_push(list, m));
    }
}

static inline void parsed_object(struct parsed_dump *d)
{
    struct parsed_memory m = {.address = parsed_varint(d)};
    parsed_contents(d, &m);
    parsed_put(d, &d->objects, m);
}

static inline void parsed_segment(struct parsed_dump *d)
{
    struct parsed_memory m = {.address = parsed_varint(d),
                              .goroutine = UINT32_MAX};
    parsed_contents(d, &m);
    parsed_put(d, &d->roots, m);
}

static inline void parsed_frame_record(struct parsed_dump *d)
{
    assert_true(d->goroutines.n > 0);
    struct parsed_frame f = {0};
    f.sp = parsed_varint(d);
    f.depth = parsed_varint(d);
    f.child_sp = parsed_varint(d);
    struct parsed_memory m = {.address = f.sp,
                              .goroutine = (uint32_t)d->goroutines.n - 1};
    parsed_contents(d, &m);
    f.entry = parsed_varint(d);
    f.pc = parsed_varint(d);
    (void)parsed_varint(d);
    f.function = parsed_text(d);
    parsed_put(d, &d->roots, m);
    struct parsed_goroutine *g = &d->goroutines.items[d->goroutines.n - 1];
    assert_int_equal(f.depth, g->n_frames);
    g->n_frames++;
    assert_true(parsed_frames_push(&d->frames, f));
}

static inline void parsed_goroutine_record(struct parsed_dump *d)
{
    uint64_t v[8];
    parsed_varints(d, v, 8);
    struct parsed_goroutine g = {.address = v[0],
                                 .sp = v[1],
                                 .goid = v[2],
                                 .creator_pc = v[3],
                                 .status = v[4],
                                 .is_system = v[5] != 0,
                                 .wait_since = v[7]};
    g.wait = parsed_text(d);
    parsed_varints(d, v, 4);
    assert_true(parsed_goroutines_push(&d->goroutines, g));
}

static inline void parsed_bucket_record(struct parsed_dump *d)
{
    struct parsed_bucket b = {0};
    b.id = parsed_varint(d);
    b.bytes = parsed_varint(d);
    b.n_calls = parsed_varint(d);
    for (uint64_t i = 0; i < b.n_calls && !d->is_cut; i++) {
        const struct span function = parsed_text(d);
        (void)parsed_text(d);
        (void)parsed_varint(d);
        if (i == 0) {
            b.leaf = function;
        }
    }
    b.allocs = parsed_varint(d);
    b.frees = parsed_varint(d);
    assert_true(parsed_buckets_push(&d->buckets, b));
}

static inline void parsed_params(struct parsed_dump *d)
{
    d->is_big_endian = parsed_varint(d) != 0;
    d->pointer_bytes = (unsigned)parsed_varint(d);
    assert_true(d->pointer_bytes == 4 || d->pointer_bytes == 8);
    d->arena_start = parsed_varint(d);
    d->arena_end = parsed_varint(d);
    d->arch = parsed_text(d);
    d->build = parsed_text(d);
    (void)parsed_varint(d);
}

static inline void parsed_type(struct parsed_dump *d)
{
    (void)parsed_varint(d);
    (void)parsed_varint(d);
    (void)parsed_text(d);
    (void)parsed_varint(d);
}

static inline void parsed_sample_record(struct parsed_dump *d)
{
    struct parsed_sample s = {0};
    s.address = parsed_varint(d);
    s.bucket = parsed_varint(d);
    assert_true(parsed_samples_push(&d->samples, s));
}

static inline void parsed_finalizer_record(struct parsed_dump *d)
{
    uint64_t v[5];
    parsed_varints(d, v, 5);
    const struct parsed_finalizer f = {v[0], v[1], v[2], v[3], v[4]};
    assert_true(parsed_finalizers_push(&d->finalizers, f));
}

/* Records that are a fixed number of integers; 0 = not such a one. */
static inline size_t parsed_fixed(uint64_t tag)
{
    static const uint8_t n[PARSED_TAGS] = {
        [8] = 2, [9] = 3, [11] = 5, [14] = 7, [15] = 6};
    return n[tag];
}

static inline void parsed_record(struct parsed_dump *d, uint64_t tag)
{
    uint64_t v[8];
    switch (tag) {
    case 0:
        d->has_ended = true;
        break;
    case 1:
        parsed_object(d);
        break;
    case 2: /* no Go writes it any more */
        (void)parsed_text(d);
        (void)parsed_varint(d);
        break;
    case 3:
        parsed_type(d);
        break;
    case 4:
        parsed_goroutine_record(d);
        break;
    case 5:
        parsed_frame_record(d);
        break;
    case 6:
        parsed_params(d);
        break;
    case 7:
        parsed_finalizer_record(d);
        break;
    case 10:
        parsed_varints(d, d->memstats, PARSED_MEMSTATS);
        break;
    case 12:
    case 13:
        parsed_segment(d);
        break;
    case 16:
        parsed_bucket_record(d);
        break;
    case 17:
        parsed_sample_record(d);
        break;
    default:
        assert_true(parsed_fixed(tag) > 0);
        parsed_varints(d, v, parsed_fixed(tag));
        break;
    }
}

static inline int parsed_by_address(const void *a, const void *b)
{
    const uint64_t x = ((const struct parsed_memory *)a)->address;
    const uint64_t y = ((const struct parsed_memory *)b)->address;
    return x < y ? -1 : x > y;
}

/* Reads all of it. `data` is borrowed until parsed_release(). */
static inline void parsed_read(struct parsed_dump *d, struct span data)
{
    *d = (struct parsed_dump){.data = (const uint8_t *)data.p, .n = data.len};
    assert_true(span_starts(data, "go1.7 heap dump\n"));
    d->at = 16;
    while (!d->has_ended && !d->is_cut) {
        const uint64_t tag = parsed_varint(d);
        if (d->is_cut) {
            break;
        }
        if (tag >= PARSED_TAGS) {
            fail_msg("unknown record %u at %zu", (unsigned)tag, d->at);
            return;
        }
        if (d->n_tags[tag]++ == 0) {
            d->order[d->n_order++] = (uint8_t)tag;
        }
        parsed_record(d, tag);
    }
    if (d->has_ended) {
        assert_int_equal(d->at, d->n);
    }
    if (d->objects.n) {
        qsort(d->objects.items, d->objects.n, sizeof *d->objects.items,
              parsed_by_address);
    }
}

static inline void parsed_release(struct parsed_dump *d)
{
    parsed_memories_release(&d->objects);
    parsed_memories_release(&d->roots);
    vec_u64_release(&d->fields);
    parsed_goroutines_release(&d->goroutines);
    parsed_frames_release(&d->frames);
    parsed_buckets_release(&d->buckets);
    parsed_samples_release(&d->samples);
    parsed_finalizers_release(&d->finalizers);
}

/* --- the graph --- */

/* The object that `address` lies in, or NULL. */
static inline struct parsed_memory *parsed_find(struct parsed_dump *d,
                                                uint64_t address)
{
    size_t low = 0;
    size_t high = d->objects.n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (d->objects.items[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    struct parsed_memory *m = &d->objects.items[low - 1];
    return address - m->address < m->bytes ? m : NULL;
}

static inline uint64_t parsed_pointer(const struct parsed_dump *d,
                                      const struct parsed_memory *m, size_t i)
{
    assert_true(d->fields.items && m && i < m->n_fields);
    if (!d->fields.items || !m) {
        return 0;
    }
    return parsed_word(d, m->at + (size_t)d->fields.items[m->first_field + i]);
}

struct parsed_reach {
    uint64_t n_objects, n_bytes;
    uint64_t n_pointers, n_nil, n_dangling; /* into the arena, at nothing */
    uint64_t n_outside;                     /* not in the arena: statics */
};

static inline void parsed_follow(struct parsed_dump *d,
                                 const struct parsed_memory *m,
                                 struct vec_u64 *todo, struct parsed_reach *r)
{
    for (size_t i = 0; m && i < m->n_fields; i++) {
        const uint64_t p = parsed_pointer(d, m, i);
        r->n_pointers++;
        if (p == 0) {
            r->n_nil++;
            continue;
        }
        struct parsed_memory *target = parsed_find(d, p);
        if (!target) {
            const bool is_heap = p >= d->arena_start && p < d->arena_end;
            r->n_dangling += is_heap ? 1U : 0U;
            r->n_outside += is_heap ? 0U : 1U;
            continue;
        }
        if (!target->is_reached) {
            target->is_reached = true;
            r->n_objects++;
            r->n_bytes += target->bytes;
            assert_true(
                vec_u64_push(todo, (uint64_t)(target - d->objects.items)));
        }
    }
}

/* Marks what segments and frames can reach; `follows_finalizers`: as the
   collector does, what objects with finalizers point to as well, but not the
   objects themselves. Closures are taken to be static. */
static inline struct parsed_reach parsed_mark_from(struct parsed_dump *d,
                                                   bool follows_finalizers)
{
    struct parsed_reach r = {0};
    struct vec_u64 todo = {0};
    for (size_t i = 0; i < d->roots.n; i++) {
        parsed_follow(d, &d->roots.items[i], &todo, &r);
    }
    for (size_t i = 0; follows_finalizers && i < d->finalizers.n; i++) {
        const struct parsed_finalizer *f = &d->finalizers.items[i];
        parsed_follow(d, parsed_find(d, f->object), &todo, &r);
    }
    while (todo.n) {
        parsed_follow(d, &d->objects.items[todo.items[--todo.n]], &todo, &r);
    }
    vec_u64_release(&todo);
    return r;
}

static inline struct parsed_reach parsed_mark(struct parsed_dump *d)
{
    return parsed_mark_from(d, true);
}

/* Objects do not overlap and lie in the arena. */
static inline void parsed_check_objects(const struct parsed_dump *d)
{
    uint64_t end = d->arena_start;
    for (size_t i = 0; i < d->objects.n; i++) {
        const struct parsed_memory *m = &d->objects.items[i];
        assert_true(m->address >= end);
        end = m->address + m->bytes;
    }
    assert_true(end <= d->arena_end);
}

static inline struct parsed_bucket *parsed_bucket_find(struct parsed_dump *d,
                                                       uint64_t id)
{
    for (size_t i = 0; i < d->buckets.n; i++) {
        if (d->buckets.items[i].id == id) {
            return &d->buckets.items[i];
        }
    }
    return NULL;
}

/* Every sample is of a reached object (at its start or past a header of 8
   bytes) and of a bucket with as many live ones. */
static inline void parsed_check_samples(struct parsed_dump *d)
{
    for (size_t i = 0; i < d->samples.n; i++) {
        const struct parsed_sample *s = &d->samples.items[i];
        const struct parsed_memory *m = parsed_find(d, s->address);
        struct parsed_bucket *b = parsed_bucket_find(d, s->bucket);
        assert_non_null(m);
        assert_non_null(b);
        assert_true(s->address == m->address || s->address == m->address + 8);
        assert_int_equal(m->bytes, b->bytes);
        assert_true(m->is_reached);
        b->n_samples++;
    }
    for (size_t i = 0; i < d->buckets.n; i++) {
        const struct parsed_bucket *b = &d->buckets.items[i];
        assert_int_equal(b->n_samples, b->allocs - b->frees);
    }
}

#endif
