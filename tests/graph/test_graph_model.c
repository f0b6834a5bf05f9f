/*
 * Random profiles through every combination of options, against a model that
 * does what google/pprof says it does in the plainest way: linear searches,
 * text for names, and a graph built again from the samples after each cut.
 */
#include "graphs.h"

#include "base/measure.h"

#include <math.h>
#include <stdio.h>

enum {
    NODES_MAX = 512,
    EDGES_MAX = 2048,
    TAGS_MAX = 4096,
    NAME_BYTES = 96,
    N_ROUNDS = 1500,
};

struct model_node {
    struct graph_info info;
    char name[NAME_BYTES], text[NAME_BYTES];
    int64_t flat, flat_div, cum, cum_div;
    int64_t score;
    int parent;
    bool is_shown, is_kept;
};

struct model_edge {
    int src, dest;
    int64_t weight, weight_div;
    bool is_residual, is_inline, is_removed;
};

struct model_tag {
    int node;
    char labels[NAME_BYTES], name[NAME_BYTES]; /* name: of numeric ones */
    int64_t value, flat, cum;
    bool is_numeric, is_removed;
};

struct model {
    const struct profile *p;
    const struct graph_options *o;
    struct model_node nodes[NODES_MAX];
    int n_nodes;
    struct model_edge edges[EDGES_MAX];
    int n_edges;
    struct model_tag tags[TAGS_MAX];
    int n_tags;
    int order[NODES_MAX];
    int n_order;
    struct graph_info kept[NODES_MAX];
    int n_kept; /* -1 = all */
    uint32_t n_before_count, n_dropped_nodes, n_dropped_edges;
    struct buf paths[NODES_MAX]; /* what infos borrow */
    int n_paths;
};

/* Both wrap, as Go's do: a score may be the least number there is. */
static int64_t absolute(int64_t v)
{
    return v < 0 ? (int64_t)(0 - (uint64_t)v) : v;
}

static int64_t sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* --- Nodes --- */

static bool is_same_info(const struct graph_info *a, const struct graph_info *b)
{
    return span_eq(a->name, b->name) && span_eq(a->file, b->file) &&
           span_eq(a->objfile, b->objfile) && a->address == b->address &&
           a->start_line == b->start_line && a->line == b->line &&
           a->column == b->column;
}

static struct graph_info frame_info(struct model *m, uint32_t location,
                                    uint32_t k)
{
    struct buf *path = &m->paths[m->n_paths];
    *path = BUF_LIMIT(4096);
    const struct graph_info info = graph_frame(m->p, location, k, path);
    if (path->len > 0) {
        m->n_paths++;
        assert_true(m->n_paths < NODES_MAX);
    }
    return info;
}

static bool is_kept(const struct model *m, const struct graph_info *info)
{
    for (int i = 0; i < m->n_kept; i++) {
        if (is_same_info(&m->kept[i], info)) {
            return true;
        }
    }
    return m->n_kept < 0;
}

static int add_model_node(struct model *m, struct graph_info info, int parent)
{
    assert_true(m->n_nodes < NODES_MAX);
    struct model_node *n = &m->nodes[m->n_nodes];
    *n = (struct model_node){.info = info, .parent = parent};
    struct buf name = BUF_LIMIT(4096);
    graph_name(&name, &info);
    (void)snprintf(n->name, NAME_BYTES, "%s", name.data);
    buf_release(&name);
    (void)snprintf(n->text, NAME_BYTES,
                   "{%.*s  %" PRIu64 " %.*s %" PRId64 " %" PRId64 " %" PRId64
                   " %.*s}",
                   (int)info.name.len, info.name.p, info.address,
                   (int)info.file.len, info.file.p, info.start_line, info.line,
                   info.column, (int)info.objfile.len, info.objfile.p);
    return m->n_nodes++;
}

/* -1: not kept. In a tree `parent` tells nodes apart, too. */
static int find_node(struct model *m, struct graph_info info, int parent)
{
    if (!is_kept(m, &info)) {
        return -1;
    }
    for (int i = 0; i < m->n_nodes; i++) {
        if (is_same_info(&m->nodes[i].info, &info) &&
            m->nodes[i].parent == parent) {
            return i;
        }
    }
    return add_model_node(m, info, parent);
}

/* --- Tags --- */

