/*
 * gzip and zstd readers on any bytes, cut where the first byte says: no
 * crash, no more output than the limit, and the same verdict and bytes
 * however the input is cut.
 */
#include "base/buf.h"
#include "base/gz.h"
#include "base/zst.h"

#include <stdlib.h>

enum { FUZZ_LIMIT_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool collect(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct buf *b = ctx;
    buf_add(b, p, n);
    return buf_check(b, "output", err);
}

static bool done(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

static bool run_gz(struct span in, size_t piece, struct buf *out)
{
    struct err err = {0};
    struct gz_reader *g =
        gz_reader_new((struct sink){out, collect, done}, FUZZ_LIMIT_BYTES);
    bool ok = g != NULL;
    for (size_t at = 0; ok && at < in.len; at += piece) {
        const struct span part = span_first(span_from(in, at), piece);
        ok = gz_reader_write(g, (const uint8_t *)part.p, part.len, &err);
    }
    ok = ok && gz_reader_end(g, &err);
    gz_reader_free(g);
    return ok;
}

static bool run_zst(struct span in, size_t piece, struct buf *out)
{
    struct err err = {0};
    struct zst_reader *z =
        zst_reader_new((struct sink){out, collect, done}, FUZZ_LIMIT_BYTES);
    bool ok = z != NULL;
    for (size_t at = 0; ok && at < in.len; at += piece) {
        const struct span part = span_first(span_from(in, at), piece);
        ok = zst_reader_write(z, (const uint8_t *)part.p, part.len, &err);
    }
    ok = ok && zst_reader_end(z, &err);
    zst_reader_free(z);
    return ok;
}

typedef bool run_fn(struct span in, size_t piece, struct buf *out);

static void compare(run_fn *run, struct span in, size_t piece)
{
    struct buf whole = BUF_LIMIT(FUZZ_LIMIT_BYTES);
    struct buf parts = BUF_LIMIT(FUZZ_LIMIT_BYTES);
    const bool whole_ok = run(in, in.len, &whole);
    const bool parts_ok = run(in, piece, &parts);
    if (whole_ok != parts_ok ||
        (whole_ok && !span_eq(buf_view(&whole), buf_view(&parts)))) {
        abort();
    }
    buf_release(&whole);
    buf_release(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const struct span in = {(const char *)data + 1, size - 1};
    const size_t piece = (size_t)data[0] + 1;
    if (zst_is_magic(data + 1, size - 1)) {
        compare(run_zst, in, piece);
    } else {
        compare(run_gz, in, piece);
    }
    return 0;
}
