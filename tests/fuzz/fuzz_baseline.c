/*
 * A baseline or a findings document: no crash; what is read is written, and
 * reads as the same bytes again.
 */
#include "review/review.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf write_it(const struct baseline *b)
{
    struct buf out = BUF_LIMIT((size_t)256 << 20);
    struct err err = {0};
    if (!baseline_write(b, &out, &err)) {
        abort();
    }
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct baseline b;
    struct baseline again;
    struct err err = {0};
    if (!baseline_read((struct span){(const char *)data, size}, "x", &b,
                       &err)) {
        return 0;
    }
    struct buf first = write_it(&b);
    if (!baseline_read(buf_view(&first), "x", &again, &err)) {
        abort();
    }
    struct buf second = write_it(&again);
    if (!span_eq(buf_view(&first), buf_view(&second))) {
        abort();
    }
    buf_release(&first);
    buf_release(&second);
    baseline_release(&b);
    baseline_release(&again);
    return 0;
}
