#include "fetch/url.h"

#include "base/banned.h"

#define ENDPOINT "/debug/pprof"
#define UNIX     "unix://"

/* Length of "http://", or 0. */
static size_t scheme_bytes(struct span url)
{
    const size_t mark = span_find(url, "://");
    return mark < url.len ? mark + 3 : 0;
}

bool url_unix(struct span url, struct span *socket, struct span *path)
{
    if (!span_starts(url, UNIX)) {
        return false;
    }
    url = span_from(url, strlen(UNIX));
    const size_t colon = span_find(url, ":/");
    *socket = span_first(url, colon);
    *path = colon < url.len ? span_from(url, colon + 1) : SPAN_LIT("/");
    return true;
}

static bool is_web(struct span url)
{
    return span_starts(url, "http://") || span_starts(url, "https://");
}

/* --- the endpoint --- */

/* "::1", "fe80::1%25eth0": an address that lacks its brackets. */
static bool is_bare_ipv6(struct span host)
{
    const size_t colon = span_find_char(host, ':');
    const struct span rest = span_from(host, colon + 1);
    for (size_t i = 0; i < host.len && host.p[i] != '%'; i++) {
        const char c = host.p[i];
        const bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
                            (c >= 'A' && c <= 'F');
        if (!is_hex && c != ':' && c != '.') {
            return false;
        }
    }
    return span_find_char(rest, ':') < rest.len;
}

/* ":6060" is this machine, as Go programs print where they listen. False: no
   host. */
static bool add_authority(struct span authority, struct buf *out)
{
    const size_t at = span_rfind_char(authority, '@');
    const bool has_user = at < authority.len;
    const struct span host =
        has_user ? span_from(authority, at + 1) : authority;
    buf_span(out, has_user ? span_first(authority, at + 1) : SPAN_LIT(""));
    if (host.len == 0) {
        return false;
    }
    if (is_bare_ipv6(host)) {
        buf_char(out, '[');
        buf_span(out, host);
        buf_char(out, ']');
        return true;
    }
    buf_str(out, host.p[0] == ':' ? "localhost" : "");
    buf_span(out, host);
    return true;
}

/* Where the endpoint's name ends in a path, or 0: "/x/debug/pprof" wherever it
   is, and "/x/pprof" where a profile's name follows. */
static size_t endpoint_end(struct span path)
{
    size_t start = 0;
    while (start < path.len) {
        const size_t at = start + span_find(span_from(path, start), ENDPOINT);
        const size_t end = at + strlen(ENDPOINT);
        if (end == path.len || (end < path.len && path.p[end] == '/')) {
            return end;
        }
        start = at + 1;
    }
    const size_t slash = span_rfind_char(path, '/');
    const bool has_name = slash + 1 < path.len;
    return has_name && span_ends(span_first(path, slash), "/pprof") ? slash : 0;
}

static struct span without_slashes(struct span path)
{
    while (path.len > 0 && path.p[path.len - 1] == '/') {
        path.len--;
    }
    return path;
}

/* From the path on, the same for all schemes. */
static void add_endpoint(struct span path, struct buf *base,
                         struct buf *profile, struct buf *query)
{
    path = span_first(path, span_find_char(path, '#'));
    const size_t mark = span_find_char(path, '?');
    buf_span(query, span_from(path, mark + 1));
    path = without_slashes(span_first(path, mark));
    const size_t end = endpoint_end(path);
    if (end > 0) {
        buf_span(base, span_first(path, end));
        buf_span(profile, span_from(path, end + 1));
    } else {
        buf_span(base, path);
        buf_str(base, ENDPOINT);
    }
    buf_char(base, '/');
}

static bool add_socket(struct span socket, struct buf *base, struct err *err)
{
    buf_str(base, UNIX);
    buf_span(base, socket);
    buf_char(base, ':');
    return socket.len > 0 || err_set(err, ERR_USAGE, "the URL names no socket");
}

/* "user@host:1/a?b": bytes of what names who is asked. */
static size_t before_path(struct span rest)
{
    size_t n = 0;
    while (n < rest.len && strchr("/?#", rest.p[n]) == NULL) {
        n++;
    }
    return n;
}

