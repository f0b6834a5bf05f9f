/*
 * -dot: the graph in Graphviz' language. A box for each node, larger type for
 * a larger share of the flat values, redder for a larger share of the whole;
 * small boxes ("nodelets") for the labels of its samples, numbers gathered
 * into few ranges; arrows in the order of their weight, which is a hint to
 * the layout. Colours are computed in the order of operations in which
 * google/pprof does, since what is left is cut, not rounded.
 */
#include "report/pprof_private.h"

#include "base/arena.h"
#include "base/measure.h"
#include "base/sort.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Of one node, and of one label of a node. */
enum { NODELETS_MAX = 4 };

struct dot {
    const struct pprof_options *options;
    const struct graph *graph;
    struct pprof_values values;
    struct buf *out;
    double flat_max;
    uint32_t *numbers;  /* node -> number in the picture, 0 = not in it */
    struct span *names; /* of nodes, escaped */
    bool *has_nodelets; /* by node */
    struct arena arena;
    struct buf scratch;
};

static int64_t multiply_wrapping(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

static void add_value(struct dot *d, int64_t v)
{
    pprof_value(d->out, &d->values, v);
}

static void add_share(struct dot *d, int64_t v)
{
    buf_str(d->out, " (");
    measure_percent_short(d->out, v, d->values.total);
    buf_char(d->out, ')');
}

/* --- Text --- */

/* One character in a quoted string: a line break is one to the left. */
static void add_escaped(struct buf *out, char c)
{
    switch (c) {
    case '\\':
        buf_str(out, "\\\\");
        break;
    case '"':
        buf_str(out, "\\\"");
        break;
    case '\n':
        buf_str(out, "\\l");
        break;
    default:
        buf_char(out, c);
        break;
    }
}

static void escape(struct buf *out, struct span text)
{
    while (text.len > 0) {
        size_t n = 0;
        while (n < text.len && text.p[n] != '\\' && text.p[n] != '"' &&
               text.p[n] != '\n') {
            n++;
        }
        buf_span(out, span_first(text, n));
        if (n < text.len) {
            add_escaped(out, text.p[n++]);
        }
        text = span_from(text, n);
    }
}

/* A function's name with a line for each of its parts; the dots of left out
   type parameters are none. */
static void split_name(struct buf *out, struct span name)
{
    while (name.len > 0) {
        size_t n = 1;
        if (span_starts(name, "::")) {
            n = 2;
            buf_str(out, "\\n");
        } else if (span_starts(name, "[...]")) {
            n = 5;
            buf_str(out, "[\u2026]");
        } else if (name.p[0] == '.') {
            buf_str(out, "\\n");
        } else {
            add_escaped(out, name.p[0]);
        }
        name = span_from(name, n);
    }
}

/* What a box says of where its node is, a line each; see graph_name(). */
static void add_place(struct dot *d, const struct graph_info *info)
{
    struct buf *out = d->out;
    buf_clear(&d->scratch);
    graph_short_name(&d->scratch, info->name);
    out->failed_memory = out->failed_memory || d->scratch.failed_memory;
    const struct span name = buf_view(&d->scratch);
    if (info->address != 0) {
        buf_printf(out, "%016llx\\n", (unsigned long long)info->address);
    }
    if (name.len > 0) {
        split_name(out, name);
        buf_str(out, "\\n");
    }
    if (info->line != 0 || info->file.len > 0) {
        if (info->file.len > 0) {
            buf_span(out, span_base_name(info->file));
        }
        if (info->line != 0) {
            buf_char(out, ':');
            pprof_int(out, info->line);
        }
        if (info->line != 0 && info->column != 0) {
            buf_char(out, ':');
            pprof_int(out, info->column);
        }
        buf_str(out, "\\n");
    } else if (name.len == 0 && info->objfile.len > 0) {
        buf_char(out, '[');
        buf_span(out, span_base_name(info->objfile));
        buf_str(out, "]\\n");
    } else if (name.len == 0) {
        buf_str(out, "<unknown>\\n");
    }
}

/* Names of all nodes: those that are shown may have edges to others. */
static bool name_nodes(struct dot *d, struct err *err)
{
    const struct graph *g = d->graph;
    d->names = arena_new(&d->arena, struct span, (size_t)g->n_nodes + 1);
    d->numbers = arena_new(&d->arena, uint32_t, (size_t)g->n_nodes + 1);
    d->has_nodelets = arena_new(&d->arena, bool, (size_t)g->n_nodes + 1);
    bool ok = d->names && d->numbers && d->has_nodelets;
    struct buf escaped = BUF_LIMIT(d->out->limit_bytes);
    for (uint32_t i = 0; i < g->n_nodes && ok; i++) {
        buf_clear(&d->scratch);
        graph_name(&d->scratch, &g->nodes[i].info);
        buf_clear(&escaped);
        escape(&escaped, buf_view(&d->scratch));
        const char *name = arena_strdup(&d->arena, buf_view(&escaped));
        d->names[i] = (struct span){name, escaped.len};
        ok = name && buf_ok(&d->scratch) && buf_ok(&escaped);
    }
    buf_release(&escaped);
    if (!ok) {
        return err_nomem(err, "dot report");
    }
    for (uint32_t i = 0; i < g->n_shown; i++) {
        d->numbers[g->order[i]] = i + 1;
    }
    return true;
}

/* --- Colours --- */

static unsigned channel(double v)
{
    const double scaled = v * 255.0;
    return scaled >= 0 && scaled < 256 ? (unsigned)scaled : 0;
}

/* Green for -1, grey for 0, red for 1; what is near 0 is moved away from it,
   so that gains and losses are told apart. */
static void add_colour(struct buf *out, double score, bool is_background)
{
    const double value = is_background ? 0.93 : 0.7;
    double saturation = is_background ? 0.1 : 1.0;

    /* Not a number (0 of 0) stays that: its channel is 0. */
    score = score > 1.0 ? 1.0 : score;
    score = score < -1.0 ? -1.0 : score;
    if (fabs(score) < 0.2) {
        saturation *= fabs(score) / 0.2;
    }
    if (score > 0) {
        score = pow(score, 0.3);
    }
    if (score < 0) {
        score = -pow(-score, 0.3);
    }
    double red = value;
    double green = value;
    if (score < 0) {
        red = value * (1 + saturation * score);
    } else {
        green = value * (1 - saturation * score);
    }
    const double blue = value * (1 - saturation);
    buf_printf(out, "#%02x%02x%02x", channel(red), channel(green),
               channel(blue));
}

static double score_of(const struct dot *d, int64_t v)
{
    return (double)v / (double)pprof_absolute(d->values.total);
}

/* --- Nodes --- */

static void add_node_label(struct dot *d, const struct graph_node *n)
{
    const int64_t flat = graph_flat(n);
    const int64_t cum = graph_cum(n);
    add_place(d, &n->info);
    if (flat != 0) {
        add_value(d, flat);
        add_share(d, flat);
    } else {
        buf_char(d->out, '0');
    }
    if (cum != flat) {
        buf_str(d->out, flat != 0 ? "\\nof " : " of ");
        add_value(d, cum);
        add_share(d, cum);
    }
}

/* From 8 to 24 points, by the square root of the share, so that small ones
   differ too. */
static int font_size(const struct dot *d, int64_t flat)
{
    const double v = (double)pprof_absolute(flat);
    if (!(d->flat_max > 0) || flat == 0 || v > d->flat_max) {
        return 8;
    }
    return 8 + (int)ceil(16.0 * sqrt(v / d->flat_max));
}

static void add_node(struct dot *d, uint32_t i)
{
    const struct graph_node *n = &d->graph->nodes[i];
    const unsigned number = d->numbers[i];
    const int64_t cum = graph_cum(n);
    buf_printf(d->out, "N%u [label=\"", number);
    add_node_label(d, n);
    buf_printf(d->out, "\" id=\"node%u\" fontsize=%d shape=box tooltip=\"",
               number, font_size(d, graph_flat(n)));
    buf_span(d->out, d->names[i]);
    buf_str(d->out, " (");
    add_value(d, cum);
    buf_str(d->out, ")\" color=\"");
    add_colour(d->out, score_of(d, cum), false);
    buf_str(d->out, "\" fillcolor=\"");
    add_colour(d->out, score_of(d, cum), true);
    buf_str(d->out, "\"]\n");
}

/* --- Nodelets --- */

/* Order of tags: of inner nodes the flat value counts, of leaves the
   cumulative one, which holds what was cut away below. */
struct tag_order {
    bool is_flat;
};

static int compare_size(int64_t a, int64_t b)
{
    const int64_t size_a = pprof_absolute(a);
    const int64_t size_b = pprof_absolute(b);
    return size_a > size_b ? -1 : size_a < size_b;
}

static int compare_tags(const void *a, const void *b, const void *ctx)
{
    const struct graph_tag *ta = a;
    const struct graph_tag *tb = b;
    const struct tag_order *order = ctx;
    int c = order->is_flat ? 0 : compare_size(ta->cum, tb->cum);
    if (c == 0) {
        c = compare_size(ta->flat, tb->flat);
    }
    if (c == 0) {
        c = span_compare(ta->name, tb->name);
    }
    if (c == 0) {
        c = ta->value < tb->value ? -1 : ta->value > tb->value;
    }
    return c;
}

static int64_t tag_flat(const struct graph_tag *t)
{
    return graph_mean(t->flat, t->flat_div);
}

static int64_t tag_cum(const struct graph_tag *t)
{
    return graph_mean(t->cum, t->cum_div);
}

static double tag_distance(const struct graph_tag *t, const struct graph_tag *u)
{
    const double v = measure_scale(u->value, u->unit, t->unit, NULL);
    const double own = (double)t->value;
    return v < own ? own - v : v - own;
}

/* A range of numeric tags. */
struct tag_group {
    const struct graph_tag *first, *min, *max;
    size_t n;
    int64_t flat, flat_div, cum, cum_div;
};

static void join_group(struct tag_group *g, const struct graph_tag *t)
{
    const double of_min = measure_scale(t->value, t->unit, g->min->unit, NULL);
    const double of_max = measure_scale(t->value, t->unit, g->max->unit, NULL);
    if (measure_truncate(of_min) < g->min->value) {
        g->min = t;
    }
    if (measure_truncate(of_max) > g->max->value) {
        g->max = t;
    }
    g->n++;
    g->flat = pprof_add(g->flat, t->flat);
    g->flat_div = pprof_add(g->flat_div, t->flat_div);
    g->cum = pprof_add(g->cum, t->cum);
    g->cum_div = pprof_add(g->cum_div, t->cum_div);
}

static struct tag_group *nearest_group(struct tag_group *groups,
                                       const struct graph_tag *t)
{
    struct tag_group *nearest = &groups[0];
    double least = tag_distance(t, groups[0].first);
    for (size_t i = 1; i < NODELETS_MAX; i++) {
        const double distance = tag_distance(t, groups[i].first);
        if (distance < least) {
            nearest = &groups[i];
            least = distance;
        }
    }
    return nearest;
}

/* The heaviest tags found a range each, the others join the nearest one. The
   ranges are ordered like tags then. `tags` are sorted, more than
   NODELETS_MAX; the names of `out` are in the arena. */
static bool group_tags(struct dot *d, const struct graph_tag *tags, size_t n,
                       const struct tag_order *order,
                       struct graph_tag out[NODELETS_MAX])
{
    struct tag_group groups[NODELETS_MAX];
    for (size_t i = 0; i < NODELETS_MAX; i++) {
        const struct graph_tag *t = &tags[i];
        groups[i] = (struct tag_group){
            .first = t,
            .min = t,
            .max = t,
            .n = 1,
            .flat = t->flat,
            .flat_div = t->flat_div,
            .cum = t->cum,
            .cum_div = t->cum_div,
        };
    }
    for (size_t i = NODELETS_MAX; i < n; i++) {
        join_group(nearest_group(groups, &tags[i]), &tags[i]);
    }
    for (size_t i = 0; i < NODELETS_MAX; i++) {
        const struct tag_group *g = &groups[i];
        buf_clear(&d->scratch);
        measure_label(&d->scratch, g->min->value, g->min->unit,
                      SPAN_LIT("auto"));
        if (g->n > 1) {
            buf_str(&d->scratch, "..");
            measure_label(&d->scratch, g->max->value, g->max->unit,
                          SPAN_LIT("auto"));
        }
        const char *name = buf_ok(&d->scratch)
                               ? arena_strdup(&d->arena, buf_view(&d->scratch))
                               : NULL;
        if (!name) {
            return false;
        }
        out[i] = (struct graph_tag){
            .name = {name, d->scratch.len},
            .value = (int64_t)i, /* equal names keep their order */
            .flat = graph_mean(g->flat, g->flat_div),
            .cum = graph_mean(g->cum, g->cum_div),
        };
    }
    sort_items(out, NODELETS_MAX, sizeof *out, compare_tags, order);
    return true;
}

/* A box and the arrow to it from `source`, "N1" or "N1_0". */
static void add_nodelet(struct dot *d, const char *source, const char *prefix,
                        size_t i, struct span name, int64_t weight,
                        const char *style)
{
    struct buf *out = d->out;
    buf_printf(out, "%s%s_%zu [label = \"", prefix, source, i);
    buf_span(out, name);
    buf_printf(out, "\" id=\"%s%s_%zu\" fontsize=8 shape=box3d tooltip=\"",
               prefix, source, i);
    add_value(d, weight);
    buf_printf(out, "\"]\n%s -> %s%s_%zu [label=\" ", source, prefix, source,
               i);
    add_value(d, weight);
    buf_str(out, "\" weight=100 tooltip=\"");
    add_value(d, weight);
    buf_str(out, "\" labeltooltip=\"");
    add_value(d, weight);
    buf_printf(out, "\"%s]\n", style);
}

/* Numeric tags: `n` of them, sorted. */
static bool add_numeric(struct dot *d, const struct graph_tag *tags, size_t n,
                        const struct tag_order *order, const char *source)
{
    struct graph_tag groups[NODELETS_MAX];
    if (n > NODELETS_MAX) {
        if (!group_tags(d, tags, n, order, groups)) {
            return false;
        }
        tags = groups;
        n = NODELETS_MAX;
    }
    for (size_t i = 0; i < n; i++) {
        const int64_t flat = tag_flat(&tags[i]);
        const int64_t cum = tag_cum(&tags[i]);
        const bool is_flat = order->is_flat || flat == cum;
        const int64_t weight = is_flat ? flat : cum;
        if (weight != 0) {
            add_nodelet(d, source, "N", i, tags[i].name, weight,
                        is_flat ? "" : " style=\"dotted\"");
        }
    }
    return true;
}

/* Those that belong to label `label`: an index + 1, 0 = to none. */
static bool add_numeric_of(struct dot *d, const struct graph_node *n,
                           uint32_t label, const struct tag_order *order,
                           const char *source)
{
    const struct graph_tag *all = d->graph->numeric_tags + n->first_numeric_tag;
    size_t count = 0;
    for (uint32_t i = 0; i < n->n_numeric_tags; i++) {
        count += all[i].label == label;
    }
    if (count == 0) {
        return true;
    }
    struct graph_tag *own = malloc(count * sizeof *own);
    if (!own) {
        return false;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < n->n_numeric_tags; i++) {
        if (all[i].label == label) {
            own[at++] = all[i];
        }
    }
    sort_items(own, count, sizeof *own, compare_tags, order);
    const bool ok = add_numeric(d, own, count, order, source);
    free(own);
    return ok;
}

static bool add_labels(struct dot *d, const struct graph_node *n,
                       unsigned number, const struct tag_order *order)
{
    const struct graph_tag *all = d->graph->label_tags + n->first_label_tag;
    struct graph_tag *tags =
        malloc(((size_t)n->n_label_tags + 1) * sizeof *tags);
    if (!tags) {
        return false;
    }
    if (n->n_label_tags > 0) {
        memcpy(tags, all, n->n_label_tags * sizeof *tags);
    }
    /* What numeric tags call it, before it moves. */
    for (uint32_t i = 0; i < n->n_label_tags; i++) {
        tags[i].label = i + 1;
    }
    sort_items(tags, n->n_label_tags, sizeof *tags, compare_tags, order);
    bool ok = true;
    for (size_t i = 0; i < n->n_label_tags && i < NODELETS_MAX && ok; i++) {
        const int64_t weight =
            order->is_flat ? tag_flat(&tags[i]) : tag_cum(&tags[i]);
        char source[32];
        if (weight != 0) {
            (void)snprintf(source, sizeof source, "N%u", number);
            add_nodelet(d, source, "", i, tags[i].name, weight, "");
            (void)snprintf(source, sizeof source, "N%u_%zu", number, i);
            ok = add_numeric_of(d, n, tags[i].label, order, source);
        }
    }
    free(tags);
    return ok;
}

/* Whether there were any: `has_any`. */
static bool add_nodelets(struct dot *d, uint32_t i, bool *has_any)
{
    const struct graph_node *n = &d->graph->nodes[i];
    const struct tag_order order = {.is_flat = n->n_out > 0};
    const unsigned number = d->numbers[i];
    const size_t start = d->out->len;
    char source[32];
    (void)snprintf(source, sizeof source, "N%u", number);
    if (!add_labels(d, n, number, &order) ||
        !add_numeric_of(d, n, 0, &order, source)) {
        return false;
    }
    *has_any = d->out->len > start;
    return true;
}

/* --- Edges --- */

/* How many of `steps` the edge's share of the whole is, at most all. */
static int64_t steps_of(const struct dot *d, int64_t weight, int64_t steps)
{
    const int64_t share =
        graph_mean(multiply_wrapping(weight, steps), d->values.total);
    const int64_t size = pprof_absolute(share);
    return size < steps ? size : steps;
}

static void add_edge_tooltip(struct dot *d, const struct graph_edge *e,
                             int64_t weight)
{
    buf_char(d->out, '"');
    buf_span(d->out, d->names[e->src]);
    buf_str(d->out, e->is_residual ? " ... " : " -> ");
    buf_span(d->out, d->names[e->dest]);
    buf_str(d->out, " (");
    add_value(d, weight);
    buf_str(d->out, ")\"");
}

static void add_edge(struct dot *d, const struct graph_edge *e)
{
    struct buf *out = d->out;
    const int64_t weight = graph_mean(e->weight, e->weight_div);
    buf_printf(out, "N%u -> N%u [label=\" ", d->numbers[e->src],
               d->numbers[e->dest]);
    add_value(d, weight);
    buf_str(out, e->is_inline ? "\\n (inline)\"" : "\"");
    if (d->values.total != 0) {
        const int64_t percents = steps_of(d, weight, 100);
        const int64_t width = steps_of(d, weight, 5);
        if (percents > 0) {
            buf_str(out, " weight=");
            pprof_int(out, percents + 1);
        }
        if (width > 0) {
            buf_str(out, " penwidth=");
            pprof_int(out, width + 1);
        }
        buf_str(out, " color=\"");
        add_colour(out, score_of(d, weight), false);
        buf_char(out, '"');
    }
    buf_str(out, " tooltip=");
    add_edge_tooltip(d, e, weight);
    buf_str(out, " labeltooltip=");
    add_edge_tooltip(d, e, weight);
    buf_str(out, e->is_residual ? " style=\"dotted\"" : "");
    buf_str(out, d->has_nodelets[e->src] ? " minlen=2]\n" : "]\n");
}

/* Those of shown nodes: others may lead to them. The graph has all of them in
   order. */
static bool add_edges(struct dot *d, struct err *err)
{
    const struct graph *g = d->graph;
    bool *is_shown = calloc((size_t)g->n_edges + 1, sizeof *is_shown);
    if (!is_shown) {
        return err_nomem(err, "dot report");
    }
    for (uint32_t i = 0; i < g->n_shown; i++) {
        const struct graph_node *n = &g->nodes[g->order[i]];
        for (uint32_t k = 0; k < n->n_out; k++) {
            is_shown[g->out_edges[n->first_out + k]] = true;
        }
    }
    for (uint32_t i = 0; i < g->n_edges && buf_ok(d->out); i++) {
        if (is_shown[i]) {
            add_edge(d, &g->edges[i]);
        }
    }
    free(is_shown);
    return true;
}

/* --- The picture --- */

/* A box with the lines above the report; named after the first. */
static bool add_legend(struct dot *d, const struct profile *p, struct err *err)
{
    const struct pprof_options *o = d->options;
    struct buf labels = BUF_LIMIT(d->out->limit_bytes);
    const size_t first_bytes =
        pprof_report_labels(&labels, p, o, &d->values, d->graph, true);
    buf_str(d->out, "subgraph cluster_L { \"");
    escape(d->out, span_first(buf_view(&labels), first_bytes));
    buf_str(d->out, "\" [shape=box fontsize=16 label=\"");
    escape(d->out, buf_view(&labels));
    buf_char(d->out, '"');
    if (o->title.len > 0) {
        buf_str(d->out, " tooltip=\"");
        buf_span(d->out, o->title);
        buf_char(d->out, '"');
    }
    buf_str(d->out, "] }\n");
    const bool ok = buf_check(&labels, "dot report", err);
    buf_release(&labels);
    return ok;
}

static void find_flat_max(struct dot *d)
{
    const struct graph *g = d->graph;
    for (uint32_t i = 0; i < g->n_shown; i++) {
        const int64_t flat = graph_flat(&g->nodes[g->order[i]]);
        const double size = (double)pprof_absolute(flat);
        d->flat_max = size > d->flat_max ? size : d->flat_max;
    }
}

static bool add_nodes(struct dot *d, struct err *err)
{
    const struct graph *g = d->graph;
    for (uint32_t i = 0; i < g->n_shown && buf_ok(d->out); i++) {
        const uint32_t node = g->order[i];
        add_node(d, node);
        if (!add_nodelets(d, node, &d->has_nodelets[node])) {
            return err_nomem(err, "dot report");
        }
    }
    return true;
}

static bool compose(struct dot *d, const struct profile *p, struct err *err)
{
    const struct span title = d->options->title;
    buf_str(d->out, "digraph \"");
    buf_span(d->out, title.len > 0 ? title : SPAN_LIT("unnamed"));
    buf_str(d->out, "\" {\nnode [style=filled fillcolor=\"#f8f8f8\"]\n");
    pprof_select_unit(&d->values, d->graph, false);
    if (!add_legend(d, p, err)) {
        return false;
    }
    find_flat_max(d);
    if (d->graph->n_shown > 0 &&
        !(name_nodes(d, err) && add_nodes(d, err) && add_edges(d, err))) {
        return false;
    }
    buf_str(d->out, "}\n");
    return buf_check(d->out, "dot report", err);
}

static bool print(struct profile *p, const struct pprof_options *o,
                  struct buf *out, struct err *err)
{
    struct graph_options options = pprof_graph_options(p, o);
    options.edges = GRAPH_EDGES_ALL;
    options.is_call_tree = o->is_call_tree;
    options.is_visual = true;
    options.has_tags = true;
    struct graph *g = NULL;
    if (!graph_new(p, &options, &g, err)) {
        return false;
    }
    struct dot d = {
        .options = o,
        .graph = g,
        .values = pprof_values_of(o),
        .out = out,
        .scratch = BUF_LIMIT(out->limit_bytes),
    };
    const bool ok = compose(&d, p, err);
    buf_release(&d.scratch);
    arena_release(&d.arena);
    graph_free(g);
    return ok;
}

const struct pprof_report pprof_report_dot = {
    .name = "dot",
    .summary = "the graph in Graphviz' language",
    .print = print,
};
