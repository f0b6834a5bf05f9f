/*
 * Types from the records that a program keeps of them for reflection: all that
 * a stripped binary has, and enough for names, fields and elements. Layouts:
 *
 *   every type: size, pointer bytes, hash u32, flags u8, 2 of alignment, kind
 *   u8, equal, gc data, name i32 (offset from runtime.types), pointer-to i32
 *
 * then by kind. It has been so since Go 1.14; names got a varint length with
 * 1.17, embedding left the offsets of fields with 1.19, maps changed with 1.24.
 */
#include "heap/binary_private.h"

#include <string.h>

#include "base/banned.h"

enum { FLAG_EXTRA_STAR = 2, NAME_IS_EMBEDDED = 8, KIND_MASK = 0x1f };

static uint64_t header_bytes(const struct binary *b)
{
    return 4ULL * b->pointer_bytes + 16;
}

/* The i-th word behind the header. */
static uint64_t record_word(const struct binary *b, uint64_t record, unsigned i)
{
    return binary_word(b, record + header_bytes(b) +
                              (uint64_t)i * b->pointer_bytes);
}

/* --- names --- */

/* A byte of flags, the length, the text. */
static struct span name_at(const struct binary *b, uint64_t address)
{
    uint64_t n = 0, len = 0, at = 1;
    const uint8_t *p = binary_at(b, address, &n);
    if (p == NULL || n < 3) {
        return (struct span){0};
    }
    if ((b->minor != 0 && b->minor < 17) || b->functions.version == 16) {
        /* Of the two versions with that pclntab, 1.17 has the newer form. */
        if (b->minor < 17) {
            len = (uint64_t)p[1] << 8 | p[2];
            at = 3;
        }
    }
    if (at == 1) {
        for (unsigned shift = 0; at < n && shift < 28; shift += 7) {
            len |= (uint64_t)(p[at] & 0x7f) << shift;
            if (p[at++] < 0x80) {
                break;
            }
        }
    }
    if (len > n - at || len > LIMIT_NAME_BYTES) {
        return (struct span){0};
    }
    return (struct span){(const char *)p + at, (size_t)len};
}

static bool is_name_of_type(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.p[i] < 0x20) {
            return false;
        }
    }
    return s.len > 0;
}

static struct span record_name(const struct binary *b, uint64_t record)
{
    const uint64_t w = b->pointer_bytes;
    const uint64_t flags = binary_number(b, record + 2 * w + 4, 1);
    const uint64_t offset = binary_number(b, record + 4 * w + 8, 4);
    if (b->places.types == 0 || offset == 0) {
        return (struct span){0};
    }
    struct span s = name_at(b, b->places.types + offset);
    if ((flags & FLAG_EXTRA_STAR) && s.len > 0 && s.p[0] == '*') {
        s = span_from(s, 1);
    }
    return is_name_of_type(s) ? s : (struct span){0};
}

const char *runtime_type_name(struct binary *b, uint64_t address)
{
    const struct span s = record_name(b, address);
    return s.len > 0 ? arena_strdup(&b->arena, s) : NULL;
}

/* --- records --- */

static enum go_kind record_kind(const struct binary *b, uint64_t record)
{
    const uint64_t kind =
        binary_number(b, record + 2ULL * b->pointer_bytes + 7, 1) & KIND_MASK;
    return kind <= GO_UNSAFE_POINTER ? (enum go_kind)kind : GO_INVALID;
}

static bool is_record(const struct binary *b, uint64_t address)
{
    const struct binary_places *p = &b->places;
    return p->types != 0 && address > p->types && address < p->types_end &&
           address % 4 == 0 && record_kind(b, address) != GO_INVALID;
}

bool runtime_type_id(struct binary *b, struct records *todo, uint64_t address,
                     type_id *id, struct err *err)
{
    *id = TYPE_NONE;
    if (address_map_find(&b->types.of_runtime, address, &id->i) ||
        !is_record(b, address)) {
        return true;
    }
    const struct span name = record_name(b, address);
    if (name.len == 0) {
        return true;
    }
    const struct go_type t = {
        .name = arena_strdup(&b->arena, name),
        .kind = record_kind(b, address),
        .bytes = binary_word(b, address),
        .element = TYPE_NONE,
        .key = TYPE_NONE,
        .layout = TYPE_NONE,
        .runtime_type = address + b->bias,
    };
    const struct record r = {address, {b->types.n}};
    if (t.name == NULL || !records_push(todo, r)) {
        return err_nomem(err, "types");
    }
    if (!binary_type_add(b, &t, id, err) ||
        !binary_type_name(b, t.name, *id, err)) {
        return false;
    }
    return address_map_put(&b->types.of_runtime, address, id->i) ||
           err_nomem(err, "types");
}

