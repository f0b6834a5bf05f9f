/*
 * Who holds most. A holder is told as the way from it down to what it is that
 * it holds: to the largest class below, as long as that is most of it.
 */
#include "heap/heap_view_private.h"

#include <assert.h>
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

/* For each node the row + 1 whose holder it is one of, 0 none; and for each row
   what the classes of tops that point into it hold of it. */
struct holding {
    const struct heap_view *v;
    uint8_t *row_of;
    double *bytes; /* by row and class */
};

static_assert(HOLDER_OBJECTS_MAX < UINT8_MAX, "a row fits");

static void add_held(struct holding *h, heap_node top, heap_node to)
{
    const uint8_t row = h->row_of[to];
    const uint32_t c = h->v->class_of[top];
    if (row > 0 && c != VIEW_NO_CLASS && h->row_of[top] != row) {
        h->bytes[(row - 1) * h->v->classes.n + c] +=
            (double)heap_retained_bytes(h->v->f.dominators, to);
    }
}

static void add_roots(struct holding *h)
{
    const struct heap_graph *g = h->v->f.graph;
    for (uint32_t i = 0; i < heap_n_groups(g); i++) {
        const struct heap_root *roots = heap_group_roots(g, i);
        const uint64_t n = heap_group(g, i)->n_roots;
        for (uint64_t k = 0; k < n; k++) {
            if (roots[k].object.i != OBJECT_NONE.i) {
                add_held(h, heap_node_of_group(i),
                         view_node(h->v, roots[k].object));
            }
        }
    }
}

/* One pass over all pointers for all rows. */
static void add_objects(struct holding *h)
{
    const struct heap_csr edges = heap_csr(h->v->f.graph);
    const uint32_t n_objects = heap_n_objects(h->v->f.graph);
    for (uint32_t i = 0; i < n_objects; i++) {
        const heap_node from = h->v->n_heads + i;
        if (h->v->class_of[from] == VIEW_NO_CLASS || i == edges.without) {
            continue;
        }
        const uint64_t end = heap_csr_begin(&edges, i + 1);
        for (uint64_t k = heap_csr_begin(&edges, i); k < end; k++) {
            add_held(h, h->v->tops[from], h->v->n_heads + edges.to[k]);
        }
    }
}

/* The classes that hold most, most first, by name where they hold as much. */
static void name_holders(const struct holding *h, size_t row,
                         struct view_holder *out)
{
    const double *bytes = &h->bytes[row * h->v->classes.n];
    uint32_t chosen[HOLDERS_OF_IT_MAX];
    for (uint32_t c = 0; c < h->v->classes.n; c++) {
        if (bytes[c] <= 0) {
            continue;
        }
        size_t at = out->n_held_by;
        while (at > 0 && bytes[c] > bytes[chosen[at - 1]]) {
            at--;
        }
        out->n_held_by_all++;
        out->n_held_by += out->n_held_by < HOLDERS_OF_IT_MAX;
        for (size_t k = out->n_held_by; k > at + 1; k--) {
            chosen[k - 1] = chosen[k - 2];
        }
        if (at < HOLDERS_OF_IT_MAX) {
            chosen[at] = c;
        }
    }
    for (size_t i = 0; i < out->n_held_by; i++) {
        out->held_by[i] = h->v->classes.items[chosen[i]].name;
    }
}

static bool find_holders(struct heap_view *v, const struct view_set *sets,
                         struct view_holder *rows, size_t n, struct err *err)
{
    struct holding h = {.v = v};
    const size_t n_rows = n < HOLDER_OBJECTS_MAX ? n : HOLDER_OBJECTS_MAX;
    h.row_of = calloc(v->n_nodes, sizeof *h.row_of);
    h.bytes = calloc(n_rows * v->classes.n + 1, sizeof *h.bytes);
    bool ok = (h.row_of && h.bytes) || err_nomem(err, "holders");
    ok = ok && view_find_tops(v, err);
    for (size_t i = 0; ok && i < n_rows; i++) {
        for (uint32_t k = 0; view_is_object(v, rows[i].node) && k < sets[i].n;
             k++) {
            h.row_of[sets[i].nodes[k]] = (uint8_t)(i + 1);
        }
    }
    if (ok) {
        add_roots(&h);
        add_objects(&h);
    }
    for (size_t i = 0; ok && i < n_rows; i++) {
        name_holders(&h, i, &rows[i]);
    }
    free(h.row_of);
    free(h.bytes);
    return ok;
}

/* --- all --- */

/* What little Go's runtime holds for itself is nobody's business; the order of
   the others stays. */
static void drop_runtimes(const struct heap_view *v, struct view_sets *sets,
                          uint64_t least_bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < sets->n; i++) {
        const struct view_set *s = &sets->items[i];
        if (s->retained_bytes >= least_bytes ||
            !heap_view_is_runtimes(v->classes.items[s->class_id].name)) {
            sets->items[n++] = *s;
        }
    }
    sets->n = n;
}

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
    /* A hundredth, whatever was asked for. */
    drop_runtimes(v, &sets, all.retained_bytes / 100);
    *n_all = sets.n;
    *n = worth_telling(&sets, (uint64_t)least, n_max);
    struct view_holder *rows = arena_new(&v->arena, struct view_holder, *n + 1);
    bool ok = rows || err_nomem(err, "holders");
    for (size_t i = 0; ok && i < *n; i++) {
        ok = fill_holder(v, &sets.items[i], &rows[i], err);
    }
    ok = ok && find_holders(v, sets.items, rows, *n, err);
    view_sets_release(&sets);
    *out = rows;
    return ok;
}
