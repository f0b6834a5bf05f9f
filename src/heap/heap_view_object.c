/*
 * One object, told as a debugger would: each value by its path, pointers with
 * what they lead to, strings with how they begin. Without a type it is words.
 */
#include "base/num.h"
#include "heap/binary_private.h"
#include "heap/heap_view_private.h"

#include <stdlib.h>

#include "base/banned.h"

/* What is still to be told, the next one last. */
struct pending {
    const struct go_type *type;
    uint64_t offset;
    const char *name;
};
VEC_TYPE(pendings, struct pending)
VEC_TYPE(values, struct view_value)

struct telling {
    struct heap_view *v;
    const struct heap_graph *g;
    struct span contents;
    unsigned word_bytes;
    struct pendings stack;
    struct values rows;
    size_t n_max, n_all;
};

enum { TEXT_BYTES = 60 };

/* --- what lies at an address --- */

static struct span text_at(const struct telling *t, uint64_t address,
                           uint64_t length)
{
    const object_id o = heap_object_at(t->g, address);
    const size_t n = length < TEXT_BYTES ? (size_t)length : TEXT_BYTES;
    if (o.i != OBJECT_NONE.i) {
        const uint64_t skip = address - heap_object_address(t->g, o);
        return span_first(
            span_from(heap_object_contents(t->g, o), (size_t)skip), n);
    }
    uint64_t n_left = 0;
    const struct binary *b = t->v->f.binary;
    const uint8_t *p = b ? binary_at(b, address - b->bias, &n_left) : NULL;
    return p ? span_first((struct span){(const char *)p, (size_t)n_left}, n)
             : (struct span){0};
}

static void add_target(const struct telling *t, struct buf *out, object_id o,
                       uint64_t address)
{
    /* The name first: it may need the scratch text. */
    const char *name = heap_view_name(t->v, view_node(t->v, o));
    const uint64_t inside = address - heap_object_address(t->g, o);
    buf_printf(out, "-> %s at 0x%llx", name,
               (unsigned long long)heap_object_address(t->g, o));
    if (inside > 0) {
        buf_printf(out, "+%llu", (unsigned long long)inside);
    }
}

static object_id add_pointer(const struct telling *t, struct buf *out,
                             uint64_t address)
{
    const object_id o = heap_object_at(t->g, address);
    if (address == 0) {
        buf_str(out, "nil");
    } else if (o.i == OBJECT_NONE.i) {
        buf_printf(out, "0x%llx (not in the heap)",
                   (unsigned long long)address);
    } else {
        add_target(t, out, o, address);
    }
    return o;
}

/* --- values --- */

/* A binary may say that an int has any size. */
static bool is_number(uint64_t bytes)
{
    return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
}

static uint64_t number(const struct telling *t, uint64_t offset, uint64_t bytes)
{
    if (!is_number(bytes) || offset > t->contents.len ||
        t->contents.len - offset < bytes) {
        return 0;
    }
    const uint8_t *p = (const uint8_t *)t->contents.p + offset;
    return number_at(p, (unsigned)bytes, heap_graph_about(t->g)->is_big_endian);
}

static void add_signed(const struct telling *t, struct buf *out,
                       uint64_t offset, uint64_t bytes)
{
    const uint64_t raw = number(t, offset, bytes);
    if (!is_number(bytes)) {
        buf_char(out, '?');
        return;
    }
    const unsigned unused = 64 - 8 * (unsigned)bytes;
    const uint64_t sign = UINT64_C(1) << (8 * bytes - 1);
    const unsigned long long size = (UINT64_MAX >> unused) - raw + 1;
    if (raw & sign) {
        buf_printf(out, "-%llu", size);
    } else {
        buf_printf(out, "%llu", (unsigned long long)raw);
    }
}

static void add_float(const struct telling *t, struct buf *out, uint64_t offset,
                      uint64_t bytes)
{
    const uint64_t raw = number(t, offset, bytes);
    double d = 0;
    if (bytes == 4) {
        float f = 0;
        const uint32_t low = (uint32_t)raw;
        memcpy(&f, &low, sizeof f);
        d = (double)f;
    } else {
        memcpy(&d, &raw, sizeof d);
    }
    buf_printf(out, "%g", d);
}

