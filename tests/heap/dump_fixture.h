/*
 * A small dump with every kind of record, for any size and order of words,
 * and shorthands for writing dumps by hand.
 *
 * Heap, from ARENA: 4 objects of 32 bytes in a page (FIRST points to SECOND,
 * SECOND into THIRD, THIRD to a stack, LOST to FIRST), then one of 1024 bytes
 * without pointers. A variable in bss points to FIRST, one in data to BIG.
 */
#ifndef SEEP_TESTS_HEAP_DUMP_FIXTURE_H
#define SEEP_TESTS_HEAP_DUMP_FIXTURE_H

#include "test.h"

#include "heap/heap.h"

enum {
    FIXTURE_ARENA = 0x10000000,
    FIXTURE_ARENA_END = FIXTURE_ARENA + 0x1000000,
    FIXTURE_FIRST = FIXTURE_ARENA + 0x2000,
    FIXTURE_SECOND = FIXTURE_FIRST + 32,
    FIXTURE_THIRD = FIXTURE_FIRST + 96,
    FIXTURE_LOST = FIXTURE_FIRST + 128,
    FIXTURE_BIG = FIXTURE_ARENA + 0x4000,
    FIXTURE_STACK = FIXTURE_ARENA + 0x8000,
    FIXTURE_DATA = 0x600000,
    FIXTURE_BSS = 0x700000,
    FIXTURE_G = 0x500000,
    FIXTURE_ITAB = 0x480100,
    FIXTURE_TYPE = 0x480000,
    FIXTURE_BUCKET = 0x7f0000,
    FIXTURE_RECORDS = 23
};

struct fixture {
    struct test_collector out;
    struct dump_writer *w;
    unsigned pointer_bytes;
};

static inline void fixture_begin(struct fixture *f, bool is_32_bit,
                                 bool is_big_endian, const char *build)
{
    *f = (struct fixture){.out = TEST_COLLECTOR,
                          .pointer_bytes = is_32_bit ? 4 : 8};
    const struct sink out = test_collect(&f->out);
    f->w = dump_writer_new(&out);
    assert_non_null(f->w);
    const struct heap_params p = {.is_big_endian = is_big_endian,
                                  .pointer_bytes = f->pointer_bytes,
                                  .arena_start = FIXTURE_ARENA,
                                  .arena_end = FIXTURE_ARENA_END,
                                  .arch = SPAN_LIT("mips"),
                                  .build = span_of(build),
                                  .n_cpu = 2};
    dump_writer_params(f->w, &p);
}

/* The dump; borrowed until fixture_release(). */
static inline struct span fixture_end(struct fixture *f)
{
    struct err err = {0};
    assert_ok(dump_writer_end(f->w, &err), &err);
    dump_writer_free(f->w);
    f->w = NULL;
    return (struct span){f->out.bytes.data, f->out.bytes.len};
}

static inline void fixture_release(struct fixture *f)
{
    dump_writer_free(f->w);
    buf_release(&f->out.bytes);
}

/* `n` words and then zeros, all of the words being pointers. */
static inline void fixture_contents(struct fixture *f, uint64_t bytes,
                                    const uint64_t *words, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        dump_writer_word(f->w, words[i]);
    }
    dump_writer_zeros(f->w, bytes - (uint64_t)n * f->pointer_bytes);
    for (unsigned i = 0; i < n; i++) {
        dump_writer_field(f->w, (uint64_t)i * f->pointer_bytes);
    }
    dump_writer_close(f->w);
}

static inline void fixture_object(struct fixture *f, uint64_t address,
                                  uint64_t bytes, const uint64_t *words,
                                  unsigned n)
{
    dump_writer_object(f->w, address, bytes);
    fixture_contents(f, bytes, words, n);
}

