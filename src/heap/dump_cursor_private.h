/*
 * Integers of a dump, read from memory that is not trusted: the cursor never
 * passes its end, and after the first bad byte it stays at the end with
 * `has_failed` set, so that a record is a straight line and asks once. Inline,
 * since a dump has tens of millions of them.
 */
#ifndef SEEP_HEAP_DUMP_CURSOR_PRIVATE_H
#define SEEP_HEAP_DUMP_CURSOR_PRIVATE_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { DUMP_VARINT_MAX = 10 };

struct dump_cursor {
    const uint8_t *p, *end;
    bool has_failed;
};

static inline uint64_t dump_fail(struct dump_cursor *c)
{
    c->has_failed = true;
    c->p = c->end;
    return 0;
}

/* Bytes after the first of a varint. */
static inline uint64_t dump_varint_rest(struct dump_cursor *c)
{
    uint64_t v = 0;
    const uint8_t *p = c->p;
    for (unsigned shift = 0; shift < 7U * DUMP_VARINT_MAX; shift += 7) {
        if (p == c->end) {
            return dump_fail(c);
        }
        const uint8_t byte = *p++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            c->p = p;
            return v;
        }
    }
    return dump_fail(c);
}

static inline uint64_t dump_varint(struct dump_cursor *c)
{
    if (c->p != c->end && *c->p < 0x80) {
        return *c->p++;
    }
    return dump_varint_rest(c);
}

static inline struct span dump_take(struct dump_cursor *c, uint64_t n)
{
    if (n > (uint64_t)(c->end - c->p)) {
        dump_fail(c);
        return (struct span){0};
    }
    const struct span taken = {(const char *)c->p, (size_t)n};
    c->p += n;
    return taken;
}

static inline struct span dump_text(struct dump_cursor *c)
{
    const uint64_t len = dump_varint(c);
    return dump_take(c, len);
}

/* --- fields --- */

enum { DUMP_FIELD_INTERFACE = 2, DUMP_FIELD_EMPTY_INTERFACE = 3 };

/* The next pointer of a list. False at its end, the cursor behind it; and
   where it is damaged, the cursor failed. An interface is the pointer in its
   second word. */
static inline bool dump_field(struct dump_cursor *c, unsigned pointer_bytes,
                              uint64_t *offset)
{
    if (c->p == c->end || *c->p > DUMP_FIELD_EMPTY_INTERFACE) {
        dump_fail(c);
        return false;
    }
    const uint8_t kind = *c->p++;
    if (kind == 0) {
        return false;
    }
    const uint64_t at = dump_varint(c);
    *offset = kind >= DUMP_FIELD_INTERFACE ? at + pointer_bytes : at;
    return !c->has_failed;
}

/* --- words of the dumped process --- */

/* Spelled out, so that a compiler makes one load of it. */
static inline uint64_t dump_little32(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
           (uint64_t)p[3] << 24;
}

static inline uint64_t dump_little64(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
           (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
           (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static inline uint64_t dump_word(const uint8_t *p, unsigned pointer_bytes,
                                 bool is_big_endian)
{
    if (!is_big_endian) {
        return pointer_bytes == 8 ? dump_little64(p) : dump_little32(p);
    }
    uint64_t v = 0;
    for (unsigned i = 0; i < pointer_bytes; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

#endif