static object_id add_string(const struct telling *t, struct buf *out,
                            uint64_t offset)
{
    const uint64_t address = heap_word(t->g, t->contents, offset);
    const uint64_t length =
        heap_word(t->g, t->contents, offset + t->word_bytes);
    const struct span s =
        address != 0 ? text_at(t, address, length) : (struct span){0};
    buf_char(out, '"');
    view_add_text(out, s);
    buf_char(out, '"');
    if (s.len < length) {
        buf_printf(out, "... %llu bytes", (unsigned long long)length);
    }
    return length > 0 ? heap_object_at(t->g, address) : OBJECT_NONE;
}

static object_id add_slice(const struct telling *t, struct buf *out,
                           uint64_t offset)
{
    const uint64_t address = heap_word(t->g, t->contents, offset);
    buf_printf(out, "len %llu cap %llu ",
               (unsigned long long)heap_word(t->g, t->contents,
                                             offset + t->word_bytes),
               (unsigned long long)heap_word(
                   t->g, t->contents, offset + 2 * (uint64_t)t->word_bytes));
    return add_pointer(t, out, address);
}

static object_id add_map(const struct telling *t, struct buf *out,
                         uint64_t offset)
{
    const uint64_t address = heap_word(t->g, t->contents, offset);
    const object_id o = heap_object_at(t->g, address);
    struct map_about m;
    if (o.i != OBJECT_NONE.i && heap_map_about(t->v->f.types, o, &m)) {
        buf_printf(
            out, "%llu entr%s, room for %llu ", (unsigned long long)m.n_entries,
            m.n_entries == 1 ? "y" : "ies", (unsigned long long)m.capacity);
    }
    return add_pointer(t, out, address);
}

static object_id add_interface(const struct telling *t, struct buf *out,
                               const struct go_type *type, uint64_t offset)
{
    const uint64_t table = heap_word(t->g, t->contents, offset);
    const uint64_t runtime_type =
        type->has_empty_interface ? table : heap_itab_type(t->g, table);
    if (table == 0) {
        buf_str(out, "nil");
        return OBJECT_NONE;
    }
    const type_id id =
        runtime_type != 0 ? binary_type_of_runtime(t->v->f.binary, runtime_type)
                          : TYPE_NONE;
    const struct go_type *dynamic =
        id.i != TYPE_NONE.i ? binary_type(t->v->f.binary, id) : NULL;
    buf_printf(out, "(%s) ", dynamic ? dynamic->name : "unknown type");
    return add_pointer(t, out,
                       heap_word(t->g, t->contents, offset + t->word_bytes));
}

/* A function value points to an object or a constant that begins with the
   entry. */
static object_id add_function(const struct telling *t, struct buf *out,
                              uint64_t offset)
{
    const uint64_t address = heap_word(t->g, t->contents, offset);
    const struct span s = text_at(t, address, t->word_bytes);
    const char *name = NULL;
    const char *file = NULL;
    uint64_t line = 0;
    uint64_t entry = 0;
    if (address != 0 && s.len == t->word_bytes &&
        binary_function(t->v->f.binary, heap_word(t->g, s, 0), &name, &file,
                        &line, &entry)) {
        buf_str(out, name);
        buf_char(out, ' ');
        const object_id o = heap_object_at(t->g, address);
        return o.i != OBJECT_NONE.i ? add_pointer(t, out, address) : o;
    }
    return add_pointer(t, out, address);
}

