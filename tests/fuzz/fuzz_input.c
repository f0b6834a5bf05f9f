/* Anything at all through the front door, whole and byte by byte: both must
   come to the same judgement. */
#include "input/input.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_bytewise(const uint8_t *data, size_t size,
                          struct snapshot *out, struct err *err)
{
    struct input *const in = input_new(NULL);
    if (!in) {
        return err_nomem(err, "input");
    }
    const struct sink sink = input_sink(in);
    bool ok = true;
    for (size_t i = 0; ok && i < size; i++) {
        ok = sink.write(sink.ctx, data + i, 1, err);
    }
    ok = ok && sink.end(sink.ctx, err) && input_finish(in, out, err);
    input_free(in);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span bytes = {(const char *)data, size};
    struct snapshot whole = {0};
    struct snapshot parts = {0};
    struct err err = {0};
    const bool ok = input_decode(bytes, NULL, &whole, &err);
    const bool is_lack = err.code == ERR_NOMEM || err.code == ERR_LIMIT;
    const bool ok_parts = read_bytewise(data, size, &parts, &err);
    if (ok != ok_parts && !is_lack && err.code != ERR_LIMIT) {
        abort();
    }
    if (ok && ok_parts && whole.kind != parts.kind) {
        abort();
    }
    snapshot_release(&whole);
    snapshot_release(&parts);
    return 0;
}
