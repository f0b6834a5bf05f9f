/*
 * Local variables of the functions on the stacks, as far as debugging
 * information says where they lie; and what memory there is outside of the
 * heap. Locals are asked for once for all frames that stand at one pc.
 */
#include "base/sort.h"
#include "heap/heap_types_private.h"

#include "base/banned.h"

/* --- memory outside of the heap --- */

static int by_address(const void *a, const void *b, const void *ctx)
{
    const struct heap_types *t = ctx;
    const uint32_t *x = a, *y = b;
    const uint64_t p = heap_frame_at(t->g, *x)->sp;
    const uint64_t q = heap_frame_at(t->g, *y)->sp;
    return p != q ? (p > q) - (p < q) : (*x > *y) - (*x < *y);
}

bool types_index_frames(struct heap_types *t, struct err *err)
{
    const size_t n = t->g->frames.n;
    if (n == 0 || n > UINT32_MAX) {
        return true;
    }
    t->frames = malloc(n * sizeof(*t->frames));
    if (!t->frames) {
        return err_nomem(err, "types of objects");
    }
    for (size_t i = 0; i < n; i++) {
        t->frames[i] = (uint32_t)i;
    }
    t->n_frames = n;
    sort_items(t->frames, n, sizeof(*t->frames), by_address, t);
    return true;
}

static uint32_t frame_at(const struct heap_types *t, uint64_t address)
{
    size_t low = 0, high = t->n_frames;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (heap_frame_at(t->g, t->frames[middle])->sp <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return UINT32_MAX;
    }
    const struct graph_frame *f = heap_frame_at(t->g, t->frames[low - 1]);
    return address - f->sp < f->bytes ? t->frames[low - 1] : UINT32_MAX;
}

static const struct graph_segment *segment_at(const struct heap_types *t,
                                              uint64_t address)
{
    for (size_t i = 0; i < t->g->segments.n; i++) {
        const struct graph_segment *s = &t->g->segments.items[i];
        if (address >= s->address && address - s->address < s->bytes) {
            return s;
        }
    }
    return NULL;
}

bool types_is_memory(const struct heap_types *t, uint64_t address)
{
    return segment_at(t, address) != NULL || frame_at(t, address) != UINT32_MAX;
}

struct types_memory types_memory_at(const struct heap_types *t,
                                    uint64_t address)
{
    const struct graph_segment *s = segment_at(t, address);
    struct types_memory m = {.object = UINT32_MAX, .base = address};
    const uint32_t frame = s ? UINT32_MAX : frame_at(t, address);
    if (s) {
        m.base = s->address;
        m.contents = s->contents;
    } else if (frame != UINT32_MAX) {
        m.base = heap_frame_at(t->g, frame)->sp;
        m.contents = heap_frame_contents(t->g, frame);
    }
    return m;
}

/* --- locals --- */

static bool take_local(void *ctx, const struct go_local *l, struct err *err)
{
    struct heap_types *t = ctx;
    return go_locals_push(&t->locals, *l) || err_nomem(err, "types of objects");
}

static int by_pc(const void *a, const void *b, const void *ctx)
{
    const struct frame_locals *x = a, *y = b;
    (void)ctx;
    if (x->pc != y->pc) {
        return x->pc < y->pc ? -1 : 1;
    }
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* Every place where a frame stands, once, in order. */
static bool find_places(struct heap_types *t, struct err *err)
{
    struct frames_locals *all = &t->frame_locals;
    if (!frames_locals_reserve(all, t->g->frames.n + 1)) {
        return err_nomem(err, "types of objects");
    }
    for (uint32_t i = 0; i < t->g->frames.n; i++) {
        const struct graph_frame *f = heap_frame_at(t->g, i);
        all->items[all->n++] =
            (struct frame_locals){.pc = f->pc, .bytes = f->bytes};
    }
    sort_items(all->items, all->n, sizeof(all->items[0]), by_pc, NULL);
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        if (n == 0 || by_pc(&all->items[n - 1], &all->items[i], NULL) != 0) {
            all->items[n++] = all->items[i];
        }
    }
    all->n = n;
    return true;
}

static bool ask_locals(struct heap_types *t, struct err *err)
{
    for (size_t i = 0; i < t->frame_locals.n; i++) {
        struct frame_locals *l = &t->frame_locals.items[i];
        l->first = (uint32_t)t->locals.n;
        if (!binary_locals(t->b, l->pc, l->bytes, take_local, t, err)) {
            return false;
        }
        if (t->locals.n > UINT32_MAX) {
            return err_set(err, ERR_LIMIT, "too many local variables");
        }
        l->n = (uint32_t)t->locals.n - l->first;
    }
    return true;
}

