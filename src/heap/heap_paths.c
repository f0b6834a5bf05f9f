/*
 * The tree of shortest paths from all roots at once, breadth first. The queue
 * says long before what will be looked at, so that memory is there by then.
 */
#include "heap/heap_paths_private.h"

#include <stdlib.h>
#include <string.h>

#include "heap/flow_search_private.h"
#include "heap/heap_memory_private.h"

#include "base/banned.h"

/* Places in the queue: where the edges are is loaded early, then the edges,
   then what they lead to. */
enum {
    EDGES_AHEAD = 24,
    PLACE_AHEAD = 2 * EDGES_AHEAD,
    NODE_AHEAD = 3 * EDGES_AHEAD,
    CHECK_EVERY = 1 << 16
};

struct search {
    struct heap_paths *p;
    struct heap_csr csr;
    uint32_t *queue;
    uint32_t n, n_done;
};

const struct heap_root *path_root_at(const struct heap_graph *g, uint32_t i)
{
    uint32_t low = 0;
    uint32_t high = heap_n_groups(g);
    while (low + 1 < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (heap_group(g, middle)->first_root <= i) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return heap_group_roots(g, low) + (i - heap_group(g, low)->first_root);
}

static void reach(struct search *s, uint32_t object, uint32_t from,
                  uint32_t distance)
{
    struct heap_paths *p = s->p;
    if (p->from[object] == PATH_UNREACHED) {
        p->from[object] = from;
        p->distance[object] = distance;
        s->queue[s->n++] = object;
    }
}

static bool start(struct search *s, struct err *err)
{
    const struct heap_graph *g = s->p->graph;
    for (uint32_t i = 0; i < heap_n_groups(g); i++) {
        const struct root_group *group = heap_group(g, i);
        const struct heap_root *roots = heap_group_roots(g, i);
        if (group->first_root + group->n_roots > PATH_MAX) {
            return err_set(err, ERR_LIMIT, "more than %u roots", PATH_MAX);
        }
        for (uint64_t k = 0; k < group->n_roots; k++) {
            if (roots[k].object.i != OBJECT_NONE.i) {
                reach(s, roots[k].object.i,
                      PATH_ROOT | (uint32_t)(group->first_root + k), 1);
            }
        }
    }
    return true;
}

static void load_ahead(const struct search *s)
{
    const struct heap_csr *c = &s->csr;
    if (s->n - s->n_done <= NODE_AHEAD) {
        return;
    }
    const uint32_t *next = s->queue + s->n_done;
    HEAP_PREFETCH(&c->begins[next[NODE_AHEAD]]);
    HEAP_PREFETCH(&c->to[heap_csr_begin(c, next[PLACE_AHEAD])]);
    const uint64_t begin = heap_csr_begin(c, next[EDGES_AHEAD]);
    if (begin < heap_csr_begin(c, next[EDGES_AHEAD] + 1)) {
        HEAP_PREFETCH(&s->p->from[c->to[begin]]);
    }
}

static bool drain(struct search *s, const struct heap_graph_options *o,
                  struct err *err)
{
    const struct heap_csr *c = &s->csr;
    while (s->n_done < s->n) {
        load_ahead(s);
        const uint32_t at = s->queue[s->n_done++];
        const uint64_t end = heap_csr_begin(c, at + 1);
        for (uint64_t k = heap_csr_begin(c, at); k < end && at != c->without;
             k++) {
            reach(s, c->to[k], at, s->p->distance[at] + 1);
        }
        if (s->n_done % CHECK_EVERY == 0 &&
            !flow_goes_on(o, "paths", s->n_done, heap_n_objects(s->p->graph),
                          err)) {
            return false;
        }
    }
    return true;
}

static bool find_tree(struct heap_paths *p, const struct heap_graph_options *o,
                      struct err *err)
{
    const uint32_t n = heap_n_objects(p->graph);
    /* The queue is released, and then those who hold are asked for. */
    if (!heap_has_room(p->graph, o, 12 * (uint64_t)n, "paths", err) ||
        !path_spend(p, 8 * (uint64_t)n, o, err)) {
        return false;
    }
    struct search s = {.p = p, .csr = heap_csr(p->graph)};
    p->from = heap_column(uint32_t, n);
    p->distance = heap_column(uint32_t, n);
    s.queue = heap_column(uint32_t, n);
    bool ok = p->from && p->distance && s.queue;
    if (ok) {
        memset(p->from, 0xff, sizeof(*p->from) * n);
    } else {
        (void)err_nomem(err, "paths");
    }
    ok = ok && start(&s, err) && drain(&s, o, err);
    free(s.queue);
    return ok;
}

bool heap_paths_build(const struct heap_graph *g,
                      const struct heap_graph_options *o,
                      struct heap_paths **out, struct err *err)
{
    if (heap_n_objects(g) > PATH_MAX) {
        return err_set(err, ERR_LIMIT, "more than %u objects", PATH_MAX);
    }
    struct heap_paths *p = calloc(1, sizeof *p);
    if (!p) {
        return err_nomem(err, "paths");
    }
    p->graph = g;
    p->holders = calloc(1, sizeof *p->holders);
    if (!p->holders) {
        heap_paths_free(p);
        return err_nomem(err, "paths");
    }
    if (!find_tree(p, o, err)) {
        heap_paths_free(p);
        return false;
    }
    *out = p;
    return true;
}

void heap_paths_free(struct heap_paths *p)
{
    if (p) {
        if (p->holders) {
            heap_give_back(p->graph, p->holders->spent_bytes);
            path_holders_release(p->holders);
        }
        free(p->holders);
        free(p->from);
        free(p->distance);
        free(p);
    }
}

uint64_t path_offset(const struct heap_graph *g, object_id from, object_id to)
{
    const uint64_t address = heap_object_address(g, to);
    const uint64_t bytes = heap_object_bytes(g, to);
    const struct span contents = heap_object_contents(g, from);
    struct dump_fields fields = heap_object_fields(g, from);
    uint64_t offset = 0;
    while (dump_fields_next(&fields, &offset)) {
        if (heap_word(g, contents, offset) - address < bytes) {
            return offset;
        }
    }
    return 0;
}
