/*
 * What each class retains: of nodes of a class below each other only the
 * uppermost counts. Nodes with edges are put in the order of a walk over the
 * dominator tree, where what is below a node follows it, so that a class needs
 * to know but where its last uppermost node ends: no stack, and memory read
 * mostly in order. Leaves are most objects, and most of them are of classes
 * that have nothing else: these are below none of their class.
 */
#include "heap/heap_dominators_private.h"
#include "heap/heap_view_private.h"

#include <stdlib.h>

#include "base/banned.h"

enum { AHEAD = 16 }; /* nodes looked ahead */

/* A leaf whose class has nodes with edges as well. */
struct mixed_leaf {
    uint32_t object;
    uint32_t next; /* index + 1 of one more with the same dominator */
};
VEC_TYPE(mixed_leaves, struct mixed_leaf)

struct retained {
    struct heap_view *v;
    const struct heap_dominators *d;
    struct view_type *rows; /* by class */
    uint32_t *n_below;      /* by number: nodes with edges, itself included */
    uint32_t *order;        /* numbers, as they are walked */
    uint32_t *class_of;     /* by number */
    uint32_t *ends;         /* by class: place where its last node ends */
    bool *has_inner;        /* by class */
    uint32_t *first_leaf;   /* by number: index + 1; NULL when there are none */
    struct mixed_leaves leaves;
};

static bool prepare(struct retained *r, struct err *err)
{
    const size_t n = r->d->tree.n;
    const size_t n_classes = r->v->classes.n + 1;
    static const char what[] = "retained sizes by type";
    if (!heap_has_room(r->v->f.graph, NULL, 12 * (uint64_t)n, what, err)) {
        return false;
    }
    r->n_below = heap_column(uint32_t, n);
    r->order = heap_column(uint32_t, n);
    r->class_of = heap_column(uint32_t, n);
    r->ends = calloc(n_classes, sizeof *r->ends);
    r->has_inner = calloc(n_classes, sizeof *r->has_inner);
    return (r->n_below && r->order && r->class_of && r->ends && r->has_inner) ||
           err_nomem(err, what);
}

static void release(struct retained *r)
{
    free(r->n_below);
    free(r->order);
    free(r->class_of);
    free(r->ends);
    free(r->has_inner);
    free(r->first_leaf);
    mixed_leaves_release(&r->leaves);
}

/* A dominator has a lower number than what it dominates. */
static void count_below(struct retained *r)
{
    const uint32_t *idom = r->d->tree.idom;
    const uint32_t n = r->d->tree.n;
    for (uint32_t i = 0; i < n; i++) {
        r->n_below[i] = 1;
    }
    for (uint32_t i = n; i-- > 1;) {
        r->n_below[idom[i]] += r->n_below[i];
    }
}

/* `free_place` is of each node the place of its next child. */
static void find_order(struct retained *r, uint32_t *free_place)
{
    const uint32_t *idom = r->d->tree.idom;
    r->order[0] = 0;
    free_place[0] = 1;
    for (uint32_t i = 1; i < r->d->tree.n; i++) {
        const uint32_t place = free_place[idom[i]];
        free_place[idom[i]] += r->n_below[i];
        free_place[i] = place + 1;
        r->order[place] = i;
    }
}

static void find_classes(struct retained *r)
{
    const uint32_t *vertex = r->d->tree.vertex;
    const uint32_t n = r->d->tree.n;
    for (uint32_t i = 0; i < n; i++) {
        HEAP_PREFETCH(&r->v->class_of[vertex[i + AHEAD < n ? i + AHEAD : i]]);
        const uint32_t c = r->v->class_of[vertex[i]];
        r->class_of[i] = c;
        if (c != VIEW_NO_CLASS) {
            r->has_inner[c] = true;
        }
    }
}

/* --- leaves --- */

static bool add_leaf(struct retained *r, uint32_t object, uint32_t dominator)
{
    if (!r->first_leaf) {
        r->first_leaf = heap_zeroed_column(uint32_t, r->d->tree.n);
    }
    if (!r->first_leaf ||
        !mixed_leaves_push(&r->leaves, (struct mixed_leaf){
                                           object, r->first_leaf[dominator]})) {
        return false;
    }
    r->first_leaf[dominator] = (uint32_t)r->leaves.n;
    return true;
}

static bool find_leaves(struct retained *r)
{
    const uint32_t *number = r->d->tree.number + r->v->n_heads;
    const uint32_t *class_of = r->v->class_of + r->v->n_heads;
    const uint32_t n = heap_n_objects(r->v->f.graph);
    for (uint32_t i = 0; i < n; i++) {
        if (flow_is_seen(number[i]) && (number[i] & FLOW_LEAF) &&
            r->has_inner[class_of[i]] &&
            !add_leaf(r, i, number[i] & ~FLOW_LEAF)) {
            return false;
        }
    }
    return true;
}

/* --- sums --- */

static void add(struct view_type *row, uint64_t bytes, uint32_t n_objects)
{
    row->retained_bytes += bytes;
    row->retained_objects += n_objects;
}

static void add_leaves(struct retained *r, uint32_t number, uint32_t place)
{
    uint32_t at = r->first_leaf ? r->first_leaf[number] : 0;
    while (at != 0) {
        const struct mixed_leaf *leaf = &r->leaves.items[at - 1];
        const object_id o = {leaf->object};
        const uint32_t c = r->v->class_of[view_node(r->v, o)];
        if (place >= r->ends[c]) {
            add(&r->rows[c], heap_object_bytes(r->v->f.graph, o), 1);
        }
        at = leaf->next;
    }
}

static void sum_up(struct retained *r)
{
    for (uint32_t place = 0; place < r->d->tree.n; place++) {
        const uint32_t i = r->order[place];
        const uint32_t c = r->class_of[i];
        if (c != VIEW_NO_CLASS && place >= r->ends[c]) {
            r->ends[c] = place + r->n_below[i];
            add(&r->rows[c], r->d->bytes[i], r->d->objects[i]);
        }
        add_leaves(r, i, place);
    }
    for (size_t c = 0; c < r->v->classes.n; c++) {
        const struct view_class *k = &r->v->classes.items[c];
        if (!r->has_inner[c]) {
            add(&r->rows[c], k->bytes, k->n_objects);
        }
    }
}

bool view_retained_by_class(struct heap_view *v, struct view_type *rows,
                            struct err *err)
{
    struct retained r = {.v = v, .d = v->f.dominators, .rows = rows};
    bool ok = prepare(&r, err);
    if (ok) {
        count_below(&r);
        find_order(&r, r.class_of); /* not used for classes yet */
        find_classes(&r);
        ok = find_leaves(&r) || err_nomem(err, "retained sizes by type");
    }
    if (ok) {
        sum_up(&r);
    }
    release(&r);
    return ok;
}
