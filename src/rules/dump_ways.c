/*
 * Where in a chain of dominators things pile up: where one becomes many. MAT
 * calls it the accumulation point and looks for a drop of what is retained;
 * by classes, a map with a million users is a chain without a drop, and what
 * tells the map from what is above and below is the number of nodes.
 */
#include "rules/dump_private.h"

#include "base/intern.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum { ROWS_MAX = 20000 };

/* --- rows --- */

static void fill_row(const struct dump_evidence *e, const struct view_branch *b,
                     struct dump_row *out)
{
    object_id o;
    *out = (struct dump_row){.branch = b,
                             .parent = UINT32_MAX,
                             .form = FORM_VALUE,
                             .weight = (double)b->retained_bytes};
    if (heap_node_is_object(e->facts->graph, b->sample, &o)) {
        out->is_object = true;
        out->form = e->facts->types ? heap_type_of(e->facts->types, o).form
                                    : FORM_VALUE;
    }
}

bool dump_rows_read(struct dump_judge *j, const struct dump_evidence *e,
                    double share, struct dump_rows *out, struct err *err)
{
    const struct view_branch *branches = NULL;
    size_t n = 0;
    size_t n_all = 0;
    if (!heap_view_branches(e->view, share, ROWS_MAX, &branches, &n, &n_all,
                            err)) {
        return false;
    }
    out->items = arena_new(j->arena, struct dump_row, n + 1);
    out->n = n;
    if (!out->items) {
        return err_nomem(err, "holders of a heap dump");
    }
    uint32_t last[DUMP_WAY_MAX]; /* the last row of each depth */
    for (size_t i = 0; i < n; i++) {
        const unsigned depth = branches[i].depth;
        fill_row(e, &branches[i], &out->items[i]);
        out->items[i].parent = depth > 0 ? last[depth - 1] : UINT32_MAX;
        last[depth] = (uint32_t)i;
    }
    return true;
}

void dump_way_to(const struct dump_rows *rows, size_t i, struct dump_way *out)
{
    size_t n = 0;
    for (size_t k = i;; k = rows->items[k].parent) {
        out->rows[n++] = &rows->items[k];
        if (rows->items[k].parent == UINT32_MAX) {
            break;
        }
    }
    out->n = n;
    for (size_t k = 0; k < n / 2; k++) {
        const struct dump_row *swap = out->rows[k];
        out->rows[k] = out->rows[n - 1 - k];
        out->rows[n - 1 - k] = swap;
    }
}

/* --- two dumps --- */

/* Ids of the names on the way, so that equal ways have equal ids. */
static bool key_rows(struct intern *names, const struct dump_rows *rows,
                     uint32_t *ids, struct err *err)
{
    struct buf key = BUF_LIMIT(1 << 16);
    bool ok = true;
    for (size_t i = 0; ok && i < rows->n; i++) {
        const struct dump_row *r = &rows->items[i];
        buf_clear(&key);
        if (r->parent != UINT32_MAX) {
            buf_printf(&key, "%u>", ids[r->parent]);
        }
        buf_str(&key, r->branch->class_name);
        ok = buf_check(&key, "names of a heap dump", err) &&
             intern_add(names, buf_view(&key), &ids[i], err);
    }
    buf_release(&key);
    return ok;
}

/* What was not listed before is 0 where there was none of its kind, and else
   not known. */
static void subtract(const struct dump_judge *j, struct dump_rows *after,
                     const uint32_t *ids, const double *bytes,
                     const double *objects)
{
    for (size_t i = 0; i < after->n; i++) {
        struct dump_row *r = &after->items[i];
        const bool is_known =
            objects[ids[i]] > 0 ||
            !heap_view_has_class(j->before->view, r->branch->class_name);
        r->before_bytes = is_known ? bytes[ids[i]] : NAN;
        r->before_objects = is_known ? objects[ids[i]] : NAN;
        r->weight = (double)r->branch->retained_bytes - bytes[ids[i]];
    }
}

bool dump_rows_compare(const struct dump_judge *j, struct dump_rows *after,
                       const struct dump_rows *before, struct err *err)
{
    const size_t n = after->n + before->n + 1;
    struct intern names = {0};
    uint32_t *ids = calloc(n, sizeof *ids);
    uint32_t *ids_before = calloc(n, sizeof *ids_before);
    double *bytes = calloc(n, sizeof *bytes);
    double *objects = calloc(n, sizeof *objects);
    bool ok = ids && ids_before && bytes && objects;
    if (!ok) {
        (void)err_nomem(err, "comparing heap dumps");
    }
    ok = ok && key_rows(&names, before, ids_before, err) &&
         key_rows(&names, after, ids, err);
    for (size_t i = 0; ok && i < before->n; i++) {
        const struct view_branch *b = before->items[i].branch;
        bytes[ids_before[i]] += (double)b->retained_bytes;
        objects[ids_before[i]] += (double)b->retained_objects;
    }
    if (ok) {
        subtract(j, after, ids, bytes, objects);
    }
    intern_release(&names);
    free(ids);
    free(ids_before);
    free(bytes);
    free(objects);
    return ok;
}

