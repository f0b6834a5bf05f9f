/*
 * Paths of many objects as one tree of names. What the shortest paths of all
 * of them go through is named once each, nearest to the roots first, so that
 * who points to it was named before. Indices of arrays are dropped; goroutines
 * of one function count as one; and a step that is named like the one before
 * it, or like that before, stays there: a list is one step, not a million.
 */
#include "heap/heap_memory_private.h"
#include "heap/heap_paths_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/intern.h"
#include "base/sort.h"
#include "base/vec.h"

#include "base/banned.h"

/* Deeper steps count as the last; nobody reads on. A text is cut there. */
enum { DEPTH_MAX = 64, TEXT_MAX = 1024 };

/* As many children that each one's pointer is looked for; of more, all
   pointers of what holds them are looked up. */
enum { FEW_CHILDREN = 8 };

/* A step of merged paths. Numbers of steps are ids in `steps` of a merging. */
struct merged {
    uint32_t parent; /* or NO_STEP */
    uint32_t text;   /* id in texts */
    uint32_t group, depth;
    uint32_t n_groups; /* of the objects that end there; `group` is the last */
    uint64_t n_objects, bytes;
};
VEC_TYPE(vec_merged, struct merged)

#define NO_STEP UINT32_MAX

/* An object that paths go through. */
struct crossed {
    uint32_t distance, from, object;
};

struct merging {
    const struct heap_paths *p;
    const struct heap_types *types;
    uint64_t *is_crossed;    /* bits */
    struct crossed *crossed; /* nearest first, then by what is before */
    size_t n_crossed;
    uint32_t *step_of;         /* by object: 1 + step */
    uint32_t *group_of;        /* by object that is crossed */
    struct intern texts, keys; /* a key: parent and text of a step */
    struct intern ends;        /* step and group */
    struct vec_merged steps;
    struct buf text;
};

/* --- what is crossed --- */

static bool is_crossed(const struct merging *m, uint32_t object)
{
    return (m->is_crossed[object / 64] >> (object % 64) & 1) != 0;
}

/* The objects on the path to `object` that were not crossed before. */
static size_t cross(struct merging *m, uint32_t object)
{
    const uint32_t *from = m->p->from;
    size_t n = 0;
    while (from[object] != PATH_UNREACHED && !is_crossed(m, object)) {
        m->is_crossed[object / 64] |= UINT64_C(1) << (object % 64);
        n++;
        if (from[object] & PATH_ROOT) {
            break;
        }
        object = from[object];
    }
    return n;
}

static int nearest_first(const void *pa, const void *pb, const void *ctx)
{
    const struct crossed *a = pa;
    const struct crossed *b = pb;
    (void)ctx;
    if (a->distance != b->distance) {
        return a->distance < b->distance ? -1 : 1;
    }
    if (a->from != b->from) {
        return a->from < b->from ? -1 : 1;
    }
    return (a->object > b->object) - (a->object < b->object);
}

static void list_crossed(struct merging *m)
{
    const uint32_t n_all = heap_n_objects(m->p->graph);
    for (uint32_t i = 0; i < n_all; i++) {
        if (is_crossed(m, i)) {
            m->crossed[m->n_crossed++] =
                (struct crossed){m->p->distance[i], m->p->from[i], i};
        }
    }
    sort_items(m->crossed, m->n_crossed, sizeof *m->crossed, nearest_first,
               NULL);
}

/* Counted first: a list that grows is larger than what is in it. */
static bool cross_all(struct merging *m, const object_id *objects, size_t n,
                      struct err *err)
{
    const uint32_t n_all = heap_n_objects(m->p->graph);
    size_t n_crossed = 0;
    m->is_crossed = calloc(n_all / 64 + (size_t)1, sizeof *m->is_crossed);
    for (size_t i = 0; m->is_crossed && i < n; i++) {
        n_crossed += objects[i].i < n_all ? cross(m, objects[i].i) : 0;
    }
    const uint64_t bytes = n_all / 8 + sizeof *objects * (uint64_t)n +
                           sizeof *m->step_of * (uint64_t)n_all +
                           sizeof *m->group_of * (uint64_t)n_all +
                           sizeof *m->crossed * (uint64_t)n_crossed;
    if (!heap_has_room(m->p->graph, NULL, bytes, "paths", err)) {
        return false;
    }
    /* Zeroed pages that nobody writes to take no memory. */
    m->step_of = calloc((size_t)n_all + 1, sizeof *m->step_of);
    m->group_of = calloc((size_t)n_all + 1, sizeof *m->group_of);
    m->crossed = calloc(n_crossed + 1, sizeof *m->crossed);
    if (!m->is_crossed || !m->step_of || !m->group_of || !m->crossed) {
        return err_nomem(err, "paths");
    }
    list_crossed(m);
    return true;
}

