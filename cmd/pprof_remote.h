/*
 * Profiles over HTTP for pprof: all are asked for at once, because a CPU
 * profile takes its time, and each body is kept as it comes until its turn to
 * be decoded.
 */
#ifndef SEEP_CMD_PPROF_REMOTE_H
#define SEEP_CMD_PPROF_REMOTE_H

#include "base/err.h"
#include "base/sink.h"
#include "fetch/fetch.h"
#include "pprof_flags.h"

struct pprof_request {
    const char *url; /* borrowed until pprof_remote_free() */
    struct pprof_url info;
};

struct pprof_remote;

/* Begins. Both are borrowed. */
bool pprof_remote_new(const struct pprof_request *requests, size_t n,
                      const struct pprof_flags *flags,
                      struct pprof_remote **out, struct err *err) MUST_USE;

/* Waits for the body of request `i` and pushes it into the sink, once. */
bool pprof_remote_take(struct pprof_remote *r, size_t i, struct sink sink,
                       struct err *err) MUST_USE;

/* Ends what still runs. */
void pprof_remote_free(struct pprof_remote *r);

#endif
