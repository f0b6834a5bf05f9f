/*
 * Where what is live was allocated. The dump has raw samples: one of `bytes`
 * stands for 1 / (1 - exp(-bytes / rate)) objects, as pprof has it. The rate
 * is not in the dump; it is what makes the samples stand for all that is
 * there.
 */
#include "base/sort.h"
#include "heap/heap_view_private.h"

#include <math.h>
#include <stdlib.h>

#include "base/banned.h"

/* runtime.MemProfileRate unless a program sets it. */
#define RATE_DEFAULT 524288.0

/* --- what the super-root dominates --- */

bool view_find_tops(struct heap_view *v, struct err *err)
{
    struct vec_u32 stack = {0};
    if (v->tops) {
        return true;
    }
    if (!view_spend(v, sizeof *v->tops * (uint64_t)v->n_nodes, err)) {
        return false;
    }
    v->tops = malloc(sizeof *v->tops * v->n_nodes);
    bool ok = v->tops && vec_u32_push(&stack, 0);
    if (ok) {
        v->tops[0] = 0;
    }
    while (ok && stack.n > 0) {
        const heap_node n = stack.items[--stack.n];
        const heap_node *children = NULL;
        size_t n_children = 0;
        if (!heap_children(v->f.dominators, n, &children, &n_children, err)) {
            vec_u32_release(&stack);
            return false;
        }
        for (size_t i = 0; ok && i < n_children; i++) {
            v->tops[children[i]] = n == 0 ? children[i] : v->tops[n];
            ok = vec_u32_push(&stack, children[i]);
        }
    }
    vec_u32_release(&stack);
    return ok || err_nomem(err, "dominator tree");
}

/* --- below a holder --- */

static uint64_t index_of(const struct heap_graph *g,
                         const struct heap_bucket *b)
{
    return (uint64_t)(b - heap_bucket_at(g, 0));
}

/* Counts samples by bucket; `n_buckets` of them. */
static uint64_t count_below(const struct heap_view *v, uint32_t top_id,
                            uint32_t class_id, uint32_t *counts)
{
    const struct heap_graph *g = v->f.graph;
    uint64_t n = 0;
    for (size_t i = 0; i < heap_n_samples(g); i++) {
        const struct heap_bucket *b = NULL;
        const object_id o = heap_sample_at(g, i, &b);
        const heap_node node = view_node(v, o);
        if (v->class_of[node] == VIEW_NO_CLASS ||
            v->class_of[v->tops[node]] != top_id ||
            (class_id != VIEW_NO_CLASS && v->class_of[node] != class_id)) {
            continue;
        }
        counts[index_of(g, b)]++;
        n++;
    }
    return n;
}

bool view_site_below(struct heap_view *v, uint32_t top_id, uint32_t class_id,
                     const struct heap_bucket **site, uint64_t *n_samples,
                     struct err *err)
{
    const size_t n_buckets = heap_n_buckets(v->f.graph);
    *site = NULL;
    *n_samples = 0;
    if (heap_n_samples(v->f.graph) == 0 || n_buckets == 0) {
        return true;
    }
    if (!view_find_tops(v, err)) {
        return false;
    }
    uint32_t *counts = calloc(n_buckets, sizeof *counts);
    if (!counts) {
        return err_nomem(err, "allocation sites");
    }
    if (count_below(v, top_id, class_id, counts) == 0) {
        (void)count_below(v, top_id, VIEW_NO_CLASS, counts);
    }
    for (size_t i = 0; i < n_buckets; i++) {
        if (counts[i] > *n_samples) {
            *n_samples = counts[i];
            *site = heap_bucket_at(v->f.graph, i);
        }
    }
    free(counts);
    return true;
}

/* --- all of them --- */

static double weight(double bytes, double rate)
{
    if (rate <= 1 || bytes <= 0) {
        return 1;
    }
    const double w = 1 / (1 - exp(-bytes / rate));
    return isfinite(w) ? w : 1;
}

struct sums {
    uint64_t n_samples;
    double bytes;
};

/* What the samples of reachable objects stand for. */
static struct sums scaled(const struct heap_view *v, double rate)
{
    const struct heap_graph *g = v->f.graph;
    struct sums s = {0};
    for (size_t i = 0; i < heap_n_samples(g); i++) {
        const struct heap_bucket *b = NULL;
        const object_id o = heap_sample_at(g, i, &b);
        if (view_is_reachable(v, o)) {
            const double bytes = (double)heap_object_bytes(g, o);
            s.n_samples++;
            s.bytes += bytes * weight((double)b->object_bytes, rate);
        }
    }
    return s;
}