static int compare_strings(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void join_labels(const struct model *m, uint32_t s, char out[NAME_BYTES])
{
    char parts[8][16];
    size_t n = 0;
    for (uint32_t i = m->p->label_off[s]; i < m->p->label_off[s + 1]; i++) {
        const struct profile_label *l = &m->p->labels[i];
        const char *key = profile_text(m->p, l->key);
        if (!l->is_num && strcmp(key, "pprof::base") != 0) {
            assert_true(n < 8);
            (void)snprintf(parts[n++], sizeof(parts[0]), "%s:%s", key,
                           profile_text(m->p, l->str));
        }
    }
    qsort(parts, n, sizeof(parts[0]), compare_strings);
    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const size_t len = strlen(out);
        (void)snprintf(out + len, NAME_BYTES - len, "%s%s", i > 0 ? "\\n" : "",
                       parts[i]);
    }
}

static void add_to_tag(struct model *m, struct model_tag wanted, int64_t w,
                       bool is_flat)
{
    int i = 0;
    while (i < m->n_tags && (m->tags[i].node != wanted.node ||
                             m->tags[i].is_numeric != wanted.is_numeric ||
                             strcmp(m->tags[i].labels, wanted.labels) != 0 ||
                             strcmp(m->tags[i].name, wanted.name) != 0)) {
        i++;
    }
    if (i == m->n_tags) {
        assert_true(m->n_tags < TAGS_MAX);
        m->tags[m->n_tags++] = wanted;
    }
    *(is_flat ? &m->tags[i].flat : &m->tags[i].cum) += w;
}

static void add_sample(struct model *m, int node, uint32_t s, int64_t w,
                       int64_t div, bool is_flat)
{
    struct model_node *n = &m->nodes[node];
    *(is_flat ? &n->flat : &n->cum) += w;
    *(is_flat ? &n->flat_div : &n->cum_div) += div;
    if (!m->o->has_tags || !m->p->label_off) {
        return;
    }
    struct model_tag tag = {.node = node};
    join_labels(m, s, tag.labels);
    if (tag.labels[0] != '\0') {
        add_to_tag(m, tag, w, is_flat);
    }
    tag.is_numeric = true;
    for (uint32_t i = m->p->label_off[s]; i < m->p->label_off[s + 1]; i++) {
        const struct profile_label *l = &m->p->labels[i];
        if (l->is_num && strcmp(profile_text(m->p, l->key), "bytes") == 0) {
            struct buf name = BUF_LIMIT(4096);
            measure_label(&name, l->num, m->o->bytes_unit, m->o->output_unit);
            (void)snprintf(tag.name, NAME_BYTES, "%s", name.data);
            buf_release(&name);
            tag.value = l->num;
            add_to_tag(m, tag, w, is_flat);
        }
    }
}

/* --- Building --- */

static struct model_edge *find_edge(struct model *m, int src, int dest)
{
    for (int i = 0; i < m->n_edges; i++) {
        if (m->edges[i].src == src && m->edges[i].dest == dest) {
            return &m->edges[i];
        }
    }
    assert_true(m->n_edges < EDGES_MAX);
    m->edges[m->n_edges] =
        (struct model_edge){.src = src, .dest = dest, .is_inline = true};
    return &m->edges[m->n_edges++];
}

/* What one sample has counted so far. */
struct seen {
    int nodes[64], srcs[64], dests[64];
    int n_nodes, n_edges;
};

static bool see_node(struct seen *s, int node)
{
    for (int i = 0; i < s->n_nodes; i++) {
        if (s->nodes[i] == node) {
            return false;
        }
    }
    s->nodes[s->n_nodes++] = node;
    return true;
}

static bool see_edge(struct seen *s, int src, int dest)
{
    for (int i = 0; i < s->n_edges; i++) {
        if (s->srcs[i] == src && s->dests[i] == dest) {
            return false;
        }
    }
    s->srcs[s->n_edges] = src;
    s->dests[s->n_edges++] = dest;
    return true;
}

