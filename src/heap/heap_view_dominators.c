/* The dominator tree by classes, as rows, and a node's own chain. */
#include "base/sort.h"
#include "heap/heap_view_private.h"

#include <stdlib.h>

#include "base/banned.h"

struct level {
    struct view_sets sets;
    size_t next;
};
VEC_TYPE(branches, struct view_branch)

struct walk {
    struct heap_view *v;
    struct level levels[VIEW_DEPTH_MAX];
    unsigned n_levels;
    struct branches rows;
    uint64_t least_bytes;
};

static bool is_inner(const struct heap_view *v, heap_node n)
{
    if (!v->f.types || !view_is_object(v, n)) {
        return false;
    }
    const struct object_type t = heap_type_of(v->f.types, view_object(v, n));
    return t.type.i != TYPE_NONE.i &&
           (t.form == FORM_MAP_BUCKETS || t.form == FORM_MAP_TABLE ||
            t.form == FORM_MAP_DIRECTORY || t.form == FORM_CHANNEL_BUFFER);
}

bool view_branch_of(struct heap_view *v, const struct view_set *set,
                    unsigned depth, struct view_branch *out, struct err *err)
{
    const heap_node from = heap_dominator(v->f.dominators, set->largest);
    *out = (struct view_branch){
        .depth = depth,
        .field = view_is_object(v, set->largest)
                     ? heap_view_field(v, from, view_object(v, set->largest))
                     : "",
        .name = set->n_members == 1 ? heap_view_name(v, set->largest)
                                    : v->classes.items[set->class_id].name,
        .class_name = v->classes.items[set->class_id].name,
        .is_inner = is_inner(v, set->largest),
        .sample = set->largest,
        .n_nodes = set->n_members,
        .n_tops = set->n,
        .bytes = set->bytes,
        .retained_bytes = set->retained_bytes,
        .retained_objects = set->retained_objects,
    };
    return !v->word.failed_memory || err_nomem(err, "dominator tree");
}

/* The row of the next set of the last level; its own sets are the next one. */
static bool take_next(struct walk *w, struct err *err)
{
    struct level *at = &w->levels[w->n_levels - 1];
    struct view_set *set = &at->sets.items[at->next++];
    struct level below = {.next = 0};
    struct view_branch row;
    if (!view_sets_below(w->v, set, w->least_bytes, &below.sets, err)) {
        return false;
    }
    bool ok = view_branch_of(w->v, set, w->n_levels - 1, &row, err);
    row.is_cut = below.sets.n > 0 && w->n_levels == VIEW_DEPTH_MAX;
    ok = ok &&
         (branches_push(&w->rows, row) || err_nomem(err, "dominator tree"));
    if (ok && below.sets.n > 0 && !row.is_cut) {
        w->levels[w->n_levels++] = below;
    } else {
        view_sets_release(&below.sets);
    }
    return ok;
}

static bool walk_all(struct walk *w, struct err *err)
{
    heap_node zero;
    struct view_set all = view_set_of_all(w->v, &zero);
    bool ok =
        view_sets_below(w->v, &all, w->least_bytes, &w->levels[0].sets, err);
    w->n_levels = 1;
    while (ok && w->n_levels > 0) {
        struct level *at = &w->levels[w->n_levels - 1];
        if (at->next < at->sets.n) {
            ok = take_next(w, err);
        } else {
            view_sets_release(&at->sets);
            w->n_levels--;
        }
    }
    while (w->n_levels > 0) {
        view_sets_release(&w->levels[--w->n_levels].sets);
    }
    return ok;
}

static int most_first(const void *a, const void *b, const void *ctx)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    (void)ctx;
    return (x < y) - (x > y);
}

/* Keeps the rows that retain most. A row retains no more than the one it is
   below, so that a tree is left. */
static bool cut(struct branches *rows, size_t n_max, struct err *err)
{
    if (rows->n <= n_max) {
        return true;
    }
    uint64_t *bytes = malloc(rows->n * sizeof *bytes);
    if (!bytes) {
        return err_nomem(err, "dominator tree");
    }
    for (size_t i = 0; i < rows->n; i++) {
        bytes[i] = rows->items[i].retained_bytes;
    }
    sort_items(bytes, rows->n, sizeof *bytes, most_first, NULL);
    const uint64_t least = n_max > 0 ? bytes[n_max - 1] : UINT64_MAX;
    size_t n_equal = 0; /* of those that retain as much as the least: room */
    for (size_t i = 0; i < n_max; i++) {
        n_equal += bytes[i] == least;
    }
    free(bytes);
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const uint64_t retained = rows->items[i].retained_bytes;
        if (retained < least || (retained == least && n_equal == 0)) {
            continue;
        }
        n_equal -= retained == least;
        rows->items[n++] = rows->items[i];
    }
    rows->n = n;
    return true;
}

static uint64_t part_of(uint64_t bytes, double share)
{
    const double part = (double)bytes * share;
    return part >= 1 ? (uint64_t)part : 1;
}

bool heap_view_branches(struct heap_view *v, double share, size_t n_max,
                        const struct view_branch **out, size_t *n,
                        size_t *n_all, struct err *err)
{
    struct walk w = {
        .v = v,
        .least_bytes = part_of(heap_retained_bytes(v->f.dominators, 0), share)};
    bool ok = walk_all(&w, err);
    *n_all = w.rows.n;
    ok = ok && cut(&w.rows, n_max, err);
    struct view_branch *rows =
        ok ? arena_new(&v->arena, struct view_branch, w.rows.n + 1) : NULL;
    if (ok && !rows) {
        ok = err_nomem(err, "dominator tree");
    }
    *n = ok ? w.rows.n : 0;
    for (size_t i = 0; i < *n; i++) {
        rows[i] = w.rows.items[i];
    }
    branches_release(&w.rows);
    *out = rows;
    return ok;
}

bool heap_view_tops(struct heap_view *v, const struct view_branch **out,
                    size_t *n, struct err *err)
{
    heap_node zero;
    struct view_sets sets;
    struct view_set all = view_set_of_all(v, &zero);
    if (!view_sets_below(v, &all, 1, &sets, err)) {
        return false;
    }
    struct view_branch *rows =
        arena_new(&v->arena, struct view_branch, sets.n + 1);
    bool ok = rows || err_nomem(err, "dominator tree");
    for (size_t i = 0; ok && i < sets.n; i++) {
        ok = view_branch_of(v, &sets.items[i], 0, &rows[i], err);
    }
    *out = rows;
    *n = sets.n;
    view_sets_release(&sets);
    return ok;
}

bool heap_view_dominators(struct heap_view *v, heap_node n, size_t n_max,
                          heap_node **out, size_t *n_out, struct err *err)
{
    *n_out = 0;
    *out = arena_new(&v->arena, heap_node, n_max + 1);
    if (!*out) {
        return err_nomem(err, "dominators");
    }
    for (heap_node at = n;
         heap_is_reachable(v->f.dominators, at) && at != 0 && *n_out < n_max;
         at = heap_dominator(v->f.dominators, at)) {
        (*out)[(*n_out)++] = at;
    }
    return true;
}
