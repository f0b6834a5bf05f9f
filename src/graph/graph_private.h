/*
 * What the files of graph/ share: a graph under construction. Nodes have
 * numbers of their own here, in order of first sight; only what is left at
 * the end is copied out, the most important node first.
 *
 * Sums wrap as Go's do.
 */
#ifndef SEEP_GRAPH_GRAPH_PRIVATE_H
#define SEEP_GRAPH_GRAPH_PRIVATE_H

#include "base/intern.h"
#include "base/vec.h"
#include "graph/graph.h"

#define NODE_NONE UINT32_MAX

static inline int64_t wrap_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* The smallest number stays negative. */
static inline int64_t wrap_abs(int64_t v)
{
    return v < 0 ? (int64_t)(0 - (uint64_t)v) : v;
}

/* --- A hash of pairs (pair_table.c) --- */

struct pair_slot {
    uint64_t key;
    uint32_t id; /* + 1; 0 = free */
};

/* u64 -> u32. Zero is a valid, empty table. */
struct pair_table {
    struct pair_slot *slots;
    uint32_t n_slots, n;
    uint64_t seed;
};

static inline uint64_t pair_key(uint32_t a, uint32_t b)
{
    return (uint64_t)a << 32 | b;
}

static inline uint32_t pair_hash(uint64_t key, uint64_t seed)
{
    uint64_t x = (key ^ seed) * UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(x >> 32);
}

/* Where a table lies differs from run to run, so that no input knows what
   collides; results do not depend on it. */
static inline uint64_t pair_seed(const void *slots)
{
    return (uint64_t)(uintptr_t)slots * UINT64_C(0xd1342543de82ef95);
}

/* Where `key` is, or the free slot it would take. The table has slots. */
static inline struct pair_slot *pair_table_slot(const struct pair_table *t,
                                                uint64_t key)
{
    const uint32_t mask = t->n_slots - 1;
    uint32_t i = pair_hash(key, t->seed) & mask;
    while (t->slots[i].id != 0 && t->slots[i].key != key) {
        i = (i + 1) & mask;
    }
    return &t->slots[i];
}

/* Adds key -> id unless present; `*found` gets the id that holds now. False:
   out of memory. */
bool pair_table_put(struct pair_table *t, uint64_t key, uint32_t id,
                    uint32_t *found) MUST_USE;

/* Gives a key that is there another id. */
void pair_table_set(struct pair_table *t, uint64_t key, uint32_t id);
void pair_table_release(struct pair_table *t);

/* --- Which node a frame is (node_table.c) --- */

/* Texts of a function, by content. */
struct node_text {
    struct span name, file;
    int64_t start_line;
    uint64_t hash;
};
VEC_TYPE(node_texts, struct node_text)

struct node_key {
    uint32_t text, objfile; /* indices into node_table */
    uint64_t address;
    int64_t line, column;
};
VEC_TYPE(node_keys, struct node_key)

struct line_range {
    uint32_t first, n; /* in frame_table.nodes */
};

/* In a code: the location has several frames, the rest is a range. */
#define FRAMES_SEVERAL (UINT32_C(1) << 31)

/* Nodes of a location's frames, innermost first. */
struct frame_table {
    uint32_t *codes; /* by location: its node, or FRAMES_SEVERAL */
    struct line_range *ranges;
    uint32_t n_ranges;
    uint32_t *nodes;
    uint32_t n_nodes;
};

struct frame_list {
    const uint32_t *nodes;
    uint32_t n;
};

static inline struct frame_list frames_at(const struct frame_table *t,
                                          uint32_t location)
{
    const uint32_t *code = &t->codes[location];
    if ((*code & FRAMES_SEVERAL) == 0) {
        return (struct frame_list){code, 1};
    }
    const struct line_range *r = &t->ranges[*code & ~FRAMES_SEVERAL];
    return (struct frame_list){t->nodes + r->first, r->n};
}

struct node_table {
    struct node_keys keys; /* by node */
    struct node_texts texts;
    struct span *objfiles;
    struct frame_table frames;
};

/* Paths are trimmed `n_trims` times. Cleaned ones go into `arena`, other texts
   stay the profile's. */
bool node_table_build(struct node_table *t, const struct profile *p,
                      const struct graph_options *o, unsigned n_trims,
                      struct arena *arena, struct err *err) MUST_USE;
void node_table_release(struct node_table *t);
struct graph_info node_table_info(const struct node_table *t, uint32_t node);

/* --- Names (node_names.c) --- */

/* By what graph_name() prints. */
int node_name_compare(const struct graph_info *a, const struct graph_info *b);

/* By how Go prints the whole structure. */
int node_text_compare(const struct graph_info *a, const struct graph_info *b);

/* Would graph_clean_path() leave it as it is? (trim_path.c) */
bool path_is_clean(struct span path);

/* --- The graph under construction --- */

enum node_state {
    NODE_GHOST, /* not shown, yet edges may lead through: all its values are 0,
                   or it was dropped as negative */
    NODE_SHOWN,
    NODE_REMOVED
};

struct node_sum {
    int64_t cum;
    uint32_t mark; /* sample + 1 that was counted last */
};

struct edge {
    int64_t weight, weight_div;
    uint32_t src, dest;
    uint32_t mark; /* sample + 1 that was counted last */
    bool is_residual, is_inline, is_removed;
};
VEC_TYPE(edge_list, struct edge)

/* A node of a call tree. */
struct tree_node {
    int64_t flat, cum, flat_div, cum_div;
    uint32_t info;   /* node of the node table */
    uint32_t parent; /* NODE_NONE = a root */
    uint32_t last_child;
    bool is_inline; /* in all samples */
};
VEC_TYPE(tree_nodes, struct tree_node)

