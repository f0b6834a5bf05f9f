/*
 * Who holds what from outside of the heap, in groups that have a name: a
 * variable, a goroutine; heap_graph_roots_rest.c has the others.
 */
#include "heap/heap_graph_roots_private.h"

#include "base/banned.h"

bool root_begin_group(struct root_builder *b, struct root_group group,
                      struct err *err)
{
    struct heap_graph *g = b->g;
    if (!group.name) {
        return err_nomem(err, "names of a heap dump");
    }
    if (g->groups.n >= UINT32_MAX - 1) {
        return err_set(err, ERR_LIMIT, "too many holders");
    }
    group.first_root = g->roots.n;
    return graph_take(&g->budget, strlen(group.name) + 1, err) &&
           graph_groups_add(&g->groups, group, &g->budget, err);
}

void root_end_group(struct root_builder *b)
{
    struct root_group *group = &b->g->groups.items[b->g->groups.n - 1];
    group->n_roots = b->g->roots.n - group->first_root;
}

void root_end_group_if_any(struct root_builder *b)
{
    root_end_group(b);
    if (b->g->groups.items[b->g->groups.n - 1].n_roots == 0) {
        b->g->groups.n--;
    }
}

bool root_add(struct root_builder *b, uint64_t slot, uint64_t value,
              uint32_t frame, bool is_conservative, struct err *err)
{
    struct heap_graph *g = b->g;
    struct heap_root r = {.group = (uint32_t)g->groups.n - 1,
                          .address = slot,
                          .frame = frame,
                          .is_conservative = is_conservative};
    r.object.i = graph_lookup(&g->spans, value, &r.interior_bytes);
    if (r.object.i == UINT32_MAX) {
        return true;
    }
    g->about.n_conservative += is_conservative;
    return graph_roots_add(&g->roots, r, &g->budget, err);
}

bool root_add_object(struct root_builder *b, object_id o, struct err *err)
{
    struct heap_graph *g = b->g;
    const struct heap_root r = {
        .group = (uint32_t)g->groups.n - 1, .object = o, .frame = UINT32_MAX};
    return graph_roots_add(&g->roots, r, &g->budget, err);
}

bool root_points_to_object(const struct heap_graph *g, uint64_t value)
{
    uint64_t interior = 0;
    return graph_lookup(&g->spans, value, &interior) != UINT32_MAX;
}

/* --- segments --- */

static bool covers(const struct graph_symbol *s, uint64_t address)
{
    return address >= s->address && address - s->address < s->bytes;
}

/* The symbol that `address` is in, NULL when none. Symbols that mark the
   begin of a segment lie on others and have no bytes. */
