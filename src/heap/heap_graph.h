/*
 * The graph of a dump: objects, the pointers between them, and the roots that
 * hold them, each with an identity.
 *
 * Objects are implicit: a span is a run of equal slots, and an object is the
 * n-th slot of it that holds one. Ids are dense, in order of address; what the
 * dump invents at the ends of spans has no id, but for pages where only what
 * points to a slot can tell: those have one, and nothing reaches them. Edges
 * are CSR. Nodes of the dominator tree are: 0 the super-root, then the root
 * groups, then the objects.
 *
 * Bytes are those of slots. Nothing here recurses; ids are 32 bits, edges 64.
 */
#ifndef SEEP_HEAP_HEAP_GRAPH_H
#define SEEP_HEAP_HEAP_GRAPH_H

#include "base/arena.h"
#include "base/err.h"
#include "heap/dump_reader.h"

typedef struct {
    uint32_t i;
} object_id;
#define OBJECT_NONE ((object_id){UINT32_MAX})

/* --- roots --- */

enum root_kind {
    ROOT_GLOBAL,    /* a variable, or an unnamed part of a segment */
    ROOT_GOROUTINE, /* what its frames and its own record hold */
    ROOT_FINALIZER, /* closures of finalizers, and objects queued for them */
    ROOT_OTHER,
    N_ROOT_KINDS
};

/* One slot that points to an object. */
struct heap_root {
    uint32_t group;
    uint64_t address; /* of the slot */
    object_id object;
    uint64_t interior_bytes; /* from the object's begin */
    uint32_t frame;          /* index into frames, UINT32_MAX none */
    bool is_conservative;    /* may be no pointer */
};

/* What is named as the holder: one global, one goroutine, ... */
struct root_group {
    enum root_kind kind;
    const char *name; /* "main.userCache", "bss+0x1230"; "" of a goroutine:
                         heap_view_name() calls it by its function */
    uint64_t address, bytes; /* of the variable; 0 unknown */
    uint32_t goroutine;      /* index into goroutines, UINT32_MAX none */
    uint64_t first_root, n_roots;
};

struct graph_frame {
    const char *function;
    uint64_t sp, entry, pc;
    uint64_t bytes;
    uint64_t offset; /* of its contents in the dump */
    uint32_t goroutine;
};

struct graph_goroutine {
    uint64_t address, goid, creator_pc, status, wait_since_ns;
    bool is_system;
    const char *wait_reason;
    uint32_t first_frame, n_frames;
    uint32_t group;
    uint32_t first_pin; /* see heap_next_pin() */
};

/* Names for the segments' words; from a binary. Sorted by address. */
struct graph_symbol {
    uint64_t address, bytes;
    const char *name;
};

/* --- what is read --- */

struct heap_graph;
struct heap_about;

struct heap_graph_options {
    const struct graph_symbol *symbols; /* borrowed while building */
    size_t n_symbols;
    /* Instead of symbols, or NULL: asked once when the records are read and
       `about` says whose they are; what it gives is borrowed as well. */
    bool (*find_symbols)(void *ctx, const struct heap_about *about,
                         const struct graph_symbol **symbols, size_t *n,
                         struct err *err);
    void *find_symbols_ctx;
    uint64_t memory_limit_bytes; /* ERR_LIMIT beyond; 0 none */
    void (*progress)(void *ctx, const char *what, double share);
    void *progress_ctx;
    const volatile int *stop; /* nonzero: ERR_INTERRUPTED */
};

/* `bytes` must outlive the graph. */
bool heap_graph_build(struct span bytes, const struct heap_graph_options *o,
                      struct heap_graph **out, struct err *err) MUST_USE;
void heap_graph_free(struct heap_graph *g);

/* Would `bytes` more of `what` ("dominators") be within the limit of `o`, or of
   the graph when `o` is NULL or has none? Asks, and counts nothing: of memory
   that is released soon. ERR_LIMIT. */
bool heap_has_room(const struct heap_graph *g,
                   const struct heap_graph_options *o, uint64_t bytes,
                   const char *what, struct err *err) MUST_USE;

struct heap_about {
    bool is_big_endian;
    unsigned pointer_bytes;
    const char *arch, *build; /* "amd64", "go1.23.5" */
    struct dump_condition condition;
    bool has_memstats;
    const struct heap_memstats *memstats;
    uint32_t n_objects; /* without invented ones; heap_n_objects() or less */
    uint64_t object_bytes;
    uint64_t n_invented, invented_bytes;
    uint64_t n_overlapping; /* objects within others: a damaged dump */
    uint64_t n_edges;
    uint64_t n_interior;     /* edges not to the begin of an object */
    uint64_t n_conservative; /* roots that may be no pointers */
    uint64_t n_dangling;     /* pointers in objects into the arena, but to none:
                                Go's stacks lie there too */
    uint64_t n_to_lost;      /* of them, those to no stack of a goroutine: to
                                what the dump has lost */
    /* That live by the runtime's own list, and have no record. */
    uint32_t n_lost_goroutines;
    uint32_t n_reachable;
    uint64_t reachable_bytes;
    uint64_t data_address, data_bytes, bss_address, bss_bytes;
    uint64_t memory_bytes;         /* that the graph takes */
    const struct heap_itab *itabs; /* by address */
    size_t n_itabs;
};
const struct heap_about *heap_graph_about(const struct heap_graph *g);

