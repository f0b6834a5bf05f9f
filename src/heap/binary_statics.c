/*
 * What a variable points to from the start: `var cache = &Cache{}` is a
 * pointer and, elsewhere in the data, a Cache without a name (or one that says
 * nothing, "main..stmp_3"). A reader knows it by the variable's name, so it
 * gets that, and the type that the pointer says.
 */
#include "heap/binary_private.h"

#include <string.h>

#include "base/banned.h"

static bool is_nameless(const char *name)
{
    return strstr(name, "..stmp_") != NULL || strstr(name, "..autotmp") != NULL;
}

/* Is there anything with a name of its own in [from, to)? */
static bool is_taken(const struct binary *b, uint64_t from, uint64_t to)
{
    const struct go_variables *v = &b->variables;
    size_t low = 0;
    size_t high = v->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (v->items[middle].address < from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low > 0) {
        const struct go_variable *before = &v->items[low - 1];
        if (from - before->address < before->bytes) {
            return true;
        }
    }
    for (; low < v->n && v->items[low].address < to; low++) {
        if (v->items[low].bytes > 0 && !is_nameless(v->items[low].name)) {
            return true;
        }
    }
    return false;
}

/* Only what is written to can hold memory of the heap. */
static bool is_writable(const struct binary *b, uint64_t from, uint64_t bytes)
{
    for (size_t i = 0; i < b->sections.n; i++) {
        const struct binary_section *s = &b->sections.items[i];
        if ((s->flags & SHF_WRITE) != 0 && from >= s->address &&
            from - s->address < s->bytes &&
            bytes <= s->bytes - (from - s->address)) {
            return true;
        }
    }
    return false;
}

static bool static_of(struct binary *b, const struct go_variable *v,
                      struct go_variable *out)
{
    const struct go_type *t = binary_type_of(b, v->type);
    if (!t || t->kind != GO_POINTER || is_nameless(v->name)) {
        return false;
    }
    const struct go_type *to = binary_type_of(b, t->element);
    const uint64_t target = binary_word(b, v->address);
    if (!to || to->bytes == 0 || target == 0 ||
        target > UINT64_MAX - to->bytes || !is_writable(b, target, to->bytes) ||
        is_taken(b, target, target + to->bytes)) {
        return false;
    }
    *out = (struct go_variable){v->name, target, to->bytes, t->element};
    return true;
}

static void rename_symbols(struct binary *b, const struct go_variable *v)
{
    for (size_t i = 0; i < b->symbols.n; i++) {
        struct graph_symbol *s = &b->symbols.items[i];
        if (s->address == v->address && is_nameless(s->name)) {
            s->name = v->name;
            s->bytes = v->bytes;
        }
    }
}

bool binary_add_statics(struct binary *b, struct err *err)
{
    const size_t n = b->variables.n;
    for (size_t i = 0; i < n; i++) {
        struct go_variable v;
        if (!static_of(b, &b->variables.items[i], &v)) {
            continue;
        }
        rename_symbols(b, &v);
        if (!binary_add_variable(b, &v, err)) {
            return false;
        }
    }
    return true;
}
