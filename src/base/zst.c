/* libzstd does the work; its error codes are put into the words of gz.c. */
#include "base/zst.h"

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
    ZST_BLOCK_BYTES = 64 << 10,
    /* 128 MiB, zstd's own default for streams; the window is allocated
       before a byte of it is proven. */
    ZST_WINDOW_LOG_MAX = 27,
};

struct zst_reader {
    ZSTD_DCtx *ctx;
    struct sink out;
    uint64_t limit_bytes;
    uint64_t consumed_bytes;
    uint64_t produced_bytes;
    uint64_t n_frames; /* finished ones */
    bool is_inside;    /* a frame has begun and not ended */
    bool has_failed;
    uint8_t block[ZST_BLOCK_BYTES];
};

bool zst_is_magic(const uint8_t *p, size_t n)
{
    return n >= 4 && p[0] == 0x28 && p[1] == 0xb5 && p[2] == 0x2f &&
           p[3] == 0xfd;
}

struct zst_reader *zst_reader_new(struct sink out, uint64_t limit_bytes)
{
    struct zst_reader *z = calloc(1, sizeof(*z));
    if (!z) {
        return NULL;
    }
    z->ctx = ZSTD_createDCtx();
    if (!z->ctx || ZSTD_isError(ZSTD_DCtx_setParameter(
                       z->ctx, ZSTD_d_windowLogMax, ZST_WINDOW_LOG_MAX))) {
        zst_reader_free(z);
        return NULL;
    }
    z->out = out;
    z->limit_bytes = limit_bytes;
    return z;
}

static bool fail_data(const struct zst_reader *z, size_t rc, struct err *err)
{
    const ZSTD_ErrorCode code = ZSTD_getErrorCode(rc);
    if (code == ZSTD_error_memory_allocation) {
        return err_nomem(err, "decompressing");
    }
    if (code == ZSTD_error_frameParameter_windowTooLarge) {
        return err_set_at(err, ERR_LIMIT, z->consumed_bytes,
                          "zstd window is larger than 128 MiB");
    }
    if (code == ZSTD_error_checksum_wrong) {
        return err_set_at(err, ERR_FORMAT, z->consumed_bytes,
                          "zstd checksum does not match");
    }
    if (code == ZSTD_error_prefix_unknown) {
        return err_set_at(err, ERR_FORMAT, z->consumed_bytes, "%s",
                          z->n_frames ? "data after the end of the zstd stream"
                                      : "not zstd data");
    }
    return err_set_at(err, ERR_FORMAT, z->consumed_bytes,
                      "zstd data is damaged: %s", ZSTD_getErrorName(rc));
}

static bool pass_on(struct zst_reader *z, size_t n, struct err *err)
{
    if (n > z->limit_bytes - z->produced_bytes) {
        return err_set_at(err, ERR_LIMIT, z->consumed_bytes,
                          "zstd data decompresses to more than %llu bytes",
                          (unsigned long long)z->limit_bytes);
    }
    z->produced_bytes += n;
    return n == 0 || z->out.write(z->out.ctx, z->block, n, err);
}

/* Frames begin with 0x28 (data) or 0x50..0x5f (skippable). */
static bool begin_frame(struct zst_reader *z, uint8_t first, struct err *err)
{
    if (z->n_frames > 0 && first != 0x28 && (first & 0xf0) != 0x50) {
        return err_set_at(err, ERR_FORMAT, z->consumed_bytes,
                          "data after the end of the zstd stream");
    }
    z->is_inside = true;
    return true;
}

static bool decompress(struct zst_reader *z, const uint8_t *p, size_t n,
                       struct err *err)
{
    ZSTD_inBuffer in = {p, n, 0};
    bool has_more = false;
    while (in.pos < in.size || has_more) {
        if (!z->is_inside && !begin_frame(z, p[in.pos], err)) {
            return false;
        }
        ZSTD_outBuffer out = {z->block, sizeof(z->block), 0};
        const size_t had = in.pos;
        const size_t rc = ZSTD_decompressStream(z->ctx, &out, &in);
        z->consumed_bytes += in.pos - had;
        if (ZSTD_isError(rc)) {
            return fail_data(z, rc, err);
        }
        if (!pass_on(z, out.pos, err)) {
            return false;
        }
        z->is_inside = rc != 0;
        z->n_frames += rc == 0;
        has_more = z->is_inside && out.pos == out.size;
    }
    return true;
}

bool zst_reader_write(struct zst_reader *z, const uint8_t *p, size_t n,
                      struct err *err)
{
    if (z->has_failed) {
        return err_set(err, ERR_INTERNAL, "zstd reader has failed before");
    }
    z->has_failed = !decompress(z, p, n, err);
    return !z->has_failed;
}

bool zst_reader_end(struct zst_reader *z, struct err *err)
{
    if (z->has_failed) {
        return err_set(err, ERR_INTERNAL, "zstd reader has failed before");
    }
    if (z->is_inside || z->n_frames == 0) {
        return err_set_at(err, ERR_FORMAT, z->consumed_bytes,
                          "zstd data is truncated");
    }
    return z->out.end(z->out.ctx, err);
}

uint64_t zst_reader_total(const struct zst_reader *z)
{
    return z->produced_bytes;
}

void zst_reader_free(struct zst_reader *z)
{
    if (z) {
        ZSTD_freeDCtx(z->ctx);
        free(z);
    }
}
