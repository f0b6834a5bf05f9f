/*
 * Calls between nodes: a second pass over the samples, root to leaf, among
 * the nodes that are left. The stacks are walked through codes that already
 * say what is left and what is wanted; where edges into few nodes are wanted,
 * a byte for each location passes over all other frames. An edge is found by
 * its pair of nodes; the edge by which a frame was reached last is tried
 * first, which for one that was inlined is always the right one.
 *
 * Dense graphs have far more edges than memory nearby can hold, and nearly
 * all of them will be trimmed. So when there turn out to be many, a pass in
 * front bounds the weight of every edge from above, many edges sharing a
 * bound, and only what may be heavy enough is counted. For a picture all are
 * counted: it says how many were trimmed.
 *
 * Where only inlining is asked for, edges are wanted into few nodes, and the
 * bounding pass writes down where they were met, which saves the second one.
 * Bounds say little where weights cancel, as in a difference. There edges that
 * inlined calls make come first: they are few, and most nodes have none that is
 * heavy enough to stay. Only of the nodes that do are other edges looked for.
 */
#include "graph/graph_private.h"

#include "base/banned.h"

/* Codes of frames here, beside FRAMES_SEVERAL. */
#define FRAME_WANTED  (UINT32_C(1) << 30) /* edges into this node */
#define FRAME_DROPPED (FRAME_WANTED - 1)

enum {
    EDGES_MAX = 1 << 30,
    EDGES_FIRST_SLOTS = 256,
    /* 640 KiB of edges and their index: about what is nearby. */
    EDGES_FEW = 16384,
    BOUNDS_BITS = 15, /* 128 KiB */
    N_BOUNDS = 1 << BOUNDS_BITS,
    ARRIVALS_MAX = 1 << 20, /* 12 MiB */
};

/* Bounds count in units that make the cut this many at least: fine enough
   that rounding up does not matter. */
#define BOUND_UNITS (INT64_C(1) << 23)

/* A wanted frame that was met under another; its node has two bits to spare. */
struct arrival {
    uint32_t src, mark; /* sample + 1 */
    uint32_t dest;      /* and the bits */
};
#define ARRIVAL_INLINE   (UINT32_C(1) << 30)
#define ARRIVAL_RESIDUAL (UINT32_C(1) << 31)
#define ARRIVAL_DEST     (ARRIVAL_INLINE - 1)
VEC_TYPE(arrivals, struct arrival)

struct edge_walk {
    struct graph_build *b;
    struct frame_table frames; /* ranges are the node table's */
    bool *wanted;              /* by node */
    bool has_wanted;
    bool has_ghosts;    /* edges into those are not trimmed */
    uint8_t *wanted_at; /* by location: 1 or 0; NULL = everywhere */
    uint32_t *places;   /* of wanted frames in the stack at hand */

    /* The edge + 1 by which a frame was reached last: of locations with one
       frame by location, of the others as frames.nodes. */
    uint32_t *last_alone, *last_of_several;
    uint32_t *slots; /* of the index of edges: edge + 1, 0 = free */
    uint32_t n_slots;
    uint64_t slots_seed;

    uint32_t *bounds;     /* by hash of an edge; NULL = none */
    uint32_t least_bound; /* of what may stay */
    unsigned bound_shift; /* of a weight to its units */
    bool is_bounding;

    struct arrivals arrivals;
    bool is_listing;
};

/* --- What is wanted --- */

/* Adds to each node what reaches it by inlined calls, at most: those of frames
   that are not their location's outermost. */
static void bound_inlined(const struct graph_build *b, uint64_t *bounds)
{
    const struct frame_table *t = &b->table.frames;
    for (uint32_t i = 0; i < t->n_ranges; i++) {
        const uint64_t weight = b->range_weights[i];
        for (uint32_t k = 0; k + 1 < t->ranges[i].n; k++) {
            uint64_t *bound = &bounds[t->nodes[t->ranges[i].first + k]];
            *bound = *bound + weight < weight ? UINT64_MAX : *bound + weight;
        }
    }
}

