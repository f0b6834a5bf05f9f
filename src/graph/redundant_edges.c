/*
 * Takes residual edges out of a picture whose ends are connected without
 * them. Nodes and edges are tried from the least important on, as the peer
 * does, because each removal decides about those after it.
 */
#include "graph/graph_private.h"

#include "base/banned.h"

struct search {
    struct graph *g;
    bool *is_removed; /* by edge */
    uint32_t *marks;  /* by node: the search that saw it last */
    uint32_t mark;
    uint32_t *queue;
};

/* Does a path other than edge `without` lead from its source to its
   destination? */
static bool is_redundant(struct search *s, uint32_t without)
{
    const struct graph *g = s->g;
    const struct graph_edge *edge = &g->edges[without];
    uint32_t n = 0;
    s->mark++;
    s->queue[n++] = edge->dest;
    s->marks[edge->dest] = s->mark;
    for (uint32_t i = 0; i < n; i++) {
        const struct graph_node *node = &g->nodes[s->queue[i]];
        for (uint32_t k = 0; k < node->n_in; k++) {
            const uint32_t in = g->in_edges[node->first_in + k];
            const uint32_t src = g->edges[in].src;
            if (in == without || s->is_removed[in] ||
                s->marks[src] == s->mark) {
                continue;
            }
            if (src == edge->src) {
                return true;
            }
            s->marks[src] = s->mark;
            s->queue[n++] = src;
        }
    }
    return false;
}

static bool remove_into(struct search *s, const struct graph_node *node)
{
    bool has_any = false;
    for (uint32_t k = node->n_in; k > 0; k--) {
        const uint32_t in = s->g->in_edges[node->first_in + k - 1];
        if (!s->g->edges[in].is_residual) {
            /* What weighs more than an edge that is real stays. */
            break;
        }
        s->is_removed[in] = is_redundant(s, in);
        has_any = has_any || s->is_removed[in];
    }
    return has_any;
}

static void remove_edges(struct search *s)
{
    struct graph *g = s->g;
    bool has_any = false;
    for (uint32_t i = g->n_shown; i > 0; i--) {
        has_any = remove_into(s, &g->nodes[g->order[i - 1]]) || has_any;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_edges; i++) {
        if (!s->is_removed[i]) {
            g->edges[n++] = g->edges[i];
        }
    }
    if (has_any) {
        g->n_edges = n;
        list_edges(g);
    }
}

bool remove_redundant_edges(struct graph *g)
{
    const size_t n_nodes = (size_t)g->n_nodes + 1;
    struct search s = {
        .g = g,
        .is_removed = calloc((size_t)g->n_edges + 1, sizeof(bool)),
        .marks = calloc(n_nodes, sizeof(uint32_t)),
        .queue = malloc(n_nodes * sizeof(uint32_t)),
    };
    const bool ok = s.is_removed && s.marks && s.queue;
    if (ok) {
        remove_edges(&s);
    }
    free(s.is_removed);
    free(s.marks);
    free(s.queue);
    return ok;
}
