/* See flow_private.h. */
#include "series/flow_private.h"

#include "series/sampling_private.h"

#include <assert.h>
#include <math.h>

/* --- scales --- */

struct flow_scales flow_scales_of(int64_t period_bytes)
{
    struct flow_scales s = {.period_bytes = period_bytes};
    for (int i = 0; i < FLOW_SCALES; i++) {
        s.slots[i] = (struct flow_scale){0, 1, 1}; /* no size: as it is */
    }
    return s;
}

/* As Go computes it (runtime/pprof, scaleHeapSample). */
static struct flow_scale scale_of(int64_t block_bytes, int64_t period_bytes)
{
    struct flow_scale s = {block_bytes, 1, 1};
    if (block_bytes > 0 && period_bytes > 1) {
        s.chance = series_chance((double)block_bytes, (double)period_bytes);
        s.scale = 1 / (1 - exp(-(double)block_bytes / (double)period_bytes));
    }
    return s;
}

static const struct flow_scale *find_scale(struct flow_scales *s,
                                           int64_t block_bytes)
{
    const uint64_t h = (uint64_t)block_bytes * UINT64_C(0x9e3779b97f4a7c15);
    struct flow_scale *slot = &s->slots[h >> 58];
    static_assert(FLOW_SCALES == 1 << (64 - 58), "the hash's bits");
    if (slot->block_bytes != block_bytes) {
        *slot = scale_of(block_bytes, s->period_bytes);
    }
    return slot;
}

/* --- cells --- */

/* What Go makes of a product; of what it could not hold, nothing. */
static uint64_t truncated(double x)
{
    return x > -9e18 && x < 9e18 ? (uint64_t)(int64_t)x : 0;
}

struct scaled {
    uint64_t objects, bytes;
};

static struct scaled scaled_of(const struct flow_scale *s, uint64_t n)
{
    const int64_t count = (int64_t)n;
    if (s->block_bytes == 0) {
        return (struct scaled){n, 0};
    }
    const double bytes = (double)(int64_t)(n * (uint64_t)s->block_bytes);
    return (struct scaled){truncated((double)count * s->scale),
                           truncated(bytes * s->scale)};
}

static uint64_t raw_count(const struct flow_scale *s, int64_t objects)
{
    if (s->block_bytes == 0 || objects <= 0) {
        return s->block_bytes == 0 ? (uint64_t)objects : 0;
    }
    return truncated(series_raw_count(objects, s->chance));
}

struct flow flow_of_cell(struct flow_scales *s, const struct stack_table *t,
                         const struct series_cell *c)
{
    const struct flow_scale *scale =
        find_scale(s, t->rows.items[c->row].block_bytes);
    struct flow f = {.row = c->row};
    f.v[FLOW_LIVE] = raw_count(scale, c->in_use);
    f.v[FLOW_BORN] = raw_count(scale, c->alloc_objects);
    const struct scaled live = scaled_of(scale, f.v[FLOW_LIVE]);
    const struct scaled born = scaled_of(scale, f.v[FLOW_BORN]);
    f.v[FLOW_LIVE_REST] = (uint64_t)c->in_use - live.objects;
    f.v[FLOW_LIVE_BYTES_REST] = (uint64_t)c->in_use_bytes - live.bytes;
    f.v[FLOW_BORN_REST] = (uint64_t)c->alloc_objects - born.objects;
    f.v[FLOW_BORN_BYTES_REST] = (uint64_t)c->alloc_bytes - born.bytes;
    return f;
}

void flow_to_cell(struct flow_scales *s, const struct stack_table *t,
                  const struct flow *f, unsigned halves, struct series_cell *c)
{
    const struct flow_scale *scale =
        find_scale(s, t->rows.items[f->row].block_bytes);
    c->row = f->row;
    if (halves & FLOW_HALF_LIVE) {
        const struct scaled live = scaled_of(scale, f->v[FLOW_LIVE]);
        c->in_use = (int64_t)(live.objects + f->v[FLOW_LIVE_REST]);
        c->in_use_bytes = (int64_t)(live.bytes + f->v[FLOW_LIVE_BYTES_REST]);
    }
    if (halves & FLOW_HALF_BORN) {
        const struct scaled born = scaled_of(scale, f->v[FLOW_BORN]);
        c->alloc_objects = (int64_t)(born.objects + f->v[FLOW_BORN_REST]);
        c->alloc_bytes = (int64_t)(born.bytes + f->v[FLOW_BORN_BYTES_REST]);
    }
}

/* --- lists --- */

bool flows_plus(const struct flows *a, const struct flows *b, struct flows *out)
{
    if (!flows_reserve(out, a->n + b->n + 1)) {
        return false;
    }
    out->n = 0;
    for (size_t i = 0, k = 0; i < a->n || k < b->n;) {
        const bool has_a =
            i < a->n && (k == b->n || a->items[i].row <= b->items[k].row);
        const bool has_b =
            k < b->n && (i == a->n || b->items[k].row <= a->items[i].row);
        struct flow *f = &out->items[out->n];
        *f = has_a ? a->items[i] : b->items[k];
        for (int n = 0; has_a && has_b && n < N_FLOW_NUMBERS; n++) {
            f->v[n] += b->items[k].v[n];
        }
        i += has_a;
        k += has_b;
        out->n += !flow_is_zero(f);
    }
    return true;
}

/* --- bytes --- */

static uint8_t *write_flow(uint8_t *p, const struct flow *f, uint32_t before)
{
    uint64_t head = (uint64_t)(f->row - before) << FLOW_HEAD_BITS;
    uint64_t rest = 0;
    for (int i = FLOW_LIVE; i <= FLOW_BORN; i++) {
        head |= (uint64_t)(f->v[i] != 0) << i;
    }
    for (int i = FLOW_LIVE_REST; i < N_FLOW_NUMBERS; i++) {
        rest |= (uint64_t)(f->v[i] != 0) << (i - FLOW_LIVE_REST);
    }
    p = varint_write(p, head | (rest != 0 ? (unsigned)FLOW_HAS_REST : 0));
    for (int i = FLOW_LIVE; i <= FLOW_BORN; i++) {
        p = f->v[i] != 0 ? varint_write(p, varint_fold(f->v[i])) : p;
    }
    if (rest == 0) {
        return p;
    }
    p = varint_write(p, rest);
    for (int i = FLOW_LIVE_REST; i < N_FLOW_NUMBERS; i++) {
        p = f->v[i] != 0 ? varint_write(p, varint_fold(f->v[i])) : p;
    }
    return p;
}

void flows_encode(const struct flows *f, struct buf *out)
{
    enum { FLOW_MAX = (N_FLOW_NUMBERS + 2) * VARINT_MAX, BLOCK = 64 };
    uint8_t bytes[BLOCK * FLOW_MAX];
    uint32_t before = 0;
    for (size_t i = 0; i < f->n;) {
        uint8_t *end = bytes;
        for (size_t k = 0; k < BLOCK && i < f->n; k++, i++) {
            end = write_flow(end, &f->items[i], before);
            before = f->items[i].row;
        }
        buf_add(out, bytes, (size_t)(end - bytes));
    }
}

bool flows_decode(struct span bytes, struct flows *out)
{
    struct flow_reader in = flow_reader_of(bytes);
    out->n = 0;
    while (flow_reader_next(&in)) {
        struct flow f = {.row = in.row};
        (void)flow_reader_add(&in, &f);
        if (!flows_push(out, f)) {
            return false;
        }
    }
    return true;
}
