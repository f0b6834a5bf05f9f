/* Who points to an object: other objects, and roots. */
#include "base/sort.h"
#include "heap/heap_view_private.h"

#include "base/banned.h"

VEC_TYPE(nodes, heap_node)

static bool add_objects(const struct heap_view *v, object_id o,
                        struct nodes *out)
{
    const struct heap_csr edges = heap_csr(v->f.graph);
    const uint32_t n = heap_n_objects(v->f.graph);
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t end = heap_csr_begin(&edges, i + 1);
        for (uint64_t k = heap_csr_begin(&edges, i); k < end; k++) {
            if (edges.to[k] != o.i || i == edges.without ||
                !view_is_reachable(v, (object_id){i})) {
                continue;
            }
            if (!nodes_push(out, v->n_heads + i)) {
                return false;
            }
            break;
        }
    }
    return true;
}

static bool add_groups(const struct heap_view *v, object_id o,
                       struct nodes *out)
{
    for (uint32_t i = 0; i < heap_n_groups(v->f.graph); i++) {
        const struct heap_root *roots = heap_group_roots(v->f.graph, i);
        const uint64_t n = heap_group(v->f.graph, i)->n_roots;
        for (uint64_t k = 0; k < n; k++) {
            if (roots[k].object.i != o.i) {
                continue;
            }
            if (!nodes_push(out, heap_node_of_group(i))) {
                return false;
            }
            break;
        }
    }
    return true;
}

static int most_first(const void *pa, const void *pb, const void *ctx)
{
    const heap_node a = *(const heap_node *)pa;
    const heap_node b = *(const heap_node *)pb;
    const struct heap_view *v = ctx;
    const uint64_t x = heap_retained_bytes(v->f.dominators, a);
    const uint64_t y = heap_retained_bytes(v->f.dominators, b);
    if (x != y) {
        return x > y ? -1 : 1;
    }
    return (a > b) - (a < b);
}

bool heap_view_referrers(struct heap_view *v, object_id o, size_t n_max,
                         const struct view_referrer **out, size_t *n,
                         size_t *n_all, struct err *err)
{
    struct nodes found = {0};
    struct view_referrer *rows = NULL;
    bool ok = (add_groups(v, o, &found) && add_objects(v, o, &found)) ||
              err_nomem(err, "referrers");
    *n_all = found.n;
    *n = found.n < n_max ? found.n : n_max;
    if (ok) {
        sort_items(found.items, found.n, sizeof *found.items, most_first, v);
        rows = arena_new(&v->arena, struct view_referrer, *n + 1);
        ok = rows || err_nomem(err, "referrers");
    }
    for (size_t i = 0; ok && i < *n; i++) {
        const heap_node from = found.items[i];
        rows[i] = (struct view_referrer){
            .node = from,
            .name = heap_view_name(v, from),
            .field = heap_view_exact_field(v, from, o),
            .retained_bytes = heap_retained_bytes(v->f.dominators, from),
        };
    }
    nodes_release(&found);
    *out = rows;
    return ok;
}
