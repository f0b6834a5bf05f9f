/*
 * Several paths to one object. Backwards from it, best first, with the known
 * distance from the roots as the rest of the way (A*): what is taken next is
 * always on a shortest path, so that the first way found into a root group is
 * the shortest from there. Then the shortest path through each of its direct
 * holders. How much is looked at is bounded, whatever the graph.
 */
#include "heap/heap_paths_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "base/vec.h"
#include "heap/flow_search_private.h"
#include "heap/heap_memory_private.h"

#include "base/banned.h"

/* Nodes taken, edges looked at, and steps of paths walked for one question:
   some hundredths of a second. */
enum { NODES_MAX = 200000, EDGES_MAX = 2000000, WALKED_MAX = 4000000 };
enum { NONE = -1 };

/* --- backwards from the object --- */

/* An object on the way back; `next` is the place towards the end, NONE at it.
 */
struct place {
    uint32_t object;
    int32_t next;
    uint32_t n_behind; /* steps from it to the end */
};
VEC_TYPE(vec_place, struct place)

struct waiting {
    uint64_t length; /* of the whole path */
    uint32_t place;
};
VEC_TYPE(vec_waiting, struct waiting)

/* What was found: the way from `root` to `place` and on; with no place, along
   the tree to `holder`, then to the end. `holder` is what is before the end,
   PATH_UNREACHED when that is the root. */
struct found {
    uint64_t length;
    uint32_t group, root;
    int32_t place;
    uint32_t holder;
};
VEC_TYPE(vec_found, struct found)

struct question {
    const struct heap_paths *p;
    uint32_t object;
    size_t k;
    struct vec_place places;
    struct vec_waiting heap; /* the least first */
    struct vec_found found;
    uint64_t *is_settled; /* bits */
    uint64_t n_edges, n_walked;
};

static bool is_before(struct waiting a, struct waiting b)
{
    return a.length != b.length ? a.length < b.length : a.place < b.place;
}

