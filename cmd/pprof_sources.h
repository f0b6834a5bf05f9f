/*
 * From the arguments of pprof to one profile: sources are read and merged one
 * after the other, the base is subtracted, frames nobody wants are pruned. A
 * source that cannot be read is said and left out; the others count.
 */
#ifndef SEEP_CMD_PPROF_SOURCES_H
#define SEEP_CMD_PPROF_SOURCES_H

#include "base/buf.h"
#include "cmd.h"
#include "pprof_flags.h"
#include "profile/profile.h"

/* What came of it. */
struct pprof_sources {
    struct profile *profile; /* yours */
    size_t n, n_lost;        /* bases too */
    struct buf lost;         /* their names, by comma */
};

/* Reads what `args` and the flags name. False: nothing can be shown, and
   `err` says why; what was said of each source is on stderr by then. */
bool pprof_sources_load(struct pprof_sources *out, const struct session *s,
                        const struct pprof_flags *f, const struct words *args,
                        struct err *err) MUST_USE;
void pprof_sources_release(struct pprof_sources *p);

/* One file, "-" or URL, as it is. False: why is on stderr by then. */
bool pprof_source_read(const char *arg, const struct session *s,
                       const struct pprof_flags *f,
                       struct profile **out) MUST_USE;

/* profile_prune(); as in pprof, a profile whose own expressions are no
   expressions is shown as it is, and stderr says so. */
bool pprof_prune(const struct session *s, struct profile *p,
                 struct err *err) MUST_USE;

#endif
