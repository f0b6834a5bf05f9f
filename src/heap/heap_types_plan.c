/*
 * What pointers there are in a value of a type, as a flat list: structs are
 * taken apart once, not for each value. Short arrays as well; long ones are
 * one step, followed when they are met.
 */
#include "heap/heap_types_private.h"

#include "base/banned.h"

enum {
    STEPS_MAX = 4096,     /* of a type; the longest of Go's own has 800 */
    INLINE_MAX = 8,       /* elements of an array taken apart */
    VISITS_MAX = 1 << 16, /* parts looked at; hostile types nest */
    NESTING_MAX = 64
};

uint64_t types_bytes(const struct heap_types *t, uint32_t type)
{
    const struct go_type *g = binary_type(t->b, (type_id){type});
    return g ? g->bytes : 0;
}

const struct go_field *types_field(const struct heap_types *t, uint32_t type,
                                   const char *name)
{
    const struct go_type *g = binary_type(t->b, (type_id){type});
    for (size_t i = 0; g && i < g->n_fields; i++) {
        if (g->fields[i].name && strcmp(g->fields[i].name, name) == 0) {
            return &g->fields[i];
        }
    }
    return NULL;
}

/* --- parts --- */

static bool is_struct(const struct go_type *g)
{
    return g->kind == GO_STRUCT || g->kind == GO_CLOSURE;
}

/* The last field that begins at `offset` or before, and has bytes there. */
static const struct go_field *field_at(const struct heap_types *t,
                                       const struct go_type *g, uint64_t offset)
{
    for (size_t i = g->n_fields; i > 0; i--) {
        const struct go_field *f = &g->fields[i - 1];
        if (f->offset <= offset &&
            offset - f->offset < types_bytes(t, f->type.i)) {
            return f;
        }
    }
    return NULL;
}

bool types_part_at(const struct heap_types *t, uint32_t type, uint64_t offset,
                   struct type_part *out)
{
    const struct go_type *g = binary_type(t->b, (type_id){type});
    *out = (struct type_part){0};
    if (!g) {
        return false;
    }
    if (is_struct(g)) {
        out->field = field_at(t, g, offset);
        if (out->field) {
            out->type = out->field->type.i;
            out->offset = offset - out->field->offset;
        }
        return out->field != NULL;
    }
    const uint64_t bytes = types_bytes(t, g->element.i);
    if (g->kind != GO_ARRAY || bytes == 0 || offset >= g->bytes) {
        return false;
    }
    out->type = g->element.i;
    out->index = offset / bytes;
    out->offset = offset % bytes;
    return true;
}

bool types_has_part(const struct heap_types *t, uint32_t type, uint64_t offset,
                    uint32_t want)
{
    struct type_part part = {.type = type, .offset = offset};
    for (unsigned i = 0; i < NESTING_MAX; i++) {
        if (part.type == want && part.offset == 0) {
            return true;
        }
        if (!types_part_at(t, part.type, part.offset, &part)) {
            return false;
        }
    }
    return false;
}

bool types_visit(struct heap_types *t, struct type_visits *v, uint32_t type,
                 uint64_t offset)
{
    const struct type_visit item = {type, offset};
    if (!type_visits_push(v, item)) {
        t->is_out_of_memory = true;
        return false;
    }
    return true;
}

/* --- does it have pointers at all? --- */

static bool is_number(enum go_kind kind)
{
    return kind >= GO_BOOL && kind <= GO_COMPLEX128;
}

/* False when it is a pointer itself. What is not known may have some. */
static bool push_parts(struct heap_types *t, uint32_t type,
                       struct type_visits *stack)
{
    const struct go_type *g = binary_type(t->b, (type_id){type});
    if (!g) {
        return false;
    }
    if (g->kind == GO_ARRAY) {
        return g->n_elements == 0 || types_visit(t, stack, g->element.i, 0);
    }
    if (!is_struct(g)) {
        return is_number(g->kind);
    }
    for (size_t i = 0; i < g->n_fields; i++) {
        if (!types_visit(t, stack, g->fields[i].type.i, 0)) {
            return false;
        }
    }
    return true;
}