/* --- containers --- */

static bool is_map_part(enum object_form f)
{
    return f == FORM_MAP_BUCKETS || f == FORM_MAP_TABLE ||
           f == FORM_MAP_DIRECTORY;
}

/* Fewer are no pile. */
enum { PILE_MIN = 8 };

/* The row where one becomes most: of those below each above it, or of a
   class that refers to itself. */
struct pile {
    size_t row;
    double times;
    bool is_fold;
};

static struct pile find_pile(const struct dump_way *w)
{
    struct pile best = {.row = w->n, .times = 1};
    double above = 1;
    for (size_t i = 0; i < w->n; i++) {
        const struct view_branch *b = w->rows[i]->branch;
        const double tops = b->n_tops > 0 ? b->n_tops : 1;
        const double fan = above > 0 ? tops / above : tops;
        const double fold = (double)b->n_nodes / tops;
        if (fan > best.times && b->n_nodes >= PILE_MIN) {
            best = (struct pile){i, fan, false};
        }
        /* A map's arrays refer to each other. */
        if (fold > best.times && b->n_nodes >= PILE_MIN &&
            !is_map_part(w->rows[i]->form)) {
            best = (struct pile){i, fold, true};
        }
        above = b->n_nodes;
    }
    return best;
}

static bool is_goroutine(const struct dump_judge *j, const struct dump_row *r)
{
    return !r->is_object && r->branch->sample > 0 &&
           heap_group(j->e->facts->graph, r->branch->sample - 1)->kind ==
               ROOT_GOROUTINE;
}

static size_t map_of(const struct dump_way *w, size_t i)
{
    while (i > 0 && is_map_part(w->rows[i]->form)) {
        i--;
    }
    return i;
}

static enum dump_container container_of(const struct dump_row *r)
{
    switch (r->form) {
    case FORM_MAP:
    case FORM_MAP_BUCKETS:
    case FORM_MAP_TABLE:
    case FORM_MAP_DIRECTORY:
        return CONTAINER_MAP;
    case FORM_ARRAY:
        /* Known from what it looks like only. */
        return strstr(r->branch->name, " (buckets)") ? CONTAINER_MAP
                                                     : CONTAINER_SLICE;
    case FORM_CHANNEL:
    case FORM_CHANNEL_BUFFER:
        return CONTAINER_CHANNEL;
    case FORM_VALUE:
    case FORM_STRING_BYTES:
    case FORM_CLOSURE:
    case FORM_PART:
    case N_OBJECT_FORMS:
        break;
    }
    return CONTAINER_NONE;
}

static uint64_t element_bytes(const struct dump_judge *j,
                              const struct dump_row *r)
{
    object_id o;
    const struct heap_facts *f = j->e->facts;
    if (!f->types || !f->binary ||
        !heap_node_is_object(f->graph, r->branch->sample, &o)) {
        return 0;
    }
    const struct object_type t = heap_type_of(f->types, o);
    const struct go_type *g =
        t.type.i != TYPE_NONE.i ? binary_type(f->binary, t.type) : NULL;
    return g ? g->bytes : 0;
}

/* Entries that lie in the container itself. Bytes are no entries: a large
   buffer is one thing. */
static void take_leaf(const struct dump_judge *j, struct dump_candidate *c)
{
    const size_t last = c->way.n - 1;
    const struct dump_row *r = c->way.rows[last];
    const struct view_branch *b = r->branch;
    const bool is_own = (double)b->bytes >= 0.5 * (double)b->retained_bytes;
    c->container = container_of(r);
    c->at = c->container == CONTAINER_MAP ? map_of(&c->way, last) : last;
    c->held = c->way.n;
    c->is_growing =
        c->container == CONTAINER_MAP ||
        (c->container == CONTAINER_CHANNEL && is_own) ||
        (c->container == CONTAINER_SLICE && is_own && element_bytes(j, r) > 1);
}

/* No struct refers to so many things of one type. */
enum { ARRAY_MIN = 64 };

static bool is_finalizer(const struct dump_judge *j, const struct dump_row *r)
{
    return !r->is_object && r->branch->sample > 0 &&
           heap_group(j->e->facts->graph, r->branch->sample - 1)->kind ==
               ROOT_FINALIZER;
}

/* Both ends of a doubly linked list are in its head, so that the head alone
   dominates each element; so it is for trees that refer to their parents. */
