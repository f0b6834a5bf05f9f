/* See heap_diff.h. Rows are collected by name, first of the dump before, then
   of the one after. */
#include "heap/heap_diff.h"

#include "base/buf.h"
#include "base/intern.h"
#include "base/sort.h"
#include "base/vec.h"
#include "heap/heap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum { NAME_BYTES = 16384, ROWS_MAX = 20000 };

VEC_TYPE(diff_rows, struct diff_row)

struct diff_side {
    struct heap_view *view;
    const struct heap_facts *f;
};

struct heap_diff {
    struct diff_side before, after;
    heap_diff_site *site;
    bool is_same_process;
    struct arena arena;
};

/* --- one process --- */

static bool is_same_call(const struct heap_bucket *a,
                         const struct heap_bucket *b)
{
    return a->object_bytes == b->object_bytes && a->n_calls == b->n_calls &&
           (a->n_calls == 0 ||
            span_eq(a->calls[0].function, b->calls[0].function));
}

/* Buckets are sorted by nothing: ids of `after` in order, to look them up. */
static int by_id(const void *pa, const void *pb, const void *ctx)
{
    const struct heap_bucket *const *a = pa;
    const struct heap_bucket *const *b = pb;
    (void)ctx;
    return ((*a)->id > (*b)->id) - ((*a)->id < (*b)->id);
}

static const struct heap_bucket **sorted_buckets(const struct heap_graph *g,
                                                 size_t n)
{
    const struct heap_bucket **all =
        calloc(n + 1, sizeof(const struct heap_bucket *));
    for (size_t i = 0; all && i < n; i++) {
        all[i] = heap_bucket_at(g, i);
    }
    if (all) {
        sort_items(all, n, sizeof(const struct heap_bucket *), by_id, NULL);
    }
    return all;
}

static const struct heap_bucket *find_bucket(const struct heap_bucket **all,
                                             size_t n, uint64_t id)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (all[middle]->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < n && all[low]->id == id ? all[low] : NULL;
}

/* Buckets are never freed, and lie at addresses that the system chose. */
static bool has_same_buckets(const struct heap_graph *before,
                             const struct heap_graph *after)
{
    const size_t n_before = heap_n_buckets(before);
    const size_t n_after = heap_n_buckets(after);
    size_t n_same = 0;
    if (n_before == 0 || n_after == 0) {
        return false;
    }
    const struct heap_bucket **all = sorted_buckets(after, n_after);
    for (size_t i = 0; all && i < n_before; i++) {
        const struct heap_bucket *a = heap_bucket_at(before, i);
        const struct heap_bucket *b = find_bucket(all, n_after, a->id);
        n_same += b && is_same_call(a, b);
    }
    free(all);
    return n_same * 10 >= n_before * 9;
}

bool heap_is_same_process(const struct heap_graph *before,
                          const struct heap_graph *after)
{
    const struct heap_about *a = heap_graph_about(before);
    const struct heap_about *b = heap_graph_about(after);
    if (a->data_address != b->data_address || a->data_bytes != b->data_bytes ||
        a->bss_address != b->bss_address || a->bss_bytes != b->bss_bytes ||
        strcmp(a->build ? a->build : "", b->build ? b->build : "") != 0) {
        return false;
    }
    if (a->has_memstats && b->has_memstats &&
        (a->memstats->total_alloc > b->memstats->total_alloc ||
         a->memstats->mallocs > b->memstats->mallocs ||
         a->memstats->num_gc > b->memstats->num_gc)) {
        return false;
    }
    return has_same_buckets(before, after);
}

/* --- rows by name --- */

struct gathering {
    struct heap_diff *d;
    struct intern names;
    struct diff_rows rows;
    struct buf word;
    double least_bytes; /* of rows worth showing */
    struct err *err;
};

