/*
 * Local copies of the programs that a profile names, where pprof looks for
 * them: PPROF_BINARY_PATH, else pprof/binaries below the home directory. Only
 * the name of a mapping's file changes. As in `go tool pprof`, which knows no
 * build ids of files, a mapping that has one is left alone.
 */
#ifndef SEEP_CMD_PPROF_BINARIES_H
#define SEEP_CMD_PPROF_BINARIES_H

#include "base/err.h"
#include "profile/profile.h"

bool pprof_find_binaries(struct profile *p, struct err *err) MUST_USE;

#endif
