/*
 * Types of objects, from the surest evidence to the weakest: each finds what
 * those before it left.
 */
#include "heap/build_minor_private.h"
#include "heap/heap_types_private.h"

#include <assert.h>

#include "base/banned.h"

/* --- packed --- */

struct typing types_get(const struct heap_types *t, uint32_t object)
{
    const struct typed_object *o = &t->objects[object];
    struct typing y = {
        .type = (o->bits & TYPED_TYPE_MASK) - 1,
        .count = o->count,
        .form = (enum object_form)(o->bits >> TYPED_FORM_SHIFT & 15),
        .source = (enum type_source)(o->bits >> TYPED_SOURCE_SHIFT & 7),
        .is_guess = (o->bits >> TYPED_GUESS_SHIFT & 1) != 0};
    y.scan = types_scan(t, y.type, y.form);
    return y;
}

void types_set(struct heap_types *t, uint32_t object,
               const struct typing *typing)
{
    struct typed_object *o = &t->objects[object];
    if (typing->type >= TYPED_TYPE_MASK - 1 && typing->type != UINT32_MAX) {
        return;
    }
    o->bits &= UINT32_C(1) << TYPED_HEADER_SHIFT | UINT32_C(1)
                                                       << TYPED_EDGES_SHIFT;
    o->bits |= (typing->type + 1) |
               (uint32_t)typing->source << TYPED_SOURCE_SHIFT |
               (uint32_t)typing->form << TYPED_FORM_SHIFT |
               (uint32_t)typing->is_guess << TYPED_GUESS_SHIFT;
    o->count =
        typing->count < UINT32_MAX ? (uint32_t)typing->count : UINT32_MAX;
}

/* --- building --- */

static bool go_on(const struct heap_types *t, double share, struct err *err)
{
    if (t->o && t->o->stop && *t->o->stop) {
        return err_set(err, ERR_INTERRUPTED, "types of objects: interrupted");
    }
    if (t->o && t->o->progress) {
        t->o->progress(t->o->progress_ctx, "types", share);
    }
    return true;
}

static bool is_little_endian(void)
{
    const uint16_t one = 1;
    uint8_t first = 0;
    memcpy(&first, &one, 1);
    return first == 1;
}

static bool make_objects(struct heap_types *t)
{
    const uint32_t n = heap_n_objects(t->g);
    t->objects = heap_column(struct typed_object, (size_t)n + 1);
    uint64_t begin = 0;
    for (uint32_t i = 0; t->objects && i < n; i++) {
        const uint64_t end = graph_edges_begin(t->g, i + 1);
        const uint32_t has_edges = begin != end;
        t->objects[i] =
            (struct typed_object){has_edges << TYPED_EDGES_SHIFT, 0};
        begin = end;
    }
    return t->objects != NULL;
}

static bool prepare(struct heap_types *t, struct err *err)
{
    const struct heap_about *about = heap_graph_about(t->g);
    const uint64_t n = heap_n_objects(t->g);
    if (!heap_spend(t->g, t->o, n * sizeof(*t->objects), "types of objects",
                    err)) {
        return false;
    }
    t->spent_bytes = n * sizeof(*t->objects);
    t->pointer_bytes = about->pointer_bytes;
    t->is_plain = about->pointer_bytes == 8 && !about->is_big_endian &&
                  is_little_endian();
    t->minor = go_minor(span_of(about->build ? about->build : ""));
    /* Each word is looked at a few times, through several types. */
    t->budget = about->object_bytes * 2 + (UINT64_C(1) << 26);
    if (!make_objects(t)) {
        return err_nomem(err, "types of objects");
    }
    types_find_owners(t);
    t->any_channel = binary_type_named(t->b, "runtime.hchan").i;
    return true;
}

typedef bool phase_fn(struct heap_types *t, struct err *err);

static bool run(struct heap_types *t, struct err *err)
{
    static phase_fn *const phases[] = {
        types_index_frames, types_from_headers, types_from_globals,
        types_from_records, types_from_frames,  types_guess_interfaces,
        types_guess_arrays, types_guess_sites,  types_guess_shapes,
    };
    const size_t n = sizeof(phases) / sizeof(phases[0]);
    for (size_t i = 0; i < n; i++) {
        if (!go_on(t, (double)i / (double)n, err) || !phases[i](t, err)) {
            return false;
        }
    }
    return go_on(t, 1, err);
}

/* --- counting --- */

static void count(struct heap_types *t)
{
    struct heap_typed *a = &t->about;
    uint32_t n_same = 0;
    for (uint32_t i = 0; i < heap_n_objects(t->g); i += n_same) {
        const uint64_t bytes = heap_same_bytes(t->g, (object_id){i}, &n_same);
        for (uint32_t k = i; k < i + n_same; k++) {
            const unsigned source =
                t->objects[k].bits >> TYPED_SOURCE_SHIFT & 7;
            if (heap_object_is_reachable(t->g, (object_id){k}) &&
                source < N_TYPE_SOURCES) {
                a->n_objects++;
                a->bytes += bytes;
                a->n_by_source[source]++;
                a->bytes_by_source[source] += bytes;
            }
        }
    }
    a->is_incomplete = t->is_out_of_budget;
}

/* --- all --- */

/* What only building needs. */
static void release_scratch(struct heap_types *t)
{
    typing_items_release(&t->work);
    typing_items_release(&t->later);
    type_steps_release(&t->steps);
    type_visits_release(&t->parts);
    type_visits_release(&t->elements);
    address_set_release(&t->seen);
}

bool heap_types_build(const struct heap_graph *g, struct binary *b,
                      const struct heap_graph_options *o,
                      struct heap_types **out, struct err *err)
{
    *out = NULL;
    struct heap_types *t = calloc(1, sizeof(*t));
    if (!t) {
        return err_nomem(err, "types of objects");
    }
    t->g = g;
    t->b = b;
    t->o = o;
    bool ok = prepare(t, err) && run(t, err);
    if (ok && t->is_out_of_memory) {
        ok = err_nomem(err, "types of objects");
    }
    release_scratch(t);
    if (!ok) {
        heap_types_free(t);
        return false;
    }
    count(t);
    t->o = NULL; /* was lent for building */
    *out = t;
    return true;
}

void heap_types_free(struct heap_types *t)
{
    if (!t) {
        return;
    }
    release_scratch(t);
    heap_give_back(t->g, t->spent_bytes);
    free(t->objects);
    free(t->frames);
    type_plans_release(&t->plans);
    map_layouts_release(&t->layouts);
    type_owners_release(&t->owners);
    vec_u32_release(&t->channel_of);
    go_locals_release(&t->locals);
    frames_locals_release(&t->frame_locals);
    arena_release(&t->arena);
    free(t);
}

struct object_type heap_type_of(const struct heap_types *t, object_id o)
{
    assert(o.i < heap_n_objects(t->g));
    const struct typing y = types_get(t, o.i);
    if (y.source == TYPED_NOT) {
        return (struct object_type){
            .type = TYPE_NONE, .header_bytes = (uint8_t)types_header(t, o.i)};
    }
    return (struct object_type){.type = {y.type},
                                .count = y.form == FORM_PART ? 1 : y.count,
                                .header_bytes = (uint8_t)types_header(t, o.i),
                                .form = y.form,
                                .source = y.source};
}

const struct heap_typed *heap_types_about(const struct heap_types *t)
{
    return &t->about;
}
