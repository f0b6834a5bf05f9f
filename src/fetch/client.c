#include "fetch/client_private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum { MS_NS = 1000000, KEEPS = 64 };

bool client_is_stopped(const struct client *c)
{
    return c->options.stop != NULL && *c->options.stop != 0;
}

/* --- headers --- */

/* "Name: value" on one line. What is wrong is said by its number: a header may
   be a secret. */
static bool check_header(const char *header, size_t nth, struct err *err)
{
    static const char name[] = "!#$%&'*+-.^_`|~0123456789"
                               "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const size_t n = strspn(header, name);
    if (n == 0 || header[n] != ':') {
        return err_set(err, ERR_USAGE, "header %zu is not \"Name: value\"",
                       nth + 1);
    }
    for (const char *p = header + n; *p != '\0'; p++) {
        const unsigned char c = (unsigned char)*p;
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return err_set(err, ERR_USAGE,
                           "header %zu, %.*s, has a control character", nth + 1,
                           (int)(n < 40 ? n : 40), header);
        }
    }
    return true;
}

/* libcurl only reads the list and what it points to. */
static bool link_headers(struct client *c, struct err *err)
{
    const struct fetch_credentials *who = &c->options.credentials;
    const size_t n = who->n_headers;
    for (size_t i = 0; i < n; i++) {
        if (!check_header(who->headers[i], i, err)) {
            return false;
        }
    }
    if (n == 0) {
        return true;
    }
    c->headers = calloc(n, sizeof(*c->headers));
    if (c->headers == NULL) {
        return err_nomem(err, "headers");
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(&c->headers[i].data, &who->headers[i], sizeof(char *));
        c->headers[i].next = i + 1 < n ? &c->headers[i + 1] : NULL;
    }
    return true;
}

/* --- handles --- */

#define SET(option, value)                                                     \
    ok = ok && c->lib.easy_setopt(curl, option, value) == CURLE_OK

static bool set_trust(const struct client *c, CURL *curl)
{
    const struct fetch_http_options *o = &c->options;
    bool ok = true;
    SET(CURLOPT_SSLCERT, o->tls_cert);
    SET(CURLOPT_SSLKEY, o->tls_key);
    if (o->tls_ca != NULL) {
        SET(CURLOPT_CAINFO, o->tls_ca);
    }
    if (c->has_one_ca_file) {
        SET(CURLOPT_CAPATH, NULL);
    }
    SET(CURLOPT_SSL_VERIFYPEER, o->is_insecure ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, o->is_insecure ? 0L : 2L);
    return ok;
}

static bool set_user(const struct client *c, CURL *curl)
{
    const struct fetch_credentials *who = &c->options.credentials;
    bool ok = true;
    if (who->user != NULL) {
        SET(CURLOPT_USERPWD, who->user);
        SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    } else if (who->uses_netrc) {
        SET(CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
    }
    SET(CURLOPT_HTTPHEADER, c->headers);
    return ok;
}

/* A profile is taken as it comes: what decodes it inflates it with a cap. To
   follow a redirect is decided by us, one at a time. Names are not kept
   either: libcurl looks through all it keeps at the end of each request, and
   who has ten thousand targets asks each once a minute. */
static bool set_protocol(const struct client *c, CURL *curl)
{
    const struct fetch_http_options *o = &c->options;
    const int64_t connect_ms = o->connect_timeout_ns / MS_NS;
    bool ok = true;
    SET(CURLOPT_USERAGENT, o->user_agent);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    SET(CURLOPT_CONNECTTIMEOUT_MS,
        (long)(connect_ms < INT_MAX ? connect_ms : INT_MAX));
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)o->limit_bytes);
    SET(CURLOPT_MAXCONNECTS, (long)o->keeps);
    /* Else who gives up a name that is not found soon waits for it, and all
       others with it. An older libcurl knows no way. */
    (void)c->lib.easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    return ok;
}

#undef SET

CURL *client_handle(const struct client *c, struct err *err)
{
    CURL *curl = c->lib.easy_init();
    if (curl == NULL || !set_trust(c, curl) || !set_user(c, curl) ||
        !set_protocol(c, curl)) {
        c->lib.easy_cleanup(curl);
        err_nomem(err, "libcurl");
        return NULL;
    }
    return curl;
}

/* --- all of it --- */

/* A directory of certificates, which many builds of libcurl look through
   beside the file, keeps it from remembering what it has read: a connection
   then costs 39 ms instead of 1.5. And a file that is given stands alone. */
static bool finds_one_ca_file(const struct client *c)
{
    char *file = NULL;
    if (c->options.tls_ca != NULL) {
        return true;
    }
    CURL *curl = c->lib.easy_init();
    const bool ok =
        curl != NULL &&
        c->lib.easy_getinfo(curl, CURLINFO_CAINFO, &file) == CURLE_OK &&
        file != NULL;
    c->lib.easy_cleanup(curl);
    return ok;
}

void client_release(struct client *c)
{
    free(c->headers);
    c->headers = NULL;
    c->lib.global_cleanup();
}

bool client_init(struct client *c, const struct fetch_http_options *o,
                 struct err *err)
{
    *c = (struct client){.options = *o};
    const struct fetch_credentials *who = &o->credentials;
    c->has_credentials = who->n_headers > 0 || who->bearer_token_file != NULL ||
                         who->user != NULL || who->uses_netrc;
    if (c->options.keeps == 0 || c->options.keeps > INT_MAX) {
        c->options.keeps = KEEPS;
    }
    if (!curl_library_open(&c->lib, err)) {
        return false;
    }
    if (!link_headers(c, err)) {
        client_release(c);
        return false;
    }
    c->has_one_ca_file = finds_one_ca_file(c);
    return true;
}
