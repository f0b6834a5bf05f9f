/*
 * Front header of heap/: files of debug.WriteHeapDump ("go1.7 heap dump",
 * written alike by Go 1.7 up to today). What a dump says is a row of records;
 * the structures below are the records, shared by what writes them and what
 * reads them. Addresses are those of the dumped process; texts are borrowed.
 */
#ifndef SEEP_HEAP_HEAP_H
#define SEEP_HEAP_HEAP_H

#include "base/span.h"
#include "heap/binary.h"          /* IWYU pragma: export */
#include "heap/dump_file.h"       /* IWYU pragma: export */
#include "heap/dump_reader.h"     /* IWYU pragma: export */
#include "heap/dump_writer.h"     /* IWYU pragma: export */
#include "heap/heap_blocked.h"    /* IWYU pragma: export */
#include "heap/heap_diff.h"       /* IWYU pragma: export */
#include "heap/heap_dominators.h" /* IWYU pragma: export */
#include "heap/heap_graph.h"      /* IWYU pragma: export */
#include "heap/heap_paths.h"      /* IWYU pragma: export */
#include "heap/heap_types.h"      /* IWYU pragma: export */
#include "heap/heap_view.h"       /* IWYU pragma: export */

#include <stdbool.h>
#include <stdint.h>

#define HEAP_MAGIC "go1.7 heap dump\n"

/* --- kinds of records; the order in which Go writes them is
   6, (3 8)*, 1*, (4 5* 14* 15*)*, 9*, 12, 13, 7*, 11*, 10, 16*, 17*, 0 --- */

#define HEAP_TAGS(X)                                                           \
    X(EOF, 0, "end")                                                           \
    X(OBJECT, 1, "object")                                                     \
    X(OTHER_ROOT, 2, "other root")                                             \
    X(TYPE, 3, "type")                                                         \
    X(GOROUTINE, 4, "goroutine")                                               \
    X(FRAME, 5, "stack frame")                                                 \
    X(PARAMS, 6, "params")                                                     \
    X(FINALIZER, 7, "finalizer")                                               \
    X(ITAB, 8, "itab")                                                         \
    X(OS_THREAD, 9, "OS thread")                                               \
    X(MEMSTATS, 10, "memstats")                                                \
    X(QUEUED_FINALIZER, 11, "queued finalizer")                                \
    X(DATA, 12, "data segment")                                                \
    X(BSS, 13, "bss segment")                                                  \
    X(DEFER, 14, "defer")                                                      \
    X(PANIC, 15, "panic")                                                      \
    X(BUCKET, 16, "memory profile bucket")                                     \
    X(SAMPLE, 17, "allocation sample")

enum heap_tag {
#define X(name, number, text) HEAP_TAG_##name = (number),
    HEAP_TAGS(X)
#undef X
        N_HEAP_TAGS
};

/* "stack frame"; static. `tag` must be one of the enum. */
const char *heap_tag_text(enum heap_tag tag);

/* Kinds of fields; only pointers since Go 1.5. */
enum { HEAP_FIELD_END = 0, HEAP_FIELD_POINTER = 1 };

/* States of goroutines that are dumped. */
enum {
    HEAP_STATUS_RUNNABLE = 1,
    HEAP_STATUS_RUNNING = 2,
    HEAP_STATUS_SYSCALL = 3,
    HEAP_STATUS_WAITING = 4,
    HEAP_STATUS_PREEMPTED = 9,
    HEAP_STATUS_SCAN = 0x1000 /* added while its stack is read */
};

/* Bytes that a dump holds of contents of `length_bytes`: Go passes the length
   to write(2) as 32 bits, and Linux writes no more than 0x7ffff000 at once.
   The length field says the whole. */
static inline uint64_t heap_present_bytes(uint64_t length_bytes)
{
    const uint64_t low = length_bytes & UINT32_MAX;
    return low < UINT64_C(0x7ffff000) ? low : UINT64_C(0x7ffff000);
}

/* --- records --- */

struct heap_params {
    bool is_big_endian;
    unsigned pointer_bytes; /* 4 or 8 */
    uint64_t arena_start, arena_end;
    struct span arch;  /* GOARCH */
    struct span build; /* runtime.Version() */
    uint64_t n_cpu;
};

struct heap_type {
    uint64_t address; /* of its runtime._type */
    uint64_t bytes;
    struct span name;
    bool is_indirect; /* interfaces hold a pointer to it, or it has any */
};

struct heap_itab {
    uint64_t address, type;
};

struct heap_goroutine {
    uint64_t address; /* of its g */
    uint64_t sp;
    uint64_t goid;
    uint64_t creator_pc; /* of the go statement */
    uint64_t status;     /* HEAP_STATUS_... */
    bool is_system;
    bool is_background;     /* never set by Go */
    uint64_t wait_since_ns; /* monotonic; 0 until a collection looked */
    struct span wait_reason;
    uint64_t context, m, first_defer, first_panic; /* addresses or 0 */
};

/* Belongs to the goroutine before it. Contents are those of sp up to
   sp + bytes. */
struct heap_frame {
    uint64_t sp;
    uint64_t depth;    /* 0 = innermost */
    uint64_t child_sp; /* of the frame it calls; 0 for depth 0 */
    uint64_t bytes;
    uint64_t entry, pc, continue_pc;
    struct span function;
};

struct heap_finalizer {
    uint64_t object, closure, pc, argument_type, object_type;
};

struct heap_os_thread {
    uint64_t address, id, os_id;
};

struct heap_defer {
    uint64_t address, goroutine, sp, pc, closure, entry, link;
};

struct heap_panic {
    uint64_t address, goroutine, argument_type, argument, link;
};

/* runtime.MemStats, in the order of the record. */
#define HEAP_MEMSTATS(X)                                                       \
    X(alloc)                                                                   \
    X(total_alloc)                                                             \
    X(sys)                                                                     \
    X(lookups)                                                                 \
    X(mallocs)                                                                 \
    X(frees)                                                                   \
    X(heap_alloc)                                                              \
    X(heap_sys)                                                                \
    X(heap_idle)                                                               \
    X(heap_inuse)                                                              \
    X(heap_released)                                                           \
    X(heap_objects)                                                            \
    X(stack_inuse)                                                             \
    X(stack_sys)                                                               \
    X(mspan_inuse)                                                             \
    X(mspan_sys)                                                               \
    X(mcache_inuse)                                                            \
    X(mcache_sys)                                                              \
    X(buck_hash_sys)                                                           \
    X(gc_sys)                                                                  \
    X(other_sys)                                                               \
    X(next_gc)                                                                 \
    X(last_gc_ns)                                                              \
    X(pause_total_ns)

enum { HEAP_PAUSES = 256 };

struct heap_memstats {
#define X(name) uint64_t name;
    HEAP_MEMSTATS(X)
#undef X
    uint64_t pause_ns[HEAP_PAUSES];
    uint64_t num_gc;
};

struct heap_call {
    struct span function, file;
    uint64_t line;
};

/* One stack and size of the memory profile: raw samples, not scaled. */
struct heap_bucket {
    uint64_t id; /* its address */
    uint64_t object_bytes;
    const struct heap_call *calls; /* innermost first */
    size_t n_calls;
    uint64_t allocs, frees;
};

struct heap_sample {
    uint64_t address, bucket;
};

#endif
