/* The graph of a dump, put together part by part, and what it is asked. */
#include "heap/heap_graph_private.h"

#include <assert.h>

#include "base/banned.h"

/* --- memory --- */

enum {
    COLUMN_FIRST = 8, /* items of a column that grows, a power of two */
    TRIM_FROM_BYTES = 64 << 10,
    SETTLE_FROM_BYTES = 1 << 20
};

bool graph_take(struct graph_budget *b, uint64_t bytes, struct err *err)
{
    if (bytes > UINT64_MAX - b->used_bytes) {
        return err_nomem(err, "heap dump");
    }
    b->used_bytes += bytes;
    if (b->limit_bytes != 0 && b->used_bytes > b->limit_bytes) {
        return err_set(err, ERR_LIMIT,
                       "heap dump needs more than %llu bytes of memory",
                       (unsigned long long)b->limit_bytes);
    }
    return true;
}

bool graph_grow(struct graph_budget *b, void **items, size_t *cap, size_t unit,
                struct err *err)
{
    const size_t before = *cap;
    const size_t after = before ? 2 * before : COLUMN_FIRST;
    if (!graph_take(b, (after - before) * unit, err)) {
        return false;
    }
    return vec_grow(items, cap, after, unit) || err_nomem(err, "heap dump");
}

static uint64_t graph_room(const struct graph_budget *b)
{
    if (b->limit_bytes == 0) {
        return UINT64_MAX;
    }
    return b->limit_bytes > b->used_bytes ? b->limit_bytes - b->used_bytes : 0;
}

/* Gives back what a column has too much. Large ones grew where small pages
   are, and will be read at random. */
static void settle(struct graph_budget *b, void **items, size_t *cap, size_t n,
                   size_t unit)
{
    const bool has_spare = (*cap - n) * unit >= TRIM_FROM_BYTES;
    if (n == 0 || (!has_spare && n * unit < SETTLE_FROM_BYTES)) {
        return;
    }
    *items = heap_settle_memory(*items, n, unit, graph_room(b));
    graph_give_back(b, (*cap - n) * unit);
    *cap = n;
}

#define SETTLE(b, column)                                                      \
    do {                                                                       \
        void *items = (column)->items;                                         \
        settle((b), &items, &(column)->cap, (column)->n,                       \
               sizeof *(column)->items);                                       \
        (column)->items = items;                                               \
    } while (0)

uint64_t heap_room(const struct heap_graph *g,
                   const struct heap_graph_options *o)
{
    const uint64_t limit = o && o->memory_limit_bytes ? o->memory_limit_bytes
                                                      : g->spent->limit_bytes;
    if (limit == 0) {
        return UINT64_MAX;
    }
    return limit > g->spent->used_bytes ? limit - g->spent->used_bytes : 0;
}

bool heap_has_room(const struct heap_graph *g,
                   const struct heap_graph_options *o, uint64_t bytes,
                   const char *what, struct err *err)
{
    const uint64_t room_bytes = heap_room(g, o);
    return bytes <= room_bytes ||
           err_set(err, ERR_LIMIT,
                   "%s need %llu bytes of memory, the limit leaves %llu", what,
                   (unsigned long long)bytes, (unsigned long long)room_bytes);
}

bool heap_spend(const struct heap_graph *g, const struct heap_graph_options *o,
                uint64_t bytes, const char *what, struct err *err)
{
    if (!heap_has_room(g, o, bytes, what, err)) {
        return false;
    }
    if (heap_room(g, o) != UINT64_MAX) {
        heap_return_memory();
    }
    g->spent->used_bytes += bytes;
    return true;
}

void heap_give_back(const struct heap_graph *g, uint64_t bytes)
{
    graph_give_back(g->spent, bytes);
}

/* --- building --- */

bool graph_look(const struct graph_build *b, const char *what, double share,
                struct err *err)
{
    if (b->o->stop && *b->o->stop) {
        return err_set(err, ERR_INTERRUPTED, "heap dump: interrupted");
    }
    if (b->o->progress) {
        b->o->progress(b->o->progress_ctx, what, share);
    }
    return true;
}

static struct heap_graph *graph_new(struct span bytes,
                                    const struct heap_graph_options *o)
{
    struct heap_graph *g = calloc(1, sizeof *g);
    if (!g) {
        return NULL;
    }
    g->bytes = bytes;
    g->budget.limit_bytes = o->memory_limit_bytes;
    g->spent = &g->budget;
    g->list_of_goroutines = UINT32_MAX;
    /* Until the dump says so itself. */
    g->about.pointer_bytes = 8;
    g->about.memstats = &g->memstats;
    return g;
}

static bool read_objects(struct graph_build *b, struct err *err)
{
    struct heap_graph *g = b->g;
    b->spans.spans = &g->spans;
    b->spans.budget = &g->budget;
    if (!graph_read(b, err) ||
        !span_builder_end(&b->spans, g->bytes.len, err)) {
        return false;
    }
    SETTLE(&g->budget, &g->spans.runs);
    SETTLE(&g->budget, &g->spans.words);
    SETTLE(&g->budget, &g->spans.offsets);
    g->about.n_invented = b->spans.n_invented;
    g->about.invented_bytes = b->spans.invented_bytes;
    g->about.n_overlapping = b->spans.n_overlapping;
    if (!g->about.arch) {
        g->about.arch = "";
        g->about.build = "";
    }
    return true;
}

