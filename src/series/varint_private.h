/* Numbers and texts as bytes, for what series/ keeps and hands to stores:
   base-128 varints, signed ones folded to small numbers, texts with a length.
 */
#ifndef SEEP_SERIES_VARINT_PRIVATE_H
#define SEEP_SERIES_VARINT_PRIVATE_H

#include "base/buf.h"
#include "base/reader.h"

/* Bytes of the longest varint. */
enum { VARINT_MAX = 10 };

/* Writes at `p`, which has VARINT_MAX bytes; returns the end. */
static inline uint8_t *varint_write(uint8_t *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

/* 0, -1, 1, -2, ... as 0, 1, 2, 3, ...; in two's complement, so that any
   difference of two numbers survives. */
static inline uint64_t varint_fold(uint64_t v)
{
    return (v << 1) ^ (UINT64_C(0) - (v >> 63));
}

static inline uint64_t varint_unfold(uint64_t v)
{
    return (v >> 1) ^ (UINT64_C(0) - (v & 1));
}

static inline void varint_put(struct buf *b, uint64_t v)
{
    uint8_t bytes[VARINT_MAX];
    buf_add(b, bytes, (size_t)(varint_write(bytes, v) - bytes));
}

static inline void varint_put_signed(struct buf *b, int64_t v)
{
    varint_put(b, varint_fold((uint64_t)v));
}

static inline void varint_put_text(struct buf *b, struct span text)
{
    varint_put(b, text.len);
    buf_span(b, text);
}

/* Most are one byte: those are read here. */
static inline uint64_t varint_get(struct reader *r)
{
    if (r->p < r->end && *r->p < 0x80) {
        return *r->p++;
    }
    return reader_varint(r);
}

static inline int64_t varint_get_signed(struct reader *r)
{
    return (int64_t)varint_unfold(varint_get(r));
}

/* Borrowed from the bytes. */
static inline struct span varint_get_text(struct reader *r)
{
    const struct reader text = reader_bytes(r);
    return (struct span){(const char *)text.p, reader_left(&text)};
}

#endif
