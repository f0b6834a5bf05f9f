/*
 * Pointers into edges, in order of ids, so that nothing need be counted first.
 * This is where a build spends its time: addresses are random, so pointers are
 * collected and each step of looking them up is done for many at once, with
 * the memory of the next step already under way.
 */
#include "heap/heap_graph_private.h"

#include "base/banned.h"

enum { BATCH = 128, TRIM_FROM = 1 << 14 };

struct edge_batch {
    unsigned n;         /* addresses */
    unsigned n_objects; /* that begin in it */
    uint64_t addresses[BATCH];
    uint32_t runs[BATCH];
    uint32_t objects[BATCH];
    unsigned firsts[BATCH]; /* address that each begins with */
};

struct edge_builder {
    struct heap_graph *g;
    struct graph_budget *budget;
    uint64_t room; /* edges that memory was asked for */
    uint64_t arena_start, arena_end;
    struct graph_stacks stacks;
    struct edge_batch batch;
};

/* Where the edges of `id` begin: those that there are. */
static bool begin_object(struct edge_builder *b, uint32_t id, struct err *err)
{
    struct graph_edges *e = &b->g->edges;
    if ((id & ((1U << GRAPH_EDGE_SHIFT) - 1)) == 0) {
        e->bases[id >> GRAPH_EDGE_SHIFT] = e->n;
    }
    const uint64_t begin = e->n - e->bases[id >> GRAPH_EDGE_SHIFT];
    if (begin > UINT32_MAX) {
        return err_set(err, ERR_LIMIT, "more than %u pointers in %u objects",
                       UINT32_MAX, 1U << GRAPH_EDGE_SHIFT);
    }
    e->begins[id] = (uint32_t)begin;
    return true;
}

static void note_dangling(struct edge_builder *b, uint64_t address)
{
    struct heap_about *about = &b->g->about;
    if (address >= b->arena_start && address < b->arena_end) {
        about->n_dangling++;
        about->n_to_lost += !graph_stacks_have(&b->stacks, address);
    }
}

static void prefetch_batch(struct edge_builder *b)
{
    const struct graph_spans *s = &b->g->spans;
    struct edge_batch *batch = &b->batch;
    for (unsigned i = 0; i < batch->n; i++) {
        batch->runs[i] = graph_run_after(s, batch->addresses[i]);
        HEAP_PREFETCH(&s->runs.items[batch->runs[i]]);
    }
    for (unsigned i = 0; i < batch->n; i++) {
        const struct graph_run *r = &s->runs.items[batch->runs[i]];
        const uint64_t offset = batch->addresses[i] - r->base;
        if (offset < r->extent_bytes) {
            const uint64_t slot = (offset * r->mul) >> r->shift;
            HEAP_PREFETCH(&s->words.items[r->first_word + (slot >> 6)]);
        }
    }
}

static void resolve(struct edge_builder *b, unsigned i)
{
    struct heap_graph *g = b->g;
    const uint64_t address = b->batch.addresses[i];
    uint64_t interior = 0;
    const uint32_t id = graph_lookup_in(
        &g->spans, &g->spans.runs.items[b->batch.runs[i]], address, &interior);
    if (id == UINT32_MAX) {
        note_dangling(b, address);
        return;
    }
    g->about.n_interior += interior != 0;
    g->edges.to[g->edges.n++] = id;
}

static bool flush_batch(struct edge_builder *b, struct err *err)
{
    struct edge_batch *batch = &b->batch;
    const uint64_t n_before = b->g->edges.n;
    if (batch->n > b->room - n_before) {
        return err_set(err, ERR_IO, "heap dump changed while it was read");
    }
    prefetch_batch(b);
    unsigned object = 0;
    for (unsigned i = 0; i < batch->n; i++) {
        while (object < batch->n_objects && batch->firsts[object] == i) {
            if (!begin_object(b, batch->objects[object++], err)) {
                return false;
            }
        }
        resolve(b, i);
    }
    while (object < batch->n_objects) {
        if (!begin_object(b, batch->objects[object++], err)) {
            return false;
        }
    }
    batch->n = 0;
    batch->n_objects = 0;
    const uint64_t n = b->g->edges.n - n_before;
    return graph_take(b->budget, n * sizeof *b->g->edges.to, err);
}

