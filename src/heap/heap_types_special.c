/*
 * What types do not say: pointers that are declared as unsafe.Pointer, arrays
 * whose length is another field, structs that lie at the begin of larger ones,
 * and which structures of the runtime are parts of which map or channel.
 */
#include "heap/heap_types_private.h"

#include "base/banned.h"

/* --- fields that say less than they hold --- */

struct special_row {
    const char *type, *field;
    enum step_kind kind;
    const char *target; /* NULL: an interface says it itself */
};
/* clang-format off */
static const struct special_row special_rows[] = {
    {"sync.Pool",          "local",  STEP_SIZED,     "sync.poolLocal"},
    {"sync.Pool",          "victim", STEP_SIZED,     "sync.poolLocal"},
    {"sync.eface",         "typ",    STEP_ANY,       NULL},
    {"runtime.eface",      "_type",  STEP_ANY,       NULL},
    {"runtime.iface",      "tab",    STEP_INTERFACE, NULL},
    {"sync.entry",         "p",      STEP_POINTER,   "interface {}"},
    {"sync.notifyList",    "head",   STEP_POINTER,   "runtime.sudog"},
    {"sync.notifyList",    "tail",   STEP_POINTER,   "runtime.sudog"},
    {"runtime.g",          "labels", STEP_POINTER,   "pprof.labelMap"},
    {"runtime.timeTimer",  "c",      STEP_CHANNEL,   "chan time.Time"},
};
/* clang-format on */

static const struct special_row *row_of(const char *type, const char *field)
{
    for (size_t i = 0; i < sizeof(special_rows) / sizeof(special_rows[0]);
         i++) {
        const struct special_row *r = &special_rows[i];
        if (strcmp(r->field, field) == 0 && strcmp(r->type, type) == 0) {
            return r;
        }
    }
    return NULL;
}

static bool add_row(struct heap_types *t, const struct special_row *r,
                    uint64_t at)
{
    struct type_step s = {.kind = r->kind, .offset = at, .type = UINT32_MAX};
    if (r->target) {
        s.type = binary_type_named(t->b, r->target).i;
        if (s.type == UINT32_MAX) {
            return false;
        }
    }
    return types_add_step(t, s);
}

/* What an atomic.Pointer[T] points to: it has an empty array of *T beside. A
   weak pointer looks the same, and leads elsewhere. */
static const struct go_type *atomic_target(const struct heap_types *t,
                                           const struct go_type *g)
{
    for (size_t i = 0; i < g->n_fields; i++) {
        const struct go_type *f = binary_type(t->b, g->fields[i].type);
        const struct go_type *p = f && f->kind == GO_ARRAY && f->n_elements == 0
                                      ? binary_type(t->b, f->element)
                                      : NULL;
        if (p && p->kind == GO_POINTER) {
            return strncmp(g->name, "weak.", 5) == 0 ? NULL : p;
        }
    }
    return NULL;
}

/* --- parts of maps and channels --- */

static bool add_directory(struct heap_types *t, uint32_t map, uint64_t at)
{
    const struct map_layout *l = types_map_layout(t, map);
    return l && l->is_swiss && l->length_at > l->directory_at &&
           types_add_step(
               t, (struct type_step){.kind = STEP_DIRECTORY,
                                     .offset = at,
                                     .count = l->length_at - l->directory_at,
                                     .type = map});
}

static bool add_buffer(struct heap_types *t, const struct type_owner *o,
                       const struct go_field *buf, uint32_t layout, uint64_t at)
{
    const struct go_field *size = types_field(t, layout, "dataqsiz");
    return size && size->offset < buf->offset &&
           types_add_step(
               t, (struct type_step){.kind = STEP_BUFFER,
                                     .offset = at,
                                     .count = buf->offset - size->offset,
                                     .type = o->type});
}

