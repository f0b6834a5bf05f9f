/*
 * What no typed pointer led to. Interfaces and closures say themselves what
 * they are, wherever they lie; a slice of the middle of an object makes it an
 * array; objects allocated at one place have one type; and a size with a
 * pattern of pointers that only one type has is that type's.
 */
#include "heap/heap_types_private.h"

#include "base/banned.h"

static bool is_unknown(const struct heap_types *t, uint32_t object)
{
    const struct typing y = types_get(t, object);
    return y.source == TYPED_NOT || y.is_guess || y.form == FORM_PART;
}

/* --- interfaces and closures --- */

/* Words before pointers that are known itabs or types. The collector does not
   take an interface's first word for a pointer: one that it takes for one is
   of another value, such as a variable of type reflect.Type. */
static void find_interfaces(struct heap_types *t, struct span c,
                            struct dump_fields fields)
{
    const unsigned w = t->pointer_bytes;
    uint64_t before = 0, offset = 0;
    for (bool is_next = false; dump_fields_next(&fields, &offset);
         before = offset, is_next = true) {
        if (offset < w || offset >= c.len ||
            (is_next && before == offset - w)) {
            continue;
        }
        const uint64_t word = types_word(t, c, offset - w);
        const uint64_t data = types_word(t, c, offset);
        if (word == 0 || data == 0 || graph_may_hold(&t->g->spans, word)) {
            continue;
        }
        const uint64_t type = heap_itab_type(t->g, word);
        types_interface(t, type ? type : word, data);
    }
}

bool types_guess_interfaces(struct heap_types *t, struct err *err)
{
    for (size_t i = 0; i < t->g->segments.n; i++) {
        const struct graph_segment *s = &t->g->segments.items[i];
        find_interfaces(
            t, s->contents,
            (struct dump_fields){(const uint8_t *)s->fields.p,
                                 (const uint8_t *)s->fields.p + s->fields.len,
                                 t->pointer_bytes});
    }
    for (uint32_t i = 0; i < t->g->frames.n; i++) {
        find_interfaces(t, heap_frame_contents(t->g, i),
                        heap_frame_fields(t->g, i));
    }
    if (!types_drain(t, err)) {
        return false;
    }
    for (uint32_t i = 0; i < heap_n_objects(t->g); i++) {
        const object_id o = {i};
        if (!is_unknown(t, i)) {
            continue;
        }
        (void)types_closure(t, heap_object_address(t->g, o), TYPED_BY_CLOSURE);
        find_interfaces(t, heap_object_contents(t->g, o),
                        heap_object_fields(t->g, o));
        if (!types_drain(t, err)) {
            return false;
        }
    }
    return true;
}

/* --- arrays --- */

static bool is_pointer_at(const struct heap_types *t,
                          const struct type_plan *plan, uint64_t offset)
{
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const struct type_step *s = &plan->steps[i];
        const bool is_second = s->kind == STEP_ANY || s->kind == STEP_INTERFACE;
        if (s->kind == STEP_ARRAY ||
            s->offset + (is_second ? t->pointer_bytes : 0) == offset) {
            return true;
        }
    }
    return false;
}

/* Are its pointers where elements of the type have theirs? */
static bool fits_array(struct heap_types *t, uint32_t object, uint64_t bytes,
                       const struct type_plan *plan)
{
    enum { LOOK_AT = 64 };
    const unsigned header = types_header(t, object);
    struct dump_fields fields = heap_object_fields(t->g, (object_id){object});
    uint64_t offset = 0;
    for (unsigned i = 0; i < LOOK_AT && dump_fields_next(&fields, &offset);
         i++) {
        if (offset < header ||
            !is_pointer_at(t, plan, (offset - header) % bytes)) {
            return false;
        }
    }
    return true;
}

static void confirm_array(struct heap_types *t, uint32_t object)
{
    struct typing y = types_get(t, object);
    const unsigned header = types_header(t, object);
    const uint64_t bytes =
        y.form == FORM_ARRAY ? types_bytes(t, y.scan) : UINT64_C(1);
    if (bytes == 0 || (y.count - header) % bytes != 0 ||
        (y.form == FORM_ARRAY &&
         !fits_array(t, object, bytes, types_plan(t, y.scan)))) {
        y.form = FORM_PART;
        y.is_guess = false;
        types_set(t, object, &y);
        return;
    }
    y.is_guess = false;
    y.count = UINT64_MAX; /* all that fit */
    types_point_object(t, object, header, &y);
}

bool types_guess_arrays(struct heap_types *t, struct err *err)
{
    for (uint32_t i = 0; i < heap_n_objects(t->g); i++) {
        if (types_get(t, i).is_guess) {
            confirm_array(t, i);
            if (!types_drain(t, err)) {
                return false;
            }
        }
    }
    return true;
}

/* --- allocation sites --- */

struct site {
    uint32_t model; /* an object of its type */
    bool has_model, is_mixed;
};

static bool is_alike(const struct heap_types *t, uint32_t a, uint32_t b)
{
    const struct typing x = types_get(t, a), y = types_get(t, b);
    return x.type == y.type && x.form == y.form &&
           types_header(t, a) == types_header(t, b) &&
           heap_object_bytes(t->g, (object_id){a}) ==
               heap_object_bytes(t->g, (object_id){b});
}

static void add_sample(const struct heap_types *t, struct site *s,
                       uint32_t object)
{
    if (is_unknown(t, object)) {
        return;
    }
    if (!s->has_model) {
        s->has_model = true;
        s->model = object;
    } else if (!is_alike(t, s->model, object)) {
        s->is_mixed = true;
    }
}

static void apply_site(struct heap_types *t, const struct site *s,
                       uint32_t object)
{
    if (!s->has_model || s->is_mixed || types_is_known(t, object) ||
        heap_object_bytes(t->g, (object_id){object}) !=
            heap_object_bytes(t->g, (object_id){s->model})) {
        return;
    }
    struct typing y = types_get(t, s->model);
    y.source = TYPED_BY_SITE;
    y.count = y.form == FORM_VALUE ? 1 : UINT64_MAX;
    types_point_object(t, object, types_header(t, object), &y);
}

bool types_guess_sites(struct heap_types *t, struct err *err)
{
    const size_t n = heap_n_buckets(t->g);
    const struct heap_bucket *b = NULL;
    if (n == 0) {
        return true;
    }
    struct site *sites = calloc(n, sizeof(*sites));
    if (!sites) {
        return err_nomem(err, "types of objects");
    }
    const struct heap_bucket *first = heap_bucket_at(t->g, 0);
    for (size_t i = 0; i < heap_n_samples(t->g); i++) {
        const object_id o = heap_sample_at(t->g, i, &b);
        add_sample(t, &sites[b - first], o.i);
    }
    for (size_t i = 0; i < heap_n_samples(t->g); i++) {
        const object_id o = heap_sample_at(t->g, i, &b);
        apply_site(t, &sites[b - first], o.i);
    }
    free(sites);
    return types_drain(t, err);
}