static bool add_host(struct span url, struct span *path, struct buf *base,
                     struct err *err)
{
    const size_t scheme = scheme_bytes(url);
    if (scheme > 0 && !is_web(url)) {
        return err_set(
            err, ERR_USAGE,
            "only http, https and unix can be fetched from, not %.*s",
            (int)(scheme < 32 ? scheme : 32), url.p);
    }
    const struct span rest = span_from(url, scheme);
    const size_t n = before_path(rest);
    *path = span_from(rest, n);
    buf_span(base, scheme > 0 ? span_first(url, scheme) : SPAN_LIT("http://"));
    return add_authority(span_first(rest, n), base) ||
           err_set(err, ERR_USAGE, "the URL names no host");
}

bool url_endpoint(const char *arg, struct buf *base, struct buf *profile,
                  struct buf *query, struct err *err)
{
    struct span path = SPAN_LIT("");
    struct span socket;
    const struct span url = span_of(arg);
    const bool ok = url_unix(url, &socket, &path)
                        ? add_socket(socket, base, err)
                        : add_host(url, &path, base, err);
    if (!ok) {
        return false;
    }
    add_endpoint(path, base, profile, query);
    return buf_check(base, "URL", err) && buf_check(profile, "URL", err) &&
           buf_check(query, "URL", err);
}

/* --- others --- */

bool url_parameter(struct span *query, struct span *key, struct span *value)
{
    while (query->len > 0) {
        const struct span pair =
            span_first(*query, span_find_char(*query, '&'));
        *query = span_from(*query, pair.len + 1);
        if (pair.len > 0) {
            *key = span_first(pair, span_find_char(pair, '='));
            *value = span_from(pair, key->len + 1);
            return true;
        }
    }
    return false;
}

/* A password with a slash or a question mark in it, unescaped, ends what looks
   like the host: what follows the colon is then no port. */
static bool is_half_a_user(struct span authority)
{
    const size_t colon = span_rfind_char(authority, ':');
    if (span_find_char(authority, '@') < authority.len ||
        span_ends(authority, "]")) {
        return false;
    }
    for (size_t i = colon + 1; i < authority.len; i++) {
        if (authority.p[i] < '0' || authority.p[i] > '9') {
            return true;
        }
    }
    return false;
}

/* The password may also be digits up to there, and then looks like a port. So
   an '@' behind the host means a user that ends with it, were it only part of a
   path: in a query, where one is usual, if the query follows the host at once.
   `n` bytes are before the path; returns where what can be shown begins. */
static size_t hidden_bytes(struct span rest, size_t n)
{
    const bool has_path = n < rest.len && rest.p[n] == '/';
    const size_t end = has_path ? span_find_char(rest, '?') : rest.len;
    const size_t at = span_rfind_char(span_first(rest, end), '@');
    return at < end && at > n ? at : 0;
}

static struct span without_query(struct span path)
{
    path = span_first(path, span_find_char(path, '?'));
    return span_first(path, span_find_char(path, '#'));
}

static void show_socket(struct span socket, struct span path, struct buf *out)
{
    path = without_query(path);
    buf_str(out, UNIX);
    buf_span(out, socket);
    /* The base, as people write it, has none. */
    buf_str(out, path.len > 1 ? ":" : "");
    buf_span(out, path.len > 1 ? path : SPAN_LIT(""));
}

void url_shown(const char *url, struct buf *out)
{
    const struct span whole = span_of(url);
    struct span socket;
    struct span path;
    if (url_unix(whole, &socket, &path)) {
        show_socket(socket, path, out);
        return;
    }
    const size_t scheme = scheme_bytes(whole);
    const struct span rest = span_from(whole, scheme);
    const size_t n = before_path(rest);
    const size_t hidden = hidden_bytes(rest, n);
    buf_span(out, span_first(whole, scheme));
    if (hidden > 0 || is_half_a_user(span_first(rest, n))) {
        buf_str(out, "(not shown)");
        buf_span(out,
                 without_query(span_from(rest, hidden ? hidden : rest.len)));
        return;
    }
    const size_t user = span_rfind_char(span_first(rest, n), '@');
    buf_span(out, without_query(user < n ? span_from(rest, user + 1) : rest));
}