/* Twice more or less is what chance makes of few samples: the default then. */
static double infer_rate(const struct heap_view *v)
{
    enum { STEPS = 48 };
    const double live = (double)heap_retained_bytes(v->f.dominators, 0);
    const uint64_t n_live = heap_retained_objects(v->f.dominators, 0);
    if (scaled(v, 1).n_samples * 10 >= n_live * 9) {
        return 1;
    }
    double low = 1;
    double high = 1e12;
    for (int i = 0; i < STEPS; i++) {
        const double middle = sqrt(low * high);
        if (scaled(v, middle).bytes < live) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const bool is_default = low > RATE_DEFAULT / 2 && low < RATE_DEFAULT * 2;
    return is_default || scaled(v, 1).n_samples < 20 ? RATE_DEFAULT
                                                     : floor(low);
}

/* Which samples count: all of what is reachable where `tops` is NULL. */
struct part {
    const uint32_t *tops;
    uint32_t top_id;
    const uint8_t *is_counted; /* by class; NULL all */
};

static bool is_part(const struct heap_view *v, const struct part *p,
                    object_id o)
{
    const heap_node n = view_node(v, o);
    return view_is_reachable(v, o) &&
           (!p->tops || v->class_of[p->tops[n]] == p->top_id) &&
           (!p->is_counted || p->is_counted[v->class_of[n]] != 0);
}

static void add_sites(const struct heap_view *v, const struct part *p,
                      struct view_site *rows, double rate)
{
    const struct heap_graph *g = v->f.graph;
    for (size_t i = 0; i < heap_n_samples(g); i++) {
        const struct heap_bucket *b = NULL;
        const object_id o = heap_sample_at(g, i, &b);
        if (is_part(v, p, o)) {
            struct view_site *row = &rows[index_of(g, b)];
            row->bucket = b;
            row->n_samples++;
            row->sampled_bytes += heap_object_bytes(g, o);
        }
    }
    for (size_t i = 0; i < heap_n_buckets(g); i++) {
        if (rows[i].n_samples > 0) {
            const double w = weight((double)rows[i].bucket->object_bytes, rate);
            rows[i].n_objects =
                (uint64_t)llround((double)rows[i].n_samples * w);
            rows[i].bytes =
                (uint64_t)llround((double)rows[i].sampled_bytes * w);
        }
    }
}

static int most_first(const void *pa, const void *pb, const void *ctx)
{
    const struct view_site *a = pa;
    const struct view_site *b = pb;
    (void)ctx;
    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes ? -1 : 1;
    }
    if (a->n_samples == 0 || b->n_samples == 0) {
        return (a->n_samples == 0) - (b->n_samples == 0);
    }
    return (a->bucket->id > b->bucket->id) - (a->bucket->id < b->bucket->id);
}

static bool list_sites(struct heap_view *v, const struct part *p,
                       uint64_t *rate, const struct view_site **out, size_t *n,
                       struct err *err)
{
    const size_t n_buckets = heap_n_buckets(v->f.graph);
    struct view_site *rows =
        arena_new(&v->arena, struct view_site, n_buckets + 1);
    if (!rows) {
        return err_nomem(err, "allocation sites");
    }
    if (*rate == 0) {
        *rate = (uint64_t)infer_rate(v);
    }
    add_sites(v, p, rows, (double)*rate);
    sort_items(rows, n_buckets, sizeof *rows, most_first, NULL);
    *n = 0;
    while (*n < n_buckets && rows[*n].n_samples > 0) {
        (*n)++;
    }
    *out = rows;
    return true;
}

bool heap_view_sites(struct heap_view *v, uint64_t *rate,
                     const struct view_site **out, size_t *n, struct err *err)
{
    return list_sites(v, &(struct part){0}, rate, out, n, err);
}

bool heap_view_sites_below(struct heap_view *v, heap_node top,
                           const heap_node *parts, size_t n_parts,
                           uint64_t *rate, const struct view_site **out,
                           size_t *n, struct err *err)
{
    uint8_t *is_counted = calloc(v->classes.n + 1, sizeof *is_counted);
    if (!is_counted) {
        return err_nomem(err, "allocation sites");
    }
    for (size_t i = 0; i < n_parts; i++) {
        if (v->class_of[parts[i]] != VIEW_NO_CLASS) {
            is_counted[v->class_of[parts[i]]] = 1;
        }
    }
    const bool has_tops = view_find_tops(v, err);
    const struct part p = {.tops = v->tops,
                           .top_id = v->class_of[top],
                           .is_counted = n_parts > 0 ? is_counted : NULL};
    const bool ok = has_tops && list_sites(v, &p, rate, out, n, err);
    free(is_counted);
    return ok;
}

/* --- names --- */

const char *heap_view_function(struct heap_view *v, const struct heap_call *c)
{
    struct err err = {0};
    const char *name = NULL;
    if (v->f.binary && c->line > 0) {
        buf_span(view_word(v), c->file);
        name = v->word.data
                   ? binary_function_of_line(v->f.binary, v->word.data, c->line)
                   : NULL;
    }
    if (name) {
        return name;
    }
    buf_span(view_word(v), c->function);
    name = view_keep(v, &err);
    return name ? name : "?";
}
