/*
 * One GET at a time over HTTP, pushed into a sink while it arrives. Bounded in
 * time and bytes; http, https and unix sockets only; redirects are followed on
 * request. Bodies are taken as they come, whatever their Content-Encoding.
 * Who is asked may be anything: the body of an error goes into one clean line,
 * and not even there when credentials were sent, which it may repeat.
 */
#ifndef SEEP_FETCH_HTTP_H
#define SEEP_FETCH_HTTP_H

#include "base/err.h"
#include "base/sink.h"

/* Who asks. All borrowed; none of it is ever shown or written. */
struct fetch_credentials {
    const char *const *headers; /* "Name: value" */
    size_t n_headers;
    const char *bearer_token_file; /* read again for each request; or NULL */
    const char *user;              /* "name:password", or NULL */
    bool uses_netrc;               /* ~/.netrc, when there is no `user` */
};

/* As the environment has them; NULL = none. The library asks no environment.
   Nobody reaches this machine, or a unix socket, through a proxy. */
struct fetch_proxies {
    const char *http, *https;
    const char *none; /* hosts asked without, by comma; "*" all */
};

struct fetch_http_options {
    const char *user_agent; /* "seep/0.1.0"; borrowed */
    int64_t connect_timeout_ns, total_timeout_ns;
    /* Slower than so many bytes a second for so long (in whole seconds) is too
       slow; 0: only the total timeout ends it. */
    uint64_t low_speed_bytes;
    int64_t low_speed_ns;
    uint64_t limit_bytes;     /* of a body */
    bool has_secrets;         /* URLs do: what servers say is not repeated */
    const volatile int *stop; /* nonzero gives ERR_INTERRUPTED; or NULL */

    bool follows_redirects; /* up to ten; never from https to http, and with
                               credentials never to another host */
    struct fetch_credentials credentials;
    struct fetch_proxies proxies;
    const char *tls_cert; /* files, borrowed; NULL = none */
    const char *tls_key, *tls_ca;
    bool is_insecure; /* any certificate will do */
    size_t keeps;     /* connections kept between requests, the last used
                         ones; 0 = 64 */
};

/* Keeps its connection between two gets. */
struct fetch_http;

bool fetch_http_new(const struct fetch_http_options *o, struct fetch_http **out,
                    struct err *err) MUST_USE;

/* What became of a request: for who decides whether to ask again, and for
   counters (the names are labels there and are never changed). */
#define FETCH_FAILURES(X)                                                      \
    X(NONE, "ok", "answered")                                                  \
    X(CONNECT, "unreachable", "nobody was reached")                            \
    X(TLS, "tls", "no TLS, or a certificate that is not trusted")              \
    X(SLOW, "timeout", "reached, and time ran out")                            \
    X(BROKEN, "broken", "reset, cut short, or damaged: may pass")              \
    X(SERVER, "server-error", "status 5xx or 429: may pass")                   \
    X(REFUSED, "refused", "another status 4xx")                                \
    X(REDIRECT, "redirect", "it points elsewhere, and is not followed")        \
    X(ANSWER, "not-a-profile", "not the kind of answer that was asked for")    \
    X(LIMIT, "too-large", "more bytes, or more when inflated, than allowed")   \
    X(HERE, "local", "of the sink or of this machine")

enum fetch_failure {
#define X(name, text, what) FETCH_FAILURE_##name,
    FETCH_FAILURES(X)
#undef X
        FETCH_N_FAILURES
};
const char *fetch_failure_name(enum fetch_failure f); /* "server-error" */

/* What an error of who decodes says of who answered. A damaged answer may be
   whole the next time; what is another kind of thing stays one. */
enum fetch_failure fetch_failure_of(enum err_code code);

/* The body of an answer with status 200 into the sink, then its end. All else
   is ERR_IO, in a line that does not repeat the URL; more than the limit is
   ERR_LIMIT; errors of the sink are passed on: its ERR_LIMIT is
   FETCH_FAILURE_LIMIT, ERR_FORMAT BROKEN, ERR_UNKNOWN and ERR_MISMATCH ANSWER,
   all others HERE. A certificate or a token file that cannot be read is HERE
   too. */
bool fetch_http_get(struct fetch_http *h, const char *url, struct sink sink,
                    struct err *err) MUST_USE;

/* Of the last get. */
enum fetch_failure fetch_http_failure(const struct fetch_http *h);

/* The gets to come may take this much longer than the timeout: a CPU profile
   answers when its time is over. */
void fetch_http_allow(struct fetch_http *h, int64_t more_ns);
void fetch_http_free(struct fetch_http *h);

#endif
