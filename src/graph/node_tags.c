/*
 * Which labels the samples of a node had: the string labels of a sample
 * together are one tag, each value of its numeric label "bytes" is another
 * that belongs to it. Texts are made once a set of labels and once a number;
 * what is counted for a node is only their ids.
 */
#include "graph/graph_private.h"

#include "base/limits.h"
#include "base/measure.h"
#include "base/sort.h"

#include "base/banned.h"

/* Nodes and the numbers of samples through them multiply. So many take about
   as much memory as a profile may. */
enum { TAGS_MAX = 1 << 24 };

VEC_TYPE(text_list, struct span)

struct tag_walk {
    struct graph_build *b;
    struct pair_table label_index;   /* node and label set -> tag */
    struct pair_table numeric_index; /* node and combination -> tag */
    struct pair_table combinations;  /* label set and name -> id */
    struct pair_table names;         /* number -> its name */
    uint32_t *marks;                 /* by node: sample + 1 */
    struct buf text, joined;
    struct text_list parts;

    /* The sample at hand. */
    uint32_t sample;
    int64_t weight, weight_div;
    uint32_t labels; /* 0 = none */
    struct vec_i64 values;
    struct vec_u32 value_names;
};

/* --- The labels of a sample --- */

static int compare_texts(const void *left, const void *right, const void *ctx)
{
    (void)ctx;
    const struct span *l = left;
    const struct span *r = right;
    return span_compare(*l, *r);
}

/* Writes "key:value" for every string label of the sample into `text`. */
static bool write_labels(struct tag_walk *w, const struct profile_label *labels,
                         uint32_t n)
{
    const struct profile *p = w->b->p;
    buf_clear(&w->text);
    w->parts.n = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct span key = profile_span(p, labels[i].key);
        /* That one only marks samples of a base. */
        if (labels[i].is_num || span_is(key, "pprof::base")) {
            continue;
        }
        const size_t from = w->text.len;
        buf_span(&w->text, key);
        buf_char(&w->text, ':');
        buf_span(&w->text, profile_span(p, labels[i].str));
        /* The text may still move. */
        const struct span part = {NULL, w->text.len - from};
        if (!text_list_push(&w->parts, part)) {
            return false;
        }
    }
    const char *at = w->text.data;
    for (size_t i = 0; i < w->parts.n && buf_ok(&w->text); i++) {
        w->parts.items[i].p = at;
        at += w->parts.items[i].len;
    }
    return buf_ok(&w->text);
}

static bool find_label_set(struct tag_walk *w,
                           const struct profile_label *labels, uint32_t n)
{
    if (!write_labels(w, labels, n)) {
        return false;
    }
    sort_items(w->parts.items, w->parts.n, sizeof(struct span), compare_texts,
               NULL);
    buf_clear(&w->joined);
    for (size_t i = 0; i < w->parts.n; i++) {
        buf_str(&w->joined, i > 0 ? "\\n" : "");
        buf_span(&w->joined, w->parts.items[i]);
    }
    return buf_ok(&w->joined) &&
           intern_add(&w->b->tags.texts, buf_view(&w->joined), &w->labels,
                      NULL);
}

static bool add_number(struct tag_walk *w, int64_t value)
{
    struct node_tags *tags = &w->b->tags;
    uint32_t name = 0;
    const uint32_t unknown = (uint32_t)intern_count(&tags->texts);
    if (!pair_table_put(&w->names, (uint64_t)value, unknown, &name)) {
        return false;
    }
    if (name == unknown) {
        buf_clear(&w->text);
        measure_label(&w->text, value, w->b->o->bytes_unit,
                      w->b->o->output_unit);
        if (!buf_ok(&w->text) ||
            !intern_add(&tags->texts, buf_view(&w->text), &name, NULL)) {
            return false;
        }
        /* Other numbers may have that name. */
        pair_table_set(&w->names, (uint64_t)value, name);
    }
    return vec_i64_push(&w->values, value) &&
           vec_u32_push(&w->value_names, name);
}

