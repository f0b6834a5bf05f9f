/*
 * How a history keeps cells: as counts of what was sampled. Go scales a count
 * of a few samples to millions of objects and their bytes; from the count both
 * can be computed again, exactly as Go does, and a rest says where that fails
 * (texts without sizes, profiles of other tools). Counts are small, and from
 * one moment to the next they hardly differ: what is kept is differences.
 */
#ifndef SEEP_SERIES_FLOW_PRIVATE_H
#define SEEP_SERIES_FLOW_PRIVATE_H

#include "series/points_private.h"
#include "series/varint_private.h"

/* Numbers of one row. Sums and differences wrap, so that nothing is lost. */
enum flow_number {
    FLOW_LIVE, /* sampled objects in use, or goroutines */
    FLOW_BORN, /* sampled objects ever allocated */
    FLOW_LIVE_REST,
    FLOW_LIVE_BYTES_REST,
    FLOW_BORN_REST,
    FLOW_BORN_BYTES_REST,
    N_FLOW_NUMBERS
};
struct flow {
    uint32_t row;
    uint64_t v[N_FLOW_NUMBERS];
};
VEC_TYPE(flows, struct flow)

/* Scales by size of block, for one period. Most rows share a few sizes. */
enum { FLOW_SCALES = 64 };
struct flow_scale {
    int64_t block_bytes;
    double chance, scale;
};
struct flow_scales {
    int64_t period_bytes;
    struct flow_scale slots[FLOW_SCALES];
};
struct flow_scales flow_scales_of(int64_t period_bytes);

/* A cell as a flow and back; the row's size of blocks is the table's. Back in
   halves, since mostly one of them has changed. */
enum { FLOW_HALF_LIVE = 1, FLOW_HALF_BORN = 2, FLOW_BOTH = 3 };
struct flow flow_of_cell(struct flow_scales *s, const struct stack_table *t,
                         const struct series_cell *c);
void flow_to_cell(struct flow_scales *s, const struct stack_table *t,
                  const struct flow *f, unsigned halves, struct series_cell *c);

static inline bool flow_is_zero(const struct flow *f)
{
    uint64_t any = 0;
    for (int i = 0; i < N_FLOW_NUMBERS; i++) {
        any |= f->v[i];
    }
    return any == 0;
}

/* Sum of two sorted lists; rows that come to nothing are left out. */
bool flows_plus(const struct flows *a, const struct flows *b,
                struct flows *out);

/* As bytes, appended; and back. Trusted: they never leave this process. */
void flows_encode(const struct flows *f, struct buf *out);
bool flows_decode(struct span bytes, struct flows *out);

/* --- one by one, inline: a history reads thousands at a time --- */

enum { FLOW_HAS_REST = 4, FLOW_HEAD_BITS = 3 };

struct flow_reader {
    struct reader r;
    uint32_t row;
    unsigned head; /* bits: FLOW_HALF_LIVE, FLOW_HALF_BORN, FLOW_HAS_REST */
};

static inline struct flow_reader flow_reader_of(struct span bytes)
{
    return (struct flow_reader){.r = reader_of(bytes.p, bytes.len)};
}

/* The head of the next flow; false at the end. */
static inline bool flow_reader_next(struct flow_reader *in)
{
    if (in->r.p == in->r.end) {
        return false;
    }
    const uint64_t head = varint_get(&in->r);
    in->row += (uint32_t)(head >> FLOW_HEAD_BITS);
    in->head = (unsigned)head;
    return true;
}

/* Adds its numbers to `f`; returns the halves that change. */
static inline unsigned flow_reader_add(struct flow_reader *in, struct flow *f)
{
    if (in->head & FLOW_HALF_LIVE) {
        f->v[FLOW_LIVE] += varint_unfold(varint_get(&in->r));
    }
    if (in->head & FLOW_HALF_BORN) {
        f->v[FLOW_BORN] += varint_unfold(varint_get(&in->r));
    }
    if (in->head & FLOW_HAS_REST) {
        const uint64_t mask = varint_get(&in->r);
        for (int i = FLOW_LIVE_REST; i < N_FLOW_NUMBERS; i++) {
            if (mask >> (i - FLOW_LIVE_REST) & 1) {
                f->v[i] += varint_unfold(varint_get(&in->r));
            }
        }
        return FLOW_BOTH;
    }
    return in->head & FLOW_BOTH;
}

#endif
