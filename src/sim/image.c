/*
 * A heap dump of a simulated process, as debug.WriteHeapDump would write it
 * after runtime.GC(): the objects of image_build.c, goroutines with their
 * frames, globals, the memory profile of the same moment.
 *
 * MemStats of the dump: the objects in it exactly (HeapObjects, HeapAlloc),
 * that is what sim_world_memstats() says and beside it the objects that the
 * model does not count: headers of maps and lists, arrays of pointers.
 */
#include "sim/image_build_private.h"

#include "base/sort.h"
#include "heap/heap.h"
#include "sim/export_private.h"

#include <string.h>

#include "base/banned.h"

enum {
    WORD = 8,
    HELD_MOST = 12, /* words a frame holds itself; more go into an array */
    LOCAL = 16,     /* offset of the first local of a frame */
    G_BYTES = 448,
    LEAST_STACK = 2048
};

struct frame_at {
    uint64_t sp, bytes, entry, pc;
    const char *function;
    uint32_t mask;
};
VEC_TYPE(frames_at, struct frame_at)

struct goroutine_at {
    size_t first_frame, n_frames;
    uint64_t address, sp;
};
VEC_TYPE(goroutines_at, struct goroutine_at)

struct dump {
    struct sim_image *im;
    struct sim_world *world;
    struct dump_writer *w;
    struct sim_goroutine_list goroutines;
    struct goroutines_at placed;
    struct frames_at frames;
    struct sim_records records;
    struct vec_u32 scratch; /* frames of a stack */
    struct vec_u64 held;    /* what the present goroutine holds */
    uint32_t masks[HELD_MOST + 1];
    uint64_t stacks, stacks_end; /* addresses */
    size_t at_word;              /* the first not yet written */
    uint64_t live_bytes;
    struct vec_u64 samples; /* address, bucket, address, ... */
};

/* --- goroutines --- */

static uint64_t g_address(const struct dump *d, size_t i)
{
    const size_t n_fixed = 2;
    const struct sim_image *im = d->im;
    if (i >= n_fixed && i - n_fixed < im->gs.n) {
        return im->gs.items[i - n_fixed];
    }
    const size_t place = i < n_fixed ? i : n_fixed + i - im->gs.n;
    return im->layout.bss_end + place * G_BYTES;
}

static void hold(struct dump *d, uint64_t address)
{
    if (address) {
        d->im->has_failed |= !vec_u64_push(&d->held, address);
    }
}

/* What goroutine `k` of its population holds into d->held. */
static void gather_held(struct dump *d, uint32_t population, size_t k)
{
    struct sim_image *im = d->im;
    d->held.n = 0;
    if (population == UINT32_MAX) {
        return;
    }
    const struct sim_population *p = &d->world->populations.items[population];
    const struct sim_held *h = &im->held_by[population];
    const size_t entry = k / p->spec.n_goroutines;
    const bool is_first = k % p->spec.n_goroutines == 0;
    if (im->layout.holdings[population].is_by_own && is_first) {
        for (unsigned i = 0; i < h->per_entry; i++) {
            hold(d, im->held.items[h->first + entry * h->per_entry + i]);
        }
    }
    for (size_t i = 0; k == 0 && i < im->heads.n; i++) {
        if (im->layout.holdings[i].population == population) {
            hold(d, im->heads.items[i]);
        }
    }
    if (d->held.n > HELD_MOST) {
        const uint64_t array = sim_image_array(im, d->held.items, d->held.n);
        d->held.n = 0;
        hold(d, array);
    }
}

/* Of the frames in d->scratch that stand for themselves, the innermost that
   is the service's; else the last but one. */
static size_t holding_frame(const struct dump *d)
{
    const struct sim_code *c = &d->world->code;
    size_t last = 0;
    for (size_t i = 0; i < d->scratch.n; i++) {
        const uint32_t frame = d->scratch.items[i];
        const char *name = sim_frame_function(c, frame)->name;
        if (c->frames.items[frame].is_inlined) {
            continue;
        }
        if (!sim_function_is_std(name)) {
            return i;
        }
        last = i + 1 < d->scratch.n ? i : last;
    }
    return last;
}

