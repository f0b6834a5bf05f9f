/*
 * Where types are known without anything that points there: words that the
 * allocator put in front of objects, variables, and what the dump's records
 * are about.
 */
#include "heap/heap_types_private.h"

#include "base/banned.h"

/* --- allocation headers --- */

/* Go gives objects with pointers a word with their type, from 1.22 on, when
   they are larger than a bitmap within the span pays for (as many words as a
   word has bits) and not so large that the span itself says the type. */
enum { HEADER_SINCE = 22, HEADER_SLOT_MAX = 32768 };

static bool may_have_header(const struct heap_types *t, uint64_t slot)
{
    const uint64_t w = t->pointer_bytes;
    return (t->minor == 0 || t->minor >= HEADER_SINCE) && slot > 8 * w * w &&
           slot <= HEADER_SLOT_MAX;
}

static void read_header(struct heap_types *t, uint32_t id, uint64_t slot)
{
    enum { HEADER_BYTES = 8 };
    const object_id o = {id};
    struct dump_fields fields = heap_object_fields(t->g, o);
    uint64_t first = 0;
    if (!dump_fields_next(&fields, &first) || first < HEADER_BYTES) {
        return;
    }
    const uint64_t word = types_word(t, heap_object_contents(t->g, o), 0);
    const type_id type = binary_type_of_runtime(t->b, word);
    const struct go_type *g = binary_type(t->b, type);
    if (!g || g->bytes == 0 || g->bytes > slot - HEADER_BYTES) {
        return;
    }
    t->objects[id].bits |= UINT32_C(1) << TYPED_HEADER_SHIFT;
    const uint64_t count = (slot - HEADER_BYTES) / g->bytes;
    const struct typing y = {.type = type.i,
                             .scan = type.i,
                             .count = count,
                             .form = count > 1 ? FORM_ARRAY : FORM_VALUE,
                             .source = TYPED_BY_HEADER};
    types_point_object(t, id, HEADER_BYTES, &y);
}

bool types_from_headers(struct heap_types *t, struct err *err)
{
    uint32_t n_same = 0;
    for (uint32_t i = 0; i < heap_n_objects(t->g); i += n_same) {
        const uint64_t slot = heap_same_bytes(t->g, (object_id){i}, &n_same);
        for (uint32_t k = 0; may_have_header(t, slot) && k < n_same; k++) {
            read_header(t, i + k, slot);
        }
    }
    return types_drain(t, err);
}

/* --- variables --- */

bool types_from_globals(struct heap_types *t, struct err *err)
{
    size_t n = 0;
    const struct graph_symbol *s = binary_symbols(t->b, &n);
    for (size_t i = 0; i < n; i++) {
        const struct go_variable *v = binary_variable_at(t->b, s[i].address);
        if (!v || v->address != s[i].address || v->type.i == UINT32_MAX ||
            !types_is_memory(t, v->address)) {
            continue;
        }
        const struct types_memory m = types_memory_at(t, v->address);
        types_scan_memory(t, &m, v->address - m.base, v->type.i, 1,
                          TYPED_BY_POINTER);
        if (!types_drain(t, err)) {
            return false;
        }
    }
    return true;
}

/* --- records --- */

static void from_finalizer(struct heap_types *t, const struct heap_finalizer *f)
{
    const type_id pointer = binary_type_of_runtime(t->b, f->object_type);
    const struct go_type *g = binary_type(t->b, pointer);
    (void)types_closure(t, f->closure, TYPED_BY_CLOSURE);
    if (g && g->kind == GO_POINTER) {
        types_point(t, f->object, g->element.i, 1, FORM_VALUE,
                    TYPED_BY_INTERFACE);
    }
}

bool types_from_records(struct heap_types *t, struct err *err)
{
    const type_id g = binary_type_named(t->b, "runtime.g");
    for (uint32_t i = 0; i < heap_n_goroutines(t->g); i++) {
        types_point(t, heap_goroutine_at(t->g, i)->address, g.i, 1, FORM_VALUE,
                    TYPED_BY_POINTER);
    }
    for (size_t i = 0; i < t->g->pins.n; i++) {
        (void)types_closure(t, t->g->pins.items[i].address, TYPED_BY_CLOSURE);
    }
    for (size_t i = 0; i < heap_n_finalizers(t->g); i++) {
        bool is_queued = false;
        from_finalizer(t, heap_finalizer_at(t->g, i, &is_queued));
    }
    return types_drain(t, err);
}
