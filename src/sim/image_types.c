/*
 * Runtime types of a simulated program: the abi.Type records in .rodata to
 * which type words of objects, interfaces, finalizers and debug information
 * lead, for readers without DWARF. Types are found by their text; whoever
 * mentions one gets its number, and types are described until no new one is
 * mentioned. Records come first, then bits of pointers, then names.
 *
 * Left out: methods, functions for equality and hashing, parameters of
 * function types.
 */
#include "sim/program_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    WORD = 8,
    SLOTS = 8,
    TYPE_BYTES = 48,
    UNCOMMON_BYTES = 16,
    STRUCT_BYTES = TYPE_BYTES + 4 * WORD,
    FIELD_BYTES = 3 * WORD,
    METHOD_BYTES = 8,
    RECORD_ALIGN = 32,
    OPAQUE_BYTES = 8,
    LIMIT_RECORDS = 64 << 20
};

/* What comes after the name when two types of one name differ. */
#define DIFFERS "\xc2\xb7"

struct records {
    struct sim_layout_of_program *l;
    struct sim_type_records *r;
    struct buf tail;  /* bits and names */
    uint64_t tail_at; /* its offset from types_start */
    struct intern names;
    struct vec_u32 name_at;
    struct err *err;
    bool has_failed;
};

/* --- texts --- */

/* Length of the key in "K]V" or "K,V>": brackets inside are skipped. */
static size_t key_length(const char *s, char end)
{
    int depth = 0;
    size_t n = 0;
    while (s[n] && (depth > 0 || s[n] != end)) {
        depth += s[n] == '[' || s[n] == '<' || s[n] == '{';
        depth -= s[n] == ']' || s[n] == '>' || s[n] == '}';
        n++;
    }
    return n;
}

struct sim_pair sim_pair_of(struct arena *a, const char *text, char open,
                            char close)
{
    const char *start = strchr(text, open);
    if (!start) {
        return (struct sim_pair){"int", "int"};
    }
    const size_t n = key_length(start + 1, close);
    const char *rest = start + 1 + n + (start[1 + n] ? 1 : 0);
    const size_t n_rest = strlen(rest) - (open == '<' && *rest ? 1 : 0);
    return (struct sim_pair){arena_printf(a, "%.*s", (int)n, start + 1),
                             arena_printf(a, "%.*s", (int)n_rest, rest)};
}

