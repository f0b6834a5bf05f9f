/* -text: a line a node, heaviest first. */
#include "report/pprof_private.h"

#include "base/banned.h"

static void print_node(struct buf *out, const struct graph *g, uint32_t i,
                       const struct pprof_values *v, int64_t flat_sum)
{
    static const char *const inlining[] = {
        [GRAPH_NOT_INLINED] = "",
        [GRAPH_INLINED] = " (inline)",
        [GRAPH_PARTLY_INLINED] = " (partial-inline)",
    };
    const struct graph_node *n = &g->nodes[i];
    const int64_t flat = graph_flat(n);
    const int64_t cum = graph_cum(n);
    pprof_value_right(out, v, flat, PPROF_VALUE_WIDTH);
    buf_char(out, ' ');
    measure_percent(out, flat, v->total);
    buf_char(out, ' ');
    measure_percent(out, flat_sum, v->total);
    buf_char(out, ' ');
    pprof_value_right(out, v, cum, PPROF_VALUE_WIDTH);
    buf_char(out, ' ');
    measure_percent(out, cum, v->total);
    buf_str(out, "  ");
    graph_name(out, &n->info);
    buf_str(out, inlining[graph_inlining(g, i)]);
    buf_char(out, '\n');
}

bool pprof_print_text(struct profile *p, const struct pprof_options *o,
                      struct buf *out, struct err *err)
{
    struct graph *g;
    struct graph_options options = pprof_graph_options(p, o);
    options.edges = GRAPH_EDGES_INLINE;
    if (!graph_new(p, &options, &g, err)) {
        return false;
    }
    struct pprof_values v = pprof_values_of(o);
    pprof_select_unit(&v, g, false);
    (void)pprof_report_labels(out, p, o, &v, g, false);
    buf_str(out, "      flat  flat%   sum%        cum   cum%\n");
    int64_t flat_sum = 0;
    for (uint32_t i = 0; i < g->n_shown; i++) {
        const uint32_t node = g->order[i];
        flat_sum = pprof_add(flat_sum, graph_flat(&g->nodes[node]));
        print_node(out, g, node, &v, flat_sum);
    }
    graph_free(g);
    return buf_check(out, "text report", err);
}

const struct pprof_report pprof_report_text = {
    .name = "text",
    .summary = "functions by weight, a line each",
    .print = pprof_print_text,
};
