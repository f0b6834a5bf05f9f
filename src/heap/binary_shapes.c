/*
 * Generic functions are compiled once for types of one shape, and their
 * variables have types of shapes: main.Node[go.shape.string]. Where the program
 * has a single instance with that layout, it is the one that is meant.
 */
#include "heap/binary_private.h"

#include <string.h>

#include "base/banned.h"

enum { WRAPPERS_MAX = 8 };

static bool is_shape(const struct go_type *t)
{
    return strstr(t->name, "go.shape.") != NULL;
}

static bool is_like(const struct binary *b, const struct go_type *t,
                    const struct go_type *shape)
{
    const size_t base = strcspn(shape->name, "[");
    if (t->kind != GO_STRUCT || t->bytes != shape->bytes ||
        t->n_fields != shape->n_fields || shape->name[base] == '\0' ||
        strncmp(t->name, shape->name, base + 1) != 0 || is_shape(t)) {
        return false;
    }
    for (size_t i = 0; i < t->n_fields; i++) {
        const struct go_type *x = binary_type_of(b, t->fields[i].type);
        const struct go_type *y = binary_type_of(b, shape->fields[i].type);
        if (t->fields[i].offset != shape->fields[i].offset ||
            (x && y && x->kind != y->kind)) {
            return false;
        }
    }
    return true;
}

/* The only instance of the shape of a struct; TYPE_NONE none or several. */
static type_id only_instance(struct binary *b, type_id id)
{
    const struct go_type *shape = binary_type_of(b, id);
    type_id found = TYPE_NONE;
    if (address_map_find(&b->instances, (uint64_t)id.i + 1, &found.i)) {
        return found;
    }
    for (uint32_t i = 0; i < b->types.n; i++) {
        const struct go_type *t = binary_type_of(b, (type_id){i});
        if (!is_like(b, t, shape)) {
            continue;
        }
        if (found.i != TYPE_NONE.i &&
            strcmp(binary_type_of(b, found)->name, t->name) != 0) {
            found = TYPE_NONE;
            break;
        }
        found = (type_id){i};
    }
    (void)address_map_put(&b->instances, (uint64_t)id.i + 1, found.i);
    return found;
}

/* "go.shape.string", up to Go 1.19 "go.shape.string_0", is string; the shape
   of a pointer may be any pointer. */
static type_id plain_type(struct binary *b, const struct go_type *shape)
{
    static const char prefix[] = "go.shape.";
    struct span name = span_of(shape->name);
    if (!span_starts(name, prefix) || shape->kind == GO_POINTER) {
        return TYPE_NONE;
    }
    name = span_from(name, sizeof(prefix) - 1);
    const size_t number = span_rfind_char(name, '_');
    if (number < name.len &&
        strspn(name.p + number + 1, "0123456789") == name.len - number - 1) {
        name = span_first(name, number);
    }
    const char *text = arena_strdup(&b->arena, name);
    const type_id id = text ? binary_type_named(b, text) : TYPE_NONE;
    const struct go_type *t = binary_type_of(b, id);
    return t && t->kind == shape->kind ? id : TYPE_NONE;
}

static const char *prefix_of(enum go_kind kind)
{
    return kind == GO_POINTER ? "*" : kind == GO_SLICE ? "[]" : NULL;
}

type_id binary_unshaped(struct binary *b, type_id id)
{
    enum go_kind wrappers[WRAPPERS_MAX];
    size_t n = 0;
    type_id inner = id;
    const struct go_type *t = binary_type_of(b, inner);
    while (t && is_shape(t) && t->element.i != TYPE_NONE.i &&
           prefix_of(t->kind) && n < WRAPPERS_MAX) {
        wrappers[n++] = t->kind;
        inner = t->element;
        t = binary_type_of(b, inner);
    }
    if (t == NULL || !is_shape(t)) {
        return id;
    }
    inner = t->kind == GO_STRUCT ? only_instance(b, inner) : plain_type(b, t);
    while (n > 0 && inner.i != TYPE_NONE.i) {
        const char *name =
            arena_printf(&b->arena, "%s%s", prefix_of(wrappers[--n]),
                         binary_type_of(b, inner)->name);
        inner = name ? binary_type_named(b, name) : TYPE_NONE;
    }
    return inner.i != TYPE_NONE.i ? inner : id;
}
