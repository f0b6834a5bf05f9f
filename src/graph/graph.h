/*
 * Front header of graph/: the call graph of one profile, as google/pprof
 * draws it. Built once from columns: values of nodes in one pass over the
 * samples; edges in a second one, among the nodes that stay, and only those
 * that somebody asked for. Nothing is built per frame, no text is made to
 * compare nodes unless their values tie.
 *
 * The rules are pprof's: a frame of a location is a node, told apart by
 * graph_info; cum counts a sample once a node, flat goes to the leaf unless
 * that was trimmed; an edge counts a sample once; frames left out between
 * two nodes make their edge residual.
 */
#ifndef SEEP_GRAPH_GRAPH_H
#define SEEP_GRAPH_GRAPH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "profile/profile.h"

/* What tells two nodes apart. Texts are borrowed from the profile or the
   graph. What the report's granularity blanked is 0 or empty. */
struct graph_info {
    struct span name, file; /* file: cleaned like a path, trimmed */
    struct span objfile;    /* see graph_options.keeps_objfiles */
    uint64_t address;
    int64_t start_line, line, column;
};

struct graph_tag {
    struct span name; /* numeric: the value scaled; else "key:value" joined by
                         a backslash and an n */
    struct span unit; /* numeric tags only */
    int64_t value;    /* numeric tags only */
    int64_t flat, flat_div, cum, cum_div;
    uint32_t label; /* numeric: place + 1 in the node's list of the label tag it
                       belongs to; 0 = of none, UINT32_MAX = of one that was
                       trimmed */
};

struct graph_node {
    struct graph_info info;
    /* Nodes of one function (of one place in a call tree) share it. */
    uint32_t function;
    int64_t flat, flat_div, cum, cum_div; /* raw sums; see graph_mean() */
    /* In out-edges and in-edges of the graph; sorted for printing: heaviest
       first, then names. Indices into graph.out_edges / graph.in_edges. */
    uint32_t first_out, n_out, first_in, n_in;
    /* Into graph.label_tags and graph.numeric_tags; only when has_tags. */
    uint32_t first_label_tag, n_label_tags, first_numeric_tag, n_numeric_tags;
};

struct graph_edge {
    uint32_t src, dest; /* indices into graph.nodes */
    int64_t weight, weight_div;
    bool is_residual, is_inline;
};

enum graph_edges {
    GRAPH_EDGES_NONE,
    GRAPH_EDGES_INLINE, /* only those into nodes that may be inlined: enough
                           for graph_inlining() */
    GRAPH_EDGES_ALL
};

struct graph_options {
    uint32_t value_column;
    bool has_mean;       /* values are divided by column 0 */
    bool keeps_objfiles; /* nodes of two binaries differ (list, callgrind) */
    bool is_call_tree;   /* a node for every path */
    bool drops_negative;
    struct span trim_path, source_path; /* pprof's flags, may be empty */
    enum graph_edges edges;
    bool has_tags; /* collect tags of nodes (dot) */

    /* Only with has_tags: unit of the numeric label "bytes", and the unit its
       values are named in. */
    struct span bytes_unit, output_unit;

    /* Trimming; all zero keeps everything. */
    double node_fraction, edge_fraction; /* of the sum of flat values */
    int64_t node_count;                  /* 0 = all */
    bool sorts_cum;
    bool is_visual; /* dot: chooses nodes by entropy, counts tags as nodes,
                       removes redundant edges */
};

struct graph {
    struct graph_node *nodes;
    uint32_t n_nodes; /* all, trimmed ones too: edges may refer to those */
    uint32_t *order;  /* what is shown, most important first */
    uint32_t n_shown;
    struct graph_edge *edges;       /* in the order of those of a node */
    uint32_t n_edges;               /* those removed are in no node's list */
    uint32_t *out_edges, *in_edges; /* indices into edges, by node */
    struct graph_tag *label_tags, *numeric_tags;

    uint32_t n_before_count; /* nodes before node_count cut: "out of M" */
    uint32_t n_dropped_nodes;
    uint32_t n_dropped_edges; /* only for pictures are all of them counted */
    struct arena arena;       /* texts */
};

bool graph_new(const struct profile *p, const struct graph_options *o,
               struct graph **out, struct err *err) MUST_USE;
void graph_free(struct graph *g);

/* A sum over its divisor, 0 = none. */
static inline int64_t graph_mean(int64_t sum, int64_t div)
{
    return div == 0 || (div == -1 && sum == INT64_MIN) ? sum : sum / div;
}

static inline int64_t graph_flat(const struct graph_node *n)
{
    return graph_mean(n->flat, n->flat_div);
}

static inline int64_t graph_cum(const struct graph_node *n)
{
    return graph_mean(n->cum, n->cum_div);
}

enum graph_inlining { GRAPH_NOT_INLINED, GRAPH_INLINED, GRAPH_PARTLY_INLINED };

/* From the edges into node `i` that are left. Needs GRAPH_EDGES_INLINE. */
enum graph_inlining graph_inlining(const struct graph *g, uint32_t i);

/* "main.work file.go:12": what a report prints of a node. */
void graph_name(struct buf *out, const struct graph_info *info);

/* The nodes of location `location`'s frames without any trimming or merging,
   innermost first: line `k` of it. A location without lines has one frame,
   k = 0. The file is cleaned into `scratch` when it must be. */
struct graph_info graph_frame(const struct profile *p, uint32_t location,
                              uint32_t k, struct buf *scratch);

/* Shorter spelling of a function for pictures: without the Go import path,
   Java package or C++ namespace. Borrowed from `name` or appended to `out`. */
void graph_short_name(struct buf *out, struct span name);

/* pprof's -trim_path and -source_path heuristics: the part of `file` to show.
   Borrowed from `file`. */
struct span graph_trim_path(struct span file, struct span trim_path,
                            struct span source_path);

/* Lexical path.Clean: appends to `out`. "" stays "". */
void graph_clean_path(struct buf *out, struct span path);

#endif