bool types_special_field(struct heap_types *t, uint32_t type,
                         const struct go_field *f, uint64_t at)
{
    const struct go_type *g = binary_type(t->b, (type_id){type});
    const struct go_type *kind = binary_type(t->b, f->type);
    const struct type_owner o = types_owner(t, type);
    const struct special_row *row = row_of(g->name, f->name);
    if (!kind) {
        return false;
    }
    if (row) {
        return add_row(t, row, at);
    }
    if (o.form == FORM_MAP && strcmp(f->name, "dirPtr") == 0) {
        return add_directory(t, o.type, at);
    }
    if (kind->kind != GO_UNSAFE_POINTER) {
        return false;
    }
    if (o.form == FORM_CHANNEL && strcmp(f->name, "buf") == 0) {
        return add_buffer(t, &o, f, type, at);
    }
    const struct go_type *target = atomic_target(t, g);
    if (target) {
        types_add_pointer(t, target, at);
    }
    return target != NULL;
}

/* --- owners --- */

struct type_owner types_owner(const struct heap_types *t, uint32_t type)
{
    return type < t->owners.n ? t->owners.items[type] : TYPE_OWNER_NONE;
}

/* Maps with a name of their own share the structures of those without. */
static bool is_preferred(const struct heap_types *t, uint32_t owner)
{
    const struct go_type *g = binary_type(t->b, (type_id){owner});
    return g && !strstr(g->name, "go.shape.") &&
           (strncmp(g->name, "map[", 4) == 0 ||
            strncmp(g->name, "chan ", 5) == 0);
}

static void set_owner(struct heap_types *t, uint32_t type, uint32_t owner,
                      enum object_form form)
{
    if (type >= binary_n_types(t->b)) {
        return;
    }
    while (t->owners.n <= type) {
        if (!type_owners_push(&t->owners, TYPE_OWNER_NONE)) {
            t->is_out_of_memory = true;
            return;
        }
    }
    struct type_owner *o = &t->owners.items[type];
    if (o->form == FORM_VALUE ||
        (is_preferred(t, owner) && !is_preferred(t, o->type))) {
        *o = (struct type_owner){owner, form};
    }
}

/* Of channels of one element that which has no name and no direction. */
static void set_channel(struct heap_types *t, const struct go_type *g,
                        uint32_t type)
{
    struct vec_u32 *of = &t->channel_of;
    if (g->element.i >= binary_n_types(t->b)) {
        return;
    }
    while (of->n <= g->element.i) {
        if (!vec_u32_push(of, UINT32_MAX)) {
            t->is_out_of_memory = true;
            return;
        }
    }
    if (of->items[g->element.i] == UINT32_MAX || is_preferred(t, type)) {
        of->items[g->element.i] = type;
    }
}

void types_find_owner(struct heap_types *t, uint32_t type)
{
    const struct go_type *g = binary_type(t->b, (type_id){type});
    if (g && g->kind == GO_CHAN) {
        set_owner(t, g->layout.i, type, FORM_CHANNEL);
        set_channel(t, g, type);
    }
    if (!g || g->kind != GO_MAP || types_map_layout(t, type)) {
        return;
    }
    const struct map_layout *l = types_read_layout(t, type);
    if (l) {
        set_owner(t, l->header, type, FORM_MAP);
        set_owner(t, l->bucket, type, FORM_MAP_BUCKETS);
        set_owner(t, l->table, type, FORM_MAP_TABLE);
    }
}

void types_find_owners(struct heap_types *t)
{
    for (uint32_t i = 0; i < binary_n_types(t->b); i++) {
        types_find_owner(t, i);
    }
}

uint32_t types_channel_of(struct heap_types *t, uint64_t runtime_type)
{
    const type_id element = binary_type_of_runtime(t->b, runtime_type);
    return element.i < t->channel_of.n ? t->channel_of.items[element.i]
                                       : UINT32_MAX;
}

/* --- values that the runtime allocates within larger ones --- */

uint32_t types_whole(const struct heap_types *t, uint32_t type)
{
    const struct go_type *g = binary_type(t->b, (type_id){type});
    if (g && (strcmp(g->name, "time.Timer") == 0 ||
              strcmp(g->name, "time.Ticker") == 0)) {
        const type_id whole = binary_type_named(t->b, "runtime.timeTimer");
        if (types_bytes(t, whole.i) > g->bytes) {
            return whole.i;
        }
    }
    return type;
}
