/* A series as one line of block characters. */
#ifndef SEEP_REPORT_SPARK_H
#define SEEP_REPORT_SPARK_H

#include "base/buf.h"

/* Appends at most `columns` characters; long series are thinned by means.
   From the lowest to the highest value; a flat series stays in the middle. */
void spark(struct buf *out, const double *values, size_t n, size_t columns,
           bool ascii);

#endif
