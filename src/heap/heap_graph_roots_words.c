/*
 * Variables whose address was taken live on a stack and are not in the map of
 * pointers of their frame: the collector knows them from a list that no dump
 * contains. What they alone hold would look like garbage, a whole leak of
 * main's among it. So when everything that is sure was reached, each word of a
 * frame that leads to something else counts as well. Some of them are left over
 * from before; paths say that they are words only.
 */
#include "heap/heap_graph_roots_private.h"

#include "base/banned.h"

static bool add_word(struct root_builder *b, uint32_t frame, uint32_t group,
                     uint64_t offset, uint64_t value, struct err *err)
{
    struct heap_graph *g = b->g;
    struct heap_root r = {.group = group,
                          .address = g->frames.items[frame].sp + offset,
                          .frame = frame,
                          .is_conservative = true};
    r.object.i = graph_lookup(&g->spans, value, &r.interior_bytes);
    if (r.object.i == UINT32_MAX || graph_is_reached(g, r.object.i)) {
        return true;
    }
    g->about.n_conservative++;
    return graph_roots_add(&g->roots, r, &g->budget, err);
}

/* In the order of goroutines, as their groups are. */
static bool add_words(struct root_builder *b, struct err *err)
{
    const struct heap_graph *g = b->g;
    const unsigned step = g->about.pointer_bytes;
    for (uint32_t i = 0; i < g->frames.n; i++) {
        const uint32_t goroutine = g->frames.items[i].goroutine;
        if (goroutine == UINT32_MAX) {
            continue;
        }
        const uint32_t group = g->goroutines.items[goroutine].group;
        const struct span words = heap_frame_contents(g, i);
        for (uint64_t at = 0; at + step <= words.len; at += step) {
            if (!add_word(b, i, group, at, heap_word(g, words, at), err)) {
                return false;
            }
        }
    }
    return true;
}

/* Moves the roots from `first` on, which come in the order of their groups,
   to the ends of these. */
static bool merge(struct heap_graph *g, uint64_t first, struct err *err)
{
    const uint64_t n = g->roots.n;
    const uint64_t bytes = n * sizeof *g->roots.items;
    if (!graph_take(&g->budget, bytes, err)) {
        return false;
    }
    struct heap_root *all = heap_column(struct heap_root, n);
    if (!all) {
        return err_nomem(err, "heap dump");
    }
    uint64_t to = 0;
    uint64_t extra = first;
    for (size_t i = 0; i < g->groups.n; i++) {
        struct root_group *group = &g->groups.items[i];
        const uint64_t begin = to;
        memcpy(all + to, g->roots.items + group->first_root,
               group->n_roots * sizeof *all);
        to += group->n_roots;
        while (extra < n && g->roots.items[extra].group == i) {
            all[to++] = g->roots.items[extra++];
        }
        group->first_root = begin;
        group->n_roots = to - begin;
    }
    graph_give_back(&g->budget, g->roots.cap * sizeof *all);
    free(g->roots.items);
    g->roots.items = all;
    g->roots.n = to;
    g->roots.cap = n;
    return true;
}

bool root_add_words(struct root_builder *b, struct err *err)
{
    struct heap_graph *g = b->g;
    const uint64_t first = g->roots.n;
    return add_words(b, err) &&
           (g->roots.n == first ||
            (graph_reach(b->build, first, err) && merge(g, first, err)));
}
