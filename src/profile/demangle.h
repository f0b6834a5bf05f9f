/*
 * Names of C++ and Rust functions as people write them. A function is looked
 * at when its name is empty or equals its system name, as in google/pprof.
 * Names of Go functions come out as pprof writes them, to the byte.
 */
#ifndef SEEP_PROFILE_DEMANGLE_H
#define SEEP_PROFILE_DEMANGLE_H

#include "base/err.h"
#include "profile/model.h"

enum demangle_mode {
    DEMANGLE_SHORT,     /* no parameters, no template arguments */
    DEMANGLE_TEMPLATES, /* no parameters */
    DEMANGLE_FULL,
    DEMANGLE_NONE
};

/* `force`: names become system names first, so that all are done anew. */
bool profile_demangle(struct profile *p, enum demangle_mode mode, bool force,
                      struct err *err) MUST_USE;

#endif