static bool add_object(struct edge_builder *b, uint32_t id,
                       const uint8_t *contents, uint64_t present_bytes,
                       struct err *err)
{
    const struct heap_graph *g = b->g;
    const unsigned pointer_bytes = g->about.pointer_bytes;
    struct edge_batch *batch = &b->batch;
    if (batch->n_objects == BATCH && !flush_batch(b, err)) {
        return false;
    }
    batch->objects[batch->n_objects] = id;
    batch->firsts[batch->n_objects++] = batch->n;
    struct dump_cursor c = {contents + present_bytes,
                            (const uint8_t *)g->bytes.p + g->bytes.len, false};
    uint64_t offset = 0;
    while (dump_field(&c, pointer_bytes, &offset)) {
        if (present_bytes < pointer_bytes ||
            offset > present_bytes - pointer_bytes) {
            continue;
        }
        const uint64_t address =
            dump_word(contents + offset, pointer_bytes, g->about.is_big_endian);
        if (address == 0 || !graph_may_hold(&g->spans, address)) {
            note_dangling(b, address);
            continue;
        }
        if (batch->n == BATCH && !flush_batch(b, err)) {
            return false;
        }
        if (g->spans.pages) {
            HEAP_PREFETCH(
                &g->spans.pages[(address - g->spans.low) >> GRAPH_PAGE_SHIFT]);
        }
        batch->addresses[batch->n++] = address;
    }
    return true;
}

static bool add_run(struct edge_builder *b, const struct graph_run *r,
                    struct err *err)
{
    const struct graph_spans *s = &b->g->spans;
    const uint64_t present_bytes = heap_present_bytes(r->bytes);
    const uint8_t *file = (const uint8_t *)b->g->bytes.p + r->file;
    const uint32_t *offsets = s->offsets.items + r->first_offset;
    for (uint32_t i = 0; i < r->n_objects; i++) {
        if (!add_object(b, r->first_id + i, file + offsets[i], present_bytes,
                        err)) {
            return false;
        }
    }
    return true;
}

/* Most fields are nil or not of the heap: memory for all of them is asked for,
   but what is not written is never taken. */
static bool make_room(struct edge_builder *b, uint64_t n_fields,
                      struct err *err)
{
    struct graph_edges *e = &b->g->edges;
    const size_t n = b->g->spans.n_objects;
    const size_t n_bases = (n >> GRAPH_EDGE_SHIFT) + 1;
    if (!graph_take(b->budget,
                    n_bases * sizeof *e->bases + (n + 1) * sizeof *e->begins,
                    err)) {
        return false;
    }
    e->bases = heap_column(uint64_t, n_bases);
    e->begins = heap_column(uint32_t, n + 1);
    e->to = heap_column(uint32_t, (size_t)n_fields);
    return (e->bases && e->begins && e->to) ||
           err_nomem(err, "pointers of a heap dump");
}

static void trim(struct graph_edges *e, uint64_t room)
{
    if (room - e->n < TRIM_FROM) {
        return;
    }
    void *p = realloc(e->to, (size_t)(e->n ? e->n : 1) * sizeof *e->to);
    e->to = p ? p : e->to;
}

static bool build_edges(struct edge_builder *b, struct graph_build *build,
                        struct err *err)
{
    const struct heap_graph *g = build->g;
    const size_t n_runs = g->spans.runs.n;
    for (size_t i = 0; i < n_runs; i++) {
        if (i % 1024 == 0 &&
            !graph_look(build, "pointers", (double)i / (double)n_runs, err)) {
            return false;
        }
        if (!add_run(b, &g->spans.runs.items[i], err)) {
            return false;
        }
    }
    return flush_batch(b, err) && begin_object(b, g->spans.n_objects, err);
}

bool graph_edges_build(struct graph_build *build, struct err *err)
{
    struct heap_graph *g = build->g;
    struct edge_builder b = {.g = g,
                             .budget = &g->budget,
                             .room = build->n_fields,
                             .arena_start = build->arena_start,
                             .arena_end = build->arena_end};
    const bool ok = make_room(&b, build->n_fields, err) &&
                    graph_stacks_find(g, &b.stacks, err) &&
                    build_edges(&b, build, err);
    graph_stacks_release(&b.stacks);
    if (!ok) {
        return false;
    }
    trim(&g->edges, b.room);
    g->about.n_edges = g->edges.n;
    return true;
}
