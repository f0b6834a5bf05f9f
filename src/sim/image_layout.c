/*
 * Types and globals derived from what scenarios say about their populations.
 * A member's struct gets a field for each member that it points to; what
 * room is left are integers. Types of the standard library that scenarios
 * name have their real fields.
 */
#include "sim/image_private.h"

#include <string.h>

#include "base/banned.h"

enum {
    WORD = 8,
    LEAST_WITH_HEADER = 512, /* larger objects with pointers have one */
    LARGEST_WITH_HEADER = 32768,
    TEXT_UNIT = 1 << 24,
    SEGMENT_START = 0x40
};

/* --- types by their text --- */

static const struct {
    const char *start;
    bool is_whole;
    struct sim_go_kind kind;
} kinds[] = {
    {"*",               false, {SIM_GO_POINTER, 8, 0}       },
    {"unsafe.Pointer",  true,  {SIM_GO_UNSAFE_POINTER, 8, 0}},
    {"string",          true,  {SIM_GO_STRING, 16, 0}       },
    {"[]",              false, {SIM_GO_SLICE, 24, 0}        },
    {"map[",            false, {SIM_GO_MAP, 8, 0}           },
    {"chan ",           false, {SIM_GO_CHAN, 8, 0}          },
    {"func(",           false, {SIM_GO_FUNC, 8, 0}          },
    {"interface {}",    true,  {SIM_GO_INTERFACE, 16, 8}    },
    {"error",           true,  {SIM_GO_INTERFACE, 16, 8}    },
    {"context.Context", true,  {SIM_GO_INTERFACE, 16, 8}    },
    {"int",             true,  {SIM_GO_INT, 8, SIM_NONE}    },
    {"uint8",           true,  {SIM_GO_UINT8, 1, SIM_NONE}  },
};

struct sim_go_kind sim_go_kind_of(const char *type)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const char *start = kinds[i].start;
        const bool is_it = kinds[i].is_whole
                               ? strcmp(type, start) == 0
                               : strncmp(type, start, strlen(start)) == 0;
        if (is_it) {
            return kinds[i].kind;
        }
    }
    return (struct sim_go_kind){0, 0, SIM_NONE};
}

/* What a field of a type of the standard library is for: what a scenario says
   hangs below goes into the CHILD fields, in the order of its members. */
enum use { PLAIN, CHILD, LINK };

#define CHILDREN "map[context.canceler]struct {}"

static const struct {
    const char *type, *name, *field_type;
    uint32_t offset;
    enum use use;
} known_fields[] = {
    {"context.valueCtx",  "Context",  "context.Context", 0,   LINK },
    {"context.valueCtx",  "key",      "interface {}",    16,  PLAIN},
    {"context.valueCtx",  "val",      "interface {}",    32,  CHILD},
    {"context.cancelCtx", "Context",  "context.Context", 0,   LINK },
    {"context.cancelCtx", "mu",       "int",             16,  PLAIN},
    {"context.cancelCtx", "done",     "interface {}",    24,  CHILD},
    {"context.cancelCtx", "children", CHILDREN,          40,  CHILD},
    {"context.cancelCtx", "err",      "error",           48,  CHILD},
    {"context.cancelCtx", "cause",    "error",           64,  PLAIN},
    {"context.timerCtx",  "Context",  "context.Context", 0,   LINK },
    {"context.timerCtx",  "mu",       "int",             16,  PLAIN},
    {"context.timerCtx",  "done",     "interface {}",    24,  CHILD},
    {"context.timerCtx",  "children", CHILDREN,          40,  CHILD},
    {"context.timerCtx",  "err",      "error",           48,  CHILD},
    {"context.timerCtx",  "cause",    "error",           64,  PLAIN},
    {"context.timerCtx",  "timer",    "*time.Timer",     80,  CHILD},
    {"context.timerCtx",  "deadline", "int",             88,  PLAIN},
    {"context.timerCtx",  "ext",      "int",             96,  PLAIN},
    {"context.timerCtx",  "loc",      "*time.Location",  104, PLAIN},
    {"list.Element",      "next",     "*list.Element",   0,   LINK },
    {"list.Element",      "prev",     "*list.Element",   8,   PLAIN},
    {"list.Element",      "list",     "*list.List",      16,  PLAIN},
    {"list.Element",      "Value",    "interface {}",    24,  CHILD},
    {"string",            "str",      "*uint8",          0,   CHILD},
    {"string",            "len",      "int",             8,   PLAIN},
};
enum { N_KNOWN = sizeof(known_fields) / sizeof(known_fields[0]) };

