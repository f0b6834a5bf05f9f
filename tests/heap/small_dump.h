/*
 * Heap graphs from lists of edges: a dump of objects of 64 bytes is written
 * and read back. Root groups are variables of eight words each.
 */
#ifndef SEEP_TESTS_HEAP_SMALL_DUMP_H
#define SEEP_TESTS_HEAP_SMALL_DUMP_H

#include "test.h"

#include <stdio.h>

#include "heap/heap.h"

enum {
    SMALL_NODES = 200,
    SMALL_EDGES = 8, /* of an object, and of a group */
    SMALL_GROUPS = 16,
    SMALL_BYTES = 64
};
#define SMALL_HEAP UINT64_C(0xc000000000)
#define SMALL_BSS  UINT64_C(0x600000)

struct small_edges {
    uint32_t to[SMALL_EDGES];
    size_t n;
};

struct small {
    uint32_t n, n_groups;
    struct small_edges nodes[SMALL_NODES];
    struct small_edges groups[SMALL_GROUPS];
    struct test_collector dump;
    struct heap_graph *graph;
};

static inline void small_add(struct small_edges *e, uint32_t to)
{
    if (e->n < SMALL_EDGES) {
        e->to[e->n++] = to;
    }
}

static inline void small_write_edges(struct dump_writer *w,
                                     const struct small_edges *e)
{
    for (size_t k = 0; k < e->n; k++) {
        dump_writer_word(w, SMALL_HEAP + SMALL_BYTES * (uint64_t)e->to[k]);
    }
    dump_writer_zeros(w, SMALL_BYTES - 8 * e->n);
}

static inline void small_write(struct small *s)
{
    s->dump = TEST_COLLECTOR;
    const struct sink out = test_collect(&s->dump);
    struct dump_writer *w = dump_writer_new(&out);
    struct err err = {0};
    assert_non_null(w);
    const struct heap_params params = {.pointer_bytes = 8,
                                       .arena_start = SMALL_HEAP,
                                       .arena_end = SMALL_HEAP + (1 << 26),
                                       .arch = SPAN_LIT("amd64"),
                                       .build = SPAN_LIT("go1.19.8"),
                                       .n_cpu = 2};
    dump_writer_params(w, &params);
    for (uint32_t i = 0; i < s->n; i++) {
        dump_writer_object(w, SMALL_HEAP + SMALL_BYTES * (uint64_t)i,
                           SMALL_BYTES);
        small_write_edges(w, &s->nodes[i]);
        for (size_t k = 0; k < s->nodes[i].n; k++) {
            dump_writer_field(w, 8 * k);
        }
        dump_writer_close(w);
    }
    dump_writer_bss(w, SMALL_BSS, SMALL_BYTES * (uint64_t)s->n_groups);
    for (uint32_t i = 0; i < s->n_groups; i++) {
        small_write_edges(w, &s->groups[i]);
    }
    for (uint32_t i = 0; i < s->n_groups; i++) {
        for (size_t k = 0; k < s->groups[i].n; k++) {
            dump_writer_field(w, SMALL_BYTES * (uint64_t)i + 8 * k);
        }
    }
    dump_writer_close(w);
    assert_ok(dump_writer_end(w, &err), &err);
    dump_writer_free(w);
}

/* Groups that hold nothing do not come out: give each something. */
static inline void small_build(struct small *s)
{
    static const char *const names[SMALL_GROUPS] = {
        "main.a", "main.b", "main.c", "main.d", "main.e", "main.f",
        "main.g", "main.h", "main.i", "main.j", "main.k", "main.l",
        "main.m", "main.n", "main.o", "main.p"};
    struct graph_symbol symbols[SMALL_GROUPS];
    struct err err = {0};
    for (uint32_t i = 0; i < s->n_groups; i++) {
        symbols[i] = (struct graph_symbol){
            SMALL_BSS + SMALL_BYTES * (uint64_t)i, SMALL_BYTES, names[i]};
    }
    const struct heap_graph_options o = {.symbols = symbols,
                                         .n_symbols = s->n_groups};
    small_write(s);
    assert_ok(heap_graph_build(buf_view(&s->dump.bytes), &o, &s->graph, &err),
              &err);
    assert_int_equal(heap_n_objects(s->graph), s->n);
    assert_int_equal(heap_n_groups(s->graph), s->n_groups);
}

