#include "fetch/transfer_private.h"

#include "fetch/bearer_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum { US_NS = 1000, TOKEN_LINE_MAX = 32 << 10 };

/* --- what libcurl calls --- */

long transfer_status(const struct transfer *t)
{
    long status = 0;
    t->client->lib.easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static void keep_reason(struct transfer *t, const char *p, size_t n)
{
    const size_t room = sizeof(t->reason) - 1 - t->reason_bytes;
    n = n < room ? n : room;
    memcpy(t->reason + t->reason_bytes, p, n);
    t->reason_bytes += n;
}

enum fetch_failure fetch_failure_of(enum err_code code)
{
    switch (code) {
    case ERR_FORMAT:
        return FETCH_FAILURE_BROKEN;
    case ERR_LIMIT:
        return FETCH_FAILURE_LIMIT;
    case ERR_UNKNOWN:
    case ERR_MISMATCH:
        return FETCH_FAILURE_ANSWER;
    case ERR_NONE:
    case ERR_USAGE:
    case ERR_IO:
    case ERR_NOMEM:
    case ERR_INTERNAL:
    case ERR_INTERRUPTED:
    case ERR_N_CODES:
        break;
    }
    return FETCH_FAILURE_HERE;
}

static bool fail_sink(struct transfer *t)
{
    t->is_judged = true;
    t->result.failure = fetch_failure_of(t->result.err.code);
    return false;
}

static bool take(struct transfer *t, const char *p, size_t n)
{
    const uint64_t limit_bytes = t->client->options.limit_bytes;
    t->result.n_bytes += n;
    if (t->result.n_bytes > limit_bytes) {
        return transfer_fail(t, FETCH_FAILURE_LIMIT, ERR_LIMIT,
                             "the answer is longer than the limit of %" PRIu64
                             " bytes",
                             limit_bytes);
    }
    return t->request.sink.write(t->request.sink.ctx, (const uint8_t *)p, n,
                                 &t->result.err) ||
           fail_sink(t);
}

static size_t on_bytes(char *p, size_t unit, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    n *= unit;
    if (transfer_status(t) == 200) {
        return take(t, p, n) ? n : 0;
    }
    keep_reason(t, p, n);
    /* The first line is here: no need to wait for the rest. */
    return t->reason_bytes < sizeof(t->reason) - 1 ? n : 0;
}

static int on_progress(void *ctx, curl_off_t down_all, curl_off_t down,
                       curl_off_t up_all, curl_off_t up)
{
    const struct transfer *t = ctx;
    (void)down_all;
    (void)down;
    (void)up_all;
    (void)up;
    return client_is_stopped(t->client);
}

/* --- its life --- */

#define SET(option, value)                                                     \
    ok = ok && t->client->lib.easy_setopt(t->curl, option, value) == CURLE_OK

static bool set_bearer(struct transfer *t, struct err *err)
{
    const char *path = t->client->options.credentials.bearer_token_file;
    bool ok = true;
    if (path == NULL) {
        return true;
    }
    if (!bearer_header(path, &t->bearer, err)) {
        return false;
    }
    t->bearer_header.data = t->bearer.data;
    t->bearer_header.next = t->client->headers;
    SET(CURLOPT_HTTPHEADER, &t->bearer_header);
    return ok || err_nomem(err, "headers");
}

static bool set_up(struct transfer *t)
{
    bool ok = true;
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_WRITEFUNCTION, on_bytes);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_ERRORBUFFER, t->detail);
    if (t->client->options.stop != NULL) {
        SET(CURLOPT_NOPROGRESS, 0L);
        SET(CURLOPT_XFERINFOFUNCTION, on_progress);
        SET(CURLOPT_XFERINFODATA, t);
    }
    return ok;
}

#undef SET

void transfer_free(struct transfer *t)
{
    if (t != NULL) {
        t->client->lib.easy_cleanup(t->curl);
        buf_release(&t->bearer);
        free(t);
    }
}

bool transfer_new(const struct client *c, struct transfer **out,
                  struct err *err)
{
    struct transfer *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return err_nomem(err, "libcurl");
    }
    t->client = c;
    t->bearer = BUF_LIMIT(TOKEN_LINE_MAX);
    t->curl = client_handle(c, err);
    if (t->curl == NULL) {
        free(t);
        return false;
    }
    if (!set_up(t)) {
        transfer_free(t);
        return err_nomem(err, "libcurl");
    }
    *out = t;
    return true;
}

bool transfer_begin(struct transfer *t, const struct fetch_request *r,
                    struct err *err)
{
    t->request = *r;
    t->request.url = NULL;
    t->result = (struct fetch_result){0};
    t->allowed_ns = t->client->options.total_timeout_ns + r->more_ns;
    t->n_redirects = 0;
    t->is_judged = false;
    t->reason_bytes = 0;
    t->detail[0] = '\0';
    return set_bearer(t, err) && transfer_aim(t, r->url, err);
}

/* --- how it ended --- */

static void add_times(struct transfer *t)
{
    curl_off_t total_us = 0;
    curl_off_t connect_us = 0;
    const struct curl_library *lib = &t->client->lib;
    lib->easy_getinfo(t->curl, CURLINFO_TOTAL_TIME_T, &total_us);
    lib->easy_getinfo(t->curl, CURLINFO_CONNECT_TIME_T, &connect_us);
    t->result.total_ns += (int64_t)total_us * US_NS;
    t->result.connect_ns += (int64_t)connect_us * US_NS;
}

/* False: it goes on elsewhere. */
static bool judge(struct transfer *t, CURLcode code)
{
    char *location = NULL;
    const long status = transfer_status(t);
    /* A long error page was not read to its end. */
    const bool is_short = code == CURLE_WRITE_ERROR && status != 200;
    t->result.status = status;
    if (t->is_judged) {
        return true;
    }
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        transfer_interrupt(t);
    } else if (code != CURLE_OK && !is_short) {
        transfer_fail_code(t, code);
    } else if (status == 200) {
        (void)(t->request.sink.end(t->request.sink.ctx, &t->result.err) ||
               fail_sink(t));
    } else if (t->client->lib.easy_getinfo(t->curl, CURLINFO_REDIRECT_URL,
                                           &location) == CURLE_OK &&
               location != NULL) {
        return !transfer_follow(t, status, location);
    } else {
        transfer_fail_status(t, status);
    }
    return true;
}

bool transfer_end(struct transfer *t, CURLcode code)
{
    add_times(t);
    if (!judge(t, code)) {
        t->reason_bytes = 0;
        t->detail[0] = '\0';
        return false;
    }
    return true;
}

void transfer_interrupt(struct transfer *t)
{
    transfer_fail(t, FETCH_FAILURE_HERE, ERR_INTERRUPTED, "interrupted");
}
