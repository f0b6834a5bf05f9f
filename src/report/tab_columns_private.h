/*
 * Text with tabs laid out in columns as Go's text/tabwriter does it, with the
 * one setting that google/pprof uses: a blank between columns, cells to the
 * right.
 */
#ifndef SEEP_REPORT_TAB_COLUMNS_PRIVATE_H
#define SEEP_REPORT_TAB_COLUMNS_PRIVATE_H

#include "base/buf.h"

/* A tab ends a cell; what follows the last one in a line is no cell. The
   cells above and below each other in lines without a gap are a column, as
   wide as the widest of them and a blank. */
bool tab_columns(struct span text, struct buf *out, struct err *err) MUST_USE;

#endif
