/*
 * Stacks of goroutines by address. They lie in the arena among the objects and
 * are none: a pointer into one has lost nothing.
 */
#include "heap/heap_graph_private.h"

#include "base/sort.h"

#include "base/banned.h"

static int by_low(const void *pa, const void *pb, const void *ctx)
{
    const struct graph_stack *a = pa;
    const struct graph_stack *b = pb;
    (void)ctx;
    return (a->low > b->low) - (a->low < b->low);
}

/* From the innermost frame to the end of the outermost one. */
static struct graph_stack stack_of(const struct heap_graph *g,
                                   const struct graph_goroutine *r)
{
    struct graph_stack s = {UINT64_MAX, 0};
    for (uint32_t i = 0; i < r->n_frames; i++) {
        const struct graph_frame *f = &g->frames.items[r->first_frame + i];
        const uint64_t end =
            f->bytes < UINT64_MAX - f->sp ? f->sp + f->bytes : UINT64_MAX;
        s.low = f->sp < s.low ? f->sp : s.low;
        s.end = end > s.end ? end : s.end;
    }
    return s;
}

bool graph_stacks_find(const struct heap_graph *g, struct graph_stacks *out,
                       struct err *err)
{
    for (size_t i = 0; i < g->goroutines.n; i++) {
        const struct graph_stack s = stack_of(g, &g->goroutines.items[i]);
        if (s.low < s.end && !graph_stacks_push(out, s)) {
            return err_nomem(err, "stacks of a heap dump");
        }
    }
    sort_items(out->items, out->n, sizeof *out->items, by_low, NULL);
    return true;
}

bool graph_stacks_have(const struct graph_stacks *s, uint64_t address)
{
    size_t low = 0;
    size_t high = s->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (s->items[middle].low <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && address < s->items[low - 1].end;
}
