/*
 * Types told by the size of the slot and the pattern of its pointers, where
 * only one type of the binary has both.
 */
#include "heap/heap_types_private.h"

#include "base/banned.h"

enum {
    SHAPE_SLOT_MAX = 512,  /* 64 words: a pattern is a number */
    SHAPE_POINTERS_MIN = 3 /* fewer are of too many types */
};

/* --- patterns --- */

/* Go's sizes of slots up to SHAPE_SLOT_MAX. */
static uint64_t slot_of(uint64_t bytes)
{
    static const uint16_t steps[][2] = {
        {32,             8 },
        {256,            16},
        {SHAPE_SLOT_MAX, 32}
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (bytes <= steps[i][0]) {
            return (bytes + steps[i][1] - 1) / steps[i][1] * steps[i][1];
        }
    }
    return 0;
}

static bool push_parts(struct heap_types *t, const struct go_type *g,
                       uint64_t offset)
{
    const uint64_t bytes = types_bytes(t, g->element.i);
    for (size_t i = 0; i < g->n_fields; i++) {
        if (!types_visit(t, &t->parts, g->fields[i].type.i,
                         offset + g->fields[i].offset)) {
            return false;
        }
    }
    for (uint64_t i = 0; g->kind == GO_ARRAY && bytes > 0 &&
                         i < g->n_elements && i * bytes < SHAPE_SLOT_MAX;
         i++) {
        if (!types_visit(t, &t->parts, g->element.i, offset + i * bytes)) {
            return false;
        }
    }
    return true;
}

static bool is_composite(enum go_kind kind)
{
    return kind == GO_STRUCT || kind == GO_ARRAY;
}

/* Words that are pointers; 0 when that is not known. */
static uint64_t pattern_of(struct heap_types *t, uint32_t type)
{
    enum { PARTS_MAX = 4096 };
    struct type_visits *stack = &t->parts;
    stack->n = 0;
    uint64_t pattern = 0;
    bool ok = types_visit(t, stack, type, 0);
    for (unsigned n = 0; ok && stack->n > 0; n++) {
        const struct type_visit p = stack->items[--stack->n];
        const struct go_type *g = binary_type(t->b, (type_id){p.type});
        if (!g || n > PARTS_MAX) {
            ok = false;
        } else if (is_composite(g->kind)) {
            ok = push_parts(t, g, p.offset);
        } else if (g->kind > GO_COMPLEX128) {
            /* The first word of an interface is none to the collector. */
            const uint64_t word =
                p.offset / t->pointer_bytes + (g->kind == GO_INTERFACE ? 1 : 0);
            ok = word < 64;
            pattern |= ok ? UINT64_C(1) << word : 0;
        } else {
            ok = g->kind != GO_INVALID;
        }
    }
    return ok ? pattern : 0;
}

static uint64_t pattern_in(const struct heap_types *t, uint32_t object)
{
    struct dump_fields fields = heap_object_fields(t->g, (object_id){object});
    uint64_t pattern = 0, offset = 0;
    while (dump_fields_next(&fields, &offset)) {
        if (offset / t->pointer_bytes >= 64) {
            return 0;
        }
        pattern |= UINT64_C(1) << offset / t->pointer_bytes;
    }
    return pattern;
}

/* --- a table of them --- */

struct shape {
    uint64_t pattern; /* 0 free */
    uint32_t type;    /* UINT32_MAX: more than one */
    uint32_t slot;
};
struct shapes {
    struct shape *slots;
    size_t n_slots;
};

static struct shape *find(const struct shapes *s, uint64_t pattern,
                          uint64_t slot)
{
    uint64_t at = (pattern ^ slot << 32) * UINT64_C(0x9e3779b97f4a7c15) >> 20;
    for (;; at++) {
        struct shape *p = &s->slots[at & (s->n_slots - 1)];
        if (p->pattern == 0 || (p->pattern == pattern && p->slot == slot)) {
            return p;
        }
    }
}

static void add(struct heap_types *t, const struct shapes *s, uint32_t type)
{
    const struct go_type *g = binary_type(t->b, (type_id){type});
    if (!g || g->kind != GO_STRUCT || g->runtime_type == 0 ||
        g->bytes > SHAPE_SLOT_MAX) {
        return;
    }
    const uint64_t pattern = pattern_of(t, type);
    if (graph_popcount(pattern) < SHAPE_POINTERS_MIN) {
        return;
    }
    struct shape *p = find(s, pattern, slot_of(g->bytes));
    p->type = p->pattern == 0 ? type : UINT32_MAX;
    p->slot = (uint32_t)slot_of(g->bytes);
    p->pattern = pattern;
}

static bool make_shapes(struct heap_types *t, struct shapes *s)
{
    const size_t n = binary_n_types(t->b);
    s->n_slots = 1024;
    while (s->n_slots < 2 * n) {
        s->n_slots *= 2;
    }
    s->slots = calloc(s->n_slots, sizeof(*s->slots));
    for (uint32_t i = 0; s->slots && i < n; i++) {
        add(t, s, i);
    }
    return s->slots != NULL;
}

/* Of what is known of a part, the type must have that part. */
static bool agrees(const struct heap_types *t, uint32_t object, uint32_t type)
{
    const struct typing y = types_get(t, object);
    return y.source == TYPED_NOT ||
           (y.form == FORM_PART && types_has_part(t, type, y.count, y.type));
}

static void guess(struct heap_types *t, const struct shapes *s, uint32_t object)
{
    const uint64_t slot = heap_object_bytes(t->g, (object_id){object});
    const uint64_t pattern = slot <= SHAPE_SLOT_MAX ? pattern_in(t, object) : 0;
    if (graph_popcount(pattern) < SHAPE_POINTERS_MIN) {
        return;
    }
    const struct shape *p = find(s, pattern, slot);
    if (p->pattern != 0 && p->type != UINT32_MAX &&
        agrees(t, object, p->type)) {
        types_point(t, heap_object_address(t->g, (object_id){object}), p->type,
                    1, FORM_VALUE, TYPED_BY_SHAPE);
    }
}

bool types_guess_shapes(struct heap_types *t, struct err *err)
{
    struct shapes s = {0};
    if (!make_shapes(t, &s)) {
        return err_nomem(err, "types of objects");
    }
    bool ok = true;
    for (uint32_t i = 0; ok && i < heap_n_objects(t->g); i++) {
        const struct typing y = types_get(t, i);
        if (y.source == TYPED_NOT || y.form == FORM_PART) {
            guess(t, &s, i);
            ok = types_drain(t, err);
        }
    }
    free(s.slots);
    return ok;
}