static inline void small_release(struct small *s)
{
    heap_graph_free(s->graph);
    buf_release(&s->dump.bytes);
    *s = (struct small){0};
}

/* Some thousand characters of graphs: sparse or dense, with hubs or lists. */
static inline void small_random(struct small *s, uint64_t *seed, uint32_t most)
{
    *s = (struct small){0};
    s->n = 1 + (uint32_t)(test_random(seed) % most);
    s->n_groups = 1 + (uint32_t)(test_random(seed) % SMALL_GROUPS);
    const uint64_t character = test_random(seed) % 4;
    const uint64_t density = 1 + test_random(seed) % 3;
    for (uint64_t e = 0; e < s->n * density; e++) {
        const uint32_t a = (uint32_t)(test_random(seed) % s->n);
        uint32_t b = (uint32_t)(test_random(seed) % s->n);
        b = character == 1 ? (a + 1 + b % 3) % s->n : b;
        b = character == 2 && e % 2 ? b % (1 + s->n / 8) : b;
        small_add(&s->nodes[a], b);
    }
    for (uint32_t i = 0; i < s->n_groups; i++) {
        const uint64_t n = 1 + test_random(seed) % 3;
        for (uint64_t k = 0; k < n; k++) {
            small_add(&s->groups[i], (uint32_t)(test_random(seed) % s->n));
        }
    }
}

/* What groups reach without object `without` (UINT32_MAX: all) and without
   the group `lost` (UINT32_MAX: none lost). */
static inline void small_reach(const struct small *s, uint32_t without,
                               uint32_t lost, uint32_t only, bool *is_reached)
{
    uint32_t stack[SMALL_NODES];
    size_t n = 0;
    memset(is_reached, 0, SMALL_NODES * sizeof *is_reached);
    for (uint32_t i = 0; i < s->n_groups; i++) {
        for (size_t k = 0; k < s->groups[i].n; k++) {
            const uint32_t x = s->groups[i].to[k];
            if (i != lost && (only == UINT32_MAX || i == only) &&
                x != without && !is_reached[x]) {
                is_reached[x] = true;
                stack[n++] = x;
            }
        }
    }
    while (n > 0) {
        const struct small_edges *e = &s->nodes[stack[--n]];
        for (size_t k = 0; k < e->n; k++) {
            if (e->to[k] != without && !is_reached[e->to[k]]) {
                is_reached[e->to[k]] = true;
                stack[n++] = e->to[k];
            }
        }
    }
}

static inline uint32_t small_count(const struct small *s,
                                   const bool *is_reached)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        n += is_reached[i];
    }
    return n;
}

/* --- real ones --- */

struct real_dump {
    struct dump_file *file;
    struct heap_graph *graph;
};

/* Skips the test when the dump is not there. */
static inline struct real_dump real_open(void)
{
    struct real_dump r = {0};
    struct err err = {0};
    const struct heap_graph_options o = {0};
    const char *path =
        test_shared("corpus/mapcache/heapdump-go1.23/end.heapdump.zst");
    if (!path) {
        skip();
    }
    assert_ok(dump_file_open(path, "/tmp", UINT64_C(1) << 32, &r.file, &err),
              &err);
    assert_ok(heap_graph_build(dump_file_bytes(r.file), &o, &r.graph, &err),
              &err);
    return r;
}

static inline void real_close(struct real_dump *r)
{
    heap_graph_free(r->graph);
    dump_file_close(r->file);
}

#endif
