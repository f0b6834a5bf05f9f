/*
 * The dominator tree by classes: what a million users hold is read as one row
 * for each type below them. Nodes of a set's own class that it dominates go
 * into it, so that a list of a million elements is one level, not a million.
 */
#include "base/sort.h"
#include "heap/heap_view_private.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

/* Sums of one class among the children. */
struct tally {
    uint64_t bytes, retained_bytes, retained_objects, largest_bytes;
    heap_node largest;
    uint32_t n;
    uint32_t set, lone; /* index + 1 of the sets; 0 none */
};

struct below {
    struct heap_view *v;
    struct view_set *set;
    struct vec_u32 members; /* of the set, with those folded in */
    struct tally *tallies;  /* by class */
    struct view_sets *out;
    uint64_t least_bytes;
};

static bool is_folded(const struct below *b, heap_node n)
{
    return b->set->class_id != VIEW_NO_CLASS &&
           b->v->class_of[n] == b->set->class_id && view_is_object(b->v, n);
}

static void tally_node(struct below *b, heap_node n)
{
    struct tally *t = &b->tallies[b->v->class_of[n]];
    const uint64_t retained = heap_retained_bytes(b->v->f.dominators, n);
    t->n++;
    t->bytes += view_own_bytes(b->v, n);
    t->retained_bytes += retained;
    t->retained_objects += heap_retained_objects(b->v->f.dominators, n);
    if (t->n == 1 || retained > t->largest_bytes) {
        t->largest_bytes = retained;
        t->largest = n;
    }
}

/* Walks the members, which grow while children are folded into them. */
static bool tally_children(struct below *b, struct err *err)
{
    for (size_t i = 0; i < b->members.n; i++) {
        const heap_node *children = NULL;
        size_t n = 0;
        if (!heap_children(b->v->f.dominators, b->members.items[i], &children,
                           &n, err)) {
            return false;
        }
        for (size_t k = 0; k < n; k++) {
            if (!is_folded(b, children[k])) {
                tally_node(b, children[k]);
                continue;
            }
            b->set->n_members++;
            b->set->bytes += view_own_bytes(b->v, children[k]);
            if (!vec_u32_push(&b->members, children[k])) {
                return err_nomem(err, "dominator tree");
            }
        }
    }
    return true;
}

/* Its nodes come to `at` of those of all sets. */
static uint32_t add_set(struct view_sets *out, uint32_t class_id,
                        const struct tally *t, size_t at)
{
    out->items[out->n++] = (struct view_set){
        .class_id = class_id,
        .largest = t->largest,
        .nodes = out->nodes + at,
        .n_members = t->n,
        .bytes = t->bytes,
        .retained_bytes = t->retained_bytes,
        .retained_objects = (uint32_t)t->retained_objects,
    };
    return (uint32_t)out->n;
}

/* One that holds more than all others of its class is told alone. */
static bool has_giant(const struct tally *t)
{
    return t->n > 1 && t->largest_bytes > t->retained_bytes / 2;
}

static void split_giant(const struct below *b, struct tally *t,
                        struct tally *giant)
{
    *giant = (struct tally){
        .bytes = view_own_bytes(b->v, t->largest),
        .retained_bytes = t->largest_bytes,
        .retained_objects =
            heap_retained_objects(b->v->f.dominators, t->largest),
        .largest = t->largest,
        .n = 1,
    };
    t->bytes -= giant->bytes;
    t->retained_bytes -= giant->retained_bytes;
    t->retained_objects -= giant->retained_objects;
    t->n--;
}

