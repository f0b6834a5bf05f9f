/*
 * What roots reach, marked as a collector would. Depth first on a stack of
 * our own; each object waits a little between being taken and being looked
 * at, so that its memory is there by then.
 */
#include "heap/heap_graph_private.h"

#include "base/banned.h"

enum {
    UNDER_WAY = 16,  /* more than a memory access takes, few enough to stay in
                        caches */
    MARKS_AHEAD = 8, /* more are in order mostly, of an array */
    OBJECTS_PER_LOOK = 1 << 18
};

/* A first in, first out of objects whose memory is being loaded. */
struct waiting {
    uint32_t ids[UNDER_WAY];
    unsigned head, n;
};

struct reaching {
    struct heap_graph *g;
    struct graph_u32 stack;
    struct waiting for_begin; /* of its edges */
    struct waiting for_edges;
    struct waiting for_marks; /* of what they lead to */
};

static void put(struct waiting *w, uint32_t id)
{
    w->ids[(w->head + w->n++) % UNDER_WAY] = id;
}

static uint32_t take(struct waiting *w)
{
    const uint32_t id = w->ids[w->head];
    w->head = (w->head + 1) % UNDER_WAY;
    w->n--;
    return id;
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
    return graph_u32_add(&r->stack, id, &g->budget, err);
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

static void load_marks(const struct heap_graph *g, uint32_t id)
{
    uint64_t n = 0;
    const object_id *to = heap_edges(g, (object_id){id}, &n);
    for (uint64_t i = 0; i < n && i < MARKS_AHEAD; i++) {
        HEAP_PREFETCH(&g->reached[to[i].i >> 6]);
    }
}

/* Moves objects on until one is ready to be followed. False when none is
   left. */
static bool next_object(struct reaching *r, uint32_t *id)
{
    const struct heap_graph *g = r->g;
    while (r->for_begin.n < UNDER_WAY && r->stack.n > 0) {
        const uint32_t pushed = r->stack.items[--r->stack.n];
        HEAP_PREFETCH(&g->edges.begins[pushed]);
        put(&r->for_begin, pushed);
    }
    while (r->for_edges.n < UNDER_WAY && r->for_begin.n > 0) {
        const uint32_t moved = take(&r->for_begin);
        HEAP_PREFETCH(&g->edges.to[graph_edges_begin(g, moved)]);
        put(&r->for_edges, moved);
    }
    while (r->for_marks.n < UNDER_WAY && r->for_edges.n > 0) {
        const uint32_t moved = take(&r->for_edges);
        load_marks(g, moved);
        put(&r->for_marks, moved);
    }
    if (r->for_marks.n == 0) {
        return false;
    }
    *id = take(&r->for_marks);
    return true;
}

static bool drain(struct graph_build *b, struct reaching *r, struct err *err)
{
    uint32_t n_until_look = OBJECTS_PER_LOOK;
    uint32_t id = 0;
    while (next_object(r, &id)) {
        if (!follow(r, id, err)) {
            return false;
        }
        if (--n_until_look > 0) {
            continue;
        }
        n_until_look = OBJECTS_PER_LOOK;
        const double share =
            (double)r->g->about.n_reachable / (double)r->g->spans.n_objects;
        if (!graph_look(b, "reachability", share, err)) {
            return false;
        }
    }
    return true;
}

bool graph_reach(struct graph_build *b, uint64_t first_root, struct err *err)
{
    struct heap_graph *g = b->g;
    struct reaching r = {.g = g};
    bool ok = true;
    for (uint64_t i = first_root; i < g->roots.n && ok; i++) {
        ok = mark(&r, g->roots.items[i].object.i, err);
    }
    ok = ok && drain(b, &r, err);
    graph_give_back(&g->budget, r.stack.cap * sizeof *r.stack.items);
    graph_u32_release(&r.stack);
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
