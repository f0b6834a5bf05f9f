/*
 * What closures capture. Since Go 1.23 debugging information says where in the
 * closure each captured variable lies, as far as the function uses it; before,
 * there are only the struct types that the compiler made for closures, with
 * the captured variables for fields: a function goes with the largest of them
 * whose fields are all variables of it. A method value captures its receiver,
 * and its name says the type.
 */
#include "heap/binary_private.h"

#include <string.h>

#include "base/banned.h"
#include "base/num.h"

enum { CAPTURES_MAX = 256 };
VEC_TYPE(go_fields, struct go_field)

/* --- struct types of closures --- */

static bool is_closure_struct(const struct go_type *t)
{
    return t->kind == GO_STRUCT && t->n_fields > 1 &&
           (strncmp(t->name, "noalg.struct { F uintptr; ", 26) == 0 ||
            strncmp(t->name, "struct { F uintptr; ", 20) == 0);
}

static bool find_structs(struct binary *b)
{
    if (b->has_closure_structs) {
        return true;
    }
    b->has_closure_structs = true;
    for (uint32_t i = 0; i < b->types.n; i++) {
        if (is_closure_struct(binary_type_of(b, (type_id){i})) &&
            !vec_u32_push(&b->closure_structs, i)) {
            return false;
        }
    }
    return true;
}

static bool has_field(const struct go_fields *fields, const struct go_field *f,
                      bool is_by_name)
{
    for (size_t i = 0; i < fields->n; i++) {
        const struct go_field *other = &fields->items[i];
        const char *name = other->name + (other->name[0] == '&' ? 1 : 0);
        if (other->type.i == f->type.i &&
            (is_by_name ? strcmp(name, f->name) == 0
                        : other->offset == f->offset)) {
            return true;
        }
    }
    return false;
}

/* By names: how many fields are variables, 0 when one is not. */
static size_t fields_among(const struct go_type *t,
                           const struct go_fields *variables)
{
    for (size_t i = 1; i < t->n_fields; i++) {
        if (!has_field(variables, &t->fields[i], true)) {
            return 0;
        }
    }
    return t->n_fields;
}

/* By places: is each capture a field? */
static bool has_captures(const struct go_type *t,
                         const struct go_fields *captures)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_fields; i++) {
        n += has_field(captures, &t->fields[i], false) ? 1 : 0;
    }
    return n == captures->n;
}

/* --- variables of a function --- */

static bool take_variable(struct binary *b, Dwarf_Die *at,
                          struct go_fields *captures,
                          struct go_fields *variables)
{
    struct die d;
    const int tag = b->lib.dwarf_tag(at);
    if (tag != DW_TAG_variable && tag != DW_TAG_formal_parameter) {
        return true;
    }
    dwarf_read_die(b, at, &d);
    const struct go_field f = {d.name ? d.name : "", d.closure_offset,
                               dwarf_type_of_variable(b, d.type), false};
    if (variables->n >= CAPTURES_MAX || captures->n >= CAPTURES_MAX) {
        return true;
    }
    return (!d.has_closure_offset || go_fields_push(captures, f)) &&
           go_fields_push(variables, f);
}

static bool take_variables(struct binary *b, const struct dwarf_function *f,
                           struct go_fields *captures,
                           struct go_fields *variables)
{
    Dwarf_Die function, at;
    bool is_end = false;
    struct err err;
    if (b->lib.dwarf_offdie(b->dwarf.dwarf, f->offset, &function) == NULL ||
        !dwarf_first_child(b, &function, &at, &err, &is_end)) {
        return false;
    }
    while (!is_end) {
        if (!take_variable(b, &at, captures, variables) ||
            !dwarf_next(b, &at, &err, &is_end)) {
            return false;
        }
    }
    return true;
}

/* --- method values --- */

/* "pkg.(*T).Method-fm" -> "*pkg.T", "pkg.T.Method-fm" -> "pkg.T". */
static type_id receiver_of(struct binary *b, const char *name)
{
    const struct span s = span_of(name);
    const size_t star = span_find(s, ".(*");
    if (!span_ends(s, "-fm")) {
        return TYPE_NONE;
    }
    char *text = NULL;
    if (star < s.len) {
        const size_t close = star + span_find_char(span_from(s, star), ')');
        if (close >= s.len) {
            return TYPE_NONE;
        }
        text = arena_printf(&b->arena, "*%.*s.%.*s", (int)star, s.p,
                            (int)(close - star - 3), s.p + star + 3);
    } else {
        text = arena_strdup(&b->arena, span_first(s, span_rfind_char(s, '.')));
    }
    return text ? binary_type_named(b, text) : TYPE_NONE;
}

