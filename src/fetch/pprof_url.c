/*
 * Go's net/url as far as it matters here: "host:6060/path" has a scheme named
 * host, so that pprof puts http:// in front and looks again; a query is
 * decoded, sorted by key and encoded again.
 */
#include "fetch/pprof_url.h"

#include "base/num.h"
#include "base/vec.h"
#include "fetch/url.h"

#include <string.h>

#include "base/banned.h"

#define CPU_PROFILE "/debug/pprof/profile"
#define INSECURE    "https+insecure"

enum {
    QUERY_BYTES_MAX = 64 << 10,
    SECONDS_MAX = INT32_MAX,
    SECONDS_BYTES = 24 /* of the number */
};

/* --- parts --- */

struct parts {
    struct span scheme, authority, path, query;
};

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of "name:" in front, or 0. */
static size_t scheme_length(struct span url)
{
    for (size_t i = 0; i < url.len; i++) {
        const char c = url.p[i];
        if (c == ':') {
            return i > 0 ? i + 1 : 0;
        }
        if (!is_letter(c) &&
            (i == 0 || !(is_digit(c) || c == '+' || c == '-' || c == '.'))) {
            return 0;
        }
    }
    return 0;
}

static bool is_same_letter(char a, char b)
{
    return a == b || (is_letter(a) && is_letter(b) && (a | 0x20) == (b | 0x20));
}

static bool is_scheme(struct span a, const char *name)
{
    bool same = a.len == strlen(name);
    for (size_t i = 0; same && i < a.len; i++) {
        same = is_same_letter(a.p[i], name[i]);
    }
    return same;
}

