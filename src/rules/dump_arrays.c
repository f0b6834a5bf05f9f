/*
 * Arrays that do not grow: make([]T, n) gives one of its full length, and the
 * stack of its allocation says so, since Go 1.26. Before, and where it was not
 * sampled, a large one that is full to the last element is taken for one: what
 * append makes has room for a quarter more. A table that was loaded once is of
 * that kind, and so is the index of one: as many entries as the table has rows,
 * each referring into it.
 */
#include "rules/dump_private.h"

#include "base/banned.h"

static bool is_called(const struct heap_bucket *b, const char *function)
{
    for (size_t i = 0; i < b->n_calls; i++) {
        if (span_eq(b->calls[i].function, span_of(function))) {
            return true;
        }
    }
    return false;
}

/* Of arrays that append grows, one in a thousand is met when it is just full;
   smaller ones are more often. Of the last page a part may be left. */
enum { FULL_MIN = 4096, PAGE_BYTES = 8192 };

static bool is_full(const struct dump_judge *j, object_id o,
                    const struct view_slice *s)
{
    const uint64_t bytes = heap_object_bytes(j->e->facts->graph, o);
    return s->n_used == s->capacity && s->capacity >= FULL_MIN &&
           bytes - s->capacity * s->element_bytes < PAGE_BYTES;
}

/* And is it in use, so that append did not only begin to fill it? */
static bool is_fixed_array(struct dump_judge *j, object_id o,
                           struct view_slice *slice, bool *has_slice,
                           bool *is_fixed, struct err *err)
{
    const struct heap_bucket *b = heap_object_bucket(j->e->facts->graph, o);
    if (!heap_view_slice_of(j->e->view, o, slice, has_slice, err)) {
        return false;
    }
    const bool is_appended = b && is_called(b, "runtime.growslice");
    const bool is_made = b && is_called(b, "runtime.makeslice") &&
                         (!*has_slice || slice->n_used * 2 >= slice->capacity);
    *is_fixed =
        !is_appended && (is_made || (*has_slice && is_full(j, o, slice)));
    return true;
}

static bool is_array(const struct dump_judge *j, object_id o)
{
    return j->e->facts->types &&
           heap_type_of(j->e->facts->types, o).form == FORM_ARRAY;
}

/* The array that a good part of an object's pointers lead into; the others may
   be those of keys. */
static object_id main_target(const struct dump_judge *j, object_id from)
{
    const struct heap_graph *g = j->e->facts->graph;
    enum { LOOKED_AT = 16 };
    uint64_t n = 0;
    const object_id *to = heap_edges(g, from, &n);
    for (uint64_t i = 0; i < n && i < LOOKED_AT; i++) {
        uint64_t n_same = 0;
        for (uint64_t k = 0; k < n; k++) {
            n_same += to[k].i == to[i].i;
        }
        if (n_same * 3 >= n && n_same > 1 && is_array(j, to[i])) {
            return to[i];
        }
    }
    return OBJECT_NONE;
}

/* The array that bounds it: itself, or the one that it is an index of, or the
   one that holds each of many. */
static object_id bounding_array(struct dump_judge *j,
                                const struct dump_candidate *c)
{
    const struct heap_graph *g = j->e->facts->graph;
    const struct dump_row *at = dump_at(c);
    object_id o;
    if (!at || !heap_node_is_object(g, at->branch->sample, &o)) {
        return OBJECT_NONE;
    }
    if (c->container == CONTAINER_SLICE && at->branch->n_nodes == 1 &&
        is_array(j, o)) {
        return o;
    }
    const struct dump_row *last = c->way.rows[c->way.n - 1];
    if (c->container == CONTAINER_MAP && last->form == FORM_MAP_BUCKETS &&
        heap_node_is_object(g, last->branch->sample, &o)) {
        return main_target(j, o);
    }
    return c->container == CONTAINER_GROUP ? c->holder_array : OBJECT_NONE;
}

bool dump_find_fixed(struct dump_judge *j, struct dump_candidate *c,
                     struct err *err)
{
    struct view_slice slice;
    bool has_slice = false;
    bool is_fixed = false;
    /* It takes a walk over all slices: only for what would be suspect. */
    if (!c->is_growing || !j->e->facts->types ||
        c->retained_bytes < j->options.min_bytes ||
        (!j->before && c->holder.share < j->options.min_share)) {
        return true;
    }
    const object_id o = bounding_array(j, c);
    if (o.i == OBJECT_NONE.i) {
        return true;
    }
    if (!is_fixed_array(j, o, &slice, &has_slice, &is_fixed, err)) {
        return false;
    }
    if (c->container == CONTAINER_SLICE) {
        c->has_slice = has_slice;
        c->slice = slice;
    }
    c->is_fixed = is_fixed;
    c->is_growing = !is_fixed;
    return true;
}
