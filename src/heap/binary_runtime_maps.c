/*
 * What is behind maps, channels, slices and strings where no debugging
 * information says so: the runtime's own structures, which have no records.
 * They are put together with the names that debugging information gives their
 * fields, so that who reads maps needs to know one form of each kind. Offsets:
 * words of 8 or 4 bytes, numbers of 64 bits aligned as words.
 */
#include "heap/binary_private.h"

#include <string.h>

#include "base/banned.h"

static bool plain_type(struct binary *b, const char *name, enum go_kind kind,
                       uint64_t bytes, type_id *id, struct err *err)
{
    *id = binary_type_named(b, name);
    if (id->i != TYPE_NONE.i) {
        return true;
    }
    const struct go_type t = {.name = name,
                              .kind = kind,
                              .bytes = bytes,
                              .element = TYPE_NONE,
                              .key = TYPE_NONE,
                              .layout = TYPE_NONE};
    return binary_type_add(b, &t, id, err) &&
           binary_type_name(b, name, *id, err);
}

static bool pointer_to(struct binary *b, type_id element, type_id *id,
                       struct err *err)
{
    const struct go_type *e = binary_type_of(b, element);
    const struct go_type t = {
        .name = arena_printf(&b->arena, "*%s", e ? e->name : "uint8"),
        .kind = GO_POINTER,
        .bytes = b->pointer_bytes,
        .element = element,
        .key = TYPE_NONE,
        .layout = TYPE_NONE};
    return t.name ? binary_type_add(b, &t, id, err) : err_nomem(err, "types");
}

/* Numbers that structures are made of. */
struct parts {
    type_id u8, u16, u32, u64, word, pointer;
};

static bool find_parts(struct binary *b, struct parts *p, struct err *err)
{
    const uint64_t w = b->pointer_bytes;
    return plain_type(b, "uint8", GO_UINT8, 1, &p->u8, err) &&
           plain_type(b, "uint16", GO_UINT16, 2, &p->u16, err) &&
           plain_type(b, "uint32", GO_UINT32, 4, &p->u32, err) &&
           plain_type(b, "uint64", GO_UINT64, 8, &p->u64, err) &&
           plain_type(b, "uint", GO_UINT, w, &p->word, err) &&
           plain_type(b, "unsafe.Pointer", GO_UNSAFE_POINTER, w, &p->pointer,
                      err);
}

static bool add_struct(struct binary *b, const char *name, uint64_t bytes,
                       const struct go_field *fields, size_t n, type_id *id,
                       struct err *err)
{
    struct go_field *copy = arena_new(&b->arena, struct go_field, n);
    if (copy == NULL || name == NULL) {
        return err_nomem(err, "types");
    }
    memcpy(copy, fields, n * sizeof(*copy));
    const struct go_type t = {.name = name,
                              .kind = GO_STRUCT,
                              .bytes = bytes,
                              .element = TYPE_NONE,
                              .key = TYPE_NONE,
                              .layout = TYPE_NONE,
                              .fields = copy,
                              .n_fields = n};
    return binary_type_add(b, &t, id, err);
}
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "hash<int,*main.User>" of "map[int]*main.User". */
static const char *layout_name(struct binary *b, const char *what,
                               const struct go_type *map)
{
    const struct go_type *k = binary_type_of(b, map->key);
    const struct go_type *e = binary_type_of(b, map->element);
    return arena_printf(&b->arena, "%s<%s,%s>", what, k ? k->name : "?",
                        e ? e->name : "?");
}

/* Up to Go 1.23, and later without Swiss maps. */
static bool add_hash(struct binary *b, struct go_type *map, type_id bucket,
                     const struct parts *p, struct err *err)
{
    const uint64_t w = b->pointer_bytes;
    type_id buckets = TYPE_NONE;
    if (!pointer_to(b, bucket, &buckets, err)) {
        return false;
    }
    const struct go_field fields[] = {
        {"count",      0,         p->word,    false},
        {"flags",      w,         p->u8,      false},
        {"B",          w + 1,     p->u8,      false},
        {"noverflow",  w + 2,     p->u16,     false},
        {"hash0",      w + 4,     p->u32,     false},
        {"buckets",    w + 8,     buckets,    false},
        {"oldbuckets", 2 * w + 8, buckets,    false},
        {"nevacuate",  3 * w + 8, p->word,    false},
        {"extra",      4 * w + 8, p->pointer, false},
    };
    return add_struct(b, layout_name(b, "hash", map), 5 * w + 8, fields,
                      COUNT(fields), &map->layout, err);
}