static bool read_labels(struct tag_walk *w)
{
    const struct profile *p = w->b->p;
    w->labels = 0;
    w->values.n = 0;
    w->value_names.n = 0;
    if (!p->label_off) {
        return true;
    }
    const struct profile_label *labels = p->labels + p->label_off[w->sample];
    const uint32_t n = p->label_off[w->sample + 1] - p->label_off[w->sample];
    for (uint32_t i = 0; i < n; i++) {
        if (labels[i].is_num &&
            span_is(profile_span(p, labels[i].key), "bytes") &&
            !add_number(w, labels[i].num)) {
            return false;
        }
    }
    return n == 0 || find_label_set(w, labels, n);
}

/* --- Counting --- */

static void add_to_tag(const struct tag_walk *w, struct tag *t, bool is_flat)
{
    if (is_flat) {
        t->flat = wrap_add(t->flat, w->weight);
        t->flat_div = wrap_add(t->flat_div, w->weight_div);
    } else {
        t->cum = wrap_add(t->cum, w->weight);
        t->cum_div = wrap_add(t->cum_div, w->weight_div);
    }
}

/* The tag `key` of `index`, which is `fresh` when there was none. NULL: out of
   memory, or the list is full. */
static struct tag *find_tag(struct tag_list *all, struct pair_table *index,
                            uint64_t key, struct tag fresh)
{
    uint32_t id = 0;
    if (all->n >= TAGS_MAX ||
        !pair_table_put(index, key, (uint32_t)all->n, &id) ||
        (id == all->n && !tag_list_push(all, fresh))) {
        return NULL;
    }
    return &all->items[id];
}

static bool add_sample(struct tag_walk *w, uint32_t node, bool is_flat)
{
    struct node_tags *tags = &w->b->tags;
    uint32_t label = 0;
    if (w->labels != 0) {
        struct tag *t =
            find_tag(&tags->labels, &w->label_index, pair_key(node, w->labels),
                     (struct tag){.node = node, .text = w->labels});
        if (!t) {
            return false;
        }
        add_to_tag(w, t, is_flat);
        label = (uint32_t)(t - tags->labels.items) + 1;
    }
    for (size_t i = 0; i < w->values.n; i++) {
        const uint32_t name = w->value_names.items[i];
        uint32_t both = 0;
        if (!pair_table_put(&w->combinations, pair_key(w->labels, name),
                            w->combinations.n, &both)) {
            return false;
        }
        struct tag *t =
            find_tag(&tags->numeric, &w->numeric_index, pair_key(node, both),
                     (struct tag){.node = node,
                                  .text = name,
                                  .label = label,
                                  .value = w->values.items[i]});
        if (!t) {
            return false;
        }
        add_to_tag(w, t, is_flat);
    }
    return true;
}

static bool count_node(struct tag_walk *w, uint32_t node)
{
    if (w->b->states[node] != NODE_SHOWN || w->marks[node] == w->sample + 1) {
        return true;
    }
    w->marks[node] = w->sample + 1;
    return add_sample(w, node, false);
}

static bool count_path(struct tag_walk *w, uint32_t leaf)
{
    for (uint32_t at = leaf; at != NODE_NONE;
         at = w->b->tree.items[at].parent) {
        if (!count_node(w, at)) {
            return false;
        }
    }
    return true;
}

static bool count_stack(struct tag_walk *w)
{
    const struct profile *p = w->b->p;
    for (uint32_t i = p->sample_off[w->sample];
         i < p->sample_off[w->sample + 1]; i++) {
        const struct frame_list f =
            frames_at(&w->b->table.frames, p->sample_locs[i]);
        for (uint32_t k = 0; k < f.n; k++) {
            if (!count_node(w, f.nodes[k])) {
                return false;
            }
        }
    }
    return true;
}

