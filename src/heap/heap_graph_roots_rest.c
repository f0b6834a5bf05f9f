/*
 * Holders other than variables and goroutines. Two things differ from what the
 * collector does, so that a holder is the one that a reader means:
 *
 * - The runtime keeps a list of all goroutines, and through it everything that
 *   a blocked goroutine waits for would be held by that list too. Its edges
 *   are left out: each g is held by its own goroutine, those of goroutines
 *   that ended by a group of their own, and those whose records are lost.
 * - What an object with a finalizer refers to stays until it ran, but not the
 *   object itself. This matters for objects that nothing else reaches, and
 *   only for them there are such roots; else all of it would have two holders.
 */
#include "heap/heap_graph_roots_private.h"

#include "base/banned.h"

/* --- finalizers, and what has no better name --- */

static bool add_closures(struct root_builder *b, struct err *err)
{
    struct heap_graph *g = b->g;
    for (size_t i = 0; i < g->finalizers.n; i++) {
        const struct heap_finalizer *f = &g->finalizers.items[i].f;
        if (g->finalizers.items[i].is_queued ||
            !root_points_to_object(g, f->closure)) {
            continue;
        }
        const struct root_group group = {
            .kind = ROOT_FINALIZER,
            .name = arena_printf(&g->arena, "finalizer of 0x%llx",
                                 (unsigned long long)f->object),
            .goroutine = UINT32_MAX};
        if (!root_begin_group(b, group, err) ||
            !root_add(b, 0, f->closure, UINT32_MAX, false, err)) {
            return false;
        }
        root_end_group(b);
    }
    return true;
}

static bool begin_other(struct root_builder *b, enum root_kind kind,
                        struct span name, struct err *err)
{
    const struct root_group group = {.kind = kind,
                                     .name = arena_strdup(&b->g->arena, name),
                                     .goroutine = UINT32_MAX};
    return root_begin_group(b, group, err);
}

static bool add_queue(struct root_builder *b, struct err *err)
{
    struct heap_graph *g = b->g;
    if (!begin_other(b, ROOT_FINALIZER, SPAN_LIT("finalizers that wait to run"),
                     err)) {
        return false;
    }
    for (size_t i = 0; i < g->finalizers.n; i++) {
        const struct heap_finalizer *f = &g->finalizers.items[i].f;
        if (g->finalizers.items[i].is_queued &&
            (!root_add(b, 0, f->object, UINT32_MAX, false, err) ||
             !root_add(b, 0, f->closure, UINT32_MAX, false, err))) {
            return false;
        }
    }
    root_end_group_if_any(b);
    return true;
}

static bool add_others(struct root_builder *b, struct err *err)
{
    struct heap_graph *g = b->g;
    for (size_t i = 0; i < g->others.n; i++) {
        const struct graph_other *o = &g->others.items[i];
        if (!begin_other(b, ROOT_OTHER, o->description, err) ||
            !root_add(b, 0, o->address, UINT32_MAX, false, err)) {
            return false;
        }
        root_end_group_if_any(b);
    }
    return true;
}

/* What belongs to a goroutine whose record is lost. */
static bool add_orphans(struct root_builder *b, struct err *err)
{
    struct heap_graph *g = b->g;
    if (!begin_other(b, ROOT_OTHER, SPAN_LIT("goroutines of unknown identity"),
                     err)) {
        return false;
    }
    for (uint32_t i = 0; i < g->frames.n; i++) {
        if (g->frames.items[i].goroutine == UINT32_MAX &&
            !root_add_frame(b, i, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < g->pins.n; i++) {
        if (g->pins.items[i].goroutine == UINT32_MAX &&
            !root_add(b, 0, g->pins.items[i].address, UINT32_MAX, false, err)) {
            return false;
        }
    }
    root_end_group_if_any(b);
    return true;
}

bool root_add_rest(struct root_builder *b, struct err *err)
{
    return add_closures(b, err) && add_queue(b, err) && add_others(b, err) &&
           add_orphans(b, err);
}

/* --- the list of all goroutines --- */

/* The object that is the g of each goroutine, marked in `bits`; how large
   they are, 0 when there is none. */
static uint64_t mark_goroutines(const struct heap_graph *g, uint64_t *bits)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < g->goroutines.n; i++) {
        uint64_t interior = 0;
        const uint32_t id =
            graph_lookup(&g->spans, g->goroutines.items[i].address, &interior);
        if (id != UINT32_MAX) {
            bits[id >> 6] |= UINT64_C(1) << (id & 63);
            bytes = heap_object_bytes(g, (object_id){id});
        }
    }
    return bytes;
}

