/*
 * A shared library that is loaded when it is first needed. HTTP clients and
 * servers bring thirty libraries of their own: to load them costs more than
 * to read a small profile, and most runs never speak HTTP.
 */
#ifndef SEEP_BASE_LIBRARY_H
#define SEEP_BASE_LIBRARY_H

#include "base/err.h"

#include <stddef.h>

/* A function of the library, and the pointer to it that is to be filled. */
struct library_function {
    const char *name;
    void *pointer; /* of a function pointer */
};

/* ERR_IO, naming what is missing. `name` is the soname: "libcurl.so.4". It
   stays loaded until the process ends: such libraries keep memory and handlers
   of their own. */
bool library_load(const char *name, const struct library_function *functions,
                  size_t n, struct err *err) MUST_USE;

#endif
