/*
 * The list of targets. What a person, a file or a discovery service calls a
 * target becomes the URL to ask, the name to show and the host to be gentle
 * with. Texts may hold secrets, so no error repeats them.
 */
#include "watch/targets.h"

#include "base/limits.h"
#include "base/sort.h"
#include "fetch/fetch.h"
#include "watch/targets_private.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <xxhash.h>

#include "base/banned.h"

#define ENDPOINT "/debug/pprof/"

enum { TARGETS_MIN = 16 };

void watch_targets_release(struct watch_targets *t)
{
    free(t->items);
    arena_release(&t->arena);
    *t = (struct watch_targets){0};
}

/* --- labels --- */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (c >= '0' && c <= '9');
}

static bool is_label_name(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_char(name.p[i])) {
            return false;
        }
    }
    return name.len > 0 && !(name.p[0] >= '0' && name.p[0] <= '9');
}

/* UTF-8 without control characters. */
static bool is_clean(struct span s)
{
    while (s.len > 0) {
        utf8proc_int32_t c = -1;
        const utf8proc_ssize_t n = utf8proc_iterate(
            (const utf8proc_uint8_t *)s.p, (utf8proc_ssize_t)s.len, &c);
        if (n <= 0 || c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            return false;
        }
        s = span_from(s, (size_t)n);
    }
    return true;
}

static const struct target_label *find_label(const struct target_draft *d,
                                             struct span name)
{
    for (size_t i = 0; i < d->n_labels; i++) {
        if (span_eq(d->labels[i].name, name)) {
            return &d->labels[i];
        }
    }
    return NULL;
}

bool target_draft_label(struct target_draft *d, struct span name,
                        struct span value, struct err *err)
{
    if (!is_label_name(name)) {
        return err_set(err, ERR_FORMAT,
                       "a label's name is letters, digits and '_'");
    }
    if (name.len > TARGET_LABEL_NAME_BYTES_MAX) {
        return err_set(err, ERR_LIMIT, "a label's name is longer than %d bytes",
                       TARGET_LABEL_NAME_BYTES_MAX);
    }
    if (value.len > TARGET_LABEL_VALUE_BYTES_MAX) {
        return err_set(err, ERR_LIMIT,
                       "label %.*s has a value of more than %d bytes",
                       (int)(name.len < 64 ? name.len : 64), name.p,
                       TARGET_LABEL_VALUE_BYTES_MAX);
    }
    if (!is_clean(value)) {
        return err_set(err, ERR_FORMAT,
                       "label %.*s is not clean text: UTF-8 without control "
                       "characters",
                       (int)(name.len < 64 ? name.len : 64), name.p);
    }
    if (find_label(d, name)) {
        return err_set(err, ERR_FORMAT, "label %.*s is given twice",
                       (int)(name.len < 64 ? name.len : 64), name.p);
    }
    if (d->n_labels == TARGET_LABELS_MAX) {
        return err_set(err, ERR_LIMIT, "more than %d labels",
                       TARGET_LABELS_MAX);
    }
    d->labels[d->n_labels++] = (struct target_label){name, value};
    return true;
}

static int by_name(const void *pa, const void *pb, const void *ctx)
{
    (void)ctx;
    const struct watch_label *a = pa;
    const struct watch_label *b = pb;
    return strcmp(a->name, b->name);
}

static bool copy_labels(struct watch_targets *t, const struct target_draft *d,
                        struct watch_target *out)
{
    struct watch_label *labels =
        arena_new(&t->arena, struct watch_label, d->n_labels + 1);
    if (!labels) {
        return false;
    }
    size_t n = 0;
    for (size_t i = 0; i < d->n_labels; i++) {
        const struct target_label *l = &d->labels[i];
        if (span_starts(l->name, "__")) {
            continue;
        }
        labels[n].name = arena_strdup(&t->arena, l->name);
        labels[n].value = arena_strdup(&t->arena, l->value);
        if (!labels[n].name || !labels[n].value) {
            return false;
        }
        n++;
    }
    sort_items(labels, n, sizeof(*labels), by_name, NULL);
    out->labels = labels;
    out->n_labels = n;
    return true;
}