/* --- fields --- */

struct maker {
    struct sim_layout_of_program *l;
    const struct sim_population *p;
    struct sim_look *looks; /* of the population */
    uint32_t at, room;      /* of the struct being made */
    uint32_t first_field;
    bool has_failed;
};

static void add_field(struct maker *m, const char *name, const char *type,
                      uint32_t offset)
{
    const struct sim_field f = {name, type, offset};
    m->has_failed = m->has_failed || !name || !type ||
                    !sim_field_list_push(&m->l->fields, f);
}

/* "*main.User" -> "user", "[]uint8" -> "data"; numbered when taken. */
static const char *field_name(struct maker *m, const char *type)
{
    const char *dot = strrchr(type, '.');
    struct span base = dot ? span_of(dot + 1) : SPAN_LIT("data");
    if (strcmp(type, "string") == 0) {
        base = SPAN_LIT("Name");
    }
    unsigned n_same = 0;
    for (size_t i = m->first_field; i < m->l->fields.n; i++) {
        n_same += span_starts(span_of(m->l->fields.items[i].name), "data") ||
                          strcmp(m->l->fields.items[i].type, type) == 0
                      ? 1U
                      : 0U;
    }
    char *name =
        n_same ? arena_printf(&m->l->arena, "%.*s%u", (int)base.len, base.p,
                              n_same)
               : arena_printf(&m->l->arena, "%.*s", (int)base.len, base.p);
    if (name && name[0] >= 'A' && name[0] <= 'Z' && dot) {
        name[0] = (char)(name[0] - 'A' + 'a');
    }
    return name;
}

/* The type of a variable through which `child` is reached. */
static const char *field_type(struct maker *m, const struct sim_member *child)
{
    const char *type = child->type;
    if (!type) {
        return "string";
    }
    if (strcmp(type, "string") == 0) {
        return "interface {}";
    }
    const struct sim_go_kind kind = sim_go_kind_of(type);
    if (kind.kind == SIM_GO_SLICE || kind.kind == SIM_GO_MAP ||
        kind.kind == SIM_GO_CHAN || kind.kind == SIM_GO_FUNC) {
        return type;
    }
    return arena_printf(&m->l->arena, "*%s", type);
}

/* --- members --- */

/* Does it point back to its parent, so that a cycle has finalizers? */
static bool has_owner(const struct sim_population *p, unsigned member)
{
    const struct sim_member *m = &p->spec.members[member];
    return m->parent >= 0 && m->parent != (int)member &&
           sim_has_finalizer(&p->spec, member) &&
           sim_has_finalizer(&p->spec, (unsigned)m->parent);
}

static bool has_children(const struct sim_population *p, unsigned member)
{
    for (unsigned i = 0; i < p->spec.n_members; i++) {
        if (p->spec.members[i].parent == (int)member && i != member) {
            return true;
        }
    }
    return false;
}

static bool is_linked(const struct sim_population *p, unsigned member)
{
    return p->spec.container.kind == SIM_LIST &&
           p->spec.members[member].parent < 0;
}

/* A field for the child if there is room for one; else it has no holder. */
static void place_child(struct maker *m, unsigned child)
{
    const struct sim_member *c = &m->p->spec.members[child];
    struct sim_look *look = &m->looks[child];
    const char *type = field_type(m, c);
    look->is_spread = c->count > m->p->spec.members[c->parent].count;
    if (look->is_spread && type) {
        type = arena_printf(&m->l->arena, "[]%s", type);
    }
    struct sim_go_kind kind =
        type ? sim_go_kind_of(type) : (struct sim_go_kind){0};
    if (m->at + kind.bytes > m->room && m->at + WORD <= m->room) {
        type = "unsafe.Pointer";
        kind = sim_go_kind_of(type);
    }
    if (m->at + kind.bytes > m->room) {
        return;
    }
    add_field(m, type ? field_name(m, type) : NULL, type, m->at);
    look->held_offset = m->at + kind.pointer_offset;
    look->held_kind = kind.kind;
    m->at += kind.bytes;
}

