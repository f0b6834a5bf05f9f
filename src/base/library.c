/*
 * dlopen() and one pass over the functions asked for, so that a library that
 * lacks one is refused before anything of it is called.
 */
#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

bool library_load(const char *name, const struct library_function *functions,
                  size_t n, struct err *err)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        return err_set(err, ERR_IO, "%s is not installed, or cannot be loaded",
                       name);
    }
    for (size_t i = 0; i < n; i++) {
        void *symbol = dlsym(library, functions[i].name);
        if (symbol == NULL) {
            return err_set(err, ERR_IO, "%s has no %s()", name,
                           functions[i].name);
        }
        /* POSIX promises that the two kinds of pointers are alike. */
        memcpy(functions[i].pointer, &symbol, sizeof(symbol));
    }
    return true;
}
