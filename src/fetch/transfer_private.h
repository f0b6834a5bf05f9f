/*
 * One easy handle of libcurl and the request it is at. Whoever performs it,
 * one alone (http.c) or many at once (pool.c), begins and ends it here, so
 * that an answer is judged in one place. A handle is used again.
 */
#ifndef SEEP_FETCH_TRANSFER_PRIVATE_H
#define SEEP_FETCH_TRANSFER_PRIVATE_H

#include "base/buf.h"
#include "fetch/client_private.h"
#include "fetch/pool.h"

/* Of an error's body: enough for its first line. */
enum { TRANSFER_REASON_BYTES = 160 };

struct transfer {
    const struct client *client;
    CURL *curl;
    struct transfer *prior, *next; /* the pool's lists */

    /* The present request. */
    struct fetch_request request; /* without its url */
    struct fetch_result result;
    struct buf bearer;
    struct curl_slist bearer_header; /* in front of the client's */
    int64_t allowed_ns;              /* for all of it, redirects included */
    unsigned n_redirects;
    bool is_unix;
    bool is_judged;                     /* before its end: `result` says why */
    char reason[TRANSFER_REASON_BYTES]; /* how an error's body begins */
    size_t reason_bytes;
    char detail[CURL_ERROR_SIZE]; /* libcurl's words */
};

bool transfer_new(const struct client *c, struct transfer **out,
                  struct err *err) MUST_USE;
void transfer_free(struct transfer *t);

/* Ready to be performed; the url is copied. */
bool transfer_begin(struct transfer *t, const struct fetch_request *r,
                    struct err *err) MUST_USE;

/* libcurl has performed it. True: `result` is there, and the sink was ended if
   all is well. False: it points elsewhere and is to be performed again. */
bool transfer_end(struct transfer *t, CURLcode code) MUST_USE;

/* Points the handle at `url`: unix sockets, proxies, time that is left. */
bool transfer_aim(struct transfer *t, const char *url,
                  struct err *err) MUST_USE;

/* The same for where a redirect points: a unix socket is kept. */
bool transfer_turn(struct transfer *t, const char *url,
                   struct err *err) MUST_USE;

/* Ends it as interrupted, whatever it is at. */
void transfer_interrupt(struct transfer *t);

long transfer_status(const struct transfer *t);

/* The kind of a failure and its words; always false. */
bool transfer_fail(struct transfer *t, enum fetch_failure failure,
                   enum err_code code, const char *fmt, ...) ERR_PRINTF(4, 5);

/* What libcurl could not do, and what a status other than 200 says. */
bool transfer_fail_code(struct transfer *t, CURLcode code);
bool transfer_fail_status(struct transfer *t, long status);

/* Of an answer that points elsewhere: true when it now aims there; else it is
   a failure. */
bool transfer_follow(struct transfer *t, long status, const char *to) MUST_USE;

#endif
