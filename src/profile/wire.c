#include "profile/wire_private.h"

const uint8_t *wire_varint_long(const uint8_t *p, uint64_t *v)
{
    uint64_t x = 0;
    for (unsigned i = 0; i < 10; i++) {
        const uint64_t b = p[i];
        x |= (b & 0x7f) << (7 * i);
        if (b < 0x80) {
            *v = x;
            return p + i + 1;
        }
    }
    return NULL;
}

bool wire_next_long(struct wire *w, struct wire_field *f)
{
    if (w->p > w->end) {
        wire_fail(w, w->end, "a field is longer than its message");
        return false;
    }
    const uint8_t *at = w->p;
    const uint64_t tag = wire_varint(w);
    f->number = tag >> 3 < WIRE_UNKNOWN ? (uint32_t)(tag >> 3) : WIRE_UNKNOWN;
    f->type = tag & 7;
    switch (f->type) {
    case WIRE_VARINT:
        f->v = wire_varint(w);
        break;
    case WIRE_BYTES:
        f->len = wire_length(w);
        f->p = w->p;
        w->p += f->len;
        break;
    case WIRE_FIXED64:
        w->p += 8;
        break;
    case WIRE_FIXED32:
        w->p += 4;
        break;
    default:
        wire_fail(w, at, "a field has a wire type that does not exist");
        break;
    }
    if (w->p > w->end) {
        wire_fail(w, at, "a field is longer than its message");
    }
    return w->bad == NULL;
}
