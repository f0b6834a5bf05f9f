/*
 * Ways from roots as stacks, for profiles: each object adds to the chain of
 * names that leads to it. Chains are a tree that shares its beginnings; what
 * leads to its own kind (lists, trees) stays in one frame, or a list would be
 * a stack of a million frames.
 */
#include "heap/heap_view_private.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

/* Beyond these, objects count for the chain above. */
enum { CHAIN_DEPTH_MAX = 128, CHAINS_MAX = 1 << 20 };

VEC_TYPE(view_chains, struct view_chain)

/* Two numbers to one. */
struct pair_map {
    struct pair {
        uint64_t a, b;
        uint32_t value; /* + 1; 0 free */
    } * slots;
    size_t n_slots, n;
};

struct weaving {
    struct heap_view *v;
    const struct heap_graph *g;
    struct view_chains chains;
    struct vec_u32 depth, last_class; /* by chain */
    struct pair_map below;            /* chain, frame -> chain */
    struct pair_map frames;           /* classes, offset -> frame */
    struct intern texts;              /* of frames */
    uint32_t *chain_of;               /* by node; UINT32_MAX not yet */
};

/* --- pairs --- */

static struct pair *pair_find(const struct pair_map *m, uint64_t a, uint64_t b)
{
    uint64_t h =
        (a * UINT64_C(0x9e3779b97f4a7c15)) ^ (b * UINT64_C(0xd6e8feb86659fd93));
    h ^= h >> 29;
    size_t i = (size_t)h & (m->n_slots - 1);
    while (m->slots[i].value != 0 &&
           (m->slots[i].a != a || m->slots[i].b != b)) {
        i = (i + 1) & (m->n_slots - 1);
    }
    return &m->slots[i];
}

static bool pair_room(struct pair_map *m)
{
    if (m->n * 2 < m->n_slots) {
        return true;
    }
    struct pair_map bigger = {.n = m->n,
                              .n_slots = m->n_slots ? m->n_slots * 2 : 1024};
    bigger.slots = calloc(bigger.n_slots, sizeof *bigger.slots);
    if (!bigger.slots) {
        return false;
    }
    for (size_t i = 0; i < m->n_slots; i++) {
        if (m->slots[i].value != 0) {
            *pair_find(&bigger, m->slots[i].a, m->slots[i].b) = m->slots[i];
        }
    }
    free(m->slots);
    *m = bigger;
    return true;
}

static void pair_set(struct pair_map *m, struct pair *at, uint64_t a,
                     uint64_t b, uint32_t value)
{
    *at = (struct pair){a, b, value + 1};
    m->n++;
}

/* --- frames --- */

/* ".users[] *main.User" */
static bool make_frame(struct weaving *w, heap_node from, uint64_t offset,
                       heap_node to, uint32_t *frame, struct err *err)
{
    struct buf path = BUF_LIMIT(VIEW_NAME_BYTES);
    struct buf *word = view_word(w->v);
    if (offset != UINT64_MAX) {
        heap_field_name(w->v->f.types, view_object(w->v, from), offset, &path);
        view_without_indices(buf_view(&path), word);
    }
    buf_str(word, word->len > 0 ? " " : "");
    buf_str(word, w->v->classes.items[w->v->class_of[to]].name);
    const bool has_room = !path.failed_memory && !word->failed_memory;
    buf_release(&path);
    return (has_room || err_nomem(err, "chains")) &&
           intern_add(&w->texts, buf_view(word), frame, err);
}

/* Where in one value of the holder's the pointer is: equal for all elements
   of an array. UINT64_MAX when that is not known: the number of a word says
   nothing. */
static uint64_t offset_in_value(const struct weaving *w, heap_node from,
                                uint64_t offset)
{
    struct object_type t;
    if (offset == UINT64_MAX || !view_is_object(w->v, from)) {
        return UINT64_MAX;
    }
    const type_id id = view_scan_type(w->v, view_object(w->v, from), &t);
    const struct go_type *type =
        id.i != TYPE_NONE.i ? binary_type(w->v->f.binary, id) : NULL;
    if (!type || type->bytes == 0 || offset < t.header_bytes) {
        return UINT64_MAX;
    }
    return (offset - t.header_bytes) % type->bytes;
}

