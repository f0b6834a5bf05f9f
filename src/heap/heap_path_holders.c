/*
 * Edges turned around: who holds an object. They take as much memory as the
 * edges themselves and a pass over all of the graph, so that only who asks for
 * several paths pays for them.
 */
#include "heap/heap_paths_private.h"

#include <stdlib.h>

#include "base/sort.h"
#include "heap/heap_memory_private.h"

#include "base/banned.h"

bool path_spend(const struct heap_paths *p, uint64_t bytes,
                const struct heap_graph_options *o, struct err *err)
{
    if (!heap_spend(p->graph, o, bytes, "paths", err)) {
        return false;
    }
    p->holders->spent_bytes += bytes;
    return true;
}

void path_holders_release(struct path_holders *h)
{
    free(h->first);
    free(h->from);
    free(h->roots);
    *h = (struct path_holders){.spent_bytes = h->spent_bytes};
}

/* Only what is reached itself holds anything. */
static void count_edges(const struct heap_paths *p, struct path_holders *h)
{
    for (uint32_t i = 0; i < heap_n_objects(p->graph); i++) {
        uint64_t n = 0;
        const object_id *to = heap_edges(p->graph, (object_id){i}, &n);
        for (uint64_t k = 0; p->from[i] != PATH_UNREACHED && k < n; k++) {
            h->first[to[k].i + 2]++;
        }
    }
}

static void fill_edges(const struct heap_paths *p, struct path_holders *h)
{
    for (uint32_t i = 0; i < heap_n_objects(p->graph); i++) {
        uint64_t n = 0;
        const object_id *to = heap_edges(p->graph, (object_id){i}, &n);
        for (uint64_t k = 0; p->from[i] != PATH_UNREACHED && k < n; k++) {
            h->from[h->first[to[k].i + 1]++] = i;
        }
    }
}

/* Counted at first[i + 2], summed at first[i + 1]: filling moves the begins to
   where they belong. */
static bool turn_edges(const struct heap_paths *p, struct path_holders *h)
{
    const size_t n = heap_n_objects(p->graph);
    h->first = calloc(n + 2, sizeof *h->first);
    if (!h->first) {
        return false;
    }
    count_edges(p, h);
    for (size_t i = 0; i < n; i++) {
        h->first[i + 2] += h->first[i + 1];
    }
    h->from = heap_column(uint32_t, (size_t)h->first[n + 1]);
    if (!h->from) {
        return false;
    }
    fill_edges(p, h);
    return true;
}

static int by_object(const void *pa, const void *pb, const void *ctx)
{
    const struct path_root *a = pa;
    const struct path_root *b = pb;
    (void)ctx;
    if (a->object != b->object) {
        return a->object < b->object ? -1 : 1;
    }
    return (a->root > b->root) - (a->root < b->root);
}

static bool turn_roots(const struct heap_graph *g, struct path_holders *h)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < heap_n_groups(g); i++) {
        n += heap_group(g, i)->n_roots;
    }
    h->roots = heap_column(struct path_root, (size_t)n);
    if (!h->roots) {
        return false;
    }
    for (uint32_t i = 0; i < heap_n_groups(g); i++) {
        const struct root_group *group = heap_group(g, i);
        const struct heap_root *roots = heap_group_roots(g, i);
        for (uint64_t k = 0; k < group->n_roots; k++) {
            h->roots[h->n_roots++] = (struct path_root){
                roots[k].object.i, (uint32_t)(group->first_root + k)};
        }
    }
    sort_items(h->roots, h->n_roots, sizeof *h->roots, by_object, NULL);
    return true;
}

bool path_holders_make(const struct heap_paths *p, struct err *err)
{
    struct path_holders *h = p->holders;
    if (h->roots) {
        return true;
    }
    /* An edge back for each edge, and where those of each object begin. */
    const uint64_t bytes = 8 * (uint64_t)heap_n_objects(p->graph) +
                           4 * heap_graph_about(p->graph)->n_edges;
    if (!path_spend(p, bytes, NULL, err)) {
        return false;
    }
    if (!turn_edges(p, h) || !turn_roots(p->graph, h)) {
        path_holders_release(h);
        return err_nomem(err, "paths");
    }
    return true;
}

size_t path_first_root(const struct path_holders *h, uint32_t object)
{
    size_t low = 0;
    size_t high = h->n_roots;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (h->roots[middle].object < object) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
