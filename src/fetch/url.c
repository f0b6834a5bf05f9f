#include "fetch/url.h"

#include "base/banned.h"

#define ENDPOINT "/debug/pprof"

/* Length of "http://", or 0. */
static size_t scheme_bytes(struct span url)
{
    const size_t mark = span_find(url, "://");
    return mark < url.len ? mark + 3 : 0;
}

static bool is_web(struct span url)
{
    return span_starts(url, "http://") || span_starts(url, "https://");
}

bool url_endpoint(const char *arg, struct buf *base, struct buf *profile,
                  struct buf *query, struct err *err)
{
    struct span url = span_of(arg);
    const size_t scheme = scheme_bytes(url);
    if (scheme > 0 && !is_web(url)) {
        return err_set(err, ERR_USAGE,
                       "only http and https can be fetched from, not %.*s",
                       (int)(scheme < 32 ? scheme : 32), arg);
    }
    url = span_first(url, span_find_char(url, '#'));
    const size_t mark = span_find_char(url, '?');
    buf_span(query, span_from(url, mark + 1));
    url = span_first(url, mark);
    const size_t at = span_find(url, ENDPOINT);
    struct span name = span_from(url, at + strlen(ENDPOINT));
    if (name.len > 0 && name.p[0] == '/') {
        name = span_from(name, 1);
        buf_span(profile, name);
    }
    struct span root = span_first(url, at);
    while (root.len > scheme && root.p[root.len - 1] == '/') {
        root.len--;
    }
    if (root.len == scheme) {
        return err_set(err, ERR_USAGE, "the URL names no host");
    }
    buf_str(base, scheme == 0 ? "http://" : "");
    buf_span(base, root);
    buf_str(base, ENDPOINT "/");
    return buf_check(base, "URL", err) && buf_check(profile, "URL", err) &&
           buf_check(query, "URL", err);
}

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

void url_shown(const char *url, struct buf *out)
{
    const struct span whole = span_of(url);
    const size_t scheme = scheme_bytes(whole);
    struct span rest = span_from(whole, scheme);
    rest = span_first(rest, span_find_char(rest, '?'));
    rest = span_first(rest, span_find_char(rest, '#'));
    const size_t authority = span_find_char(rest, '/');
    const size_t user = span_rfind_char(span_first(rest, authority), '@');
    buf_span(out, span_first(whole, scheme));
    buf_span(out, user < authority ? span_from(rest, user + 1) : rest);
}