static bool is_head(const struct dump_row *r, const struct pile *p)
{
    enum { POINTER_BYTES = 8 };
    return r->is_object && r->form == FORM_VALUE && p->times >= ARRAY_MIN &&
           (double)r->branch->bytes / POINTER_BYTES <
               p->times * r->branch->n_nodes;
}

static bool is_unknown(const struct dump_row *r)
{
    return r->is_object && span_starts(span_of(r->branch->name), "unknown");
}

static void take_pile(const struct dump_judge *j, struct dump_candidate *c,
                      const struct pile *p)
{
    c->held = p->row;
    c->is_growing = true;
    if (p->is_fold) {
        c->at = p->row;
        c->container = CONTAINER_LIST;
    } else if (p->row == 0) {
        c->at = 0;
        c->container = is_goroutine(j, c->way.rows[0]) ? CONTAINER_GOROUTINES
                                                       : CONTAINER_GROUP;
        /* Of an unknown type: many things alike in size only. */
        c->is_growing = !is_unknown(c->way.rows[0]);
    } else {
        const struct dump_row *above = c->way.rows[p->row - 1];
        c->at = map_of(&c->way, p->row - 1);
        c->container = container_of(above);
        if (is_finalizer(j, above)) {
            c->container = CONTAINER_QUEUE;
        } else if (c->container == CONTAINER_NONE && is_head(above, p)) {
            c->container = CONTAINER_LIST;
        }
        /* Without types a map and a table look alike: no guess which. */
        c->is_growing = c->container != CONTAINER_NONE ||
                        (p->times >= ARRAY_MIN && is_unknown(above));
    }
}

/* The row that holds a pool's own structures; way.n none. Whatever hangs below
   them is the pool's. */
static size_t pool_of(const struct dump_way *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const char *name = w->rows[i]->branch->name;
        if (strstr(name, "sync.poolLocal") || strstr(name, "sync.poolChain")) {
            return i > 0 ? i - 1 : 0;
        }
    }
    return w->n;
}

/* The same of a sync.Map: the row above its own nodes, which are a trie since
   Go 1.24 and maps of entries before. */
static size_t sync_map_of(const struct dump_way *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const char *name = w->rows[i]->branch->class_name;
        if (strstr(name, "sync.indirect[") || strstr(name, "sync.entry") ||
            strstr(name, "sync.HashTrieMap[") ||
            strstr(name, "sync.readOnly")) {
            return i > 0 ? i - 1 : 0;
        }
    }
    return w->n;
}

static void take_own(struct dump_candidate *c, size_t at,
                     enum dump_container container)
{
    c->at = at;
    c->held = c->way.n;
    c->container = container;
    c->is_growing = true;
}

/* A class that comes again below itself, with another one between: elements
   and what they hold, in turn. Its first row; way.n none. */
static size_t chain_of(const struct dump_way *w)
{
    for (size_t i = 0; i < w->n; i++) {
        size_t n_same = 0;
        for (size_t k = i; k < w->n; k++) {
            n_same += w->rows[k]->is_object &&
                      strcmp(w->rows[i]->branch->class_name,
                             w->rows[k]->branch->class_name) == 0;
        }
        if (n_same >= PILE_MIN) {
            return i;
        }
    }
    return w->n;
}

void dump_way_container(const struct dump_judge *j, struct dump_candidate *c)
{
    const struct pile p = find_pile(&c->way);
    const size_t pool = pool_of(&c->way);
    const size_t sync_map = sync_map_of(&c->way);
    const size_t chain = chain_of(&c->way);
    c->sample = dump_top(c)->branch->sample;
    if (pool < c->way.n) {
        take_own(c, pool, CONTAINER_SLICE);
    } else if (sync_map < c->way.n) {
        take_own(c, sync_map, CONTAINER_SYNC_MAP);
    } else if (chain < c->way.n) {
        take_own(c, chain, CONTAINER_LIST);
        c->held = chain;
    } else if (p.row < c->way.n) {
        take_pile(j, c, &p);
    } else {
        take_leaf(j, c);
    }
    const struct dump_row *at = dump_at(c);
    object_id o;
    if (c->container == CONTAINER_MAP && j->e->facts->types &&
        at->branch->n_nodes == 1 &&
        heap_node_is_object(j->e->facts->graph, at->branch->sample, &o)) {
        c->has_map = heap_map_about(j->e->facts->types, o, &c->map);
    }
}

/* --- the runtime's own --- */

bool dump_way_is_internal(const struct dump_way *w)
{
    if (w->n == 0 || !heap_view_is_runtimes(w->rows[0]->branch->name)) {
        return false;
    }
    for (size_t i = 1; i < w->n; i++) {
        const char *name = w->rows[i]->branch->name;
        if (strchr(name, '.') != NULL && !heap_view_is_runtimes(name)) {
            return false;
        }
    }
    return true;
}
