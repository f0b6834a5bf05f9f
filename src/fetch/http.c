/* libcurl's easy interface, loaded when it is first needed; texts of its
   failures are our own where people meet them often. */
#include "fetch/http.h"

#include "base/buf.h"
#include "base/library.h"
#include "fetch/curl_private.h"
#include "fetch/url.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Of an error's body: enough for its first line. */
enum { REASON_BYTES = 160, MS_NS = 1000000, REDIRECTS_MAX = 10 };

struct fetch_http {
    struct fetch_http_options options;
    struct curl_library lib;
    CURL *curl;
    int64_t more_ns; /* beside the timeout */

    /* of the present get */
    enum fetch_failure failure;
    struct sink sink;
    struct err *err;
    bool has_failed; /* `err` is set */
    bool is_interrupted;
    uint64_t n_bytes;
    char reason[REASON_BYTES];
    size_t reason_bytes;
    char detail[CURL_ERROR_SIZE]; /* libcurl's words */
};

static long status_of(const struct fetch_http *h)
{
    long status = 0;
    h->lib.easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static void keep_reason(struct fetch_http *h, const char *p, size_t n)
{
    const size_t room = sizeof(h->reason) - 1 - h->reason_bytes;
    n = n < room ? n : room;
    memcpy(h->reason + h->reason_bytes, p, n);
    h->reason_bytes += n;
}

static size_t on_bytes(char *p, size_t unit, size_t n, void *ctx)
{
    struct fetch_http *h = ctx;
    n *= unit;
    if (status_of(h) != 200) {
        keep_reason(h, p, n);
        /* The first line is here: no need to wait for the rest. */
        return h->reason_bytes < sizeof(h->reason) - 1 ? n : 0;
    }
    h->n_bytes += n;
    if (h->n_bytes > h->options.limit_bytes) {
        h->has_failed = true;
        h->failure = FETCH_FAILURE_ANSWER;
        err_set(h->err, ERR_LIMIT,
                "the answer is longer than the limit of %" PRIu64 " bytes",
                h->options.limit_bytes);
        return 0;
    }
    if (!h->sink.write(h->sink.ctx, (const uint8_t *)p, n, h->err)) {
        h->has_failed = true;
        h->failure = FETCH_FAILURE_HERE;
        return 0;
    }
    return n;
}

static int on_progress(void *ctx, curl_off_t down_all, curl_off_t down,
                       curl_off_t up_all, curl_off_t up)
{
    struct fetch_http *h = ctx;
    (void)down_all;
    (void)down;
    (void)up_all;
    (void)up;
    h->is_interrupted = h->options.stop != NULL && *h->options.stop != 0;
    return h->is_interrupted;
}

/* --- what went wrong --- */

/* First line of what was kept, without control characters. */
static const char *first_line(struct fetch_http *h)
{
    size_t n = 0;
    while (n < h->reason_bytes && h->reason[n] != '\n') {
        const unsigned char c = (unsigned char)h->reason[n];
        if (c < 0x20 || c >= 0x7f) {
            h->reason[n] = c == '\r' ? '\0' : '?';
        }
        n++;
    }
    h->reason[n] = '\0';
    return h->reason;
}

/* The kind of a failure and its words; always false. */
#define FAIL(h, kind, code, ...)                                               \
    ((h)->failure = FETCH_FAILURE_##kind,                                      \
     err_set((h)->err, ERR_##code, __VA_ARGS__))

static bool fail_redirect(struct fetch_http *h, long status, const char *to)
{
    struct buf shown = BUF_LIMIT(REASON_BYTES);
    url_shown(to, &shown);
    (void)FAIL(h, ANSWER, IO,
               "HTTP status %ld: redirects are not followed; it points to %s",
               status,
               buf_ok(&shown) && shown.data ? shown.data : "a long URL");
    buf_release(&shown);
    return false;
}

static bool fail_status(struct fetch_http *h, long status)
{
    char *location = NULL;
    h->lib.easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &location);
    if (location != NULL) {
        return fail_redirect(h, status, location);
    }
    h->failure = status >= 500 ? FETCH_FAILURE_BROKEN : FETCH_FAILURE_ANSWER;
    const char *line = first_line(h);
    /* A page is for browsers: its first line says nothing. */
    const bool says = *line != '\0' && *line != '<' && !h->options.has_secrets;
    return err_set(h->err, ERR_IO, "HTTP status %ld%s%s", status,
                   says ? ": " : "", says ? line : "");
}

static bool fail_connect(struct fetch_http *h)
{
    char text[ERR_TEXT_MAX / 2];
    long number = 0;
    h->lib.easy_getinfo(h->curl, CURLINFO_OS_ERRNO, &number);
    if (number == 0 || strerror_r((int)number, text, sizeof(text)) != 0) {
        return FAIL(h, CONNECT, IO, "cannot connect: %.150s", h->detail);
    }
    return FAIL(h, CONNECT, IO, "cannot connect: %s", text);
}

/* A connection that is used again was not made by this get, so that its times
   say nothing; what was sent does. */
static bool was_asked(const struct fetch_http *h)
{
    long sent_bytes = 0;
    h->lib.easy_getinfo(h->curl, CURLINFO_REQUEST_SIZE, &sent_bytes);
    return sent_bytes > 0;
}

static bool fail_timeout(struct fetch_http *h)
{
    const double total_s =
        1e-9 * (double)(h->options.total_timeout_ns + h->more_ns);
    if (!was_asked(h)) {
        return FAIL(h, CONNECT, IO, "no connection within %.3g s",
                    1e-9 * (double)h->options.connect_timeout_ns);
    }
    if (h->n_bytes > 0) {
        return FAIL(h, SLOW, IO,
                    "timed out after %.3g s, with %" PRIu64 " bytes received",
                    total_s, h->n_bytes);
    }
    return FAIL(h, SLOW, IO, "no answer within %.3g s", total_s);
}

static bool fail_cut(struct fetch_http *h)
{
    curl_off_t said = -1;
    h->lib.easy_getinfo(h->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &said);
    if (said < 0) {
        return FAIL(h, BROKEN, IO,
                    "the answer broke off after %" PRIu64 " bytes", h->n_bytes);
    }
    return FAIL(h, BROKEN, IO,
                "the answer broke off after %" PRIu64 " of %" PRId64 " bytes",
                h->n_bytes, (int64_t)said);
}

/* How TLS libraries say that an answer was none of TLS. */
static bool is_plain_server(const char *detail)
{
    static const char *const words[] = {
        "wrong version number", "packet length too long",
        "record layer failure", "unexpected TLS packet",
        "unknown protocol",
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(detail, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool fail_tls(struct fetch_http *h)
{
    if (is_plain_server(h->detail)) {
        return FAIL(h, ANSWER, IO,
                    "the server does not speak TLS: try http://");
    }
    if (strstr(h->detail, "SSL_ERROR_SYSCALL") != NULL) {
        return FAIL(h, ANSWER, IO,
                    "the server ended the TLS handshake: does it speak "
                    "http://?");
    }
    return FAIL(h, ANSWER, IO, "no TLS: %.150s", h->detail);
}

/* libcurl calls an answer without HTTP's first line HTTP/0.9, which it has
   been told not to speak. */
static bool fail_protocol(struct fetch_http *h)
{
    return was_asked(h)
               ? FAIL(h, ANSWER, IO, "what answers there speaks no HTTP")
               : FAIL(h, HERE, USAGE, "not a URL of http or https");
}

static bool fail(struct fetch_http *h, CURLcode code)
{
    /* Only what people meet often; libcurl has words for the rest. */
    switch ((unsigned)code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return fail_protocol(h);
    case CURLE_COULDNT_RESOLVE_HOST:
        return FAIL(h, CONNECT, IO, "there is no such host");
    case CURLE_COULDNT_CONNECT:
        return fail_connect(h);
    case CURLE_OPERATION_TIMEDOUT:
        return fail_timeout(h);
    case CURLE_GOT_NOTHING:
        return FAIL(h, BROKEN, IO,
                    "the connection was closed without an answer");
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return FAIL(h, BROKEN, IO, "connection reset after %" PRIu64 " bytes",
                    h->n_bytes);
    case CURLE_PARTIAL_FILE:
        return fail_cut(h);
    case CURLE_FILESIZE_EXCEEDED:
        return FAIL(h, ANSWER, LIMIT,
                    "the answer is longer than the limit of %" PRIu64 " bytes",
                    h->options.limit_bytes);
    case CURLE_SSL_CONNECT_ERROR:
        return fail_tls(h);
    case CURLE_OUT_OF_MEMORY:
        h->failure = FETCH_FAILURE_HERE;
        return err_nomem(h->err, "fetching");
    default:
        return FAIL(h, ANSWER, IO, "%.200s",
                    h->detail[0] != '\0' ? h->detail
                                         : h->lib.easy_strerror(code));
    }
}

static bool judge(struct fetch_http *h, CURLcode code)
{
    const long status = status_of(h);
    if (h->has_failed) {
        return false;
    }
    if (h->is_interrupted) {
        return FAIL(h, HERE, INTERRUPTED, "interrupted");
    }
    /* A long error page was not read to its end. */
    const bool is_short = code == CURLE_WRITE_ERROR && status != 200;
    if (code != CURLE_OK && !is_short) {
        return fail(h, code);
    }
    if (status != 200) {
        return fail_status(h, status);
    }
    if (!h->sink.end(h->sink.ctx, h->err)) {
        h->failure = FETCH_FAILURE_HERE;
        return false;
    }
    return true;
}

/* --- a client --- */

#define SET(option, value)                                                     \
    ok = ok && h->lib.easy_setopt(h->curl, option, value) == CURLE_OK

/* Who is trusted, and who is asked in between. */
static bool set_up_trust(struct fetch_http *h)
{
    const struct fetch_http_options *o = &h->options;
    bool ok = true;
    /* The library asks no environment: libcurl does for NULL. */
    SET(CURLOPT_PROXY, o->proxy != NULL ? o->proxy : "");
    SET(CURLOPT_NOPROXY, o->no_proxy != NULL ? o->no_proxy : "");
    SET(CURLOPT_SSLCERT, o->tls_cert);
    SET(CURLOPT_SSLKEY, o->tls_key);
    if (o->tls_ca != NULL) {
        SET(CURLOPT_CAINFO, o->tls_ca);
    }
    SET(CURLOPT_SSL_VERIFYPEER, o->is_insecure ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, o->is_insecure ? 0L : 2L);
    return ok;
}

static bool set_up(struct fetch_http *h)
{
    const struct fetch_http_options *o = &h->options;
    bool ok = set_up_trust(h);
    SET(CURLOPT_USERAGENT, o->user_agent);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, o->follows_redirects ? 1L : 0L);
    SET(CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(o->connect_timeout_ns / MS_NS));
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)o->limit_bytes);
    SET(CURLOPT_WRITEFUNCTION, on_bytes);
    SET(CURLOPT_WRITEDATA, h);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, h);
    SET(CURLOPT_ERRORBUFFER, h->detail);
    return ok;
}

#undef SET

void fetch_http_free(struct fetch_http *h)
{
    if (h != NULL) {
        h->lib.easy_cleanup(h->curl);
        h->lib.global_cleanup();
        free(h);
    }
}

static bool load_library(struct curl_library *lib, struct err *err)
{
    const struct library_function functions[] = {
#define X(name) {"curl_" #name, &lib->name},
        CURL_FUNCTIONS(X)
#undef X
    };
    return library_load(CURL_LIBRARY, functions,
                        sizeof(functions) / sizeof(functions[0]), err);
}

bool fetch_http_new(const struct fetch_http_options *o, struct fetch_http **out,
                    struct err *err)
{
    struct fetch_http *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return err_nomem(err, "libcurl");
    }
    h->options = *o;
    if (!load_library(&h->lib, err)) {
        free(h);
        return false;
    }
    if (h->lib.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(h);
        return err_nomem(err, "libcurl");
    }
    h->curl = h->lib.easy_init();
    if (h->curl == NULL || !set_up(h)) {
        fetch_http_free(h);
        return err_nomem(err, "libcurl");
    }
    *out = h;
    return true;
}

bool fetch_http_get(struct fetch_http *h, const char *url, struct sink sink,
                    struct err *err)
{
    h->sink = sink;
    h->err = err;
    h->has_failed = false;
    h->is_interrupted = false;
    h->n_bytes = 0;
    h->reason_bytes = 0;
    h->detail[0] = '\0';
    h->failure = FETCH_FAILURE_NONE;
    const long timeout_ms =
        (long)((h->options.total_timeout_ns + h->more_ns) / MS_NS);
    if (h->lib.easy_setopt(h->curl, CURLOPT_URL, url) != CURLE_OK ||
        h->lib.easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, timeout_ms) !=
            CURLE_OK) {
        h->failure = FETCH_FAILURE_HERE;
        return err_nomem(err, "URL");
    }
    const bool ok = judge(h, h->lib.easy_perform(h->curl));
    h->err = NULL;
    return ok;
}

enum fetch_failure fetch_http_failure(const struct fetch_http *h)
{
    return h->failure;
}

void fetch_http_allow(struct fetch_http *h, int64_t more_ns)
{
    h->more_ns = more_ns;
}
