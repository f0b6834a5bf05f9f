/*
 * -tree: every node between those that call it and those it calls. -peek is
 * the same for the nodes whose name matches.
 */
#include "report/pprof_private.h"

#include "base/banned.h"

/* One report. */
struct tree {
    struct buf *out;
    const struct graph *g;
    struct pprof_values v;
    int64_t flat_sum;
    struct buf name; /* of the node at hand */
};

static void print_separator(struct buf *out)
{
    enum { LEFT = 58, RIGHT = 13 };
    buf_repeat(out, '-', LEFT);
    buf_char(out, '+');
    buf_repeat(out, '-', RIGHT);
    buf_char(out, '\n');
}

/* The edge as a share of the node's `cum`, with the node `other` at its other
   end. */
static void print_edge(struct tree *t, const struct graph_edge *e, int64_t cum,
                       uint32_t other)
{
    enum { EDGE_WIDTH = 50 };
    pprof_value_right(t->out, &t->v, e->weight, EDGE_WIDTH);
    buf_char(t->out, ' ');
    measure_percent(t->out, e->weight, cum);
    buf_str(t->out, " |   ");
    graph_name(t->out, &t->g->nodes[other].info);
    buf_str(t->out, e->is_inline ? " (inline)\n" : "\n");
}

static void print_self(struct tree *t, int64_t flat, int64_t cum)
{
    struct buf *out = t->out;
    pprof_value_right(out, &t->v, flat, PPROF_VALUE_WIDTH);
    buf_char(out, ' ');
    measure_percent(out, flat, t->v.total);
    buf_char(out, ' ');
    measure_percent(out, t->flat_sum, t->v.total);
    buf_char(out, ' ');
    pprof_value_right(out, &t->v, cum, PPROF_VALUE_WIDTH);
    buf_char(out, ' ');
    measure_percent(out, cum, t->v.total);
    buf_str(out, "                | ");
    buf_span(out, buf_view(&t->name));
    buf_char(out, '\n');
}

static void print_node(struct tree *t, const struct graph_node *n)
{
    const struct graph *g = t->g;
    const int64_t flat = graph_flat(n);
    const int64_t cum = graph_cum(n);
    print_separator(t->out);
    for (uint32_t i = 0; i < n->n_in; i++) {
        const struct graph_edge *e = &g->edges[g->in_edges[n->first_in + i]];
        print_edge(t, e, cum, e->src);
    }
    t->flat_sum = pprof_add(t->flat_sum, flat);
    print_self(t, flat, cum);
    for (uint32_t i = 0; i < n->n_out; i++) {
        const struct graph_edge *e = &g->edges[g->out_edges[n->first_out + i]];
        print_edge(t, e, cum, e->dest);
    }
}

/* All nodes, or those that match `symbol`; `*n_matched` of them. */
static bool print_nodes(struct tree *t, struct regex *symbol,
                        uint32_t *n_matched, struct err *err)
{
    for (uint32_t i = 0; i < t->g->n_shown; i++) {
        const struct graph_node *n = &t->g->nodes[t->g->order[i]];
        bool is_wanted = true;
        buf_clear(&t->name);
        graph_name(&t->name, &n->info);
        if (!buf_check(&t->name, "name of a node", err) ||
            (symbol != NULL &&
             !regex_match(symbol, buf_view(&t->name), &is_wanted, err))) {
            return false;
        }
        if (is_wanted) {
            print_node(t, n);
            (*n_matched)++;
        }
    }
    return true;
}

static bool print_tree(struct tree *t, const struct profile *p,
                       const struct pprof_options *o, struct err *err)
{
    pprof_select_unit(&t->v, t->g, false);
    (void)pprof_report_labels(t->out, p, o, &t->v, t->g, false);
    print_separator(t->out);
    buf_str(t->out, "      flat  flat%   sum%        cum   cum%"
                    "   calls calls% + context \t \t \n");
    uint32_t n_matched = 0;
    if (!print_nodes(t, o->symbol, &n_matched, err)) {
        return false;
    }
    if (t->g->n_shown > 0) {
        print_separator(t->out);
    }
    if (o->symbol != NULL && n_matched == 0) {
        return err_set(err, ERR_USAGE, "no matches found for regexp: %.*s",
                       (int)span_first(o->symbol_text, ERR_TEXT_MAX).len,
                       o->symbol_text.p);
    }
    return buf_check(t->out, "tree report", err);
}

bool pprof_print_tree(struct profile *p, const struct pprof_options *o,
                      struct buf *out, struct err *err)
{
    struct graph *g;
    struct graph_options options = pprof_graph_options(p, o);
    options.edges = GRAPH_EDGES_ALL;
    if (!graph_new(p, &options, &g, err)) {
        return false;
    }
    struct tree t = {.out = out,
                     .g = g,
                     .v = pprof_values_of(o),
                     .name = BUF_LIMIT(out->limit_bytes)};
    const bool ok = print_tree(&t, p, o, err);
    buf_release(&t.name);
    graph_free(g);
    return ok;
}

const struct pprof_report pprof_report_tree = {
    .name = "tree",
    .summary = "functions with their callers and callees",
    .print = pprof_print_tree,
};