static bool heap_push(struct vec_waiting *h, struct waiting w)
{
    if (!vec_waiting_push(h, w)) {
        return false;
    }
    size_t i = h->n - 1;
    while (i > 0 && is_before(w, h->items[(i - 1) / 2])) {
        h->items[i] = h->items[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->items[i] = w;
    return true;
}

static struct waiting heap_pop(struct vec_waiting *h)
{
    const struct waiting top = h->items[0];
    const struct waiting last = h->items[--h->n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->n) {
            break;
        }
        if (child + 1 < h->n &&
            is_before(h->items[child + 1], h->items[child])) {
            child++;
        }
        if (!is_before(h->items[child], last)) {
            break;
        }
        h->items[i] = h->items[child];
        i = child;
    }
    h->items[i] = last;
    return top;
}

static bool settle(struct question *q, uint32_t object)
{
    const uint64_t bit = UINT64_C(1) << (object % 64);
    const bool is_new = (q->is_settled[object / 64] & bit) == 0;
    q->is_settled[object / 64] |= bit;
    return is_new;
}

static bool add_place(struct question *q, uint32_t object, int32_t next)
{
    const uint32_t n_behind =
        next == NONE ? 0 : q->places.items[next].n_behind + 1;
    const struct waiting w = {(uint64_t)n_behind + q->p->distance[object],
                              (uint32_t)q->places.n};
    return vec_place_push(&q->places, (struct place){object, next, n_behind}) &&
           heap_push(&q->heap, w);
}

static bool has_group(const struct question *q, uint32_t group)
{
    for (size_t i = 0; i < q->found.n; i++) {
        if (q->found.items[i].group == group) {
            return true;
        }
    }
    return false;
}

/* What the way from `place` on comes by before the end. */
static uint32_t last_holder(const struct question *q, int32_t place)
{
    uint32_t holder = PATH_UNREACHED;
    for (int32_t at = place; q->places.items[at].next != NONE;
         at = q->places.items[at].next) {
        holder = q->places.items[at].object;
    }
    return holder;
}

static bool take_roots(struct question *q, int32_t place)
{
    const struct path_holders *h = q->p->holders;
    const struct place at = q->places.items[place];
    for (size_t i = path_first_root(h, at.object);
         i < h->n_roots && h->roots[i].object == at.object; i++) {
        const uint32_t root = h->roots[i].root;
        const uint32_t group = path_root_at(q->p->graph, root)->group;
        const struct found f = {at.n_behind + UINT64_C(1), group, root, place,
                                last_holder(q, place)};
        if (q->found.n < q->k && !has_group(q, group) &&
            !vec_found_push(&q->found, f)) {
            return false;
        }
    }
    return true;
}

static bool is_settled(const struct question *q, uint32_t object)
{
    return (q->is_settled[object / 64] >> object % 64 & 1) != 0;
}

static bool take_holders(struct question *q, int32_t place)
{
    const struct path_holders *h = q->p->holders;
    const uint32_t object = q->places.items[place].object;
    const uint64_t end = h->first[object + 1];
    for (uint64_t k = h->first[object]; k < end && q->n_edges < EDGES_MAX;
         k++) {
        q->n_edges++;
        if (!is_settled(q, h->from[k]) && !add_place(q, h->from[k], place)) {
            return false;
        }
    }
    return true;
}

/* The shortest path of each of up to k groups. */
static bool find_groups(struct question *q)
{
    uint32_t n_taken = 0;
    if (!add_place(q, q->object, NONE)) {
        return false;
    }
    while (q->heap.n > 0 && q->found.n < q->k && n_taken < NODES_MAX) {
        const int32_t place = (int32_t)heap_pop(&q->heap).place;
        if (!settle(q, q->places.items[place].object)) {
            continue;
        }
        n_taken++;
        if (!take_roots(q, place) || !take_holders(q, place)) {
            return false;
        }
    }
    return true;
}

/* --- through other holders --- */

static bool has_holder(const struct question *q, uint32_t holder)
{
    for (size_t i = 0; i < q->found.n; i++) {
        if (q->found.items[i].holder == holder) {
            return true;
        }
    }
    return false;
}

/* The root of the tree's path to `holder`; false when it leads through the
   object itself, or is too long to be told. */
static bool root_of(struct question *q, uint32_t holder, uint32_t *root)
{
    const uint32_t *from = q->p->from;
    uint32_t at = holder;
    while (!(from[at] & PATH_ROOT)) {
        if (at == q->object || ++q->n_walked > WALKED_MAX) {
            return false;
        }
        at = from[at];
    }
    *root = from[at] & ~PATH_ROOT;
    return at != q->object;
}

static int nearest_first(const void *pa, const void *pb, const void *ctx)
{
    const uint32_t a = *(const uint32_t *)pa;
    const uint32_t b = *(const uint32_t *)pb;
    const struct heap_paths *p = ctx;
    if (p->distance[a] != p->distance[b]) {
        return p->distance[a] < p->distance[b] ? -1 : 1;
    }
    return (a > b) - (a < b);
}

static bool find_holders(struct question *q)
{
    const struct path_holders *h = q->p->holders;
    const uint64_t first = h->first[q->object];
    uint64_t n = h->first[q->object + 1] - first;
    n = n < EDGES_MAX ? n : EDGES_MAX;
    uint32_t *near = heap_column(uint32_t, (size_t)n);
    if (!near) {
        return false;
    }
    memcpy(near, h->from + first, (size_t)n * sizeof *near);
    sort_items(near, (size_t)n, sizeof *near, nearest_first, q->p);
    bool ok = true;
    for (uint64_t i = 0; i < n && ok && q->found.n < q->k; i++) {
        uint32_t root = 0;
        if (!has_holder(q, near[i]) && root_of(q, near[i], &root)) {
            ok = vec_found_push(
                &q->found,
                (struct found){q->p->distance[near[i]] + UINT64_C(1),
                               path_root_at(q->p->graph, root)->group, root,
                               NONE, near[i]});
        }
    }
    free(near);
    return ok;
}

/* --- paths out of what was found --- */

static void fill_objects(const struct question *q, const struct found *f,
                         struct heap_step *steps)
{
    size_t i = 0;
    for (int32_t at = f->place; at != NONE; at = q->places.items[at].next) {
        steps[i++].object.i = q->places.items[at].object;
    }
    if (f->place != NONE) {
        return;
    }
    i = (size_t)f->length;
    steps[--i].object.i = q->object;
    for (uint32_t at = f->holder; i > 0; at = q->p->from[at]) {
        steps[--i].object.i = at;
    }
}

static void fill_offsets(const struct heap_graph *g, struct heap_path *path,
                         struct heap_step *steps)
{
    const struct root_group *group = heap_group(g, path->group);
    if (group->address && path->root->address >= group->address) {
        steps[0].offset = path->root->address - group->address;
    }
    for (size_t i = 1; i < path->n; i++) {
        steps[i].offset = path_offset(g, steps[i - 1].object, steps[i].object);
    }
}

static bool write_path(const struct question *q, const struct found *f,
                       struct arena *arena, struct heap_path *out)
{
    struct heap_step *steps =
        arena_new(arena, struct heap_step, (size_t)f->length);
    if (!steps) {
        return false;
    }
    *out = (struct heap_path){.group = f->group,
                              .root = path_root_at(q->p->graph, f->root),
                              .steps = steps,
                              .n = (size_t)f->length};
    fill_objects(q, f, steps);
    fill_offsets(q->p->graph, out, steps);
    return true;
}

static int shortest_first(const void *pa, const void *pb, const void *ctx)
{
    const struct found *a = pa;
    const struct found *b = pb;
    (void)ctx;
    if (a->length != b->length) {
        return a->length < b->length ? -1 : 1;
    }
    if (a->group != b->group) {
        return a->group < b->group ? -1 : 1;
    }
    return (a->root > b->root) - (a->root < b->root);
}

static bool write_paths(struct question *q, struct arena *arena,
                        struct heap_path **out, size_t *n)
{
    struct vec_found *found = &q->found;
    sort_items(found->items, found->n, sizeof *found->items, shortest_first,
               NULL);
    *out = arena_new(arena, struct heap_path, found->n);
    for (size_t i = 0; *out && i < found->n; i++) {
        if (!write_path(q, &found->items[i], arena, &(*out)[i])) {
            return false;
        }
        *n = i + 1;
    }
    return *out != NULL;
}

/* The tree knows one path without any search. */
static bool find_nearest(struct question *q)
{
    const uint32_t from = q->p->from[q->object];
    uint32_t at = q->object;
    while (!(q->p->from[at] & PATH_ROOT)) {
        at = q->p->from[at];
    }
    const uint32_t root = q->p->from[at] & ~PATH_ROOT;
    return vec_found_push(
        &q->found,
        (struct found){q->p->distance[q->object],
                       path_root_at(q->p->graph, root)->group, root, NONE,
                       from & PATH_ROOT ? PATH_UNREACHED : from});
}

static bool find_several(struct question *q)
{
    q->is_settled = calloc(heap_n_objects(q->p->graph) / 64 + (size_t)1,
                           sizeof *q->is_settled);
    return q->is_settled && find_groups(q) && find_holders(q);
}

bool heap_paths_to(const struct heap_paths *p, object_id o, size_t k,
                   struct arena *arena, struct heap_path **out, size_t *n,
                   struct err *err)
{
    *out = NULL;
    *n = 0;
    if (o.i >= heap_n_objects(p->graph) || p->from[o.i] == PATH_UNREACHED ||
        k == 0) {
        return true;
    }
    if (k > 1 && !path_holders_make(p, err)) {
        return false;
    }
    struct question q = {.p = p, .object = o.i, .k = k};
    const bool ok = (k > 1 ? find_several(&q) : find_nearest(&q)) &&
                    write_paths(&q, arena, out, n);
    free(q.is_settled);
    vec_place_release(&q.places);
    vec_waiting_release(&q.heap);
    vec_found_release(&q.found);
    return ok || err_nomem(err, "paths");
}