static bool has_pointers(struct heap_types *t, uint32_t type)
{
    struct type_visits *stack = &t->elements;
    stack->n = 0;
    bool is_plain = types_visit(t, stack, type, 0);
    for (unsigned n = 0; is_plain && stack->n > 0; n++) {
        is_plain = n < VISITS_MAX &&
                   push_parts(t, stack->items[--stack->n].type, stack);
    }
    return !is_plain;
}

/* --- steps --- */

bool types_add_step(struct heap_types *t, struct type_step s)
{
    if (t->steps.n >= STEPS_MAX) {
        return false;
    }
    if (!type_steps_push(&t->steps, s)) {
        t->is_out_of_memory = true;
        return false;
    }
    return true;
}

/* A pointer in code for several types stands for pointers to anything. */
static bool is_shape_pointer(const struct go_type *g)
{
    return strncmp(g->name, "go.shape.*", 10) == 0;
}

/* Nodes of hash tries begin alike and are told apart by what they say. */
static bool is_node(const struct go_type *g)
{
    return g->n_fields > 0 && strstr(g->name, ".node[") &&
           strcmp(g->fields[0].name, "isEntry") == 0;
}

/* "sync.node[int,string]" -> "sync.entry[int,string]". */
static uint32_t node_type(struct heap_types *t, const char *what,
                          const struct go_type *node)
{
    static const char word[] = ".node[";
    const char *at = strstr(node->name, word);
    const char *name =
        arena_printf(&t->arena, "%.*s.%s[%s", (int)(at - node->name),
                     node->name, what, at + sizeof(word) - 1);
    return name ? binary_type_named(t->b, name).i : UINT32_MAX;
}

static struct type_step pointer_step(struct heap_types *t,
                                     const struct go_type *g, uint64_t offset)
{
    struct type_step s = {
        .kind = STEP_POINTER, .offset = offset, .type = g->element.i};
    const struct go_type *e = binary_type(t->b, g->element);
    if (e && is_node(e)) {
        s.kind = STEP_NODE;
        s.type = node_type(t, "entry", e);
        s.other = node_type(t, "indirect", e);
    }
    return s;
}

void types_add_pointer(struct heap_types *t, const struct go_type *pointer,
                       uint64_t offset)
{
    if (types_bytes(t, pointer->element.i) > 0 && !is_shape_pointer(pointer)) {
        (void)types_add_step(t, pointer_step(t, pointer, offset));
    }
}

/* The type of a slice's elements, where only its pointer says it. */
static uint32_t slice_element(const struct heap_types *t,
                              const struct go_type *g)
{
    if (g->element.i != UINT32_MAX || g->n_fields == 0) {
        return g->element.i;
    }
    const struct go_type *p = binary_type(t->b, g->fields[0].type);
    return p ? p->element.i : UINT32_MAX;
}

static void add_array(struct heap_types *t, const struct go_type *g,
                      uint64_t offset)
{
    const uint64_t bytes = types_bytes(t, g->element.i);
    if (g->n_elements == 0 || bytes == 0) {
        return;
    }
    if (g->n_elements > INLINE_MAX || t->steps.n > STEPS_MAX / 16) {
        if (has_pointers(t, g->element.i)) {
            (void)types_add_step(t, (struct type_step){.kind = STEP_ARRAY,
                                                       .offset = offset,
                                                       .type = g->element.i,
                                                       .count = g->n_elements});
        }
        return;
    }
    for (uint64_t i = 0; i < g->n_elements; i++) {
        (void)types_visit(t, &t->parts, g->element.i, offset + i * bytes);
    }
}

static void add_simple(struct heap_types *t, const struct go_type *g,
                       uint32_t type, uint64_t offset)
{
    struct type_step s = {.offset = offset, .type = type};
    switch ((unsigned)g->kind) {
    case GO_POINTER:
        types_add_pointer(t, g, offset);
        return;
    case GO_SLICE:
        s.kind = STEP_SLICE;
        s.type = slice_element(t, g);
        break;
    case GO_STRING:
        s.kind = STEP_STRING;
        break;
    case GO_MAP:
        s.kind = STEP_MAP;
        break;
    case GO_CHAN:
        s.kind = STEP_CHANNEL;
        break;
    case GO_FUNC:
        s.kind = STEP_CLOSURE;
        break;
    case GO_INTERFACE:
        s.kind = g->has_empty_interface ? STEP_ANY : STEP_INTERFACE;
        break;
    default: /* numbers, what is taken apart, what is not known */
        return;
    }
    (void)types_add_step(t, s);
}