/* --- by kind --- */

static bool read_fields(struct binary *b, struct records *todo,
                        const struct record *r, struct go_type *t,
                        struct err *err)
{
    const uint64_t w = b->pointer_bytes;
    const uint64_t at = record_word(b, r->address, 1);
    const uint64_t n = record_word(b, r->address, 2);
    const bool is_shifted =
        b->minor != 0 ? b->minor < 19 : b->functions.version < 18;
    uint64_t left = 0;
    if (binary_at(b, at, &left) == NULL || n > left / (3 * w) ||
        n > LIMIT_FIELDS || n == 0) {
        return true;
    }
    struct go_field *fields = arena_new(&b->arena, struct go_field, (size_t)n);
    if (fields == NULL) {
        return err_nomem(err, "types");
    }
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t field = at + i * 3 * w;
        const uint64_t name = binary_word(b, field);
        const uint64_t offset = binary_word(b, field + 2 * w);
        struct go_field *f = &fields[i];
        f->name = arena_strdup(&b->arena, name_at(b, name));
        f->offset = is_shifted ? offset >> 1 : offset;
        f->is_embedded = is_shifted
                             ? (offset & 1) != 0
                             : (binary_number(b, name, 1) & NAME_IS_EMBEDDED);
        if (f->name == NULL) {
            return err_nomem(err, "types");
        }
        if (!runtime_type_id(b, todo, binary_word(b, field + w), &f->type,
                             err)) {
            return false;
        }
    }
    t->fields = fields;
    t->n_fields = (size_t)n;
    return true;
}

static bool read_map(struct binary *b, struct records *todo,
                     const struct record *r, struct go_type *t, struct err *err)
{
    type_id group = TYPE_NONE;
    return runtime_type_id(b, todo, record_word(b, r->address, 0), &t->key,
                           err) &&
           runtime_type_id(b, todo, record_word(b, r->address, 1), &t->element,
                           err) &&
           runtime_type_id(b, todo, record_word(b, r->address, 2), &group,
                           err) &&
           runtime_map_layout(b, t, group, err);
}

static bool read_record(struct binary *b, struct records *todo,
                        const struct record *r, struct err *err)
{
    struct go_type *t = binary_type_of(b, r->id);
    switch ((unsigned)t->kind) {
    case GO_ARRAY:
        t->n_elements = record_word(b, r->address, 2);
        return runtime_type_id(b, todo, record_word(b, r->address, 0),
                               &t->element, err);
    case GO_CHAN:
        return runtime_type_id(b, todo, record_word(b, r->address, 0),
                               &t->element, err) &&
               runtime_chan_layout(b, t, err);
    case GO_POINTER:
        return runtime_type_id(b, todo, record_word(b, r->address, 0),
                               &t->element, err);
    case GO_SLICE:
        return runtime_type_id(b, todo, record_word(b, r->address, 0),
                               &t->element, err) &&
               runtime_slice_fields(b, t, err);
    case GO_STRING:
        return runtime_slice_fields(b, t, err);
    case GO_INTERFACE:
        /* Package, then the slice of methods. */
        t->has_empty_interface = record_word(b, r->address, 2) == 0;
        return true;
    case GO_MAP:
        return read_map(b, todo, r, t, err);
    case GO_STRUCT:
        return read_fields(b, todo, r, t, err);
    default:
        return true;
    }
}

/* A type and all that it is made of. */
static bool read_type(struct binary *b, uint64_t address, type_id *id,
                      struct err *err)
{
    struct records todo = {0};
    bool ok = runtime_type_id(b, &todo, address, id, err);
    while (ok && todo.n > 0) {
        const struct record r = todo.items[--todo.n];
        ok = read_record(b, &todo, &r, err);
    }
    records_release(&todo);
    return ok;
}

type_id binary_type_of_runtime(struct binary *b, uint64_t address)
{
    struct err err = {0};
    type_id id = TYPE_NONE;
    (void)read_type(b, address - b->bias, &id, &err);
    return id;
}

/* The linker lists the types that reflection may look for. */
bool binary_read_linked_types(struct binary *b, struct err *err)
{
    const struct binary_section *s = binary_section(b, ".typelink");
    if (s == NULL) {
        s = binary_section(b, ".data.rel.ro.typelink");
    }
    for (uint64_t at = 0; s && at + 4 <= s->bytes; at += 4) {
        const uint64_t offset = binary_number(b, s->address + at, 4);
        type_id id;
        if (!read_type(b, b->places.types + offset, &id, err)) {
            return false;
        }
    }
    return true;
}