static uint32_t add_type(struct maker *m, const char *name)
{
    const struct sim_type type = {
        .name = name,
        .bytes = m->room,
        .first_field = m->first_field,
        .n_fields = (uint32_t)m->l->fields.n - m->first_field,
    };
    m->has_failed =
        m->has_failed || !name || !sim_type_list_push(&m->l->types, type);
    return (uint32_t)m->l->types.n - 1;
}

static void place_owner(struct maker *m, unsigned member)
{
    if (!has_owner(m->p, member) || m->at + WORD > m->room) {
        return;
    }
    const int parent = m->p->spec.members[member].parent;
    const char *type = m->p->spec.members[parent].type;
    m->looks[member].owner_offset = m->at;
    add_field(m, "owner",
              type ? arena_printf(&m->l->arena, "*%s", type) : "unsafe.Pointer",
              m->at);
    m->at += WORD;
}

/* A struct of our own: number, link, owner, children, more numbers. */
static uint32_t make_struct(struct maker *m, unsigned member, const char *name)
{
    const bool links = is_linked(m->p, member);
    const uint32_t n_words = m->room / WORD;
    uint32_t n_needed = (links ? 1U : 0U) + (has_owner(m->p, member) ? 1U : 0U);
    for (unsigned i = 0; i < m->p->spec.n_members; i++) {
        n_needed += m->p->spec.members[i].parent == (int)member ? 3U : 0U;
    }
    if (n_words > n_needed) {
        add_field(m, "ID", "int", 0);
        m->at = WORD;
    }
    if (links && m->at + WORD <= m->room) {
        m->looks[member].link_offset = m->at;
        add_field(m, "next", arena_printf(&m->l->arena, "*%s", name), m->at);
        m->at += WORD;
    }
    place_owner(m, member);
    for (unsigned i = 0; i < m->p->spec.n_members; i++) {
        if (m->p->spec.members[i].parent == (int)member && i != member) {
            place_child(m, i);
        }
    }
    return add_type(m, name);
}

static void hold_known(struct maker *m, unsigned member, unsigned *child,
                       size_t row)
{
    const struct sim_population *p = m->p;
    while (
        *child < p->spec.n_members &&
        (p->spec.members[*child].parent != (int)member || *child == member)) {
        ++*child;
    }
    if (*child == p->spec.n_members) {
        return;
    }
    struct sim_look *look = &m->looks[*child];
    const struct sim_go_kind kind =
        sim_go_kind_of(known_fields[row].field_type);
    look->held_offset = known_fields[row].offset + kind.pointer_offset;
    look->held_kind = strcmp(known_fields[row].type, "string") == 0
                          ? (unsigned)SIM_GO_STRING
                          : kind.kind;
    look->is_spread =
        p->spec.members[*child].count > p->spec.members[member].count;
    ++*child;
}

/* A type of the standard library; false when it is none. */
static bool make_known(struct maker *m, unsigned member, uint32_t *type)
{
    const char *name = m->p->spec.members[member].type;
    unsigned child = 0;
    bool is_known = false;
    uint32_t end = 0;
    for (size_t row = 0; row < N_KNOWN; row++) {
        const struct sim_go_kind kind =
            sim_go_kind_of(known_fields[row].field_type);
        if (strcmp(known_fields[row].type, name) != 0 ||
            known_fields[row].offset + kind.bytes > m->room) {
            continue;
        }
        is_known = true;
        end = known_fields[row].offset + kind.bytes;
        add_field(m, known_fields[row].name, known_fields[row].field_type,
                  known_fields[row].offset);
        if (known_fields[row].use == LINK && is_linked(m->p, member)) {
            m->looks[member].link_offset =
                known_fields[row].offset + kind.pointer_offset;
        }
        if (known_fields[row].use == CHILD) {
            hold_known(m, member, &child, row);
        }
    }
    if (is_known) {
        m->room = end;
        *type = add_type(m, name);
    }
    return is_known;
}

/* Has an object of this member pointers at all? */
static bool is_scanned(const struct sim_population *p, unsigned member)
{
    const char *type = p->spec.members[member].type;
    if (has_children(p, member) || is_linked(p, member) ||
        has_owner(p, member)) {
        return true;
    }
    if (!type) {
        return false;
    }
    for (size_t row = 0; row < N_KNOWN; row++) {
        if (strcmp(known_fields[row].type, type) == 0) {
            return strcmp(type, "string") != 0;
        }
    }
    return false;
}

