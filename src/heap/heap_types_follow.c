/*
 * What pointers of each kind lead to: how many values of which type, as far as
 * the words beside them and the object itself say.
 */
#include "heap/heap_types_private.h"

#include "base/banned.h"

/* --- to what --- */

/* What the runtime knows as a channel of anything says what of. */
static struct typing of_channel(struct heap_types *t, uint64_t address,
                                struct typing y)
{
    uint64_t interior = 0;
    const struct go_field *f = types_field(t, t->any_channel, "elemtype");
    const uint32_t object = graph_lookup(&t->g->spans, address, &interior);
    if (!f || object == UINT32_MAX) {
        return y;
    }
    const struct span c = heap_object_contents(t->g, (object_id){object});
    const uint32_t channel =
        types_channel_of(t, types_word(t, c, interior + f->offset));
    if (channel != UINT32_MAX) {
        y.type = channel;
        y.form = FORM_CHANNEL;
        y.scan = types_scan(t, channel, FORM_CHANNEL);
    }
    return y;
}

void types_point(struct heap_types *t, uint64_t address, uint32_t type,
                 uint64_t count, enum object_form form, enum type_source source)
{
    if (address == 0 || type == UINT32_MAX || count == 0) {
        return;
    }
    const struct type_plan *plan = types_plan(t, type);
    struct typing y = {.type = type,
                       .scan = types_scan(t, type, form),
                       .count = count,
                       .form = form,
                       .source = source};
    if (form <= FORM_ARRAY && plan->form != FORM_VALUE) {
        y.type = plan->owner;
        y.scan = type;
        y.form = plan->form;
    }
    if (form == FORM_VALUE && y.form == FORM_VALUE) {
        y.scan = plan->whole;
        if (type == t->any_channel) {
            y = of_channel(t, address, y);
        }
    }
    types_found(t, address, &y);
}

/* --- steps --- */

bool types_closure(struct heap_types *t, uint64_t address,
                   enum type_source source)
{
    uint64_t interior = 0, entry = 0;
    const char *name = NULL, *file = NULL;
    uint64_t line = 0, begin = 0;
    const uint32_t object = graph_lookup(&t->g->spans, address, &interior);
    if (object == UINT32_MAX || interior != types_header(t, object)) {
        return false;
    }
    const struct span c = heap_object_contents(t->g, (object_id){object});
    entry = types_word(t, c, interior);
    const type_id closure = binary_closure(t->b, entry);
    if (closure.i != UINT32_MAX) {
        types_point(t, address, closure.i, 1, FORM_CLOSURE, source);
        return true;
    }
    if (types_is_known(t, object) ||
        !binary_function(t->b, entry, &name, &file, &line, &begin) ||
        begin != entry) {
        return false;
    }
    types_set(t, object,
              &(struct typing){.type = UINT32_MAX,
                               .scan = UINT32_MAX,
                               .count = 1,
                               .form = FORM_CLOSURE,
                               .source = source});
    return true;
}

static void follow(struct heap_types *t, const struct type_step *s,
                   uint64_t word, enum type_source source);

/* One word: the interface holds the value itself. */
static bool is_pointer_shaped(struct heap_types *t, const struct go_type *g,
                              const struct type_plan *plan)
{
    if (g->bytes != t->pointer_bytes || plan->n_steps != 1 ||
        plan->steps[0].offset != 0) {
        return false;
    }
    switch ((unsigned)g->kind) {
    case GO_POINTER:
    case GO_MAP:
    case GO_CHAN:
    case GO_FUNC:
        return true;
    case GO_STRUCT: /* since Go 1.26 empty fields do not count */
        return g->n_fields == 1 || t->minor >= 26;
    case GO_ARRAY:
        return true;
    default:
        return false;
    }
}

void types_interface(struct heap_types *t, uint64_t runtime_type, uint64_t data)
{
    const type_id type = binary_type_of_runtime(t->b, runtime_type);
    const struct go_type *g = binary_type(t->b, type);
    if (!g || g->kind == GO_UNSAFE_POINTER || g->kind == GO_INTERFACE) {
        return;
    }
    const struct type_plan *plan = types_plan(t, type.i);
    if (is_pointer_shaped(t, g, plan) && plan->steps[0].kind != STEP_ARRAY) {
        follow(t, &plan->steps[0], data, TYPED_BY_INTERFACE);
    } else if (g->kind < GO_CHAN || g->kind > GO_POINTER) {
        types_point(t, data, type.i, 1, FORM_VALUE, TYPED_BY_INTERFACE);
    }
}

static void follow_node(struct heap_types *t, const struct type_step *s,
                        uint64_t word, enum type_source source)
{
    uint64_t interior = 0;
    const uint32_t object = graph_lookup(&t->g->spans, word, &interior);
    if (object == UINT32_MAX) {
        return;
    }
    const struct span c = heap_object_contents(t->g, (object_id){object});
    const bool is_entry = interior < c.len && c.p[interior] != 0;
    types_point(t, word, is_entry ? s->type : s->other, 1, FORM_VALUE, source);
}

