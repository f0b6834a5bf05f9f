/*
 * Streaming gunzip in front of a sink. Several members in a row are one
 * stream; header, CRC and ISIZE are checked by zlib; truncation and bytes
 * after the last member are errors; the inflated size has a cap, so that a
 * bomb is refused while it streams. Output is passed on in blocks, the first
 * of 32 KiB, the others of 128.
 */
#ifndef SEEP_BASE_GZ_H
#define SEEP_BASE_GZ_H

#include "base/sink.h"

struct gz_reader;

/* `out` is copied; `limit_bytes` caps the inflated size. NULL when memory is
   out. */
struct gz_reader *gz_reader_new(struct sink out, uint64_t limit_bytes);

/* Compressed bytes in. */
bool gz_reader_write(struct gz_reader *g, const uint8_t *p, size_t n,
                     struct err *err) MUST_USE;

/* No more input: checks that the stream was complete, then ends `out`. */
bool gz_reader_end(struct gz_reader *g, struct err *err) MUST_USE;

/* Inflated bytes so far. */
uint64_t gz_reader_total(const struct gz_reader *g);
void gz_reader_free(struct gz_reader *g);

/* Is this the start of a gzip stream? Needs two bytes. */
bool gz_is_magic(const uint8_t *p, size_t n);

/* Streaming compression into one member (no name, no time). `out` is copied;
   NULL when memory is out. */
struct gz_writer;
struct gz_writer *gz_writer_new(struct sink out, int level);
bool gz_writer_write(struct gz_writer *g, const uint8_t *p, size_t n,
                     struct err *err) MUST_USE;
/* No more input: writes what is left, then ends `out`. */
bool gz_writer_end(struct gz_writer *g, struct err *err) MUST_USE;
void gz_writer_free(struct gz_writer *g);

struct buf;

/* One-shot compression (one member, no name, no time) into `out`. */
bool gz_compress(const uint8_t *p, size_t n, int level, struct buf *out,
                 struct err *err) MUST_USE;

#endif