static void make_member(struct maker *m, unsigned member)
{
    const struct sim_world *w = m->l->world;
    const struct sim_member *of = &m->p->spec.members[member];
    struct sim_look *look = &m->looks[member];
    if (!is_scanned(m->p, member)) {
        return;
    }
    const uint64_t slot = w->buckets.items[m->p->buckets[member]].bytes;
    if (w->options.go >= SIM_GO_1_23 && slot > LEAST_WITH_HEADER &&
        slot <= LARGEST_WITH_HEADER) {
        look->header_bytes = WORD;
    }
    const uint64_t most = slot - look->header_bytes;
    m->room = (uint32_t)((of->bytes < most ? of->bytes : most) / WORD * WORD);
    m->at = 0;
    m->first_field = (uint32_t)m->l->fields.n;
    const char *name =
        of->type ? of->type
                 : arena_printf(&m->l->arena, "main.object%zu", m->l->types.n);
    if (of->type && make_known(m, member, &look->type)) {
        return;
    }
    look->type = make_struct(m, member, name);
}

static void make_population(struct sim_layout_of_program *l, size_t i,
                            bool *has_failed)
{
    struct maker m = {.l = l,
                      .p = &l->world->populations.items[i],
                      .looks = &l->looks[i * SIM_MEMBERS_MAX]};
    for (unsigned k = 0; k < SIM_MEMBERS_MAX; k++) {
        m.looks[k] = (struct sim_look){.type = SIM_NONE,
                                       .link_offset = SIM_NONE,
                                       .held_offset = SIM_NONE,
                                       .owner_offset = SIM_NONE,
                                       .finalizer = SIM_NONE};
    }
    for (unsigned k = 0; k < m.p->spec.n_members; k++) {
        make_member(&m, k);
    }
    *has_failed = *has_failed || m.has_failed;
}

/* --- globals --- */

static bool is_std_frame(const struct sim_world *w, uint32_t frame)
{
    return sim_function_is_std(sim_frame_function(&w->code, frame)->name);
}

/* Do two stacks share a function of the service? */
static bool share_function(const struct sim_world *w, sim_stack_id a,
                           sim_stack_id b)
{
    size_t n_a = 0;
    size_t n_b = 0;
    const uint32_t *x = sim_code_frames(&w->code, a, &n_a);
    const uint32_t *y = sim_code_frames(&w->code, b, &n_b);
    for (size_t i = 0; i < n_a; i++) {
        for (size_t k = 0; k < n_b && !is_std_frame(w, x[i]); k++) {
            if (sim_frame_function(&w->code, x[i]) ==
                sim_frame_function(&w->code, y[k])) {
                return true;
            }
        }
    }
    return false;
}

/* A population with a goroutine in a function that allocates our entries. */
static uint32_t find_goroutine(const struct sim_world *w,
                               const struct sim_population *p)
{
    for (size_t i = 0; i < w->populations.n; i++) {
        const struct sim_population *q = &w->populations.items[i];
        if (q->spec.n_goroutines > 0 && q->spec.life.kind == SIM_FOREVER &&
            share_function(w, p->spec.members[0].stack,
                           q->spec.goroutines[0].poses[0].stack)) {
            return (uint32_t)i;
        }
    }
    return SIM_NONE;
}

/* "encoding/json" of "encoding/json.(*Decoder).Decode". */
static struct span package_of(const char *function)
{
    const char *slash = strrchr(function, '/');
    const char *from = slash ? slash : function;
    const char *dot = strchr(from, '.');
    return (struct span){function,
                         dot ? (size_t)(dot - function) : strlen(function)};
}

/* Alive for a moment only: requests in hand and their garbage. */
static bool is_in_flight(const struct sim_population *p)
{
    const double moment_s = 1.0;
    return p->spec.life.kind == SIM_EXPONENTIAL &&
           p->spec.life.mean_s < moment_s &&
           p->spec.container.kind == SIM_NO_CONTAINER;
}

/* A name for what the scenario leaves open: package of the innermost function
   that is not of the runtime, and the population's name as an identifier. */