static void add_frame(struct dump *d, uint32_t frame, const uint64_t *held,
                      size_t n_held)
{
    const struct sim_code *c = &d->world->code;
    const struct sim_function *f = sim_frame_function(c, frame);
    const size_t n = n_held ? n_held : 1;
    if (d->masks[n] == 0) {
        d->masks[n] = sim_image_mask(d->im, LOCAL, WORD, n);
    }
    const uint64_t spare = sim_mix(sim_hash(f->name), 1) % 8;
    const struct frame_at at = {
        .sp = d->stacks_end,
        .bytes = LOCAL + n * WORD + (spare + 2) * WORD,
        .entry = f->entry,
        .pc = c->frames.items[frame].pc,
        .function = f->name,
        .mask = d->masks[n],
    };
    for (size_t i = 0; i < n_held; i++) {
        sim_image_set(d->im, at.sp + LOCAL + i * WORD, held[i]);
    }
    sim_image_set(d->im, at.sp + at.bytes - WORD, at.pc);
    d->stacks_end += at.bytes;
    d->im->has_failed |= !frames_at_push(&d->frames, at);
}

static bool place_goroutine(struct dump *d, size_t i, size_t k, uint64_t sudog,
                            struct err *err)
{
    const struct sim_goroutine *g = &d->goroutines.items[i];
    struct goroutine_at at = {.first_frame = d->frames.n,
                              .address = g_address(d, i)};
    if (!sim_raw_frames(d->world, g->stack, &d->scratch, err)) {
        return false;
    }
    gather_held(d, g->population, k);
    const size_t holds = holding_frame(d);
    /* Stacks grow down: the lowest frame is the innermost. */
    d->stacks_end =
        (d->stacks_end + LEAST_STACK - 1) / LEAST_STACK * LEAST_STACK;
    at.sp = d->stacks_end;
    bool has_parked = false;
    for (size_t f = 0; f < d->scratch.n; f++) {
        const uint32_t frame = d->scratch.items[f];
        if (d->world->code.frames.items[frame].is_inlined) {
            continue;
        }
        const char *name = sim_frame_function(&d->world->code, frame)->name;
        if (f == holds) {
            if (sudog) {
                hold(d, sudog);
                sudog = 0;
            }
            const size_t n = d->held.n < HELD_MOST ? d->held.n : HELD_MOST;
            add_frame(d, frame, d->held.items, n);
        } else {
            const bool has_sudog = sudog && has_parked;
            add_frame(d, frame, &sudog, has_sudog ? 1 : 0);
            sudog = has_sudog ? 0 : sudog;
        }
        has_parked = has_parked || strcmp(name, "runtime.gopark") == 0;
    }
    at.n_frames = d->frames.n - at.first_frame;
    d->im->has_failed |= !goroutines_at_push(&d->placed, at);
    return true;
}

/* The list has the fixed ones first, then population after population. */
static bool place_goroutines(struct dump *d, struct err *err)
{
    enum { HOLDER_ROOM = 64 << 20 };
    /* Arrays that goroutines hold are allocated while stacks are laid out. */
    d->stacks = (d->im->next_page + HOLDER_ROOM) / HOLDER_ROOM * HOLDER_ROOM +
                HOLDER_ROOM;
    d->stacks_end = d->stacks;
    size_t k = 0;
    size_t n_sudogs = 0;
    uint32_t population = UINT32_MAX;
    for (size_t i = 0; i < d->goroutines.n && !d->im->has_failed; i++) {
        const uint32_t of = d->goroutines.items[i].population;
        k = of == population ? k + 1 : 0;
        population = of;
        uint64_t sudog = 0;
        if (of != UINT32_MAX && n_sudogs < d->im->sudogs.n) {
            sudog = d->im->sudogs.items[n_sudogs++];
        }
        if (!place_goroutine(d, i, k, sudog, err)) {
            return false;
        }
    }
    if (d->im->next_page > d->stacks) {
        return err_set(err, ERR_LIMIT,
                       "goroutines hold more than %d MiB of arrays",
                       HOLDER_ROOM >> 20);
    }
    return true;
}

/* --- memory --- */

static int by_address(const void *a, const void *b, const void *ctx)
{
    (void)ctx;
    const struct sim_word *x = a;
    const struct sim_word *y = b;
    if (x->address != y->address) {
        return x->address < y->address ? -1 : 1;
    }
    return (x->value > y->value) - (x->value < y->value);
}

