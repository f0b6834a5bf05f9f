/* All that the roots of one group reach. */
#include "heap/heap_paths.h"

#include <stdlib.h>

#include "base/vec.h"
#include "heap/heap_memory_private.h"

#include "base/banned.h"

enum { AHEAD = 16 };

struct reach {
    const struct heap_graph *g;
    uint64_t *seen; /* bits */
    struct vec_u32 stack;
    uint64_t bytes, n_objects;
    struct err *err;
};

static uint64_t seen_bytes(const struct reach *r)
{
    return heap_n_objects(r->g) / 8 + sizeof *r->seen;
}

static bool push(struct reach *r, uint32_t object)
{
    static const char what[] = "what a root reaches";
    const uint64_t grown = 2 * sizeof object * (uint64_t)r->stack.cap;
    if (r->stack.n == r->stack.cap &&
        !heap_has_room(r->g, NULL, seen_bytes(r) + grown, what, r->err)) {
        return false;
    }
    return vec_u32_push(&r->stack, object) || err_nomem(r->err, what);
}

static bool reach(struct reach *r, object_id o)
{
    const uint64_t bit = UINT64_C(1) << (o.i % 64);
    if (r->seen[o.i / 64] & bit) {
        return true;
    }
    r->seen[o.i / 64] |= bit;
    r->bytes += heap_object_bytes(r->g, o);
    r->n_objects++;
    uint64_t n = 0;
    (void)heap_edges(r->g, o, &n);
    return n == 0 || push(r, o.i);
}

static bool reach_all(struct reach *r, const object_id *to, uint64_t n)
{
    for (uint64_t k = 0; k < n; k++) {
        HEAP_PREFETCH(&r->seen[to[k + AHEAD < n ? k + AHEAD : k].i / 64]);
        if (!reach(r, to[k])) {
            return false;
        }
    }
    return true;
}

static bool go_on(struct reach *r)
{
    while (r->stack.n > 0) {
        const object_id o = {r->stack.items[--r->stack.n]};
        uint64_t n = 0;
        const object_id *to = heap_edges(r->g, o, &n);
        if (!reach_all(r, to, n)) {
            return false;
        }
    }
    return true;
}

static bool reach_roots(struct reach *r, uint32_t group)
{
    const struct heap_root *roots = heap_group_roots(r->g, group);
    const uint64_t n_roots = heap_group(r->g, group)->n_roots;
    for (uint64_t k = 0; k < n_roots; k++) {
        if (!reach(r, roots[k].object)) {
            return false;
        }
    }
    return true;
}

static bool begin(struct reach *r)
{
    r->seen = calloc(heap_n_objects(r->g) / 64 + (size_t)1, sizeof *r->seen);
    return r->seen || err_nomem(r->err, "what a root reaches");
}

static bool end(struct reach *r, bool ok, uint64_t *bytes, uint64_t *n_objects)
{
    free(r->seen);
    vec_u32_release(&r->stack);
    *bytes = r->bytes;
    *n_objects = r->n_objects;
    return ok;
}

bool heap_reachable_from(const struct heap_graph *g, uint32_t group,
                         uint64_t *bytes, uint64_t *n_objects, struct err *err)
{
    struct reach r = {.g = g, .err = err};
    const bool ok = begin(&r) && reach_roots(&r, group) && go_on(&r);
    return end(&r, ok, bytes, n_objects);
}

bool heap_reachable_from_object(const struct heap_graph *g, object_id o,
                                uint64_t *bytes, uint64_t *n_objects,
                                struct err *err)
{
    struct reach r = {.g = g, .err = err};
    const bool ok = begin(&r) && reach(&r, o) && go_on(&r);
    return end(&r, ok, bytes, n_objects);
}