/* What is counted of one tag of one node. */
struct tag {
    int64_t value, flat, flat_div, cum, cum_div;
    uint32_t node;
    uint32_t text;  /* in node_tags.texts */
    uint32_t label; /* of numeric tags: the label tag + 1, 0 = of none */
    bool is_removed;
};
VEC_TYPE(tag_list, struct tag)

struct node_tags {
    struct intern texts; /* 0 is "", no labels */
    struct tag_list labels, numeric;
};

struct graph_build {
    const struct profile *p;
    const struct graph_options *o;
    struct graph *g;
    struct node_table table;
    unsigned n_trims;       /* of the paths in the table */
    struct tree_nodes tree; /* only of a call tree */
    uint32_t *tree_leaves;  /* by sample; with tags only */

    /* By node: of the table, or of the call tree. */
    uint32_t n_nodes;
    struct node_sum *sums;
    int64_t *flat;
    int64_t *cum_div, *flat_div; /* NULL without a mean */
    bool has_negative;           /* a sample has such a value */
    uint64_t *range_weights;     /* by range of the table's frames: what the
                                    samples through it weigh, at most */
    struct vec_u32 several;      /* where in sample_locs a location of several
                                    frames weighs something, upwards; only with
                                    negative values and GRAPH_EDGES_INLINE */
    uint8_t *states;             /* enum node_state */
    uint32_t *name_ranks;        /* by node of the table: equal for equal
                                    names; or NULL */

    uint32_t *order; /* those shown */
    uint32_t n_order;
    struct edge_list edges;
    struct node_tags tags;
    int64_t node_cutoff, edge_cutoff;
};

/* The node of the table. */
static inline uint32_t build_key(const struct graph_build *b, uint32_t node)
{
    return b->o->is_call_tree ? b->tree.items[node].info : node;
}

static inline struct graph_info build_info(const struct graph_build *b,
                                           uint32_t node)
{
    return node_table_info(&b->table, build_key(b, node));
}

/* The value of a sample and what it is divided by; false when it says
   nothing. */
static inline bool sample_value(const struct graph_build *b, uint32_t sample,
                                int64_t *w, int64_t *div)
{
    const int64_t *v = b->p->values + (size_t)sample * b->p->n_types;
    *w = v[b->o->value_column];
    *div = b->o->has_mean ? v[0] : 0;
    return *w != 0 || *div != 0;
}

/* Would paths change when they are trimmed once more? (retrim.c) */
bool paths_move(const struct graph_build *b);

/* Trims them, and builds the graph again of the nodes that are shown as they
   were called before. */
bool build_retrimmed(struct graph_build *b, struct err *err) MUST_USE;

/* Those with a value that is wanted are shown. False when memory is out. */
bool choose_nodes(struct graph_build *b) MUST_USE;

/* Zeroed sums of n_nodes nodes; false when memory is out (node_values.c). */
bool alloc_values(struct graph_build *b) MUST_USE;
void release_values(struct graph_build *b);

/* Nodes and their values: those of the table, or those of a call tree with
   the edges among them (call_tree.c). */
bool build_values(struct graph_build *b, struct err *err) MUST_USE;
bool build_call_tree(struct graph_build *b, struct err *err) MUST_USE;

/* Leads the edges of a call tree around the nodes that were removed. */
void trim_call_tree(struct graph_build *b);

/* Edges among the nodes that are not removed; those of before are forgotten
   (edges.c). */
bool build_edges(struct graph_build *b, enum graph_edges wanted,
                 struct err *err) MUST_USE;

/* Removes light edges into nodes that are shown; how many. */
uint32_t trim_edges(struct graph_build *b);

/* Tags of the nodes that are shown (node_tags.c). */
bool build_tags(struct graph_build *b, struct err *err) MUST_USE;
void trim_tags(struct graph_build *b);
void node_tags_release(struct node_tags *t);

/* Adds to each node's count the tags of it that have a flat value. */
void count_tags(const struct graph_build *b, uint32_t *counts);

/* Copies the tags that are left into the graph; `place` is the index + 1 of
   each node there, 0 = not there. False when memory is out. */
bool copy_tags(struct graph_build *b, const uint32_t *place) MUST_USE;

/* By node; false when memory is out (node_score.c). */
bool score_nodes(const struct graph_build *b, int64_t *scores) MUST_USE;

/* Orders what is shown (node_order.c). */
bool sort_nodes(struct graph_build *b, struct err *err) MUST_USE;

/* The same for a call tree that was in order and lost nodes since: what the
   peer leaves undecided lies as in its own sorting. */
bool sort_nodes_again(struct graph_build *b, struct err *err) MUST_USE;

/* Sorts as Go does, ties too (tie_sort.c). */
typedef bool tie_less_fn(uint32_t a, uint32_t b, const void *ctx);
void tie_sort(uint32_t *items, size_t n, tie_less_fn *less, const void *ctx);

/* Fills name_ranks, for those not removed. */
bool rank_names(struct graph_build *b, struct err *err) MUST_USE;

/* Copies what is left into the graph (graph_finish.c). */
bool finish_graph(struct graph_build *b, struct err *err) MUST_USE;

/* Fills the lists of every node, in the order of the edges. */
void list_edges(struct graph *g);

/* Removes edges whose ends are connected without them; false when memory is
   out (redundant_edges.c). */
bool remove_redundant_edges(struct graph *g) MUST_USE;

#endif