static int by_slot(const void *a, const void *b, const void *ctx)
{
    (void)ctx;
    const uint64_t x = ((const struct sim_object_at *)a)->slot;
    const uint64_t y = ((const struct sim_object_at *)b)->slot;
    return (x > y) - (x < y);
}

static int by_value(const void *a, const void *b, const void *ctx)
{
    (void)ctx;
    const uint64_t x = ((const struct sim_finalized *)a)->address;
    const uint64_t y = ((const struct sim_finalized *)b)->address;
    return x < y ? -1 : x > y;
}

/* Index of the first word at or after `address`. */
static size_t find_word(const struct dump *d, uint64_t address)
{
    size_t low = 0;
    size_t high = d->im->words.n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (d->im->words.items[middle].address < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Contents from d->at_word on. */
static void write_memory(struct dump *d, uint64_t address, uint64_t bytes)
{
    const struct sim_words *words = &d->im->words;
    const uint64_t end = address + bytes;
    uint64_t at = address;
    while (d->at_word < words->n) {
        const struct sim_word *word = &words->items[d->at_word];
        if (word->address >= end) {
            break;
        }
        d->at_word++;
        if (word->address >= at) {
            dump_writer_zeros(d->w, word->address - at);
            dump_writer_word(d->w, word->value);
            at = word->address + WORD;
        }
    }
    dump_writer_zeros(d->w, end - at);
}

static void write_fields(struct dump *d, uint32_t mask)
{
    const struct sim_mask *m = &d->im->masks.items[mask];
    for (uint32_t i = 0; i < m->n; i++) {
        dump_writer_field(d->w, d->im->offsets.items[m->first + i]);
    }
    dump_writer_close(d->w);
}

/* --- objects --- */

/* The page whose slots are being written, for its bitmap and its marks. */
struct page {
    uint64_t start, slot_bytes;
    uint64_t tail_bytes;
    uint64_t bits[SIM_PAGE / 64 / WORD];
    bool has_bitmap;
};

static uint64_t page_of(uint64_t address)
{
    return address / SIM_PAGE * SIM_PAGE;
}

/* Trailing slots that Go writes though they hold the bitmap, or marks. */
static void write_tail(struct dump *d, const struct page *p)
{
    if (p->tail_bytes == 0) {
        return;
    }
    /* Marks lie behind the pointer bits, and the model leaves them 0. */
    const uint64_t first_bit_byte = SIM_PAGE - p->tail_bytes;
    for (uint64_t i = first_bit_byte / p->slot_bytes;
         i < SIM_PAGE / p->slot_bytes; i++) {
        dump_writer_object(d->w, p->start + i * p->slot_bytes, p->slot_bytes);
        for (uint64_t k = 0; k < p->slot_bytes; k += WORD) {
            const uint64_t at = i * p->slot_bytes + k;
            const uint64_t word = (at - first_bit_byte) / WORD;
            const bool is_bits = p->has_bitmap && at >= first_bit_byte &&
                                 word < sizeof(p->bits) / sizeof(p->bits[0]);
            dump_writer_word(d->w, is_bits ? p->bits[word] : 0);
        }
        dump_writer_close(d->w);
    }
}

static void note_bits(const struct dump *d, struct page *p,
                      const struct sim_object_at *o)
{
    const struct sim_mask *m = &d->im->masks.items[o->mask];
    for (uint32_t i = 0; p->has_bitmap && i < m->n; i++) {
        const uint64_t at =
            (o->slot - p->start + d->im->offsets.items[m->first + i]) / WORD;
        p->bits[at / 64] |= UINT64_C(1) << (at % 64);
    }
}

/* Is the next object of its bucket in the sample? Spread evenly. */
static void note_sample(struct dump *d, const struct sim_object_at *o,
                        uint64_t *n_written)
{
    if (o->bucket == SIM_NONE) {
        return;
    }
    const struct sim_bucket *b = &d->world->buckets.items[o->bucket];
    const uint64_t k = n_written[o->bucket]++;
    const uint64_t n = b->active.allocs - b->active.frees;
    if (b->live > 0 && (k + 1) * n / b->live > k * n / b->live) {
        /* Go samples what it returns: past the header. */
        d->im->has_failed |=
            !vec_u64_push(&d->samples, o->slot + (o->has_header ? WORD : 0)) ||
            !vec_u64_push(&d->samples, o->bucket);
    }
}

static void write_objects(struct dump *d, uint64_t *n_written)
{
    const struct sim_objects *all = &d->im->objects;
    struct page page = {0};
    d->at_word = find_word(d, SIM_ARENA);
    for (size_t i = 0; i < all->n && dump_writer_ok(d->w); i++) {
        const struct sim_object_at *o = &all->items[i];
        if (page_of(o->slot) != page.start) {
            write_tail(d, &page);
            page = (struct page){.start = page_of(o->slot),
                                 .slot_bytes = o->bytes};
            page.tail_bytes =
                sim_tail_bytes(d->world->options.go, o->bytes, o->mask != 0);
            page.has_bitmap = o->mask && page.tail_bytes > 0;
        }
        dump_writer_object(d->w, o->slot, o->bytes);
        write_memory(d, o->slot, o->bytes);
        write_fields(d, o->mask);
        note_bits(d, &page, o);
        note_sample(d, o, n_written);
        d->live_bytes += o->bytes;
    }
    write_tail(d, &page);
}

/* --- other records --- */

static void write_params(struct dump *d)
{
    const uint64_t unit = UINT64_C(64) << 20;
    const struct heap_params params = {
        .pointer_bytes = WORD,
        .arena_start = SIM_ARENA,
        .arena_end = (d->stacks_end + unit - 1) / unit * unit,
        .arch = SPAN_LIT("amd64"),
        .build = span_of(sim_go_full(d->world->options.go)),
        .n_cpu = 4,
    };
    dump_writer_params(d->w, &params);
}

/* The types that are in interfaces: all with a name of a package. */
static void write_types(struct dump *d)
{
    const struct sim_layout_of_program *l = &d->im->layout;
    for (size_t i = 0; i < l->types.n; i++) {
        const struct sim_type *t = &l->types.items[i];
        if (!strchr(t->name, '.') || strchr("[*", t->name[0])) {
            continue;
        }
        const struct heap_type type = {t->address, t->bytes, span_of(t->name),
                                       true};
        const struct heap_itab itab = {l->itabs + i * SIM_ITAB_BYTES,
                                       t->address};
        dump_writer_type(d->w, &type);
        dump_writer_itab(d->w, &itab);
    }
}

static void write_frames(struct dump *d, const struct goroutine_at *g)
{
    d->at_word = find_word(d, g->sp);
    for (size_t i = 0; i < g->n_frames; i++) {
        const struct frame_at *f = &d->frames.items[g->first_frame + i];
        const struct heap_frame frame = {
            .sp = f->sp,
            .depth = i,
            .child_sp = i ? f[-1].sp : 0,
            .bytes = f->bytes,
            .entry = f->entry,
            .pc = f->pc,
            .continue_pc = f->pc,
            .function = span_of(f->function),
        };
        dump_writer_frame(d->w, &frame);
        write_memory(d, f->sp, f->bytes);
        write_fields(d, f->mask);
    }
}

static uint64_t status_of(const char *wait)
{
    return strcmp(wait, "runnable") == 0  ? HEAP_STATUS_RUNNABLE
           : strcmp(wait, "syscall") == 0 ? HEAP_STATUS_SYSCALL
                                          : HEAP_STATUS_WAITING;
}

static void write_goroutine(struct dump *d, size_t i)
{
    const struct sim_goroutine *g = &d->goroutines.items[i];
    const struct goroutine_at *at = &d->placed.items[i];
    const struct sim_code *c = &d->world->code;
    const char *root =
        at->n_frames > 1
            ? d->frames.items[at->first_frame + at->n_frames - 2].function
            : "";
    const char *wait = strcmp(g->wait, "running") == 0
                           ? "dumping heap"
                           : sim_wait_text(d->world->options.go, g->wait);
    const int64_t since =
        d->world->now_ns - g->wait_minutes * (60 * SIM_SECOND);
    const struct heap_goroutine record = {
        .address = at->address,
        .sp = at->sp,
        .goid = g->goid,
        .creator_pc =
            g->creator == UINT32_MAX ? 0 : c->frames.items[g->creator].pc,
        .status = status_of(g->wait),
        .is_system = strncmp(root, "runtime.", 8) == 0 &&
                     strcmp(root, "runtime.main") != 0,
        .wait_since_ns = g->wait_minutes > 0 && since > 0 ? (uint64_t)since : 0,
        .wait_reason = span_of(wait),
    };
    dump_writer_goroutine(d->w, &record);
    write_frames(d, at);
}

static void write_threads(struct dump *d)
{
    enum { N_THREADS = 7, FIRST_ID = 4100, M_BYTES = 0x380 };
    for (uint64_t i = N_THREADS; i > 0; i--) { /* the newest first */
        const struct heap_os_thread t = {d->im->layout.bss_end + 0x4000 +
                                             (i - 1) * M_BYTES,
                                         i - 1, FIRST_ID + i};
        dump_writer_os_thread(d->w, &t);
    }
}

static void write_segments(struct dump *d)
{
    const struct sim_layout_of_program *l = &d->im->layout;
    d->at_word = find_word(d, l->data);
    dump_writer_data(d->w, l->data, l->data_end - l->data);
    write_memory(d, l->data, l->data_end - l->data);
    dump_writer_field(d->w, 0);
    dump_writer_close(d->w);
    d->at_word = find_word(d, l->bss);
    dump_writer_bss(d->w, l->bss, l->bss_end - l->bss);
    write_memory(d, l->bss, l->bss_end - l->bss);
    for (size_t i = 0; i < l->globals.n; i++) {
        const struct sim_global *g = &l->globals.items[i];
        for (uint32_t part = 0; part < g->n_parts; part++) {
            dump_writer_field(d->w, sim_global_slot(g, part) - l->bss);
        }
    }
    dump_writer_close(d->w);
}

/* In the order of their addresses, as Go walks its spans. */
static void write_finalizers(struct dump *d)
{
    const struct sim_layout_of_program *l = &d->im->layout;
    for (size_t i = 0; i < d->im->finalized.n; i++) {
        const struct sim_finalized *of = &d->im->finalized.items[i];
        const struct sim_finalizer *f = &l->finalizers.items[of->finalizer];
        const uint64_t type = sim_layout_type(l, f->argument_type);
        const struct heap_finalizer record = {of->address, f->closure, f->entry,
                                              type, type};
        dump_writer_finalizer(d->w, &record, false);
    }
}

static void write_memstats(struct dump *d, const struct memstats *m)
{
    const uint64_t extra = d->im->extra_bytes;
    const uint64_t n_extra = d->im->n_extra;
    const struct heap_memstats out = {
        .alloc = d->live_bytes,
        .total_alloc = m->v[MEMSTATS_TotalAlloc] + extra,
        .sys = m->v[MEMSTATS_Sys],
        .lookups = m->v[MEMSTATS_Lookups],
        .mallocs = m->v[MEMSTATS_Mallocs] + n_extra,
        .frees = m->v[MEMSTATS_Frees],
        .heap_alloc = d->live_bytes,
        .heap_sys = m->v[MEMSTATS_HeapSys],
        .heap_idle = m->v[MEMSTATS_HeapIdle],
        .heap_inuse = m->v[MEMSTATS_HeapInuse],
        .heap_released = m->v[MEMSTATS_HeapReleased],
        .heap_objects = d->im->objects.n,
        .stack_inuse = m->v[MEMSTATS_Stack],
        .stack_sys = m->v[MEMSTATS_StackSys],
        .mspan_inuse = m->v[MEMSTATS_MSpan],
        .mspan_sys = m->v[MEMSTATS_MSpan],
        .mcache_inuse = m->v[MEMSTATS_MCache],
        .mcache_sys = m->v[MEMSTATS_MCache],
        .buck_hash_sys = m->v[MEMSTATS_BuckHashSys],
        .gc_sys = m->v[MEMSTATS_GCSys],
        .other_sys = m->v[MEMSTATS_OtherSys],
        .next_gc = m->v[MEMSTATS_NextGC],
        .last_gc_ns = m->v[MEMSTATS_LastGC],
        .num_gc = m->v[MEMSTATS_NumGC],
    };
    dump_writer_memstats(d->w, &out);
}

/* --- the memory profile --- */

VEC_TYPE(heap_calls, struct heap_call)

static uint64_t bucket_id(uint64_t bucket)
{
    /* Outside of the heap, and the same in all dumps of a process. */
    return UINT64_C(0x7f3a80000000) + bucket * 0x180;
}

/* Go names the function whose code it is, but the line of what was inlined
   there. */
static bool write_bucket(struct dump *d, const struct sim_record *r,
                         struct heap_calls *calls, struct err *err)
{
    const struct sim_code *c = &d->world->code;
    const sim_stack_id stack = d->world->buckets.items[r->bucket].stack;
    if (!sim_raw_frames(d->world, stack, &d->scratch, err)) {
        return false;
    }
    calls->n = 0;
    for (size_t i = 0; i < d->scratch.n; i++) {
        const struct sim_frame *f = &c->frames.items[d->scratch.items[i]];
        size_t owner = i;
        while (owner + 1 < d->scratch.n &&
               c->frames.items[d->scratch.items[owner]].is_inlined) {
            owner++;
        }
        const struct heap_call call = {
            span_of(sim_frame_function(c, d->scratch.items[owner])->name),
            span_of(sim_frame_function(c, d->scratch.items[i])->file),
            (uint64_t)(f->line > 0 ? f->line : 0)};
        if (!heap_calls_push(calls, call)) {
            return err_nomem(err, "a bucket of a heap dump");
        }
    }
    const struct heap_bucket bucket = {bucket_id(r->bucket),
                                       r->bytes,
                                       calls->items,
                                       calls->n,
                                       r->allocs,
                                       r->frees};
    dump_writer_bucket(d->w, &bucket);
    return true;
}

static bool write_memory_profile(struct dump *d, struct err *err)
{
    struct heap_calls calls = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < d->records.n; i++) {
        ok = write_bucket(d, &d->records.items[i], &calls, err);
    }
    for (size_t i = 0; ok && i + 1 < d->samples.n; i += 2) {
        const struct heap_sample s = {d->samples.items[i],
                                      bucket_id(d->samples.items[i + 1])};
        dump_writer_sample(d->w, &s);
    }
    heap_calls_release(&calls);
    return ok;
}

/* --- all --- */

static bool write_all(struct dump *d, const struct memstats *m, struct err *err)
{
    uint64_t *n_written =
        arena_new(&d->im->layout.arena, uint64_t, d->world->buckets.n + 1);
    if (!n_written) {
        return err_nomem(err, "a heap dump");
    }
    write_params(d);
    write_types(d);
    write_objects(d, n_written);
    for (size_t i = 0; i < d->placed.n && dump_writer_ok(d->w); i++) {
        write_goroutine(d, i);
    }
    write_threads(d);
    write_segments(d);
    write_finalizers(d);
    write_memstats(d, m);
    if (!write_memory_profile(d, err)) {
        return false;
    }
    if (d->im->has_failed) {
        return err_nomem(err, "a heap dump");
    }
    return dump_writer_end(d->w, err);
}

static bool lay_out(struct dump *d, struct err *err)
{
    if (!place_goroutines(d, err)) {
        return false;
    }
    if (d->im->has_failed) {
        return err_nomem(err, "a heap dump");
    }
    struct sim_image *im = d->im;
    sort_items(im->words.items, im->words.n, sizeof(*im->words.items),
               by_address, NULL);
    sort_items(im->objects.items, im->objects.n, sizeof(*im->objects.items),
               by_slot, NULL);
    sort_items(im->finalized.items, im->finalized.n,
               sizeof(*im->finalized.items), by_value, NULL);
    return true;
}

static void release(struct dump *d)
{
    dump_writer_free(d->w);
    sim_goroutine_list_release(&d->goroutines);
    goroutines_at_release(&d->placed);
    frames_at_release(&d->frames);
    sim_records_release(&d->records);
    vec_u32_release(&d->scratch);
    vec_u64_release(&d->held);
    vec_u64_release(&d->samples);
}

bool sim_dump_write(struct sim_world *w, struct sink *out, struct err *err)
{
    struct sim_image im;
    struct memstats memstats;
    struct dump d = {.im = &im, .world = w, .w = dump_writer_new(out)};
    sim_gc(w, true, true);
    sim_world_memstats(w, &memstats);
    bool ok = d.w || err_nomem(err, "a heap dump");
    ok = ok && sim_goroutines(w, &d.goroutines, err) &&
         sim_heap_records(w, &d.records, err);
    if (ok && sim_image_make(&im, w, err)) {
        ok = lay_out(&d, err) && write_all(&d, &memstats, err);
        sim_image_release(&im);
    } else {
        ok = false;
    }
    release(&d);
    return ok;
}
