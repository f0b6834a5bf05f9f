/*
 * Holders by name. What a variable retains is what it alone keeps; what it
 * reaches may be kept by others, too. Reaching costs a walk, so that it is
 * done for the rows that are shown only.
 */
#include "base/sort.h"
#include "heap/heap_paths.h"
#include "heap/heap_view_private.h"

#include <stdlib.h>

#include "base/banned.h"

/* --- variables --- */

struct candidate {
    uint32_t group;
    uint64_t retained_bytes;
    uint64_t held_bytes; /* what its roots' objects retain, shared or not */
    const char *name;
    bool is_chosen;
};

static int most_retained(const void *pa, const void *pb, const void *ctx)
{
    const struct candidate *a = pa;
    const struct candidate *b = pb;
    (void)ctx;
    if (a->is_chosen != b->is_chosen) {
        return a->is_chosen ? -1 : 1;
    }
    if (a->retained_bytes != b->retained_bytes) {
        return a->retained_bytes > b->retained_bytes ? -1 : 1;
    }
    if (a->held_bytes != b->held_bytes) {
        return a->held_bytes > b->held_bytes ? -1 : 1;
    }
    const int order = strcmp(a->name, b->name);
    return order != 0 ? order : (a->group > b->group) - (a->group < b->group);
}

static int most_held(const void *pa, const void *pb, const void *ctx)
{
    const struct candidate *a = pa;
    const struct candidate *b = pb;
    if (a->held_bytes != b->held_bytes) {
        return a->held_bytes > b->held_bytes ? -1 : 1;
    }
    return most_retained(pa, pb, ctx);
}

static uint64_t held_by(const struct heap_view *v, uint32_t group)
{
    const struct root_group *g = heap_group(v->f.graph, group);
    const struct heap_root *roots = heap_group_roots(v->f.graph, group);
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < g->n_roots; i++) {
        if (roots[i].object.i != OBJECT_NONE.i) {
            bytes += heap_retained_bytes(v->f.dominators,
                                         view_node(v, roots[i].object));
        }
    }
    return bytes;
}

static size_t list_globals(const struct heap_view *v, struct candidate *out)
{
    size_t n = 0;
    for (uint32_t i = 0; i < heap_n_groups(v->f.graph); i++) {
        const struct root_group *g = heap_group(v->f.graph, i);
        if (g->kind == ROOT_GLOBAL) {
            out[n++] =
                (struct candidate){.group = i,
                                   .retained_bytes = heap_retained_bytes(
                                       v->f.dominators, heap_node_of_group(i)),
                                   .held_bytes = held_by(v, i),
                                   .name = g->name};
        }
    }
    return n;
}

/* Those that retain most come first; the last quarter of the places is for
   those that share what they hold. */
static void choose(struct candidate *all, size_t n, size_t n_max)
{
    const size_t n_shared = n_max / 4;
    const size_t n_own = n_max - n_shared;
    size_t n_left = n_max;
    sort_items(all, n, sizeof *all, most_retained, NULL);
    for (size_t i = 0; i < n && i < n_own; i++) {
        all[i].is_chosen = true;
        n_left--;
    }
    sort_items(all, n, sizeof *all, most_held, NULL);
    for (size_t i = 0; i < n && n_left > 0; i++) {
        n_left -= !all[i].is_chosen;
        all[i].is_chosen = true;
    }
    sort_items(all, n, sizeof *all, most_retained, NULL);
}

const char *view_variable_type(const struct heap_view *v, uint32_t group)
{
    const struct root_group *g = heap_group(v->f.graph, group);
    if (!v->f.binary || g->kind != ROOT_GLOBAL) {
        return NULL;
    }
    const struct go_variable *variable =
        binary_variable_at(v->f.binary, g->address);
    const struct go_type *t = variable && variable->type.i != TYPE_NONE.i
                                  ? binary_type(v->f.binary, variable->type)
                                  : NULL;
    return t ? t->name : NULL;
}

