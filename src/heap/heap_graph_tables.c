/* What a dump says beside of the graph: types, allocations, finalizers. */
#include "base/sort.h"
#include "heap/heap_graph_private.h"

#include <assert.h>

#include "base/banned.h"

/* First of `n` rows of `unit` bytes that begin with an address, sorted by it,
   that has this one; n when none. */
static size_t find(const void *rows, size_t n, size_t unit, uint64_t address)
{
    const char *p = rows;
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        uint64_t there = 0;
        memcpy(&there, p + middle * unit, sizeof there);
        if (there < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    uint64_t there = 0;
    if (low < n) {
        memcpy(&there, p + low * unit, sizeof there);
    }
    return low < n && there == address ? low : n;
}

/* --- types --- */

uint64_t heap_itab_type(const struct heap_graph *g, uint64_t itab)
{
    static_assert(offsetof(struct heap_itab, address) == 0, "see find()");
    const size_t i =
        find(g->itabs.items, g->itabs.n, sizeof *g->itabs.items, itab);
    return i < g->itabs.n ? g->itabs.items[i].type : 0;
}

const struct heap_type *heap_type_at_address(const struct heap_graph *g,
                                             uint64_t address)
{
    static_assert(offsetof(struct heap_type, address) == 0, "see find()");
    const size_t i =
        find(g->types.items, g->types.n, sizeof *g->types.items, address);
    return i < g->types.n ? &g->types.items[i] : NULL;
}

/* --- allocations --- */

static int by_object(const void *a, const void *b, const void *ctx)
{
    const struct graph_sample *x = a;
    const struct graph_sample *y = b;
    (void)ctx;
    if (x->object != y->object) {
        return x->object < y->object ? -1 : 1;
    }
    return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

static bool add_sample(struct heap_graph *g, const struct heap_sample *s,
                       size_t *last_bucket, struct err *err)
{
    static_assert(offsetof(struct heap_bucket, id) == 0, "see find()");
    size_t bucket = *last_bucket; /* neighbours are often allocated alike */
    if (bucket >= g->buckets.n || g->buckets.items[bucket].id != s->bucket) {
        bucket = find(g->buckets.items, g->buckets.n, sizeof *g->buckets.items,
                      s->bucket);
    }
    uint64_t interior = 0;
    const uint32_t object = graph_lookup(&g->spans, s->address, &interior);
    if (bucket >= g->buckets.n || object == UINT32_MAX) {
        return true;
    }
    *last_bucket = bucket;
    const struct graph_sample kept = {object, (uint32_t)bucket};
    return graph_samples_add(&g->samples, kept, &g->budget, err);
}

bool graph_samples_build(struct graph_build *b, struct err *err)
{
    struct heap_graph *g = b->g;
    if (g->buckets.n > UINT32_MAX) {
        return err_set(err, ERR_LIMIT, "too many memory profile buckets");
    }
    size_t last_bucket = SIZE_MAX;
    for (size_t i = 0; i < b->samples.n; i++) {
        if (!add_sample(g, &b->samples.items[i], &last_bucket, err)) {
            return false;
        }
    }
    graph_give_back(&g->budget, b->samples.cap * sizeof *b->samples.items);
    graph_addresses_release(&b->samples);
    if (g->samples.n > 0) {
        sort_items(g->samples.items, g->samples.n, sizeof *g->samples.items,
                   by_object, NULL);
    }
    return true;
}

const struct heap_bucket *heap_object_bucket(const struct heap_graph *g,
                                             object_id o)
{
    size_t low = 0;
    size_t high = g->samples.n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (g->samples.items[middle].object < o.i) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == g->samples.n || g->samples.items[low].object != o.i) {
        return NULL;
    }
    return &g->buckets.items[g->samples.items[low].bucket];
}

size_t heap_n_buckets(const struct heap_graph *g)
{
    return g->buckets.n;
}

const struct heap_bucket *heap_bucket_at(const struct heap_graph *g, size_t i)
{
    assert(i < g->buckets.n);
    return &g->buckets.items[i];
}

size_t heap_n_samples(const struct heap_graph *g)
{
    return g->samples.n;
}

object_id heap_sample_at(const struct heap_graph *g, size_t i,
                         const struct heap_bucket **bucket)
{
    assert(i < g->samples.n);
    *bucket = &g->buckets.items[g->samples.items[i].bucket];
    return (object_id){g->samples.items[i].object};
}

/* --- finalizers --- */

size_t heap_n_finalizers(const struct heap_graph *g)
{
    return g->finalizers.n;
}

const struct heap_finalizer *heap_finalizer_at(const struct heap_graph *g,
                                               size_t i, bool *is_queued)
{
    assert(i < g->finalizers.n);
    *is_queued = g->finalizers.items[i].is_queued;
    return &g->finalizers.items[i].f;
}