static void walk_sample(struct model *m, uint32_t s, int64_t w, int64_t div)
{
    const struct profile *p = m->p;
    const bool is_tree = m->o->is_call_tree;
    struct seen seen = {.n_nodes = 0};
    int parent = -1;
    bool is_residual = false;
    for (uint32_t i = p->sample_off[s + 1]; i > p->sample_off[s]; i--) {
        const uint32_t location = p->sample_locs[i - 1];
        const uint32_t n_lines = p->locations[location].n_lines;
        const uint32_t n = n_lines > 0 ? n_lines : 1;
        for (uint32_t k = n; k > 0; k--) {
            const int node = find_node(m, frame_info(m, location, k - 1),
                                       is_tree ? parent : -1);
            if (node < 0) {
                is_residual = true;
                continue;
            }
            if (see_node(&seen, node)) {
                add_sample(m, node, s, w, div, false);
            }
            if (parent >= 0 && node != parent &&
                see_edge(&seen, parent, node)) {
                struct model_edge *e = find_edge(m, parent, node);
                e->weight += w;
                e->weight_div += div;
                e->is_residual = e->is_residual || is_residual;
                e->is_inline = e->is_inline && k != n;
            }
            parent = node;
            is_residual = false;
        }
    }
    if (parent >= 0 && !is_residual) {
        add_sample(m, parent, s, w, div, true);
    }
}

static void select_nodes(struct model *m)
{
    m->n_order = 0;
    for (int i = 0; i < m->n_nodes; i++) {
        struct model_node *n = &m->nodes[i];
        const bool is_negative = n->flat < 0 || (n->flat == 0 && n->cum < 0);
        n->is_shown = (n->flat != 0 || n->cum != 0) &&
                      !(m->o->drops_negative && is_negative);
        if (n->is_shown) {
            m->order[m->n_order++] = i;
        }
    }
}

static void build_model(struct model *m)
{
    m->n_nodes = 0;
    m->n_edges = 0;
    m->n_tags = 0;
    /* The order in which nodes are made breaks ties that the peer does not;
       in a graph it is that of the locations. */
    for (uint32_t l = 0; !m->o->is_call_tree && l < m->p->n_locations; l++) {
        const uint32_t n = m->p->locations[l].n_lines;
        for (uint32_t k = 0; k < (n > 0 ? n : 1); k++) {
            (void)find_node(m, frame_info(m, l, k), -1);
        }
    }
    for (uint32_t s = 0; s < m->p->n_samples; s++) {
        const int64_t *v = m->p->values + (size_t)s * m->p->n_types;
        const int64_t w = v[m->o->value_column];
        const int64_t div = m->o->has_mean ? v[0] : 0;
        if (w != 0 || div != 0) {
            walk_sample(m, s, w, div);
        }
    }
    select_nodes(m);
}

/* --- Order --- */

static double entropy(const struct model *m, int node, bool is_in, int64_t self)
{
    int64_t total = self;
    double result = 0;
    for (int i = 0; i < m->n_edges; i++) {
        const struct model_edge *e = &m->edges[i];
        if (!e->is_removed && (is_in ? e->dest : e->src) == node &&
            e->weight > 0) {
            total += e->weight;
        }
    }
    if (total == 0) {
        return 0;
    }
    for (int i = 0; i < m->n_edges; i++) {
        const struct model_edge *e = &m->edges[i];
        if (!e->is_removed && (is_in ? e->dest : e->src) == node) {
            const double share = (double)absolute(e->weight) / (double)total;
            result += -share * log2(share);
        }
    }
    if (self > 0) {
        const double share = (double)self / (double)total;
        result += -share * log2(share);
    }
    return result;
}

static bool has_edges(const struct model *m, int node, bool is_in)
{
    for (int i = 0; i < m->n_edges; i++) {
        const struct model_edge *e = &m->edges[i];
        if (!e->is_removed && (is_in ? e->dest : e->src) == node) {
            return true;
        }
    }
    return false;
}

static void score_nodes(struct model *m)
{
    for (int i = 0; i < m->n_nodes; i++) {
        struct model_node *n = &m->nodes[i];
        n->score = m->o->sorts_cum ? n->cum : n->flat;
        if (m->o->is_visual) {
            double score = has_edges(m, i, true) ? entropy(m, i, true, 0) : 1;
            score += has_edges(m, i, false) ? entropy(m, i, false, n->flat) : 1;
            n->score = sum(measure_truncate(score * (double)n->cum), n->flat);
        }
    }
}