static bool count_sample(struct tag_walk *w)
{
    const struct profile *p = w->b->p;
    const uint32_t first = p->sample_off[w->sample];
    if (first == p->sample_off[w->sample + 1]) {
        return true;
    }
    if (!read_labels(w)) {
        return false;
    }
    uint32_t leaf = 0;
    bool ok = true;
    if (w->b->o->is_call_tree) {
        leaf = w->b->tree_leaves[w->sample];
        ok = count_path(w, leaf);
    } else {
        leaf = frames_at(&w->b->table.frames, p->sample_locs[first]).nodes[0];
        ok = count_stack(w);
    }
    return ok &&
           (w->b->states[leaf] != NODE_SHOWN || add_sample(w, leaf, true));
}

static bool count_samples(struct tag_walk *w)
{
    uint32_t none = 0;
    w->marks = calloc((size_t)w->b->n_nodes + 1, sizeof(*w->marks));
    if (!w->marks ||
        !intern_add(&w->b->tags.texts, SPAN_LIT(""), &none, NULL)) {
        return false;
    }
    for (uint32_t s = 0; s < w->b->p->n_samples; s++) {
        w->sample = s;
        if (sample_value(w->b, s, &w->weight, &w->weight_div) &&
            !count_sample(w)) {
            return false;
        }
    }
    return true;
}

bool build_tags(struct graph_build *b, struct err *err)
{
    struct tag_walk w = {.b = b,
                         .text = BUF_LIMIT(LIMIT_INFLATED_BYTES),
                         .joined = BUF_LIMIT(LIMIT_INFLATED_BYTES)};
    node_tags_release(&b->tags);
    const bool ok = count_samples(&w);
    pair_table_release(&w.label_index);
    pair_table_release(&w.numeric_index);
    pair_table_release(&w.combinations);
    pair_table_release(&w.names);
    free(w.marks);
    buf_release(&w.text);
    buf_release(&w.joined);
    text_list_release(&w.parts);
    vec_i64_release(&w.values);
    vec_u32_release(&w.value_names);
    if (!ok &&
        (b->tags.labels.n >= TAGS_MAX || b->tags.numeric.n >= TAGS_MAX)) {
        return err_set(err, ERR_LIMIT, "graph: more than %d tags", TAGS_MAX);
    }
    return ok || err_nomem(err, "graph: tags");
}

/* --- Trimming and counting --- */

static void trim_list(struct tag_list *all, int64_t cutoff)
{
    for (size_t i = 0; i < all->n; i++) {
        struct tag *t = &all->items[i];
        t->is_removed = wrap_abs(t->flat) < cutoff && wrap_abs(t->cum) < cutoff;
    }
}

void trim_tags(struct graph_build *b)
{
    trim_list(&b->tags.labels, b->node_cutoff);
    trim_list(&b->tags.numeric, b->node_cutoff);
}

static void count_list(const struct tag_list *all, uint32_t *counts)
{
    for (size_t i = 0; i < all->n; i++) {
        const struct tag *t = &all->items[i];
        counts[t->node] += !t->is_removed && t->flat != 0;
    }
}

void count_tags(const struct graph_build *b, uint32_t *counts)
{
    count_list(&b->tags.labels, counts);
    count_list(&b->tags.numeric, counts);
}

void node_tags_release(struct node_tags *t)
{
    intern_release(&t->texts);
    tag_list_release(&t->labels);
    tag_list_release(&t->numeric);
}

/* --- Into the graph --- */

/* Tags of the graph, by node, in order of first sight. */
struct tag_copy {
    struct graph_build *b;
    const uint32_t *place; /* node -> index in the graph + 1 */
    struct span *texts;    /* copies in the graph's arena */
    struct span unit;
};

static bool is_left(const struct tag_copy *c, const struct tag *t)
{
    return !t->is_removed && c->place[t->node] != 0;
}