void watch_labels_json(const struct watch_target *t, struct buf *out)
{
    buf_char(out, '{');
    for (size_t i = 0; i < t->n_labels; i++) {
        buf_printf(out, "%s\"%s\":\"", i > 0 ? "," : "", t->labels[i].name);
        for (const char *p = t->labels[i].value; *p; p++) {
            if (*p == '"' || *p == '\\') {
                buf_char(out, '\\');
            }
            buf_char(out, *p); /* no control characters: checked when read */
        }
        buf_char(out, '"');
    }
    buf_char(out, '}');
}

/* --- URLs --- */

static struct span value_of(const struct target_draft *d, const char *name)
{
    const struct target_label *l = find_label(d, span_of(name));
    return l ? l->value : (struct span){0};
}

static void add_parameter(struct buf *query, struct span key, struct span value,
                          bool is_encoded)
{
    static const char digits[] = "0123456789ABCDEF";
    buf_str(query, query->len > 0 ? "&" : "");
    buf_span(query, key);
    buf_char(query, '=');
    for (size_t i = 0; i < value.len; i++) {
        const char c = value.p[i];
        if (is_encoded || is_name_char(c) || c == '-' || c == '.') {
            buf_char(query, c);
        } else {
            buf_char(query, '%');
            buf_char(query, digits[(unsigned char)c >> 4]);
            buf_char(query, digits[(unsigned char)c & 15]);
        }
    }
}

/* What is asked for is decided by the watch, not by a URL. */
static bool is_decided_here(struct span key)
{
    return span_is(key, "debug") || span_is(key, "gc") ||
           span_is(key, "seconds");
}

static void make_query(const struct target_draft *d, struct span said,
                       struct buf *out)
{
    struct span key;
    struct span value;
    while (url_parameter(&said, &key, &value)) {
        if (!is_decided_here(key)) {
            add_parameter(out, key, value, true);
        }
    }
    for (size_t i = 0; i < d->n_labels; i++) {
        if (span_starts(d->labels[i].name, "__param_")) {
            add_parameter(out, span_from(d->labels[i].name, 8),
                          d->labels[i].value, false);
        }
    }
}

/* The base with another path than /debug/pprof/; a URL that says its path
   keeps it. */
static void move_base(struct buf *base, struct span path)
{
    if (!span_ends(buf_view(base), ENDPOINT)) {
        return;
    }
    base->len -= strlen(ENDPOINT);
    while (path.len > 0 && path.p[0] == '/') {
        path = span_from(path, 1);
    }
    while (path.len > 0 && path.p[path.len - 1] == '/') {
        path.len--;
    }
    buf_char(base, '/');
    buf_span(base, path);
    buf_str(base, path.len > 0 ? "/" : "");
}

/* "http://user@orders:6060/a/" -> "orders:6060"; of a unix socket its path. */
static struct span host_of(struct span base)
{
    struct span socket;
    struct span path;
    if (url_unix(base, &socket, &path)) {
        return socket;
    }
    const struct span rest = span_from(base, span_find(base, "://") + 3);
    const struct span authority = span_first(rest, span_find_char(rest, '/'));
    const size_t at = span_rfind_char(authority, '@');
    return at < authority.len ? span_from(authority, at + 1) : authority;
}

static bool has_port(struct span host)
{
    const size_t colon = span_rfind_char(host, ':');
    const size_t bracket = span_rfind_char(host, ']'); /* "[::1]" */
    return colon < host.len && (bracket == host.len || bracket < colon);
}

/* As short as a person would type it and still get there: "orders:6060". */
static struct span shorten(struct span shown)
{
    if (span_ends(shown, ENDPOINT)) {
        shown.len -= strlen(ENDPOINT);
    }
    if (span_starts(shown, "unix:") && span_ends(shown, ":")) {
        shown.len--;
    }
    const struct span host = span_from(shown, strlen("http://"));
    const bool is_short = span_starts(shown, "http://") &&
                          span_find_char(host, '/') == host.len &&
                          has_port(host);
    return is_short ? host : shown;
}

