/*
 * Credentials as they are typed, made into what fetch/ takes. What may be a
 * secret is never repeated, not even when it is wrong: errors name the option
 * and the file.
 */
#include "target_options.h"

#include "console.h"

#include "base/limits.h"
#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEADERS_MAX = 64,
    HEADER_BYTES_MAX = 8 << 10, /* what most servers take */
    SECRET_BYTES_MAX = 64 << 10
};

#define SECOND_NS INT64_C(1000000000)

VEC_TYPE(header_list, const char *)

void target_options_defaults(struct target_options *o)
{
    o->timeout_ns = 30 * SECOND_NS;
}

/* NULL: not there, or empty. */
static const char *environment(const char *name)
{
    const char *v = getenv(name); /* NOLINT(concurrency-mt-unsafe) */
    return v != NULL && *v != '\0' ? v : NULL;
}

/* --- files --- */

static bool keep(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct buf *text = ctx;
    buf_add(text, p, n);
    return buf_check(text, "the file", err);
}

static bool keep_end(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

/* A small file, or standard input for "-". */
static bool read_small(const char *option, const char *path, struct buf *out,
                       struct err *err)
{
    const struct sink sink = {out, keep, keep_end};
    if (!fetch_file(path, SECRET_BYTES_MAX, sink, NULL, err)) {
        return err_wrap(err, "%s: %.160s", option, path);
    }
    return true;
}

/* Not opened: what is written into a pipe is there once. */
static bool check_file(const char *option, const char *path, struct err *err)
{
    struct stat st;
    if (path == NULL) {
        return true;
    }
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        errno = EISDIR;
    } else if (access(path, R_OK) == 0) {
        return true;
    }
    return err_set(err, ERR_IO, "%s: %.120s: %s", option, path,
                   err_system(errno).text);
}

static bool check_files(const struct target_options *o, struct err *err)
{
    if (o->key != NULL && o->cert == NULL) {
        return err_set(err, ERR_USAGE, "--key is of --cert: say both");
    }
    if (o->insecure && o->cacert != NULL) {
        return err_set(err, ERR_USAGE,
                       "--insecure and --cacert contradict each other");
    }
    return check_file("--bearer-token-file", o->bearer_token_file, err) &&
           check_file("--cacert", o->cacert, err) &&
           check_file("--cert", o->cert, err) &&
           check_file("--key", o->key, err);
}

/* --- headers --- */

