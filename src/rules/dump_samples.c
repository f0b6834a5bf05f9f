/*
 * Many alike that several roots hold are told by one of them: by one that is
 * held as most are, by weight. The largest of all may be a stray one: among
 * strings an environment variable.
 */
#include "rules/dump_private.h"

#include <stdlib.h>

#include "base/banned.h"

/* Evenly spaced, they stand for all. */
enum { LOOKED_AT = 512 };

struct vote {
    uint32_t group;             /* the shortest path begins there */
    object_id heaviest, holder; /* OBJECT_NONE: the root itself */
    double bytes;
};

struct votes {
    struct vote items[LOOKED_AT];
    size_t n;
};

static void add_vote(struct dump_judge *j, struct votes *v,
                     const struct heap_path *p)
{
    const struct heap_graph *g = j->e->facts->graph;
    const struct heap_dominators *d = j->e->facts->dominators;
    const object_id o = p->steps[p->n - 1].object;
    const double bytes =
        (double)heap_retained_bytes(d, heap_node_of_object(g, o));
    size_t i = 0;
    while (i < v->n && v->items[i].group != p->group) {
        i++;
    }
    if (i == v->n) {
        v->items[v->n++] =
            (struct vote){.group = p->group, .heaviest = OBJECT_NONE};
    }
    struct vote *at = &v->items[i];
    at->bytes += bytes;
    if (at->heaviest.i == OBJECT_NONE.i ||
        bytes > (double)heap_retained_bytes(
                    d, heap_node_of_object(g, at->heaviest))) {
        at->heaviest = o;
        at->holder = p->n > 1 ? p->steps[p->n - 2].object : OBJECT_NONE;
    }
}

static bool ask(struct dump_judge *j, struct votes *v, object_id o,
                struct err *err)
{
    struct heap_path *path = NULL;
    size_t n = 0;
    if (!heap_paths_to(j->paths, o, 1, j->arena, &path, &n, err)) {
        return false;
    }
    if (n > 0 && path[0].n > 0) {
        add_vote(j, v, &path[0]);
    }
    return true;
}

static bool is_member(struct dump_judge *j, const char *class_name, object_id o)
{
    const struct heap_dominators *d = j->e->facts->dominators;
    const heap_node n = heap_node_of_object(j->e->facts->graph, o);
    return heap_is_reachable(d, n) && heap_dominator(d, n) == 0 &&
           heap_view_class(j->e->view, n) == class_name;
}

static bool ask_members(struct dump_judge *j, struct votes *v,
                        const struct view_branch *top, struct err *err)
{
    const uint32_t n_all = heap_n_objects(j->e->facts->graph);
    const char *class_name = heap_view_class(j->e->view, top->sample);
    const uint32_t step = top->n_tops / LOOKED_AT + 1;
    uint32_t n_seen = 0;
    for (uint32_t i = 0; i < n_all; i++) {
        if (is_member(j, class_name, (object_id){i}) && n_seen++ % step == 0 &&
            v->n < LOOKED_AT && !ask(j, v, (object_id){i}, err)) {
            return false;
        }
    }
    return true;
}

bool dump_choose_sample(struct dump_judge *j, struct dump_candidate *c,
                        struct err *err)
{
    const struct dump_row *top = dump_top(c);
    c->holder_array = OBJECT_NONE;
    if (!top->is_object || top->branch->n_tops <= 1) {
        return true;
    }
    struct votes *v = calloc(1, sizeof *v);
    bool ok = v || err_nomem(err, "holders of a heap dump");
    ok = ok && dump_paths_of(j, err) && ask_members(j, v, top->branch, err);
    size_t best = 0;
    for (size_t i = 1; ok && i < v->n; i++) {
        best = v->items[i].bytes > v->items[best].bytes ? i : best;
    }
    if (ok && v->n > 0) {
        c->sample =
            heap_node_of_object(j->e->facts->graph, v->items[best].heaviest);
        c->holder_array = v->items[best].holder;
    }
    free(v);
    return ok;
}
