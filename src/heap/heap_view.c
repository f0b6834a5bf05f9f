/*
 * Classes: each reachable node gets the number of its name, so that views
 * count, sort and compare numbers. Objects are millions and types are
 * thousands: names are made once for each type and size.
 */
#include "heap/heap_view_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

struct buf *view_word(struct heap_view *v)
{
    buf_clear(&v->word);
    return &v->word;
}

const char *view_keep(struct heap_view *v, struct err *err)
{
    const char *out = NULL;
    if (!v->word.failed_memory) {
        out = arena_strdup(&v->arena, buf_view(&v->word));
    }
    if (!out) {
        (void)err_nomem(err, "names of a heap dump");
    }
    return out;
}

void view_without_indices(struct span path, struct buf *out)
{
    for (size_t i = 0; i < path.len; i++) {
        buf_char(out, path.p[i]);
        if (path.p[i] != '[') {
            continue;
        }
        size_t end = i + 1;
        while (end < path.len && path.p[end] >= '0' && path.p[end] <= '9') {
            end++;
        }
        if (end < path.len && path.p[end] == ']') {
            i = end - 1;
        }
    }
}

void view_add_text(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f) {
            buf_printf(out, "\\x%02x", (unsigned)c);
        } else {
            buf_char(out, s.p[i]);
        }
    }
}

/* --- names of roots --- */

/* `number` is "" or " 7". */
static bool add_goroutine(struct heap_view *v, uint32_t goroutine,
                          const char *number, struct buf *out, struct err *err)
{
    const struct graph_goroutine *g = heap_goroutine_at(v->f.graph, goroutine);
    const char *function = NULL;
    if (!view_started(v, g, &function, err)) {
        return false;
    }
    buf_printf(out, "goroutine%s", number);
    if (*g->wait_reason) {
        buf_printf(out, " [%s]", g->wait_reason);
    }
    buf_printf(out, "%s%s", *function ? " " : "", function);
    return true;
}

static void add_object_name(const struct heap_view *v, object_id o,
                            struct buf *out)
{
    const size_t start = out->len;
    if (v->f.types) {
        heap_type_name(v->f.types, o, out);
    }
    if (out->len == start) {
        buf_printf(out, "unknown %llu B",
                   (unsigned long long)heap_object_bytes(v->f.graph, o));
    }
}

/* "main.Handle before its finalizer" */
static void add_finalized_class(const struct heap_view *v,
                                const struct root_group *g, struct buf *out)
{
    const object_id o = heap_object_at(v->f.graph, g->address);
    const bool is_typed = v->f.types && o.i != OBJECT_NONE.i &&
                          heap_type_of(v->f.types, o).source != TYPED_NOT;
    if (is_typed) {
        add_object_name(v, o, out);
    } else {
        buf_str(out, "object");
    }
    buf_str(out, " before its finalizer");
}

bool view_group_class(struct heap_view *v, uint32_t group, struct buf *out,
                      struct err *err)
{
    const struct root_group *g = heap_group(v->f.graph, group);
    switch (g->kind) {
    case ROOT_GLOBAL:
        buf_str(out, "global ");
        buf_str(out, g->name);
        break;
    case ROOT_GOROUTINE:
        return add_goroutine(v, g->goroutine, "", out, err);
    case ROOT_FINALIZER:
        if (span_starts(span_of(g->name), "finalizer of ")) {
            buf_str(out, "finalizer");
        } else if (span_starts(span_of(g->name), "object 0x")) {
            add_finalized_class(v, g, out);
        } else {
            buf_str(out, g->name);
        }
        break;
    case ROOT_OTHER:
    case N_ROOT_KINDS:
        buf_str(out, g->name);
        break;
    }
    return true;
}

/* --- classes --- */

/* What makes the name of an object: the type and its form, or without a type
   the size. */
struct class_key {
    uint64_t what;
    uint32_t form;
};

/* Open addressing; `slots` hold a class + 1. */
struct class_table {
    struct class_key *keys;
    uint32_t *slots;
    uint32_t n_slots, n;
};

static uint64_t mix(struct class_key k)
{
    uint64_t h = (k.what + 1) * UINT64_C(0x9e3779b97f4a7c15) + k.form;
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    return h ^ (h >> 32);
}

static uint32_t slot_of(const struct class_table *t, struct class_key k)
{
    uint32_t i = (uint32_t)mix(k) & (t->n_slots - 1);
    while (t->slots[i] != 0 &&
           (t->keys[i].what != k.what || t->keys[i].form != k.form)) {
        i = (i + 1) & (t->n_slots - 1);
    }
    return i;
}

static bool table_grow(struct class_table *t)
{
    struct class_table bigger = {.n = t->n,
                                 .n_slots = t->n_slots ? t->n_slots * 2 : 4096};
    bigger.keys = calloc(bigger.n_slots, sizeof *bigger.keys);
    bigger.slots = calloc(bigger.n_slots, sizeof *bigger.slots);
    if (!bigger.keys || !bigger.slots) {
        free(bigger.keys);
        free(bigger.slots);
        return false;
    }
    for (uint32_t i = 0; i < t->n_slots; i++) {
        if (t->slots[i] != 0) {
            const uint32_t at = slot_of(&bigger, t->keys[i]);
            bigger.keys[at] = t->keys[i];
            bigger.slots[at] = t->slots[i];
        }
    }
    free(t->keys);
    free(t->slots);
    *t = bigger;
    return true;
}