/* What is typed into one URL: scheme and address where they are apart. */
static bool make_argument(const struct target_draft *d, struct buf *out,
                          struct err *err)
{
    const struct span said = value_of(d, "__address__");
    const struct span address = said.len > 0 ? said : d->address;
    if (address.len == 0) {
        return err_set(err, ERR_FORMAT, "the address is empty");
    }
    if (address.len > TARGET_ADDRESS_BYTES_MAX) {
        return err_set(err, ERR_LIMIT, "an address of more than %d bytes",
                       TARGET_ADDRESS_BYTES_MAX);
    }
    if (!is_clean(address) || span_find_char(address, ' ') < address.len) {
        return err_set(err, ERR_FORMAT,
                       "the address holds a blank or is not clean text");
    }
    const struct span scheme = value_of(d, "__scheme__");
    if (scheme.len > 0 && !span_has(address, "://")) {
        buf_span(out, scheme);
        buf_str(out, "://");
    }
    buf_span(out, address);
    return buf_check(out, "address", err);
}

/* The four texts of a target, while they are made. */
struct parts {
    struct buf argument, base, profile, said, query, shown;
};

static bool make_parts(const struct target_draft *d, struct parts *p,
                       struct err *err)
{
    if (!make_argument(d, &p->argument, err) ||
        !url_endpoint(p->argument.data, &p->base, &p->profile, &p->said, err)) {
        return false;
    }
    const struct span path = value_of(d, "__profile_path__");
    if (path.len > 0) {
        move_base(&p->base, path);
    }
    make_query(d, buf_view(&p->said), &p->query);
    if (!buf_check(&p->base, "URL", err) || !buf_check(&p->query, "URL", err)) {
        return false;
    }
    url_shown(p->base.data, &p->shown);
    return buf_check(&p->shown, "URL", err);
}

static bool keep_parts(struct watch_targets *t, const struct parts *p,
                       struct watch_target *out)
{
    const struct span base = buf_view(&p->base);
    out->base = arena_strdup(&t->arena, base);
    out->query = arena_strdup(&t->arena, buf_view(&p->query));
    out->shown = arena_strdup(&t->arena, shorten(buf_view(&p->shown)));
    out->host = arena_strdup(&t->arena, host_of(base));
    return out->base && out->query && out->shown && out->host;
}

static void parts_release(struct parts *p)
{
    buf_release(&p->argument);
    buf_release(&p->base);
    buf_release(&p->profile);
    buf_release(&p->said);
    buf_release(&p->query);
    buf_release(&p->shown);
}

/* --- the list --- */

static bool make_room(struct watch_targets *t, struct err *err)
{
    if (t->n >= LIMIT_TARGETS) {
        return err_set(err, ERR_LIMIT, "more than %u targets", LIMIT_TARGETS);
    }
    if (t->n < t->cap) {
        return true;
    }
    const size_t cap = t->cap > 0 ? t->cap * 2 : TARGETS_MIN;
    void *items = realloc(t->items, cap * sizeof(*t->items));
    if (!items) {
        return err_nomem(err, "list of targets");
    }
    t->items = items;
    t->cap = cap;
    return true;
}

bool watch_targets_put(struct watch_targets *t, const struct target_draft *d,
                       struct err *err)
{
    enum { BYTES = 64 << 10 };
    struct parts p = {BUF_LIMIT(BYTES), BUF_LIMIT(BYTES), BUF_LIMIT(BYTES),
                      BUF_LIMIT(BYTES), BUF_LIMIT(BYTES), BUF_LIMIT(BYTES)};
    bool ok = make_room(t, err) && make_parts(d, &p, err);
    if (ok) {
        ok = keep_parts(t, &p, &t->items[t->n]) &&
             copy_labels(t, d, &t->items[t->n]);
        t->n += ok ? 1 : 0;
        ok = ok || err_nomem(err, "list of targets");
    }
    parts_release(&p);
    return ok;
}