/* The row of the scratch name. */
static struct diff_row *row_of(struct gathering *g)
{
    uint32_t id = 0;
    if (!buf_check(&g->word, "names of a heap dump", g->err) ||
        !intern_add(&g->names, buf_view(&g->word), &id, g->err)) {
        return NULL;
    }
    if (id == g->rows.n) {
        const char *name = arena_strdup(&g->d->arena, buf_view(&g->word));
        if (!name ||
            !diff_rows_push(&g->rows, (struct diff_row){.name = name})) {
            (void)err_nomem(g->err, "comparing heap dumps");
            return NULL;
        }
    }
    return &g->rows.items[id];
}

static struct buf *word(struct gathering *g)
{
    buf_clear(&g->word);
    return &g->word;
}

static double or_none(double v)
{
    return isnan(v) ? 0 : v;
}

/* A new row: what the other side has of it is 0 where it has none of that kind,
   and not known until it is listed there as well. */
static void expect(struct diff_row *r, bool is_after, bool is_in_other)
{
    const bool is_new = or_none(r->before_bytes) <= 0 &&
                        or_none(r->after_bytes) <= 0 &&
                        !isnan(is_after ? r->after_bytes : r->before_bytes);
    if (is_new && is_in_other) {
        *(is_after ? &r->before_bytes : &r->after_bytes) = NAN;
        *(is_after ? &r->before_objects : &r->after_objects) = NAN;
    }
}

static void add(struct diff_row *r, bool is_after, double bytes, double objects)
{
    double *all = is_after ? &r->after_bytes : &r->before_bytes;
    double *n = is_after ? &r->after_objects : &r->before_objects;
    *all = or_none(*all) + bytes;
    *n = or_none(*n) + objects;
}

static bool gather_types(struct gathering *g, const struct diff_side *s,
                         bool is_after)
{
    const struct view_type *types = NULL;
    size_t n = 0;
    size_t n_all = 0;
    if (!heap_view_types(s->view, ROWS_MAX, &types, &n, &n_all, g->err)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        buf_str(word(g), types[i].name);
        struct diff_row *r = row_of(g);
        if (!r) {
            return false;
        }
        add(r, is_after, (double)types[i].bytes, types[i].n_objects);
    }
    return true;
}

/* Which array of a map holds an entry changes as the map grows. */
static bool is_map_part(const char *name)
{
    const struct span s = span_of(name);
    return span_ends(s, " (buckets)") || span_ends(s, " (table)") ||
           span_ends(s, " (directory)");
}

static void add_step(struct buf *way, const struct view_branch *b)
{
    if (is_map_part(b->name)) {
        return;
    }
    const char *field =
        strncmp(b->field, "[...]", 5) == 0 ? b->field + 5 : b->field;
    buf_str(way, b->depth > 0 ? " -> " : "");
    buf_str(way, field);
    buf_str(way, *field ? " " : "");
    buf_str(way, b->class_name);
    buf_str(way, b->is_cut ? " and deeper" : "");
}

/* Less is not worth a row. */
static const double share_shown = 0.0005;

/* Of holders all are listed, however little they hold. */
static bool gather_holders(struct gathering *g, const struct diff_side *s,
                           bool is_after)
{
    const struct view_branch *b = NULL;
    size_t n = 0;
    if (!heap_view_tops(s->view, &b, &n, g->err)) {
        return false;
    }
    g->least_bytes =
        share_shown * (double)heap_retained_bytes(s->f->dominators, 0);
    for (size_t i = 0; i < n; i++) {
        buf_str(word(g), b[i].class_name);
        struct diff_row *r = row_of(g);
        if (!r) {
            return false;
        }
        add(r, is_after, (double)b[i].retained_bytes, b[i].retained_objects);
    }
    return true;
}