static bool fill_global(struct heap_view *v, const struct candidate *c,
                        struct view_global *out, struct err *err)
{
    *out = (struct view_global){
        .group = c->group,
        .name = c->name,
        .type = view_variable_type(v, c->group),
        .retained_bytes = c->retained_bytes,
        .retained_objects = heap_retained_objects(v->f.dominators,
                                                  heap_node_of_group(c->group)),
    };
    return heap_reachable_from(v->f.graph, c->group, &out->reachable_bytes,
                               &out->reachable_objects, err);
}

bool heap_view_globals(struct heap_view *v, size_t n_max,
                       const struct view_global **out, size_t *n, size_t *n_all,
                       struct err *err)
{
    struct candidate *all = calloc((size_t)v->n_heads, sizeof *all);
    if (!all) {
        return err_nomem(err, "variables of a heap dump");
    }
    *n_all = list_globals(v, all);
    choose(all, *n_all, n_max);
    *n = *n_all < n_max ? *n_all : n_max;
    struct view_global *rows = arena_new(&v->arena, struct view_global, *n + 1);
    bool ok = rows || err_nomem(err, "variables of a heap dump");
    for (size_t i = 0; ok && i < *n; i++) {
        ok = fill_global(v, &all[i], &rows[i], err);
    }
    free(all);
    *out = rows;
    return ok;
}

/* --- goroutines --- */

static const char *const states[] = {
    "idle",   "runnable", "running", "in a system call",  "waiting",
    "unused", "dead",     "unused",  "copying its stack", "preempted",
    "leaked", "dead"};

static const char *state_of(uint64_t status)
{
    const size_t n = sizeof states / sizeof states[0];
    return status < n ? states[status] : "unknown";
}

/* Frames that say how it waits, not for what. */
static const char *const quiet[] = {"runtime.", "internal/", "sync.",
                                    "syscall.", "time.",     "os.",
                                    "io.",      "bufio.",    "net."};

static bool is_quiet(const char *function)
{
    for (size_t i = 0; i < sizeof quiet / sizeof quiet[0]; i++) {
        if (span_starts(span_of(function), quiet[i])) {
            return true;
        }
    }
    return false;
}

static bool says_for_what(const char *function)
{
    return !is_quiet(function) && !heap_view_is_wrapper(function);
}

/* The innermost that says for what it waits, else what was started. */
static bool find_function(struct heap_view *v, const struct graph_goroutine *g,
                          const char **out, struct err *err)
{
    for (uint32_t i = 0; i < g->n_frames; i++) {
        struct view_calls calls;
        if (!heap_view_calls(v, g->first_frame + i, &calls, err)) {
            return false;
        }
        for (size_t k = 0; k < calls.n; k++) {
            if (says_for_what(calls.items[k].function)) {
                *out = calls.items[k].function;
                return true;
            }
        }
    }
    return view_started(v, g, out, err);
}

static bool name_creator(struct heap_view *v, struct view_goroutine *row,
                         struct err *err)
{
    const struct graph_goroutine *g = heap_goroutine_at(v->f.graph, row->index);
    struct go_call calls[GO_CALLS_MAX];
    /* Of main's creator the runtime says what started it, in assembly. */
    if (g->goid == 1 || !v->f.binary || g->creator_pc == 0 ||
        binary_calls(v->f.binary, g->creator_pc - 1, calls) == 0) {
        return true;
    }
    struct buf *word = view_word(v);
    buf_str(word, calls[0].function);
    if (calls[0].file) {
        buf_printf(word, "  %s:%llu", text_base_name(calls[0].file),
                   (unsigned long long)calls[0].line);
    }
    row->creator = view_keep(v, err);
    return row->creator != NULL;
}