/* A segment of words that are all pointers. */
static inline void fixture_segment(struct fixture *f, bool is_bss,
                                   const uint64_t *words, unsigned n)
{
    const uint64_t bytes = (uint64_t)n * f->pointer_bytes;
    if (is_bss) {
        dump_writer_bss(f->w, FIXTURE_BSS, bytes);
    } else {
        dump_writer_data(f->w, FIXTURE_DATA, bytes);
    }
    fixture_contents(f, bytes, words, n);
}

static inline void fixture_goroutine(struct fixture *f, uint64_t goid,
                                     uint64_t address, const char *reason)
{
    const struct heap_goroutine g = {.address = address,
                                     .sp = FIXTURE_STACK,
                                     .goid = goid,
                                     .creator_pc = 0x401000,
                                     .status = HEAP_STATUS_WAITING,
                                     .wait_reason = span_of(reason)};
    dump_writer_goroutine(f->w, &g);
}

/* A frame of words, of which the first `n_pointers` are listed. */
static inline void fixture_frame(struct fixture *f, uint64_t depth,
                                 const char *function, const uint64_t *words,
                                 unsigned n, unsigned n_pointers)
{
    const struct heap_frame frame = {
        .sp = FIXTURE_STACK + 0x100 * depth,
        .depth = depth,
        .child_sp = depth ? FIXTURE_STACK + 0x100 * (depth - 1) : 0,
        .bytes = (uint64_t)n * f->pointer_bytes,
        .entry = 0x401000,
        .pc = 0x401010,
        .continue_pc = 0x401010,
        .function = span_of(function)};
    dump_writer_frame(f->w, &frame);
    for (unsigned i = 0; i < n; i++) {
        dump_writer_word(f->w, words[i]);
    }
    for (unsigned i = 0; i < n_pointers; i++) {
        dump_writer_field(f->w, (uint64_t)i * f->pointer_bytes);
    }
    dump_writer_close(f->w);
}

static inline void fixture_objects(struct fixture *f)
{
    const uint64_t first[] = {FIXTURE_SECOND, 0};
    const uint64_t second[] = {FIXTURE_THIRD + 8};
    const uint64_t third[] = {FIXTURE_STACK};
    const uint64_t lost[] = {FIXTURE_FIRST};
    fixture_object(f, FIXTURE_FIRST, 32, first, 2);
    fixture_object(f, FIXTURE_SECOND, 32, second, 1);
    fixture_object(f, FIXTURE_THIRD, 32, third, 1);
    fixture_object(f, FIXTURE_LOST, 32, lost, 1);
    fixture_object(f, FIXTURE_BIG, 1024, NULL, 0);
}

static inline void fixture_stacks(struct fixture *f)
{
    const uint64_t words[] = {FIXTURE_SECOND, FIXTURE_BIG, 7};
    fixture_goroutine(f, 17, FIXTURE_G, "chan receive");
    fixture_frame(f, 0, "runtime.gopark", words, 1, 0);
    fixture_frame(f, 1, "main.worker", words, 3, 1);
    fixture_frame(f, 2, "runtime.goexit", words, 0, 0);
    const struct heap_defer d = {.address = FIXTURE_STACK + 0x40,
                                 .goroutine = FIXTURE_G,
                                 .sp = FIXTURE_STACK,
                                 .pc = 0x401000,
                                 .closure = 0x470000,
                                 .entry = 0x402000};
    dump_writer_defer(f->w, &d);
    const struct heap_panic p = {.address = FIXTURE_STACK + 0x80,
                                 .goroutine = FIXTURE_G,
                                 .argument_type = FIXTURE_TYPE,
                                 .argument = FIXTURE_THIRD};
    dump_writer_panic(f->w, &p);
    const struct heap_os_thread t = {0x510000, 1, 4711};
    dump_writer_os_thread(f->w, &t);
}