static bool gather_ways(struct gathering *g, const struct diff_side *s,
                        bool is_after)
{
    const struct heap_view *other =
        is_after ? g->d->before.view : g->d->after.view;
    const struct view_branch *b = NULL;
    size_t n = 0;
    size_t n_all = 0;
    size_t ends[VIEW_DEPTH_MAX + 1] = {0}; /* of the text of each level */
    struct buf way = BUF_LIMIT(NAME_BYTES);
    bool ok = heap_view_branches(s->view, share_shown / 10, ROWS_MAX, &b, &n,
                                 &n_all, g->err);
    g->least_bytes =
        share_shown * (double)heap_retained_bytes(s->f->dominators, 0);
    for (size_t i = 0; ok && i < n; i++) {
        way.len = ends[b[i].depth];
        add_step(&way, &b[i]);
        ends[b[i].depth + 1] = way.len;
        if (b[i].depth == 0 || is_map_part(b[i].name)) {
            continue;
        }
        buf_span(word(g), buf_view(&way));
        struct diff_row *r = row_of(g);
        ok = r != NULL;
        if (ok) {
            expect(r, is_after, heap_view_has_class(other, b[i].class_name));
            add(r, is_after, (double)b[i].retained_bytes,
                b[i].retained_objects);
        }
    }
    ok = ok && buf_check(&way, "ways of a heap dump", g->err);
    buf_release(&way);
    return ok;
}

static bool gather_sites(struct gathering *g, const struct diff_side *s,
                         bool is_after)
{
    const struct view_site *sites = NULL;
    uint64_t rate = 0;
    size_t n = 0;
    if (!heap_view_sites(s->view, &rate, &sites, &n, g->err)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct heap_call *c = g->d->site(sites[i].bucket);
        if (!c) {
            continue;
        }
        const struct span file = span_base_name(c->file);
        buf_printf(word(g), "%s  %.*s:%llu", heap_view_function(s->view, c),
                   (int)file.len, file.p, (unsigned long long)c->line);
        struct diff_row *r = row_of(g);
        if (!r) {
            return false;
        }
        add(r, is_after, (double)sites[i].bytes, (double)sites[i].n_objects);
    }
    return true;
}

static bool gather_side(struct gathering *g, enum heap_diff_by by,
                        bool is_after)
{
    const struct diff_side *s = is_after ? &g->d->after : &g->d->before;
    switch (by) {
    case DIFF_BY_TYPE:
        return gather_types(g, s, is_after);
    case DIFF_BY_HOLDER:
        return gather_holders(g, s, is_after);
    case DIFF_BY_PATH:
        return gather_ways(g, s, is_after);
    case DIFF_BY_SITE:
        return gather_sites(g, s, is_after);
    case N_HEAP_DIFF_BY:
        break;
    }
    return true;
}

/* --- what is new --- */

static bool is_same_object(const struct heap_diff *d, object_id a, object_id b)
{
    const struct heap_graph *ga = d->before.f->graph;
    const struct heap_graph *gb = d->after.f->graph;
    if (heap_object_address(ga, a) != heap_object_address(gb, b) ||
        heap_object_bytes(ga, a) != heap_object_bytes(gb, b) ||
        !heap_object_is_reachable(ga, a)) {
        return false;
    }
    const struct heap_bucket *ba = heap_object_bucket(ga, a);
    const struct heap_bucket *bb = heap_object_bucket(gb, b);
    if (ba && bb && ba->id != bb->id) {
        return false;
    }
    return strcmp(heap_view_name(d->before.view, heap_node_of_object(ga, a)),
                  heap_view_name(d->after.view, heap_node_of_object(gb, b))) ==
           0;
}

/* Names of one class are one pointer: rows are looked up once for each run. */
struct row_cache {
    const char *name;
    struct diff_row *row;
};

static struct diff_row *cached_row(struct gathering *g, struct row_cache *c,
                                   const char *name)
{
    if (c->name != name) {
        uint32_t id = 0;
        c->name = name;
        c->row = intern_find(&g->names, span_of(name), &id) ? &g->rows.items[id]
                                                            : NULL;
    }
    return c->row;
}

