/*
 * Names of objects and of the ways within them: the fields and elements from
 * the begin of a value down to the pointer at an offset.
 */
#include "base/buf.h"
#include "heap/heap_types_private.h"

#include "base/banned.h"

/* --- objects --- */

/* Structures of the runtime that debugging information has once for each type
   of element: "sudog<int>". */
static const char *plain_name(const char *name)
{
    return strncmp(name, "sudog<", 6) == 0   ? "runtime.sudog"
           : strncmp(name, "waitq<", 6) == 0 ? "runtime.waitq"
                                             : name;
}

/* Types of generic code stand for several; what they look like is told. */
static void add_name(const char *name, struct buf *out)
{
    static const char shape[] = "go.shape.";
    const char *p = name;
    for (const char *at = NULL; (at = strstr(p, shape)) != NULL;) {
        buf_add(out, p, (size_t)(at - p));
        p = at + sizeof(shape) - 1;
    }
    buf_str(out, p);
}

/* The array of a map that is known only from what it looks like. */
static bool add_bucket_name(const char *name, struct buf *out)
{
    static const char *const prefixes[] = {"map.group[", "map.bucket["};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        const size_t n = strlen(prefixes[i]);
        if (strncmp(name, prefixes[i], n) == 0) {
            buf_str(out, "map[");
            add_name(name + n, out);
            buf_str(out, " (buckets)");
            return true;
        }
    }
    return false;
}

static void closure_name(const struct heap_types *t, object_id o,
                         struct buf *out)
{
    const char *name = NULL, *file = NULL;
    uint64_t line = 0, entry = 0;
    const uint64_t pc =
        types_word(t, heap_object_contents(t->g, o), types_header(t, o.i));
    if (binary_function(t->b, pc, &name, &file, &line, &entry)) {
        buf_printf(out, "closure %s", name);
    } else {
        buf_str(out, "closure");
    }
}

void heap_type_name(const struct heap_types *t, object_id o, struct buf *out)
{
    static const char *const suffixes[N_OBJECT_FORMS] = {
        [FORM_ARRAY] = " (backing)",
        [FORM_STRING_BYTES] = " (bytes)",
        [FORM_MAP_BUCKETS] = " (buckets)",
        [FORM_MAP_TABLE] = " (table)",
        [FORM_MAP_DIRECTORY] = " (directory)",
        [FORM_CHANNEL_BUFFER] = " (buffer)",
        [FORM_PART] = " (part)",
    };
    const struct typing y = types_get(t, o.i);
    const struct go_type *g = binary_type(t->b, (type_id){y.type});
    if (y.form == FORM_CLOSURE) {
        closure_name(t, o, out);
    } else if (y.source == TYPED_NOT || !g) {
        buf_printf(out, "unknown %llu B",
                   (unsigned long long)heap_object_bytes(t->g, o));
    } else if (!add_bucket_name(g->name, out)) {
        buf_str(out, y.form == FORM_ARRAY ? "[]" : "");
        add_name(plain_name(g->name), out);
        buf_str(out, suffixes[y.form] ? suffixes[y.form] : "");
    }
}

/* --- ways --- */

static void add_offset(uint64_t offset, struct buf *out)
{
    if (offset != 0) {
        buf_printf(out, "+0x%llx", (unsigned long long)offset);
    }
}

/* From the begin of a value of `type` down to a pointer. */
static void add_way(const struct heap_types *t, uint32_t type, uint64_t offset,
                    struct buf *out)
{
    enum { NESTING_MAX = 64 };
    struct type_part part = {.type = type, .offset = offset};
    for (unsigned i = 0; i < NESTING_MAX; i++) {
        const uint64_t left = part.offset;
        const struct go_type *g = binary_type(t->b, (type_id){part.type});
        if (!types_part_at(t, part.type, part.offset, &part)) {
            /* Pointers of slices and strings are their first word, those of
               interfaces their second. */
            const bool is_whole = g && left < g->bytes &&
                                  g->kind > GO_COMPLEX128 &&
                                  g->kind != GO_STRUCT && g->kind != GO_ARRAY;
            add_offset(is_whole ? 0 : left, out);
            return;
        }
        if (part.field) {
            buf_printf(out, ".%s", part.field->name);
        } else {
            buf_printf(out, "[%llu]", (unsigned long long)part.index);
        }
    }
}

