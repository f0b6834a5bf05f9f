/*
 * Sparklines. The scale runs from the lowest to the highest value, so they
 * show the shape; how much it was stands beside them in figures.
 */
#include "report/spark.h"

#include <math.h>

#include "base/banned.h"

enum { N_LEVELS = 8 };

static const char *const blocks[N_LEVELS] = {
    "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84",
    "\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88",
};
static const char *const letters[N_LEVELS] = {"_", ".", "-", "~",
                                              "=", "+", "*", "#"};

/* Mean of the finite values of one column; NAN when there are none. */
static double column_mean(const double *values, size_t from, size_t to)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = from; i < to; i++) {
        if (isfinite(values[i])) {
            sum += values[i];
            n++;
        }
    }
    return n > 0 ? sum / (double)n : NAN;
}

void spark(struct buf *out, const double *values, size_t n, size_t columns,
           bool ascii)
{
    const size_t width = n < columns ? n : columns;
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < width; i++) {
        const double v =
            column_mean(values, i * n / width, (i + 1) * n / width);
        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    for (size_t i = 0; i < width; i++) {
        const double v =
            column_mean(values, i * n / width, (i + 1) * n / width);
        if (isnan(v)) {
            buf_char(out, ' ');
            continue;
        }
        const double share = high > low ? (v - low) / (high - low) : 0.5;
        const size_t level = (size_t)(share * (N_LEVELS - 1) + 0.5);
        buf_str(out, ascii ? letters[level] : blocks[level]);
    }
}
