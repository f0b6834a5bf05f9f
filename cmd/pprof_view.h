/*
 * One report of one profile: filters, granularity, and the options that the
 * report is told, in google/pprof's order.
 */
#ifndef SEEP_CMD_PPROF_VIEW_H
#define SEEP_CMD_PPROF_VIEW_H

#include "base/buf.h"
#include "cmd.h"
#include "pprof_flags.h"
#include "profile/profile.h"

/* The expressions of the command line. */
struct pprof_view;

/* Reads them: what is wrong is known before any profile is read. Borrows
   the flags. */
bool pprof_view_new(const struct session *s, const struct pprof_flags *f,
                    struct pprof_view **out, struct err *err) MUST_USE;
void pprof_view_free(struct pprof_view *v);

/* Appends the report. Of the profile nothing can be made afterwards. */
bool pprof_view_print(struct pprof_view *v, struct profile *p, struct buf *out,
                      struct err *err) MUST_USE;

#endif
