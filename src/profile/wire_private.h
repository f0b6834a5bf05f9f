/*
 * Protobuf's wire primitives at the speed a profile needs. reader.h checks
 * every byte; here the caller promises WIRE_PADDING readable bytes behind the
 * end, so a varint may be read without looking at it, and each message
 * compares its cursor with its end once. Plain branches: measured faster than
 * every branch-free variant.
 */
#ifndef SEEP_PROFILE_WIRE_PRIVATE_H
#define SEEP_PROFILE_WIRE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A tag and a value, of ten bytes each, may begin before the end. */
enum { WIRE_PADDING = 32 };

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5
};

/* Sticky: once `bad` is set the cursor stands at `end`. */
struct wire {
    const uint8_t *p;
    const uint8_t *end;
    const char *bad;       /* why, static text; NULL while fine */
    const uint8_t *bad_at; /* the byte it speaks of */
};

/* One field: for WIRE_BYTES `p` and `len` are the payload, else `v`. */
struct wire_field {
    uint32_t number; /* WIRE_UNKNOWN when above every number we know */
    uint32_t type;
    uint64_t v;
    const uint8_t *p;
    size_t len;
};

enum { WIRE_UNKNOWN = 1000 };

/* Four bytes and more; NULL when it is longer than ten. */
const uint8_t *wire_varint_long(const uint8_t *p, uint64_t *v);

static inline struct wire wire_of(const uint8_t *p, size_t n)
{
    return (struct wire){p, p + n, NULL, NULL};
}

static inline void wire_fail(struct wire *w, const uint8_t *at, const char *why)
{
    if (w->bad == NULL) {
        w->bad = why;
        w->bad_at = at;
    }
    w->p = w->end;
}

/* May leave the cursor behind `end`; whoever loops compares. */
static inline const uint8_t *wire_varint_at(const uint8_t *p, uint64_t *v)
{
    uint64_t b = p[0];
    if (b < 0x80) {
        *v = b;
        return p + 1;
    }
    uint64_t x = b & 0x7f;
    b = p[1];
    if (b < 0x80) {
        *v = x | b << 7;
        return p + 2;
    }
    x |= (b & 0x7f) << 7;
    b = p[2];
    if (b < 0x80) {
        *v = x | b << 14;
        return p + 3;
    }
    return wire_varint_long(p, v);
}

static inline uint64_t wire_varint(struct wire *w)
{
    uint64_t v = 0;
    const uint8_t *p = wire_varint_at(w->p, &v);
    if (p == NULL) {
        wire_fail(w, w->p, "a varint is longer than ten bytes");
        return 0;
    }
    w->p = p;
    return v;
}

/* The payload length of a field, checked against the message's end. */
static inline size_t wire_length(struct wire *w)
{
    const uint8_t *at = w->p;
    const uint64_t n = wire_varint(w);
    if (w->bad != NULL || w->p > w->end || n > (uint64_t)(w->end - w->p)) {
        wire_fail(w, at, "a field is longer than its message");
        return 0;
    }
    return (size_t)n;
}

/* wire_next() for what is not short. */
bool wire_next_long(struct wire *w, struct wire_field *f);

/* The next field; false at the end of the message or when it is bad. Nearly
   every field has a tag and a length or value of one byte each. */
static inline bool wire_next(struct wire *w, struct wire_field *f)
{
    const uint8_t *p = w->p;
    if (p == w->end) {
        return false;
    }
    const uint32_t tag = p[0];
    const uint32_t second = p[1];
    const bool is_short = tag - 8 < 0x78 && second < 0x80 && w->end - p >= 2;
    f->number = tag >> 3;
    f->type = tag & 7;
    if (is_short && f->type == WIRE_VARINT) {
        f->v = second;
        w->p = p + 2;
        return true;
    }
    if (is_short && f->type == WIRE_BYTES && w->end - p >= 2 + (int)second) {
        f->p = p + 2;
        f->len = second;
        w->p = p + 2 + second;
        return true;
    }
    return wire_next_long(w, f);
}

/* The value of a field that must be a plain integer. */
static inline uint64_t wire_scalar(struct wire *w, const struct wire_field *f)
{
    if (f->type != WIRE_VARINT) {
        wire_fail(w, w->p, "a number has the wrong wire type");
        return 0;
    }
    return f->v;
}

/* An index into the string table; the table ends below 2^32. */
static inline uint32_t wire_string(struct wire *w, const struct wire_field *f)
{
    const uint64_t v = wire_scalar(w, f);
    if (v > UINT32_MAX - 1) {
        wire_fail(w, w->p, "a string index is out of range");
        return 0;
    }
    return (uint32_t)v;
}

#endif
