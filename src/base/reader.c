/* After a failure the cursor is empty, so every later read ends at once. */
#include "base/reader.h"

enum { VARINT_MAX_BYTES = 10 };

static void fail(struct reader *r, const char *why)
{
    if (!r->failed) {
        r->failed = why;
    }
    r->p = r->end;
}

uint64_t reader_varint(struct reader *r)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < VARINT_MAX_BYTES; i++) {
        if (r->p == r->end) {
            fail(r, "varint is cut off");
            return 0;
        }
        const uint8_t byte = *r->p++;
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            return v;
        }
    }
    fail(r, "varint is longer than 10 bytes");
    return 0;
}

/* `n` little-endian bytes. */
static uint64_t fixed(struct reader *r, unsigned n)
{
    if (reader_left(r) < n) {
        fail(r, "fixed-width number is cut off");
        return 0;
    }
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++) {
        v |= (uint64_t)r->p[i] << (8 * i);
    }
    r->p += n;
    return v;
}

uint32_t reader_fixed32(struct reader *r)
{
    return (uint32_t)fixed(r, 4);
}

uint64_t reader_fixed64(struct reader *r)
{
    return fixed(r, 8);
}

struct reader reader_bytes(struct reader *r)
{
    const uint64_t n = reader_varint(r);
    if (n > reader_left(r)) {
        fail(r, "field is longer than what holds it");
    }
    if (!reader_ok(r)) {
        return (struct reader){r->end, r->end, r->failed};
    }
    const struct reader inner = {r->p, r->p + n, NULL};
    r->p = inner.end;
    return inner;
}

void reader_skip(struct reader *r, unsigned wire_type)
{
    if (wire_type == 0) {
        (void)reader_varint(r);
    } else if (wire_type == 1) {
        (void)reader_fixed64(r);
    } else if (wire_type == 2) {
        (void)reader_bytes(r);
    } else if (wire_type == 5) {
        (void)reader_fixed32(r);
    } else {
        fail(r, "unknown wire type");
    }
}