static bool is_token(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.p[i];
        const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9');
        if (!is_word && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return name.len > 0;
}

static bool is_clean(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        const unsigned char c = (unsigned char)value.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool is_named(struct span header, const char *name)
{
    const size_t n = strlen(name);
    return header.len > n && header.p[n] == ':' &&
           strncasecmp(header.p, name, n) == 0;
}

/* Bodies are not sent, and nothing may say that one comes. */
static bool check_header(struct span header, const char *where, struct err *err)
{
    const size_t colon = span_find_char(header, ':');
    const struct span value = span_trim(span_from(header, colon + 1));
    if (!is_token(span_first(header, colon)) || value.len == 0) {
        return err_set(err, ERR_USAGE, "--header: %swanted is NAME: VALUE",
                       where);
    }
    if (!is_clean(value)) {
        return err_set(err, ERR_USAGE, "--header: %scontrol characters in %.*s",
                       where, (int)(colon < 60 ? colon : 60), header.p);
    }
    if (header.len > HEADER_BYTES_MAX) {
        return err_set(err, ERR_USAGE, "--header: %smore than %d bytes", where,
                       HEADER_BYTES_MAX);
    }
    if (is_named(header, "Content-Length") ||
        is_named(header, "Transfer-Encoding")) {
        return err_set(err, ERR_USAGE,
                       "--header: %sa request without a body has no %.*s",
                       where, (int)colon, header.p);
    }
    return true;
}

static bool add_header(struct header_list *list, const char *header,
                       const char *where, struct err *err)
{
    if (header == NULL) {
        return err_nomem(err, "headers");
    }
    if (!check_header(span_of(header), where, err)) {
        return false;
    }
    if (list->n == HEADERS_MAX) {
        return err_set(err, ERR_USAGE, "--header: more than %d", HEADERS_MAX);
    }
    return header_list_push(list, header) || err_nomem(err, "headers");
}

/* One header a line; empty lines do not count. */
static bool add_headers_of(struct header_list *list, const char *path,
                           struct arena *arena, struct err *err)
{
    struct buf text = BUF_LIMIT(SECRET_BYTES_MAX);
    bool ok = read_small("--header", path, &text, err);
    const char *where = arena_printf(arena, "%.100s: ", path);
    struct span rest = buf_view(&text);
    struct span line;
    while (ok && span_line(&rest, &line)) {
        const struct span header = span_trim(line);
        /* As C strings end there, so would the header. */
        if (memchr(header.p != NULL ? header.p : "", '\0', header.len)) {
            ok = err_set(err, ERR_USAGE, "--header: %.100s: a byte is zero",
                         path);
        } else if (header.len > 0) {
            ok = add_header(list, arena_strdup(arena, header),
                            where != NULL ? where : "", err);
        }
    }
    buf_release(&text);
    return ok;
}

static bool read_headers(const struct target_options *o, struct arena *arena,
                         struct fetch_credentials *out, struct err *err)
{
    struct header_list list = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < o->headers.n; i++) {
        const char *word = o->headers.items[i];
        ok = word[0] == '@' ? add_headers_of(&list, word + 1, arena, err)
                            : add_header(&list, word, "", err);
    }
    if (ok && list.n > 0) {
        const char **kept = arena_new(arena, const char *, list.n);
        ok = kept != NULL || err_nomem(err, "headers");
        if (ok) {
            memcpy(kept, list.items, list.n * sizeof(*kept));
            out->headers = kept;
            out->n_headers = list.n;
        }
    }
    header_list_release(&list);
    return ok;
}

/* --- who asks --- */

static bool read_password(struct span name, const char *path, struct session *s,
                          struct fetch_credentials *out, struct err *err)
{
    struct buf text = BUF_LIMIT(SECRET_BYTES_MAX);
    bool ok = read_small("--user", path, &text, err);
    struct span rest = buf_view(&text);
    struct span password = {0};
    const bool has_one = ok && span_line(&rest, &password);
    if (has_one && span_ends(password, "\r")) {
        password.len--;
    }
    if (ok && (!has_one || !is_clean(password))) {
        ok = err_set(err, ERR_USAGE, "--user: %.160s: no password in there",
                     path);
    }
    if (ok) {
        out->user = arena_printf(s->arena, "%.*s:%.*s", (int)name.len, name.p,
                                 (int)password.len, password.p);
        ok = out->user != NULL || err_nomem(err, "--user");
    }
    buf_release(&text);
    return ok;
}

static bool read_user(const struct target_options *o, struct session *s,
                      struct fetch_credentials *out, struct err *err)
{
    if (o->user == NULL) {
        return true;
    }
    const struct span whole = span_of(o->user);
    const size_t colon = span_find_char(whole, ':');
    const struct span name = span_first(whole, colon);
    if (colon == whole.len || colon == 0 || !is_clean(whole)) {
        return err_set(err, ERR_USAGE, "--user: wanted is NAME:@FILE");
    }
    const char *password = o->user + colon + 1;
    if (password[0] == '@') {
        return read_password(name, password + 1, s, out, err);
    }
    /* Taken all the same: refused, it would have been seen as well. */
    if (password[0] != '\0' && !s->common.quiet) {
        console_say("--user: a password on the command line shows in the list "
                    "of processes; NAME:@FILE reads it from a file");
    }
    out->user = o->user;
    return true;
}

static bool check_netrc(struct arena *arena, struct err *err)
{
    const char *home = environment("HOME");
    if (home == NULL) {
        return err_set(err, ERR_USAGE, "--netrc: the environment has no HOME");
    }
    const char *path = arena_printf(arena, "%s/.netrc", home);
    return path != NULL ? check_file("--netrc", path, err)
                        : err_nomem(err, "--netrc");
}

static bool has_authorization(const struct fetch_credentials *c)
{
    for (size_t i = 0; i < c->n_headers; i++) {
        if (is_named(span_of(c->headers[i]), "Authorization")) {
            return true;
        }
    }
    return false;
}

/* One answer to "who asks": two would be merged by chance. */
static bool check_one(const struct fetch_credentials *c, struct err *err)
{
    const struct {
        const char *name;
        bool is_said;
    } ways[] = {
        {"--user",                   c->user != NULL             },
        {"--netrc",                  c->uses_netrc               },
        {"--bearer-token-file",      c->bearer_token_file != NULL},
        {"--header 'Authorization'", has_authorization(c)        },
    };
    const char *first = NULL;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (ways[i].is_said && first != NULL) {
            return err_set(err, ERR_USAGE,
                           "%s and %s both say who asks: leave one out", first,
                           ways[i].name);
        }
        first = ways[i].is_said ? ways[i].name : first;
    }
    return true;
}

/* --- the environment --- */

static const char *first_of(const char *a, const char *b)
{
    return a != NULL ? a : b;
}

/* As curl does it. HTTP_PROXY is not looked at: where a request sets the
   environment (CGI), it is the header "Proxy" of whoever asks. */
static struct fetch_proxies read_proxies(void)
{
    const char *all =
        first_of(environment("all_proxy"), environment("ALL_PROXY"));
    const char *https =
        first_of(environment("https_proxy"), environment("HTTPS_PROXY"));
    return (struct fetch_proxies){
        .http = first_of(environment("http_proxy"), all),
        .https = first_of(https, all),
        .none = first_of(environment("no_proxy"), environment("NO_PROXY")),
    };
}

bool target_options_http(const struct target_options *o, struct session *s,
                         struct fetch_http_options *out, struct err *err)
{
    struct fetch_credentials who = {
        .bearer_token_file = o->bearer_token_file,
        .uses_netrc = o->netrc,
    };
    if (!check_files(o, err) || (o->netrc && !check_netrc(s->arena, err)) ||
        !read_headers(o, s->arena, &who, err) || !read_user(o, s, &who, err) ||
        !check_one(&who, err)) {
        return false;
    }
    *out = (struct fetch_http_options){
        .user_agent = "seep/" SEEP_VERSION,
        .connect_timeout_ns =
            o->timeout_ns < 10 * SECOND_NS ? o->timeout_ns : 10 * SECOND_NS,
        .total_timeout_ns = o->timeout_ns,
        /* Of a long timeout: a line that is silent for a minute is dead. */
        .low_speed_bytes = 10,
        .low_speed_ns = 60 * SECOND_NS,
        .limit_bytes = LIMIT_FILE_BYTES,
        .credentials = who,
        .proxies = read_proxies(),
        .tls_cert = o->cert,
        .tls_key = o->key,
        .tls_ca = o->cacert,
        .is_insecure = o->insecure,
    };
    return true;
}