static bool is_before(const struct model *m, int a, int b)
{
    const struct model_node *l = &m->nodes[a];
    const struct model_node *r = &m->nodes[b];
    if (absolute(l->score) != absolute(r->score)) {
        return absolute(l->score) > absolute(r->score);
    }
    int order = strcmp(l->name, r->name);
    if (order != 0) {
        return order < 0;
    }
    const bool is_flat = !m->o->sorts_cum && !m->o->is_visual;
    const int64_t x = absolute(is_flat ? l->cum : l->flat);
    const int64_t y = absolute(is_flat ? r->cum : r->flat);
    if (x != y) {
        return x > y;
    }
    order = strcmp(l->text, r->text);
    return order != 0 ? order < 0 : a < b;
}

static void sort_model(struct model *m)
{
    score_nodes(m);
    for (int i = 1; i < m->n_order; i++) {
        const int node = m->order[i];
        int at = i;
        for (; at > 0 && is_before(m, node, m->order[at - 1]); at--) {
            m->order[at] = m->order[at - 1];
        }
        m->order[at] = node;
    }
}

static bool is_edge_before(const struct model *m, const struct model_edge *a,
                           const struct model_edge *b)
{
    if (absolute(a->weight) != absolute(b->weight)) {
        return absolute(a->weight) > absolute(b->weight);
    }
    int order = strcmp(m->nodes[a->src].name, m->nodes[b->src].name);
    if (order == 0) {
        order = strcmp(m->nodes[a->dest].name, m->nodes[b->dest].name);
    }
    return order != 0 ? order < 0 : a < b;
}

/* The edges of a node, in order; how many. */
static int list_model_edges(const struct model *m, int node, bool is_in,
                            const struct model_edge *out[EDGES_MAX])
{
    int n = 0;
    for (int i = 0; i < m->n_edges; i++) {
        const struct model_edge *e = &m->edges[i];
        if (e->is_removed || (is_in ? e->dest : e->src) != node) {
            continue;
        }
        int at = n++;
        for (; at > 0 && is_edge_before(m, e, out[at - 1]); at--) {
            out[at] = out[at - 1];
        }
        out[at] = e;
    }
    return n;
}

/* --- Trimming --- */

static struct model_edge *edge_into(struct model *m, int node)
{
    for (int i = 0; i < m->n_edges; i++) {
        if (!m->edges[i].is_removed && m->edges[i].dest == node) {
            return &m->edges[i];
        }
    }
    return NULL;
}

static void remove_from_tree(struct model *m, int node)
{
    struct model_edge *above = edge_into(m, node);
    for (int i = 0; i < m->n_edges; i++) {
        struct model_edge *e = &m->edges[i];
        if (e->is_removed || e->src != node) {
            continue;
        }
        if (!above) {
            e->is_removed = true;
            continue;
        }
        e->src = above->src;
        e->is_residual = true;
        e->is_inline = e->is_inline && above->is_inline;
    }
    if (above) {
        above->is_removed = true;
    }
    m->nodes[node].is_shown = false;
}

/* Keeps the nodes that are marked. */
static void keep(struct model *m)
{
    int n = 0;
    m->n_kept = 0;
    for (int i = 0; i < m->n_order; i++) {
        const int node = m->order[i];
        if (!m->nodes[node].is_kept) {
            continue;
        }
        m->kept[m->n_kept++] = m->nodes[node].info;
        m->order[n++] = node;
    }
    if (!m->o->is_call_tree) {
        build_model(m);
        return;
    }
    /* From the last to the first: any order must do. */
    for (int i = m->n_nodes - 1; i >= 0; i--) {
        if (m->nodes[i].is_shown && !m->nodes[i].is_kept) {
            remove_from_tree(m, i);
        }
    }
    m->n_order = n;
    m->n_kept = -1;
}

static void trim_model_tags(struct model *m, int64_t cutoff)
{
    for (int i = 0; i < m->n_tags; i++) {
        struct model_tag *t = &m->tags[i];
        t->is_removed = t->is_removed || (absolute(t->flat) < cutoff &&
                                          absolute(t->cum) < cutoff);
    }
}

static uint32_t trim_model_edges(struct model *m, int64_t cutoff)
{
    uint32_t n = 0;
    for (int i = 0; i < m->n_edges; i++) {
        struct model_edge *e = &m->edges[i];
        if (!e->is_removed && m->nodes[e->dest].is_shown &&
            absolute(e->weight) < cutoff) {
            e->is_removed = true;
            n++;
        }
    }
    return n;
}

