/*
 * google/pprof's reports, to the byte. A report is one file pprof_<name>.c
 * and one row PPROF_REPORT(<name>) in pprof_reports.def. The profile that
 * comes in is already filtered (profile/select.h); what a report may read of
 * the world beyond it comes through pprof_world.
 */
#ifndef SEEP_REPORT_PPROF_H
#define SEEP_REPORT_PPROF_H

#include "base/buf.h"
#include "base/err.h"
#include "base/regex.h"
#include "profile/profile.h"

/* What the caller lends: the library knows no clock, zone or files. */
struct pprof_world {
    void *ctx;

    /* "2006-01-02 15:04:05 MST" of a Unix time, in the local zone. */
    void (*local_time)(void *ctx, int64_t unix_ns, struct buf *out);

    /* The same as Go's Time.String(): fraction without trailing zeros, offset
       and name of the zone: "2006-01-02 15:04:05.999999999 -0700 MST". */
    void (*local_time_full)(void *ctx, int64_t unix_ns, struct buf *out);

    /* The whole text of a source file; false when it cannot be read (no
       error: listings go on without it): `out` may then hold why, in the
       system's words ("no such file or directory"). NULL: no files. */
    bool (*read_file)(void *ctx, const char *path, struct buf *out);

    /* The current directory: where listings look for sources when there is no
       source_path. */
    struct span directory;
};

struct pprof_options {
    bool sorts_cum, is_call_tree, drops_negative, has_compact_labels, has_mean;
    double ratio; /* 1 / divide_by */
    int64_t node_count;
    double node_fraction, edge_fraction;
    uint32_t value_column;
    struct span sample_type; /* "mean_" in front with has_mean */
    struct span sample_unit, output_unit;
    struct span title;                 /* base name of the program, or empty */
    const struct span *active_filters; /* "focus=main" */
    size_t n_active_filters;
    const struct label_units *label_units;
    int64_t total;        /* pprof_total(), before or after the filters */
    struct regex *symbol; /* of peek and list; NULL = none */
    struct span symbol_text;
    struct span source_path, trim_path;
    struct pprof_world world;
};

struct pprof_report {
    const char *name; /* of the flag */
    const char *summary;
    bool has_argument; /* a regular expression */

    /* The report may change the profile (numbers divided, paths trimmed):
       it is the last that is made of it. */
    bool (*print)(struct profile *p, const struct pprof_options *o,
                  struct buf *out, struct err *err);
};

const struct pprof_report *const *pprof_reports(size_t *n);
const struct pprof_report *pprof_report_find(struct span name);

/* -top for programs; pprof_table.c says which keys there are. The profile is
   not changed. */
bool pprof_top_json(struct profile *p, const struct pprof_options *o,
                    struct buf *out, struct err *err) MUST_USE;
bool pprof_top_csv(struct profile *p, const struct pprof_options *o,
                   struct buf *out, struct err *err) MUST_USE;

/* The picture that `dot -Tsvg` drew, to be zoomed and moved in a browser.
   ERR_FORMAT when it is none. */
bool pprof_massage_svg(struct span dot_svg, struct buf *out,
                       struct err *err) MUST_USE;

/* The sum that percentages are of: absolute values, of the samples labelled
   pprof::base alone where there are any; with `has_mean` over column 0. */
int64_t pprof_total(const struct profile *p, uint32_t value_column,
                    bool has_mean);

#endif
