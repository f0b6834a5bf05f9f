/*
 * What variables lead to from the start: `var cache = &Cache{}` is a pointer
 * and, elsewhere in the data, a Cache without a name (or one that says nothing,
 * "main..stmp_3"). A reader knows it by the variable's name, so it gets that,
 * and the type that the pointer or the interface says; what a field leads to
 * gets the field's. Without types it ends where the next one begins.
 */
#include "heap/binary_private.h"

#include "base/sort.h"

#include <string.h>

#include "base/banned.h"

static bool is_nameless(const char *name)
{
    return strstr(name, "..stmp_") != NULL || strstr(name, "..autotmp") != NULL;
}

/* The first variable at or behind an address. */
static size_t first_from(const struct go_variables *v, uint64_t address)
{
    size_t low = 0;
    size_t high = v->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (v->items[middle].address < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Is there anything with a name of its own in [from, to)? */
static bool is_taken(const struct binary *b, uint64_t from, uint64_t to)
{
    const struct go_variables *v = &b->variables;
    size_t i = first_from(v, from);
    if (i > 0) {
        const struct go_variable *before = &v->items[i - 1];
        if (from - before->address < before->bytes) {
            return true;
        }
    }
    for (; i < v->n && v->items[i].address < to; i++) {
        if (v->items[i].bytes > 0 && !is_nameless(v->items[i].name)) {
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

/* --- where they lie --- */

struct statics {
    struct binary *b;
    struct go_variables found;
    struct address_map known; /* where they begin: the first name stays */
};

/* Does it begin in a part of the data that has no name? */
static bool is_free(const struct binary *b, uint64_t at, uint64_t bytes)
{
    return at != 0 && bytes > 0 && at <= UINT64_MAX - bytes &&
           is_writable(b, at, bytes) && !is_taken(b, at, at + bytes);
}

static bool add_static(struct statics *s, const char *name, uint64_t at,
                       uint64_t bytes, type_id type, struct err *err)
{
    const struct go_variable v = {name, at, bytes, type};
    uint32_t before = 0;
    if (address_map_find(&s->known, at, &before)) {
        return true;
    }
    if (s->found.n >= LIMIT_SYMBOLS) {
        return err_set(err, ERR_LIMIT, "above %u variables", LIMIT_SYMBOLS);
    }
    return (address_map_put(&s->known, at, (uint32_t)s->found.n) &&
            go_variables_push(&s->found, v)) ||
           err_nomem(err, "variables");
}

/* --- with types --- */

/* A value in the data, with what it is called. */
struct place {
    const char *name;
    uint64_t at;
    type_id type;
};
VEC_TYPE(places, struct place)

/* What an interface at `at` holds: a pointer's target. */
static type_id held_by(struct binary *b, const struct go_type *t, uint64_t at)
{
    uint64_t word = binary_word(b, at);
    if (!t->has_empty_interface && word != 0) {
        word = binary_word(b, word + b->pointer_bytes); /* of the itab */
    }
    const type_id type =
        word != 0 ? binary_type_of_runtime(b, word) : TYPE_NONE;
    const struct go_type *held = binary_type_of(b, type);
    return held && held->kind == GO_POINTER ? held->element : TYPE_NONE;
}

static bool take_target(struct statics *s, const struct place *p,
                        const struct go_type *t, struct err *err)
{
    struct binary *b = s->b;
    const bool is_pointer = t->kind == GO_POINTER;
    const type_id type = is_pointer ? t->element : held_by(b, t, p->at);
    const struct go_type *to = binary_type_of(b, type);
    const uint64_t at =
        binary_word(b, p->at + (is_pointer ? 0 : b->pointer_bytes));
    return !to || !is_free(b, at, to->bytes) ||
           add_static(s, p->name, at, to->bytes, type, err);
}

static bool may_lead_on(const struct go_type *t)
{
    return t && (t->kind == GO_STRUCT || t->kind == GO_POINTER ||
                 t->kind == GO_INTERFACE);
}

static bool push_fields(struct binary *b, struct places *stack,
                        const struct place *p, const struct go_type *t,
                        struct err *err)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        const struct go_field *f = &t->fields[i];
        if (!may_lead_on(binary_type_of(b, f->type))) {
            continue;
        }
        const char *name = arena_printf(&b->arena, "%s.%s", p->name, f->name);
        const struct place q = {name, p->at + f->offset, f->type};
        if (!name || !places_push(stack, q)) {
            return err_nomem(err, "variables");
        }
    }
    return true;
}

/* All that a variable, and the structs in it, point to. Where the file has no
   bytes all is 0 at first. */
static bool take_all(struct statics *s, const struct go_variable *v,
                     struct places *stack, struct err *err)
{
    enum { PARTS_MAX = 256 };
    uint64_t n_left = 0;
    if (is_nameless(v->name) || !binary_at(s->b, v->address, &n_left)) {
        return true;
    }
    if (!places_push(stack, (struct place){v->name, v->address, v->type})) {
        return err_nomem(err, "variables");
    }
    bool ok = true;
    for (unsigned n = 0; ok && stack->n > 0 && n < PARTS_MAX; n++) {
        const struct place p = stack->items[--stack->n];
        const struct go_type *t = binary_type_of(s->b, p.type);
        if (may_lead_on(t)) {
            ok = t->kind == GO_STRUCT ? push_fields(s->b, stack, &p, t, err)
                                      : take_target(s, &p, t, err);
        }
    }
    stack->n = 0;
    return ok;
}

/* --- without --- */

/* A pointer, or an interface: what its last word leads to. */
static bool take_word(struct statics *s, const struct go_variable *v,
                      struct err *err)
{
    const unsigned w = s->b->pointer_bytes;
    if ((v->bytes != w && v->bytes != 2ULL * w) || is_nameless(v->name)) {
        return true;
    }
    const uint64_t at = binary_word(s->b, v->address + v->bytes - w);
    return !is_free(s->b, at, w) ||
           add_static(s, v->name, at, 0, TYPE_NONE, err);
}

static int by_address(const void *pa, const void *pb, const void *ctx)
{
    const struct go_variable *a = pa;
    const struct go_variable *b = pb;
    (void)ctx;
    return (a->address > b->address) - (a->address < b->address);
}

/* Where the section ends, or the first that has a name. */
static uint64_t end_of(const struct binary *b, uint64_t at)
{
    uint64_t end = at;
    for (size_t i = 0; i < b->sections.n; i++) {
        const struct binary_section *s = &b->sections.items[i];
        if (at >= s->address && at - s->address < s->bytes) {
            end = s->address + s->bytes;
        }
    }
    const size_t next = first_from(&b->variables, at + 1);
    const struct go_variable *v = &b->variables.items[next];
    return next < b->variables.n && v->address < end ? v->address : end;
}

static void set_ends(struct statics *s)
{
    struct go_variables *v = &s->found;
    sort_items(v->items, v->n, sizeof(struct go_variable), by_address, NULL);
    for (size_t i = 0; i < v->n; i++) {
        struct go_variable *it = &v->items[i];
        if (it->bytes == 0) {
            const uint64_t end = end_of(s->b, it->address);
            const bool is_before = i + 1 < v->n && it[1].address < end;
            it->bytes = (is_before ? it[1].address : end) - it->address;
        }
    }
}

/* --- all --- */

/* Symbols that say nothing get the names of what begins there. */
static void rename_symbols(const struct statics *s)
{
    for (size_t i = 0; i < s->b->symbols.n; i++) {
        struct graph_symbol *symbol = &s->b->symbols.items[i];
        const struct go_variable *v =
            is_nameless(symbol->name)
                ? &s->found.items[first_from(&s->found, symbol->address)]
                : NULL;
        if (v && v < s->found.items + s->found.n &&
            v->address == symbol->address) {
            symbol->name = v->name;
            symbol->bytes = v->bytes;
        }
    }
}

static bool find_statics(struct statics *s, struct err *err)
{
    struct places stack = {0};
    const struct go_variables *v = &s->b->variables;
    bool ok = true;
    for (size_t i = 0; ok && i < v->n; i++) {
        ok = v->items[i].type.i != TYPE_NONE.i
                 ? take_all(s, &v->items[i], &stack, err)
                 : take_word(s, &v->items[i], err);
    }
    /* Those that others of them lead to. */
    for (size_t i = 0; ok && i < s->found.n; i++) {
        const struct go_variable found = s->found.items[i];
        ok = found.type.i == TYPE_NONE.i || take_all(s, &found, &stack, err);
    }
    places_release(&stack);
    return ok;
}

bool binary_add_statics(struct binary *b, struct err *err)
{
    struct statics s = {.b = b};
    bool ok = find_statics(&s, err);
    if (ok) {
        set_ends(&s);
        rename_symbols(&s);
    }
    for (size_t i = 0; ok && i < s.found.n; i++) {
        ok = binary_add_variable(b, &s.found.items[i], err);
    }
    go_variables_release(&s.found);
    address_map_release(&s.known);
    return ok;
}