static int count_model_tags(const struct model *m, int node)
{
    int n = 0;
    for (int i = 0; i < m->n_tags; i++) {
        const struct model_tag *t = &m->tags[i];
        n += t->node == node && !t->is_removed && t->flat != 0;
    }
    return n < 4 ? n : 4;
}

static int count_selected(const struct model *m)
{
    int64_t most = m->o->node_count;
    int64_t count = 0;
    for (int i = 0; m->o->is_visual && i < m->n_order; i++) {
        count += count_model_tags(m, m->order[i]) + 1;
        if (count >= most) {
            most = i + 1;
            break;
        }
    }
    return most < m->n_order ? (int)most : m->n_order;
}

static bool is_connected(const struct model *m,
                         const struct model_edge *without, int node, bool *seen)
{
    bool is_growing = true;
    memset(seen, 0, NODES_MAX * sizeof(*seen));
    seen[node] = true;
    while (is_growing) {
        is_growing = false;
        for (int i = 0; i < m->n_edges; i++) {
            const struct model_edge *e = &m->edges[i];
            if (e != without && !e->is_removed && seen[e->dest] &&
                !seen[e->src]) {
                seen[e->src] = true;
                is_growing = true;
            }
        }
    }
    return seen[without->src];
}

static void remove_redundant(struct model *m)
{
    static const struct model_edge *in[EDGES_MAX];
    static bool seen[NODES_MAX];
    for (int i = m->n_order; i > 0; i--) {
        const int node = m->order[i - 1];
        const int n = list_model_edges(m, node, true, in);
        for (int k = n; k > 0 && in[k - 1]->is_residual; k--) {
            if (is_connected(m, in[k - 1], node, seen)) {
                m->edges[in[k - 1] - m->edges].is_removed = true;
            }
        }
    }
}

static void cut_light_nodes(struct model *m, int64_t cutoff)
{
    int n = 0;
    for (int i = 0; i < m->n_order; i++) {
        struct model_node *node = &m->nodes[m->order[i]];
        node->is_kept = absolute(node->cum) >= cutoff;
        n += node->is_kept;
    }
    if (cutoff > 0 && n != m->n_order) {
        m->n_dropped_nodes = (uint32_t)(m->n_order - n);
        keep(m);
    }
}

static void run_model(struct model *m)
{
    m->n_kept = -1;
    build_model(m);
    int64_t total = 0;
    for (int i = 0; i < m->n_order; i++) {
        total += m->nodes[m->order[i]].flat;
    }
    const int64_t node_cutoff =
        absolute((int64_t)((double)total * m->o->node_fraction));
    const int64_t edge_cutoff =
        absolute((int64_t)((double)total * m->o->edge_fraction));
    cut_light_nodes(m, node_cutoff);
    m->n_before_count = (uint32_t)m->n_order;
    sort_model(m);
    if (m->o->node_count > 0) {
        trim_model_tags(m, node_cutoff);
        (void)trim_model_edges(m, edge_cutoff);
        const int n = count_selected(m);
        if (n < m->n_order) {
            for (int i = 0; i < m->n_order; i++) {
                m->nodes[m->order[i]].is_kept = i < n;
            }
            keep(m);
            sort_model(m);
        }
    }
    trim_model_tags(m, node_cutoff);
    m->n_dropped_edges = trim_model_edges(m, edge_cutoff);
    if (m->o->is_visual) {
        remove_redundant(m);
    }
}

/* --- Comparing --- */

static void assert_same_edges(const struct model *m, int node,
                              const struct graph *g, uint32_t i, bool is_in)
{
    static const struct model_edge *wanted[EDGES_MAX];
    const int n = list_model_edges(m, node, is_in, wanted);
    const struct graph_node *got = &g->nodes[i];
    assert_int_equal(is_in ? got->n_in : got->n_out, n);
    for (int k = 0; k < n; k++) {
        const struct graph_edge *e =
            is_in ? &g->edges[g->in_edges[got->first_in + (uint32_t)k]]
                  : &g->edges[g->out_edges[got->first_out + (uint32_t)k]];
        const struct model_node *src = &m->nodes[wanted[k]->src];
        const struct model_node *dest = &m->nodes[wanted[k]->dest];
        assert_true(is_same_info(&g->nodes[e->src].info, &src->info));
        assert_true(is_same_info(&g->nodes[e->dest].info, &dest->info));
        assert_int_equal(e->weight, wanted[k]->weight);
        assert_int_equal(e->weight_div, wanted[k]->weight_div);
        assert_int_equal(e->is_residual, wanted[k]->is_residual);
        assert_int_equal(e->is_inline, wanted[k]->is_inline);
    }
}