static bool find_frame(struct weaving *w, heap_node from, uint64_t offset,
                       heap_node to, uint32_t *frame, struct err *err)
{
    const uint64_t classes =
        (uint64_t)w->v->class_of[from] << 32 | w->v->class_of[to];
    const uint64_t inside = offset_in_value(w, from, offset);
    if (!pair_room(&w->frames)) {
        return err_nomem(err, "chains");
    }
    struct pair *at = pair_find(&w->frames, classes, inside);
    if (at->value == 0) {
        if (!make_frame(w, from, inside == UINT64_MAX ? inside : offset, to,
                        frame, err)) {
            return false;
        }
        pair_set(&w->frames, at, classes, inside, *frame);
    }
    *frame = at->value - 1;
    return true;
}

/* --- chains --- */

static bool add_chain(struct weaving *w, uint32_t parent, uint32_t frame,
                      uint32_t class_id, uint32_t *out, struct err *err)
{
    if (!pair_room(&w->below)) {
        return err_nomem(err, "chains");
    }
    struct pair *at = pair_find(&w->below, parent, frame);
    if (at->value != 0) {
        *out = at->value - 1;
        return true;
    }
    const bool is_root = parent == UINT32_MAX;
    const struct view_chain c = {.parent = parent,
                                 .frame = intern_text(&w->texts, frame)};
    *out = (uint32_t)w->chains.n;
    if (!view_chains_push(&w->chains, c) ||
        !vec_u32_push(&w->depth, is_root ? 0 : w->depth.items[parent] + 1) ||
        !vec_u32_push(&w->last_class, class_id)) {
        return err_nomem(err, "chains");
    }
    pair_set(&w->below, at, parent, frame, *out);
    return true;
}

static bool is_full(const struct weaving *w, uint32_t chain)
{
    return w->depth.items[chain] >= CHAIN_DEPTH_MAX ||
           w->chains.n >= CHAINS_MAX;
}

/* The chain of a node that another one leads to, which has its own already. */
static bool lead(struct weaving *w, heap_node from, uint64_t offset,
                 heap_node to, struct err *err)
{
    const uint32_t parent = w->chain_of[from];
    const uint32_t class_id = w->v->class_of[to];
    uint32_t chain = parent;
    assert(parent == UINT32_MAX || w->last_class.items);
    if (parent == UINT32_MAX) { /* from the super-root */
        uint32_t frame = 0;
        const char *name = w->v->classes.items[class_id].name;
        if (!intern_add(&w->texts, span_of(name), &frame, err) ||
            !add_chain(w, parent, frame, class_id, &chain, err)) {
            return false;
        }
    } else if (w->last_class.items[parent] != class_id && !is_full(w, parent)) {
        uint32_t frame = 0;
        if (!find_frame(w, from, offset, to, &frame, err) ||
            !add_chain(w, parent, frame, class_id, &chain, err)) {
            return false;
        }
    }
    w->chain_of[to] = chain;
    if (view_is_object(w->v, to)) {
        w->chains.items[chain].bytes += view_own_bytes(w->v, to);
        w->chains.items[chain].n_objects++;
    }
    return true;
}

static bool begin(struct weaving *w, struct heap_view *v, struct err *err)
{
    *w = (struct weaving){.v = v, .g = v->f.graph};
    if (!heap_has_room(w->g, NULL,
                       2 * sizeof *w->chain_of * (uint64_t)v->n_nodes, "chains",
                       err)) {
        return false;
    }
    w->chain_of = malloc(sizeof *w->chain_of * v->n_nodes);
    if (!w->chain_of) {
        return err_nomem(err, "chains");
    }
    memset(w->chain_of, 0xff, sizeof *w->chain_of * v->n_nodes);
    return true;
}

/* Texts outlive the weaving. */
static bool end(struct weaving *w, bool ok, const struct view_chain **out,
                size_t *n, struct err *err)
{
    struct view_chain *rows =
        ok ? arena_new(&w->v->arena, struct view_chain, w->chains.n + 1) : NULL;
    if (ok && !rows) {
        ok = err_nomem(err, "chains");
    }
    *n = ok ? w->chains.n : 0;
    for (size_t i = 0; i < *n && ok; i++) {
        rows[i] = w->chains.items[i];
        rows[i].frame = arena_strdup(&w->v->arena, span_of(rows[i].frame));
        ok = rows[i].frame || err_nomem(err, "chains");
    }
    *out = rows;
    view_chains_release(&w->chains);
    vec_u32_release(&w->depth);
    vec_u32_release(&w->last_class);
    free(w->below.slots);
    free(w->frames.slots);
    intern_release(&w->texts);
    free(w->chain_of);
    return ok;
}

