/*
 * Globals by address: what debugging information knows with a type, and what
 * only the symbol table knows. Where both name a place, the type wins.
 */
#include "heap/binary_private.h"

#include <string.h>

#include "base/banned.h"
#include "base/sort.h"

bool binary_add_variable(struct binary *b, const struct go_variable *v,
                         struct err *err)
{
    if (b->variables.n >= LIMIT_SYMBOLS) {
        return err_set(err, ERR_LIMIT, "above %u variables", LIMIT_SYMBOLS);
    }
    return go_variables_push(&b->variables, *v) || err_nomem(err, "variables");
}

/* By address; at one place those with a type first, then the larger. */
static int compare_variables(const void *a, const void *b, const void *ctx)
{
    const struct go_variable *x = a, *y = b;
    const bool x_typed = x->type.i != UINT32_MAX;
    const bool y_typed = y->type.i != UINT32_MAX;
    (void)ctx;
    if (x->address != y->address) {
        return x->address < y->address ? -1 : 1;
    }
    if (x_typed != y_typed) {
        return x_typed ? -1 : 1;
    }
    if (x->bytes != y->bytes) {
        return x->bytes > y->bytes ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

static int compare_symbols(const void *a, const void *b, const void *ctx)
{
    const struct graph_symbol *x = a, *y = b;
    (void)ctx;
    if (x->address != y->address) {
        return x->address < y->address ? -1 : 1;
    }
    return x->bytes != y->bytes ? (x->bytes > y->bytes ? -1 : 1)
                                : strcmp(x->name, y->name);
}

/* One variable for each address, its size the larger of what is known. */
static void drop_namesakes(struct go_variables *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++) {
        if (n > 0 && v->items[n - 1].address == v->items[i].address) {
            struct go_variable *kept = &v->items[n - 1];
            if (kept->bytes == 0) {
                kept->bytes = v->items[i].bytes;
            }
        } else {
            v->items[n++] = v->items[i];
        }
    }
    v->n = n;
}

/* A variable without a symbol names its words as well. */
static bool add_missing_symbols(struct binary *b, size_t n_symbols,
                                struct err *err)
{
    size_t s = 0;
    for (size_t i = 0; i < b->variables.n; i++) {
        const struct go_variable *v = &b->variables.items[i];
        while (s < n_symbols && b->symbols.items[s].address < v->address) {
            s++;
        }
        const bool has_symbol =
            s < n_symbols && b->symbols.items[s].address == v->address;
        const struct graph_symbol g = {v->address, v->bytes, v->name};
        if (!has_symbol && v->bytes > 0 &&
            !graph_symbols_push(&b->symbols, g)) {
            return err_nomem(err, "symbols");
        }
    }
    return true;
}

static void sort_symbols(struct binary *b)
{
    size_t n = 0;
    struct graph_symbols *s = &b->symbols;
    sort_items(s->items, s->n, sizeof(struct graph_symbol), compare_symbols,
               NULL);
    for (size_t i = 0; i < s->n; i++) {
        if (n == 0 || s->items[n - 1].address != s->items[i].address) {
            s->items[n++] = s->items[i];
        }
    }
    s->n = n;
}

static void sort_variables(struct binary *b)
{
    sort_items(b->variables.items, b->variables.n, sizeof(struct go_variable),
               compare_variables, NULL);
    drop_namesakes(&b->variables);
}

bool binary_join_variables(struct binary *b, struct err *err)
{
    for (size_t i = 0; i < b->variables.n; i++) {
        struct go_variable *v = &b->variables.items[i];
        v->type = dwarf_type_at(b, v->bytes);
        const struct go_type *t = binary_type_of(b, v->type);
        v->bytes = t ? t->bytes : 0;
    }
    for (size_t i = 0; i < b->symbols.n; i++) {
        const struct graph_symbol *s = &b->symbols.items[i];
        const struct go_variable v = {s->name, s->address, s->bytes, TYPE_NONE};
        if (!binary_add_variable(b, &v, err)) {
            return false;
        }
    }
    sort_variables(b);
    if (!binary_add_statics(b, err)) {
        return false;
    }
    sort_variables(b);
    sort_symbols(b);
    const size_t n_symbols = b->symbols.n;
    if (!add_missing_symbols(b, n_symbols, err)) {
        return false;
    }
    sort_symbols(b);
    return true;
}

/* --- what others ask --- */

const struct graph_symbol *binary_symbols(const struct binary *b, size_t *n)
{
    *n = b->symbols.n;
    return b->symbols.items;
}

const struct go_variable *binary_variable_at(const struct binary *b,
                                             uint64_t address)
{
    const struct go_variables *v = &b->variables;
    size_t low = 0, high = v->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (v->items[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    const struct go_variable *found = &v->items[low - 1];
    return address - found->address < found->bytes ? found : NULL;
}
