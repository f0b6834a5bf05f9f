/*
 * ISA-L inflates, twice as fast as zlib. It is asked for the bare deflate
 * stream and the CRC of its output only: header and trailer are ours, because
 * its own checks name less and give no place. It buffers up to eight bytes of
 * input, which may belong to the trailer. What zlib refuses is refused; where
 * in damaged data that is noticed, and whether by the checksum alone, differs.
 */
#include "base/gz_private.h"

#include <isa-l/igzip_lib.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/banned.h"

/* RFC 1952. */
enum {
    FLAG_HEADER_CRC = 2,
    FLAG_EXTRA = 4,
    FLAG_NAME = 8,
    FLAG_COMMENT = 16,
    FLAGS_UNKNOWN = 0xe0,
    METHOD_DEFLATE = 8,
};

/* Where in a member the next byte belongs. */
enum place {
    AT_MAGIC,
    AT_METHOD,
    AT_TIME, /* time, extra flags, system */
    AT_EXTRA_LENGTH,
    AT_EXTRA,
    AT_NAME,
    AT_COMMENT,
    AT_HEADER_CRC,
    AT_DATA,
    AT_CRC,
    AT_LENGTH,
};

struct gz_engine {
    struct inflate_state state;
    enum place place;
    uint8_t flags;
    uint32_t header_crc;
    uint32_t word;    /* little-endian, of the bytes of a field so far */
    unsigned n_word;  /* bytes in it */
    unsigned n_extra; /* bytes of it still to come */
    uint32_t n_inflated;
};

static void begin_member(struct gz_engine *e)
{
    isal_inflate_reset(&e->state);
    e->state.crc_flag = ISAL_GZIP_NO_HDR;
    e->place = AT_MAGIC;
    e->flags = 0;
    e->header_crc = 0;
    e->word = 0;
    e->n_word = 0;
    e->n_inflated = 0;
}

struct gz_engine *gz_engine_new(void)
{
    struct gz_engine *e = calloc(1, sizeof(*e));
    if (e != NULL) {
        isal_inflate_init(&e->state);
        begin_member(e);
    }
    return e;
}

/* Adds a byte to the word; true when that has `n`. */
static bool word_of(struct gz_engine *e, uint8_t byte, unsigned n)
{
    e->word |= (uint32_t)byte << 8 * e->n_word;
    e->n_word++;
    return e->n_word == n;
}

static uint32_t take_word(struct gz_engine *e)
{
    const uint32_t word = e->word;
    e->word = 0;
    e->n_word = 0;
    return word;
}

/* --- header --- */

static enum gz_step bad_header(struct gz_io *io, const char *message)
{
    io->message = message;
    return GZ_STEP_BAD_HEADER;
}

/* The next part of the header after `place` that this one has. */
static enum place place_after(const struct gz_engine *e, enum place place)
{
    static const struct {
        enum place place;
        uint8_t flag;
    } parts[] = {
        {AT_EXTRA_LENGTH, FLAG_EXTRA     },
        {AT_NAME,         FLAG_NAME      },
        {AT_COMMENT,      FLAG_COMMENT   },
        {AT_HEADER_CRC,   FLAG_HEADER_CRC},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].place > place && (e->flags & parts[i].flag) != 0) {
            return parts[i].place;
        }
    }
    return AT_DATA;
}

static enum gz_step header_method(struct gz_engine *e, struct gz_io *io)
{
    const uint32_t word = take_word(e);
    if ((word & 0xff) != METHOD_DEFLATE) {
        return bad_header(io, "gzip header: unknown method");
    }
    e->flags = (uint8_t)(word >> 8);
    if ((e->flags & FLAGS_UNKNOWN) != 0) {
        return bad_header(io, "gzip header: unknown flags");
    }
    e->place = AT_TIME;
    return GZ_STEP_MORE;
}

