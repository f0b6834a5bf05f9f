/*
 * Many GETs at once: libcurl's multi interface driven by its sockets
 * (socket action) through one epoll descriptor, so that ten thousand targets
 * cost what is ready, not what waits. Single-threaded; every callback runs
 * inside fetch_pool_run(). Each body goes into the request's sink while it
 * arrives; nothing is kept.
 */
#ifndef SEEP_FETCH_POOL_H
#define SEEP_FETCH_POOL_H

#include "fetch/http.h"

#include <stddef.h>

struct fetch_pool;

/* Options are copied, the strings in them borrowed. ERR_USAGE when a header of
   theirs is none. */
bool fetch_pool_new(const struct fetch_http_options *o, struct fetch_pool **out,
                    struct err *err) MUST_USE;

/* Ends what is under way without calling its `done`. Not from one. */
void fetch_pool_free(struct fetch_pool *p);

/* What became of a request. */
struct fetch_result {
    enum fetch_failure failure; /* FETCH_FAILURE_NONE: status 200, all read */
    struct err err;             /* one clean line, without the URL */
    long status;                /* of HTTP; 0 when there was none */
    uint64_t n_bytes;           /* of the body, as it came */
    int64_t total_ns, connect_ns;
};

struct fetch_request {
    const char *url;  /* copied; "unix:///path.sock:/debug/pprof/heap" too */
    struct sink sink; /* lent until `done`; its `end` is called at the end */
    int64_t more_ns;  /* beside the total timeout: timed profiles */
    bool has_secrets; /* the URL does: what the server says is not repeated */
    void *ctx;
    /* Once, from fetch_pool_run(). May start other requests. */
    void (*done)(void *ctx, const struct fetch_result *r);
};

/* False when it could not even be begun (no memory, no token, stopped, a unix
   socket that cannot be): `done` is then not called. */
bool fetch_pool_start(struct fetch_pool *p, const struct fetch_request *r,
                      struct err *err) MUST_USE;

size_t fetch_pool_n_active(const struct fetch_pool *p);

/* For a caller with descriptors of its own: readable when fetch_pool_run()
   has something to do. Borrowed. */
int fetch_pool_fd(const struct fetch_pool *p);

/* Waits until something happens, at most `timeout_ms` (0: not at all, -1:
   without end unless nothing is under way), and does what can be done. Returns
   early on a signal. When the stop flag is set, all that is under way is done,
   with ERR_INTERRUPTED. False: nothing more will come of this pool. */
bool fetch_pool_run(struct fetch_pool *p, int timeout_ms,
                    struct err *err) MUST_USE;

#endif
