/*
 * What roots reach, marked as a collector would. Any order will do, so the
 * objects are taken by regions of neighbours: what is found waits in the list
 * of its region, and a region is followed until its list is empty, with where
 * its edges are in nearby memory. A step to anywhere instead is a miss of the
 * cache, and in a virtual machine a walk through two page tables.
 */
#include "heap/heap_graph_private.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    REGION_SHIFT = 17, /* objects; their edges are about 2 MiB */
    BEGINS_AHEAD = 8,  /* in the list: where edges begin is loaded, */
    EDGES_AHEAD = 4,   /* and the edges themselves */
    OBJECTS_PER_LOOK = 1 << 18
};

/* Objects of one region that are marked and not followed yet. */
struct region {
    struct graph_u32 waiting;
    uint32_t next;  /* of the queue */
    bool is_queued; /* or being followed */
};

struct reaching {
    struct heap_graph *g;
    struct region *regions;
    uint32_t n_regions;
    /* Of the queue of regions with a list; first is UINT32_MAX when it is
       empty. */
    uint32_t first, last;
};

static void enqueue(struct reaching *r, uint32_t i)
{
    r->regions[i].is_queued = true;
    r->regions[i].next = UINT32_MAX;
    if (r->first == UINT32_MAX) {
        r->first = i;
    } else {
        r->regions[r->last].next = i;
    }
    r->last = i;
}

static bool mark(struct reaching *r, uint32_t id, struct err *err)
{
    struct heap_graph *g = r->g;
    const uint64_t bit = UINT64_C(1) << (id & 63);
    if (g->reached[id >> 6] & bit) {
        return true;
    }
    g->reached[id >> 6] |= bit;
    g->about.n_reachable++;
    struct region *to = &r->regions[id >> REGION_SHIFT];
    if (!to->is_queued) {
        enqueue(r, id >> REGION_SHIFT);
    }
    return graph_u32_add(&to->waiting, id, &g->budget, err);
}

/* Of what comes next: where its edges are, and a little later the edges. */
static void look_ahead(const struct heap_graph *g, const struct graph_u32 *list)
{
    if (list->n >= BEGINS_AHEAD) {
        const uint32_t *end = list->items + list->n;
        HEAP_PREFETCH(&g->edges.begins[*(end - BEGINS_AHEAD)]);
        HEAP_PREFETCH(&g->edges.to[graph_edges_begin(g, *(end - EDGES_AHEAD))]);
    }
}

static bool follow(struct reaching *r, uint32_t id, struct err *err)
{
    uint64_t n = 0;
    const object_id *to = heap_edges(r->g, (object_id){id}, &n);
    for (uint64_t i = 0; i < n; i++) {
        if (!mark(r, to[i].i, err)) {
            return false;
        }
    }
    return true;
}

/* Follows a region until nothing waits there. */
static bool drain(struct reaching *r, struct region *region, struct err *err)
{
    while (region->waiting.n > 0) {
        look_ahead(r->g, &region->waiting);
        if (!follow(r, region->waiting.items[--region->waiting.n], err)) {
            return false;
        }
    }
    return true;
}

static bool drain_all(struct graph_build *b, struct reaching *r,
                      struct err *err)
{
    const struct heap_graph *g = r->g;
    uint64_t n_looked = g->about.n_reachable;
    while (r->first != UINT32_MAX) {
        struct region *region = &r->regions[r->first];
        r->first = region->next;
        if (!drain(r, region, err)) {
            return false;
        }
        region->is_queued = false;
        if (g->about.n_reachable - n_looked < OBJECTS_PER_LOOK) {
            continue;
        }
        n_looked = g->about.n_reachable;
        const double share = (double)n_looked / (double)g->spans.n_objects;
        if (!graph_look(b, "reachability", share, err)) {
            return false;
        }
    }
    return true;
}

static void regions_release(struct reaching *r)
{
    for (uint32_t i = 0; r->regions && i < r->n_regions; i++) {
        struct graph_u32 *list = &r->regions[i].waiting;
        graph_give_back(&r->g->budget, list->cap * sizeof *list->items);
        graph_u32_release(list);
    }
    free(r->regions);
}

bool graph_reach(struct graph_build *b, uint64_t first_root, struct err *err)
{
    struct heap_graph *g = b->g;
    struct reaching r = {
        .g = g,
        .n_regions = (g->spans.n_objects >> REGION_SHIFT) + 1,
        .first = UINT32_MAX,
    };
    r.regions = calloc(r.n_regions, sizeof *r.regions);
    bool ok = r.regions || err_nomem(err, "heap dump");
    for (uint64_t i = first_root; i < g->roots.n && ok; i++) {
        ok = mark(&r, g->roots.items[i].object.i, err);
    }
    ok = ok && drain_all(b, &r, err);
    regions_release(&r);
    return ok;
}

bool graph_reach_begin(struct heap_graph *g, struct err *err)
{
    const size_t n = ((size_t)g->spans.n_objects + 63) / 64 + 1;
    if (!graph_take(&g->budget, n * sizeof *g->reached, err)) {
        return false;
    }
    g->reached = heap_column(uint64_t, n);
    if (!g->reached) {
        return err_nomem(err, "heap dump");
    }
    memset(g->reached, 0, n * sizeof *g->reached);
    return true;
}

void graph_reach_count(struct heap_graph *g)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < g->spans.runs.n; i++) {
        const struct graph_run *r = &g->spans.runs.items[i];
        uint64_t n = 0;
        for (uint32_t id = r->first_id; id < r->first_id + r->n_objects; id++) {
            n += graph_is_reached(g, id) ? 1 : 0;
        }
        bytes += n * r->bytes;
        g->about.object_bytes += r->n_objects * r->bytes;
    }
    g->about.reachable_bytes = bytes;
}
