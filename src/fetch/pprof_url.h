/*
 * What `go tool pprof` makes of an argument that is no file: a URL with its
 * query in order, of the CPU profile when it names none.
 */
#ifndef SEEP_FETCH_PPROF_URL_H
#define SEEP_FETCH_PPROF_URL_H

#include "base/buf.h"
#include "base/err.h"

struct pprof_url {
    int64_t lasts_s;  /* what it asks for takes; 0 = does not say */
    bool is_insecure; /* https+insecure:// */
    bool is_tls;
    bool has_secrets; /* a password, or a query that pprof does not know */
};

/* Appends the URL to ask for `arg`; `seconds` above 0 takes the place of what
   its query says. `*is_url` is false when pprof would not take it for one.
   ERR_LIMIT, ERR_NOMEM. */
bool pprof_url_from(const char *arg, int64_t seconds, struct buf *out,
                    struct pprof_url *info, bool *is_url,
                    struct err *err) MUST_USE;

#endif