/* What looking for the list needs: bits by object. */
struct list_search {
    const struct heap_graph *g;
    uint64_t *is_g, *is_looked_at;
    uint64_t g_bytes;
    struct lost_search lost;
};

/* Takes away the bits of those that the object points to and counts them;
   false when it points to what no g can be. */
static bool take_goroutines(struct list_search *s, uint32_t id, uint64_t *found)
{
    uint64_t n = 0;
    const object_id *to = heap_edges(s->g, (object_id){id}, &n);
    *found = 0;
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t bit = UINT64_C(1) << (to[i].i & 63);
        if (heap_object_bytes(s->g, to[i]) != s->g_bytes) {
            return false;
        }
        *found += s->is_g[to[i].i >> 6] & bit ? 1 : 0;
        s->is_g[to[i].i >> 6] &= ~bit;
    }
    return true;
}

/* Does it point to nothing but what has a g's size, and to the g of nine
   goroutines of ten? The list has all; damage may have cost some. */
static bool lists_goroutines(struct list_search *s, uint32_t id)
{
    const size_t n_all = s->g->goroutines.n;
    const uint64_t bit = UINT64_C(1) << (id & 63);
    uint64_t n = 0;
    (void)heap_edges(s->g, (object_id){id}, &n);
    if (s->is_looked_at[id >> 6] & bit || n < 2 || n < n_all - n_all / 10) {
        return false;
    }
    s->is_looked_at[id >> 6] |= bit;
    uint64_t found = 0;
    const bool is_list = take_goroutines(s, id, &found) && found > 1 &&
                         found >= n_all - n_all / 10;
    (void)mark_goroutines(s->g, s->is_g); /* fewer than its edges, or so */
    return is_list;
}

/* Behind the header that Go puts in front of larger objects since 1.22. */
static bool is_at_begin(const struct heap_graph *g, const struct heap_root *r)
{
    return r->interior_bytes == 0 ||
           r->interior_bytes == g->about.pointer_bytes;
}

static uint32_t find_list(struct list_search *s)
{
    const struct heap_graph *g = s->g;
    for (size_t i = 0; i < g->roots.n && s->g_bytes > 0; i++) {
        const struct heap_root *r = &g->roots.items[i];
        if (g->groups.items[r->group].kind != ROOT_GLOBAL) {
            break;
        }
        if (is_at_begin(g, r) && lists_goroutines(s, r->object.i)) {
            return r->object.i;
        }
    }
    return UINT32_MAX;
}

/* Roots for the g of goroutines that no record is of: of those that live, or
   of those that ended. */
static bool add_unrecorded(struct root_builder *b, const struct list_search *s,
                           uint32_t list, bool is_of_lost, struct err *err)
{
    struct heap_graph *g = b->g;
    uint64_t n = 0;
    const object_id *to = heap_edges(g, (object_id){list}, &n);
    if (!begin_other(b, ROOT_OTHER,
                     is_of_lost ? SPAN_LIT("goroutines whose records are lost")
                                : SPAN_LIT("goroutines that ended"),
                     err)) {
        return false;
    }
    for (uint64_t i = 0; i < n; i++) {
        if ((s->is_g[to[i].i >> 6] >> (to[i].i & 63) & 1) ||
            root_is_lost(g, &s->lost, to[i]) != is_of_lost) {
            continue;
        }
        if (!root_add_object(b, to[i], err)) {
            return false;
        }
        g->about.n_lost_goroutines += is_of_lost;
    }
    root_end_group_if_any(b);
    return true;
}