/* Those that may be inlined: where all inlined calls together are not heavy
   enough to stay, no edge needs to be looked for. False: out of memory. */
static bool mark_inlined(struct edge_walk *w)
{
    const struct graph_build *b = w->b;
    const uint64_t least = b->edge_cutoff > 0 ? (uint64_t)b->edge_cutoff : 1;
    uint64_t *bounds = calloc((size_t)b->n_nodes + 1, sizeof(*bounds));
    if (!bounds) {
        return false;
    }
    bound_inlined(b, bounds);
    for (uint32_t i = 0; i < b->n_nodes; i++) {
        w->wanted[i] = b->states[i] == NODE_SHOWN && bounds[i] >= least;
        w->has_wanted = w->has_wanted || w->wanted[i];
    }
    free(bounds);
    return true;
}

/* Of the edges that inlined calls alone make, the list so far, an inlined one
   has all its weight; the others are not inlined. */
static void mark_heavy(struct edge_walk *w)
{
    const struct graph_build *b = w->b;
    memset(w->wanted, 0, (size_t)b->n_nodes * sizeof(*w->wanted));
    w->has_wanted = false;
    for (size_t i = 0; i < b->edges.n; i++) {
        const struct edge *e = &b->edges.items[i];
        if (wrap_abs(e->weight) >= b->edge_cutoff) {
            w->wanted[e->dest] = true;
            w->has_wanted = true;
        }
    }
}

static void mark_all(struct edge_walk *w)
{
    for (uint32_t i = 0; i < w->b->n_nodes; i++) {
        w->wanted[i] = true;
        w->has_ghosts = w->has_ghosts || w->b->states[i] == NODE_GHOST;
    }
}

static bool alloc_frames(struct edge_walk *w)
{
    const size_t n_locations = (size_t)w->b->p->n_locations + 1;
    const size_t n_nodes = (size_t)w->b->table.frames.n_nodes + 1;
    w->frames.ranges = w->b->table.frames.ranges;
    w->frames.codes = malloc(n_locations * sizeof(uint32_t));
    w->frames.nodes = malloc(n_nodes * sizeof(uint32_t));
    w->last_alone = calloc(n_locations, sizeof(uint32_t));
    w->last_of_several = calloc(n_nodes, sizeof(uint32_t));
    return w->frames.codes && w->frames.nodes && w->last_alone &&
           w->last_of_several;
}

static uint32_t code_of(const struct edge_walk *w, uint32_t node)
{
    if (w->b->states[node] == NODE_REMOVED) {
        return FRAME_DROPPED;
    }
    return node | (w->wanted[node] ? FRAME_WANTED : 0);
}

/* Edges into frames that are their location's outermost, which were not
   inlined, may be left out. */
static void translate_frames(struct edge_walk *w, bool has_outermost)
{
    const struct frame_table *t = &w->b->table.frames;
    const uint32_t unwanted = has_outermost ? 0 : FRAME_WANTED;
    for (uint32_t i = 0; i < t->n_nodes; i++) {
        w->frames.nodes[i] = code_of(w, t->nodes[i]);
    }
    for (uint32_t i = 0; i < t->n_ranges; i++) {
        const struct line_range r = t->ranges[i];
        w->frames.nodes[r.first + r.n - 1] &= ~unwanted;
    }
    for (uint32_t i = 0; i < w->b->p->n_locations; i++) {
        const uint32_t code = t->codes[i];
        w->frames.codes[i] =
            (code & FRAMES_SEVERAL) != 0 ? code : code_of(w, code) & ~unwanted;
    }
}

static bool is_wanted(struct frame_list f)
{
    for (uint32_t k = 0; k < f.n; k++) {
        if ((f.nodes[k] & FRAME_WANTED) != 0) {
            return true;
        }
    }
    return false;
}