bool watch_targets_add(struct watch_targets *t, const char *arg,
                       struct err *err)
{
    struct target_draft d = {.address = span_of(arg)};
    if (watch_targets_put(t, &d, err)) {
        return true;
    }
    if (err->code == ERR_FORMAT || err->code == ERR_LIMIT) {
        err->code = ERR_USAGE; /* it was typed */
    }
    return false;
}

/* --- one of each --- */

static int compare_labels(const struct watch_target *a,
                          const struct watch_target *b)
{
    if (a->n_labels != b->n_labels) {
        return a->n_labels > b->n_labels ? -1 : 1;
    }
    for (size_t i = 0; i < a->n_labels; i++) {
        const int names = strcmp(a->labels[i].name, b->labels[i].name);
        const int values = strcmp(a->labels[i].value, b->labels[i].value);
        if (names != 0 || values != 0) {
            return names != 0 ? names : values;
        }
    }
    return 0;
}

static int compare_urls(const struct watch_target *a,
                        const struct watch_target *b)
{
    const int bases = strcmp(a->base, b->base);
    return bases != 0 ? bases : strcmp(a->query, b->query);
}

static int compare_targets(const void *pa, const void *pb, const void *ctx)
{
    (void)ctx;
    const struct watch_target *a = pa;
    const struct watch_target *b = pb;
    const int shown = strcmp(a->shown, b->shown);
    const int urls = shown != 0 ? shown : compare_urls(a, b);
    return urls != 0 ? urls : compare_labels(a, b);
}

/* 24 bits tell some namesakes apart, and say of a secret what 24 bits can. */
static const char *mark_namesake(struct watch_targets *t,
                                 const struct watch_target *item)
{
    const uint64_t base = XXH3_64bits(item->base, strlen(item->base));
    const uint64_t hash =
        XXH3_64bits_withSeed(item->query, strlen(item->query), base);
    return arena_printf(&t->arena, "%s#%06x", item->shown,
                        (unsigned)(hash >> 40));
}

/* What differs in secrets only would be shown alike. Each gets a mark of its
   own, and not a number in the list: else, when the first leaves, the second
   went on with its name and its history. */
static bool mark_namesakes(struct watch_targets *t)
{
    size_t first = 0;
    for (size_t i = 1; i <= t->n; i++) {
        if (i < t->n && strcmp(t->items[first].shown, t->items[i].shown) == 0) {
            continue;
        }
        for (size_t k = first; i - first > 1 && k < i; k++) {
            t->items[k].shown = mark_namesake(t, &t->items[k]);
            if (!t->items[k].shown) {
                return false;
            }
        }
        first = i;
    }
    return true;
}

/* Of some thousands, two may have the same mark. */
static bool number_twins(struct watch_targets *t)
{
    size_t first = 0;
    for (size_t i = 1; i < t->n; i++) {
        if (strcmp(t->items[first].shown, t->items[i].shown) != 0) {
            first = i;
            continue;
        }
        t->items[i].shown =
            arena_printf(&t->arena, "%s-%zu", t->items[i].shown, i - first + 1);
        if (!t->items[i].shown) {
            return false;
        }
    }
    return true;
}

bool watch_targets_finish(struct watch_targets *t, struct err *err)
{
    sort_items(t->items, t->n, sizeof(*t->items), compare_targets, NULL);
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct watch_target *last = n > 0 ? &t->items[n - 1] : NULL;
        if (!last || strcmp(last->shown, t->items[i].shown) != 0 ||
            compare_urls(last, &t->items[i]) != 0) {
            t->items[n++] = t->items[i];
        }
    }
    t->n = n;
    if (!mark_namesakes(t)) {
        return err_nomem(err, "list of targets");
    }
    sort_items(t->items, t->n, sizeof(*t->items), compare_targets, NULL);
    return number_twins(t) || err_nomem(err, "list of targets");
}
