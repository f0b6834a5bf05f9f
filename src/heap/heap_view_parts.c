/*
 * All strings and slices there are: only their headers know how much of an
 * array is in use. Where headers lie in a type is found once for each type;
 * objects of it are then read without looking at the type again.
 */
#include "heap/heap_types_private.h"
#include "heap/heap_view_private.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

/* Of one value. What has more is an array of arrays; its headers beyond are
   not looked at. */
enum { HEADERS_MAX = 4096, NESTING_MAX = 64 };

struct header {
    uint64_t offset;
    uint64_t element_bytes;
    bool is_string;
};
VEC_TYPE(headers, struct header)

/* Headers of a type: [first, first + n). */
struct plan {
    uint32_t first, n;
    bool is_made;
};

struct reading {
    struct heap_view *v;
    struct headers headers;
    struct plan *plans; /* by type */
    size_t n_plans;
    bool (*take)(void *ctx, const struct view_part *p, struct err *err);
    void *ctx;
};

/* --- plans --- */

/* A type whose parts are being listed, and the next of them. */
struct nested {
    const struct go_type *type;
    uint64_t offset, next;
};

static const struct go_type *type_of(const struct reading *r, type_id t)
{
    return t.i != TYPE_NONE.i ? binary_type(r->v->f.binary, t) : NULL;
}

static bool add_header(struct reading *r, const struct go_type *t,
                       uint64_t offset)
{
    const struct go_type *element = type_of(r, t->element);
    const struct header h = {.offset = offset,
                             .element_bytes = t->kind == GO_STRING ? 1
                                              : element ? element->bytes
                                                        : 0,
                             .is_string = t->kind == GO_STRING};
    return h.element_bytes == 0 || headers_push(&r->headers, h);
}

static bool has_parts(const struct go_type *t)
{
    return t->kind == GO_STRUCT || t->kind == GO_CLOSURE || t->kind == GO_ARRAY;
}

/* The next part of what is on top; false when there is none. */
static bool next_part(const struct reading *r, struct nested *top,
                      const struct go_type **part, uint64_t *offset)
{
    const struct go_type *t = top->type;
    if (t->kind == GO_ARRAY) {
        *part = type_of(r, t->element);
        if (!*part || (*part)->bytes == 0 || top->next >= t->n_elements) {
            return false;
        }
        *offset = top->offset + top->next++ * (*part)->bytes;
        return true;
    }
    while (top->next < t->n_fields) {
        const struct go_field *f = &t->fields[top->next++];
        *part = type_of(r, f->type);
        *offset = top->offset + f->offset;
        if (*part) {
            return true;
        }
    }
    return false;
}

static bool list_headers(struct reading *r, const struct go_type *t)
{
    enum { PARTS_MAX = 1 << 16 }; /* looked at, headers or not */
    const size_t first = r->headers.n;
    struct nested stack[NESTING_MAX] = {
        {t, 0, 0}
    };
    unsigned n = 1;
    for (unsigned i = 0;
         n > 0 && i < PARTS_MAX && r->headers.n - first < HEADERS_MAX; i++) {
        const struct go_type *part = NULL;
        uint64_t offset = 0;
        if (!next_part(r, &stack[n - 1], &part, &offset)) {
            n--;
        } else if (part->kind == GO_STRING || part->kind == GO_SLICE) {
            if (!add_header(r, part, offset)) {
                return false;
            }
        } else if (has_parts(part) && n < NESTING_MAX) {
            stack[n++] = (struct nested){part, offset, 0};
        }
    }
    return true;
}

static bool make_plan(struct reading *r, type_id id, struct err *err)
{
    const size_t n_types = binary_n_types(r->v->f.binary);
    if (id.i >= r->n_plans) {
        const size_t n = n_types > id.i ? n_types : id.i + (size_t)1;
        struct plan *bigger = calloc(n, sizeof *bigger);
        if (!bigger) {
            return err_nomem(err, "strings and slices");
        }
        if (r->n_plans > 0) {
            memcpy(bigger, r->plans, r->n_plans * sizeof *bigger);
        }
        free(r->plans);
        r->plans = bigger;
        r->n_plans = n;
    }
    if (r->plans[id.i].is_made) {
        return true;
    }
    const struct go_type *t = type_of(r, id);
    const size_t first = r->headers.n;
    bool ok = true;
    if (t && (t->kind == GO_STRING || t->kind == GO_SLICE)) {
        ok = add_header(r, t, 0);
    } else if (t && has_parts(t)) {
        ok = list_headers(r, t);
    }
    if (!ok || r->headers.n > UINT32_MAX) {
        return err_nomem(err, "strings and slices");
    }
    r->plans[id.i] =
        (struct plan){(uint32_t)first, (uint32_t)(r->headers.n - first), true};
    return true;
}

/* --- reading --- */

