/* Questions to what was decided: who waits for what, what the leaked hold
   without counting anything twice. */
#include "heap/heap_blocked_private.h"

#include <stdlib.h>

#include "base/banned.h"

size_t heap_blocked_n_waits(const struct heap_blocked *b)
{
    return b->waits.n;
}

object_id heap_blocked_wait_at(const struct heap_blocked *b, size_t i,
                               uint32_t *goroutine)
{
    *goroutine = b->waits.items[i].goroutine;
    return (object_id){b->waits.items[i].object};
}

bool heap_blocked_is_live(const struct heap_blocked *b, object_id o)
{
    return blocked_bit(b->live, o.i);
}

/* --- held, once --- */

struct blocked_tally {
    const struct heap_blocked *b;
    uint64_t *seen; /* bits, by object */
    struct vec_u32 stack;
};

struct blocked_tally *blocked_tally_new(const struct heap_blocked *b)
{
    struct blocked_tally *t = calloc(1, sizeof *t);
    if (t) {
        t->b = b;
        t->seen = calloc(b->n_words, sizeof *t->seen);
    }
    if (t && !t->seen) {
        free(t);
        return NULL;
    }
    return t;
}

void blocked_tally_free(struct blocked_tally *t)
{
    if (t) {
        free(t->seen);
        vec_u32_release(&t->stack);
        free(t);
    }
}

static bool count(struct blocked_tally *t, object_id o,
                  struct blocked_held *out)
{
    if (o.i == OBJECT_NONE.i || blocked_bit(t->b->live, o.i) ||
        blocked_bit(t->seen, o.i)) {
        return true;
    }
    t->seen[o.i / 64] |= UINT64_C(1) << (o.i % 64);
    out->bytes += heap_object_bytes(t->b->graph, o);
    out->n_objects++;
    return vec_u32_push(&t->stack, o.i);
}

static bool count_below(struct blocked_tally *t, struct blocked_held *out)
{
    while (t->stack.n > 0) {
        const object_id o = {t->stack.items[--t->stack.n]};
        uint64_t n_edges = 0;
        const object_id *to = heap_edges(t->b->graph, o, &n_edges);
        for (uint64_t k = 0; k < n_edges; k++) {
            if (!count(t, to[k], out)) {
                return false;
            }
        }
    }
    return true;
}

bool blocked_tally_add(struct blocked_tally *t, const uint32_t *goroutines,
                       size_t n, struct blocked_held *out, struct err *err)
{
    const struct heap_graph *g = t->b->graph;
    bool ok = true;
    *out = (struct blocked_held){0};
    for (size_t i = 0; ok && i < n; i++) {
        const uint32_t group = heap_goroutine_at(g, goroutines[i])->group;
        const struct heap_root *roots = heap_group_roots(g, group);
        const uint64_t n_roots = heap_group(g, group)->n_roots;
        for (uint64_t k = 0; ok && k < n_roots; k++) {
            ok = count(t, roots[k].object, out);
        }
    }
    return (ok && count_below(t, out)) || err_nomem(err, "blocked goroutines");
}

bool heap_blocked_hold(const struct heap_blocked *b, const uint32_t *goroutines,
                       size_t n, struct blocked_held *out, struct err *err)
{
    struct blocked_tally *t = blocked_tally_new(b);
    *out = (struct blocked_held){0};
    const bool ok = t ? blocked_tally_add(t, goroutines, n, out, err)
                      : err_nomem(err, "blocked goroutines");
    blocked_tally_free(t);
    return ok;
}
