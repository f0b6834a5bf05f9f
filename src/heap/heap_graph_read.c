/*
 * What the records of a dump leave behind: objects go into spans at once, the
 * rest is kept until all objects are known. A frame belongs to the goroutine
 * before it, unless records between were lost.
 */
#include "base/sort.h"
#include "heap/heap_graph_private.h"

#include "base/banned.h"

/* Records between two looks at the wish to stop: some milliseconds. */
enum { RECORDS_PER_LOOK = 1 << 16 };

static bool look(struct graph_build *b, uint64_t offset, struct err *err)
{
    if (b->n_until_look > 0) {
        b->n_until_look--;
        return true;
    }
    b->n_until_look = RECORDS_PER_LOOK;
    return graph_look(b, "reading", (double)offset / (double)b->g->bytes.len,
                      err);
}

/* Text of the dump, kept once however often it comes. NULL: see err. */
static const char *keep(struct graph_build *b, struct span text,
                        struct err *err)
{
    struct heap_graph *g = b->g;
    const size_t n = intern_count(&g->names);
    uint32_t id = 0;
    if (!intern_add(&g->names, text, &id, err)) {
        return NULL;
    }
    if (intern_count(&g->names) > n &&
        !graph_take(&g->budget, text.len + sizeof(struct intern_entry), err)) {
        return NULL;
    }
    return intern_text(&g->names, id);
}

static bool on_params(void *ctx, const struct heap_params *p, struct err *err)
{
    struct graph_build *b = ctx;
    struct heap_about *a = &b->g->about;
    a->is_big_endian = p->is_big_endian;
    a->pointer_bytes = p->pointer_bytes;
    b->arena_start = p->arena_start;
    b->arena_end = p->arena_end;
    span_builder_params(&b->spans, p);
    a->arch = keep(b, p->arch, err);
    a->build = a->arch ? keep(b, p->build, err) : NULL;
    return a->build != NULL;
}

static bool on_object(void *ctx, const struct dump_memory *m, struct err *err)
{
    struct graph_build *b = ctx;
    b->n_fields += m->fields.len / 2; /* two bytes each, and the end */
    return look(b, m->offset, err) && span_builder_add(&b->spans, m, err);
}

static bool on_data(void *ctx, const struct dump_memory *m, bool is_bss,
                    struct err *err)
{
    struct graph_build *b = ctx;
    const struct graph_segment s = {m->address, m->length_bytes, m->contents,
                                    m->fields, is_bss};
    return graph_segments_add(&b->g->segments, s, &b->g->budget, err);
}

static bool pin(struct graph_build *b, uint32_t goroutine, uint64_t address,
                struct err *err)
{
    const struct graph_pin p = {goroutine, address};
    return address == 0 || graph_pins_add(&b->g->pins, p, &b->g->budget, err);
}

/* The runtime leaves the reason of the last wait where it is. */
static struct span reason_of(const struct heap_goroutine *r)
{
    switch (r->status & ~(uint64_t)HEAP_STATUS_SCAN) {
    case HEAP_STATUS_RUNNABLE:
        return SPAN_LIT("runnable");
    case HEAP_STATUS_RUNNING:
        return SPAN_LIT("running");
    case HEAP_STATUS_SYSCALL:
        return SPAN_LIT("syscall");
    default:
        return r->wait_reason;
    }
}