static void table_release(struct class_table *t)
{
    free(t->keys);
    free(t->slots);
}

/* The class named by the scratch text. */
static bool add_class(struct heap_view *v, object_id sample, bool is_known,
                      uint32_t *id, struct err *err)
{
    if (v->word.len == 0) {
        buf_str(&v->word, "?");
    }
    if (v->word.failed_memory) {
        return err_nomem(err, "names of a heap dump");
    }
    if (!intern_add(&v->names, buf_view(&v->word), id, err)) {
        return false;
    }
    if (*id < v->classes.n) {
        return true;
    }
    const struct view_class c = {.name = intern_text(&v->names, *id),
                                 .sample = sample,
                                 .is_known = is_known};
    return view_classes_push(&v->classes, c) ||
           err_nomem(err, "types of a heap dump");
}

static struct class_key key_of(const struct heap_view *v, object_id o,
                               uint64_t bytes)
{
    if (v->f.types) {
        const struct object_type t = heap_type_of(v->f.types, o);
        if (t.type.i != TYPE_NONE.i) {
            return (struct class_key){t.type.i, 1 + (uint32_t)t.form};
        }
        if (t.source != TYPED_NOT) {
            return (struct class_key){bytes, UINT32_MAX - (uint32_t)t.form};
        }
    }
    return (struct class_key){bytes, 0};
}

static bool class_object(struct heap_view *v, struct class_table *t,
                         object_id o, uint64_t bytes, struct err *err)
{
    const struct class_key k = key_of(v, o, bytes);
    if (t->n * 2 >= t->n_slots && !table_grow(t)) {
        return err_nomem(err, "types of a heap dump");
    }
    const uint32_t at = slot_of(t, k);
    uint32_t id = t->slots[at] - 1;
    if (t->slots[at] == 0) {
        add_object_name(v, o, view_word(v));
        if (!add_class(v, o, k.form != 0, &id, err)) {
            return false;
        }
        t->keys[at] = k;
        t->slots[at] = id + 1;
        t->n++;
    }
    v->class_of[view_node(v, o)] = id;
    v->classes.items[id].n_objects++;
    v->classes.items[id].bytes += bytes;
    return true;
}

static bool class_objects(struct heap_view *v, struct class_table *t,
                          struct err *err)
{
    const uint32_t n = heap_n_objects(v->f.graph);
    for (uint32_t i = 0; i < n;) {
        uint32_t n_same = 0;
        const uint64_t bytes =
            heap_same_bytes(v->f.graph, (object_id){i}, &n_same);
        const uint32_t end = n_same < n - i ? i + n_same : n;
        for (; i < end; i++) {
            const object_id o = {i};
            v->class_of[view_node(v, o)] = VIEW_NO_CLASS;
            if (heap_is_reachable(v->f.dominators, view_node(v, o)) &&
                !class_object(v, t, o, bytes, err)) {
                return false;
            }
        }
    }
    return true;
}

static bool class_groups(struct heap_view *v, struct err *err)
{
    v->class_of[0] = VIEW_NO_CLASS;
    for (uint32_t i = 0; i + 1 < v->n_heads; i++) {
        if (!view_group_class(v, i, view_word(v), err) ||
            !add_class(v, OBJECT_NONE, true, &v->class_of[1 + i], err)) {
            return false;
        }
    }
    return true;
}

bool view_spend(struct heap_view *v, uint64_t bytes, struct err *err)
{
    if (!heap_spend(v->f.graph, NULL, bytes, "views", err)) {
        return false;
    }
    v->spent_bytes += bytes;
    return true;
}

bool heap_view_new(const struct heap_facts *facts, struct heap_view **out,
                   struct err *err)
{
    struct heap_view *v = calloc(1, sizeof *v);
    if (!v) {
        return err_nomem(err, "view of a heap dump");
    }
    v->f = *facts;
    v->word = BUF_LIMIT(VIEW_NAME_BYTES);
    v->n_heads = 1 + heap_n_groups(facts->graph);
    v->n_nodes = v->n_heads + heap_n_objects(facts->graph);
    struct class_table t = {0};
    const uint64_t bytes = sizeof *v->class_of * (uint64_t)v->n_nodes;
    if (!view_spend(v, bytes, err)) {
        free(v);
        return false;
    }
    v->class_of = heap_column(uint32_t, v->n_nodes);
    const bool ok = (v->class_of || err_nomem(err, "types of a heap dump")) &&
                    class_groups(v, err) && class_objects(v, &t, err);
    table_release(&t);
    if (!ok) {
        heap_view_free(v);
        return false;
    }
    *out = v;
    return true;
}