static const char *made_up_name(struct sim_layout_of_program *l,
                                const struct sim_population *p)
{
    const struct sim_world *w = l->world;
    struct span package = SPAN_LIT("main");
    if (is_in_flight(p)) {
        return arena_printf(&l->arena, "main.inFlight");
    }
    if (p->spec.n_members > 0) {
        size_t n = 0;
        const uint32_t *frames =
            sim_code_frames(&w->code, p->spec.members[0].stack, &n);
        for (size_t i = 0; i < n; i++) {
            const char *name = sim_frame_function(&w->code, frames[i])->name;
            if (strncmp(name, "runtime.", 8) != 0) {
                package = package_of(name);
                break;
            }
        }
    }
    char *name = arena_printf(&l->arena, "%.*s.%s", (int)package.len, package.p,
                              p->spec.name);
    for (char *c = name ? name + package.len + 1 : NULL; c && *c; c++) {
        const bool is_letter = (*c >= 'a' && *c <= 'z') ||
                               (*c >= 'A' && *c <= 'Z') ||
                               (*c >= '0' && *c <= '9');
        if (!is_letter) {
            *c = '_';
        }
    }
    return name;
}

/* Index of the global of that name, with one part more; added when new. */
static uint32_t add_global(struct sim_layout_of_program *l, const char *name,
                           const char *type, uint32_t *part)
{
    for (size_t i = 0; name && i < l->globals.n; i++) {
        if (strcmp(l->globals.items[i].name, name) == 0) {
            *part = l->globals.items[i].n_parts++;
            return (uint32_t)i;
        }
    }
    struct sim_go_kind kind =
        type ? sim_go_kind_of(type) : (struct sim_go_kind){0};
    if (kind.bytes == 0) { /* a named type: a struct with one slice */
        kind = sim_go_kind_of("[]unsafe.Pointer");
    }
    const struct sim_global g = {.name = name,
                                 .type = type,
                                 .part_bytes = kind.bytes,
                                 .n_parts = 1,
                                 .pointer_offset = kind.pointer_offset};
    *part = 0;
    if (!name || !type || !sim_globals_push(&l->globals, g)) {
        l->arena.has_failed = true;
        return SIM_NONE;
    }
    return (uint32_t)l->globals.n - 1;
}

/* What the global is declared as. A list whose elements are not those of
   container/list is reached by its first one. */
static const char *global_type(struct sim_layout_of_program *l, size_t i)
{
    const struct sim_population_spec *s = &l->world->populations.items[i].spec;
    const struct sim_look *look = sim_layout_look(l, i, 0);
    const bool is_list = s->container.kind == SIM_LIST && s->n_members > 0 &&
                         look->type != SIM_NONE;
    if (is_list &&
        strcmp(l->types.items[look->type].name, "list.Element") != 0 &&
        (!s->global || strcmp(s->global_type, "*list.List") == 0)) {
        return arena_printf(&l->arena, "*%s", l->types.items[look->type].name);
    }
    if (s->global && s->global_type) {
        return s->global_type;
    }
    if (s->container.kind == SIM_MAP) {
        return "map[string]unsafe.Pointer";
    }
    return "[]unsafe.Pointer";
}

/* Entries whose roots all have finalizers and are pointed to by something
   that has one as well. */
static bool is_by_finalizer(const struct sim_layout_of_program *l, size_t i)
{
    const struct sim_population_spec *s = &l->world->populations.items[i].spec;
    if (s->global || s->n_goroutines > 0 || s->n_members == 0 ||
        s->container.kind != SIM_NO_CONTAINER) {
        return false;
    }
    for (unsigned m = 0; m < s->n_members; m++) {
        bool has_back = s->members[m].parent >= 0;
        for (unsigned k = 0; k < s->n_members; k++) {
            has_back = has_back ||
                       (s->members[k].parent == (int)m && k != m &&
                        s->members[k].count >= s->members[m].count &&
                        sim_layout_look(l, i, k)->owner_offset != SIM_NONE);
        }
        if (!has_back) {
            return false;
        }
    }
    return true;
}