/* --- names --- */

/* Drops what is between brackets from `begin` on when it is a number. */
static void drop_indices(struct buf *b, size_t begin)
{
    size_t out = begin;
    for (size_t i = begin; i < b->len; i++) {
        b->data[out++] = b->data[i];
        if (b->data[i] != '[') {
            continue;
        }
        size_t end = i + 1;
        while (end < b->len && isdigit((unsigned char)b->data[end])) {
            end++;
        }
        if (end < b->len && b->data[end] == ']') {
            i = end - 1;
        }
    }
    b->len = out;
    if (b->data) {
        b->data[out] = '\0';
    }
}

static void add_type(struct merging *m, uint32_t object)
{
    const object_id o = {object};
    buf_str(&m->text, m->text.len ? " -> " : "");
    if (m->types) {
        heap_type_name(m->types, o, &m->text);
    } else {
        buf_printf(&m->text, "%llu B",
                   (unsigned long long)heap_object_bytes(m->p->graph, o));
    }
}

static void add_field(struct merging *m, uint32_t holder, uint64_t offset)
{
    if (m->types) {
        heap_field_name(m->types, (object_id){holder}, offset, &m->text);
        drop_indices(&m->text, 0);
    } else {
        buf_printf(&m->text, "+0x%llx", (unsigned long long)offset);
    }
}

/* Goroutines go by what they wait for and run: "goroutine 22 [select] main.f"
   without its number. */
static void group_key(const struct root_group *g, struct buf *out)
{
    for (const char *p = g->name; *p; p++) {
        if (g->kind != ROOT_GOROUTINE || !isdigit((unsigned char)*p) ||
            p == g->name || p[-1] != ' ') {
            buf_char(out, *p);
            continue;
        }
        while (isdigit((unsigned char)p[1])) {
            p++;
        }
    }
}

/* The text in m->text, as an id. */
static bool text_id(struct merging *m, uint32_t *id, struct err *err)
{
    m->text.failed_limit = false; /* cut is good enough */
    return buf_check(&m->text, "paths", err) &&
           intern_add(&m->texts, buf_view(&m->text), id, err);
}

/* --- steps --- */

static bool is_alike(const struct merging *m, uint32_t step, uint32_t text)
{
    return step != NO_STEP && m->steps.items[step].depth > 0 &&
           m->steps.items[step].text == text;
}

/* The step below `parent` with that text. */
static bool find_step(struct merging *m, uint32_t parent, uint32_t text,
                      uint32_t group, uint32_t *step, struct err *err)
{
    const uint32_t depth =
        parent == NO_STEP ? 0 : m->steps.items[parent].depth + 1;
    const uint32_t before =
        parent == NO_STEP ? NO_STEP : m->steps.items[parent].parent;
    if (is_alike(m, parent, text) || depth == DEPTH_MAX) {
        *step = parent;
        return true;
    }
    if (is_alike(m, before, text)) {
        *step = before;
        return true;
    }
    const uint32_t key[] = {parent, text};
    if (!intern_add(&m->keys, (struct span){(const char *)key, sizeof key},
                    step, err)) {
        return false;
    }
    if (*step < m->steps.n) {
        return true;
    }
    return vec_merged_push(&m->steps, (struct merged){.parent = parent,
                                                      .text = text,
                                                      .group = group,
                                                      .depth = depth}) ||
           err_nomem(err, "paths");
}