static bool on_goroutine(void *ctx, const struct heap_goroutine *r,
                         struct err *err)
{
    struct graph_build *b = ctx;
    struct heap_graph *g = b->g;
    if (g->goroutines.n >= UINT32_MAX - 1 || g->frames.n >= UINT32_MAX - 1 ||
        g->pins.n >= UINT32_MAX - 1) {
        return err_set(err, ERR_LIMIT, "too many goroutines");
    }
    const struct graph_goroutine kept = {
        .address = r->address,
        .goid = r->goid,
        .creator_pc = r->creator_pc,
        .status = r->status,
        .wait_since_ns = r->wait_since_ns,
        .is_system = r->is_system,
        .wait_reason = keep(b, reason_of(r), err),
        .first_frame = (uint32_t)g->frames.n,
        .group = UINT32_MAX,
        .first_pin = (uint32_t)g->pins.n,
    };
    b->goroutine = (uint32_t)g->goroutines.n;
    return kept.wait_reason && look(b, 0, err) &&
           graph_goroutines_add(&g->goroutines, kept, &g->budget, err) &&
           pin(b, b->goroutine, r->context, err) &&
           pin(b, b->goroutine, r->first_defer, err) &&
           pin(b, b->goroutine, r->first_panic, err);
}

static bool on_frame(void *ctx, const struct heap_frame *f,
                     const struct dump_memory *m, struct err *err)
{
    struct graph_build *b = ctx;
    struct heap_graph *g = b->g;
    if (g->frames.n >= UINT32_MAX - 1) {
        return err_set(err, ERR_LIMIT, "too many frames");
    }
    const struct graph_frame kept = {
        .function = keep(b, f->function, err),
        .sp = f->sp,
        .entry = f->entry,
        .pc = f->pc,
        .bytes = f->bytes,
        .offset = m->offset,
        .goroutine = b->goroutine,
    };
    if (b->goroutine != UINT32_MAX) {
        g->goroutines.items[b->goroutine].n_frames++;
    }
    return kept.function && look(b, m->offset, err) &&
           graph_frames_add(&g->frames, kept, &g->budget, err);
}

/* The goroutine whose g is at `address`, if it is the last one, as in all
   dumps without damage. */
static uint32_t current(const struct graph_build *b, uint64_t address)
{
    const bool is_its = b->goroutine != UINT32_MAX &&
                        b->g->goroutines.items[b->goroutine].address == address;
    return is_its ? b->goroutine : UINT32_MAX;
}

static bool on_defer(void *ctx, const struct heap_defer *d, struct err *err)
{
    struct graph_build *b = ctx;
    const uint32_t goroutine = current(b, d->goroutine);
    return pin(b, goroutine, d->address, err) &&
           pin(b, goroutine, d->closure, err);
}

static bool on_panic(void *ctx, const struct heap_panic *p, struct err *err)
{
    struct graph_build *b = ctx;
    const uint32_t goroutine = current(b, p->goroutine);
    return pin(b, goroutine, p->address, err) &&
           pin(b, goroutine, p->argument, err);
}

static bool on_type(void *ctx, const struct heap_type *t, struct err *err)
{
    struct graph_build *b = ctx;
    return graph_types_add(&b->g->types, *t, &b->g->budget, err);
}

static bool on_itab(void *ctx, const struct heap_itab *i, struct err *err)
{
    struct graph_build *b = ctx;
    return graph_itabs_add(&b->g->itabs, *i, &b->g->budget, err);
}

static bool on_finalizer(void *ctx, const struct heap_finalizer *f,
                         bool is_queued, struct err *err)
{
    struct graph_build *b = ctx;
    const struct graph_finalizer kept = {*f, is_queued};
    return graph_finalizers_add(&b->g->finalizers, kept, &b->g->budget, err);
}

static bool on_other_root(void *ctx, struct span description, uint64_t address,
                          struct err *err)
{
    struct graph_build *b = ctx;
    const struct graph_other kept = {description, address};
    return graph_others_add(&b->g->others, kept, &b->g->budget, err);
}

static bool on_memstats(void *ctx, const struct heap_memstats *m,
                        struct err *err)
{
    struct graph_build *b = ctx;
    (void)err;
    b->g->memstats = *m;
    b->g->about.has_memstats = true;
    return true;
}

