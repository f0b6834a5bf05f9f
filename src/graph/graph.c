/*
 * The order of steps by which a graph comes about. It is the peer's, because
 * what is cut first decides what is left to cut; but where the peer builds
 * the whole graph again after each cut, only the edges are: no value of a
 * node depends on which others stay.
 */
#include "graph/graph_private.h"

#include "base/measure.h"

#include "base/banned.h"

/* A picture shows so many tags a node. */
enum { TAGS_COUNTED_MAX = 4 };

static bool is_negative(int64_t flat, int64_t cum)
{
    return flat < 0 || (flat == 0 && cum < 0);
}

bool choose_nodes(struct graph_build *b)
{
    free(b->states);
    free(b->order);
    b->states = calloc((size_t)b->n_nodes + 1, sizeof(*b->states));
    b->order = calloc((size_t)b->n_nodes + 1, sizeof(*b->order));
    b->n_order = 0;
    if (!b->states || !b->order) {
        return false;
    }
    for (uint32_t i = 0; i < b->n_nodes; i++) {
        const int64_t flat = b->flat[i];
        const int64_t cum = b->sums[i].cum;
        if ((flat != 0 || cum != 0) &&
            !(b->o->drops_negative && is_negative(flat, cum))) {
            b->states[i] = NODE_SHOWN;
            b->order[b->n_order++] = i;
        }
    }
    return true;
}

/* The cuts that follow from the sum of what is shown. */
static void set_cutoffs(struct graph_build *b)
{
    int64_t total = 0;
    for (uint32_t i = 0; i < b->n_order; i++) {
        total = wrap_add(total, b->flat[b->order[i]]);
    }
    b->node_cutoff =
        wrap_abs(measure_truncate((double)total * b->o->node_fraction));
    b->edge_cutoff =
        wrap_abs(measure_truncate((double)total * b->o->edge_fraction));
}

/* Only the first `n` of the order stay, if that is fewer. The peer builds a
   graph anew then, of these alone; a call tree it mends. */
static bool keep_first(struct graph_build *b, uint32_t n, struct err *err)
{
    if (n == b->n_order) {
        return true;
    }
    for (uint32_t i = n; i < b->n_order; i++) {
        b->states[b->order[i]] = NODE_REMOVED;
    }
    b->n_order = n;
    if (b->o->is_call_tree) {
        trim_call_tree(b);
        return true;
    }
    for (uint32_t i = 0; i < b->n_nodes; i++) {
        if (b->states[i] == NODE_GHOST) {
            b->states[i] = NODE_REMOVED;
        }
    }
    return !paths_move(b) || build_retrimmed(b, err);
}

static bool cut_light_nodes(struct graph_build *b, struct err *err)
{
    if (b->node_cutoff <= 0) {
        return true;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n_order; i++) {
        const uint32_t node = b->order[i];
        if (wrap_abs(b->sums[node].cum) >= b->node_cutoff) {
            b->order[i] = b->order[n];
            b->order[n++] = node;
        }
    }
    b->g->n_dropped_nodes = b->n_order - n;
    return keep_first(b, n, err);
}

/* How many nodes node_count lets stay. A picture has room for tags as well,
   a few a node: the count ends where both together reach it. */
static bool count_kept(const struct graph_build *b, uint32_t *n,
                       struct err *err)
{
    const int64_t most = b->o->node_count;
    *n = most < (int64_t)b->n_order ? (uint32_t)most : b->n_order;
    if (!b->o->is_visual) {
        return true;
    }
    uint32_t *counts = calloc((size_t)b->n_nodes + 1, sizeof(*counts));
    if (!counts) {
        return err_nomem(err, "graph");
    }
    count_tags(b, counts);
    int64_t taken = 0;
    for (uint32_t i = 0; i < b->n_order; i++) {
        const uint32_t n_tags = counts[b->order[i]];
        taken += n_tags < TAGS_COUNTED_MAX ? n_tags + 1 : TAGS_COUNTED_MAX + 1;
        if (taken >= most) {
            *n = i + 1;
            break;
        }
    }
    free(counts);
    return true;
}

/* Edges of a graph; a call tree has had them from the beginning. */
static bool make_edges(struct graph_build *b, struct err *err)
{
    return b->o->is_call_tree || build_edges(b, b->o->edges, err);
}

/* What is made of the nodes there are: ranks of names, tags, order. */
static bool dress_nodes(struct graph_build *b, struct err *err)
{
    if (b->o->edges == GRAPH_EDGES_ALL && !rank_names(b, err)) {
        return false;
    }
    if (b->o->has_tags) {
        if (!build_tags(b, err)) {
            return false;
        }
        trim_tags(b);
    }
    /* Scores of a picture's nodes are made from edges. */
    return (!b->o->is_visual || make_edges(b, err)) && sort_nodes(b, err);
}

