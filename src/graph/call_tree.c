/*
 * A node for every path from a root: what a graph merges, a tree keeps apart.
 * Nodes come into being parents first, and one edge leads into each but the
 * roots, so edges are numbered as the nodes they lead to.
 */
#include "graph/graph_private.h"

#include "base/banned.h"

/* With what is counted of each, twice the memory a profile may take. */
enum { TREE_NODES_MAX = 1 << 25 };

struct tree_walk {
    struct graph_build *b;
    struct pair_table index; /* parent and info -> node */
    uint32_t last_root;
};

/* The child of `parent` that is `info`, new when there was none; NODE_NONE:
   out of memory, or the tree is full. */
static uint32_t find_child(struct tree_walk *w, uint32_t parent, uint32_t info)
{
    struct tree_nodes *all = &w->b->tree;
    const uint32_t last =
        parent == NODE_NONE ? w->last_root : all->items[parent].last_child;
    if (last != NODE_NONE && all->items[last].info == info) {
        return last;
    }
    uint32_t id = NODE_NONE;
    if (all->n >= TREE_NODES_MAX ||
        !pair_table_put(&w->index, pair_key(parent, info), (uint32_t)all->n,
                        &id)) {
        return NODE_NONE;
    }
    const struct tree_node fresh = {.info = info,
                                    .parent = parent,
                                    .last_child = NODE_NONE,
                                    .is_inline = true};
    if (id == all->n && !tree_nodes_push(all, fresh)) {
        return NODE_NONE;
    }
    if (parent == NODE_NONE) {
        w->last_root = id;
    } else {
        all->items[parent].last_child = id;
    }
    return id;
}

/* Follows one stack down and counts it; `*leaf` is where it ends. */
static bool walk_stack(struct tree_walk *w, uint32_t sample, int64_t weight,
                       int64_t div, uint32_t *leaf)
{
    const struct profile *p = w->b->p;
    const uint32_t first = p->sample_off[sample];
    uint32_t at = NODE_NONE;
    for (uint32_t i = p->sample_off[sample + 1]; i > first; i--) {
        const struct frame_list f =
            frames_at(&w->b->table.frames, p->sample_locs[i - 1]);
        for (uint32_t k = f.n; k > 0; k--) {
            at = find_child(w, at, f.nodes[k - 1]);
            if (at == NODE_NONE) {
                return false;
            }
            struct tree_node *n = &w->b->tree.items[at];
            n->cum = wrap_add(n->cum, weight);
            n->cum_div = wrap_add(n->cum_div, div);
            n->is_inline = n->is_inline && k != f.n;
        }
    }
    if (at != NODE_NONE) {
        struct tree_node *n = &w->b->tree.items[at];
        n->flat = wrap_add(n->flat, weight);
        n->flat_div = wrap_add(n->flat_div, div);
    }
    *leaf = at;
    return true;
}

static bool walk_samples(struct tree_walk *w)
{
    for (uint32_t s = 0; s < w->b->p->n_samples; s++) {
        int64_t weight = 0;
        int64_t div = 0;
        uint32_t leaf = NODE_NONE;
        if (sample_value(w->b, s, &weight, &div) &&
            !walk_stack(w, s, weight, div, &leaf)) {
            return false;
        }
        if (w->b->tree_leaves) {
            w->b->tree_leaves[s] = leaf;
        }
    }
    return true;
}

static bool copy_values(struct graph_build *b, struct err *err)
{
    b->n_nodes = (uint32_t)b->tree.n;
    if (!alloc_values(b)) {
        return err_nomem(err, "graph: call tree");
    }
    for (uint32_t i = 0; i < b->n_nodes; i++) {
        const struct tree_node *n = &b->tree.items[i];
        b->sums[i].cum = n->cum;
        b->flat[i] = n->flat;
        if (b->o->has_mean) {
            b->cum_div[i] = n->cum_div;
            b->flat_div[i] = n->flat_div;
        }
    }
    return true;
}

/* An edge weighs what the node it leads to does. */
static bool add_edges(struct graph_build *b)
{
    if (!edge_list_reserve(&b->edges, b->n_nodes)) {
        return false;
    }
    for (uint32_t i = 0; i < b->n_nodes; i++) {
        const struct tree_node *n = &b->tree.items[i];
        b->edges.items[b->edges.n++] =
            (struct edge){.weight = n->cum,
                          .weight_div = n->cum_div,
                          .src = n->parent,
                          .dest = i,
                          .is_inline = n->is_inline,
                          .is_removed = n->parent == NODE_NONE};
    }
    return true;
}

bool build_call_tree(struct graph_build *b, struct err *err)
{
    struct tree_walk w = {.b = b, .last_root = NODE_NONE};
    if (b->o->has_tags) {
        b->tree_leaves =
            malloc(((size_t)b->p->n_samples + 1) * sizeof(*b->tree_leaves));
    }
    const bool ok = (b->tree_leaves || !b->o->has_tags) && walk_samples(&w);
    pair_table_release(&w.index);
    if (!ok && b->tree.n >= TREE_NODES_MAX) {
        return err_set(err, ERR_LIMIT,
                       "graph: more than %d nodes in a call tree",
                       TREE_NODES_MAX);
    }
    if (!ok) {
        return err_nomem(err, "graph: call tree");
    }
    if (!copy_values(b, err)) {
        return false;
    }
    return b->o->edges == GRAPH_EDGES_NONE || add_edges(b) ||
           err_nomem(err, "graph: call tree");
}

void trim_call_tree(struct graph_build *b)
{
    for (size_t i = 0; i < b->edges.n; i++) {
        struct edge *e = &b->edges.items[i];
        if (e->is_removed || b->states[e->src] != NODE_REMOVED) {
            continue;
        }
        /* Above comes earlier, so this one ends at a node that stays. */
        const struct edge *above = &b->edges.items[e->src];
        e->is_removed = above->is_removed;
        e->src = above->src;
        e->is_residual = true;
        e->is_inline = e->is_inline && above->is_inline;
    }
    for (size_t i = 0; i < b->edges.n; i++) {
        struct edge *e = &b->edges.items[i];
        e->is_removed = e->is_removed || b->states[e->dest] == NODE_REMOVED;
    }
}
