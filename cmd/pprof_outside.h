/*
 * What pprof's reports need of the world: the local zone, source files, and
 * Graphviz. Nothing here is written to but the pipe to `dot`.
 */
#ifndef SEEP_CMD_PPROF_OUTSIDE_H
#define SEEP_CMD_PPROF_OUTSIDE_H

#include "base/buf.h"
#include "base/err.h"
#include "report/report.h"

#include <limits.h>

struct pprof_outside {
    char directory[PATH_MAX]; /* the current one */
};

/* Borrows `o`, which it fills. */
struct pprof_world pprof_outside_look(struct pprof_outside *o);

/* What `dot -Tpicture` draws of `graph`, appended to `out`. */
bool pprof_outside_draw(const char *picture, struct span graph, struct buf *out,
                        struct err *err) MUST_USE;

/* Does the file hold machine code: ELF, Mach-O, PE? */
bool pprof_outside_is_program(const char *path);

#endif