/* --- the type of a closure --- */

static bool is_closure_name(const char *name)
{
    return strstr(name, ".func") != NULL || strstr(name, "-fm") != NULL ||
           strstr(name, "wrap") != NULL;
}

static void choose_fields(struct binary *b, const char *name,
                          const struct go_fields *captures,
                          const struct go_fields *variables,
                          struct go_type *out)
{
    const struct go_type *best = NULL;
    unsigned n_best = 0;
    for (size_t i = 0; i < b->closure_structs.n; i++) {
        const struct go_type *t =
            binary_type_of(b, (type_id){b->closure_structs.items[i]});
        if (captures->n > 0) {
            if (has_captures(t, captures)) {
                n_best++;
                best = t;
            }
        } else if (fields_among(t, variables) > (best ? best->n_fields : 0)) {
            n_best = 1;
            best = t;
        }
    }
    const bool is_old = captures->n == 0 && is_closure_name(name);
    if (best && n_best == 1 && (captures->n > 0 || is_old)) {
        out->fields = best->fields;
        out->n_fields = best->n_fields;
        out->bytes = best->bytes;
    }
}

/* Entry, then the captures; names of the captures for those of the struct. */
static bool join_captures(struct binary *b, const struct go_fields *captures,
                          struct go_type *t)
{
    const size_t n = t->n_fields > 0 ? t->n_fields : captures->n + 1;
    struct go_field *fields = arena_new(&b->arena, struct go_field, n);
    if (fields == NULL) {
        return false;
    }
    if (t->n_fields > 0) {
        memcpy(fields, t->fields, n * sizeof(*fields));
    } else {
        memcpy(fields + 1, captures->items, captures->n * sizeof(*fields));
    }
    fields[0] =
        (struct go_field){"F", 0, binary_type_named(b, "uintptr"), false};
    for (size_t i = 1; i < n; i++) {
        fields[i].type = binary_unshaped(b, fields[i].type);
        for (size_t k = 0; k < captures->n; k++) {
            const struct go_field *c = &captures->items[k];
            if (c->offset == fields[i].offset) {
                fields[i].name = c->name;
            }
        }
        const struct go_type *f = binary_type_of(b, fields[i].type);
        uint64_t end = 0;
        if (f && add_u64(&end, fields[i].offset, f->bytes) && end > t->bytes) {
            t->bytes = end;
        }
    }
    t->fields = fields;
    t->n_fields = n;
    return true;
}

static type_id make_closure(struct binary *b, const struct dwarf_function *f,
                            const char *name)
{
    struct go_fields captures = {0}, variables = {0};
    struct err err;
    type_id id = TYPE_NONE;
    struct go_type t = {.kind = GO_CLOSURE,
                        .bytes = b->pointer_bytes,
                        .element = TYPE_NONE,
                        .key = TYPE_NONE,
                        .layout = TYPE_NONE};
    const type_id receiver = receiver_of(b, name);
    bool ok = find_structs(b) &&
              (f == NULL || take_variables(b, f, &captures, &variables));
    if (ok && captures.n == 0 && receiver.i != UINT32_MAX) {
        const struct go_field r = {"R", b->pointer_bytes, receiver, false};
        ok = go_fields_push(&captures, r);
    } else if (ok) {
        choose_fields(b, name, &captures, &variables, &t);
    }
    if (ok && (captures.n > 0 || t.n_fields > 0)) {
        t.name = arena_printf(&b->arena, "closure %s", name);
        ok = t.name && join_captures(b, &captures, &t) &&
             binary_type_add(b, &t, &id, &err);
    }
    go_fields_release(&captures);
    go_fields_release(&variables);
    return ok ? id : TYPE_NONE;
}

type_id binary_closure(struct binary *b, uint64_t entry)
{
    const uint64_t at = entry - b->bias;
    type_id id = TYPE_NONE;
    const char *name = NULL, *file = NULL;
    uint64_t line = 0, begin = 0;
    if (address_map_find(&b->closures, at, &id.i)) {
        return id;
    }
    if (binary_function(b, entry, &name, &file, &line, &begin) &&
        begin == entry) {
        const struct dwarf_function *f = dwarf_function_of(b, at);
        id = make_closure(b, f && f->low == at ? f : NULL, name);
        if (!address_map_put(&b->closures, at, id.i)) {
            return id; /* asked again, answered again */
        }
    }
    return id;
}
