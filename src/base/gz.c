/*
 * An engine inflates (gz_private.h); this file decides what a complete gzip
 * stream is and names what is wrong with the others. Offsets are those of the
 * compressed input. Compression is zlib's.
 */
#include "base/gz.h"

#include "base/buf.h"
#include "base/gz_private.h"

#include <stdlib.h>
#define ZLIB_CONST /* next_in points to const bytes */
#include <zlib.h>

#include "base/banned.h"

enum {
    /* What is inflated in one go: after each the engines save 32 KiB of it,
       and copy from there what is repeated. Larger ones leave the cache. */
    GZ_INFLATED_BYTES = 128 << 10,
    /* The first block: most profiles fit, and to take and give back more than
       64 KiB each time makes glibc tidy its whole heap. */
    GZ_FIRST_BYTES = 32 << 10,
    GZ_DEFLATED_BYTES = 64 << 10,
    /* 16 tells zlib to write gzip; 15 is the largest window. */
    GZ_WINDOW_BITS = 16 + 15,
};

struct gz_reader {
    struct gz_engine *engine;
    struct sink out;
    uint64_t limit_bytes;
    uint64_t offered_bytes;      /* compressed, all that came in */
    uint64_t produced_bytes;     /* inflated and passed on */
    uint64_t member_start_bytes; /* offset of the current member */
    uint64_t n_members;          /* finished ones */
    bool is_inside;              /* a member has begun and not ended */
    bool has_failed;
    uint8_t *block;
    size_t block_bytes;
};

