/*
 * Holders of much: the ends of the dominator tree's large branches, each with
 * the container in which its objects pile up. Branches that share a container
 * (users of a map, and their names) are one holder.
 */
#include "rules/dump_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static bool is_leaf(const struct dump_rows *rows, size_t i, double least)
{
    for (size_t k = i + 1; k < rows->n; k++) {
        if (rows->items[k].branch->depth <= rows->items[i].branch->depth) {
            break;
        }
        if (rows->items[k].parent == i && rows->items[k].weight >= least) {
            return false;
        }
    }
    return true;
}

/* Has the container of `c` been named before? */
static bool is_known(const struct dump_judge *j, const struct dump_candidate *c)
{
    for (size_t i = 0; i < j->candidates.n; i++) {
        const struct dump_candidate *other = &j->candidates.items[i];
        if (other->what == DUMP_HELD && dump_at(other) == dump_at(c)) {
            return true;
        }
    }
    return false;
}

bool dump_fill_held(struct dump_judge *j, struct dump_candidate *c,
                    struct err *err)
{
    const struct dump_row *at = dump_at(c);
    c->retained_bytes = (double)at->branch->retained_bytes;
    c->retained_objects = (double)at->branch->retained_objects;
    c->weight = at->weight;
    c->has_before = j->before != NULL;
    c->before_bytes = at->before_bytes;
    c->before_objects = at->before_objects;
    return dump_find_site(j, c, err) && dump_choose_sample(j, c, err) &&
           dump_name_holder(j, c, err);
}

static bool add_leaf(struct dump_judge *j, const struct dump_rows *rows,
                     size_t i, struct err *err)
{
    struct dump_candidate c = {.what = DUMP_HELD, .dump = j->e};
    dump_way_to(rows, i, &c.way);
    dump_way_container(j, &c);
    if (dump_way_is_internal(&c.way) || is_known(j, &c)) {
        return true;
    }
    dump_find_finalizer(&c);
    return dump_fill_held(j, &c, err) && dump_find_fixed(j, &c, err) &&
           (dump_candidates_push(&j->candidates, c) ||
            err_nomem(err, "holders of a heap dump"));
}

static bool is_only_of_unreachable(const struct dump_judge *j,
                                   const struct dump_candidate *c)
{
    const struct heap_graph *g = j->e->facts->graph;
    const struct dump_row *at = dump_at(c);
    object_id o;
    return c->what == DUMP_HELD && at &&
           heap_node_is_object(g, at->branch->sample, &o) &&
           !heap_blocked_is_live(j->blocked, o);
}

/* Connections of the client are held by two goroutines each, and are told with
   those that wait for the caller to read on. */
static bool is_connections(const struct dump_candidate *c)
{
    const struct dump_row *top = dump_top(c);
    return c->what == DUMP_HELD && top &&
           strcmp(top->branch->class_name, "http.persistConn") == 0;
}

static struct dump_candidate *find_clients(struct dump_judge *j)
{
    for (size_t i = 0; i < j->candidates.n; i++) {
        struct dump_candidate *c = &j->candidates.items[i];
        if (c->has_open_bodies || c->n_transports > 0) {
            return c;
        }
    }
    return NULL;
}

static void move_connections(struct dump_judge *j)
{
    struct dump_candidate *clients = find_clients(j);
    for (size_t i = 0; clients && i < j->candidates.n; i++) {
        const struct dump_candidate *c = &j->candidates.items[i];
        if (is_connections(c)) {
            clients->connection_bytes += c->retained_bytes;
        }
    }
}

void dump_drop_told(struct dump_judge *j)
{
    size_t n = 0;
    const bool has_clients = find_clients(j) != NULL;
    move_connections(j);
    for (size_t i = 0; i < j->candidates.n; i++) {
        const struct dump_candidate *c = &j->candidates.items[i];
        const bool is_told =
            (j->n_unreachable > 0 && is_only_of_unreachable(j, c)) ||
            (has_clients && is_connections(c));
        if (!is_told) {
            j->candidates.items[n++] = *c;
        }
    }
    j->candidates.n = n;
}

/* More are no help to a reader. */
enum { HELD_MAX = 64 };

bool dump_add_held(struct dump_judge *j, const struct dump_rows *rows,
                   double least, struct err *err)
{
    for (size_t i = 0; i < rows->n && j->candidates.n < HELD_MAX; i++) {
        if (rows->items[i].weight >= least && is_leaf(rows, i, least) &&
            !add_leaf(j, rows, i, err)) {
            return false;
        }
    }
    dump_drop_overlaps(j);
    return true;
}

/* --- what is not needed --- */

/* What is pinned hangs below something that was named before: it is told as
   that, with the better cause. */
static void take_holder(struct dump_judge *j, struct dump_candidate *c,
                        const heap_node *chain, size_t n)
{
    for (size_t i = 0; i < j->candidates.n; i++) {
        const struct dump_candidate *held = &j->candidates.items[i];
        const struct dump_row *at = dump_at(held);
        bool is_above = false;
        for (size_t k = 0; at && k < n; k++) {
            is_above = is_above || chain[k] == at->branch->sample;
        }
        if (held->what != DUMP_HELD || !is_above ||
            c->retained_bytes < held->retained_bytes / 2) {
            continue;
        }
        c->holder.name = held->holder.name;
        c->holder.type = held->holder.type;
        c->holder.path = held->holder.path;
        for (size_t k = i; k + 1 < j->candidates.n; k++) {
            j->candidates.items[k] = j->candidates.items[k + 1];
        }
        j->candidates.n--;
        return;
    }
}

