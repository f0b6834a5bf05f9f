/*
 * The parts of a graph, one file each: spans (heap_graph_spans.c) are filled
 * while the dump is read (heap_graph_read.c), then edges (heap_graph_edges.c),
 * roots (heap_graph_roots.c) and what they reach (heap_graph_reach.c).
 *
 * Per object: 4 bytes for where its contents are, 4 for where its edges begin,
 * and two bits. Each edge 4 bytes.
 */
#ifndef SEEP_HEAP_HEAP_GRAPH_PRIVATE_H
#define SEEP_HEAP_HEAP_GRAPH_PRIVATE_H

#include "base/arena.h"
#include "base/intern.h"
#include "base/vec.h"
#include "heap/dump_cursor_private.h"
#include "heap/heap.h"
#include "heap/heap_memory_private.h"

/* --- memory --- */

/* What columns have taken; arenas are counted when they end. */
struct graph_budget {
    uint64_t limit_bytes; /* 0 none */
    uint64_t used_bytes;
};

/* Doubles a column. ERR_LIMIT, ERR_NOMEM. */
bool graph_grow(struct graph_budget *b, void **items, size_t *cap, size_t unit,
                struct err *err) MUST_USE;
/* `bytes` more that will be taken. ERR_LIMIT. */
bool graph_take(struct graph_budget *b, uint64_t bytes,
                struct err *err) MUST_USE;
static inline void graph_give_back(struct graph_budget *b, uint64_t bytes)
{
    b->used_bytes -= bytes < b->used_bytes ? bytes : b->used_bytes;
}

#define GRAPH_COLUMN(name, type)                                               \
    VEC_TYPE(name, type)                                                       \
    VEC_FN bool name##_add(struct name *v, type item, struct graph_budget *b,  \
                           struct err *err)                                    \
    {                                                                          \
        if (v->n == v->cap) {                                                  \
            void *items = v->items;                                            \
            if (!graph_grow(b, &items, &v->cap, sizeof(type), err)) {          \
                return false;                                                  \
            }                                                                  \
            v->items = items;                                                  \
        }                                                                      \
        v->items[v->n++] = item;                                               \
        return true;                                                           \
    }

/* --- spans --- */

/* Slots of one size in a row, no page without an object among them: what Go
   calls a span, or several that follow each other. */
struct graph_run {
    /* Looking up needs these 40 bytes; all are a line of the cache. */
    uint64_t base;         /* of the first slot */
    uint64_t extent_bytes; /* from base to the end of the last slot */
    uint64_t mul;          /* slot of an offset: offset * mul >> shift; 0 when
                              there is one slot */
    uint64_t bytes;        /* of each slot */
    uint32_t first_word;   /* of its bits */
    uint8_t shift;
    uint32_t first_id;
    uint32_t n_words;
    uint32_t first_offset;
    uint32_t n_objects;
    uint64_t file; /* offsets[] are relative to this */
};

/* 64 slots. */
struct graph_word {
    uint64_t bits; /* set: an object */
    uint32_t id;   /* of the lowest */
};

GRAPH_COLUMN(graph_runs, struct graph_run)
GRAPH_COLUMN(graph_words, struct graph_word)
GRAPH_COLUMN(graph_u32, uint32_t)

enum { GRAPH_PAGE_SHIFT = 13, GRAPH_ID_SHIFT = 6 };
#define GRAPH_PAGE_SHARED (UINT32_C(1) << 31)

struct graph_spans {
    struct graph_runs runs; /* sorted by base, disjoint */
    struct graph_words words;
    struct graph_u32 offsets; /* of contents; in order of the dump, by run */
    uint32_t n_objects;
    uint64_t low, high; /* every object is in [low, high); low begins a page */
    /* For each page from low, and for high: the first run that ends behind
       its begin, the last run when none does; whether others lie in the page
       as well, which those of Go never do. NULL when the objects are too far
       apart: binary search then. */
    uint32_t *pages;
    uint32_t *id_runs; /* run of id 64 * i */
};

/* --- spans while the dump is read --- */

/* Slots of a page (8 KiB, a span of small objects) that may be invented. */
struct graph_tail {
    unsigned n_slots; /* that fit */
    unsigned n_scan;  /* that there are, when objects have pointers */
    unsigned n_plain; /* the same when they have none */
};

struct graph_page {
    uint64_t begin;
    bool is_regular; /* slots count from its begin; tails have no fields */
    bool has_fields;
    bool has_low;    /* an object below n_scan */
    uint32_t slot;   /* of the last object */
    unsigned n_tail; /* objects from n_scan on */
    unsigned n_sure; /* of them, from n_plain on */
};