bool gz_is_magic(const uint8_t *p, size_t n)
{
    return n >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

struct gz_reader *gz_reader_new(struct sink out, uint64_t limit_bytes)
{
    struct gz_reader *g = calloc(1, sizeof(*g));
    if (!g) {
        return NULL;
    }
    g->out = out;
    g->limit_bytes = limit_bytes;
    g->engine = gz_engine_new();
    g->block = malloc(GZ_FIRST_BYTES);
    g->block_bytes = GZ_FIRST_BYTES;
    if (!g->engine || !g->block) {
        gz_reader_free(g);
        return NULL;
    }
    return g;
}

/* Offset of the next byte to be inflated. */
static uint64_t consumed_bytes(const struct gz_reader *g,
                               const struct gz_io *io)
{
    return g->offered_bytes - io->n_in - gz_engine_read_ahead(g->engine);
}

static bool pass_on(struct gz_reader *g, const struct gz_io *io,
                    struct err *err)
{
    const size_t n = g->block_bytes - io->n_out;
    if (n > g->limit_bytes - g->produced_bytes) {
        return err_set_at(err, ERR_LIMIT, consumed_bytes(g, io),
                          "gzip data inflates to more than %llu bytes",
                          (unsigned long long)g->limit_bytes);
    }
    g->produced_bytes += n;
    return n == 0 || g->out.write(g->out.ctx, g->block, n, err);
}

/* It is not so small a stream. What is in the block was passed on. */
static bool grow_block(struct gz_reader *g)
{
    if (g->block_bytes == GZ_INFLATED_BYTES) {
        return true;
    }
    free(g->block);
    g->block = malloc(GZ_INFLATED_BYTES);
    g->block_bytes = GZ_INFLATED_BYTES;
    return g->block != NULL;
}

/* One block of output, or as much as the input gives. */
static bool inflate_block(struct gz_reader *g, struct gz_io *io,
                          struct err *err)
{
    if (g->produced_bytes >= g->block_bytes && !grow_block(g)) {
        return err_nomem(err, "inflating");
    }
    io->out = g->block;
    io->n_out = g->block_bytes;
    const enum gz_step step = gz_engine_step(g->engine, io);
    if (step == GZ_STEP_NO_MEMORY) {
        return err_nomem(err, "inflating");
    }
    if (!pass_on(g, io, err)) {
        return false;
    }
    switch (step) {
    case GZ_STEP_MORE:
    case GZ_STEP_NO_MEMORY:
        break;
    case GZ_STEP_END:
        g->is_inside = false;
        g->n_members++;
        break;
    case GZ_STEP_BAD_HEADER:
        /* Of a header it is the start that is worth naming. */
        return err_set_at(err, ERR_FORMAT, g->member_start_bytes, "%s",
                          io->message);
    case GZ_STEP_BAD_TRAILER:
        return err_set_at(err, ERR_FORMAT, consumed_bytes(g, io), "%s",
                          io->message);
    case GZ_STEP_DAMAGED:
        return err_set_at(err, ERR_FORMAT, consumed_bytes(g, io),
                          "gzip data is damaged");
    }
    return true;
}

/* The first byte tells another member from garbage. */
static bool begin_member(struct gz_reader *g, const struct gz_io *io,
                         struct err *err)
{
    if (g->n_members > 0 && io->in[0] != 0x1f) {
        return err_set_at(err, ERR_FORMAT, consumed_bytes(g, io),
                          "data after the end of the gzip stream");
    }
    g->is_inside = true;
    g->member_start_bytes = consumed_bytes(g, io);
    return true;
}

bool gz_reader_write(struct gz_reader *g, const uint8_t *p, size_t n,
                     struct err *err)
{
    if (g->has_failed) {
        return err_set(err, ERR_INTERNAL, "gzip reader has failed before");
    }
    struct gz_io io = {.in = p, .n_in = n};
    g->offered_bytes += n;
    /* A full block of output may have left some behind. */
    while (io.n_in > 0 || (g->is_inside && io.out != NULL && io.n_out == 0)) {
        if ((!g->is_inside && !begin_member(g, &io, err)) ||
            !inflate_block(g, &io, err)) {
            g->has_failed = true;
            return false;
        }
    }
    return true;
}

bool gz_reader_end(struct gz_reader *g, struct err *err)
{
    if (g->has_failed) {
        return err_set(err, ERR_INTERNAL, "gzip reader has failed before");
    }
    if (g->is_inside || g->n_members == 0) {
        return err_set_at(err, ERR_FORMAT, g->offered_bytes,
                          "gzip data is truncated");
    }
    return g->out.end(g->out.ctx, err);
}

uint64_t gz_reader_total(const struct gz_reader *g)
{
    return g->produced_bytes;
}

void gz_reader_free(struct gz_reader *g)
{
    if (g) {
        gz_engine_free(g->engine);
        free(g->block);
        free(g);
    }
}

/* --- compression --- */

struct gz_writer {
    struct sink out;
    z_stream z;
    uint8_t block[GZ_DEFLATED_BYTES];
};

struct gz_writer *gz_writer_new(struct sink out, int level)
{
    enum { MEMORY_LEVEL = 8 };
    struct gz_writer *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return NULL;
    }
    g->out = out;
    if (deflateInit2(&g->z, level, Z_DEFLATED, GZ_WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(g);
        return NULL;
    }
    return g;
}

/* Lets deflate work until it wants more input, or is done when finishing. */
static bool deflate_some(struct gz_writer *g, const uint8_t *p, uInt n,
                         int flush, struct err *err)
{
    g->z.next_in = (z_const Bytef *)p;
    g->z.avail_in = n;
    int rc = Z_OK;
    do {
        g->z.next_out = g->block;
        g->z.avail_out = sizeof(g->block);
        rc = deflate(&g->z, flush);
        if (rc == Z_STREAM_ERROR) {
            return err_set(err, ERR_INTERNAL, "deflate state");
        }
        const size_t done = sizeof(g->block) - g->z.avail_out;
        if (done > 0 && !g->out.write(g->out.ctx, g->block, done, err)) {
            return false;
        }
    } while (flush == Z_FINISH ? rc != Z_STREAM_END : g->z.avail_out == 0);
    return true;
}

bool gz_writer_write(struct gz_writer *g, const uint8_t *p, size_t n,
                     struct err *err)
{
    const size_t piece = (size_t)1 << 30; /* zlib counts in 32 bits */
    while (n > piece) {
        if (!deflate_some(g, p, (uInt)piece, Z_NO_FLUSH, err)) {
            return false;
        }
        p += piece;
        n -= piece;
    }
    return n == 0 || deflate_some(g, p, (uInt)n, Z_NO_FLUSH, err);
}

bool gz_writer_end(struct gz_writer *g, struct err *err)
{
    return deflate_some(g, NULL, 0, Z_FINISH, err) &&
           g->out.end(g->out.ctx, err);
}

void gz_writer_free(struct gz_writer *g)
{
    if (g != NULL) {
        deflateEnd(&g->z);
        free(g);
    }
}

static bool write_to_buf(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct buf *out = ctx;
    buf_add(out, p, n);
    return buf_check(out, "compressed data", err);
}

static bool end_nothing(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

bool gz_compress(const uint8_t *p, size_t n, int level, struct buf *out,
                 struct err *err)
{
    const struct sink sink = {out, write_to_buf, end_nothing};
    struct gz_writer *g = gz_writer_new(sink, level);
    if (g == NULL) {
        return err_nomem(err, "compression");
    }
    const bool ok = gz_writer_write(g, p, n, err) && gz_writer_end(g, err);
    gz_writer_free(g);
    return ok;
}