/* The host's port is digits, and nothing in it is a blank. */
static bool is_authority(struct span authority)
{
    const size_t user = span_rfind_char(authority, '@');
    const struct span host =
        user < authority.len ? span_from(authority, user + 1) : authority;
    const size_t bracket = span_rfind_char(host, ']');
    const struct span tail =
        bracket < host.len ? span_from(host, bracket + 1) : host;
    const size_t colon = span_rfind_char(tail, ':');
    for (size_t i = colon + 1; i < tail.len; i++) {
        if (!is_digit(tail.p[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < host.len; i++) {
        if ((unsigned char)host.p[i] <= ' ' ||
            strchr("<>\"{}|\\^`", host.p[i])) {
            return false;
        }
    }
    /* Without brackets there is one colon at most. */
    return bracket < host.len || span_find_char(host, ':') == colon;
}

static bool is_clean(struct span url)
{
    for (size_t i = 0; i < url.len; i++) {
        const unsigned char c = (unsigned char)url.p[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return url.len > 0;
}

/* False: Go says it is none. */
static bool take_apart(struct span url, struct parts *out)
{
    *out = (struct parts){0};
    url = span_first(url, span_find_char(url, '#'));
    const size_t scheme = scheme_length(url);
    out->scheme = span_first(url, scheme > 0 ? scheme - 1 : 0);
    struct span rest = span_from(url, scheme);
    const size_t mark = span_find_char(rest, '?');
    out->query = span_from(rest, mark + 1);
    rest = span_first(rest, mark);
    if (span_starts(rest, "//")) {
        rest = span_from(rest, 2);
        out->authority = span_first(rest, span_find_char(rest, '/'));
        rest = span_from(rest, out->authority.len);
        if (!is_authority(out->authority)) {
            return false;
        }
    }
    out->path = rest;
    const struct span first = span_first(rest, span_find_char(rest, '/'));
    return is_clean(url) && (scheme > 0 || out->authority.len > 0 ||
                             span_find_char(first, ':') == first.len);
}

static struct span host_of(const struct parts *p)
{
    const size_t user = span_rfind_char(p->authority, '@');
    return user < p->authority.len ? span_from(p->authority, user + 1)
                                   : p->authority;
}

/* --- the query --- */

struct parameter {
    struct span key, value; /* decoded, in `text` */
};

VEC_TYPE(parameters, struct parameter)

static int hex_value(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    const int low = c | 0x20;
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* Appends what `in` stands for. False: a wrong escape. */
static bool decode(struct span in, struct buf *out)
{
    for (size_t i = 0; i < in.len; i++) {
        if (in.p[i] == '+') {
            buf_char(out, ' ');
            continue;
        }
        if (in.p[i] != '%') {
            buf_char(out, in.p[i]);
            continue;
        }
        const int high = i + 2 < in.len ? hex_value(in.p[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(in.p[i + 2]) : -1;
        if (low < 0) {
            return false;
        }
        buf_char(out, (char)(high * 16 + low));
        i += 2;
    }
    return true;
}

static void encode(struct span in, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < in.len; i++) {
        const char c = in.p[i];
        if (is_letter(c) || is_digit(c) ||
            (c != '\0' && strchr("-_.~", c) != NULL)) {
            buf_char(out, c);
        } else if (c == ' ') {
            buf_char(out, '+');
        } else {
            buf_char(out, '%');
            buf_char(out, digits[(unsigned char)c >> 4]);
            buf_char(out, digits[(unsigned char)c & 15]);
        }
    }
}

/* `text` must not move: it has room for all. */
static bool decode_query(struct span query, struct buf *text,
                         struct parameters *out, struct err *err)
{
    struct span key;
    struct span value;
    while (url_parameter(&query, &key, &value)) {
        const size_t start = text->len;
        /* Go drops what has a semicolon or a wrong escape. */
        bool is_right =
            memchr(key.p, ';', key.len) == NULL &&
            (value.len == 0 || memchr(value.p, ';', value.len) == NULL) &&
            decode(key, text);
        const size_t middle = text->len;
        is_right = is_right && decode(value, text);
        const struct parameter p = {
            {text->data + start,  middle - start    },
            {text->data + middle, text->len - middle}
        };
        if (is_right && !parameters_push(out, p)) {
            return err_nomem(err, "URL");
        }
    }
    return true;
}

/* By key; those of one key stay in order. Queries are short. */
static void sort_by_key(struct parameters *list)
{
    for (size_t i = 1; i < list->n; i++) {
        const struct parameter p = list->items[i];
        size_t k = i;
        while (k > 0) {
            if (span_compare(list->items[k - 1].key, p.key) <= 0) {
                break;
            }
            list->items[k] = list->items[k - 1];
            k--;
        }
        list->items[k] = p;
    }
}

/* The first "seconds" of a query. */
static int64_t seconds_of(const struct parameters *list)
{
    int64_t seconds = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (span_is(list->items[i].key, "seconds")) {
            const bool ok = num_parse_i64(list->items[i].value, &seconds) &&
                            seconds <= SECONDS_MAX && seconds >= 0;
            return ok ? seconds : 0;
        }
    }
    return 0;
}

/* "seconds" has one value then, and only one. */
static bool set_seconds(struct parameters *list, struct span value,
                        struct err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (!span_is(list->items[i].key, "seconds")) {
            list->items[n++] = list->items[i];
        }
    }
    list->n = n;
    const struct parameter p = {SPAN_LIT("seconds"), value};
    return parameters_push(list, p) || err_nomem(err, "URL");
}

static bool has_others(const struct parameters *list)
{
    static const char *const known[] = {"seconds", "debug", "gc", "hz"};
    for (size_t i = 0; i < list->n; i++) {
        bool is_known = false;
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
            is_known |= span_is(list->items[i].key, known[k]);
        }
        if (!is_known) {
            return true;
        }
    }
    return false;
}

static void write_query(const struct parameters *list, struct buf *out)
{
    for (size_t i = 0; i < list->n; i++) {
        buf_char(out, i == 0 ? '?' : '&');
        encode(list->items[i].key, out);
        buf_char(out, '=');
        encode(list->items[i].value, out);
    }
}

static bool read_query(struct span query, int64_t seconds, struct buf *text,
                       struct parameters *list, struct err *err)
{
    if (query.len > QUERY_BYTES_MAX) {
        return err_set(err, ERR_LIMIT, "the URL is too long");
    }
    /* Decoding makes nothing longer: room for all at once. */
    buf_repeat(text, ' ', query.len + SECONDS_BYTES);
    if (!buf_check(text, "URL", err)) {
        return false;
    }
    buf_clear(text);
    if (!decode_query(query, text, list, err)) {
        return false;
    }
    const size_t start = text->len;
    buf_printf(text, "%lld", (long long)seconds);
    return seconds <= 0 ||
           set_seconds(list, span_from(buf_view(text), start), err);
}

static bool add_query(struct span query, int64_t seconds, struct buf *out,
                      struct pprof_url *info, struct err *err)
{
    struct parameters list = {0};
    struct buf text = BUF_LIMIT(QUERY_BYTES_MAX + SECONDS_BYTES);
    const bool ok = read_query(query, seconds, &text, &list, err);
    if (ok) {
        sort_by_key(&list);
        info->lasts_s = seconds_of(&list);
        info->has_secrets |= has_others(&list);
        write_query(&list, out);
    }
    parameters_release(&list);
    buf_release(&text);
    return ok;
}

/* --- all of it --- */

static void add_path(struct span path, struct buf *out)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.p[i] == ' ') {
            buf_str(out, "%20");
        } else {
            buf_char(out, path.p[i]);
        }
    }
}

bool pprof_url_from(const char *arg, int64_t seconds, struct buf *out,
                    struct pprof_url *info, bool *is_url, struct err *err)
{
    struct parts p;
    struct buf longer = BUF_LIMIT(QUERY_BYTES_MAX);
    bool ok = true;
    *info = (struct pprof_url){0};
    *is_url = take_apart(span_of(arg), &p);
    if (!*is_url || (host_of(&p).len == 0 && p.scheme.len > 0 &&
                     !is_scheme(p.scheme, "file"))) {
        buf_printf(&longer, "http://%s", arg);
        ok = buf_check(&longer, "URL", err);
        *is_url = ok && take_apart(buf_view(&longer), &p);
    }
    *is_url = *is_url && host_of(&p).len > 0;
    if (*is_url) {
        const bool has_path =
            p.path.len > 1 || (p.path.len == 1 && p.path.p[0] != '/');
        info->is_insecure = is_scheme(p.scheme, INSECURE);
        info->is_tls = info->is_insecure || is_scheme(p.scheme, "https");
        info->has_secrets = host_of(&p).len < p.authority.len;
        if (info->is_insecure) {
            p.scheme = SPAN_LIT("https");
        }
        buf_span(out, p.scheme);
        buf_str(out, p.scheme.len > 0 ? "://" : "//");
        buf_span(out, p.authority);
        add_path(has_path ? p.path : SPAN_LIT(CPU_PROFILE), out);
        ok = add_query(p.query, seconds, out, info, err) &&
             buf_check(out, "URL", err);
    }
    buf_release(&longer);
    return ok;
}
