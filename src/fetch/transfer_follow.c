/*
 * Answers that point elsewhere. libcurl would follow them by itself, but it
 * sends headers of ours along to any host: so each step is decided here.
 */
#include "fetch/origin_private.h"
#include "fetch/transfer_private.h"
#include "fetch/url.h"

#include <string.h>
#include <strings.h>

#include "base/banned.h"

enum { REDIRECTS_MAX = 10, SHOWN_BYTES_MAX = 160 };

static bool is_web(const struct origin *o)
{
    return strcasecmp(o->scheme, "http") == 0 ||
           strcasecmp(o->scheme, "https") == 0;
}

static const char not_web[] = "only http and https are followed";

/* Why not; NULL: it may be followed. */
static const char *objection(const struct transfer *t,
                             const struct origin *from, const struct origin *to)
{
    if (!is_web(to)) {
        return not_web;
    }
    if (origin_is_tls(from) && !origin_is_tls(to)) {
        return "https is not left for http";
    }
    const bool is_trusted = origin_is_trusted_by(to, from);
    if (t->is_unix && !is_trusted) {
        return "a unix socket is not left";
    }
    if ((t->client->has_credentials || from->has_user) && !is_trusted) {
        return "credentials are not taken to another host";
    }
    return NULL;
}

/* "HTTP status 302: why; it points to http://a/b" */
static bool refuse(struct transfer *t, long status, const char *to,
                   const char *why)
{
    struct buf shown = BUF_LIMIT(SHOWN_BYTES_MAX);
    url_shown(to, &shown);
    transfer_fail(t, FETCH_FAILURE_REDIRECT, ERR_IO,
                  "HTTP status %ld: %s; it points to %s", status, why,
                  buf_ok(&shown) && shown.data ? shown.data : "a long URL");
    buf_release(&shown);
    return false;
}

/* `to` with the name and password of `from`: only those of the URL get lost
   when it is another one. */
static char *with_user(const struct curl_library *lib, const char *from,
                       const char *to)
{
    static const CURLUPart parts[] = {CURLUPART_USER, CURLUPART_PASSWORD};
    CURLU *old = lib->url();
    CURLU *url = lib->url();
    char *whole = NULL;
    if (old != NULL && url != NULL &&
        lib->url_set(old, CURLUPART_URL, from, 0) == CURLUE_OK &&
        lib->url_set(url, CURLUPART_URL, to, 0) == CURLUE_OK) {
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
            char *part = NULL;
            if (lib->url_get(old, parts[i], &part, 0) == CURLUE_OK) {
                lib->url_set(url, parts[i], part, 0);
            }
            lib->free(part);
        }
        lib->url_get(url, CURLUPART_URL, &whole, 0);
    }
    lib->url_cleanup(old);
    lib->url_cleanup(url);
    return whole;
}

static bool turn(struct transfer *t, const char *to)
{
    struct err err = {0};
    return transfer_turn(t, to, &err) ||
           transfer_fail(t, FETCH_FAILURE_HERE, err.code, "%s", err.text);
}

static bool follow(struct transfer *t, long status, const char *from,
                   const struct origin *here, const char *to,
                   const struct origin *there)
{
    const char *why = objection(t, here, there);
    if (why == NULL && t->n_redirects == REDIRECTS_MAX) {
        why = "too many redirects";
    }
    if (why != NULL) {
        return refuse(t, status, to, why);
    }
    t->n_redirects++;
    if (!here->has_user) {
        return turn(t, to);
    }
    char *url = with_user(&t->client->lib, from, to);
    const bool ok = url != NULL
                        ? turn(t, url)
                        : transfer_fail(t, FETCH_FAILURE_HERE, ERR_NOMEM,
                                        "out of memory: URL");
    t->client->lib.free(url);
    return ok;
}

bool transfer_follow(struct transfer *t, long status, const char *to)
{
    const struct curl_library *lib = &t->client->lib;
    struct origin here = {0};
    struct origin there = {0};
    char *from = NULL;
    if (!t->client->options.follows_redirects) {
        return refuse(t, status, to, "redirects are not followed");
    }
    lib->easy_getinfo(t->curl, CURLINFO_EFFECTIVE_URL, &from);
    const bool ok = from != NULL && origin_read(lib, from, &here) &&
                            origin_read(lib, to, &there)
                        ? follow(t, status, from, &here, to, &there)
                        : refuse(t, status, to, not_web);
    origin_release(lib, &here);
    origin_release(lib, &there);
    return ok;
}