static const struct graph_tag *find_tag(const struct graph *g,
                                        const struct graph_node *n,
                                        const struct model_tag *wanted,
                                        bool has_label)
{
    const struct graph_tag *labels = g->label_tags + n->first_label_tag;
    for (uint32_t i = 0; !wanted->is_numeric && i < n->n_label_tags; i++) {
        if (span_is(labels[i].name, wanted->labels)) {
            return &labels[i];
        }
    }
    for (uint32_t i = 0; wanted->is_numeric && i < n->n_numeric_tags; i++) {
        const struct graph_tag *t = &g->numeric_tags[n->first_numeric_tag + i];
        const bool is_of_label =
            t->label == 0 ? wanted->labels[0] == '\0'
            : has_label   ? t->label <= n->n_label_tags &&
                              span_is(labels[t->label - 1].name, wanted->labels)
                        : t->label == UINT32_MAX;
        if (span_is(t->name, wanted->name) && is_of_label) {
            return t;
        }
    }
    return NULL;
}

static bool has_label_left(const struct model *m, const struct model_tag *of)
{
    for (int i = 0; i < m->n_tags; i++) {
        const struct model_tag *t = &m->tags[i];
        if (!t->is_numeric && !t->is_removed && t->node == of->node &&
            strcmp(t->labels, of->labels) == 0) {
            return true;
        }
    }
    return false;
}

static void assert_same_tags(const struct model *m, int node,
                             const struct graph *g, uint32_t i)
{
    const struct graph_node *got = &g->nodes[i];
    uint32_t n = 0;
    for (int k = 0; k < m->n_tags; k++) {
        const struct model_tag *t = &m->tags[k];
        if (t->is_removed || t->node != node) {
            continue;
        }
        const bool has_label = t->is_numeric && has_label_left(m, t);
        const struct graph_tag *tag = find_tag(g, got, t, has_label);
        assert_non_null(tag);
        n++;
        /* Of two label sets that were trimmed nobody asks which. */
        if (tag->label != UINT32_MAX) {
            assert_int_equal(tag->flat, t->flat);
            assert_int_equal(tag->cum, t->cum);
            assert_int_equal(tag->value, t->value);
        }
    }
    assert_int_equal(got->n_label_tags + got->n_numeric_tags, n);
}

static void assert_same_graph(const struct model *m, const struct graph *g)
{
    assert_int_equal(g->n_before_count, m->n_before_count);
    assert_int_equal(g->n_dropped_nodes, m->n_dropped_nodes);
    if (m->o->is_visual) {
        assert_int_equal(g->n_dropped_edges, m->n_dropped_edges);
    }
    assert_int_equal(g->n_shown, m->n_order);
    for (int i = 0; i < m->n_order; i++) {
        const struct model_node *wanted = &m->nodes[m->order[i]];
        const uint32_t at = g->order[i];
        const struct graph_node *got = &g->nodes[at];
        assert_true(is_same_info(&got->info, &wanted->info));
        assert_int_equal(got->flat, wanted->flat);
        assert_int_equal(got->cum, wanted->cum);
        assert_int_equal(got->flat_div, wanted->flat_div);
        assert_int_equal(got->cum_div, wanted->cum_div);
        assert_same_edges(m, m->order[i], g, at, true);
        assert_same_edges(m, m->order[i], g, at, false);
        assert_same_tags(m, m->order[i], g, at);
    }
}

/* The marks must not need the other edges. */
static void assert_same_inlining(const struct profile *p,
                                 struct graph_options o,
                                 const struct graph *all)
{
    o.edges = GRAPH_EDGES_INLINE;
    struct graph *g = graph_of(p, o);
    assert_int_equal(g->n_shown, all->n_shown);
    for (uint32_t i = 0; i < g->n_shown; i++) {
        assert_true(is_same_info(&g->nodes[g->order[i]].info,
                                 &all->nodes[all->order[i]].info));
        assert_int_equal(graph_inlining(g, g->order[i]),
                         graph_inlining(all, all->order[i]));
    }
    graph_free(g);
}