/* Only `n` are left, in another order perhaps. */
static bool dress_again(struct graph_build *b, unsigned n_trims,
                        struct err *err)
{
    if (n_trims != b->n_trims) {
        return dress_nodes(b, err);
    }
    if (!b->o->is_visual) {
        return true;
    }
    if (b->o->is_call_tree) {
        return sort_nodes_again(b, err);
    }
    return make_edges(b, err) && sort_nodes(b, err);
}

/* Down to node_count. `*is_same`: there were no more. */
static bool select_nodes(struct graph_build *b, bool *is_same, struct err *err)
{
    const unsigned n_trims = b->n_trims;
    uint32_t n = b->n_order;
    *is_same = true;
    if (b->o->node_count > 0) {
        trim_edges(b);
        if (!count_kept(b, &n, err)) {
            return false;
        }
        *is_same = n == b->n_order;
        if (!keep_first(b, n, err)) {
            return false;
        }
    }
    if (!*is_same && !dress_again(b, n_trims, err)) {
        return false;
    }
    return b->o->is_visual || make_edges(b, err);
}

/* The nodes there are, light ones cut, in order. */
static bool find_nodes(struct graph_build *b, struct err *err)
{
    b->n_trims = 1;
    if (!node_table_build(&b->table, b->p, b->o, b->n_trims, &b->g->arena,
                          err)) {
        return false;
    }
    const bool has_values =
        b->o->is_call_tree ? build_call_tree(b, err) : build_values(b, err);
    if (!has_values) {
        return false;
    }
    if (!choose_nodes(b)) {
        return err_nomem(err, "graph");
    }
    set_cutoffs(b);
    if (!cut_light_nodes(b, err)) {
        return false;
    }
    b->g->n_before_count = b->n_order;
    return dress_nodes(b, err);
}

static bool build_graph(struct graph_build *b, struct err *err)
{
    bool is_same = true;
    if (!find_nodes(b, err) || !select_nodes(b, &is_same, err)) {
        return false;
    }
    const uint32_t n_dropped = trim_edges(b);
    /* What was dropped before the selection does not count. */
    const bool is_counted = b->o->node_count <= 0 || !is_same;
    b->g->n_dropped_edges = is_counted ? n_dropped : 0;
    return finish_graph(b, err);
}

static void graph_build_release(struct graph_build *b)
{
    node_table_release(&b->table);
    tree_nodes_release(&b->tree);
    edge_list_release(&b->edges);
    node_tags_release(&b->tags);
    free(b->tree_leaves);
    release_values(b);
    free(b->states);
    free(b->name_ranks);
    free(b->order);
}

bool graph_new(const struct profile *p, const struct graph_options *o,
               struct graph **out, struct err *err)
{
    struct graph *g = calloc(1, sizeof(*g));
    if (!g) {
        return err_nomem(err, "graph");
    }
    struct graph_build b = {.p = p, .o = o, .g = g};
    const bool ok = build_graph(&b, err);
    graph_build_release(&b);
    if (!ok) {
        graph_free(g);
        return false;
    }
    *out = g;
    return true;
}

void graph_free(struct graph *g)
{
    if (g) {
        arena_release(&g->arena);
        free(g);
    }
}

/* --- Questions --- */

enum graph_inlining graph_inlining(const struct graph *g, uint32_t i)
{
    const struct graph_node *n = &g->nodes[i];
    uint32_t n_inline = 0;
    for (uint32_t k = 0; k < n->n_in; k++) {
        n_inline += g->edges[g->in_edges[n->first_in + k]].is_inline;
    }
    if (n_inline == 0) {
        return GRAPH_NOT_INLINED;
    }
    return n_inline == n->n_in ? GRAPH_INLINED : GRAPH_PARTLY_INLINED;
}

struct graph_info graph_frame(const struct profile *p, uint32_t location,
                              uint32_t k, struct buf *scratch)
{
    const struct profile_location *l = &p->locations[location];
    struct graph_info info = {.name = SPAN_LIT(""),
                              .file = SPAN_LIT(""),
                              .objfile = SPAN_LIT(""),
                              .address = l->address};
    const struct profile_line *line =
        k < l->n_lines ? &p->lines[l->first_line + k] : NULL;
    if (line && line->function != PROFILE_NONE) {
        const struct profile_function *f = &p->functions[line->function];
        info.name = profile_span(p, f->name);
        info.file = profile_span(p, f->file);
        info.line = line->line;
        info.column = line->column;
        info.start_line = info.name.len == 0 ? f->start_line : 0;
    }
    if (info.name.len == 0 && l->mapping != PROFILE_NONE) {
        info.objfile = profile_span(p, p->mappings[l->mapping].file);
    }
    if (!path_is_clean(info.file)) {
        buf_clear(scratch);
        graph_clean_path(scratch, info.file);
        info.file = buf_ok(scratch) ? buf_view(scratch) : info.file;
    }
    return info;
}