GRAPH_COLUMN(graph_doubts, uint64_t)

struct span_builder {
    struct graph_spans *spans;
    struct graph_budget *budget;
    bool has_run; /* the last of the runs may go on */
    uint64_t last_address, last_slot;
    /* By the version of Go. */
    unsigned bitmap_bytes;  /* at the end of pages with pointers */
    unsigned bitmap_max;    /* the largest objects of such pages; 0 none */
    unsigned mark_bytes;    /* at the end of pages, with Green Tea */
    struct graph_tail tail; /* for objects of tail_bytes */
    uint64_t tail_bytes;
    struct graph_page page;
    uint64_t n_invented, invented_bytes, n_overlapping;
    struct graph_doubts doubts; /* addresses: only reaching them can tell */
};

void span_builder_params(struct span_builder *b, const struct heap_params *p);
bool span_builder_add(struct span_builder *b, const struct dump_memory *m,
                      struct err *err) MUST_USE;
/* No more objects of this page follow in the dump. */
bool span_builder_flush(struct span_builder *b, struct err *err) MUST_USE;
/* An object as it is, whatever the page: of sorted ones. */
bool span_builder_put(struct span_builder *b, uint64_t address, uint64_t bytes,
                      uint64_t offset, struct err *err) MUST_USE;
/* Sorts, gives ids, makes the tables for looking up (heap_graph_order.c). */
bool span_builder_end(struct span_builder *b, uint64_t dump_bytes,
                      struct err *err) MUST_USE;
void graph_spans_release(struct graph_spans *s);

static inline unsigned graph_popcount(uint64_t v)
{
    v -= (v >> 1) & UINT64_C(0x5555555555555555);
    v = (v & UINT64_C(0x3333333333333333)) +
        ((v >> 2) & UINT64_C(0x3333333333333333));
    v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)((v * UINT64_C(0x0101010101010101)) >> 56);
}

/* Index of the first of runs [low, high) that ends behind `address`; `high`
   when none. */