/* --- Random input --- */

static uint32_t below(uint64_t *random, uint32_t n)
{
    return (uint32_t)(test_random(random) % n);
}

static uint32_t random_location(struct profile_builder *b, uint64_t *random)
{
    static const char *const names[] = {"f", "g", "h", "i", "j", "k"};
    static const char *const files[] = {"", "", "a.c", "x/../b.c"};
    struct builder_frame frames[3];
    const uint32_t n = below(random, 8);
    const size_t n_frames = n == 0 ? 0 : n < 6 ? 1 : n - 4;
    for (size_t i = 0; i < n_frames; i++) {
        frames[i] = (struct builder_frame){
            span_of(names[below(random, 6)]), span_of(files[below(random, 4)]),
            below(random, 3) == 0 ? (int64_t)below(random, 3) : 0};
    }
    const bool has_address = n_frames == 0 || below(random, 6) == 0;
    return profile_builder_location(b, has_address ? 1 + below(random, 4) : 0,
                                    PROFILE_NONE, frames, n_frames);
}

static size_t random_labels(struct profile_builder *b, uint64_t *random,
                            struct profile_label labels[4])
{
    static const char *const keys[] = {"key", "other", "pprof::base"};
    static const char *const texts[] = {"x", "y"};
    const size_t n = below(random, 4);
    for (size_t i = 0; i < n; i++) {
        labels[i] = (struct profile_label){
            .key = profile_builder_string(b, span_of(keys[below(random, 3)])),
            .str = profile_builder_string(b, span_of(texts[below(random, 2)]))};
        if (below(random, 2) == 0) {
            labels[i] = (struct profile_label){
                .key = profile_builder_string(b, SPAN_LIT("bytes")),
                .is_num = true,
                .num = 1 + (int64_t)below(random, 6) * 700};
        }
    }
    return n;
}

static struct profile *random_profile(uint64_t *random)
{
    struct profile_builder *b = new_builder();
    uint32_t locs[12];
    const uint32_t n_locs = 2 + below(random, 10);
    const bool has_negative = below(random, 3) == 0;
    for (uint32_t i = 0; i < n_locs; i++) {
        locs[i] = random_location(b, random);
    }
    const uint32_t n_samples = below(random, 16);
    for (uint32_t s = 0; s < n_samples; s++) {
        uint32_t stack[8];
        struct profile_label labels[4];
        const uint32_t depth = below(random, 8);
        for (uint32_t i = 0; i < depth; i++) {
            stack[i] = locs[below(random, n_locs)];
        }
        int64_t values[] = {below(random, 3), below(random, 40)};
        if (has_negative && below(random, 3) == 0) {
            values[1] = -values[1];
        }
        const size_t n = random_labels(b, random, labels);
        profile_builder_sample(b, stack, depth, values, 2, labels, n);
    }
    return finish_profile(b);
}

static struct graph_options random_options(uint64_t *random)
{
    static const double fractions[] = {0, 0, 0.01, 0.1, 0.3, 0.6};
    struct graph_options o = {
        .value_column = 1,
        .edges = GRAPH_EDGES_ALL,
        .has_mean = below(random, 5) == 0,
        .is_call_tree = below(random, 3) == 0,
        .drops_negative = below(random, 4) == 0,
        .sorts_cum = below(random, 2) == 0,
        .node_fraction = fractions[below(random, 6)],
        .edge_fraction = fractions[below(random, 6)],
        .node_count = below(random, 2) == 0 ? below(random, 12) : 0,
        .is_visual = below(random, 2) == 0,
        .bytes_unit = SPAN_LIT("bytes"),
        .output_unit = SPAN_LIT("minimum"),
    };
    o.has_tags = o.is_visual || below(random, 4) == 0;
    return o;
}