static void count_missing(struct gathering *g, bool is_after)
{
    const struct heap_diff *d = g->d;
    const struct diff_side *s = is_after ? &d->after : &d->before;
    const struct heap_graph *other =
        is_after ? d->before.f->graph : d->after.f->graph;
    struct row_cache cache = {0};
    const uint32_t n = heap_n_objects(s->f->graph);
    for (uint32_t i = 0; i < n; i++) {
        const object_id o = {i};
        if (!heap_object_is_reachable(s->f->graph, o)) {
            continue;
        }
        const object_id same =
            heap_object_at(other, heap_object_address(s->f->graph, o));
        const bool is_there =
            same.i != OBJECT_NONE.i &&
            (is_after ? is_same_object(d, same, o)
                      : heap_object_is_reachable(other, same) &&
                            is_same_object(d, o, same));
        struct diff_row *r =
            is_there ? NULL
                     : cached_row(g, &cache,
                                  heap_view_name(s->view, heap_node_of_object(
                                                              s->f->graph, o)));
        if (!r) {
            continue;
        }
        r->new_objects += is_after;
        r->gone_objects += !is_after;
        r->new_bytes +=
            is_after ? (double)heap_object_bytes(s->f->graph, o) : 0;
    }
}

/* --- all of it --- */

static double change(const struct diff_row *r)
{
    return or_none(r->after_bytes) - or_none(r->before_bytes);
}

static int most_growth(const void *pa, const void *pb, const void *ctx)
{
    const struct diff_row *a = pa;
    const struct diff_row *b = pb;
    (void)ctx;
    if (change(a) > change(b) || change(a) < change(b)) {
        return change(a) > change(b) ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

static bool has_changed(const struct diff_row *r, double least_bytes)
{
    /* A hundredth of the heap: below, it is nobody's business. */
    enum { TIMES_OF_RUNTIME = 20 };
    if (heap_view_is_runtimes(r->name)) {
        least_bytes *= TIMES_OF_RUNTIME;
    }
    if (or_none(r->before_bytes) < least_bytes &&
        or_none(r->after_bytes) < least_bytes) {
        return false;
    }
    return change(r) > 0 || change(r) < 0 ||
           r->after_objects > r->before_objects ||
           r->after_objects < r->before_objects || r->new_objects > 0;
}

static bool keep(struct gathering *g, size_t n_max, const struct diff_row **out,
                 size_t *n, size_t *n_all)
{
    size_t n_left = 0;
    for (size_t i = 0; i < g->rows.n; i++) {
        if (has_changed(&g->rows.items[i], g->least_bytes)) {
            g->rows.items[n_left++] = g->rows.items[i];
        }
    }
    sort_items(g->rows.items, n_left, sizeof *g->rows.items, most_growth, NULL);
    *n_all = n_left;
    *n = n_left < n_max ? n_left : n_max;
    struct diff_row *rows = arena_new(&g->d->arena, struct diff_row, *n + 1);
    if (rows && *n > 0) {
        memcpy(rows, g->rows.items, *n * sizeof *rows);
    }
    *out = rows;
    return rows || err_nomem(g->err, "comparing heap dumps");
}

bool heap_diff_rows(struct heap_diff *d, enum heap_diff_by by, size_t n_max,
                    const struct diff_row **out, size_t *n, size_t *n_all,
                    struct err *err)
{
    struct gathering g = {.d = d, .word = BUF_LIMIT(NAME_BYTES), .err = err};
    bool ok = gather_side(&g, by, false) && gather_side(&g, by, true);
    if (ok && by == DIFF_BY_TYPE && d->is_same_process) {
        count_missing(&g, false);
        count_missing(&g, true);
    }
    ok = ok && keep(&g, n_max, out, n, n_all);
    intern_release(&g.names);
    diff_rows_release(&g.rows);
    buf_release(&g.word);
    return ok;
}

bool heap_diff_new(struct heap_view *before, const struct heap_facts *before_of,
                   struct heap_view *after, const struct heap_facts *after_of,
                   heap_diff_site *site, struct heap_diff **out,
                   struct err *err)
{
    struct heap_diff *d = calloc(1, sizeof *d);
    if (!d) {
        return err_nomem(err, "comparing heap dumps");
    }
    d->before = (struct diff_side){before, before_of};
    d->after = (struct diff_side){after, after_of};
    d->site = site;
    d->is_same_process =
        heap_is_same_process(before_of->graph, after_of->graph);
    *out = d;
    return true;
}

void heap_diff_free(struct heap_diff *d)
{
    if (d) {
        arena_release(&d->arena);
        free(d);
    }
}

bool heap_diff_is_same_process(const struct heap_diff *d)
{
    return d->is_same_process;
}
