/*
 * Go's types from debugging information. A first pass takes what is there, a
 * second joins it: entries refer to each other in both directions. Maps,
 * channels and interfaces are names (typedefs) for what the runtime has; a
 * name without a kind is another name for a type and is followed.
 */
#include "heap/binary_private.h"

#include <string.h>

#include "base/banned.h"

/* --- as it stands there --- */

static bool take_field(struct binary *b, Dwarf_Die *at, struct raw_type *t,
                       struct err *err)
{
    struct die d;
    dwarf_read_die(b, at, &d);
    if (b->lib.dwarf_tag(at) == DW_TAG_subrange_type) {
        t->n = d.n;
        return true;
    }
    if (b->lib.dwarf_tag(at) != DW_TAG_member) {
        return true;
    }
    if (t->n_fields >= LIMIT_FIELDS) {
        return err_set(err, ERR_LIMIT, "above %u fields in a type",
                       LIMIT_FIELDS);
    }
    const struct raw_field f = {d.name ? d.name : "", d.offset, d.type,
                                d.is_embedded};
    t->n_fields++;
    return raw_fields_push(&b->dwarf.raw_fields, f) || err_nomem(err, "types");
}

static bool has_parts(int tag)
{
    return tag == DW_TAG_structure_type || tag == DW_TAG_array_type;
}

bool dwarf_take_type(struct binary *b, Dwarf_Die *at, struct err *err)
{
    struct die d;
    const int tag = b->lib.dwarf_tag(at);
    dwarf_read_die(b, at, &d);
    struct raw_type t = {
        .name = d.name ? d.name : "",
        .at = b->lib.dwarf_dieoffset(at),
        .bytes = d.bytes,
        .type = d.type,
        .key = d.key,
        .element = d.element,
        .runtime_type = d.runtime_type,
        .first_field = b->dwarf.raw_fields.n,
        .tag = (uint16_t)tag,
        .kind = (uint8_t)d.kind,
    };
    if (has_parts(tag)) {
        Dwarf_Die child;
        bool is_end = false;
        bool ok = dwarf_first_child(b, at, &child, err, &is_end);
        while (ok && !is_end) {
            ok = take_field(b, &child, &t, err) &&
                 dwarf_next(b, &child, err, &is_end);
        }
        if (!ok) {
            return false;
        }
    }
    if (b->dwarf.raw.n >= LIMIT_TYPES) {
        return err_set(err, ERR_LIMIT, "above %u types", LIMIT_TYPES);
    }
    return raw_types_push(&b->dwarf.raw, t) || err_nomem(err, "types");
}

/* --- joined --- */

