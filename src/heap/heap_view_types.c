/*
 * What is live, by type. A type retains what single objects of it dominate,
 * each byte once; what two of them hold together is neither's, although it
 * would go with all of them: to know that takes a walk over the heap for each
 * type.
 */
#include "base/sort.h"
#include "heap/heap_view_private.h"

#include <stdlib.h>

#include "base/banned.h"

/* --- rows --- */

static int larger_first(const void *pa, const void *pb, const void *ctx)
{
    const struct view_type *a = pa;
    const struct view_type *b = pb;
    (void)ctx;
    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

/* Drops the classes of roots. */
static size_t fill_rows(const struct heap_view *v, struct view_type *rows)
{
    size_t n = 0;
    for (size_t c = 0; c < v->classes.n; c++) {
        const struct view_class *k = &v->classes.items[c];
        if (k->n_objects == 0) {
            continue;
        }
        rows[n] = rows[c];
        rows[n].name = k->name;
        rows[n].is_known = k->is_known;
        rows[n].n_objects = k->n_objects;
        rows[n].bytes = k->bytes;
        n++;
    }
    return n;
}

bool heap_view_types(struct heap_view *v, size_t n_max,
                     const struct view_type **out, size_t *n, size_t *n_all,
                     struct err *err)
{
    struct view_type *rows =
        arena_new(&v->arena, struct view_type, v->classes.n + 1);
    if (!rows) {
        return err_nomem(err, "types of a heap dump");
    }
    if (!view_retained_by_class(v, rows, err)) {
        return false;
    }
    *n_all = fill_rows(v, rows);
    sort_items(rows, *n_all, sizeof *rows, larger_first, NULL);
    *out = rows;
    *n = *n_all < n_max ? *n_all : n_max;
    return true;
}

/* --- objects of a type --- */

/* Marks the classes that are meant. */
static bool mark_classes(const struct heap_view *v, const char *type,
                         bool *is_meant)
{
    bool is_any = false;
    for (int exact = 1; exact >= 0 && !is_any; exact--) {
        for (size_t c = 0; c < v->classes.n; c++) {
            const struct view_class *k = &v->classes.items[c];
            is_meant[c] =
                k->n_objects > 0 && (exact ? strcmp(k->name, type) == 0
                                           : span_has(span_of(k->name), type));
            is_any = is_any || is_meant[c];
        }
    }
    return is_any;
}

static int most_held_first(const void *pa, const void *pb, const void *ctx)
{
    const object_id a = *(const object_id *)pa;
    const object_id b = *(const object_id *)pb;
    const struct heap_view *v = ctx;
    const uint64_t x = heap_retained_bytes(v->f.dominators, view_node(v, a));
    const uint64_t y = heap_retained_bytes(v->f.dominators, view_node(v, b));
    if (x != y) {
        return x > y ? -1 : 1;
    }
    return (a.i > b.i) - (a.i < b.i);
}

bool heap_view_objects_of(struct heap_view *v, const char *type,
                          object_id **out, size_t *n, struct err *err)
{
    bool *is_meant = calloc(v->classes.n + 1, sizeof *is_meant);
    size_t n_all = 0;
    *out = NULL;
    *n = 0;
    if (!is_meant) {
        return err_nomem(err, "objects of a type");
    }
    if (mark_classes(v, type, is_meant)) {
        for (size_t c = 0; c < v->classes.n; c++) {
            n_all += is_meant[c] ? v->classes.items[c].n_objects : 0;
        }
    }
    *out = malloc((n_all + 1) * sizeof **out);
    const uint32_t n_objects = heap_n_objects(v->f.graph);
    for (uint32_t i = 0; *out && n_all > 0 && i < n_objects; i++) {
        const uint32_t c = v->class_of[v->n_heads + i];
        if (c != VIEW_NO_CLASS && is_meant[c]) {
            (*out)[(*n)++] = (object_id){i};
        }
    }
    free(is_meant);
    if (!*out) {
        return err_nomem(err, "objects of a type");
    }
    sort_items(*out, *n, sizeof **out, most_held_first, v);
    return true;
}
