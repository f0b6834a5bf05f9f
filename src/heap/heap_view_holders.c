/*
 * Who holds most. A holder is told as the way from it down to what it is that
 * it holds: to the largest class below, as long as that is most of it.
 */
#include "heap/heap_view_private.h"

#include <stdlib.h>

#include "base/banned.h"

/* Those of objects that are looked for at once, in one pass. */
enum { HOLDER_OBJECTS_MAX = 16 };

/* A way goes on to what retains at least half of what is above. */
static bool is_most_of(const struct view_set *part, const struct view_set *all)
{
    return part->retained_bytes >= all->retained_bytes / 2;
}

static void look_for_map(const struct heap_view *v, heap_node n,
                         struct view_holder *out)
{
    if (!out->has_map && v->f.types && view_is_object(v, n)) {
        out->has_map = heap_map_about(v->f.types, view_object(v, n), &out->map);
    }
}

static bool go_down(struct heap_view *v, struct view_set *top,
                    struct view_holder *out, uint32_t *last_class,
                    struct err *err)
{
    struct view_sets above = {0};
    struct view_set at = *top;
    bool ok = true;
    look_for_map(v, top->largest, out);
    *last_class = top->class_id;
    while (ok && out->n_steps < HOLDER_STEPS_MAX) {
        struct view_sets below;
        ok = view_sets_below(v, &at, at.retained_bytes / 2, &below, err);
        if (out->n_steps > 0) { /* what was folded into it is known now */
            out->steps[out->n_steps - 1].n_nodes = at.n_members;
            out->steps[out->n_steps - 1].bytes = at.bytes;
        }
        view_sets_release(&above);
        if (!ok || below.n == 0 || !is_most_of(&below.items[0], &at)) {
            view_sets_release(&below);
            break;
        }
        above = below;
        at = above.items[0];
        *last_class = at.class_id;
        ok = view_branch_of(v, &at, (unsigned)out->n_steps,
                            &out->steps[out->n_steps], err);
        out->n_steps++;
        look_for_map(v, at.largest, out);
    }
    view_sets_release(&above);
    return ok;
}

static bool fill_holder(struct heap_view *v, struct view_set *set,
                        struct view_holder *out, struct err *err)
{
    uint32_t last_class = VIEW_NO_CLASS;
    *out = (struct view_holder){
        .node = set->largest,
        .name = set->n == 1 ? heap_view_name(v, set->largest)
                            : v->classes.items[set->class_id].name,
        .n_holders = set->n,
        .retained_bytes = set->retained_bytes,
        .retained_objects = set->retained_objects,
    };
    if (!view_is_object(v, set->largest)) {
        out->type = view_variable_type(v, view_group(set->largest));
    }
    const uint32_t top_class = set->class_id;
    return go_down(v, set, out, &last_class, err) &&
           view_site_below(v, top_class, last_class, &out->site,
                           &out->n_samples, err);
}

/* --- who holds what several hold --- */

/* Classes of the tops that point into a holder; more are only counted. */
enum { CLASSES_MAX = 32 };

struct held {
    heap_node node;
    uint32_t classes[CLASSES_MAX];
    size_t n;
};

static void add_class(struct held *h, uint32_t class_id)
{
    for (size_t i = 0; i < h->n; i++) {
        if (h->classes[i] == class_id) {
            return;
        }
    }
    if (h->n < CLASSES_MAX) {
        h->classes[h->n++] = class_id;
    }
}

static void add_roots(const struct heap_view *v, struct held *h, object_id o)
{
    const struct heap_graph *g = v->f.graph;
    for (uint32_t i = 0; i < heap_n_groups(g); i++) {
        const struct heap_root *roots = heap_group_roots(g, i);
        const uint64_t n = heap_group(g, i)->n_roots;
        for (uint64_t k = 0; k < n; k++) {
            if (roots[k].object.i == o.i) {
                add_class(h, v->class_of[heap_node_of_group(i)]);
                break;
            }
        }
    }
}

/* One pass over all pointers for all holders. */
static void add_objects(const struct heap_view *v, struct held *all, size_t n)
{
    const struct heap_csr edges = heap_csr(v->f.graph);
    const uint32_t n_objects = heap_n_objects(v->f.graph);
    uint32_t targets[HOLDER_OBJECTS_MAX];
    for (size_t i = 0; i < n; i++) {
        targets[i] = view_object(v, all[i].node).i;
    }
    for (uint32_t i = 0; i < n_objects; i++) {
        const uint64_t end = heap_csr_begin(&edges, i + 1);
        for (uint64_t k = heap_csr_begin(&edges, i); k < end; k++) {
            for (size_t t = 0; t < n; t++) {
                const heap_node from = v->n_heads + i;
                if (edges.to[k] == targets[t] && i != edges.without &&
                    v->class_of[from] != VIEW_NO_CLASS &&
                    v->tops[from] != all[t].node) {
                    add_class(&all[t], v->class_of[v->tops[from]]);
                }
            }
        }
    }
}

static void name_holders(const struct heap_view *v, const struct held *h,
                         struct view_holder *out)
{
    out->n_held_by_all = h->n;
    for (size_t i = 0; i < h->n && i < HOLDERS_OF_IT_MAX; i++) {
        out->held_by[i] = v->classes.items[h->classes[i]].name;
        out->n_held_by++;
    }
}

static bool find_holders(struct heap_view *v, struct view_holder *rows,
                         size_t n, struct err *err)
{
    size_t n_held = 0;
    size_t row_of[HOLDER_OBJECTS_MAX] = {0};
    struct held *all = calloc(HOLDER_OBJECTS_MAX, sizeof *all);
    if (!all) {
        return err_nomem(err, "holders");
    }
    for (size_t i = 0; i < n && n_held < HOLDER_OBJECTS_MAX; i++) {
        if (view_is_object(v, rows[i].node)) {
            all[n_held].node = rows[i].node;
            add_roots(v, &all[n_held], view_object(v, rows[i].node));
            row_of[n_held++] = i;
        }
    }
    const bool ok = n_held == 0 || view_find_tops(v, err);
    if (ok && n_held > 0) {
        add_objects(v, all, n_held);
    }
    for (size_t i = 0; ok && i < n_held; i++) {
        name_holders(v, &all[i], &rows[row_of[i]]);
    }
    free(all);
    return ok;
}

/* --- all --- */

static size_t worth_telling(const struct view_sets *sets, uint64_t least_bytes,
                            size_t n_max)
{
    enum { AT_LEAST = 3 };
    size_t n = 0;
    while (n < sets->n && n < n_max &&
           (n < AT_LEAST || sets->items[n].retained_bytes >= least_bytes)) {
        n++;
    }
    return n;
}

bool heap_view_holders(struct heap_view *v, double share, size_t n_max,
                       const struct view_holder **out, size_t *n, size_t *n_all,
                       struct err *err)
{
    heap_node zero;
    struct view_sets sets;
    struct view_set all = view_set_of_all(v, &zero);
    if (!view_sets_below(v, &all, 1, &sets, err)) {
        return false;
    }
    const double least = (double)all.retained_bytes * share;
    *n_all = sets.n;
    *n = worth_telling(&sets, (uint64_t)least, n_max);
    struct view_holder *rows = arena_new(&v->arena, struct view_holder, *n + 1);
    bool ok = rows || err_nomem(err, "holders");
    for (size_t i = 0; ok && i < *n; i++) {
        ok = fill_holder(v, &sets.items[i], &rows[i], err);
    }
    ok = ok && find_holders(v, rows, *n, err);
    view_sets_release(&sets);
    *out = rows;
    return ok;
}
