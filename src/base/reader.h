/*
 * A bounded cursor over bytes that fails sticky: after the first bad read it
 * returns zeros and reader_ok() says false, so that decoders are straight
 * lines and ask once per message. Knows protobuf's wire primitives.
 */
#ifndef SEEP_BASE_READER_H
#define SEEP_BASE_READER_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct reader {
    const uint8_t *p;
    const uint8_t *end;
    const char *failed; /* why, static text; NULL while fine */
};

static inline struct reader reader_of(const void *p, size_t n)
{
    const uint8_t *bytes = p;
    return (struct reader){bytes, n ? bytes + n : bytes, NULL};
}

static inline bool reader_ok(const struct reader *r)
{
    return r->failed == NULL;
}

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->p);
}

/* Base-128 varint of at most 10 bytes, low 64 bits (as protobuf does). */
uint64_t reader_varint(struct reader *r);
uint32_t reader_fixed32(struct reader *r);
uint64_t reader_fixed64(struct reader *r);

/* A length-delimited field: the length is read and bounded, the cursor moves
   past it, the returned cursor covers it. */
struct reader reader_bytes(struct reader *r);

/* Skips the payload of a field with this wire type (0, 1, 2, 5). */
void reader_skip(struct reader *r, unsigned wire_type);

#endif
