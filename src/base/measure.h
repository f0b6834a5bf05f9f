/*
 * Units of measure as google/pprof knows them (bytes, time, GCU): scaling a
 * value from one to another and writing it for people, to the byte as pprof
 * does. Names of units are taken in any case and in the plural.
 */
#ifndef SEEP_BASE_MEASURE_H
#define SEEP_BASE_MEASURE_H

#include "base/buf.h"
#include "base/span.h"

#include <stdint.h>

/* The way from one unit to another, found once for many values. */
struct measure {
    const struct measure_family *family; /* NULL: unknown, never scaled */
    double from, to;                     /* factors */
    struct span unit;                    /* of the result */
    bool is_automatic;                   /* each value chooses its unit */
};
struct measure measure_between(struct span from, struct span to);

/* measure_scale() and measure_label() of one more value. */
double measure_apply(const struct measure *m, int64_t value, struct span *unit);
void measure_write(struct buf *out, const struct measure *m, int64_t value);

/* `value` of unit `from` in unit `to`; "minimum" and "auto" choose the largest
   unit in which it is at least 1. `*unit` (may be NULL) becomes the canonical
   name of the unit it is in, empty when that is not worth printing; borrowed
   from static storage or from `to`. Never fails. */
double measure_scale(int64_t value, struct span from, struct span to,
                     struct span *unit);

/* "1.10s", "10ms", "0": two decimals, a whole number without any. */
void measure_label(struct buf *out, int64_t value, struct span from,
                   struct span to);

/* " 0.89%", "  100%": of the absolute ratio; 0 when `total` is. */
void measure_percent(struct buf *out, int64_t value, int64_t total);

/* The same without the blanks in front. */
void measure_percent_short(struct buf *out, int64_t value, int64_t total);

/* Are values of the two units of one kind, so that one can be scaled to the
   other? Equal units always are. */
bool measure_same_kind(struct span a, struct span b);

/* (int64_t)v as Go on amd64 converts: what does not fit is INT64_MIN. */
int64_t measure_truncate(double v);

#endif
