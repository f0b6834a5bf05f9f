/* What went wrong, in words of our own where people meet it often. libcurl's
   are shown only where they are about TLS: others may repeat a URL. */
#include "fetch/transfer_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

bool transfer_fail(struct transfer *t, enum fetch_failure failure,
                   enum err_code code, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    /* Names of certificates and hosts are the server's words. */
    for (char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            *p = '?';
        }
    }
    t->is_judged = true;
    t->result.failure = failure;
    return err_set(&t->result.err, code, "%s", text);
}

#define FAIL(t, kind, code, ...)                                               \
    transfer_fail((t), FETCH_FAILURE_##kind, ERR_##code, __VA_ARGS__)

/* --- a status --- */

/* First line of what was kept, without control characters. */
static const char *first_line(struct transfer *t)
{
    size_t n = 0;
    while (n < t->reason_bytes && t->reason[n] != '\n') {
        const unsigned char c = (unsigned char)t->reason[n];
        if (c < 0x20 || c >= 0x7f) {
            t->reason[n] = c == '\r' ? '\0' : '?';
        }
        n++;
    }
    t->reason[n] = '\0';
    return t->reason;
}

static enum fetch_failure failure_of_status(long status)
{
    if (status >= 500 || status == 429) {
        return FETCH_FAILURE_SERVER;
    }
    return status >= 400 ? FETCH_FAILURE_REFUSED : FETCH_FAILURE_ANSWER;
}

bool transfer_fail_status(struct transfer *t, long status)
{
    const char *line = first_line(t);
    /* Servers repeat what they were asked, and with what. */
    const bool has_secrets = t->client->options.has_secrets ||
                             t->request.has_secrets ||
                             t->client->has_credentials;
    /* A page is for browsers: its first line says nothing. */
    const bool says = *line != '\0' && *line != '<' && !has_secrets;
    return transfer_fail(t, failure_of_status(status), ERR_IO,
                         "HTTP status %ld%s%s", status, says ? ": " : "",
                         says ? line : "");
}

/* --- no answer --- */

/* libcurl does not say when it got no socket. */
static bool has_descriptors(void)
{
    const int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0 || (errno != EMFILE && errno != ENFILE);
}

static bool fail_connect(struct transfer *t)
{
    long number = 0;
    t->client->lib.easy_getinfo(t->curl, CURLINFO_OS_ERRNO, &number);
    if (number == 0 && !has_descriptors()) {
        return FAIL(t, HERE, IO, "cannot connect: too many open files here");
    }
    if (number == 0) {
        return FAIL(t, CONNECT, IO, "cannot connect");
    }
    return FAIL(t, CONNECT, IO, "cannot connect: %s",
                err_system((int)number).text);
}

/* A connection that is used again was not made by this request, so that its
   times say nothing; what was sent does. */
static bool was_asked(const struct transfer *t)
{
    long sent_bytes = 0;
    t->client->lib.easy_getinfo(t->curl, CURLINFO_REQUEST_SIZE, &sent_bytes);
    return sent_bytes > 0;
}

static bool fail_timeout(struct transfer *t)
{
    const struct fetch_http_options *o = &t->client->options;
    const double total_s = 1e-9 * (double)t->allowed_ns;
    if (!was_asked(t)) {
        const int64_t ns = o->connect_timeout_ns < t->allowed_ns
                               ? o->connect_timeout_ns
                               : t->allowed_ns;
        return FAIL(t, CONNECT, IO, "no connection within %.3g s",
                    1e-9 * (double)ns);
    }
    if (strstr(t->detail, "too slow") != NULL) {
        return FAIL(t, SLOW, IO,
                    "too slow: less than %" PRIu64 " bytes/s for %.3g s, with "
                    "%" PRIu64 " bytes received",
                    o->low_speed_bytes, 1e-9 * (double)o->low_speed_ns,
                    t->result.n_bytes);
    }
    if (t->result.n_bytes > 0) {
        return FAIL(t, SLOW, IO,
                    "timed out after %.3g s, with %" PRIu64 " bytes received",
                    total_s, t->result.n_bytes);
    }
    return FAIL(t, SLOW, IO, "no answer within %.3g s", total_s);
}

static bool fail_cut(struct transfer *t)
{
    curl_off_t said = -1;
    t->client->lib.easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
                                &said);
    if (said < 0) {
        return FAIL(t, BROKEN, IO,
                    "the answer broke off after %" PRIu64 " bytes",
                    t->result.n_bytes);
    }
    return FAIL(t, BROKEN, IO,
                "the answer broke off after %" PRIu64 " of %" PRId64 " bytes",
                t->result.n_bytes, (int64_t)said);
}

/* --- TLS --- */

/* How TLS libraries name what went wrong, and what it means. The first that
   fits; those of the peer's own alerts reach us after the handshake, as a
   failed read. */
struct tls_words {
    const char *words, *text;
};