static const struct graph_symbol *find_symbol(struct root_builder *b,
                                              uint64_t address)
{
    enum { OVERLAPPING_MAX = 8 };
    const struct graph_build *o = b->build;
    if (b->symbol < o->n_symbols && covers(&o->symbols[b->symbol], address)) {
        return &o->symbols[b->symbol];
    }
    size_t low = 0;
    size_t high = o->n_symbols;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (o->symbols[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (unsigned i = 0; i < OVERLAPPING_MAX && low > 0; i++) {
        if (covers(&o->symbols[--low], address)) {
            b->symbol = low;
            return &o->symbols[low];
        }
    }
    return NULL;
}

/* The group of the slot at `address`: the last one goes on, or a new one.
   Without a symbol each slot is one: most variables are one word, and too many
   holders tell more than two under one name. */
static bool choose_group(struct root_builder *b, const struct graph_segment *s,
                         uint64_t address, bool *is_open, struct err *err)
{
    struct heap_graph *g = b->g;
    if (*is_open) {
        const struct root_group *last = &g->groups.items[g->groups.n - 1];
        if (address >= last->address && address - last->address < last->bytes) {
            return true;
        }
        root_end_group(b);
    }
    *is_open = true;
    struct root_group group = {.kind = ROOT_GLOBAL,
                               .address = address,
                               .bytes = g->about.pointer_bytes,
                               .goroutine = UINT32_MAX};
    const struct graph_symbol *symbol = find_symbol(b, address);
    if (symbol) {
        group.name = arena_strdup(&g->arena, span_of(symbol->name));
        group.address = symbol->address;
        group.bytes = symbol->bytes;
    } else {
        group.name =
            arena_printf(&g->arena, "%s+0x%llx", s->is_bss ? "bss" : "data",
                         (unsigned long long)(address - s->address));
    }
    return root_begin_group(b, group, err);
}

static bool add_segment(struct root_builder *b, const struct graph_segment *s,
                        struct err *err)
{
    struct heap_graph *g = b->g;
    struct dump_cursor c = {(const uint8_t *)s->fields.p,
                            (const uint8_t *)s->fields.p + s->fields.len,
                            false};
    bool is_open = false;
    uint64_t offset = 0;
    while (dump_field(&c, g->about.pointer_bytes, &offset)) {
        const uint64_t value = heap_word(g, s->contents, offset);
        if (!root_points_to_object(g, value)) {
            continue;
        }
        const uint64_t address = s->address + offset;
        if (!choose_group(b, s, address, &is_open, err) ||
            !root_add(b, address, value, UINT32_MAX, false, err)) {
            return false;
        }
    }
    if (is_open) {
        root_end_group(b);
    }
    return true;
}

static bool add_segments(struct root_builder *b, struct err *err)
{
    for (size_t i = 0; i < b->g->segments.n; i++) {
        if (!add_segment(b, &b->g->segments.items[i], err)) {
            return false;
        }
    }
    return true;
}

/* --- goroutines --- */

static bool is_named(const struct graph_frame *f, const char *name)
{
    return strcmp(f->function, name) == 0;
}

/* The frame was stopped at any instruction, so that its map of pointers may
   not hold: above runtime.asyncPreempt and the debugger's calls Go takes each
   word for one. */
static bool was_interrupted(const struct heap_graph *g, uint32_t frame)
{
    const struct graph_frame *f = &g->frames.items[frame];
    if (frame == 0 || f[-1].goroutine != f->goroutine) {
        return false;
    }
    return is_named(f - 1, "runtime.asyncPreempt") ||
           strncmp(f[-1].function, "runtime.debugCall", 17) == 0;
}

static bool add_words(struct root_builder *b, uint32_t i, struct span contents,
                      struct err *err)
{
    const struct graph_frame *f = &b->g->frames.items[i];
    const unsigned step = b->g->about.pointer_bytes;
    for (uint64_t offset = 0; offset + step <= contents.len; offset += step) {
        if (!root_add(b, f->sp + offset, heap_word(b->g, contents, offset), i,
                      true, err)) {
            return false;
        }
    }
    return true;
}

bool root_add_frame(struct root_builder *b, uint32_t i, struct err *err)
{
    struct heap_graph *g = b->g;
    const struct graph_frame *f = &g->frames.items[i];
    const struct span contents = heap_frame_contents(g, i);
    if (was_interrupted(g, i)) {
        return add_words(b, i, contents, err);
    }
    /* It saves registers, pointers or not. */
    const bool is_conservative = is_named(f, "runtime.asyncPreempt");
    struct dump_fields fields = heap_frame_fields(g, i);
    uint64_t offset = 0;
    while (dump_fields_next(&fields, &offset)) {
        if (!root_add(b, f->sp + offset, heap_word(g, contents, offset), i,
                      is_conservative, err)) {
            return false;
        }
    }
    return true;
}

static bool add_goroutine(struct root_builder *b, uint32_t i, size_t *next_pin,
                          struct err *err)
{
    struct heap_graph *g = b->g;
    struct graph_goroutine *r = &g->goroutines.items[i];
    r->group = (uint32_t)g->groups.n;
    const struct root_group group = {
        .kind = ROOT_GOROUTINE, .name = "", .goroutine = i};
    if (!root_begin_group(b, group, err) ||
        !root_add(b, 0, r->address, UINT32_MAX, false, err)) {
        return false;
    }
    /* Pins come in the order of goroutines, orphans between them. */
    while (*next_pin < g->pins.n &&
           (g->pins.items[*next_pin].goroutine <= i ||
            g->pins.items[*next_pin].goroutine == UINT32_MAX)) {
        const struct graph_pin *p = &g->pins.items[(*next_pin)++];
        if (p->goroutine == i &&
            !root_add(b, 0, p->address, UINT32_MAX, false, err)) {
            return false;
        }
    }
    for (uint32_t k = 0; k < r->n_frames; k++) {
        if (!root_add_frame(b, r->first_frame + k, err)) {
            return false;
        }
    }
    root_end_group(b);
    return true;
}

static bool add_goroutines(struct root_builder *b, struct err *err)
{
    size_t next_pin = 0;
    for (uint32_t i = 0; i < b->g->goroutines.n; i++) {
        if (!add_goroutine(b, i, &next_pin, err)) {
            return false;
        }
    }
    return true;
}

/* --- all of them --- */

bool graph_roots_build(struct graph_build *build, struct err *err)
{
    struct root_builder b = {.build = build, .g = build->g, .symbol = SIZE_MAX};
    return graph_look(build, "roots", 0, err) && add_segments(&b, err) &&
           root_take_list_apart(&b, err) && add_goroutines(&b, err) &&
           root_add_rest(&b, err) && graph_reach(build, 0, err) &&
           root_add_words(&b, err) && root_add_unreached(&b, err);
}