/* Below the root of its group stands what the group's roots point to. */
static bool name_rooted(struct merging *m, const struct crossed *c,
                        struct err *err)
{
    const struct heap_graph *g = m->p->graph;
    const struct heap_root *root = path_root_at(g, c->from & ~PATH_ROOT);
    uint32_t text = 0;
    uint32_t top = 0;
    uint32_t step = 0;
    buf_clear(&m->text);
    group_key(heap_group(g, root->group), &m->text);
    if (!text_id(m, &text, err) ||
        !find_step(m, NO_STEP, text, root->group, &top, err)) {
        return false;
    }
    buf_clear(&m->text);
    if (m->types) {
        heap_root_name(m->types, root, &m->text);
        drop_indices(&m->text, 0);
    }
    add_type(m, c->object);
    if (!text_id(m, &text, err) ||
        !find_step(m, top, text, root->group, &step, err)) {
        return false;
    }
    m->step_of[c->object] = step + 1;
    return true;
}

/* The arrays of a map, which differ with its size, are no steps of their own.
 */
static bool is_inside_of_map(const struct merging *m, uint32_t holder,
                             uint32_t object)
{
    if (!m->types) {
        return false;
    }
    const enum object_form above =
        heap_type_of(m->types, (object_id){holder}).form;
    const enum object_form form =
        heap_type_of(m->types, (object_id){object}).form;
    const bool is_part = form == FORM_MAP_BUCKETS || form == FORM_MAP_TABLE ||
                         form == FORM_MAP_DIRECTORY;
    return is_part && (above == FORM_MAP || above == FORM_MAP_TABLE ||
                       above == FORM_MAP_DIRECTORY);
}

static bool name_held(struct merging *m, uint32_t holder, uint64_t offset,
                      uint32_t object, struct err *err)
{
    const uint32_t parent = m->step_of[holder] - 1;
    uint32_t text = 0;
    uint32_t step = 0;
    if (is_inside_of_map(m, holder, object)) {
        m->step_of[object] = m->step_of[holder];
        return true;
    }
    buf_clear(&m->text);
    add_field(m, holder, offset);
    add_type(m, object);
    if (!text_id(m, &text, err) ||
        !find_step(m, parent, text, m->steps.items[parent].group, &step, err)) {
        return false;
    }
    m->step_of[object] = step + 1;
    return true;
}

/* Children of one holder, by a pass over all of its pointers. */
static bool name_many(struct merging *m, uint32_t holder, struct err *err)
{
    const struct heap_graph *g = m->p->graph;
    const struct span contents = heap_object_contents(g, (object_id){holder});
    struct dump_fields fields = heap_object_fields(g, (object_id){holder});
    uint64_t offset = 0;
    while (dump_fields_next(&fields, &offset)) {
        const object_id o = heap_object_at(g, heap_word(g, contents, offset));
        if (o.i == OBJECT_NONE.i || m->p->from[o.i] != holder ||
            m->step_of[o.i] != 0 || !is_crossed(m, o.i)) {
            continue;
        }
        if (!name_held(m, holder, offset, o.i, err)) {
            return false;
        }
    }
    return true;
}

static bool name_children(struct merging *m, const struct crossed *c, size_t n,
                          struct err *err)
{
    const struct heap_graph *g = m->p->graph;
    if (n > FEW_CHILDREN && !name_many(m, c->from, err)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (m->step_of[c[i].object] != 0) {
            continue;
        }
        const uint64_t offset =
            path_offset(g, (object_id){c[i].from}, (object_id){c[i].object});
        if (!name_held(m, c[i].from, offset, c[i].object, err)) {
            return false;
        }
    }
    return true;
}

static bool name_all(struct merging *m, struct err *err)
{
    const struct crossed *c = m->crossed;
    for (size_t i = 0; i < m->n_crossed;) {
        size_t end = i + 1;
        if (c[i].from & PATH_ROOT) {
            if (!name_rooted(m, &c[i], err)) {
                return false;
            }
        } else {
            while (end < m->n_crossed && c[end].from == c[i].from &&
                   c[end].distance == c[i].distance) {
                end++;
            }
            if (!name_children(m, &c[i], end - i, err)) {
                return false;
            }
        }
        i = end;
    }
    return true;
}

/* What is nearer to the roots comes first. */
static void find_groups(struct merging *m)
{
    for (size_t i = 0; i < m->n_crossed; i++) {
        const struct crossed *c = &m->crossed[i];
        m->group_of[c->object] =
            c->from & PATH_ROOT
                ? path_root_at(m->p->graph, c->from & ~PATH_ROOT)->group
                : m->group_of[c->from];
    }
}