static bool make_sets(struct below *b, struct err *err)
{
    size_t n_sets = 0;
    size_t n_nodes = 0;
    for (size_t c = 0; c < b->v->classes.n; c++) {
        if (b->tallies[c].retained_bytes >= b->least_bytes) {
            n_sets += b->tallies[c].n > 0 ? 2 : 0;
            n_nodes += b->tallies[c].n;
        }
    }
    b->out->items = calloc(n_sets + 1, sizeof *b->out->items);
    b->out->nodes = malloc((n_nodes + 1) * sizeof *b->out->nodes);
    if (!b->out->items || !b->out->nodes) {
        return err_nomem(err, "dominator tree");
    }
    size_t at = 0;
    for (uint32_t c = 0; c < b->v->classes.n; c++) {
        struct tally *t = &b->tallies[c];
        if (t->n == 0 || t->retained_bytes < b->least_bytes) {
            continue;
        }
        if (has_giant(t)) {
            struct tally giant;
            split_giant(b, t, &giant);
            t->lone = add_set(b->out, c, &giant, at++);
            if (t->retained_bytes < b->least_bytes) {
                continue;
            }
        }
        t->set = add_set(b->out, c, t, at);
        at += t->n;
    }
    return true;
}

static void put(struct view_set *s, const struct below *b, heap_node n)
{
    assert(s->nodes);
    s->nodes[s->n++] = n;
    if (s->n == 1 || heap_retained_bytes(b->v->f.dominators, n) >
                         heap_retained_bytes(b->v->f.dominators, s->largest)) {
        s->largest = n;
    }
}

static bool fill_sets(struct below *b, struct err *err)
{
    for (size_t i = 0; i < b->members.n; i++) {
        const heap_node *children = NULL;
        size_t n = 0;
        if (!heap_children(b->v->f.dominators, b->members.items[i], &children,
                           &n, err)) {
            return false;
        }
        for (size_t k = 0; k < n; k++) {
            if (is_folded(b, children[k])) {
                continue;
            }
            const struct tally *t = &b->tallies[b->v->class_of[children[k]]];
            if (t->lone > 0 &&
                children[k] == b->out->items[t->lone - 1].largest) {
                put(&b->out->items[t->lone - 1], b, children[k]);
            } else if (t->set > 0) {
                put(&b->out->items[t->set - 1], b, children[k]);
            }
        }
    }
    return true;
}

static int most_first(const void *pa, const void *pb, const void *ctx)
{
    const struct view_set *a = pa;
    const struct view_set *b = pb;
    const struct heap_view *v = ctx;
    if (a->retained_bytes != b->retained_bytes) {
        return a->retained_bytes > b->retained_bytes ? -1 : 1;
    }
    const int order = strcmp(v->classes.items[a->class_id].name,
                             v->classes.items[b->class_id].name);
    return order != 0 ? order
                      : (a->largest > b->largest) - (a->largest < b->largest);
}

bool view_sets_below(struct heap_view *v, struct view_set *set,
                     uint64_t least_bytes, struct view_sets *out,
                     struct err *err)
{
    struct below b = {.v = v,
                      .set = set,
                      .out = out,
                      .least_bytes = least_bytes > 0 ? least_bytes : 1};
    *out = (struct view_sets){0};
    b.tallies = calloc(v->classes.n + 1, sizeof *b.tallies);
    bool ok = b.tallies != NULL || err_nomem(err, "dominator tree");
    for (uint32_t i = 0; ok && i < set->n; i++) {
        ok = vec_u32_push(&b.members, set->nodes[i]) ||
             err_nomem(err, "dominator tree");
    }
    ok = ok && tally_children(&b, err) && make_sets(&b, err) &&
         fill_sets(&b, err);
    if (ok) {
        sort_items(out->items, out->n, sizeof *out->items, most_first, v);
    } else {
        view_sets_release(out);
    }
    vec_u32_release(&b.members);
    free(b.tallies);
    return ok;
}

void view_sets_release(struct view_sets *s)
{
    free(s->items);
    free(s->nodes);
    *s = (struct view_sets){0};
}

struct view_set view_set_of_all(const struct heap_view *v, heap_node *zero)
{
    *zero = 0;
    return (struct view_set){
        .class_id = VIEW_NO_CLASS,
        .nodes = zero,
        .n = 1,
        .n_members = 1,
        .retained_bytes = heap_retained_bytes(v->f.dominators, 0),
        .retained_objects = heap_retained_objects(v->f.dominators, 0),
    };
}
