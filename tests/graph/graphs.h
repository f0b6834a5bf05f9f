/*
 * What the tests of graph/ share: profiles written as stacks, and graphs
 * written back as text to compare.
 */
#ifndef SEEP_TESTS_GRAPH_GRAPHS_H
#define SEEP_TESTS_GRAPH_GRAPHS_H

#include "test.h"

#include "graph/graph.h"

#include <inttypes.h>
#include <stdlib.h>

enum { STACK_DEPTH_MAX = 64 };

/* --- Profiles --- */

/* One location: "outer+inner" has `inner` inlined into `outer`. */
static inline uint32_t add_location(struct profile_builder *b, struct span text)
{
    struct builder_frame frames[STACK_DEPTH_MAX];
    size_t n = 0;
    while (text.len > 0) {
        const size_t plus = span_rfind_char(text, '+');
        const struct span name =
            plus < text.len ? span_from(text, plus + 1) : text;
        frames[n++] = (struct builder_frame){.function = name};
        text = span_first(text, plus < text.len ? plus : 0);
    }
    return profile_builder_location(b, 0, PROFILE_NONE, frames, n);
}

/* "main;work;leaf" from the root, and the values of the sample. */
static inline void add_stack(struct profile_builder *b, const char *stack,
                             const int64_t *values, size_t n_values,
                             const struct profile_label *labels,
                             size_t n_labels)
{
    uint32_t locs[STACK_DEPTH_MAX];
    size_t n = 0;
    struct span text = span_of(stack);
    while (text.len > 0) {
        const size_t cut = span_rfind_char(text, ';');
        locs[n++] =
            add_location(b, cut < text.len ? span_from(text, cut + 1) : text);
        text = span_first(text, cut < text.len ? cut : 0);
    }
    profile_builder_sample(b, locs, n, values, n_values, labels, n_labels);
}

static inline struct profile *finish_profile(struct profile_builder *b)
{
    struct err err = {0};
    struct profile *p = NULL;
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    return p;
}

static inline struct profile_builder *new_builder(void)
{
    struct profile_builder *b = profile_builder_new();
    assert_non_null(b);
    profile_builder_type(b, "count", "count");
    profile_builder_type(b, "space", "bytes");
    return b;
}

/* Stacks with their count and value; the value is column 1. */
struct stack {
    const char *text;
    int64_t count, value;
};

#define PROFILE(...)                                                           \
    profile_of((const struct stack[]){__VA_ARGS__},                            \
               sizeof((const struct stack[]){__VA_ARGS__}) /                   \
                   sizeof(struct stack))

static inline struct profile *profile_of(const struct stack *stacks, size_t n)
{
    struct profile_builder *b = new_builder();
    for (size_t i = 0; i < n; i++) {
        const int64_t values[] = {stacks[i].count, stacks[i].value};
        add_stack(b, stacks[i].text, values, 2, NULL, 0);
    }
    return finish_profile(b);
}

/* --- Graphs --- */

#define EDGES(kind, ...)                                                       \
    ((struct graph_options){.value_column = 1, .edges = (kind), __VA_ARGS__})
#define OPTIONS(...) EDGES(GRAPH_EDGES_ALL, __VA_ARGS__)

static inline struct graph *graph_of(const struct profile *p,
                                     struct graph_options o)
{
    struct err err = {0};
    struct graph *g = NULL;
    assert_ok(graph_new(p, &o, &g, &err), &err);
    assert_non_null(g);
    return g;
}

static inline void write_edge(struct buf *out, const struct graph *g,
                              const struct graph_edge *e)
{
    buf_str(out, "  ");
    graph_name(out, &g->nodes[e->src].info);
    buf_str(out, e->is_residual ? " ... " : " -> ");
    graph_name(out, &g->nodes[e->dest].info);
    buf_printf(out, " %" PRId64 "%s\n", graph_mean(e->weight, e->weight_div),
               e->is_inline ? " inline" : "");
}

/* "name flat cum" for each node shown, its outgoing edges below it. */
static inline void write_graph(struct buf *out, const struct graph *g)
{
    for (uint32_t i = 0; i < g->n_shown; i++) {
        const struct graph_node *n = &g->nodes[g->order[i]];
        graph_name(out, &n->info);
        buf_printf(out, " %" PRId64 " %" PRId64 "\n", graph_flat(n),
                   graph_cum(n));
        for (uint32_t k = 0; k < n->n_out; k++) {
            write_edge(out, g, &g->edges[g->out_edges[n->first_out + k]]);
        }
    }
}

static inline void assert_graph(const struct graph *g, const char *wanted)
{
    struct buf out = BUF_LIMIT((size_t)1 << 20);
    buf_str(&out, "");
    write_graph(&out, g);
    assert_string_equal(out.data, wanted);
    buf_release(&out);
}

/* Builds, compares and frees both. */
static inline void assert_profile_graph(struct profile *p,
                                        struct graph_options o,
                                        const char *wanted)
{
    struct graph *g = graph_of(p, o);
    assert_graph(g, wanted);
    graph_free(g);
    profile_free(p);
}

#endif