/* Slots of which only what points to them could say that they are objects:
   nothing does. */
static void judge_doubts(struct graph_build *b)
{
    struct heap_graph *g = b->g;
    g->about.n_objects = g->spans.n_objects;
    for (size_t i = 0; i < b->spans.doubts.n; i++) {
        uint64_t interior = 0;
        const uint32_t id =
            graph_lookup(&g->spans, b->spans.doubts.items[i], &interior);
        if (id == UINT32_MAX || graph_is_reached(g, id)) {
            continue;
        }
        const uint64_t bytes = graph_run_of(&g->spans, id)->bytes;
        g->about.n_invented++;
        g->about.invented_bytes += bytes;
        g->about.n_objects--;
        g->about.object_bytes -= bytes;
    }
}

static bool find_symbols(struct graph_build *b, struct err *err)
{
    b->symbols = b->o->symbols;
    b->n_symbols = b->o->n_symbols;
    return !b->o->find_symbols ||
           b->o->find_symbols(b->o->find_symbols_ctx, &b->g->about, &b->symbols,
                              &b->n_symbols, err);
}

static bool build_all(struct graph_build *b, struct err *err)
{
    struct heap_graph *g = b->g;
    if (!read_objects(b, err) || !find_symbols(b, err) ||
        !graph_edges_build(b, err) || !graph_samples_build(b, err) ||
        !graph_reach_begin(g, err) || !graph_roots_build(b, err)) {
        return false;
    }
    SETTLE(&g->budget, &g->roots);
    SETTLE(&g->budget, &g->groups);
    graph_reach_count(g);
    judge_doubts(b);
    g->about.memory_bytes = g->budget.used_bytes;
    return !g->arena.has_failed || err_nomem(err, "heap dump");
}

bool heap_graph_build(struct span bytes, const struct heap_graph_options *o,
                      struct heap_graph **out, struct err *err)
{
    *out = NULL;
    struct heap_graph *g = graph_new(bytes, o);
    if (!g) {
        return err_nomem(err, "heap dump");
    }
    struct graph_build b = {.g = g, .o = o};
    const bool ok = build_all(&b, err);
    graph_doubts_release(&b.spans.doubts);
    graph_addresses_release(&b.samples);
    if (!ok) {
        heap_graph_free(g);
        return false;
    }
    *out = g;
    return true;
}

void heap_graph_free(struct heap_graph *g)
{
    if (!g) {
        return;
    }
    graph_spans_release(&g->spans);
    free(g->edges.bases);
    free(g->edges.begins);
    free(g->edges.to);
    graph_segments_release(&g->segments);
    graph_goroutines_release(&g->goroutines);
    graph_frames_release(&g->frames);
    graph_pins_release(&g->pins);
    graph_others_release(&g->others);
    graph_finalizers_release(&g->finalizers);
    graph_itabs_release(&g->itabs);
    graph_types_release(&g->types);
    graph_buckets_release(&g->buckets);
    graph_samples_release(&g->samples);
    graph_roots_release(&g->roots);
    graph_groups_release(&g->groups);
    free(g->reached);
    intern_release(&g->names);
    arena_release(&g->arena);
    free(g);
}

const struct heap_about *heap_graph_about(const struct heap_graph *g)
{
    return &g->about;
}

/* --- objects --- */

uint32_t heap_n_objects(const struct heap_graph *g)
{
    return g->spans.n_objects;
}

/* The n-th bit that is set, from 0. */
static unsigned nth_bit(uint64_t bits, unsigned n)
{
    for (; n > 0; n--) {
        bits &= bits - 1;
    }
    return graph_popcount((bits & (~bits + 1)) - 1);
}