static const struct tls_words tls_words[] = {
    {"wrong version number",          "the server does not speak TLS: try http://"},
    {"packet length too long",        "the server does not speak TLS: try http://"},
    {"record layer failure",          "the server does not speak TLS: try http://"},
    {"unexpected TLS packet",         "the server does not speak TLS: try http://"},
    {"unknown protocol",              "the server does not speak TLS: try http://"},
    {"SSL_ERROR_SYSCALL",
     "the server ended the TLS handshake: does it speak http://?"                 },
    {"alert certificate required",
     "the server wants a certificate of the client"                               },
    {"alert handshake failure",
     "the server refuses the TLS handshake; it may want a certificate of the "
     "client"                                                                     },
    {"alert unknown ca",
     "the server does not trust the certificate of the client"                    },
    {"alert bad certificate",
     "the server refuses the certificate of the client"                           },
    {"alert certificate expired",
     "the server refuses the certificate of the client: it has expired"           },
    {"alert unsupported certificate",
     "the server refuses the certificate of the client: not of a kind for "
     "clients"                                                                    },
    {"alert protocol version",
     "the server speaks no version of TLS that is allowed here"                   },
};

static const char *tls_text(const char *detail)
{
    for (size_t i = 0; i < sizeof(tls_words) / sizeof(tls_words[0]); i++) {
        if (strstr(detail, tls_words[i].words) != NULL) {
            return tls_words[i].text;
        }
    }
    return NULL;
}

/* The peer's alert, when a read or a write failed because of it. */
static bool is_alert(const struct transfer *t)
{
    return strstr(t->detail, " alert ") != NULL && tls_text(t->detail) != NULL;
}

static bool fail_tls(struct transfer *t)
{
    const char *text = tls_text(t->detail);
    if (text != NULL) {
        return FAIL(t, TLS, IO, "%s", text);
    }
    return FAIL(t, TLS, IO, "no TLS: %.150s", t->detail);
}

/* libcurl's words without what they all begin with. */
static bool fail_certificate(struct transfer *t)
{
    static const char *const prefixes[] = {"SSL certificate problem: ",
                                           "SSL: "};
    const char *reason = t->detail;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        const size_t n = strlen(prefixes[i]);
        if (strncmp(reason, prefixes[i], n) == 0) {
            reason += n;
        }
    }
    return FAIL(t, TLS, IO, "the certificate of the server is refused: %.150s",
                reason);
}

/* --- the rest --- */

/* libcurl calls an answer without HTTP's first line HTTP/0.9, which it has
   been told not to speak. */
static bool fail_protocol(struct transfer *t)
{
    return was_asked(t)
               ? FAIL(t, ANSWER, IO, "what answers there speaks no HTTP")
               : FAIL(t, HERE, USAGE, "not a URL of http or https");
}

static bool fail_transfer(struct transfer *t)
{
    long status = 0;
    t->client->lib.easy_getinfo(t->curl, CURLINFO_HTTP_CONNECTCODE, &status);
    if (is_alert(t)) {
        return fail_tls(t);
    }
    if (status >= 300) {
        return FAIL(t, CONNECT, IO, "the proxy refuses: HTTP status %ld",
                    status);
    }
    if (strstr(t->detail, "chunk") != NULL) {
        return FAIL(t, BROKEN, IO,
                    "the answer is damaged after %" PRIu64 " bytes",
                    t->result.n_bytes);
    }
    return FAIL(t, BROKEN, IO, "connection reset after %" PRIu64 " bytes",
                t->result.n_bytes);
}

bool transfer_fail_code(struct transfer *t, CURLcode code)
{
    /* Only what people meet often; libcurl has words for the rest. */
    switch ((unsigned)code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return fail_protocol(t);
    case CURLE_COULDNT_RESOLVE_PROXY:
        return FAIL(t, CONNECT, IO, "there is no such proxy");
    case CURLE_COULDNT_RESOLVE_HOST:
        return FAIL(t, CONNECT, IO, "there is no such host");
    case CURLE_COULDNT_CONNECT:
        return fail_connect(t);
    case CURLE_OPERATION_TIMEDOUT:
        return fail_timeout(t);
    case CURLE_GOT_NOTHING:
        return FAIL(t, BROKEN, IO,
                    "the connection was closed without an answer");
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return fail_transfer(t);
    case CURLE_PARTIAL_FILE:
        return fail_cut(t);
    case CURLE_FILESIZE_EXCEEDED:
        return FAIL(t, LIMIT, LIMIT,
                    "the answer is longer than the limit of %" PRIu64 " bytes",
                    t->client->options.limit_bytes);
    case CURLE_SSL_CONNECT_ERROR:
        return fail_tls(t);
    case CURLE_PEER_FAILED_VERIFICATION:
        return fail_certificate(t);
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        return FAIL(t, HERE, IO, "%.200s", t->detail);
    case CURLE_OUT_OF_MEMORY:
        return FAIL(t, HERE, NOMEM, "out of memory: fetching");
    default:
        return FAIL(t, ANSWER, IO, "%.200s",
                    t->client->lib.easy_strerror(code));
    }
}