static inline void fixture_tail(struct fixture *f)
{
    const struct heap_finalizer fin = {FIXTURE_FIRST, 0x470010, 0x402010,
                                       FIXTURE_TYPE, FIXTURE_TYPE};
    dump_writer_finalizer(f->w, &fin, false);
    dump_writer_finalizer(f->w, &fin, true);
    dump_writer_other_root(f->w, "cgo handle", FIXTURE_BIG);
    struct heap_memstats m = {.heap_alloc = 4 * 32 + 1024, .heap_objects = 5};
    m.sys = 1 << 20;
    m.mallocs = 5;
    m.num_gc = 3;
    m.pause_ns[1] = 99;
    dump_writer_memstats(f->w, &m);
    const struct heap_call calls[] = {
        {SPAN_LIT("main.grow"), SPAN_LIT("/src/main.go"), 12},
        {SPAN_LIT("main.main"), SPAN_LIT("/src/main.go"), 30}
    };
    const struct heap_bucket b = {FIXTURE_BUCKET, 1024, calls, 2, 5, 4};
    dump_writer_bucket(f->w, &b);
    const struct heap_sample s = {FIXTURE_BIG + 8, FIXTURE_BUCKET};
    dump_writer_sample(f->w, &s);
}

/* Every kind of record, in Go's order. */
static inline struct span fixture_all(struct fixture *f, bool is_32_bit,
                                      bool is_big_endian)
{
    fixture_begin(f, is_32_bit, is_big_endian, "go1.21.3");
    const struct heap_type t = {FIXTURE_TYPE, 32, SPAN_LIT("main.node"), true};
    dump_writer_type(f->w, &t);
    const struct heap_itab i = {FIXTURE_ITAB, FIXTURE_TYPE};
    dump_writer_itab(f->w, &i);
    fixture_objects(f);
    fixture_stacks(f);
    const uint64_t data[] = {FIXTURE_BIG};
    const uint64_t bss[] = {0, FIXTURE_FIRST, FIXTURE_DATA};
    fixture_segment(f, false, data, 1);
    fixture_segment(f, true, bss, 3);
    fixture_tail(f);
    return fixture_end(f);
}

/* --- a list of goroutines --- */

enum {
    FIXTURE_LISTED = FIXTURE_ARENA + 0x10000,
    FIXTURE_N_LISTED = 8,
    FIXTURE_G_BYTES = 448
};

/* A g whose state and id are where no record says. */
static inline void fixture_g(struct fixture *f, uint64_t address, uint64_t goid,
                             uint64_t state)
{
    enum { STATE_AT = 144 };
    dump_writer_object(f->w, address, FIXTURE_G_BYTES);
    dump_writer_zeros(f->w, STATE_AT);
    dump_writer_number(f->w, state, 4);
    dump_writer_number(f->w, 0, 4);
    dump_writer_number(f->w, goid, 8);
    dump_writer_zeros(f->w, FIXTURE_G_BYTES - STATE_AT - 16);
    dump_writer_close(f->w);
}

/* Eight goroutines, of which the seventh ended; the others wait. Those from
   `n_recorded` on have no record. */
static inline struct span fixture_listed(struct fixture *f, bool is_32_bit,
                                         bool is_big_endian, size_t n_recorded)
{
    enum { DEAD = 6, ENDED = 6, LIST_BYTES = 128 };
    const uint64_t list = FIXTURE_ARENA + 0x40000;
    uint64_t all[FIXTURE_N_LISTED];
    fixture_begin(f, is_32_bit, is_big_endian, "go1.21.0");
    for (size_t i = 0; i < FIXTURE_N_LISTED; i++) {
        all[i] = FIXTURE_LISTED + FIXTURE_G_BYTES * i;
        fixture_g(f, all[i], i + 1, i == ENDED ? DEAD : HEAP_STATUS_WAITING);
    }
    fixture_object(f, list, LIST_BYTES, all, FIXTURE_N_LISTED);
    for (size_t i = 0; i < n_recorded; i++) {
        if (i != ENDED) {
            fixture_goroutine(f, i + 1, all[i], "select");
        }
    }
    const uint64_t bss[] = {list};
    fixture_segment(f, true, bss, 1);
    return fixture_end(f);
}

#endif
