/*
 * Profiles written for other tools. A format is one file export_<name>.c and
 * one row EXPORT_FORMAT(<name>) in export_formats.def. Labels are in pprof's
 * own format alone; the others show stacks.
 */
#ifndef SEEP_REPORT_EXPORT_H
#define SEEP_REPORT_EXPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "profile/profile.h"

struct export_options {
    /* One of the profile (profile_sample_index()): of formats that hold one,
       or show one first. */
    uint32_t value_column;
};

struct export_format {
    const char *name;   /* --to NAME */
    const char *ending; /* of file names: ".folded" */
    const char *summary;
    bool is_binary; /* not for a terminal */

    /* Appends to `out`. The profile may be changed: it is the last that is
       made of it. */
    bool (*write)(struct profile *p, const struct export_options *o,
                  struct buf *out, struct err *err);
};

const struct export_format *const *export_formats(size_t *n);

/* NULL when there is none of that name. */
const struct export_format *export_format_find(struct span name);

#endif