static bool on_bucket(void *ctx, const struct heap_bucket *bucket,
                      struct err *err)
{
    struct graph_build *b = ctx;
    struct heap_graph *g = b->g;
    struct heap_bucket kept = *bucket;
    if (!graph_take(&g->budget, kept.n_calls * sizeof *kept.calls, err)) {
        return false;
    }
    if (kept.n_calls > 0) {
        struct heap_call *calls =
            arena_new(&g->arena, struct heap_call, kept.n_calls);
        if (!calls) {
            return err_nomem(err, "heap dump");
        }
        memcpy(calls, bucket->calls, kept.n_calls * sizeof *calls);
        kept.calls = calls;
    }
    return graph_buckets_add(&g->buckets, kept, &g->budget, err);
}

static bool on_sample(void *ctx, const struct heap_sample *s, struct err *err)
{
    struct graph_build *b = ctx;
    return graph_addresses_add(&b->samples, *s, &b->g->budget, err);
}

static bool on_damage(void *ctx, uint64_t offset, uint64_t bytes,
                      struct err *err)
{
    struct graph_build *b = ctx;
    (void)bytes;
    b->goroutine = UINT32_MAX;
    return graph_look(b, "reading", (double)offset / (double)b->g->bytes.len,
                      err);
}

/* --- tables that are searched --- */

static int by_number(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_itab(const void *a, const void *b, const void *ctx)
{
    const struct heap_itab *x = a;
    const struct heap_itab *y = b;
    (void)ctx;
    const int order = by_number(x->address, y->address);
    return order != 0 ? order : by_number(x->type, y->type);
}

static int by_bucket(const void *a, const void *b, const void *ctx)
{
    const struct heap_bucket *x = a;
    const struct heap_bucket *y = b;
    (void)ctx;
    const int order = by_number(x->id, y->id);
    return order != 0 ? order : by_number(x->allocs, y->allocs);
}

static int by_type(const void *a, const void *b, const void *ctx)
{
    const struct heap_type *x = a;
    const struct heap_type *y = b;
    (void)ctx;
    const int order = by_number(x->address, y->address);
    return order != 0 ? order : span_compare(x->name, y->name);
}

static void sort_rows(void *rows, size_t n, size_t unit,
                      sort_compare_fn *compare)
{
    if (n > 0) {
        sort_items(rows, n, unit, compare, NULL);
    }
}

static void sort_tables(struct heap_graph *g)
{
    sort_rows(g->types.items, g->types.n, sizeof *g->types.items, by_type);
    sort_rows(g->itabs.items, g->itabs.n, sizeof *g->itabs.items, by_itab);
    g->about.itabs = g->itabs.items;
    g->about.n_itabs = g->itabs.n;
    sort_rows(g->buckets.items, g->buckets.n, sizeof *g->buckets.items,
              by_bucket);
}

static void note_segments(struct heap_graph *g)
{
    for (size_t i = g->segments.n; i-- > 0;) {
        const struct graph_segment *s = &g->segments.items[i];
        struct heap_about *a = &g->about;
        *(s->is_bss ? &a->bss_address : &a->data_address) = s->address;
        *(s->is_bss ? &a->bss_bytes : &a->data_bytes) = s->bytes;
    }
}

bool graph_read(struct graph_build *b, struct err *err)
{
    static const struct dump_visitor visitor = {
        .params = on_params,
        .object = on_object,
        .data = on_data,
        .goroutine = on_goroutine,
        .frame = on_frame,
        .type = on_type,
        .itab = on_itab,
        .finalizer = on_finalizer,
        .defer = on_defer,
        .panic = on_panic,
        .other_root = on_other_root,
        .memstats = on_memstats,
        .bucket = on_bucket,
        .sample = on_sample,
        .damage = on_damage,
    };
    struct heap_graph *g = b->g;
    struct dump_visitor v = visitor;
    v.ctx = b;
    b->goroutine = UINT32_MAX;
    if (!dump_read(g->bytes, &v, &g->about.condition, err)) {
        return false;
    }
    if (!g->about.build && b->spans.spans->runs.n == 0) {
        return err_set(err, ERR_FORMAT, "heap dump without a record");
    }
    sort_tables(g);
    note_segments(g);
    return true;
}
