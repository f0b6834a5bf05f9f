/* Where a transfer goes, by which way, and how long it may take. */
#include "fetch/origin_private.h"
#include "fetch/transfer_private.h"
#include "fetch/url.h"

#include <limits.h>

#include "base/banned.h"

enum {
    MS_NS = 1000000,
    URL_BYTES_MAX = 1 << 20,
    SOCKET_BYTES_MAX = 107, /* of sockaddr_un, without its '\0' */
};

#define SECOND_NS INT64_C(1000000000)

#define SET(option, value)                                                     \
    ok = ok && t->client->lib.easy_setopt(t->curl, option, value) == CURLE_OK

/* Whole seconds, rounded up: libcurl has no finer ones here. */
static long seconds_of(int64_t ns)
{
    const int64_t s = ns / SECOND_NS + (ns % SECOND_NS > 0);
    return (long)(s < INT_MAX ? s : INT_MAX);
}

static bool set_time(struct transfer *t)
{
    const struct fetch_http_options *o = &t->client->options;
    const bool is_watched = o->low_speed_bytes > 0 && o->low_speed_ns > 0;
    const int64_t left_ms = (t->allowed_ns - t->result.total_ns) / MS_NS;
    bool ok = true;
    /* 0 would be without end. */
    SET(CURLOPT_TIMEOUT_MS, (long)(left_ms < 1         ? 1
                                   : left_ms < INT_MAX ? left_ms
                                                       : INT_MAX));
    /* Nothing comes while the process is still measuring. */
    SET(CURLOPT_LOW_SPEED_TIME,
        is_watched
            ? seconds_of(o->low_speed_ns) +
                  seconds_of(t->request.more_ns > 0 ? t->request.more_ns : 0)
            : 0L);
    SET(CURLOPT_LOW_SPEED_LIMIT,
        is_watched ? (long)(o->low_speed_bytes < INT_MAX ? o->low_speed_bytes
                                                         : INT_MAX)
                   : 0L);
    return ok;
}

/* libcurl asks the environment for what is NULL. */
static bool set_proxy(struct transfer *t, const char *url)
{
    const struct fetch_proxies *p = &t->client->options.proxies;
    const char *proxy = NULL;
    struct origin origin;
    bool ok = true;
    if ((p->http != NULL || p->https != NULL) && !t->is_unix &&
        origin_read(&t->client->lib, url, &origin)) {
        proxy = origin_is_loopback(&origin) ? NULL
                : origin_is_tls(&origin)    ? p->https
                                            : p->http;
        origin_release(&t->client->lib, &origin);
    }
    SET(CURLOPT_PROXY, proxy != NULL ? proxy : "");
    SET(CURLOPT_NOPROXY, p->none != NULL ? p->none : "");
    return ok;
}

static bool set_url(struct transfer *t, const char *url)
{
    bool ok = true;
    SET(CURLOPT_URL, url);
    return ok && set_proxy(t, url) && set_time(t);
}

static bool set_socket(struct transfer *t, const char *path)
{
    bool ok = true;
    t->is_unix = path != NULL;
    SET(CURLOPT_UNIX_SOCKET_PATH, path);
    return ok;
}

#undef SET

/* The socket's path, and a URL for it, with a '\0' between. */
static bool aim_at_socket(struct transfer *t, struct span socket,
                          struct span path, struct err *err)
{
    struct buf text = BUF_LIMIT(URL_BYTES_MAX);
    if (socket.len == 0) {
        return err_set(err, ERR_USAGE, "the URL names no socket");
    }
    if (socket.len > SOCKET_BYTES_MAX) {
        return err_set(err, ERR_USAGE,
                       "the path of the socket has more than %d bytes",
                       SOCKET_BYTES_MAX);
    }
    buf_span(&text, socket);
    buf_char(&text, '\0');
    buf_str(&text, "http://localhost");
    buf_span(&text, path);
    const bool ok =
        buf_check(&text, "URL", err) &&
        ((set_socket(t, text.data) && set_url(t, text.data + socket.len + 1)) ||
         err_nomem(err, "URL"));
    buf_release(&text);
    return ok;
}

bool transfer_turn(struct transfer *t, const char *url, struct err *err)
{
    return set_url(t, url) || err_nomem(err, "URL");
}

bool transfer_aim(struct transfer *t, const char *url, struct err *err)
{
    struct span socket;
    struct span path;
    if (url_unix(span_of(url), &socket, &path)) {
        return aim_at_socket(t, socket, path, err);
    }
    return set_socket(t, NULL) ? transfer_turn(t, url, err)
                               : err_nomem(err, "URL");
}