/* A directory of tables of groups. */
static bool add_table(struct binary *b, const struct go_type *map,
                      type_id group, const struct parts *p, type_id *table,
                      struct err *err)
{
    const uint64_t w = b->pointer_bytes;
    type_id data = TYPE_NONE, reference = TYPE_NONE;
    if (!pointer_to(b, group, &data, err)) {
        return false;
    }
    const struct go_field groups[] = {
        {"data",       0, data,   false},
        {"lengthMask", w, p->u64, false},
    };
    if (!add_struct(b, layout_name(b, "groupReference", map), w + 8, groups,
                    COUNT(groups), &reference, err)) {
        return false;
    }
    const struct go_field fields[] = {
        {"used",       0,     p->u16,    false},
        {"capacity",   2,     p->u16,    false},
        {"growthLeft", 4,     p->u16,    false},
        {"localDepth", 6,     p->u8,     false},
        {"index",      8,     p->word,   false},
        {"groups",     8 + w, reference, false},
    };
    return add_struct(b, layout_name(b, "table", map), 16 + 2 * w, fields,
                      COUNT(fields), table, err);
}

static bool add_swiss(struct binary *b, struct go_type *map, type_id group,
                      const struct parts *p, struct err *err)
{
    const uint64_t w = b->pointer_bytes;
    type_id table = TYPE_NONE, pointer = TYPE_NONE, directory = TYPE_NONE;
    if (!add_table(b, map, group, p, &table, err) ||
        !pointer_to(b, table, &pointer, err) ||
        !pointer_to(b, pointer, &directory, err)) {
        return false;
    }
    const uint64_t sequence = (8 + 3 * w + 4 + w - 1) / w * w;
    const struct go_field fields[] = {
        {"used",        0,          p->u64,    false},
        {"seed",        8,          p->word,   false},
        {"dirPtr",      8 + w,      directory, false},
        {"dirLen",      8 + 2 * w,  p->word,   false},
        {"globalDepth", 8 + 3 * w,  p->u8,     false},
        {"globalShift", 9 + 3 * w,  p->u8,     false},
        {"writing",     10 + 3 * w, p->u8,     false},
        {"clearSeq",    sequence,   p->u64,    false},
    };
    return add_struct(b, layout_name(b, "map", map), sequence + 8, fields,
                      COUNT(fields), &map->layout, err);
}

/* A slice is array, len, cap; a string str, len. */
bool runtime_slice_fields(struct binary *b, struct go_type *t, struct err *err)
{
    const uint64_t w = b->pointer_bytes;
    const bool is_slice = t->kind == GO_SLICE;
    struct parts p;
    type_id array = TYPE_NONE;
    if (!find_parts(b, &p, err) ||
        !pointer_to(b, is_slice ? t->element : p.u8, &array, err)) {
        return false;
    }
    const struct go_field fields[] = {
        {is_slice ? "array" : "str", 0,     array,  false},
        {"len",                      w,     p.word, false},
        {"cap",                      2 * w, p.word, false},
    };
    const size_t n = is_slice ? 3 : 2;
    struct go_field *copy = arena_new(&b->arena, struct go_field, n);
    if (copy == NULL) {
        return err_nomem(err, "types");
    }
    memcpy(copy, fields, n * sizeof(*copy));
    t->fields = copy;
    t->n_fields = n;
    return true;
}

/* A group of slots begins with their control word. The group's own record may
   not be read yet: its first field is asked for by name. */
static bool is_swiss_group(const struct binary *b, type_id group)
{
    const struct go_type *t = binary_type_of(b, group);
    return t != NULL &&
           (strncmp(t->name, "struct { ctrl ", 14) == 0 ||
            strstr(t->name, "map.group[") != NULL ||
            (t->n_fields > 0 && strcmp(t->fields[0].name, "ctrl") == 0));
}

bool runtime_map_layout(struct binary *b, struct go_type *map, type_id group,
                        struct err *err)
{
    struct parts p;
    if (binary_type_of(b, group) == NULL) {
        return true;
    }
    if (!find_parts(b, &p, err)) {
        return false;
    }
    return is_swiss_group(b, group) ? add_swiss(b, map, group, &p, err)
                                    : add_hash(b, map, group, &p, err);
}

/* What has stayed the same of hchan. */
bool runtime_chan_layout(struct binary *b, struct go_type *chan,
                         struct err *err)
{
    const uint64_t w = b->pointer_bytes;
    struct parts p;
    if (!find_parts(b, &p, err)) {
        return false;
    }
    const struct go_field fields[] = {
        {"qcount",   0,     p.word,    false},
        {"dataqsiz", w,     p.word,    false},
        {"buf",      2 * w, p.pointer, false},
        {"elemsize", 3 * w, p.u16,     false},
    };
    const struct go_type *e = binary_type_of(b, chan->element);
    return add_struct(b,
                      arena_printf(&b->arena, "hchan<%s>", e ? e->name : "?"),
                      12 * w, fields, COUNT(fields), &chan->layout, err);
}
