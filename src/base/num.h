/*
 * Checked arithmetic and narrowing for values that come from input, and the
 * one place where numbers become text for people (machine formats print plain
 * integers).
 */
#ifndef SEEP_BASE_NUM_H
#define SEEP_BASE_NUM_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* False (and *out untouched) when the result does not fit. */
bool add_u64(uint64_t *out, uint64_t a, uint64_t b);
bool mul_u64(uint64_t *out, uint64_t a, uint64_t b);
bool u32_from_u64(uint32_t *out, uint64_t v);
bool size_from_u64(size_t *out, uint64_t v);

/* Sums and differences saturate at the ends of int64; wraparound would turn
   growth around. */
int64_t add_sat_i64(int64_t a, int64_t b);
int64_t sub_sat_i64(int64_t a, int64_t b);

/* Whole span must be the number. Base 10; hex takes no 0x here. */
bool num_parse_u64(struct span s, uint64_t *out);
bool num_parse_i64(struct span s, int64_t *out);
bool num_parse_hex(struct span s, uint64_t *out);
bool num_parse_double(struct span s, double *out); /* locale-free */

/* "8MiB", "512k", "1.5GB", "100": bytes. KB = 1000? no: k, kb and KiB all mean
   1024, as in pprof. */
bool num_parse_bytes(struct span s, uint64_t *out);

/* "90s", "10m", "1h30m", "250ms": Go's duration syntax, to nanoseconds. */
bool num_parse_duration(struct span s, int64_t *out_ns);

/* 1536 -> "1.5 KB", 3145728 -> "3.0 MB"; two or three significant digits,
   binary steps, a sign when negative. */
void num_bytes(struct buf *b, double bytes);

/* 214310 -> "214,310". */
void num_count(struct buf *b, int64_t n);

/* 45210.0 -> "45k", 12.53 -> "12.5", 0.0312 -> "0.031". */
void num_short(struct buf *b, double v);

/* 5430 s -> "1 h 30 min", 42 s -> "42 s", 259200 -> "3 days". */
void num_seconds(struct buf *b, double seconds);

/* 3e-07: short scientific below 0.001, else two significant digits. */
void num_p(struct buf *b, double p);

/* Unix nanoseconds to RFC 3339 in UTC, whole seconds when the rest is 0,
   else milliseconds. */
void num_rfc3339(struct buf *b, int64_t unix_ns);

#endif
