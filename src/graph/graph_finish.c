/*
 * What is left of the graph under construction, copied out: the nodes shown
 * in their order, behind them those that edges still lead to; edges sorted
 * once, all together, from which every node's lists come sorted for free.
 */
#include "graph/graph_private.h"

#include "base/sort.h"

#include "base/banned.h"

struct finish {
    struct graph_build *b;
    uint32_t *place; /* node -> index in the graph + 1 */
    struct pair_table functions, tree_functions;
};

/* --- Edges --- */

struct sorted_edge {
    int64_t weight; /* absolute */
    uint32_t src_rank, dest_rank;
    uint32_t edge;
};

static int compare_u32(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare_edges(const void *left, const void *right, const void *ctx)
{
    (void)ctx;
    const struct sorted_edge *l = left;
    const struct sorted_edge *r = right;
    if (l->weight != r->weight) {
        return l->weight > r->weight ? -1 : 1;
    }
    int order = compare_u32(l->src_rank, r->src_rank);
    if (order == 0) {
        order = compare_u32(l->dest_rank, r->dest_rank);
    }
    return order != 0 ? order : compare_u32(l->edge, r->edge);
}

static uint32_t rank_of(const struct graph_build *b, uint32_t node)
{
    return b->name_ranks ? b->name_ranks[build_key(b, node)] : 0;
}

static struct sorted_edge *sort_edges(const struct graph_build *b, uint32_t *n)
{
    struct sorted_edge *all = malloc((b->edges.n + 1) * sizeof(*all));
    *n = 0;
    for (uint32_t i = 0; all && i < b->edges.n; i++) {
        const struct edge *e = &b->edges.items[i];
        if (!e->is_removed) {
            all[(*n)++] =
                (struct sorted_edge){wrap_abs(e->weight), rank_of(b, e->src),
                                     rank_of(b, e->dest), i};
        }
    }
    if (all && b->name_ranks) {
        sort_items(all, *n, sizeof(*all), compare_edges, NULL);
    }
    return all;
}

/* --- Nodes --- */

/* The id that nodes of one function share: all that tells nodes apart but
   the place in the function. */
static bool find_function(struct finish *f, uint32_t node, uint32_t *function)
{
    const struct graph_build *b = f->b;
    const bool is_tree = b->o->is_call_tree;
    const struct node_key *key = &b->table.keys.items[build_key(b, node)];
    const uint32_t next = f->functions.n + f->tree_functions.n;
    if (key->address == 0 && key->line == 0 && key->column != 0) {
        /* The peer takes a node without line for its own function. */
        return pair_table_put(&f->functions, pair_key(UINT32_MAX - 1, node),
                              next, function);
    }
    if (!pair_table_put(&f->functions, pair_key(key->text, key->objfile), next,
                        function)) {
        return false;
    }
    if (!is_tree) {
        return true;
    }
    return pair_table_put(&f->tree_functions,
                          pair_key(b->tree.items[node].parent, *function),
                          f->functions.n + f->tree_functions.n, function);
}

static bool copy_node(struct finish *f, uint32_t node)
{
    const struct graph_build *b = f->b;
    struct graph *g = b->g;
    struct graph_node *n = &g->nodes[g->n_nodes];
    *n = (struct graph_node){
        .info = build_info(b, node),
        .flat = b->flat[node],
        .cum = b->sums[node].cum,
        .flat_div = b->flat_div ? b->flat_div[node] : 0,
        .cum_div = b->cum_div ? b->cum_div[node] : 0,
    };
    f->place[node] = ++g->n_nodes;
    return find_function(f, node, &n->function);
}

static bool copy_nodes(struct finish *f, const struct sorted_edge *edges,
                       uint32_t n_edges)
{
    const struct graph_build *b = f->b;
    struct graph *g = b->g;
    uint32_t n_ghosts = 0;
    for (uint32_t i = 0; i < n_edges; i++) {
        const struct edge *e = &b->edges.items[edges[i].edge];
        n_ghosts += b->states[e->src] != NODE_SHOWN;
        n_ghosts += b->states[e->dest] != NODE_SHOWN;
    }
    const size_t n_most = (size_t)b->n_order + n_ghosts;
    g->nodes = arena_new(&g->arena, struct graph_node, n_most);
    g->order = arena_new(&g->arena, uint32_t, b->n_order);
    if (!g->nodes || !g->order) {
        return false;
    }
    for (uint32_t i = 0; i < b->n_order; i++) {
        g->order[i] = i;
        if (!copy_node(f, b->order[i])) {
            return false;
        }
    }
    g->n_shown = b->n_order;
    for (uint32_t i = 0; i < n_edges; i++) {
        const struct edge *e = &b->edges.items[edges[i].edge];
        if ((f->place[e->src] == 0 && !copy_node(f, e->src)) ||
            (f->place[e->dest] == 0 && !copy_node(f, e->dest))) {
            return false;
        }
    }
    return true;
}

/* --- Lists of edges --- */

void list_edges(struct graph *g)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        g->nodes[i].n_out = 0;
        g->nodes[i].n_in = 0;
    }
    for (uint32_t i = 0; i < g->n_edges; i++) {
        g->nodes[g->edges[i].src].n_out++;
        g->nodes[g->edges[i].dest].n_in++;
    }
    uint32_t out = 0;
    uint32_t in = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        struct graph_node *n = &g->nodes[i];
        n->first_out = out;
        n->first_in = in;
        out += n->n_out;
        in += n->n_in;
        n->n_out = 0;
        n->n_in = 0;
    }
    for (uint32_t i = 0; i < g->n_edges; i++) {
        struct graph_node *src = &g->nodes[g->edges[i].src];
        struct graph_node *dest = &g->nodes[g->edges[i].dest];
        g->out_edges[src->first_out + src->n_out++] = i;
        g->in_edges[dest->first_in + dest->n_in++] = i;
    }
}

static bool copy_edges(struct finish *f, const struct sorted_edge *sorted,
                       uint32_t n)
{
    struct graph *g = f->b->g;
    g->edges = arena_new(&g->arena, struct graph_edge, n);
    g->out_edges = arena_new(&g->arena, uint32_t, n);
    g->in_edges = arena_new(&g->arena, uint32_t, n);
    if (!g->edges || !g->out_edges || !g->in_edges) {
        return false;
    }
    g->n_edges = n;
    for (uint32_t i = 0; i < n; i++) {
        const struct edge *e = &f->b->edges.items[sorted[i].edge];
        g->edges[i] = (struct graph_edge){
            f->place[e->src] - 1, f->place[e->dest] - 1, e->weight,
            e->weight_div,        e->is_residual,        e->is_inline};
    }
    list_edges(g);
    return true;
}

bool finish_graph(struct graph_build *b, struct err *err)
{
    uint32_t n_edges = 0;
    struct finish f = {.b = b};
    f.place = calloc((size_t)b->n_nodes + 1, sizeof(*f.place));
    struct sorted_edge *edges = sort_edges(b, &n_edges);
    const bool ok = f.place && edges && copy_nodes(&f, edges, n_edges) &&
                    copy_edges(&f, edges, n_edges) &&
                    (!b->o->has_tags || copy_tags(b, f.place)) &&
                    (!b->o->is_visual || remove_redundant_edges(b->g));
    free(f.place);
    free(edges);
    pair_table_release(&f.functions);
    pair_table_release(&f.tree_functions);
    return ok || err_nomem(err, "graph");
}
