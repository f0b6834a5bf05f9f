/*
 * Streaming zstd in front of a sink, the same shape as gz.h: several frames
 * in a row are one stream, truncation and bytes after the last frame are
 * errors, output has a cap. Offsets in errors are those of the compressed
 * input.
 */
#ifndef SEEP_BASE_ZST_H
#define SEEP_BASE_ZST_H

#include "base/sink.h"

struct zst_reader;

/* `out` is copied; `limit_bytes` caps the decompressed size. NULL when memory
   is out. */
struct zst_reader *zst_reader_new(struct sink out, uint64_t limit_bytes);

/* Compressed bytes in. */
bool zst_reader_write(struct zst_reader *z, const uint8_t *p, size_t n,
                      struct err *err) MUST_USE;

/* No more input: checks that the stream was complete, then ends `out`. */
bool zst_reader_end(struct zst_reader *z, struct err *err) MUST_USE;

/* Decompressed bytes so far. */
uint64_t zst_reader_total(const struct zst_reader *z);
void zst_reader_free(struct zst_reader *z);

/* Is this the start of a zstd frame? Needs four bytes. */
bool zst_is_magic(const uint8_t *p, size_t n);

#endif