static bool find_places(struct edge_walk *w)
{
    const uint32_t n = w->b->p->n_locations;
    if (!w->wanted_at) {
        w->wanted_at = malloc((size_t)n + 1);
    }
    for (uint32_t i = 0; w->wanted_at && i < n; i++) {
        w->wanted_at[i] = is_wanted(frames_at(&w->frames, i));
    }
    return w->wanted_at != NULL;
}

/* Room for the deepest stack. */
static bool alloc_places(struct edge_walk *w)
{
    const struct profile *p = w->b->p;
    uint32_t depth = 0;
    for (uint32_t s = 0; s < p->n_samples; s++) {
        const uint32_t n = p->sample_off[s + 1] - p->sample_off[s];
        depth = n > depth ? n : depth;
    }
    w->places = malloc(((size_t)depth + 1) * sizeof(*w->places));
    return w->places != NULL;
}

/* --- Edges --- */

/* Where the walk down one stack is. */
struct stack_walk {
    uint32_t mark;
    int64_t weight, weight_div;
    uint32_t parent; /* NODE_NONE above the root */
    bool is_residual;
};

static uint32_t *bound_of(const struct edge_walk *w, uint64_t key)
{
    return &w->bounds[(key * UINT64_C(0x9e3779b97f4a7c15)) >>
                      (64 - BOUNDS_BITS)];
}