/* Index of the entry at an offset, or n. */
static size_t index_at(const struct binary *b, uint64_t offset)
{
    const struct vec_u64 *at = &b->dwarf.type_at;
    size_t low = 0, high = at->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (at->items[middle] < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < at->n && at->items[low] == offset ? low : at->n;
}

type_id dwarf_type_at(const struct binary *b, uint64_t offset)
{
    const size_t i = index_at(b, offset);
    return offset != 0 && i < b->dwarf.type_at.n
               ? (type_id){b->dwarf.type_of.items[i]}
               : TYPE_NONE;
}

type_id dwarf_type_of_variable(struct binary *b, uint64_t offset)
{
    enum { HOPS_MAX = 8 };
    type_id id = dwarf_type_at(b, offset);
    for (unsigned hops = 0; id.i == TYPE_NONE.i && hops < HOPS_MAX; hops++) {
        Dwarf_Die at;
        struct die d;
        if (offset == 0 ||
            b->lib.dwarf_offdie(b->dwarf.dwarf, offset, &at) == NULL ||
            b->lib.dwarf_tag(&at) != DW_TAG_typedef) {
            break;
        }
        dwarf_read_die(b, &at, &d);
        offset = d.type;
        id = dwarf_type_at(b, offset);
    }
    return id;
}

/* Another name for a type, no type of its own. */
static bool is_alias(const struct raw_type *t)
{
    return t->tag == DW_TAG_typedef && t->kind == GO_INVALID;
}

static enum go_kind kind_of(const struct raw_type *t)
{
    if (t->kind > GO_INVALID && t->kind <= GO_UNSAFE_POINTER) {
        return (enum go_kind)t->kind;
    }
    switch (t->tag) {
    case DW_TAG_structure_type:
        return GO_STRUCT;
    case DW_TAG_array_type:
        return GO_ARRAY;
    case DW_TAG_pointer_type:
        return t->type != 0 ? GO_POINTER : GO_UNSAFE_POINTER;
    case DW_TAG_subroutine_type:
        return GO_FUNC;
    default:
        return GO_INVALID;
    }
}

static uint64_t bytes_of(const struct binary *b, const struct raw_type *t,
                         enum go_kind kind)
{
    if (t->bytes != 0) {
        return t->bytes;
    }
    if (kind == GO_INTERFACE) {
        return 2ULL * b->pointer_bytes;
    }
    return kind == GO_POINTER || kind == GO_MAP || kind == GO_CHAN ||
                   kind == GO_FUNC || kind == GO_UNSAFE_POINTER
               ? b->pointer_bytes
               : 0;
}

/* The address of its record. Linkers write an offset from runtime.types; an
   address is taken as well. */
static uint64_t runtime_type_of(const struct binary *b,
                                const struct raw_type *t)
{
    const struct binary_places *p = &b->places;
    const uint64_t v = t->runtime_type;
    if (v == 0 || p->types == 0 || p->types_end < p->types) {
        return 0;
    }
    if (v < p->types_end - p->types) {
        return p->types + v;
    }
    return v >= p->types && v < p->types_end ? v : 0;
}

static const char *name_of(struct binary *b, const struct raw_type *t,
                           uint64_t record)
{
    const char *name = record ? runtime_type_name(b, record) : NULL;
    if (name) {
        return name;
    }
    struct span s = span_trim(span_first(span_of(t->name), LIMIT_NAME_BYTES));
    const char *trimmed = arena_strdup(&b->arena, s);
    return trimmed ? short_type_name(b, trimmed) : NULL;
}

static bool add_type(struct binary *b, const struct raw_type *raw,
                     struct err *err)
{
    type_id id = TYPE_NONE;
    if (!is_alias(raw)) {
        struct go_type t = {.kind = kind_of(raw),
                            .element = TYPE_NONE,
                            .key = TYPE_NONE,
                            .layout = TYPE_NONE,
                            .runtime_type = runtime_type_of(b, raw)};
        t.bytes = bytes_of(b, raw, t.kind);
        t.name = name_of(b, raw, t.runtime_type);
        t.n_elements = t.kind == GO_ARRAY ? raw->n : 0;
        if (t.name == NULL) {
            return err_nomem(err, "types");
        }
        if (!binary_type_add(b, &t, &id, err)) {
            return false;
        }
        uint32_t before = 0;
        if (!address_map_find(&b->types.of_runtime, t.runtime_type, &before) &&
            !address_map_put(&b->types.of_runtime, t.runtime_type, id.i)) {
            return err_nomem(err, "types");
        }
    }
    return (vec_u64_push(&b->dwarf.type_at, raw->at) &&
            vec_u32_push(&b->dwarf.type_of, id.i)) ||
           err_nomem(err, "types");
}

/* Follows names from an offset to an entry that is none; NULL where a circle
   of them, or an unknown one, names nothing. */
static const struct raw_type *followed(const struct binary *b, uint64_t offset)
{
    enum { HOPS_MAX = 64 };
    for (unsigned hops = 0; hops < HOPS_MAX; hops++) {
        const size_t at = index_at(b, offset);
        if (at >= b->dwarf.raw.n) {
            return NULL;
        }
        if (!is_alias(&b->dwarf.raw.items[at])) {
            return &b->dwarf.raw.items[at];
        }
        offset = b->dwarf.raw.items[at].type;
    }
    return NULL;
}

static void resolve_alias(struct binary *b, size_t i)
{
    const struct raw_type *t = followed(b, b->dwarf.raw.items[i].type);
    if (t) {
        b->dwarf.type_of.items[i] =
            b->dwarf.type_of.items[t - b->dwarf.raw.items];
    }
}

static bool join_fields(struct binary *b, const struct raw_type *raw,
                        struct go_type *t, struct err *err)
{
    if (raw->n_fields == 0) {
        return true;
    }
    struct go_field *fields =
        arena_new(&b->arena, struct go_field, raw->n_fields);
    if (fields == NULL) {
        return err_nomem(err, "types");
    }
    for (uint32_t i = 0; i < raw->n_fields; i++) {
        const struct raw_field *f =
            &b->dwarf.raw_fields.items[raw->first_field + i];
        fields[i] = (struct go_field){
            f->name, f->offset, dwarf_type_at(b, f->type), f->is_embedded};
    }
    t->fields = fields;
    t->n_fields = raw->n_fields;
    return true;
}

/* Maps and channels name a pointer to what the runtime has. */
static type_id layout_of(const struct binary *b, const struct raw_type *raw)
{
    /* The pointer's own references may not be joined yet. */
    const struct raw_type *pointer = followed(b, raw->type);
    return pointer && pointer->tag == DW_TAG_pointer_type
               ? dwarf_type_at(b, pointer->type)
               : TYPE_NONE;
}

static bool join_type(struct binary *b, const struct raw_type *raw, type_id id,
                      struct err *err)
{
    struct go_type *t = binary_type_of(b, id);
    const struct go_type *target =
        binary_type_of(b, dwarf_type_at(b, raw->type));
    switch ((unsigned)t->kind) {
    case GO_MAP:
        t->key = dwarf_type_at(b, raw->key);
        t->element = dwarf_type_at(b, raw->element);
        t->layout = layout_of(b, raw);
        break;
    case GO_CHAN:
        t->element = dwarf_type_at(b, raw->element);
        t->layout = layout_of(b, raw);
        break;
    case GO_INTERFACE:
        t->has_empty_interface =
            target && strcmp(target->name, "runtime.eface") == 0;
        break;
    case GO_SLICE:
        t->element = dwarf_type_at(b, raw->element);
        break;
    case GO_ARRAY:
    case GO_POINTER:
        t->element = dwarf_type_at(b, raw->type);
        break;
    default:
        break;
    }
    return join_fields(b, raw, t, err) &&
           (raw->name[0] == '\0' || (binary_type_name(b, raw->name, id, err) &&
                                     binary_type_name(b, t->name, id, err)));
}

bool dwarf_join_types(struct binary *b, struct err *err)
{
    const struct raw_types *raw = &b->dwarf.raw;
    for (size_t i = 0; i < raw->n; i++) {
        if (!add_type(b, &raw->items[i], err)) {
            return false;
        }
    }
    for (size_t i = 0; i < raw->n; i++) {
        if (is_alias(&raw->items[i])) {
            resolve_alias(b, i);
        }
    }
    for (size_t i = 0; i < raw->n; i++) {
        const type_id id = {b->dwarf.type_of.items[i]};
        if (!is_alias(&raw->items[i]) &&
            !join_type(b, &raw->items[i], id, err)) {
            return false;
        }
    }
    raw_types_release(&b->dwarf.raw);
    raw_fields_release(&b->dwarf.raw_fields);
    return true;
}
