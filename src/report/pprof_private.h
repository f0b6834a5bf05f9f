/*
 * What google/pprof's reports share: how values are written, which unit the
 * whole report is in, the lines above it, and numbers without printf.
 */
#ifndef SEEP_REPORT_PPROF_PRIVATE_H
#define SEEP_REPORT_PPROF_PRIVATE_H

#include "base/measure.h"
#include "graph/graph.h"
#include "report/pprof.h"

/* --- Values --- */

/* Sums wrap and the least int64_t is its own opposite, as in Go. */
static inline int64_t pprof_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static inline int64_t pprof_absolute(int64_t v)
{
    return v < 0 ? (int64_t)(0 - (uint64_t)v) : v;
}

/* Multiplied and cut; a ratio that is 1 or not above 0 is none. */
int64_t pprof_by_ratio(double ratio, int64_t value);

/* How the values of a report are written. Begins as the options say; the
   unit "minimum" gives way to a real one in pprof_select_unit(). */
struct pprof_values {
    double ratio;
    int64_t total;
    struct span sample_unit, output_unit;
    struct measure measure; /* between the two */
};

struct pprof_values pprof_values_of(const struct pprof_options *o);

/* One unit for all of the report when "minimum" is asked for: that of the
   smallest value that is shown, or a larger one when it is far below the
   total and `is_exact` is not set (fractions can be written then). */
void pprof_select_unit(struct pprof_values *v, const struct graph *g,
                       bool is_exact);

/* "1.50MB": by the ratio, then in the output unit. */
void pprof_value(struct buf *out, const struct pprof_values *v, int64_t value);

/* The same as "%10s" writes it. */
enum { PPROF_VALUE_WIDTH = 10 };
void pprof_value_right(struct buf *out, const struct pprof_values *v,
                       int64_t value, size_t width);

/* A value as a whole number of the output unit; the ratio does not count. */
int64_t pprof_scaled(const struct pprof_values *v, int64_t value);

/* --- Text --- */

/* Characters of UTF-8 as Go counts them: a wrong byte is one. */
size_t pprof_characters(struct span text);

/* Blanks in front of what was appended since out->len was `start`, so that it
   is `width` characters (of UTF-8) wide. */
void pprof_pad_left(struct buf *out, size_t start, size_t width);

/* "%d", "%*d", "%u" and "%#x" of long reports. */
void pprof_int(struct buf *out, int64_t value);
void pprof_int_right(struct buf *out, int64_t value, size_t width);
void pprof_uint(struct buf *out, uint64_t value);
void pprof_hex(struct buf *out, uint64_t value);

/* Unit of a numeric label; "" of an unknown one. */
struct span pprof_label_unit(const struct profile *p,
                             const struct label_units *units, struct span key);

/* --- Lines above a report --- */

/* Program, build, comments, type, time, duration; each ends in a newline.
   Returns the bytes of the first label, newline left out (it may hold
   newlines of its own). */
size_t pprof_profile_labels(struct buf *out, const struct profile *p,
                            const struct pprof_options *o,
                            const struct pprof_values *v);

/* Those (unless compact labels were asked for and it is no picture), the
   filters, and what the graph shows of the whole. `is_picture`: of a dot
   file, with dropped edges and advice. Same result. */
size_t pprof_report_labels(struct buf *out, const struct profile *p,
                           const struct pprof_options *o,
                           const struct pprof_values *v, const struct graph *g,
                           bool is_picture);

/* --- The graph --- */

/* What all reports ask of a graph. Set the rest (edges, keeps_objfiles,
   is_call_tree, tags, is_visual) before graph_new(). */
struct graph_options pprof_graph_options(const struct profile *p,
                                         const struct pprof_options *o);

/* --- Reports with two names --- */

bool pprof_print_text(struct profile *p, const struct pprof_options *o,
                      struct buf *out, struct err *err);
bool pprof_print_tree(struct profile *p, const struct pprof_options *o,
                      struct buf *out, struct err *err);

#endif