static void the_model_agrees_on_random_profiles(void **state)
{
    (void)state;
    struct model *m = calloc(1, sizeof(*m));
    assert_non_null(m);
    for (uint64_t round = 0; round < N_ROUNDS; round++) {
        uint64_t random = round;
        struct profile *p = random_profile(&random);
        const struct graph_options o = random_options(&random);
        m->p = p;
        m->o = &o;
        m->n_dropped_nodes = 0;
        m->n_paths = 0;
        run_model(m);
        struct graph *g = graph_of(p, o);
        assert_same_graph(m, g);
        if (!o.is_visual) {
            assert_same_inlining(p, o, g);
        }
        graph_free(g);
        for (int i = 0; i <= m->n_paths; i++) {
            buf_release(&m->paths[i]);
        }
        profile_free(p);
    }
    free(m);
}

/* --- Dense graphs --- */

enum { N_FUNCTIONS = 250, DENSE_SAMPLES = 80000, DENSE_DEPTH = 10 };

/* Tens of thousands of light edges, and a few heavy ones. */
static struct profile *dense_profile(void)
{
    struct profile_builder *b = new_builder();
    uint32_t locs[N_FUNCTIONS];
    char names[N_FUNCTIONS][8];
    uint64_t random = 5;
    for (size_t i = 0; i < N_FUNCTIONS; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "f%zu", i);
    }
    for (size_t i = 0; i < N_FUNCTIONS; i++) {
        /* Every other one has something inlined. */
        const struct builder_frame frames[] = {
            {.function = span_of(names[(i * 12 + 4) % N_FUNCTIONS])},
            {.function = span_of(names[i])}};
        locs[i] = profile_builder_location(b, 0, PROFILE_NONE, frames + i % 2,
                                           2 - i % 2);
    }
    for (uint32_t s = 0; s < DENSE_SAMPLES; s++) {
        uint32_t stack[DENSE_DEPTH];
        for (size_t i = 0; i < DENSE_DEPTH; i++) {
            const uint32_t few = below(&random, 9) == 0 ? 6 : N_FUNCTIONS;
            stack[i] = locs[below(&random, few)];
        }
        const int64_t values[] = {1 + (int64_t)below(&random, 3),
                                  (int64_t)below(&random, 2000) - 200};
        profile_builder_sample(b, stack, DENSE_DEPTH, values, 2, NULL, 0);
    }
    return finish_profile(b);
}

static void assert_equal_edges(const struct graph *a, const struct graph *b)
{
    assert_int_equal(a->n_edges, b->n_edges);
    for (uint32_t i = 0; i < a->n_edges; i++) {
        const struct graph_edge *e = &a->edges[i];
        const struct graph_edge *f = &b->edges[i];
        assert_true(
            is_same_info(&a->nodes[e->src].info, &b->nodes[f->src].info));
        assert_true(
            is_same_info(&a->nodes[e->dest].info, &b->nodes[f->dest].info));
        assert_int_equal(e->weight, f->weight);
        assert_int_equal(e->weight_div, f->weight_div);
        assert_int_equal(e->is_inline, f->is_inline);
        assert_false(e->is_residual || f->is_residual);
    }
}

/* A picture counts every edge; elsewhere bounds pass over light ones. */
static void bounds_lose_no_edge_of_a_dense_graph(void **state)
{
    (void)state;
    static const double fractions[] = {1e-9, 1e-5, 1e-3, 0.02};
    struct profile *p = dense_profile();
    for (size_t i = 0; i < sizeof(fractions) / sizeof(fractions[0]); i++) {
        struct graph_options o = {.value_column = 1,
                                  .has_mean = i % 2 == 0,
                                  .edges = GRAPH_EDGES_ALL,
                                  .edge_fraction = fractions[i]};
        /* Once as a gain, once as a loss. */
        for (uint32_t v = 1; v < 2 * p->n_samples; v += 2) {
            p->values[v] = -p->values[v];
        }
        struct graph *bounded = graph_of(p, o);
        o.is_visual = true;
        struct graph *all = graph_of(p, o);
        assert_int_equal(bounded->n_shown, N_FUNCTIONS);
        assert_true(all->n_edges > 10 &&
                    all->n_edges + all->n_dropped_edges > 50000);
        assert_equal_edges(bounded, all);
        o.is_visual = false;
        assert_same_inlining(p, o, bounded);
        graph_free(bounded);
        graph_free(all);
    }
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_agrees_on_random_profiles),
        cmocka_unit_test(bounds_lose_no_edge_of_a_dense_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