static bool copy_text(struct tag_copy *c, uint32_t text)
{
    if (c->texts[text].p == NULL) {
        const struct span s = intern_span(&c->b->tags.texts, text);
        const char *copy = arena_strdup(&c->b->g->arena, s);
        if (!copy) {
            return false;
        }
        c->texts[text] = (struct span){copy, s.len};
    }
    return true;
}

static struct graph_tag copy_tag(const struct tag_copy *c, const struct tag *t)
{
    return (struct graph_tag){
        .name = c->texts[t->text],
        .unit = SPAN_LIT(""),
        .flat = t->flat,
        .flat_div = t->flat_div,
        .cum = t->cum,
        .cum_div = t->cum_div,
    };
}

/* Memory for those that are left, and their texts. */
static bool prepare(struct tag_copy *c, const struct tag_list *all,
                    struct graph_tag **out)
{
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        if (is_left(c, &all->items[i])) {
            n++;
            if (!copy_text(c, all->items[i].text)) {
                return false;
            }
        }
    }
    *out = arena_new(&c->b->g->arena, struct graph_tag, n);
    return *out != NULL;
}

/* `at` becomes, for each tag, 1 + where in its node's list it is. */
static void copy_labels(struct tag_copy *c, uint32_t *at)
{
    struct graph *g = c->b->g;
    const struct tag_list *all = &c->b->tags.labels;
    for (size_t i = 0; i < all->n; i++) {
        if (is_left(c, &all->items[i])) {
            at[i] = ++g->nodes[c->place[all->items[i].node] - 1].n_label_tags;
        }
    }
    uint32_t first = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        g->nodes[i].first_label_tag = first;
        first += g->nodes[i].n_label_tags;
    }
    for (size_t i = 0; i < all->n; i++) {
        if (at[i] != 0) {
            const struct graph_node *n =
                &g->nodes[c->place[all->items[i].node] - 1];
            g->label_tags[n->first_label_tag + at[i] - 1] =
                copy_tag(c, &all->items[i]);
        }
    }
}

static void copy_numeric(struct tag_copy *c, const uint32_t *label_at)
{
    struct graph *g = c->b->g;
    const struct tag_list *all = &c->b->tags.numeric;
    for (size_t i = 0; i < all->n; i++) {
        if (is_left(c, &all->items[i])) {
            g->nodes[c->place[all->items[i].node] - 1].n_numeric_tags++;
        }
    }
    uint32_t first = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        g->nodes[i].first_numeric_tag = first;
        first += g->nodes[i].n_numeric_tags;
        g->nodes[i].n_numeric_tags = 0;
    }
    for (size_t i = 0; i < all->n; i++) {
        const struct tag *t = &all->items[i];
        if (!is_left(c, t)) {
            continue;
        }
        struct graph_node *n = &g->nodes[c->place[t->node] - 1];
        struct graph_tag copy = copy_tag(c, t);
        copy.unit = c->unit;
        copy.value = t->value;
        if (t->label != 0) {
            const uint32_t at = label_at[t->label - 1];
            copy.label = at != 0 ? at : UINT32_MAX;
        }
        g->numeric_tags[n->first_numeric_tag + n->n_numeric_tags++] = copy;
    }
}

bool copy_tags(struct graph_build *b, const uint32_t *place)
{
    const struct span unit = b->o->bytes_unit;
    struct tag_copy c = {
        .b = b,
        .place = place,
        .texts = calloc(intern_count(&b->tags.texts) + 1, sizeof(*c.texts)),
        .unit = {arena_strdup(&b->g->arena, unit), unit.len},
    };
    uint32_t *label_at = calloc(b->tags.labels.n + 1, sizeof(*label_at));
    const bool ok = c.texts && c.unit.p && label_at &&
                    prepare(&c, &b->tags.labels, &b->g->label_tags) &&
                    prepare(&c, &b->tags.numeric, &b->g->numeric_tags);
    if (ok) {
        copy_labels(&c, label_at);
        copy_numeric(&c, label_at);
    }
    free(c.texts);
    free(label_at);
    return ok;
}