static bool starts(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static const struct {
    const char *name;
    uint8_t bytes, kind;
} base_types[] = {
    {"bool",    1, 1 },
    {"int",     8, 2 },
    {"uint8",   1, 8 },
    {"uint16",  2, 9 },
    {"uint32",  4, 10},
    {"uint64",  8, 11},
    {"uintptr", 8, 12},
};
enum { N_BASE_TYPES = sizeof(base_types) / sizeof(base_types[0]) };

/* Structs of the runtime that variables point to. */
static const struct {
    const char *type;
    uint32_t bytes, first_pointer, n_pointers;
    const char *name, *part;
    uint32_t offset;
} runtime_structs[] = {
    {"list.List", 48,  0,  3, "root",   "list.Element",   0 },
    {"list.List", 48,  0,  3, "len",    "int",            40},
    {"runtime.g", 440, 32, 3, "_panic", "unsafe.Pointer", 32},
    {"runtime.g", 440, 32, 3, "_defer", "unsafe.Pointer", 40},
    {"runtime.g", 440, 32, 3, "m",      "unsafe.Pointer", 48},
};
enum { N_RUNTIME = sizeof(runtime_structs) / sizeof(runtime_structs[0]) };

/* The first row of that type, or N_RUNTIME. */
static size_t find_runtime(const char *text)
{
    size_t i = 0;
    while (i < N_RUNTIME && strcmp(runtime_structs[i].type, text) != 0) {
        i++;
    }
    return i;
}

static const struct {
    const char *type, *method;
} methods[] = {
    {"context.Context", "Deadline"},
    {"context.Context", "Done"    },
    {"context.Context", "Err"     },
    {"context.Context", "Value"   },
    {"error",           "Error"   },
};
enum { N_METHODS = sizeof(methods) / sizeof(methods[0]) };

static uint32_t n_methods(const char *text)
{
    uint32_t n = 0;
    for (size_t i = 0; i < N_METHODS; i++) {
        n += strcmp(methods[i].type, text) == 0 ? 1U : 0U;
    }
    return n;
}

/* The type of the program that was given this text; `differs`: its index is
   behind the name. */
static const struct sim_type *
program_type(const struct sim_layout_of_program *l, const char *text)
{
    const char *mark = strstr(text, DIFFERS);
    if (mark) {
        const uint64_t i = strtoull(mark + sizeof(DIFFERS) - 1, NULL, 10);
        return i < l->types.n ? &l->types.items[i] : NULL;
    }
    for (size_t i = 0; i < l->types.n; i++) {
        if (strcmp(l->types.items[i].name, text) == 0) {
            return &l->types.items[i];
        }
    }
    return NULL;
}

uint64_t sim_type_bytes(const struct sim_layout_of_program *l, const char *text)
{
    enum { NAMED_GLOBAL_BYTES = 24 };
    for (size_t i = 0; i < N_BASE_TYPES; i++) {
        if (strcmp(base_types[i].name, text) == 0) {
            return base_types[i].bytes;
        }
    }
    const struct sim_go_kind kind = sim_go_kind_of(text);
    if (kind.bytes) {
        return kind.bytes;
    }
    const struct sim_type *t = program_type(l, text);
    const size_t row = find_runtime(text);
    if (t || row < N_RUNTIME) {
        return t ? t->bytes : runtime_structs[row].bytes;
    }
    for (size_t i = 0; i < l->globals.n; i++) {
        if (strcmp(l->globals.items[i].type, text) == 0) {
            return NAMED_GLOBAL_BYTES;
        }
    }
    return strcmp(text, "struct {}") == 0 ? 0 : OPAQUE_BYTES;
}

/* Where the pointer in a value of it is; SIM_NONE. */
static uint32_t pointer_in(const struct sim_layout_of_program *l,
                           const char *text)
{
    for (size_t i = 0; i < N_BASE_TYPES; i++) {
        if (strcmp(base_types[i].name, text) == 0) {
            return SIM_NONE;
        }
    }
    const struct sim_go_kind kind = sim_go_kind_of(text);
    return kind.bytes                    ? kind.pointer_offset
           : sim_type_bytes(l, text) > 0 ? 0
                                         : SIM_NONE;
}

/* --- what a type is made of --- */

static uint32_t mention(struct records *t, const char *text)
{
    uint32_t id = 0;
    if (!text || t->has_failed ||
        !intern_add(&t->r->texts, span_of(text), &id, t->err)) {
        t->has_failed = true;
    }
    return id;
}

static void add_part(struct records *t, struct sim_runtime_type *type,
                     const char *name, const char *text, uint64_t offset)
{
    const struct sim_type_part part = {name, mention(t, text),
                                       (uint32_t)offset};
    t->has_failed =
        t->has_failed || !name || !sim_type_parts_push(&t->r->parts, part);
    type->n_parts++;
}

static void add_pointer(struct records *t, struct sim_runtime_type *type,
                        uint64_t offset)
{
    t->has_failed =
        t->has_failed || !vec_u32_push(&t->r->pointers, (uint32_t)offset);
    type->n_pointers++;
}

/* The pointer, if there is one, of a part at `offset`. */
static void add_pointer_in(struct records *t, struct sim_runtime_type *type,
                           const char *text, uint64_t offset)
{
    const uint32_t in = pointer_in(t->l, text);
    if (in != SIM_NONE) {
        add_pointer(t, type, offset + in);
    }
}

static void describe_slot(struct records *t, struct sim_runtime_type *type,
                          struct sim_pair p)
{
    const uint64_t key = sim_type_bytes(t->l, p.key);
    type->bytes = key + sim_type_bytes(t->l, p.elem);
    add_part(t, type, "key", p.key, 0);
    add_part(t, type, "elem", p.elem, key);
    add_pointer_in(t, type, p.key, 0);
    add_pointer_in(t, type, p.elem, key);
}

static void describe_group(struct records *t, struct sim_runtime_type *type,
                           struct sim_pair p)
{
    const uint64_t key = sim_type_bytes(t->l, p.key);
    const uint64_t pair = key + sim_type_bytes(t->l, p.elem);
    type->bytes = WORD + SLOTS * pair;
    add_part(t, type, "ctrl", "uint64", 0);
    add_part(t, type, "slots",
             arena_printf(&t->l->arena, "[8]struct { key %s; elem %s }", p.key,
                          p.elem),
             WORD);
    for (uint64_t i = 0; i < SLOTS; i++) {
        add_pointer_in(t, type, p.key, WORD + i * pair);
        add_pointer_in(t, type, p.elem, WORD + i * pair + key);
    }
}

static void describe_bucket(struct records *t, struct sim_runtime_type *type,
                            struct sim_pair p)
{
    const uint64_t key = sim_type_bytes(t->l, p.key);
    const uint64_t elem = sim_type_bytes(t->l, p.elem);
    const uint64_t overflow = WORD + SLOTS * (key + elem);
    const bool has_pointers = pointer_in(t->l, p.key) != SIM_NONE ||
                              pointer_in(t->l, p.elem) != SIM_NONE;
    type->bytes = overflow + WORD;
    add_part(t, type, "topbits", "[8]uint8", 0);
    add_part(t, type, "keys", arena_printf(&t->l->arena, "[8]%s", p.key), WORD);
    add_part(t, type, "elems", arena_printf(&t->l->arena, "[8]%s", p.elem),
             WORD + SLOTS * key);
    add_part(t, type, "overflow", has_pointers ? "unsafe.Pointer" : "uintptr",
             overflow);
    for (uint64_t i = 0; i < SLOTS; i++) {
        add_pointer_in(t, type, p.key, WORD + i * key);
    }
    for (uint64_t i = 0; i < SLOTS; i++) {
        add_pointer_in(t, type, p.elem, WORD + SLOTS * key + i * elem);
    }
    if (has_pointers) {
        add_pointer(t, type, overflow);
    }
}

/* What maps are made of: "map.group[K]V", "map.bucket[K]V" and
   "struct { key K; elem V }". */
static bool describe_map_part(struct records *t, struct sim_runtime_type *type,
                              const char *text)
{
    static const char slot[] = "struct { key ";
    static const char between[] = "; elem ";
    type->kind = SIM_GO_STRUCT;
    if (starts(text, slot)) {
        const char *key = text + sizeof(slot) - 1;
        const char *end = strstr(key, between);
        const char *elem = end ? end + sizeof(between) - 1 : "";
        const struct sim_pair p = {
            arena_printf(&t->l->arena, "%.*s", end ? (int)(end - key) : 0, key),
            arena_printf(&t->l->arena, "%.*s", end ? (int)strlen(elem) - 2 : 0,
                         elem)};
        t->has_failed = t->has_failed || !p.key || !p.elem;
        if (!t->has_failed) {
            describe_slot(t, type, p);
        }
        return true;
    }
    if (!starts(text, "map.group[") && !starts(text, "map.bucket[")) {
        return false;
    }
    const struct sim_pair p = sim_pair_of(&t->l->arena, text, '[', ']');
    t->has_failed = t->has_failed || !p.key || !p.elem;
    if (t->has_failed) {
        return true;
    }
    if (starts(text, "map.group[")) {
        describe_group(t, type, p);
    } else {
        describe_bucket(t, type, p);
    }
    return true;
}

static const char *group_text(struct records *t, const char *map)
{
    return arena_printf(&t->l->arena, "map.%s%s",
                        t->l->world->options.go >= SIM_GO_1_24 ? "group"
                                                               : "bucket",
                        map + sizeof("map") - 1);
}

static void describe_struct(struct records *t, struct sim_runtime_type *type,
                            const char *text)
{
    const struct sim_type *of = program_type(t->l, text);
    type->kind = SIM_GO_STRUCT;
    type->bytes = sim_type_bytes(t->l, text);
    for (uint32_t i = 0; of && i < of->n_fields; i++) {
        const struct sim_field *f = &t->l->fields.items[of->first_field + i];
        add_part(t, type, f->name, f->type, f->offset);
        add_pointer_in(t, type, f->type, f->offset);
    }
    if (of) {
        return;
    }
    const size_t first = find_runtime(text);
    if (first < N_RUNTIME) {
        for (size_t i = first;
             i < N_RUNTIME && strcmp(runtime_structs[i].type, text) == 0; i++) {
            add_part(t, type, runtime_structs[i].name, runtime_structs[i].part,
                     runtime_structs[i].offset);
        }
        for (uint64_t i = 0; i < runtime_structs[first].n_pointers; i++) {
            add_pointer(t, type,
                        runtime_structs[first].first_pointer + i * WORD);
        }
    } else if (type->bytes > OPAQUE_BYTES) { /* what a global is */
        add_part(t, type, "items", "[]unsafe.Pointer", 0);
        add_pointer(t, type, 0);
    } else if (type->bytes > 0) {
        add_part(t, type, "p", "unsafe.Pointer", 0);
        add_pointer(t, type, 0);
    }
}

/* Types that are known by how their text begins. */
static void describe_by_kind(struct records *t, struct sim_runtime_type *type,
                             const char *text)
{
    const struct sim_go_kind kind = sim_go_kind_of(text);
    *type = (struct sim_runtime_type){.kind = kind.kind,
                                      .bytes = kind.bytes,
                                      .first_part = type->first_part,
                                      .first_pointer = type->first_pointer};
    if (kind.pointer_offset != SIM_NONE) {
        add_pointer(t, type, kind.pointer_offset);
    }
    switch (kind.kind) {
    case SIM_GO_POINTER:
        add_part(t, type, "", text + 1, 0);
        break;
    case SIM_GO_SLICE:
        add_part(t, type, "", text + 2, 0);
        break;
    case SIM_GO_CHAN:
        add_part(t, type, "", text + sizeof("chan ") - 1, 0);
        break;
    case SIM_GO_MAP: {
        const struct sim_pair p = sim_pair_of(&t->l->arena, text, '[', ']');
        add_part(t, type, "", p.key, 0);
        add_part(t, type, "", p.elem, 0);
        add_part(t, type, "", group_text(t, text), 0);
        break;
    }
    default:
        break;
    }
}

/* Arrays get their bytes and pointers from their elements, later. */
static void describe_array(struct records *t, struct sim_runtime_type *type,
                           const char *text)
{
    const char *elem = strchr(text, ']');
    type->kind = SIM_GO_ARRAY;
    type->count = (uint32_t)strtoull(text + 1, NULL, 10);
    add_part(t, type, "", elem ? elem + 1 : "int", 0);
    add_part(t, type, "",
             arena_printf(&t->l->arena, "[]%s", elem ? elem + 1 : "int"), 0);
}

static void describe(struct records *t, const char *text)
{
    struct sim_runtime_type type = {
        .first_part = (uint32_t)t->r->parts.n,
        .first_pointer = (uint32_t)t->r->pointers.n,
    };
    size_t base = 0;
    while (base < N_BASE_TYPES && strcmp(base_types[base].name, text) != 0) {
        base++;
    }
    if (base < N_BASE_TYPES) {
        type.kind = base_types[base].kind;
        type.bytes = base_types[base].bytes;
    } else if (text[0] == '[' && text[1] != ']') {
        describe_array(t, &type, text);
    } else if (describe_map_part(t, &type, text)) {
        /* done */
    } else if (sim_go_kind_of(text).kind) {
        describe_by_kind(t, &type, text);
    } else {
        describe_struct(t, &type, text);
    }
    t->has_failed =
        t->has_failed || !sim_runtime_types_push(&t->r->types, type);
}

/* Elements of arrays come after them or are no arrays. */
static void finish_arrays(struct records *t)
{
    for (size_t i = t->r->types.n; i > 0 && !t->has_failed; i--) {
        struct sim_runtime_type *type = &t->r->types.items[i - 1];
        if (type->kind != SIM_GO_ARRAY) {
            continue;
        }
        const struct sim_runtime_type *elem =
            &t->r->types.items[t->r->parts.items[type->first_part].type];
        type->bytes = type->count * elem->bytes;
        type->first_pointer = (uint32_t)t->r->pointers.n;
        for (uint64_t k = 0; k < type->count && !t->has_failed; k++) {
            for (uint32_t p = 0; p < elem->n_pointers && !t->has_failed; p++) {
                const uint32_t at =
                    t->r->pointers.items[elem->first_pointer + p];
                add_pointer(t, type, k * elem->bytes + at);
            }
        }
    }
}

/* --- bytes --- */

/* Offset of a name from types_start: flags, length, text. */
static uint32_t put_name(struct records *t, struct span text, bool is_exported)
{
    struct buf key = BUF_LIMIT(4096);
    uint32_t id = 0;
    uint32_t at = 0;
    buf_char(&key, is_exported ? 1 : 0);
    size_t n = text.len;
    do {
        buf_char(&key, (char)((n & 0x7f) | (n > 0x7f ? 0x80 : 0)));
        n >>= 7;
    } while (n > 0);
    buf_span(&key, text);
    if (t->has_failed || !buf_ok(&key) ||
        !intern_add(&t->names, buf_view(&key), &id, t->err)) {
        t->has_failed = true;
    } else if (id < t->name_at.n) {
        at = t->name_at.items[id];
    } else {
        at = (uint32_t)(t->tail_at + t->tail.len);
        buf_span(&t->tail, buf_view(&key));
        t->has_failed = !vec_u32_push(&t->name_at, at);
    }
    buf_release(&key);
    return at;
}

/* Address of the bits that say which words are pointers. */
static uint64_t put_bits(struct records *t, const struct sim_runtime_type *type,
                         uint64_t pointer_bytes)
{
    const uint64_t at = t->l->types_start + t->tail_at + t->tail.len;
    uint64_t word = 0;
    uint32_t p = 0;
    for (; word < pointer_bytes / WORD; word += SLOTS) {
        uint8_t bits = 0;
        while (p < type->n_pointers) {
            const uint64_t bit =
                t->r->pointers.items[type->first_pointer + p] / WORD - word;
            if (bit >= SLOTS) {
                break;
            }
            bits = (uint8_t)(bits | 1U << bit);
            p++;
        }
        buf_char(&t->tail, (char)bits);
    }
    return pointer_bytes ? at : 0;
}

/* "stream.Stream": a name with a package. */
static bool is_named(const struct sim_runtime_type *type, const char *text)
{
    return strchr(text, '.') &&
           (type->kind == SIM_GO_STRUCT || type->kind == SIM_GO_INTERFACE) &&
           !starts(text, "map.") && !strchr(text, ' ');
}

static uint64_t record_bytes(const struct records *t,
                             const struct sim_runtime_type *type,
                             const char *text)
{
    const uint64_t uncommon = is_named(type, text) ? UNCOMMON_BYTES : 0;
    const bool is_swiss = t->l->world->options.go >= SIM_GO_1_24;
    switch (type->kind) {
    case SIM_GO_STRUCT:
        return STRUCT_BYTES + uncommon + type->n_parts * (uint64_t)FIELD_BYTES;
    case SIM_GO_INTERFACE:
        return STRUCT_BYTES + uncommon +
               n_methods(text) * (uint64_t)METHOD_BYTES;
    case SIM_GO_MAP:
        return is_swiss ? 112 : 88;
    case SIM_GO_ARRAY:
        return TYPE_BYTES + 3 * WORD;
    case SIM_GO_CHAN:
        return TYPE_BYTES + 2 * WORD;
    case SIM_GO_POINTER:
    case SIM_GO_SLICE:
    case SIM_GO_FUNC:
        return TYPE_BYTES + WORD;
    default:
        return TYPE_BYTES;
    }
}

static uint64_t address_of_part(const struct records *t,
                                const struct sim_runtime_type *type, uint32_t i)
{
    const uint32_t id = t->r->parts.items[type->first_part + i].type;
    return t->r->types.items[id].address;
}

/* abi.Type; alike in all versions but for where it says that interfaces hold
   the value itself. */
static void put_type(struct records *t, struct buf *b,
                     const struct sim_runtime_type *type, const char *text)
{
    enum {
        UNCOMMON = 1,
        EXTRA_STAR = 2,
        NAMED = 4,
        DIRECT = 1 << 5,
        LAST_ALIGN = 8
    };
    const bool has_flag = t->l->world->options.go >= SIM_GO_1_26;
    const uint64_t pointer_bytes =
        type->n_pointers
            ? t->r->pointers.items[type->first_pointer + type->n_pointers - 1] +
                  (uint64_t)WORD
            : 0;
    const unsigned direct =
        type->bytes == WORD && pointer_bytes == WORD ? DIRECT : 0;
    const bool is_basic =
        type->n_parts == 0 && !strchr(text, ' ') && type->kind != SIM_GO_FUNC;
    const unsigned flags = (is_named(type, text) ? UNCOMMON | NAMED : 0U) |
                           (is_basic ? (unsigned)NAMED : 0U) |
                           (text[0] == '*' ? 0U : (unsigned)EXTRA_STAR);
    const uint64_t align =
        type->bytes > 0 && type->bytes < LAST_ALIGN && type->n_parts == 0
            ? type->bytes
            : LAST_ALIGN;
    /* T and *T have one text. */
    const size_t n = strcspn(text, "\xc2");
    const char *star = arena_printf(&t->l->arena, "%s%.*s",
                                    text[0] == '*' ? "" : "*", (int)n, text);
    const uint64_t bits = put_bits(t, type, pointer_bytes);
    sim_put(b, type->bytes, 8);
    sim_put(b, pointer_bytes, 8);
    sim_put(b, sim_hash(text), 4);
    sim_put(b, flags | (has_flag ? direct : 0U), 1);
    sim_put(b, align, 1);
    sim_put(b, align, 1);
    sim_put(b, type->kind | (has_flag ? 0U : direct), 1);
    sim_put(b, 0, 8); /* Equal */
    sim_put(b, bits, 8);
    sim_put(b, star ? put_name(t, span_of(star), true) : 0, 4);
    const char *pointer = arena_printf(&t->l->arena, "*%s", text);
    uint32_t to_this = 0;
    const bool has_pointer =
        pointer && intern_find(&t->r->texts, span_of(pointer), &to_this);
    t->has_failed = t->has_failed || !star || !pointer;
    sim_put(b,
            has_pointer ? t->r->types.items[to_this].address - t->l->types_start
                        : 0,
            4);
}

/* The import path of "stream.Stream", as functions have it. */
static struct span import_path(const struct records *t, const char *text)
{
    const struct span name = sim_package_of(text);
    const struct sim_functions *f = &t->l->world->code.functions;
    for (size_t i = 0; i < f->n; i++) {
        const struct span path = sim_package_of(f->items[i].name);
        if (path.len > name.len && path.p[path.len - name.len - 1] == '/' &&
            memcmp(path.p + path.len - name.len, name.p, name.len) == 0) {
            return path;
        }
    }
    return name;
}

static void put_uncommon(struct records *t, struct buf *b, const char *text)
{
    sim_put(b, put_name(t, import_path(t, text), false), 4);
    sim_put(b, 0, 4);              /* methods, exported ones */
    sim_put(b, UNCOMMON_BYTES, 4); /* where they would be */
    sim_put(b, 0, 4);
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static void put_struct(struct records *t, struct buf *b,
                       const struct sim_runtime_type *type, const char *text)
{
    const bool has_name = is_named(type, text);
    const uint64_t fields =
        type->address + STRUCT_BYTES + (has_name ? UNCOMMON_BYTES : 0U);
    sim_put(b,
            has_name
                ? t->l->types_start + put_name(t, import_path(t, text), false)
                : 0,
            8);
    sim_put(b, fields, 8);
    sim_put(b, type->n_parts, 8);
    sim_put(b, type->n_parts, 8);
    if (has_name) {
        put_uncommon(t, b, text);
    }
    for (uint32_t i = 0; i < type->n_parts; i++) {
        const struct sim_type_part *part =
            &t->r->parts.items[type->first_part + i];
        sim_put(b,
                t->l->types_start +
                    put_name(t, span_of(part->name), is_upper(part->name[0])),
                8);
        sim_put(b, address_of_part(t, type, i), 8);
        sim_put(b, part->offset, 8);
    }
}

static void put_interface(struct records *t, struct buf *b,
                          const struct sim_runtime_type *type, const char *text)
{
    const bool has_name = is_named(type, text);
    const uint32_t n = n_methods(text);
    sim_put(b,
            has_name
                ? t->l->types_start + put_name(t, import_path(t, text), false)
                : 0,
            8);
    sim_put(b, type->address + STRUCT_BYTES + (has_name ? UNCOMMON_BYTES : 0U),
            8);
    sim_put(b, n, 8);
    sim_put(b, n, 8);
    if (has_name) {
        put_uncommon(t, b, text);
    }
    const uint64_t any = sim_layout_type(t->l, "func()");
    for (size_t i = 0; i < N_METHODS; i++) {
        if (strcmp(methods[i].type, text) == 0) {
            sim_put(b, put_name(t, span_of(methods[i].method), true), 4);
            sim_put(b, any - t->l->types_start, 4);
        }
    }
}

/* What comes behind key, element and group. */
static void put_map(struct records *t, struct buf *b,
                    const struct sim_runtime_type *type)
{
    const struct sim_type_part *parts = &t->r->parts.items[type->first_part];
    const uint64_t key = t->r->types.items[parts[0].type].bytes;
    const uint64_t elem = t->r->types.items[parts[1].type].bytes;
    const uint64_t group = t->r->types.items[parts[2].type].bytes;
    sim_put(b, 0, 8); /* Hasher */
    if (t->l->world->options.go >= SIM_GO_1_24) {
        sim_put(b, group, 8);
        sim_put(b, key + elem, 8);
        sim_put(b, key, 8); /* offset of the element in a slot */
        sim_put(b, 0, 8);   /* flags */
    } else {
        sim_put(b, key, 1);
        sim_put(b, elem, 1);
        sim_put(b, group, 2);
        sim_put(b, 0, 4);
    }
}

static void put_record(struct records *t, struct buf *b, uint32_t id)
{
    enum { BOTH_DIRECTIONS = 3 };
    const struct sim_runtime_type *type = &t->r->types.items[id];
    const char *text = intern_text(&t->r->texts, id);
    buf_repeat(b, '\0', (size_t)(type->address - t->l->types_start - b->len));
    put_type(t, b, type, text);
    switch (type->kind) {
    case SIM_GO_STRUCT:
        put_struct(t, b, type, text);
        return;
    case SIM_GO_INTERFACE:
        put_interface(t, b, type, text);
        return;
    case SIM_GO_FUNC:
        sim_put(b, 0, 8);
        return;
    default:
        break;
    }
    for (uint32_t i = 0; i < type->n_parts; i++) {
        sim_put(b, address_of_part(t, type, i), 8);
    }
    if (type->kind == SIM_GO_ARRAY) {
        sim_put(b, type->count, 8);
    } else if (type->kind == SIM_GO_CHAN) {
        sim_put(b, BOTH_DIRECTIONS, 8);
    } else if (type->kind == SIM_GO_MAP) {
        put_map(t, b, type);
    }
}

/* --- which types --- */

static bool is_alike(const struct sim_layout_of_program *l,
                     const struct sim_type *a, const struct sim_type *b)
{
    bool alike = a->bytes == b->bytes && a->n_fields == b->n_fields;
    for (uint32_t i = 0; alike && i < a->n_fields; i++) {
        const struct sim_field *x = &l->fields.items[a->first_field + i];
        const struct sim_field *y = &l->fields.items[b->first_field + i];
        alike = x->offset == y->offset && strcmp(x->type, y->type) == 0;
    }
    return alike;
}

/* Text under which type i is known. */
static const char *key_of(struct sim_layout_of_program *l, size_t i)
{
    const struct sim_type *own = &l->types.items[i];
    if (strcmp(own->name, "string") != 0 && sim_go_kind_of(own->name).kind) {
        /* The backing array of a slice: laid out as a struct. */
        return arena_printf(&l->arena, "main.array" DIFFERS "%zu", i);
    }
    const struct sim_type *first = program_type(l, own->name);
    return first == own || is_alike(l, own, first)
               ? own->name
               : arena_printf(&l->arena, "%s" DIFFERS "%zu", own->name, i);
}

/* What the elements of a container's array are. */
static const char *array_text(struct records *t, size_t i)
{
    struct sim_layout_of_program *l = t->l;
    const struct sim_container *c =
        &l->world->populations.items[i].spec.container;
    const char *type = l->holdings[i].type;
    if (c->kind == SIM_SLICE) {
        return type && starts(type, "[]") &&
                       sim_type_bytes(l, type + 2) == c->elem_bytes
                   ? type + 2
               : c->elem_bytes == 3 * WORD ? "[]unsafe.Pointer"
               : c->elem_bytes == 2 * WORD ? "string"
                                           : "unsafe.Pointer";
    }
    if (c->kind != SIM_MAP) {
        return "unsafe.Pointer";
    }
    if (type && starts(type, "map[")) {
        const struct sim_pair p = sim_pair_of(&l->arena, type, '[', ']');
        if (p.key && p.elem && sim_type_bytes(l, p.key) == c->key_bytes &&
            sim_type_bytes(l, p.elem) == c->elem_bytes) {
            return group_text(t, type);
        }
    }
    return group_text(
        t, arena_printf(&l->arena, "map[%s]%s",
                        c->key_bytes == 2 * WORD ? "string" : "int",
                        c->elem_bytes == 3 * WORD   ? "[]unsafe.Pointer"
                        : c->elem_bytes == 2 * WORD ? "string"
                        : c->elem_bytes == 0        ? "struct {}"
                                                    : "unsafe.Pointer"));
}

/* The type of an object of that member as an interface has it. */
static const char *dynamic_text(struct records *t, size_t population,
                                unsigned member)
{
    const struct sim_look *look = sim_layout_look(t->l, population, member);
    const struct sim_member *m =
        &t->l->world->populations.items[population].spec.members[member];
    return look->type != SIM_NONE ? key_of(t->l, look->type)
                                  : arena_printf(&t->l->arena, "[%llu]uint8",
                                                 (unsigned long long)m->bytes);
}

static void mention_all(struct records *t)
{
    struct sim_layout_of_program *l = t->l;
    (void)mention(t, "unsafe.Pointer");
    (void)mention(t, "error");
    (void)mention(t, "func()");
    for (size_t i = 0; i < l->types.n && !t->has_failed; i++) {
        (void)mention(t, key_of(l, i));
        (void)mention(t,
                      arena_printf(&l->arena, "*%s", l->types.items[i].name));
    }
    for (size_t i = 0; i < l->globals.n && !t->has_failed; i++) {
        (void)mention(t, l->globals.items[i].type);
    }
    for (size_t i = 0; i < l->finalizers.n && !t->has_failed; i++) {
        (void)mention(t, l->finalizers.items[i].argument_type);
    }
    for (size_t i = 0; i < l->world->populations.n && !t->has_failed; i++) {
        (void)mention(t, array_text(t, i));
        const unsigned n = l->world->populations.items[i].spec.n_members;
        for (unsigned m = 0; m < n && !t->has_failed; m++) {
            if (sim_layout_look(l, i, m)->held_kind == SIM_GO_INTERFACE) {
                (void)mention(t, dynamic_text(t, i, m));
            }
        }
    }
    for (uint32_t i = 0; i < intern_count(&t->r->texts) && !t->has_failed;
         i++) {
        describe(t, intern_text(&t->r->texts, i));
    }
}

/* Addresses of records; the tail comes behind them. */
static void place_all(struct records *t)
{
    uint64_t at = t->l->types_start + RECORD_ALIGN;
    for (uint32_t i = 0; i < t->r->types.n; i++) {
        struct sim_runtime_type *type = &t->r->types.items[i];
        type->address = at;
        at += record_bytes(t, type, intern_text(&t->r->texts, i));
        at = (at + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
    }
    t->tail_at = at - t->l->types_start;
}

static void tell_all(struct records *t)
{
    struct sim_layout_of_program *l = t->l;
    l->pointer_type = sim_layout_type(l, "unsafe.Pointer");
    for (size_t i = 0; i < l->types.n && !t->has_failed; i++) {
        l->types.items[i].address = sim_layout_type(l, key_of(l, i));
    }
    for (size_t i = 0; i < l->world->populations.n; i++) {
        l->array_types[i] = sim_layout_type(l, array_text(t, i));
        const unsigned n = l->world->populations.items[i].spec.n_members;
        for (unsigned m = 0; m < n; m++) {
            struct sim_look *look = &l->looks[i * SIM_MEMBERS_MAX + m];
            if (look->held_kind == SIM_GO_INTERFACE) {
                look->dynamic_type = sim_layout_type(l, dynamic_text(t, i, m));
            }
        }
    }
}

bool sim_layout_records(struct sim_layout_of_program *l, struct err *err)
{
    struct records t = {
        .l = l, .r = &l->records, .tail = BUF_LIMIT(LIMIT_RECORDS), .err = err};
    struct buf *out = &l->record_bytes;
    *out = BUF_LIMIT(LIMIT_RECORDS);
    mention_all(&t);
    finish_arrays(&t);
    if (!t.has_failed) {
        place_all(&t);
        tell_all(&t);
    }
    for (uint32_t i = 0; i < l->records.types.n && !t.has_failed; i++) {
        put_record(&t, out, i);
    }
    if (!t.has_failed) {
        buf_repeat(out, '\0', (size_t)(t.tail_at - out->len));
        buf_span(out, buf_view(&t.tail));
        l->types_end = l->types_start + out->len;
    }
    const bool ok =
        !t.has_failed && !l->arena.has_failed && buf_ok(out) && buf_ok(&t.tail);
    buf_release(&t.tail);
    intern_release(&t.names);
    vec_u32_release(&t.name_at);
    return ok || err_nomem(err, "types of a simulated program");
}

uint64_t sim_layout_type(const struct sim_layout_of_program *l,
                         const char *text)
{
    uint32_t id = 0;
    return text && intern_find(&l->records.texts, span_of(text), &id) &&
                   id < l->records.types.n
               ? l->records.types.items[id].address
               : 0;
}

/* runtime.itab: interface, type, its hash, the first method. */
void sim_records_write(const struct sim_layout_of_program *l, struct buf *out)
{
    const uint64_t inter = sim_layout_type(l, "error");
    const size_t start = out->len;
    buf_span(out, buf_view(&l->record_bytes));
    buf_repeat(out, '\0',
               (size_t)(l->itabs - l->types_start - (out->len - start)));
    for (size_t i = 0; i < l->types.n; i++) {
        sim_put(out, inter, 8);
        sim_put(out, l->types.items[i].address, 8);
        sim_put(out, sim_hash(l->types.items[i].name), 4);
        sim_put(out, 0, 4);
        sim_put(out, l->text, 8);
    }
}