static void hold_population(struct sim_layout_of_program *l, size_t i)
{
    const struct sim_population *p = &l->world->populations.items[i];
    const struct sim_population_spec *s = &p->spec;
    struct sim_holding *h = &l->holdings[i];
    *h = (struct sim_holding){.global = SIM_NONE, .population = SIM_NONE};
    h->is_by_own = !s->global && s->n_goroutines > 0 &&
                   s->container.kind == SIM_NO_CONTAINER;
    h->is_by_finalizer = is_by_finalizer(l, i);
    if (h->is_by_own || h->is_by_finalizer ||
        (s->n_members == 0 && s->container.kind == SIM_NO_CONTAINER)) {
        return;
    }
    const bool is_open = !s->global && s->container.kind != SIM_NO_CONTAINER;
    if (is_open && s->n_members > 0) {
        h->population = find_goroutine(l->world, p);
    }
    h->type = global_type(l, i);
    h->global = add_global(l, s->global ? s->global : made_up_name(l, p),
                           h->type, &h->part);
}

/* --- addresses --- */

static uint64_t round_up(uint64_t v, uint64_t unit)
{
    return (v + unit - 1) / unit * unit;
}

static void lay_out_text(struct sim_layout_of_program *l)
{
    const struct sim_functions *f = &l->world->code.functions;
    l->text = 0x401000;
    uint64_t last = l->text;
    for (size_t i = 0; i < f->n; i++) {
        last = f->items[i].entry > last ? f->items[i].entry : last;
    }
    /* In steps, so that a function more does not move what follows. */
    l->text_end = round_up(last + 0x1000, TEXT_UNIT);
    l->types_start = l->text_end + 0x1000;
}

static void lay_out_segments(struct sim_layout_of_program *l)
{
    const uint64_t page = 0x1000;
    l->itabs = round_up(l->types_end, SIM_ITAB_BYTES);
    l->rodata_end = l->itabs + l->types.n * (uint64_t)SIM_ITAB_BYTES;
    l->noptrdata = round_up(l->rodata_end, page) + page;
    l->noptrdata_end = l->noptrdata + page;
    l->data = l->noptrdata_end;
    l->data_end = l->data + page;
    l->bss = round_up(l->data_end, page) + SEGMENT_START;
    uint64_t at = l->bss;
    for (size_t i = 0; i < l->globals.n; i++) {
        struct sim_global *g = &l->globals.items[i];
        g->address = at;
        at += (uint64_t)g->part_bytes * g->n_parts;
        at = round_up(at, 2 * (uint64_t)WORD);
    }
    /* Behind the globals room for the gs that are not on the heap. */
    l->bss_end = at + page;
}

bool sim_layout_make(struct sim_layout_of_program *l, const struct sim_world *w,
                     struct err *err)
{
    *l = (struct sim_layout_of_program){.world = w};
    const size_t n = w->populations.n;
    l->looks = arena_new(&l->arena, struct sim_look, n * SIM_MEMBERS_MAX + 1);
    l->holdings = arena_new(&l->arena, struct sim_holding, n + 1);
    l->array_types = arena_new(&l->arena, uint64_t, n + 1);
    bool has_failed = !l->looks || !l->holdings || !l->array_types;
    lay_out_text(l);
    uint32_t part = 0;
    for (size_t i = 0; !has_failed && i < n; i++) {
        make_population(l, i, &has_failed);
    }
    for (size_t i = 0; !has_failed && i < n; i++) {
        hold_population(l, i);
    }
    l->all_gs = add_global(l, "runtime.allgs", "[]*runtime.g", &part);
    l->rest = add_global(l, "main.retained", "[]unsafe.Pointer", &part);
    if (has_failed || l->arena.has_failed) {
        sim_layout_release(l);
        return err_nomem(err, "the layout of a simulated program");
    }
    if (!sim_layout_finalizers(l, err) || !sim_layout_records(l, err)) {
        sim_layout_release(l);
        return false;
    }
    lay_out_segments(l);
    return true;
}

void sim_layout_release(struct sim_layout_of_program *l)
{
    sim_field_list_release(&l->fields);
    sim_type_list_release(&l->types);
    sim_globals_release(&l->globals);
    sim_finalizers_release(&l->finalizers);
    buf_release(&l->record_bytes);
    intern_release(&l->records.texts);
    sim_runtime_types_release(&l->records.types);
    sim_type_parts_release(&l->records.parts);
    vec_u32_release(&l->records.pointers);
    arena_release(&l->arena);
    *l = (struct sim_layout_of_program){0};
}