uint32_t heap_n_objects(const struct heap_graph *g);
uint64_t heap_object_address(const struct heap_graph *g, object_id o);
uint64_t heap_object_bytes(const struct heap_graph *g, object_id o); /* slot */
/* The object that an address is in; OBJECT_NONE when in none. */
object_id heap_object_at(const struct heap_graph *g, uint64_t address);
/* Its contents (may be shorter than the slot) and its pointer fields. */
struct span heap_object_contents(const struct heap_graph *g, object_id o);
struct dump_fields heap_object_fields(const struct heap_graph *g, object_id o);
/* A word of the dump's size and order at `offset`; 0 beyond the end. */
uint64_t heap_word(const struct heap_graph *g, struct span contents,
                   uint64_t offset);

/* Is it held by any root? */
bool heap_object_is_reachable(const struct heap_graph *g, object_id o);

/* Where its edges go; the n-th edge is the n-th pointer field that points
   into an object. One object has none although it has such fields: the
   runtime's list of all goroutines, see heap_graph_roots_rest.c. */
const object_id *heap_edges(const struct heap_graph *g, object_id o,
                            uint64_t *n);
/* All of them as they are stored, for passes over the whole graph: those of
   object i are to[heap_csr_begin(c, i)] up to to[heap_csr_begin(c, i + 1)].
   Borrowed. */
struct heap_csr {
    const uint64_t *bases; /* of 256 objects each */
    const uint32_t *begins;
    const uint32_t *to;
    uint32_t without; /* the object whose edges do not count, UINT32_MAX none */
};
struct heap_csr heap_csr(const struct heap_graph *g);
static inline uint64_t heap_csr_begin(const struct heap_csr *c, uint32_t i)
{
    return c->bases[i >> 8] + c->begins[i];
}
/* Bytes of the object's slot, and how many objects from it on have the same
   (at least 1): the rest of its span. */
uint64_t heap_same_bytes(const struct heap_graph *g, object_id o,
                         uint32_t *n_same);

uint32_t heap_n_groups(const struct heap_graph *g);
const struct root_group *heap_group(const struct heap_graph *g, uint32_t group);
const struct heap_root *heap_group_roots(const struct heap_graph *g,
                                         uint32_t group);
uint32_t heap_n_goroutines(const struct heap_graph *g);
const struct graph_goroutine *heap_goroutine_at(const struct heap_graph *g,
                                                uint32_t i);
/* Addresses that a goroutine's records hold outside of its frames: of defers,
   of their closures, of panics. They may lie on its stack. `at` begins with 0;
   0 when there is none left. */
uint64_t heap_next_pin(const struct heap_graph *g, uint32_t goroutine,
                       size_t *at);
const struct graph_frame *heap_frame_at(const struct heap_graph *g, uint32_t i);
/* Its words from sp on, and which of them are pointers. */
struct span heap_frame_contents(const struct heap_graph *g, uint32_t i);
struct dump_fields heap_frame_fields(const struct heap_graph *g, uint32_t i);
struct span heap_segment(const struct heap_graph *g, bool is_bss);

/* Runtime types and itabs of the dump; 0 and NULL unknown. */
uint64_t heap_itab_type(const struct heap_graph *g, uint64_t itab);
const struct heap_type *heap_type_at_address(const struct heap_graph *g,
                                             uint64_t address);

/* Allocation: the bucket of a sampled object, NULL when it was not sampled. */
const struct heap_bucket *heap_object_bucket(const struct heap_graph *g,
                                             object_id o);
size_t heap_n_buckets(const struct heap_graph *g);
const struct heap_bucket *heap_bucket_at(const struct heap_graph *g, size_t i);

/* Sampled objects, ascending; one may come more than once. */
size_t heap_n_samples(const struct heap_graph *g);
object_id heap_sample_at(const struct heap_graph *g, size_t i,
                         const struct heap_bucket **bucket);

/* Finalizers. */
size_t heap_n_finalizers(const struct heap_graph *g);
const struct heap_finalizer *heap_finalizer_at(const struct heap_graph *g,
                                               size_t i, bool *is_queued);

#endif