void heap_view_free(struct heap_view *v)
{
    if (v) {
        heap_give_back(v->f.graph, v->spent_bytes);
        arena_release(&v->arena);
        intern_release(&v->names);
        intern_release(&v->of_roots);
        intern_release(&v->places);
        view_call_rows_release(&v->calls);
        buf_release(&v->word);
        view_classes_release(&v->classes);
        free(v->class_of);
        free(v->tops);
        free(v);
    }
}

/* --- questions --- */

/* Kept once, however often it is asked. */
static const char *name_goroutine(struct heap_view *v, uint32_t goroutine)
{
    struct err err = {0};
    char number[24];
    uint32_t id = 0;
    (void)snprintf(
        number, sizeof number, " %llu",
        (unsigned long long)heap_goroutine_at(v->f.graph, goroutine)->goid);
    struct buf *word = view_word(v);
    return add_goroutine(v, goroutine, number, word, &err) && buf_ok(word) &&
                   intern_add(&v->of_roots, buf_view(word), &id, &err)
               ? intern_text(&v->of_roots, id)
               : "?";
}

const char *heap_view_name(struct heap_view *v, heap_node n)
{
    if (n == 0) {
        return "all";
    }
    if (n >= v->n_heads) {
        const uint32_t id = v->class_of[n];
        if (id != VIEW_NO_CLASS) {
            return v->classes.items[id].name;
        }
        add_object_name(v, view_object(v, n), view_word(v));
        struct err err = {0};
        const char *name = view_keep(v, &err);
        return name ? name : "?";
    }
    const struct root_group *g = heap_group(v->f.graph, view_group(n));
    switch (g->kind) {
    case ROOT_GLOBAL:
        return v->classes.items[v->class_of[n]].name;
    case ROOT_GOROUTINE:
        return name_goroutine(v, g->goroutine);
    case ROOT_FINALIZER:
    case ROOT_OTHER:
    case N_ROOT_KINDS:
        break;
    }
    return g->name;
}

const char *heap_view_class(struct heap_view *v, heap_node n)
{
    const uint32_t id = n == 0 ? VIEW_NO_CLASS : v->class_of[n];
    return id != VIEW_NO_CLASS ? v->classes.items[id].name
                               : heap_view_name(v, n);
}

bool heap_view_is_runtimes(const char *class_name)
{
    static const char *const prefixes[] = {
        "runtime.",    "*runtime.",       "[]runtime.",
        "[]*runtime.", "global runtime.", "internal/runtime"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (span_starts(span_of(class_name), prefixes[i])) {
            return true;
        }
    }
    return false;
}

bool heap_view_has_class(const struct heap_view *v, const char *class_name)
{
    uint32_t id = 0;
    return intern_find(&v->names, span_of(class_name), &id);
}

uint64_t view_own_bytes(const struct heap_view *v, heap_node n)
{
    return view_is_object(v, n)
               ? heap_object_bytes(v->f.graph, view_object(v, n))
               : 0;
}

/* The offset of the first pointer in `from` that leads to `to`. */
static bool find_edge(const struct heap_view *v, object_id from, object_id to,
                      uint64_t *offset)
{
    const struct heap_graph *g = v->f.graph;
    const struct span contents = heap_object_contents(g, from);
    struct dump_fields fields = heap_object_fields(g, from);
    while (dump_fields_next(&fields, offset)) {
        if (heap_object_at(g, heap_word(g, contents, *offset)).i == to.i) {
            return true;
        }
    }
    return false;
}

static void add_root_field(struct heap_view *v, uint32_t group, object_id to,
                           struct buf *out)
{
    const struct root_group *g = heap_group(v->f.graph, group);
    const struct heap_root *roots = heap_group_roots(v->f.graph, group);
    for (uint64_t i = 0; i < g->n_roots; i++) {
        if (roots[i].object.i == to.i) {
            heap_root_name(v->f.types, &roots[i], out);
            return;
        }
    }
}

static void add_field(struct heap_view *v, heap_node from, object_id to,
                      struct buf *out)
{
    uint64_t offset = 0;
    if (!v->f.types || from == 0) {
        return;
    }
    if (!view_is_object(v, from)) {
        add_root_field(v, view_group(from), to, out);
    } else if (find_edge(v, view_object(v, from), to, &offset)) {
        heap_field_name(v->f.types, view_object(v, from), offset, out);
    }
}

const char *heap_view_exact_field(struct heap_view *v, heap_node from,
                                  object_id to)
{
    struct err err = {0};
    add_field(v, from, to, view_word(v));
    const char *field = v->word.len > 0 ? view_keep(v, &err) : "";
    return field ? field : "";
}

const char *heap_view_field(struct heap_view *v, heap_node from, object_id to)
{
    struct buf path = BUF_LIMIT(VIEW_NAME_BYTES);
    struct err err = {0};
    add_field(v, from, to, &path);
    view_without_indices(buf_view(&path), view_word(v));
    const char *field = path.len > 0 ? view_keep(v, &err) : "";
    buf_release(&path);
    return field ? field : "";
}