static enum gz_step header_byte(struct gz_engine *e, uint8_t byte,
                                struct gz_io *io)
{
    enum { MAGIC = 0x8b1f, N_TIME = 6 };
    const uint32_t crc_before = e->header_crc;
    e->header_crc = (uint32_t)crc32(crc_before, &byte, 1);
    switch (e->place) {
    case AT_MAGIC:
        if (word_of(e, byte, 2)) {
            e->place = AT_METHOD;
            return take_word(e) == MAGIC ? GZ_STEP_MORE
                                         : bad_header(io, "not gzip data");
        }
        break;
    case AT_METHOD:
        return word_of(e, byte, 2) ? header_method(e, io) : GZ_STEP_MORE;
    case AT_TIME:
        if (++e->n_word == N_TIME) {
            e->n_word = 0;
            e->place = place_after(e, AT_TIME);
        }
        break;
    case AT_EXTRA_LENGTH:
        if (word_of(e, byte, 2)) {
            e->n_extra = take_word(e);
            e->place = e->n_extra > 0 ? AT_EXTRA : place_after(e, AT_EXTRA);
        }
        break;
    case AT_EXTRA:
        if (--e->n_extra == 0) {
            e->place = place_after(e, AT_EXTRA);
        }
        break;
    case AT_NAME:
    case AT_COMMENT:
        if (byte == 0) {
            e->place = place_after(e, e->place);
        }
        break;
    case AT_HEADER_CRC:
        e->header_crc = crc_before; /* not of itself */
        if (word_of(e, byte, 2)) {
            e->place = AT_DATA;
            return take_word(e) == (crc_before & 0xffff)
                       ? GZ_STEP_MORE
                       : bad_header(io, "gzip header: checksum does not match");
        }
        break;
    case AT_DATA:
    case AT_CRC:
    case AT_LENGTH:
        break;
    }
    return GZ_STEP_MORE;
}

static enum gz_step read_header(struct gz_engine *e, struct gz_io *io)
{
    while (io->n_in > 0 && e->place < AT_DATA) {
        const uint8_t byte = *io->in;
        io->in++;
        io->n_in--;
        const enum gz_step step = header_byte(e, byte, io);
        if (step != GZ_STEP_MORE) {
            return step;
        }
    }
    return GZ_STEP_MORE;
}

/* --- data --- */

/* Its pointer to the input is not const, though it only reads. */
static uint8_t *without_const(const uint8_t *p)
{
    uint8_t *q;
    memcpy(&q, &p, sizeof(q));
    return q;
}

static uint32_t part_of(size_t n)
{
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static enum gz_step inflate_data(struct gz_engine *e, struct gz_io *io)
{
    const uint32_t in = part_of(io->n_in);
    const uint32_t out = part_of(io->n_out);
    e->state.next_in = without_const(io->in);
    e->state.avail_in = in;
    e->state.next_out = io->out;
    e->state.avail_out = out;
    const int rc = isal_inflate(&e->state);
    io->in += in - e->state.avail_in;
    io->n_in -= in - e->state.avail_in;
    io->out += out - e->state.avail_out;
    io->n_out -= out - e->state.avail_out;
    e->n_inflated += out - e->state.avail_out; /* mod 2^32, as in the trailer */
    if (rc != ISAL_DECOMP_OK) {
        return GZ_STEP_DAMAGED;
    }
    /* It is also OK that the input ended within a block. */
    if (e->state.block_state == ISAL_BLOCK_FINISH) {
        /* What is left of the last byte is padding. */
        const int padding = e->state.read_in_length % 8;
        e->state.read_in >>= padding;
        e->state.read_in_length -= padding;
        e->place = AT_CRC;
    }
    return GZ_STEP_MORE;
}

/* --- trailer --- */

static bool trailer_byte(struct gz_engine *e, struct gz_io *io, uint8_t *byte)
{
    if (e->state.read_in_length >= 8) {
        *byte = (uint8_t)e->state.read_in;
        e->state.read_in >>= 8;
        e->state.read_in_length -= 8;
        return true;
    }
    if (io->n_in == 0) {
        return false;
    }
    *byte = *io->in;
    io->in++;
    io->n_in--;
    return true;
}

static enum gz_step bad_trailer(struct gz_io *io, const char *message)
{
    io->message = message;
    return GZ_STEP_BAD_TRAILER;
}

static enum gz_step read_trailer(struct gz_engine *e, struct gz_io *io)
{
    uint8_t byte;
    while (trailer_byte(e, io, &byte)) {
        if (!word_of(e, byte, 4)) {
            continue;
        }
        const uint32_t word = take_word(e);
        if (e->place == AT_LENGTH) {
            if (word != e->n_inflated) {
                return bad_trailer(io, "gzip length does not match");
            }
            begin_member(e);
            return GZ_STEP_END;
        }
        if (word != e->state.crc) {
            return bad_trailer(io, "gzip checksum does not match");
        }
        e->place = AT_LENGTH;
    }
    return GZ_STEP_MORE;
}

enum gz_step gz_engine_step(struct gz_engine *e, struct gz_io *io)
{
    enum gz_step step = read_header(e, io);
    if (step == GZ_STEP_MORE && e->place == AT_DATA) {
        step = inflate_data(e, io);
    }
    if (step == GZ_STEP_MORE && e->place > AT_DATA) {
        step = read_trailer(e, io);
    }
    return step;
}

size_t gz_engine_read_ahead(const struct gz_engine *e)
{
    return (size_t)e->state.read_in_length / 8;
}

void gz_engine_free(struct gz_engine *e)
{
    free(e);
}