static bool is_named(const struct type_part *p, const char *name)
{
    return p->field && strcmp(p->field->name, name) == 0;
}

/* In a bucket or group: an entry, or nothing that a reader knows. */
static void add_entry(const struct heap_types *t, uint32_t bucket,
                      uint64_t offset, struct buf *out)
{
    struct type_part p = {.type = bucket, .offset = offset};
    if (!types_part_at(t, p.type, p.offset, &p) || is_named(&p, "overflow") ||
        is_named(&p, "ctrl") || is_named(&p, "tophash")) {
        return;
    }
    const bool is_slots = is_named(&p, "slots");
    bool is_key = is_named(&p, "keys");
    if (!types_part_at(t, p.type, p.offset, &p)) {
        return;
    }
    if (is_slots) {
        if (!types_part_at(t, p.type, p.offset, &p)) {
            return;
        }
        is_key = is_named(&p, "key");
    }
    buf_str(out, is_key ? "[key]" : "[...]");
    add_way(t, p.type, p.offset, out);
}

static void add_array_way(const struct heap_types *t, const struct typing *y,
                          uint64_t offset, struct buf *out)
{
    const uint64_t bytes = types_bytes(t, y->scan);
    if (bytes == 0) {
        add_offset(offset, out);
        return;
    }
    buf_printf(out, "[%llu]", (unsigned long long)(offset / bytes));
    add_way(t, y->scan, offset % bytes, out);
}

void heap_field_name(const struct heap_types *t, object_id o, uint64_t offset,
                     struct buf *out)
{
    const struct typing y = types_get(t, o.i);
    const unsigned header = types_header(t, o.i);
    const uint64_t bytes = types_bytes(t, y.scan);
    const uint64_t at = offset - header;
    if (y.source == TYPED_NOT || offset < header) {
        add_offset(offset, out);
        return;
    }
    switch (y.form) {
    case FORM_VALUE:
        add_way(t, types_whole(t, y.type), at, out);
        break;
    case FORM_CLOSURE:
    case FORM_CHANNEL:
        add_way(t, y.scan, at, out);
        break;
    case FORM_ARRAY:
    case FORM_CHANNEL_BUFFER:
        add_array_way(t, &y, at, out);
        break;
    case FORM_MAP_BUCKETS:
        add_entry(t, y.scan, bytes ? at % bytes : at, out);
        break;
    case FORM_PART: /* the count is where it begins */
        if (offset >= y.count && offset - y.count < bytes) {
            add_way(t, y.scan, offset - y.count, out);
        } else {
            add_offset(offset, out);
        }
        break;
    case FORM_STRING_BYTES:
    case FORM_MAP:
    case FORM_MAP_TABLE:
    case FORM_MAP_DIRECTORY:
    case N_OBJECT_FORMS:
        break;
    }
}

/* --- roots --- */

/* False when no local of `frame` lies there. */
static bool add_local_way(const struct heap_types *t, uint32_t frame,
                          uint64_t address, struct buf *out)
{
    uint32_t n = 0;
    const struct go_local *l = types_locals(t, frame, &n);
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t at = address - types_local_address(t, frame, &l[i]);
        if (at < types_bytes(t, l[i].type.i)) {
            buf_str(out, l[i].name ? l[i].name : "");
            add_way(t, l[i].type.i, at, out);
            return true;
        }
    }
    return false;
}

void heap_root_name(const struct heap_types *t, const struct heap_root *r,
                    struct buf *out)
{
    if (r->frame != UINT32_MAX) {
        const uint32_t child = types_child(t, r->frame);
        if (!add_local_way(t, r->frame, r->address, out) &&
            child != UINT32_MAX) {
            (void)add_local_way(t, child, r->address, out);
        }
        return;
    }
    const struct root_group *group = heap_group(t->g, r->group);
    const struct go_variable *v = group->kind == ROOT_GLOBAL
                                      ? binary_variable_at(t->b, r->address)
                                      : NULL;
    if (v && v->type.i != UINT32_MAX) {
        add_way(t, v->type.i, r->address - v->address, out);
    } else if (v) {
        add_offset(r->address - v->address, out);
    }
}