static int holding_most(const void *pa, const void *pb, const void *ctx)
{
    const struct view_goroutine *a = pa;
    const struct view_goroutine *b = pb;
    (void)ctx;
    if (a->retained_bytes != b->retained_bytes) {
        return a->retained_bytes > b->retained_bytes ? -1 : 1;
    }
    if (a->n_alike != b->n_alike) {
        return a->n_alike > b->n_alike ? -1 : 1;
    }
    return (a->goid > b->goid) - (a->goid < b->goid);
}

static uint64_t creator_of(const struct heap_view *v,
                           const struct view_goroutine *row)
{
    return heap_goroutine_at(v->f.graph, row->index)->creator_pc;
}

static int order_alike(const struct heap_view *v,
                       const struct view_goroutine *a,
                       const struct view_goroutine *b)
{
    if (a->is_system || b->is_system) {
        return (int)a->is_system - (int)b->is_system;
    }
    int order = strcmp(a->state, b->state);
    order = order ? order : strcmp(a->wait, b->wait);
    order = order ? order : strcmp(a->function, b->function);
    const uint64_t pa = creator_of(v, a);
    const uint64_t pb = creator_of(v, b);
    return order ? order : (pa > pb) - (pa < pb);
}

static int by_kind(const void *pa, const void *pb, const void *ctx)
{
    const struct view_goroutine *a = pa;
    const struct view_goroutine *b = pb;
    const int order = order_alike(ctx, a, b);
    return order ? order : (a->goid > b->goid) - (a->goid < b->goid);
}

/* Leaves one row of those alike: that of the one with the least id. */
static size_t fold_alike(const struct heap_view *v, struct view_goroutine *rows,
                         size_t n)
{
    size_t n_left = 0;
    sort_items(rows, n, sizeof *rows, by_kind, v);
    for (size_t i = 0; i < n; i++) {
        struct view_goroutine *last = n_left > 0 ? &rows[n_left - 1] : NULL;
        if (!last || order_alike(v, last, &rows[i]) != 0) {
            rows[n_left++] = rows[i];
            continue;
        }
        last->n_alike++;
        last->retained_bytes += rows[i].retained_bytes;
        last->retained_objects += rows[i].retained_objects;
    }
    return n_left;
}

static bool fill_goroutine(struct heap_view *v, uint32_t i,
                           struct view_goroutine *out, struct err *err)
{
    const struct graph_goroutine *g = heap_goroutine_at(v->f.graph, i);
    const heap_node node = heap_node_of_group(g->group);
    *out = (struct view_goroutine){
        .index = i,
        .n_alike = 1,
        .goid = g->goid,
        .state = g->is_system ? "" : state_of(g->status),
        .wait = g->wait_reason && !g->is_system ? g->wait_reason : "",
        .function = "Go's own",
        .is_system = g->is_system,
        .retained_bytes = heap_retained_bytes(v->f.dominators, node),
        .retained_objects = heap_retained_objects(v->f.dominators, node),
    };
    return g->is_system || find_function(v, g, &out->function, err);
}

bool heap_view_goroutines(struct heap_view *v, size_t n_max,
                          const struct view_goroutine **out, size_t *n,
                          size_t *n_all, struct err *err)
{
    const uint32_t n_goroutines = heap_n_goroutines(v->f.graph);
    if (!view_spend(v, sizeof **out * (uint64_t)n_goroutines, err)) {
        return false;
    }
    struct view_goroutine *rows =
        arena_new(&v->arena, struct view_goroutine, n_goroutines + 1);
    if (!rows) {
        return err_nomem(err, "goroutines of a heap dump");
    }
    for (uint32_t i = 0; i < n_goroutines; i++) {
        if (!fill_goroutine(v, i, &rows[i], err)) {
            return false;
        }
    }
    *n_all = fold_alike(v, rows, n_goroutines);
    sort_items(rows, *n_all, sizeof *rows, holding_most, NULL);
    *out = rows;
    *n = *n_all < n_max ? *n_all : n_max;
    for (size_t i = 0; i < *n; i++) {
        if (!rows[i].is_system && !name_creator(v, &rows[i], err)) {
            return false;
        }
    }
    return true;
}