static void add_fields(struct heap_types *t, uint32_t type,
                       const struct go_type *g, uint64_t offset)
{
    for (size_t i = 0; i < g->n_fields; i++) {
        const struct go_field *f = &g->fields[i];
        if (!types_special_field(t, type, f, offset + f->offset)) {
            (void)types_visit(t, &t->parts, f->type.i, offset + f->offset);
        }
    }
}

static void add_part(struct heap_types *t, struct type_visit v)
{
    const struct go_type *g = binary_type(t->b, (type_id){v.type});
    if (!g) {
        return;
    }
    if (g->kind == GO_ARRAY) {
        add_array(t, g, v.offset);
    } else if (is_struct(g)) {
        add_fields(t, v.type, g, v.offset);
    } else {
        add_simple(t, g, v.type, v.offset);
    }
}

static void add_steps(struct heap_types *t, uint32_t type)
{
    t->steps.n = 0;
    t->parts.n = 0;
    (void)types_visit(t, &t->parts, type, 0);
    for (unsigned n = 0; t->parts.n > 0 && n < VISITS_MAX; n++) {
        add_part(t, t->parts.items[--t->parts.n]);
    }
}

/* --- plans --- */

static const struct type_plan nothing = {
    .has_pointers = true, .owner = UINT32_MAX, .whole = UINT32_MAX};

static const struct type_plan *make_plan(struct heap_types *t, uint32_t type,
                                         const struct go_type *g)
{
    add_steps(t, type);
    struct type_plan *p = arena_new(&t->arena, struct type_plan, 1);
    struct type_step *steps =
        arena_new(&t->arena, struct type_step, t->steps.n + 1);
    if (!p || !steps) {
        t->is_out_of_memory = true;
        return &nothing;
    }
    for (size_t i = 0; i < t->steps.n; i++) {
        steps[i] = t->steps.items[i];
    }
    *p = (struct type_plan){.steps = steps,
                            .n_steps = (uint32_t)t->steps.n,
                            .has_pointers = has_pointers(t, type),
                            .is_shape = strstr(g->name, "go.shape.") != NULL,
                            .bytes = g->bytes,
                            .whole = types_whole(t, type),
                            .form = types_owner(t, type).form,
                            .owner = types_owner(t, type).type};
    return p;
}

static const struct type_plan *new_plan(struct heap_types *t, uint32_t type)
{
    const struct go_type *g = binary_type(t->b, (type_id){type});
    if (!g) {
        return &nothing;
    }
    while (t->plans.n <= type) {
        if (!type_plans_push(&t->plans, NULL)) {
            t->is_out_of_memory = true;
            return &nothing;
        }
    }
    types_find_owner(t, type);
    const struct type_plan *p = make_plan(t, type, g);
    t->plans.items[type] = p;
    return p;
}

const struct type_plan *types_plan(struct heap_types *t, uint32_t type)
{
    if (type < t->plans.n && t->plans.items[type]) {
        return t->plans.items[type];
    }
    return new_plan(t, type);
}

/* --- objects --- */

uint32_t types_scan(const struct heap_types *t, uint32_t type,
                    enum object_form form)
{
    const struct go_type *g = binary_type(t->b, (type_id){type});
    const struct map_layout *map = types_map_layout(t, type);
    switch (form) {
    case FORM_VALUE:
    case FORM_ARRAY:
    case FORM_CLOSURE:
    case FORM_PART:
        return type;
    case FORM_MAP:
    case FORM_CHANNEL:
        return g ? g->layout.i : UINT32_MAX;
    case FORM_MAP_BUCKETS:
        return map ? map->bucket : UINT32_MAX;
    case FORM_MAP_TABLE:
        return map ? map->table : UINT32_MAX;
    case FORM_CHANNEL_BUFFER:
        return g ? g->element.i : UINT32_MAX;
    case FORM_MAP_DIRECTORY:
        return map ? map->entry : UINT32_MAX;
    case FORM_STRING_BYTES:
    case N_OBJECT_FORMS:
        break;
    }
    return UINT32_MAX;
}