static inline uint32_t graph_run_search(const struct graph_spans *s,
                                        uint64_t address, uint32_t low,
                                        uint32_t high)
{
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct graph_run *r = &s->runs.items[middle];
        if (address < r->base || address - r->base < r->extent_bytes) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* The run that `address` is in, if it is in any: the same among all, by the
   table. `address` is in [low, high). */
static inline uint32_t graph_run_after(const struct graph_spans *s,
                                       uint64_t address)
{
    if (!s->pages) {
        return graph_run_search(s, address, 0, (uint32_t)s->runs.n - 1);
    }
    const uint32_t *page = s->pages + ((address - s->low) >> GRAPH_PAGE_SHIFT);
    if (!(page[0] & GRAPH_PAGE_SHARED)) {
        return page[0];
    }
    return graph_run_search(s, address, page[0] & ~GRAPH_PAGE_SHARED,
                            page[1] & ~GRAPH_PAGE_SHARED);
}

const struct graph_run *graph_run_of(const struct graph_spans *s, uint32_t id);

static inline bool graph_may_hold(const struct graph_spans *s, uint64_t address)
{
    return address >= s->low && address < s->high;
}

/* The object of `r` that `address` is in, UINT32_MAX when in none; `interior`
   bytes behind its begin. */
static inline uint32_t graph_lookup_in(const struct graph_spans *s,
                                       const struct graph_run *r,
                                       uint64_t address, uint64_t *interior)
{
    const uint64_t offset = address - r->base;
    if (offset >= r->extent_bytes) { /* below base as well: it wraps */
        return UINT32_MAX;
    }
    const uint64_t slot = (offset * r->mul) >> r->shift;
    const struct graph_word *w = &s->words.items[r->first_word + (slot >> 6)];
    const uint64_t bit = UINT64_C(1) << (slot & 63);
    if (!(w->bits & bit)) {
        return UINT32_MAX;
    }
    *interior = offset - slot * r->bytes;
    return w->id + graph_popcount(w->bits & (bit - 1));
}

static inline uint32_t graph_lookup(const struct graph_spans *s,
                                    uint64_t address, uint64_t *interior)
{
    if (!graph_may_hold(s, address)) {
        return UINT32_MAX;
    }
    return graph_lookup_in(s, &s->runs.items[graph_run_after(s, address)],
                           address, interior);
}

/* --- stacks --- */

struct graph_stack {
    uint64_t low, end;
};
VEC_TYPE(graph_stacks, struct graph_stack)

/* Of all goroutines that were read, by address. Released even when it fails. */
bool graph_stacks_find(const struct heap_graph *g, struct graph_stacks *out,
                       struct err *err) MUST_USE;
bool graph_stacks_have(const struct graph_stacks *s, uint64_t address);

/* --- edges --- */

enum { GRAPH_EDGE_SHIFT = 8 };

/* Edges of object i begin at bases[i >> 8] + begins[i]; i + 1 ends them. */
struct graph_edges {
    uint64_t *bases;
    uint32_t *begins;
    uint32_t *to;
    uint64_t n;
};

/* --- roots --- */

struct graph_segment {
    uint64_t address, bytes;
    struct span contents, fields;
    bool is_bss;
};

/* A pointer that a goroutine's records hold outside of its frames. */
struct graph_pin {
    uint32_t goroutine; /* UINT32_MAX unknown */
    uint64_t address;
};

struct graph_other {
    struct span description;
    uint64_t address;
};

struct graph_finalizer {
    struct heap_finalizer f;
    bool is_queued;
};

struct graph_sample {
    uint32_t object, bucket;
};

GRAPH_COLUMN(graph_segments, struct graph_segment)
GRAPH_COLUMN(graph_pins, struct graph_pin)
GRAPH_COLUMN(graph_others, struct graph_other)
GRAPH_COLUMN(graph_finalizers, struct graph_finalizer)
GRAPH_COLUMN(graph_samples, struct graph_sample)
GRAPH_COLUMN(graph_addresses, struct heap_sample)
GRAPH_COLUMN(graph_itabs, struct heap_itab)
GRAPH_COLUMN(graph_types, struct heap_type)
GRAPH_COLUMN(graph_buckets, struct heap_bucket)
GRAPH_COLUMN(graph_goroutines, struct graph_goroutine)
GRAPH_COLUMN(graph_frames, struct graph_frame)
GRAPH_COLUMN(graph_roots, struct heap_root)
GRAPH_COLUMN(graph_groups, struct root_group)

struct heap_graph {
    struct span bytes;
    struct heap_about about;
    struct heap_memstats memstats;
    struct graph_budget budget;
    struct graph_budget *spent; /* the same, also of what is made of a graph
                                   that is no longer changed */
    struct arena arena;
    struct intern names;
    struct graph_spans spans;
    struct graph_edges edges;
    /* The runtime's list of all goroutines, UINT32_MAX none: its edges are
       roots instead, see heap_graph_roots_rest.c. */
    uint32_t list_of_goroutines;
    struct graph_segments segments;
    struct graph_goroutines goroutines;
    struct graph_frames frames;
    struct graph_pins pins;
    struct graph_others others;
    struct graph_finalizers finalizers;
    struct graph_itabs itabs;     /* sorted by address */
    struct graph_types types;     /* sorted by address */
    struct graph_buckets buckets; /* sorted by id */
    struct graph_samples samples; /* sorted by object */
    struct graph_roots roots;
    struct graph_groups groups;
    uint64_t *reached; /* a bit for each object */
};

/* What a build carries along. */
struct graph_build {
    struct heap_graph *g;
    const struct heap_graph_options *o;
    const struct graph_symbol *symbols;
    size_t n_symbols;
    struct span_builder spans;
    struct graph_addresses samples;
    uint64_t arena_start, arena_end;
    uint64_t n_fields;  /* of objects, or a little more */
    uint32_t goroutine; /* that frames belong to, UINT32_MAX unknown */
    uint32_t n_until_look;
};

/* Tells how far `what` is; false when the caller wants to stop. */
bool graph_look(const struct graph_build *b, const char *what, double share,
                struct err *err) MUST_USE;

bool graph_read(struct graph_build *b, struct err *err) MUST_USE;
bool graph_edges_build(struct graph_build *b, struct err *err) MUST_USE;
bool graph_reach_begin(struct heap_graph *g, struct err *err) MUST_USE;
/* Marks what the roots from `first_root` on reach. */
bool graph_reach(struct graph_build *b, uint64_t first_root,
                 struct err *err) MUST_USE;
/* The sums of about. */
void graph_reach_count(struct heap_graph *g);
bool graph_roots_build(struct graph_build *b, struct err *err) MUST_USE;
bool graph_samples_build(struct graph_build *b, struct err *err) MUST_USE;

static inline bool graph_is_reached(const struct heap_graph *g, uint32_t id)
{
    return (g->reached[id >> 6] >> (id & 63) & 1) != 0;
}

static inline uint64_t graph_edges_begin(const struct heap_graph *g,
                                         uint32_t id)
{
    return g->edges.bases[id >> GRAPH_EDGE_SHIFT] + g->edges.begins[id];
}

#endif
