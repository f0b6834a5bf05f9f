/*
 * Front header of fetch/: bytes from files, directories, standard input and
 * HTTP, pushed into a sink as they come. Knows no formats; everything is
 * bounded.
 */
#ifndef SEEP_FETCH_FETCH_H
#define SEEP_FETCH_FETCH_H

#include "base/arena.h"
#include "base/err.h"
#include "base/sink.h"
#include "fetch/http.h"      /* IWYU pragma: export */
#include "fetch/pool.h"      /* IWYU pragma: export */
#include "fetch/pprof_url.h" /* IWYU pragma: export */
#include "fetch/retry.h"     /* IWYU pragma: export */
#include "fetch/url.h"       /* IWYU pragma: export */

/* Reads a regular file, a pipe, or standard input ("-") in blocks into the
   sink, then calls its end. More than `limit_bytes` is ERR_LIMIT. Checks
   `*stop` (may be NULL) between blocks: nonzero gives ERR_INTERRUPTED. */
bool fetch_file(const char *path, uint64_t limit_bytes, struct sink sink,
                const volatile int *stop, struct err *err) MUST_USE;

enum fetch_what { FETCH_FILE, FETCH_DIRECTORY, FETCH_URL, FETCH_STDIN };

/* What a command-line argument names. A bare host:port counts as a URL only
   when no such file exists. ERR_IO when it is none of them. */
bool fetch_classify(const char *arg, enum fetch_what *what,
                    struct err *err) MUST_USE;

struct fetch_listing {
    const char **paths; /* natural order of names: 2 before 10 */
    size_t n;
    struct arena arena;
};

/* Files of a directory, not recursive, without dot files and without
   subdirectories. Paths are joined to the argument as given. */
bool fetch_list(const char *dir, struct fetch_listing *out,
                struct err *err) MUST_USE;
void fetch_listing_release(struct fetch_listing *l);

#endif