/* Rounds up, and stays at the top rather than wrap. */
static void add_bound(const struct edge_walk *w, uint64_t key, int64_t weight)
{
    const uint64_t size = weight < 0 ? 0 - (uint64_t)weight : (uint64_t)weight;
    uint32_t *bound = bound_of(w, key);
    const uint64_t sum = *bound + (size >> w->bound_shift) + 1;
    *bound = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

/* Once the list is full only the bound is kept, and the list is of no use. */
static inline bool list_arrival(struct edge_walk *w,
                                const struct stack_walk *at, uint32_t dest,
                                bool is_inline)
{
    const uint32_t bits = (is_inline ? ARRIVAL_INLINE : 0) |
                          (at->is_residual ? ARRIVAL_RESIDUAL : 0);
    const struct arrival a = {at->parent, at->mark, dest | bits};
    add_bound(w, pair_key(at->parent, dest), at->weight);
    return w->arrivals.n > ARRIVALS_MAX || arrivals_push(&w->arrivals, a);
}

/* Where the edge of that key is, or the free slot it would take. */
static uint32_t *edge_slot(const struct edge_walk *w, uint32_t src,
                           uint32_t dest)
{
    const struct edge *edges = w->b->edges.items;
    const uint32_t mask = w->n_slots - 1;
    uint32_t i = pair_hash(pair_key(src, dest), w->slots_seed) & mask;
    while (w->slots[i] != 0 && (edges[w->slots[i] - 1].src != src ||
                                edges[w->slots[i] - 1].dest != dest)) {
        i = (i + 1) & mask;
    }
    return &w->slots[i];
}

static bool grow_slots(struct edge_walk *w)
{
    const uint32_t n = w->n_slots != 0 ? w->n_slots * 2 : EDGES_FIRST_SLOTS;
    uint32_t *slots = calloc(n, sizeof(*slots));
    if (!slots) {
        return false;
    }
    free(w->slots);
    w->slots = slots;
    w->n_slots = n;
    w->slots_seed = pair_seed(slots);
    for (uint32_t i = 0; i < w->b->edges.n; i++) {
        const struct edge *e = &w->b->edges.items[i];
        *edge_slot(w, e->src, e->dest) = i + 1;
    }
    return true;
}

/* `*last` becomes the edge + 1 of that key, new when there was none. False:
   out of memory. */
static bool find_edge(struct edge_walk *w, uint32_t src, uint32_t dest,
                      uint32_t *last)
{
    struct edge_list *edges = &w->b->edges;
    if (edges->n >= w->n_slots / 2 && !grow_slots(w)) {
        return false;
    }
    uint32_t *slot = edge_slot(w, src, dest);
    if (*slot == 0) {
        const struct edge fresh = {.src = src, .dest = dest, .is_inline = true};
        if (edges->n >= EDGES_MAX || !edge_list_push(edges, fresh)) {
            return false;
        }
        *slot = (uint32_t)edges->n;
    }
    *last = *slot;
    return true;
}

/* Goes to `dest`, by an edge that is wanted. */
static inline bool count_edge(struct edge_walk *w, const struct stack_walk *at,
                              uint32_t dest, bool is_inline, uint32_t *last)
{
    const struct edge_list *edges = &w->b->edges;
    if (w->is_listing) {
        return list_arrival(w, at, dest, is_inline);
    }
    if (*last == 0 || edges->items[*last - 1].src != at->parent) {
        const uint64_t key = pair_key(at->parent, dest);
        if (w->is_bounding) {
            add_bound(w, key, at->weight);
            return true;
        }
        if (w->bounds && *bound_of(w, key) < w->least_bound) {
            return true;
        }
        if (!find_edge(w, at->parent, dest, last)) {
            return false;
        }
    }
    struct edge *e = &edges->items[*last - 1];
    if (e->mark != at->mark) {
        e->mark = at->mark;
        e->weight = wrap_add(e->weight, at->weight);
        e->weight_div = wrap_add(e->weight_div, at->weight_div);
        e->is_residual = e->is_residual || at->is_residual;
        e->is_inline = e->is_inline && is_inline;
    }
    return true;
}

/* --- Walking --- */

static inline bool step(struct edge_walk *w, struct stack_walk *at,
                        uint32_t code, bool is_inline, uint32_t *last)
{
    if (code == FRAME_DROPPED) {
        at->is_residual = true;
        return true;
    }
    const uint32_t node = code & ~FRAME_WANTED;
    if (node != code && at->parent != NODE_NONE && at->parent != node &&
        !count_edge(w, at, node, is_inline, last)) {
        return false;
    }
    at->parent = node;
    at->is_residual = false;
    return true;
}

static inline bool step_location(struct edge_walk *w, struct stack_walk *at,
                                 uint32_t location)
{
    const uint32_t code = w->frames.codes[location];
    if ((code & FRAMES_SEVERAL) == 0) {
        return step(w, at, code, false, &w->last_alone[location]);
    }
    const struct line_range r = w->frames.ranges[code & ~FRAMES_SEVERAL];
    for (uint32_t k = r.first + r.n; k > r.first; k--) {
        if (!step(w, at, w->frames.nodes[k - 1], k != r.first + r.n,
                  &w->last_of_several[k - 1])) {
            return false;
        }
    }
    return true;
}

static bool walk_all(struct edge_walk *w, const uint32_t *locs, uint32_t n,
                     struct stack_walk *at)
{
    for (uint32_t i = n; i > 0; i--) {
        if (!step_location(w, at, locs[i - 1])) {
            return false;
        }
    }
    return true;
}

/* The nearest frame that is left, of the callers locs[0..n). Over a whole
   stack every frame is looked at once: the one that was wanted before ends
   the search. */
static void find_parent(const struct edge_walk *w, const uint32_t *locs,
                        uint32_t n, struct stack_walk *at)
{
    at->parent = NODE_NONE;
    at->is_residual = false;
    for (uint32_t i = 0; i < n; i++) {
        const struct frame_list f = frames_at(&w->frames, locs[i]);
        for (uint32_t k = 0; k < f.n; k++) {
            if (f.nodes[k] != FRAME_DROPPED) {
                at->parent = f.nodes[k] & ~FRAME_WANTED;
                return;
            }
            at->is_residual = true;
        }
    }
}

/* The same as walk_all() where few nodes are wanted. */
static bool walk_wanted(struct edge_walk *w, const uint32_t *locs, uint32_t n,
                        struct stack_walk *at)
{
    uint32_t n_places = 0;
    for (uint32_t i = 0; i < n; i++) {
        /* Without a branch that nobody could predict. */
        w->places[n_places] = i;
        n_places += w->wanted_at[locs[i]];
    }
    uint32_t next = n; /* where the walk would go on by itself */
    for (; n_places > 0; n_places--) {
        const uint32_t i = w->places[n_places - 1];
        if (i + 1 != next) {
            find_parent(w, locs + i + 1, n - i - 1, at);
        }
        next = i;
        if (!step_location(w, at, locs[i])) {
            return false;
        }
    }
    return true;
}

/* Stops, and says so, when `most` edges were found early on. */
static bool walk_samples(struct edge_walk *w, size_t most, bool *is_done)
{
    const struct profile *p = w->b->p;
    for (uint32_t s = 0; s < p->n_samples; s++) {
        struct stack_walk at = {.mark = s + 1, .parent = NODE_NONE};
        if (!sample_value(w->b, s, &at.weight, &at.weight_div)) {
            continue;
        }
        const uint32_t *locs = p->sample_locs + p->sample_off[s];
        const uint32_t n = p->sample_off[s + 1] - p->sample_off[s];
        if (!(w->wanted_at ? walk_wanted(w, locs, n, &at)
                           : walk_all(w, locs, n, &at))) {
            return false;
        }
        if (w->b->edges.n >= most && s < p->n_samples / 8) {
            *is_done = false;
            return true;
        }
    }
    *is_done = true;
    return true;
}

/* The same, of locations of several frames alone: where they are is known. */
static bool walk_several(struct edge_walk *w)
{
    const struct profile *p = w->b->p;
    uint32_t s = 0;
    for (size_t i = 0; i < w->b->several.n; i++) {
        const uint32_t place = w->b->several.items[i];
        const uint32_t location = p->sample_locs[place];
        if (!w->wanted_at[location]) {
            continue;
        }
        while (p->sample_off[s + 1] <= place) {
            s++;
        }
        struct stack_walk at = {.mark = s + 1};
        (void)sample_value(w->b, s, &at.weight, &at.weight_div);
        find_parent(w, p->sample_locs + place + 1,
                    p->sample_off[s + 1] - place - 1, &at);
        if (!step_location(w, &at, location)) {
            return false;
        }
    }
    return true;
}

static void forget_edges(struct edge_walk *w)
{
    w->b->edges.n = 0;
    memset(w->slots, 0, w->n_slots * sizeof(*w->slots));
    memset(w->last_alone, 0,
           (size_t)w->b->p->n_locations * sizeof(*w->last_alone));
    memset(w->last_of_several, 0,
           (size_t)w->b->table.frames.n_nodes * sizeof(*w->last_of_several));
}

static bool prepare_bounds(struct edge_walk *w)
{
    while ((w->b->edge_cutoff >> w->bound_shift) >= 2 * BOUND_UNITS) {
        w->bound_shift++;
    }
    w->least_bound = (uint32_t)(w->b->edge_cutoff >> w->bound_shift);
    w->bounds = calloc(N_BOUNDS, sizeof(*w->bounds));
    return w->bounds != NULL;
}

/* Begins anew, with bounds first. */
static bool walk_bounded(struct edge_walk *w)
{
    bool is_done = false;
    forget_edges(w);
    if (!prepare_bounds(w)) {
        return false;
    }
    w->is_bounding = true;
    (void)walk_samples(w, EDGES_MAX, &is_done); /* needs no memory */
    w->is_bounding = false;
    return walk_samples(w, EDGES_MAX, &is_done);
}

static bool count_arrival(struct edge_walk *w, const struct arrival *a)
{
    const uint32_t dest = a->dest & ARRIVAL_DEST;
    struct stack_walk at = {.mark = a->mark,
                            .parent = a->src,
                            .is_residual = (a->dest & ARRIVAL_RESIDUAL) != 0};
    uint32_t last = 0;
    if (*bound_of(w, pair_key(a->src, dest)) < w->least_bound) {
        return true;
    }
    (void)sample_value(w->b, a->mark - 1, &at.weight, &at.weight_div);
    return count_edge(w, &at, dest, (a->dest & ARRIVAL_INLINE) != 0, &last);
}

/* One walk for the bounds and the list, and then the list. */
static bool walk_listed(struct edge_walk *w)
{
    bool is_done = false;
    if (!prepare_bounds(w)) {
        return false;
    }
    w->is_listing = true;
    if (!walk_samples(w, SIZE_MAX, &is_done)) {
        return false;
    }
    w->is_listing = false;
    if (w->arrivals.n > ARRIVALS_MAX) {
        arrivals_release(&w->arrivals);
        return walk_samples(w, SIZE_MAX, &is_done);
    }
    for (size_t i = 0; i < w->arrivals.n; i++) {
        if (!count_arrival(w, &w->arrivals.items[i])) {
            return false;
        }
    }
    return true;
}

/* May edges be passed over by their bounds? What cancels leaves edges that are
   light in spite of them. */
static bool is_trimmed(const struct edge_walk *w)
{
    return w->b->edge_cutoff > 0 && !w->b->has_negative &&
           !w->b->o->is_visual && !w->has_ghosts;
}

static bool find_all_edges(struct edge_walk *w)
{
    bool is_done = false;
    mark_all(w);
    if (!alloc_frames(w)) {
        return false;
    }
    translate_frames(w, true);
    if (!walk_samples(w, is_trimmed(w) ? EDGES_FEW : SIZE_MAX, &is_done)) {
        return false;
    }
    return is_done || walk_bounded(w);
}

static bool has_wanted_outermost(const struct edge_walk *w)
{
    const struct frame_table *t = &w->b->table.frames;
    for (uint32_t i = 0; i < w->b->p->n_locations; i++) {
        const struct frame_list f = frames_at(t, i);
        if (w->wanted[f.nodes[f.n - 1]]) {
            return true;
        }
    }
    return false;
}

/* Leaves those wanted into which inlined calls make an edge that may stay. */
static bool sift_wanted(struct edge_walk *w)
{
    translate_frames(w, false);
    if (!find_places(w) || !walk_several(w)) {
        return false;
    }
    mark_heavy(w);
    return true;
}

static bool find_inline_edges(struct edge_walk *w)
{
    bool is_done = false;
    if (!mark_inlined(w)) {
        return false;
    }
    if (!w->has_wanted) {
        return true;
    }
    if (!alloc_frames(w)) {
        return false;
    }
    if (w->b->has_negative && w->b->edge_cutoff > 0) {
        if (!sift_wanted(w)) {
            return false;
        }
        if (!w->has_wanted || !has_wanted_outermost(w)) {
            return true;
        }
        forget_edges(w);
    }
    translate_frames(w, true);
    if (!find_places(w) || !alloc_places(w)) {
        return false;
    }
    return is_trimmed(w) ? walk_listed(w) : walk_samples(w, SIZE_MAX, &is_done);
}

bool build_edges(struct graph_build *b, enum graph_edges wanted,
                 struct err *err)
{
    b->edges.n = 0;
    if (wanted == GRAPH_EDGES_NONE) {
        return true;
    }
    struct edge_walk w = {.b = b};
    w.wanted = calloc((size_t)b->n_nodes + 1, sizeof(*w.wanted));
    const bool ok =
        w.wanted && (wanted == GRAPH_EDGES_ALL ? find_all_edges(&w)
                                               : find_inline_edges(&w));
    free(w.frames.codes);
    free(w.frames.nodes);
    free(w.wanted);
    free(w.wanted_at);
    free(w.places);
    free(w.last_alone);
    free(w.last_of_several);
    free(w.bounds);
    arrivals_release(&w.arrivals);
    free(w.slots);
    return ok || err_nomem(err, "graph: edges");
}

uint32_t trim_edges(struct graph_build *b)
{
    uint32_t n = 0;
    for (size_t i = 0; i < b->edges.n; i++) {
        struct edge *e = &b->edges.items[i];
        if (!e->is_removed && b->states[e->dest] == NODE_SHOWN &&
            wrap_abs(e->weight) < b->edge_cutoff) {
            e->is_removed = true;
            n++;
        }
    }
    return n;
}