/* --- along dominators --- */

bool heap_view_dominator_chains(struct heap_view *v,
                                const struct view_chain **out, size_t *n,
                                struct err *err)
{
    struct weaving w;
    struct vec_u32 stack = {0};
    bool ok = begin(&w, v, err);
    ok = ok && (vec_u32_push(&stack, 0) || err_nomem(err, "chains"));
    while (ok && stack.n > 0) {
        const heap_node from = stack.items[--stack.n];
        const heap_node *children = NULL;
        size_t n_children = 0;
        ok = heap_children(v->f.dominators, from, &children, &n_children, err);
        for (size_t i = 0; ok && i < n_children; i++) {
            ok =
                lead(&w, from, UINT64_MAX, children[i], err) &&
                (vec_u32_push(&stack, children[i]) || err_nomem(err, "chains"));
        }
    }
    vec_u32_release(&stack);
    return end(&w, ok, out, n, err);
}

/* --- along shortest paths --- */

/* Objects in order of their distance. */
struct queue {
    uint32_t *items;
    size_t n, next;
};

static bool reach(struct weaving *w, struct queue *q, heap_node from,
                  uint64_t offset, object_id to, struct err *err)
{
    const heap_node node = view_node(w->v, to);
    if (w->chain_of[node] != UINT32_MAX || !view_is_reachable(w->v, to)) {
        return true;
    }
    q->items[q->n++] = to.i;
    return lead(w, from, offset, node, err);
}

static bool reach_from_roots(struct weaving *w, struct queue *q,
                             struct err *err)
{
    for (uint32_t i = 0; i < heap_n_groups(w->g); i++) {
        const heap_node node = heap_node_of_group(i);
        const struct heap_root *roots = heap_group_roots(w->g, i);
        const uint64_t n_roots = heap_group(w->g, i)->n_roots;
        if (n_roots > 0 && !lead(w, 0, UINT64_MAX, node, err)) {
            return false;
        }
        for (uint64_t k = 0; k < n_roots; k++) {
            if (roots[k].object.i != OBJECT_NONE.i &&
                !reach(w, q, node, UINT64_MAX, roots[k].object, err)) {
                return false;
            }
        }
    }
    return true;
}

/* Only fields that are edges: some pointers hold nothing. */
static bool reach_from_object(struct weaving *w, struct queue *q, object_id o,
                              struct err *err)
{
    uint64_t n_edges = 0;
    uint64_t next = 0;
    uint64_t offset = 0;
    const object_id *to = heap_edges(w->g, o, &n_edges);
    const struct span contents = heap_object_contents(w->g, o);
    struct dump_fields fields = heap_object_fields(w->g, o);
    while (next < n_edges && dump_fields_next(&fields, &offset)) {
        const uint64_t address = heap_word(w->g, contents, offset);
        if (address == 0 || heap_object_at(w->g, address).i != to[next].i) {
            continue;
        }
        if (!reach(w, q, view_node(w->v, o), offset, to[next++], err)) {
            return false;
        }
    }
    for (; next < n_edges; next++) {
        if (!reach(w, q, view_node(w->v, o), UINT64_MAX, to[next], err)) {
            return false;
        }
    }
    return true;
}

bool heap_view_path_chains(struct heap_view *v, const struct view_chain **out,
                           size_t *n, struct err *err)
{
    struct weaving w;
    struct queue q = {.next = 0};
    q.items =
        malloc(((size_t)heap_n_objects(v->f.graph) + 1) * sizeof *q.items);
    bool ok = begin(&w, v, err);
    ok = ok && (q.items || err_nomem(err, "chains"));
    ok = ok && reach_from_roots(&w, &q, err);
    while (ok && q.next < q.n) {
        ok = reach_from_object(&w, &q, (object_id){q.items[q.next++]}, err);
    }
    free(q.items);
    return end(&w, ok, out, n, err);
}