static bool read_header(const struct reading *r, const struct header *h,
                        struct span contents, uint64_t offset, struct err *err)
{
    const struct heap_graph *g = r->v->f.graph;
    const unsigned word = heap_graph_about(g)->pointer_bytes;
    const uint64_t length = heap_word(g, contents, offset + word);
    const uint64_t capacity =
        h->is_string ? length
                     : heap_word(g, contents, offset + 2 * (uint64_t)word);
    struct view_part p = {.address = heap_word(g, contents, offset),
                          .element_bytes = h->element_bytes,
                          .is_string = h->is_string};
    /* Memory that is not initialised looks like anything. */
    if (p.address == 0 || capacity == 0 || length > capacity ||
        capacity > UINT64_MAX / 4 / h->element_bytes) {
        return true;
    }
    p.used_bytes = length * h->element_bytes;
    p.room_bytes = capacity * h->element_bytes;
    return r->take(r->ctx, &p, err);
}

static bool read_values(struct reading *r, struct span contents, uint64_t at,
                        type_id id, uint64_t count, struct err *err)
{
    if (!make_plan(r, id, err)) {
        return false;
    }
    const struct plan plan = r->plans[id.i];
    const struct go_type *t = type_of(r, id);
    if (plan.n == 0 || t->bytes == 0) {
        return true;
    }
    assert(r->headers.items);
    for (uint64_t i = 0; i < count && at < contents.len; i++) {
        for (uint32_t k = 0; k < plan.n; k++) {
            const struct header *h = &r->headers.items[plan.first + k];
            if (!read_header(r, h, contents, at + h->offset, err)) {
                return false;
            }
        }
        at += t->bytes;
    }
    return true;
}

type_id view_scan_type(const struct heap_view *v, object_id o,
                       struct object_type *t)
{
    if (!v->f.types || !v->f.binary) {
        return TYPE_NONE;
    }
    *t = heap_type_of(v->f.types, o);
    if (t->type.i == TYPE_NONE.i || t->form == FORM_STRING_BYTES ||
        t->form == FORM_PART) {
        return TYPE_NONE;
    }
    return (type_id){types_scan(v->f.types, t->type.i, t->form)};
}

static bool read_objects(struct reading *r, struct err *err)
{
    const uint32_t n = heap_n_objects(r->v->f.graph);
    for (uint32_t i = 0; i < n; i++) {
        const object_id o = {i};
        struct object_type t;
        if (!view_is_reachable(r->v, o)) {
            continue;
        }
        const type_id id = view_scan_type(r->v, o, &t);
        if (id.i != TYPE_NONE.i &&
            !read_values(r, heap_object_contents(r->v->f.graph, o),
                         t.header_bytes, id, t.count, err)) {
            return false;
        }
    }
    return true;
}

static bool read_variable(struct reading *r, const struct root_group *group,
                          struct err *err)
{
    const struct heap_about *about = heap_graph_about(r->v->f.graph);
    const struct go_variable *variable =
        group->kind == ROOT_GLOBAL
            ? binary_variable_at(r->v->f.binary, group->address)
            : NULL;
    if (!variable || variable->type.i == TYPE_NONE.i) {
        return true;
    }
    const bool is_bss =
        variable->address >= about->bss_address &&
        variable->address - about->bss_address < about->bss_bytes;
    const struct span segment = heap_segment(r->v->f.graph, is_bss);
    const uint64_t begin = is_bss ? about->bss_address : about->data_address;
    if (variable->address < begin || variable->address - begin >= segment.len) {
        return true;
    }
    return read_values(r, segment, variable->address - begin, variable->type, 1,
                       err);
}

bool view_parts(struct heap_view *v,
                bool (*take)(void *ctx, const struct view_part *p,
                             struct err *err),
                void *ctx, struct err *err)
{
    struct reading r = {.v = v, .take = take, .ctx = ctx};
    if (!v->f.types || !v->f.binary) {
        return true;
    }
    bool ok = read_objects(&r, err);
    for (uint32_t i = 0; ok && i < heap_n_groups(v->f.graph); i++) {
        ok = read_variable(&r, heap_group(v->f.graph, i), err);
    }
    headers_release(&r.headers);
    free(r.plans);
    return ok;
}

/* --- one array --- */

struct asked {
    const struct heap_graph *graph;
    object_id array;
    bool is_found;
    struct view_slice *out;
};

static bool take_header(void *ctx, const struct view_part *p, struct err *err)
{
    struct asked *a = ctx;
    (void)err;
    if (heap_object_at(a->graph, p->address).i == a->array.i &&
        (!a->is_found || p->used_bytes / p->element_bytes > a->out->n_used)) {
        a->is_found = true;
        *a->out =
            (struct view_slice){.n_used = p->used_bytes / p->element_bytes,
                                .capacity = p->room_bytes / p->element_bytes,
                                .element_bytes = p->element_bytes};
    }
    return true;
}

bool heap_view_slice_of(struct heap_view *v, object_id array,
                        struct view_slice *out, bool *is_found, struct err *err)
{
    *out = (struct view_slice){0};
    struct asked a = {.graph = v->f.graph, .array = array, .out = out};
    const bool ok = view_parts(v, take_header, &a, err);
    *is_found = a.is_found;
    return ok;
}