const struct go_local *types_locals(const struct heap_types *t, uint32_t frame,
                                    uint32_t *n)
{
    const struct graph_frame *f = heap_frame_at(t->g, frame);
    const struct frame_locals want = {.pc = f->pc, .bytes = f->bytes};
    size_t low = 0, high = t->frame_locals.n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (by_pc(&t->frame_locals.items[middle], &want, NULL) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct frame_locals *l = &t->frame_locals.items[low];
    if (low == t->frame_locals.n || by_pc(l, &want, NULL) != 0) {
        *n = 0;
        return NULL;
    }
    *n = l->n;
    return l->n ? &t->locals.items[l->first] : NULL;
}

uint64_t types_local_address(const struct heap_types *t, uint32_t frame,
                             const struct go_local *l)
{
    return heap_frame_at(t->g, frame)->sp + (uint64_t)l->offset;
}

uint32_t types_child(const struct heap_types *t, uint32_t frame)
{
    const struct graph_frame *f = heap_frame_at(t->g, frame);
    return frame > 0 &&
                   heap_frame_at(t->g, frame - 1)->goroutine == f->goroutine
               ? frame - 1
               : UINT32_MAX;
}

/* --- frames --- */

/* Which words are pointers, bits in a list that is used again. */
static bool find_live(struct heap_types *t, uint32_t frame,
                      struct vec_u64 *live)
{
    const struct span c = heap_frame_contents(t->g, frame);
    struct dump_fields fields = heap_frame_fields(t->g, frame);
    const uint64_t n_words = c.len / t->pointer_bytes;
    uint64_t offset = 0;
    /* One word more: interfaces are asked for by their second word. */
    live->n = 0;
    for (uint64_t i = 0; i < n_words / 64 + 2; i++) {
        if (!vec_u64_push(live, 0)) {
            return false;
        }
    }
    while (dump_fields_next(&fields, &offset)) {
        const uint64_t i = offset / t->pointer_bytes;
        if (i < n_words && i >> 6 < live->n) {
            live->items[i >> 6] |= UINT64_C(1) << (i & 63);
        }
    }
    return true;
}

/* Its own record says only what holds at calls. */
static bool was_interrupted(const struct heap_types *t, uint32_t frame)
{
    const uint32_t child = types_child(t, frame);
    return child != UINT32_MAX && strcmp(heap_frame_at(t->g, child)->function,
                                         "runtime.asyncPreempt") == 0;
}

/* Locals of `of` that lie in the memory `m`. */
static void scan_locals(struct heap_types *t, const struct types_memory *m,
                        uint32_t of)
{
    uint32_t n = 0;
    const struct go_local *locals = types_locals(t, of, &n);
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t address = types_local_address(t, of, &locals[i]);
        if (address >= m->base && address - m->base < m->contents.len) {
            types_scan_memory(t, m, address - m->base, locals[i].type.i, 1,
                              TYPED_BY_POINTER);
        }
    }
}

static bool from_frame(struct heap_types *t, uint32_t frame,
                       struct vec_u64 *live, struct err *err)
{
    const uint32_t child = types_child(t, frame);
    uint32_t n = 0, n_child = 0;
    (void)types_locals(t, frame, &n);
    if (child != UINT32_MAX) {
        (void)types_locals(t, child, &n_child);
    }
    if (n + n_child == 0) {
        return true;
    }
    if (!find_live(t, frame, live)) {
        return err_nomem(err, "types of objects");
    }
    const struct types_memory m = {
        .contents = heap_frame_contents(t->g, frame),
        .base = heap_frame_at(t->g, frame)->sp,
        .object = UINT32_MAX,
        .is_frame = true,
        .live = was_interrupted(t, frame) ? NULL : live->items};
    scan_locals(t, &m, frame);
    if (child != UINT32_MAX) {
        scan_locals(t, &m, child);
    }
    return types_drain(t, err);
}

bool types_from_frames(struct heap_types *t, struct err *err)
{
    struct vec_u64 live = {0};
    bool ok = find_places(t, err) && ask_locals(t, err);
    for (uint32_t i = 0; ok && i < t->g->frames.n; i++) {
        ok = from_frame(t, i, &live, err);
    }
    vec_u64_release(&live);
    return ok;
}