/* One more path from `group` ends at a step. */
static bool count_group(struct merging *m, uint32_t step, uint32_t group,
                        struct err *err)
{
    struct merged *s = &m->steps.items[step];
    const uint32_t key[] = {step, group};
    const size_t n_before = intern_count(&m->ends);
    uint32_t id = 0;
    if (s->n_groups > 0 && s->group == group) {
        return true;
    }
    if (!intern_add(&m->ends, (struct span){(const char *)key, sizeof key}, &id,
                    err)) {
        return false;
    }
    s->n_groups += intern_count(&m->ends) > n_before;
    s->group = group;
    return true;
}

static bool count(struct merging *m, const object_id *objects, size_t n,
                  struct err *err)
{
    find_groups(m);
    for (size_t i = 0; i < n; i++) {
        const uint32_t o = objects[i].i;
        if (o >= heap_n_objects(m->p->graph) || m->step_of[o] == 0) {
            continue;
        }
        const uint32_t step = m->step_of[o] - 1;
        if (!count_group(m, step, m->group_of[o], err)) {
            return false;
        }
        m->steps.items[step].n_objects++;
        m->steps.items[step].bytes +=
            heap_object_bytes(m->p->graph, objects[i]);
    }
    return true;
}

/* --- the answer --- */

static int most_first(const void *pa, const void *pb, const void *ctx)
{
    const uint32_t a = *(const uint32_t *)pa;
    const uint32_t b = *(const uint32_t *)pb;
    const struct merged *steps = ctx;
    if (steps[a].bytes != steps[b].bytes) {
        return steps[a].bytes > steps[b].bytes ? -1 : 1;
    }
    return (a > b) - (a < b);
}

static bool write_path(const struct merging *m, uint32_t last,
                       struct arena *arena, struct merged_path *out)
{
    const struct merged *end = &m->steps.items[last];
    struct merged_step *steps =
        arena_new(arena, struct merged_step, end->depth);
    *out = (struct merged_path){.group = end->group,
                                .n_groups = end->n_groups,
                                .steps = steps,
                                .n = end->depth,
                                .n_objects = end->n_objects,
                                .bytes = end->bytes};
    uint32_t at = last;
    for (size_t i = end->depth; steps && i-- > 0;) {
        const struct merged *s = &m->steps.items[at];
        steps[i].text = arena_strdup(arena, intern_span(&m->texts, s->text));
        if (!steps[i].text) {
            return false;
        }
        at = s->parent;
    }
    return steps != NULL;
}

static bool write_paths(const struct merging *m, size_t n_max,
                        struct arena *arena, struct merged_path **out,
                        size_t *n)
{
    struct vec_u32 ends = {0};
    bool ok = true;
    for (uint32_t i = 0; i < m->steps.n && ok; i++) {
        ok = m->steps.items[i].n_objects == 0 || vec_u32_push(&ends, i);
    }
    if (ok && ends.n > 0) {
        sort_items(ends.items, ends.n, sizeof *ends.items, most_first,
                   m->steps.items);
        const size_t n_given = ends.n < n_max ? ends.n : n_max;
        *out = arena_new(arena, struct merged_path, n_given);
        ok = *out != NULL;
        for (size_t i = 0; i < n_given && ok; i++) {
            ok = write_path(m, ends.items[i], arena, &(*out)[i]);
            *n = i + 1;
        }
    }
    vec_u32_release(&ends);
    return ok;
}

bool heap_paths_merged(const struct heap_paths *p, const struct heap_types *t,
                       const object_id *objects, size_t n_objects, size_t n_max,
                       struct arena *arena, struct merged_path **out, size_t *n,
                       struct err *err)
{
    struct merging m = {.p = p, .types = t, .text = BUF_LIMIT(TEXT_MAX)};
    *out = NULL;
    *n = 0;
    bool ok = cross_all(&m, objects, n_objects, err) && name_all(&m, err) &&
              count(&m, objects, n_objects, err);
    if (ok) {
        ok = write_paths(&m, n_max, arena, out, n) || err_nomem(err, "paths");
    }
    free(m.is_crossed);
    free(m.step_of);
    free(m.group_of);
    free(m.crossed);
    intern_release(&m.texts);
    intern_release(&m.keys);
    intern_release(&m.ends);
    vec_merged_release(&m.steps);
    buf_release(&m.text);
    return ok;
}