static uint64_t *new_bits(const struct heap_graph *g)
{
    const size_t n = (size_t)g->spans.n_objects / 64 + 1;
    uint64_t *bits = heap_column(uint64_t, n);
    if (bits) {
        memset(bits, 0, n * sizeof *bits);
    }
    return bits;
}

bool root_take_list_apart(struct root_builder *b, struct err *err)
{
    struct heap_graph *g = b->g;
    struct list_search s = {
        .g = g, .is_g = new_bits(g), .is_looked_at = new_bits(g)};
    bool ok = (s.is_g && s.is_looked_at) || err_nomem(err, "heap dump");
    if (ok) {
        s.g_bytes = mark_goroutines(g, s.is_g);
        s.lost = root_lost_search(g, s.g_bytes);
        const uint32_t list = find_list(&s);
        ok = list == UINT32_MAX || (add_unrecorded(b, &s, list, false, err) &&
                                    add_unrecorded(b, &s, list, true, err));
        g->list_of_goroutines = list; /* from now on without edges */
    }
    free(s.is_g);
    free(s.is_looked_at);
    return ok;
}

/* --- what was not reached --- */

/* Roots for what the object of a finalizer refers to. */
static bool add_finalized(struct root_builder *b, uint64_t address, uint32_t id,
                          struct err *err)
{
    struct heap_graph *g = b->g;
    const uint64_t first_root = g->roots.n;
    const struct root_group group = {
        .kind = ROOT_FINALIZER,
        .name = arena_printf(&g->arena, "object 0x%llx before its finalizer",
                             (unsigned long long)address),
        .address = address,
        .goroutine = UINT32_MAX};
    if (!root_begin_group(b, group, err)) {
        return false;
    }
    uint64_t n = 0;
    const object_id *to = heap_edges(g, (object_id){id}, &n);
    for (uint64_t i = 0; i < n; i++) {
        if (!root_add_object(b, to[i], err)) {
            return false;
        }
    }
    root_end_group_if_any(b);
    return graph_reach(b->build, first_root, err);
}

static bool add_all_finalized(struct root_builder *b, struct err *err)
{
    const struct heap_graph *g = b->g;
    for (size_t i = 0; i < g->finalizers.n; i++) {
        const uint64_t address = g->finalizers.items[i].f.object;
        uint64_t interior = 0;
        const uint32_t id = graph_lookup(&g->spans, address, &interior);
        if (id != UINT32_MAX && !graph_is_reached(g, id) &&
            !add_finalized(b, address, id, err)) {
            return false;
        }
    }
    return true;
}

/* A bit for each object that another one points to. */
static uint64_t *make_pointed(struct heap_graph *g, struct err *err)
{
    uint64_t *bits = new_bits(g);
    if (!bits) {
        (void)err_nomem(err, "heap dump");
        return NULL;
    }
    for (uint64_t i = 0; i < g->edges.n; i++) {
        const uint32_t to = g->edges.to[i];
        bits[to >> 6] |= UINT64_C(1) << (to & 63);
    }
    return bits;
}

/* Go writes what holds objects after all of them: in a dump that was cut off
   nothing is held, and objects that no other points to stand for it. */
static bool add_cut_off(struct root_builder *b, struct err *err)
{
    struct heap_graph *g = b->g;
    if (!g->about.condition.is_truncated || g->segments.n > 0) {
        return true;
    }
    const uint64_t first_root = g->roots.n;
    uint64_t *pointed = make_pointed(g, err);
    bool ok =
        pointed && begin_other(b, ROOT_OTHER,
                               SPAN_LIT("unknown, the dump is cut off"), err);
    for (uint32_t i = 0; i < g->spans.n_objects && ok; i++) {
        if (!graph_is_reached(g, i) && !(pointed[i >> 6] >> (i & 63) & 1)) {
            ok = root_add_object(b, (object_id){i}, err);
        }
    }
    free(pointed);
    if (!ok) {
        return false;
    }
    root_end_group_if_any(b);
    return graph_reach(b->build, first_root, err);
}

bool root_add_unreached(struct root_builder *b, struct err *err)
{
    return add_all_finalized(b, err) && add_cut_off(b, err);
}