/* Steps of one word. */
static void follow(struct heap_types *t, const struct type_step *s,
                   uint64_t word, enum type_source source)
{
    switch ((unsigned)s->kind) {
    case STEP_POINTER:
        types_point(t, word, s->type, 1, FORM_VALUE, source);
        break;
    case STEP_MAP:
        types_point(t, word, s->type, 1, FORM_MAP, source);
        break;
    case STEP_CHANNEL:
        types_point(t, word, s->type, 1, FORM_CHANNEL, source);
        break;
    case STEP_CLOSURE:
        (void)types_closure(t, word, TYPED_BY_CLOSURE);
        break;
    case STEP_NODE:
        follow_node(t, s, word, source);
        break;
    default: /* of more words */
        break;
    }
}

static void follow_directory(struct heap_types *t, const struct type_step *s,
                             uint64_t word, uint64_t length,
                             enum type_source source)
{
    if (length == 0) {
        types_point(t, word, s->type, 1, FORM_MAP_BUCKETS, source);
        return;
    }
    types_point(t, word, s->type, length, FORM_MAP_DIRECTORY, source);
}

/* How many, of a slice or string. In frames the compiler may keep no more than
   the pointer, and says nothing of it. */
static uint64_t trusted(const struct types_memory *m, uint64_t len,
                        uint64_t capacity)
{
    return m->is_frame && (capacity == 0 || len > capacity) ? UINT64_MAX
                                                            : capacity;
}

/* A step whose first word, `word`, is at `at` of the contents. */
static void follow_words(struct heap_types *t, const struct type_step *s,
                         const struct types_memory *m, uint64_t at,
                         uint64_t word, enum type_source source)
{
    const unsigned w = t->pointer_bytes;
    const uint64_t next = types_word(t, m->contents, at + w);
    switch (s->kind) {
    case STEP_SLICE:
        types_point(t, word, s->type,
                    trusted(m, next, types_word(t, m->contents, at + 2ULL * w)),
                    FORM_ARRAY, source);
        break;
    case STEP_SIZED:
        types_point(t, word, s->type, next, FORM_ARRAY, source);
        break;
    case STEP_STRING:
        types_point(t, word, s->type, trusted(m, 0, next), FORM_STRING_BYTES,
                    source);
        break;
    case STEP_INTERFACE:
        types_interface(t, heap_itab_type(t->g, word), next);
        break;
    case STEP_ANY:
        types_interface(t, word, next);
        break;
    case STEP_DIRECTORY:
        follow_directory(t, s, word, types_word(t, m->contents, at + s->count),
                         source);
        break;
    case STEP_BUFFER:
        types_point(t, word, s->type, types_word(t, m->contents, at - s->count),
                    FORM_CHANNEL_BUFFER, source);
        break;
    case STEP_POINTER:
    case STEP_MAP:
    case STEP_CHANNEL:
    case STEP_CLOSURE:
    case STEP_NODE:
    case STEP_ARRAY:
        follow(t, s, word, source);
        break;
    }
}

static bool is_live(const struct heap_types *t, const struct type_step *s,
                    uint64_t at, const uint64_t *live)
{
    /* Stack maps have the second word of an interface. */
    if (s->kind == STEP_ANY || s->kind == STEP_INTERFACE) {
        at += t->pointer_bytes;
    }
    const uint64_t i = at / t->pointer_bytes;
    return (live[i >> 6] >> (i & 63) & 1) != 0;
}

void types_scan_memory(struct heap_types *t, const struct types_memory *m,
                       uint64_t at, uint32_t type, uint64_t count,
                       enum type_source source)
{
    const struct type_plan *plan = types_plan(t, type);
    if (plan->n_steps == 0 || plan->bytes == 0) {
        return;
    }
    for (uint64_t i = 0; i < count; i++, at += plan->bytes) {
        if (at >= m->contents.len) {
            return;
        }
        for (uint32_t k = 0; k < plan->n_steps; k++) {
            const struct type_step *s = &plan->steps[k];
            const uint64_t here = at + s->offset;
            if (s->kind == STEP_ARRAY) {
                (void)types_push(
                    t, &t->work,
                    (struct typing_item){.at = m->base + here,
                                         .contents = m->contents,
                                         .object = m->object,
                                         .type = s->type,
                                         .count = types_saturated(s->count),
                                         .source = source});
                continue;
            }
            const uint64_t word = types_word(t, m->contents, here);
            if (word != 0 && (!m->live || is_live(t, s, here, m->live))) {
                follow_words(t, s, m, here, word, source);
            }
        }
        if (t->budget < plan->n_steps + 1U) {
            t->is_out_of_budget = true;
            return;
        }
        t->budget -= plan->n_steps + 1U;
    }
}