static bool add_pinned(struct dump_judge *j, const struct view_waste *w,
                       struct err *err)
{
    const struct heap_facts *f = j->e->facts;
    const heap_node node = heap_node_of_object(f->graph, w->worst);
    struct dump_candidate c = {.what = DUMP_PINNED,
                               .dump = j->e,
                               .waste = w,
                               .is_growing = w->kind != WASTE_FOR_REUSE,
                               .retained_bytes = (double)w->wasted_bytes,
                               .retained_objects = w->n_objects,
                               .weight = (double)w->wasted_bytes};
    heap_node *chain = NULL;
    size_t n = 0;
    if (!heap_view_dominators(j->e->view, node, DUMP_WAY_MAX, &chain, &n,
                              err)) {
        return false;
    }
    struct buf path = BUF_LIMIT(8192);
    for (size_t i = n; i > 0; i--) {
        object_id o;
        const heap_node at = chain[i - 1];
        if (i < n && heap_node_is_object(f->graph, at, &o)) {
            buf_printf(&path, " -> %s ",
                       heap_view_field(j->e->view, chain[i], o));
        }
        buf_str(&path, heap_view_name(j->e->view, at));
    }
    if (!heap_view_slice_of(j->e->view, w->worst, &c.slice, &c.has_slice,
                            err)) {
        buf_release(&path);
        return false;
    }
    c.holder = (struct finding_holder){
        .name = w->type,
        .path = dump_keep(j, &path),
        .retained_bytes = (double)w->wasted_bytes,
        .retained_objects = w->n_objects,
        .reachable_bytes = (double)w->bytes,
        .share =
            j->total_bytes > 0 ? (double)w->wasted_bytes / j->total_bytes : 0};
    if (c.is_growing) {
        take_holder(j, &c, chain, n);
    }
    const heap_node part = node;
    const struct view_site *rows = NULL;
    size_t n_rows = 0;
    if (!heap_view_sites_below(j->e->view, n > 0 ? chain[n - 1] : node, &part,
                               1, &j->rate, &rows, &n_rows, err)) {
        return false;
    }
    if (n_rows > 0) {
        c.allocation.bucket = rows[0].bucket;
        c.allocation.n_samples = (double)rows[0].n_samples;
        c.allocation.bytes = (double)rows[0].bytes;
        c.allocation.objects = (double)rows[0].n_objects;
        c.allocation.is_exact = j->rate == 1;
    }
    return dump_candidates_push(&j->candidates, c) ||
           err_nomem(err, "holders of a heap dump");
}

static bool add_duplicate(struct dump_judge *j, const struct view_duplicate *d,
                          struct err *err)
{
    struct dump_candidate c = {.what = DUMP_DUPLICATES,
                               .dump = j->e,
                               .duplicate = d,
                               .retained_bytes = (double)d->saved_bytes,
                               .retained_objects = (double)d->n_copies,
                               .weight = (double)d->saved_bytes};
    struct buf name = BUF_LIMIT(256);
    buf_printf(&name, "%s %s", d->is_string ? "string" : "bytes", d->text);
    c.holder = (struct finding_holder){
        .name = dump_keep(j, &name),
        .retained_bytes = (double)d->saved_bytes,
        .retained_objects = (double)d->n_copies,
        .reachable_bytes = (double)d->saved_bytes,
        .share =
            j->total_bytes > 0 ? (double)d->saved_bytes / j->total_bytes : 0};
    return dump_candidates_push(&j->candidates, c) ||
           err_nomem(err, "holders of a heap dump");
}

enum { WASTE_ROWS = 16 };

/* append leaves less than half of an array free; more is what slicing leaves,
   as in buf[:8], or what waits in a buffer to be used again. */
static bool is_mostly_unused(const struct view_waste *w)
{
    return w->kind == WASTE_PINNED || w->kind == WASTE_FOR_REUSE ||
           (w->kind == WASTE_SLICE_TAIL && w->wasted_bytes > w->bytes / 2);
}

bool dump_add_pinned(struct dump_judge *j, struct err *err)
{
    const double least = j->options.min_share * j->total_bytes;
    const struct view_waste *waste = NULL;
    size_t n = 0;
    size_t n_all = 0;
    if (!j->e->facts->types) {
        return true;
    }
    if (!heap_view_waste(j->e->view, WASTE_ROWS, &waste, &n, &n_all, err)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (is_mostly_unused(&waste[i]) &&
            (double)waste[i].wasted_bytes >= least &&
            !add_pinned(j, &waste[i], err)) {
            return false;
        }
    }
    return true;
}

bool dump_add_duplicates(struct dump_judge *j, struct err *err)
{
    const double least = j->options.min_share * j->total_bytes;
    const struct view_duplicate *equal = NULL;
    struct view_duplicates about;
    size_t n = 0;
    size_t n_all = 0;
    if (!j->e->facts->types) {
        return true;
    }
    if (!heap_view_duplicates(j->e->view, WASTE_ROWS, &equal, &n, &n_all,
                              &about, err)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        /* Memory that was never written to says nothing. */
        if (strcmp(equal[i].text, "zeros") != 0 &&
            (double)equal[i].saved_bytes >= least &&
            !add_duplicate(j, &equal[i], err)) {
            return false;
        }
    }
    return true;
}
