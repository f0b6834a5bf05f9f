/*
 * One GET at a time over HTTP, pushed into a sink while it arrives. Bounded in
 * time and bytes; http and https only; redirects are followed on request.
 * Who is asked may be anything: the body of an error goes into one clean line.
 */
#ifndef SEEP_FETCH_HTTP_H
#define SEEP_FETCH_HTTP_H

#include "base/err.h"
#include "base/sink.h"

struct fetch_http_options {
    const char *user_agent; /* "seep/0.1.0"; borrowed */
    int64_t connect_timeout_ns, total_timeout_ns;
    uint64_t limit_bytes;     /* of a body */
    bool has_secrets;         /* URLs do: what servers say is not repeated */
    const volatile int *stop; /* nonzero gives ERR_INTERRUPTED; or NULL */

    bool follows_redirects; /* up to ten */
    const char *proxy;      /* borrowed, as all below; NULL = none */
    const char *no_proxy;   /* hosts asked without it, by comma; or NULL */
    const char *tls_cert;   /* files; NULL = none */
    const char *tls_key, *tls_ca;
    bool is_insecure; /* any certificate will do */
};

/* Keeps its connection between two gets. */
struct fetch_http;

bool fetch_http_new(const struct fetch_http_options *o, struct fetch_http **out,
                    struct err *err) MUST_USE;

/* Why a get failed, for who decides whether to ask again. */
enum fetch_failure {
    FETCH_FAILURE_NONE,
    FETCH_FAILURE_CONNECT, /* nobody was reached */
    FETCH_FAILURE_BROKEN,  /* reset, cut short, 5xx: may pass */
    FETCH_FAILURE_SLOW,    /* reached, and time ran out */
    FETCH_FAILURE_ANSWER,  /* not the kind of answer that was asked for */
    FETCH_FAILURE_HERE     /* of the sink or of this machine */
};

/* The body of an answer with status 200 into the sink, then its end. All else
   is ERR_IO, in a line that does not repeat the URL; more than the limit is
   ERR_LIMIT; errors of the sink are passed on. */
bool fetch_http_get(struct fetch_http *h, const char *url, struct sink sink,
                    struct err *err) MUST_USE;

/* Of the last get. */
enum fetch_failure fetch_http_failure(const struct fetch_http *h);

/* The gets to come may take this much longer than the timeout: a CPU profile
   answers when its time is over. */
void fetch_http_allow(struct fetch_http *h, int64_t more_ns);
void fetch_http_free(struct fetch_http *h);

#endif