static object_id add_value(const struct telling *t, struct buf *out,
                           const struct go_type *type, uint64_t offset)
{
    switch (type->kind) {
    case GO_BOOL:
        buf_str(out, number(t, offset, 1) ? "true" : "false");
        return OBJECT_NONE;
    case GO_INT:
    case GO_INT8:
    case GO_INT16:
    case GO_INT32:
    case GO_INT64:
        add_signed(t, out, offset, type->bytes);
        return OBJECT_NONE;
    case GO_UINT:
    case GO_UINT8:
    case GO_UINT16:
    case GO_UINT32:
    case GO_UINT64:
    case GO_UINTPTR:
        buf_printf(out, "%llu",
                   (unsigned long long)number(t, offset, type->bytes));
        return OBJECT_NONE;
    case GO_FLOAT32:
    case GO_FLOAT64:
        add_float(t, out, offset, type->bytes);
        return OBJECT_NONE;
    case GO_COMPLEX64:
    case GO_COMPLEX128:
        add_float(t, out, offset, type->bytes / 2);
        buf_str(out, " + i ");
        add_float(t, out, offset + type->bytes / 2, type->bytes / 2);
        return OBJECT_NONE;
    case GO_STRING:
        return add_string(t, out, offset);
    case GO_SLICE:
        return add_slice(t, out, offset);
    case GO_MAP:
        return add_map(t, out, offset);
    case GO_INTERFACE:
        return add_interface(t, out, type, offset);
    case GO_FUNC:
        return add_function(t, out, offset);
    case GO_CHAN:
    case GO_POINTER:
    case GO_UNSAFE_POINTER:
        return add_pointer(t, out, heap_word(t->g, t->contents, offset));
    case GO_INVALID:
    case GO_ARRAY:
    case GO_STRUCT:
    case GO_CLOSURE:
    case N_GO_KINDS:
        buf_str(out, "...");
        return OBJECT_NONE;
    }
    return OBJECT_NONE;
}

/* --- rows --- */

static bool add_row(struct telling *t, const char *name, const char *type,
                    const struct buf *text, object_id target, struct err *err)
{
    const struct view_value row = {
        .name = name,
        .type = type,
        .text = arena_strdup(&t->v->arena, buf_view(text)),
        .target = target};
    return (row.name && row.text && !text->failed_memory &&
            values_push(&t->rows, row)) ||
           err_nomem(err, "values of an object");
}

static bool tell_leaf(struct telling *t, const struct pending *at,
                      struct err *err)
{
    struct buf text = BUF_LIMIT(VIEW_NAME_BYTES);
    const object_id target = add_value(t, &text, at->type, at->offset);
    const bool ok = add_row(t, *at->name ? at->name : ".", at->type->name,
                            &text, target, err);
    buf_release(&text);
    return ok;
}

static const struct go_type *type_of(const struct telling *t, type_id id)
{
    return id.i != TYPE_NONE.i ? binary_type(t->v->f.binary, id) : NULL;
}

static bool push(struct telling *t, const struct go_type *type, uint64_t offset,
                 const char *name)
{
    return name &&
           pendings_push(&t->stack, (struct pending){type, offset, name});
}

/* Elements 0 up to n, the first one last; what will not be shown is only
   counted. */
static bool push_elements(struct telling *t, const struct go_type *element,
                          uint64_t n, uint64_t offset, const char *name)
{
    const uint64_t n_shown = n < t->n_max ? n : t->n_max;
    t->n_all += (size_t)(n - n_shown);
    for (uint64_t i = n_shown; i > 0; i--) {
        if (!push(t, element, offset + (i - 1) * element->bytes,
                  arena_printf(&t->v->arena, "%s[%llu]", name,
                               (unsigned long long)(i - 1)))) {
            return false;
        }
    }
    return true;
}

static bool push_fields(struct telling *t, const struct pending *at)
{
    for (size_t i = at->type->n_fields; i > 0; i--) {
        const struct go_field *f = &at->type->fields[i - 1];
        const struct go_type *type = type_of(t, f->type);
        if (type &&
            !push(t, type, at->offset + f->offset,
                  arena_printf(&t->v->arena, "%s.%s", at->name, f->name))) {
            return false;
        }
    }
    return true;
}