uint64_t heap_object_address(const struct heap_graph *g, object_id o)
{
    assert(o.i < g->spans.n_objects);
    const struct graph_run *r = graph_run_of(&g->spans, o.i);
    const uint32_t n = o.i - r->first_id;
    if (r->n_objects * r->bytes == r->extent_bytes) {
        return r->base + n * r->bytes;
    }
    const struct graph_word *words = g->spans.words.items + r->first_word;
    uint32_t low = 0;
    uint32_t high = r->n_words - 1;
    while (low < high) { /* the last word whose lowest id is not above */
        const uint32_t middle = high - (high - low) / 2;
        if (words[middle].id <= o.i) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    const uint64_t slot =
        64 * (uint64_t)low + nth_bit(words[low].bits, o.i - words[low].id);
    return r->base + slot * r->bytes;
}

uint64_t heap_object_bytes(const struct heap_graph *g, object_id o)
{
    assert(o.i < g->spans.n_objects);
    return graph_run_of(&g->spans, o.i)->bytes;
}

object_id heap_object_at(const struct heap_graph *g, uint64_t address)
{
    uint64_t interior = 0;
    return (object_id){graph_lookup(&g->spans, address, &interior)};
}

struct span heap_object_contents(const struct heap_graph *g, object_id o)
{
    assert(o.i < g->spans.n_objects);
    const struct graph_run *r = graph_run_of(&g->spans, o.i);
    const uint64_t offset =
        r->file + g->spans.offsets.items[r->first_offset + (o.i - r->first_id)];
    return (struct span){g->bytes.p + offset,
                         (size_t)heap_present_bytes(r->bytes)};
}

static struct dump_fields fields_after(const struct heap_graph *g,
                                       struct span contents)
{
    return (struct dump_fields){(const uint8_t *)contents.p + contents.len,
                                (const uint8_t *)g->bytes.p + g->bytes.len,
                                g->about.pointer_bytes};
}

struct dump_fields heap_object_fields(const struct heap_graph *g, object_id o)
{
    return fields_after(g, heap_object_contents(g, o));
}

uint64_t heap_word(const struct heap_graph *g, struct span contents,
                   uint64_t offset)
{
    const unsigned n = g->about.pointer_bytes;
    if (contents.len < n || offset > contents.len - n) {
        return 0;
    }
    return dump_word((const uint8_t *)contents.p + offset, n,
                     g->about.is_big_endian);
}

bool heap_object_is_reachable(const struct heap_graph *g, object_id o)
{
    assert(o.i < g->spans.n_objects);
    return graph_is_reached(g, o.i);
}

struct heap_csr heap_csr(const struct heap_graph *g)
{
    return (struct heap_csr){g->edges.bases, g->edges.begins, g->edges.to,
                             g->list_of_goroutines};
}

uint64_t heap_same_bytes(const struct heap_graph *g, object_id o,
                         uint32_t *n_same)
{
    assert(o.i < g->spans.n_objects);
    const struct graph_run *r = graph_run_of(&g->spans, o.i);
    *n_same = r->n_objects - (o.i - r->first_id);
    return r->bytes;
}

const object_id *heap_edges(const struct heap_graph *g, object_id o,
                            uint64_t *n)
{
    static_assert(sizeof(object_id) == sizeof(uint32_t),
                  "edges are kept as numbers");
    assert(o.i < g->spans.n_objects);
    const uint64_t begin = graph_edges_begin(g, o.i);
    *n = o.i == g->list_of_goroutines ? 0
                                      : graph_edges_begin(g, o.i + 1) - begin;
    return (const object_id *)(const void *)(g->edges.to + begin);
}

/* --- holders --- */

uint32_t heap_n_groups(const struct heap_graph *g)
{
    return (uint32_t)g->groups.n;
}

const struct root_group *heap_group(const struct heap_graph *g, uint32_t group)
{
    assert(group < g->groups.n);
    return &g->groups.items[group];
}

const struct heap_root *heap_group_roots(const struct heap_graph *g,
                                         uint32_t group)
{
    const struct root_group *r = heap_group(g, group);
    return r->n_roots ? &g->roots.items[r->first_root] : NULL;
}

uint32_t heap_n_goroutines(const struct heap_graph *g)
{
    return (uint32_t)g->goroutines.n;
}

const struct graph_goroutine *heap_goroutine_at(const struct heap_graph *g,
                                                uint32_t i)
{
    assert(i < g->goroutines.n);
    return &g->goroutines.items[i];
}

uint64_t heap_next_pin(const struct heap_graph *g, uint32_t goroutine,
                       size_t *at)
{
    const size_t first = heap_goroutine_at(g, goroutine)->first_pin;
    size_t i = first + *at;
    /* Orphans of a damaged dump lie between them. */
    while (i < g->pins.n && g->pins.items[i].goroutine == UINT32_MAX) {
        i++;
    }
    *at = i + 1 - first;
    return i < g->pins.n && g->pins.items[i].goroutine == goroutine
               ? g->pins.items[i].address
               : 0;
}

const struct graph_frame *heap_frame_at(const struct heap_graph *g, uint32_t i)
{
    assert(i < g->frames.n);
    return &g->frames.items[i];
}

struct span heap_frame_contents(const struct heap_graph *g, uint32_t i)
{
    const struct graph_frame *f = heap_frame_at(g, i);
    return (struct span){g->bytes.p + f->offset,
                         (size_t)heap_present_bytes(f->bytes)};
}

struct dump_fields heap_frame_fields(const struct heap_graph *g, uint32_t i)
{
    struct dump_fields f = fields_after(g, heap_frame_contents(g, i));
    struct dump_cursor c = {f.p, f.end, false};
    /* Entry, pc, continue pc, name: they were read before. */
    (void)dump_varint(&c);
    (void)dump_varint(&c);
    (void)dump_varint(&c);
    (void)dump_text(&c);
    f.p = c.p;
    return f;
}

struct span heap_segment(const struct heap_graph *g, bool is_bss)
{
    for (size_t i = 0; i < g->segments.n; i++) {
        if (g->segments.items[i].is_bss == is_bss) {
            return g->segments.items[i].contents;
        }
    }
    return (struct span){0};
}
