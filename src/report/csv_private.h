/* Comma-separated values as RFC 4180 has them: lines end in CR LF, fields with
   a comma, a quote or a line break are quoted, quotes in them doubled. */
#ifndef SEEP_REPORT_CSV_PRIVATE_H
#define SEEP_REPORT_CSV_PRIVATE_H

#include "base/buf.h"
#include "base/span.h"

void csv_text(struct buf *out, struct span field);

static inline void csv_comma(struct buf *out)
{
    buf_char(out, ',');
}

static inline void csv_end(struct buf *out)
{
    buf_add(out, "\r\n", 2);
}

#endif