static bool tell_typed(struct telling *t, struct err *err)
{
    enum { LOOKED_AT_MAX = 1 << 20 }; /* empty structs in structs, say */
    for (unsigned i = 0; t->stack.n > 0 && i < LOOKED_AT_MAX; i++) {
        const struct pending at = t->stack.items[--t->stack.n];
        bool ok = true;
        if (at.type->kind == GO_STRUCT || at.type->kind == GO_CLOSURE) {
            ok = push_fields(t, &at);
        } else if (at.type->kind == GO_ARRAY && type_of(t, at.type->element)) {
            ok = push_elements(t, type_of(t, at.type->element),
                               at.type->n_elements, at.offset, at.name);
        } else if (t->rows.n < t->n_max) {
            if (!tell_leaf(t, &at, err)) {
                return false;
            }
            t->n_all++;
        } else {
            t->n_all++;
        }
        if (!ok) {
            return err_nomem(err, "values of an object");
        }
    }
    return true;
}

static bool is_pointer_field(struct dump_fields *fields, uint64_t offset,
                             uint64_t *next)
{
    while (*next < offset && dump_fields_next(fields, next)) {
    }
    return *next == offset;
}

static bool tell_words(struct telling *t, object_id o, struct err *err)
{
    struct dump_fields fields = heap_object_fields(t->g, o);
    uint64_t next = 0;
    bool has_fields = dump_fields_next(&fields, &next);
    t->n_all = t->contents.len / t->word_bytes;
    for (size_t i = 0; i < t->n_all && t->rows.n < t->n_max; i++) {
        const uint64_t offset = i * t->word_bytes;
        const uint64_t word = heap_word(t->g, t->contents, offset);
        struct buf text = BUF_LIMIT(VIEW_NAME_BYTES);
        object_id target = OBJECT_NONE;
        if (has_fields && is_pointer_field(&fields, offset, &next)) {
            target = add_pointer(t, &text, word);
        } else {
            buf_printf(&text, "0x%llx", (unsigned long long)word);
        }
        const char *name =
            arena_printf(&t->v->arena, "+0x%llx", (unsigned long long)offset);
        const bool ok = add_row(t, name, "", &text, target, err);
        buf_release(&text);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool tell_text(struct telling *t, struct err *err)
{
    struct buf text = BUF_LIMIT(VIEW_NAME_BYTES);
    buf_char(&text, '"');
    view_add_text(&text, span_first(t->contents, 4 * (size_t)TEXT_BYTES));
    buf_char(&text, '"');
    const bool ok = add_row(t, "bytes", "", &text, OBJECT_NONE, err);
    t->n_all = 1;
    buf_release(&text);
    return ok;
}

static bool tell(struct telling *t, object_id o, struct err *err)
{
    struct object_type form = {.type = TYPE_NONE};
    const type_id id = view_scan_type(t->v, o, &form);
    const struct go_type *type = type_of(t, id);
    if (t->v->f.types && form.form == FORM_STRING_BYTES &&
        form.type.i != TYPE_NONE.i) {
        return tell_text(t, err);
    }
    if (!type || type->bytes == 0) {
        return tell_words(t, o, err);
    }
    const bool ok =
        form.count == 1 && form.form != FORM_ARRAY
            ? push(t, type, form.header_bytes, "")
            : push_elements(t, type, form.count, form.header_bytes, "");
    return ok ? tell_typed(t, err) : err_nomem(err, "values of an object");
}

bool heap_view_values(struct heap_view *v, object_id o, size_t n_max,
                      const struct view_value **out, size_t *n, size_t *n_all,
                      struct err *err)
{
    struct telling t = {.v = v,
                        .g = v->f.graph,
                        .contents = heap_object_contents(v->f.graph, o),
                        .word_bytes =
                            heap_graph_about(v->f.graph)->pointer_bytes,
                        .n_max = n_max};
    bool ok = tell(&t, o, err);
    struct view_value *rows =
        ok ? arena_new(&v->arena, struct view_value, t.rows.n + 1) : NULL;
    if (ok && !rows) {
        ok = err_nomem(err, "values of an object");
    }
    for (size_t i = 0; ok && i < t.rows.n; i++) {
        rows[i] = t.rows.items[i];
    }
    *n = t.rows.n;
    *n_all = t.n_all;
    *out = rows;
    pendings_release(&t.stack);
    values_release(&t.rows);
    return ok;
}
