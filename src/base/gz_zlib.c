/*
 * zlib inflates and checks the header. The checksum is ours (base/crc.h), since
 * zlib's takes an eighth of the time of all inflating: once the header is
 * over, zlib is told to leave the trailer unchecked, and what it took last is
 * compared here. zlib takes no more input than it uses.
 */
#include "base/crc.h"
#include "base/gz_private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* next_in points to const bytes */
#include <zlib.h>

#include "base/banned.h"

enum { TRAILER_BYTES = 8 };

struct gz_engine {
    z_stream z;
    gz_header header; /* its `done` says when the body begins */
    bool is_in_body;
    uint32_t crc, n_bytes; /* of the body so far, the latter modulo 2^32 */
    uint8_t tail[TRAILER_BYTES]; /* what was taken last */
};

/* zlib's messages on headers in our words; what is not listed is damage. */
static const struct {
    const char *zlib, *ours;
} messages[] = {
    {"incorrect header check",     "not gzip data"                       },
    {"unknown compression method", "gzip header: unknown method"         },
    {"unknown header flags set",   "gzip header: unknown flags"          },
    {"header crc mismatch",        "gzip header: checksum does not match"},
};

static void *take(void *opaque, uInt n, uInt unit)
{
    (void)opaque;
    return calloc(n, unit);
}

static void give_back(void *opaque, void *p)
{
    (void)opaque;
    free(p);
}

struct gz_engine *gz_engine_new(void)
{
    /* 16 tells zlib to accept gzip only; 15 is the largest window. */
    enum { WINDOW_BITS = 16 + 15 };
    struct gz_engine *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return NULL;
    }
    e->z.zalloc = take;
    e->z.zfree = give_back;
    if (inflateInit2(&e->z, WINDOW_BITS) != Z_OK) {
        free(e);
        return NULL;
    }
    (void)inflateGetHeader(&e->z, &e->header);
    return e;
}

static enum gz_step judge(const char *said, struct gz_io *io)
{
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (said != NULL && strcmp(said, messages[i].zlib) == 0) {
            io->message = messages[i].ours;
            return GZ_STEP_BAD_HEADER;
        }
    }
    return GZ_STEP_DAMAGED;
}

static uInt part_of(size_t n)
{
    return n > UINT_MAX ? UINT_MAX : (uInt)n;
}

static void keep_tail(struct gz_engine *e, const uint8_t *end, size_t n)
{
    const size_t fresh = n < TRAILER_BYTES ? n : TRAILER_BYTES;
    memmove(e->tail, e->tail + fresh, TRAILER_BYTES - fresh);
    if (fresh > 0) {
        memcpy(e->tail + TRAILER_BYTES - fresh, end - fresh, fresh);
    }
}

static uint32_t little_endian(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

/* The member is over; the next one begins with a header. */
static enum gz_step end_member(struct gz_engine *e, struct gz_io *io)
{
    const bool has_crc = little_endian(e->tail) == e->crc;
    const bool has_length = little_endian(e->tail + 4) == e->n_bytes;
    e->is_in_body = false;
    e->crc = 0;
    e->n_bytes = 0;
    if (inflateReset(&e->z) != Z_OK || inflateValidate(&e->z, 1) != Z_OK ||
        inflateGetHeader(&e->z, &e->header) != Z_OK) {
        return GZ_STEP_DAMAGED;
    }
    if (!has_crc) {
        io->n_in += 4; /* so that the offset is that of the checksum's end */
        io->message = "gzip checksum does not match";
        return GZ_STEP_BAD_TRAILER;
    }
    if (!has_length) {
        io->message = "gzip length does not match";
        return GZ_STEP_BAD_TRAILER;
    }
    return GZ_STEP_END;
}

enum gz_step gz_engine_step(struct gz_engine *e, struct gz_io *io)
{
    const uInt in = part_of(io->n_in);
    const uInt out = part_of(io->n_out);
    e->z.next_in = io->in;
    e->z.avail_in = in;
    e->z.next_out = io->out;
    e->z.avail_out = out;
    /* Z_BLOCK comes back behind the header. Z_FINISH: what ends in this step
       needs no window, which zlib else makes and fills for nothing. */
    const int rc = inflate(&e->z, e->is_in_body ? Z_FINISH : Z_BLOCK);
    const size_t taken = in - e->z.avail_in;
    const size_t produced = out - e->z.avail_out;
    e->crc = crc_update(e->crc, io->out, produced);
    e->n_bytes += (uint32_t)produced;
    io->in += taken;
    io->n_in -= taken;
    io->out += produced;
    io->n_out -= produced;
    keep_tail(e, io->in, taken);
    if (!e->is_in_body && e->header.done == 1) {
        e->is_in_body = true;
        (void)inflateValidate(&e->z, 0);
    }
    switch (rc) {
    case Z_OK:
    case Z_BUF_ERROR: /* only says that the input is used up */
        return GZ_STEP_MORE;
    case Z_STREAM_END:
        return end_member(e, io);
    case Z_MEM_ERROR:
        return GZ_STEP_NO_MEMORY;
    default:
        return judge(e->z.msg, io);
    }
}

size_t gz_engine_read_ahead(const struct gz_engine *e)
{
    (void)e;
    return 0;
}

void gz_engine_free(struct gz_engine *e)
{
    if (e != NULL) {
        inflateEnd(&e->z);
        free(e);
    }
}
