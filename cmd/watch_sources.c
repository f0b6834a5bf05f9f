#include "watch_sources.h"

#include "console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECOND_NS  INT64_C(1000000000)
#define LOOK_NS    SECOND_NS
#define REFRESH_NS (60 * SECOND_NS)

/* A hundred thousand targets with their labels. */
enum { LIST_BYTES_MAX = 64 << 20, ASK_MS = 200, GONE_LOOKS = 3 };

/* What tells that a file is another one, or was written. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec modified;
};

struct list_file {
    const char *path;
    struct stamp stamp;
    struct buf text; /* the last that was good */
    unsigned n_gone; /* looks in a row that found no file */
};

struct watch_sources {
    const struct words *args;
    struct list_file *files;
    size_t n_files;
    int64_t look_ns;

    /* http_sd */
    const char *url;
    char *shown;
    struct fetch_pool *pool;
    struct fetch_http_options http;
    struct buf text, arriving;
    int64_t ask_ns;
    bool is_asked;     /* and has not answered */
    bool has_answer;   /* it did, and nobody has looked */
    bool is_refused;   /* said already */
    struct err answer; /* why not */
};

/* --- a list as text --- */

static bool keep(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    buf_add(ctx, p, n);
    return buf_check(ctx, "the list of targets", err);
}

static bool keep_end(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

static bool is_list(struct span text, struct err *err)
{
    struct watch_targets t = {0};
    const bool ok = watch_targets_parse(&t, text, err);
    watch_targets_release(&t);
    return ok;
}

static void take_over(struct buf *to, struct buf *from)
{
    buf_release(to);
    *to = *from;
    *from = BUF_LIMIT(LIST_BYTES_MAX);
}

/* --- files --- */

static bool stamp_of(const char *path, struct stamp *out, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return err_set(err, ERR_IO, "%.160s: %s", path, err_system(errno).text);
    }
    *out = (struct stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
    return true;
}

static bool is_same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode &&
           a->bytes == b->bytes && a->modified.tv_sec == b->modified.tv_sec &&
           a->modified.tv_nsec == b->modified.tv_nsec;
}

static bool read_list(struct list_file *f, struct err *err)
{
    struct buf text = BUF_LIMIT(LIST_BYTES_MAX);
    const struct sink sink = {&text, keep, keep_end};
    const bool ok = fetch_file(f->path, LIST_BYTES_MAX, sink, NULL, err) &&
                    is_list(buf_view(&text), err);
    if (ok) {
        take_over(&f->text, &text);
    } else {
        err_wrap(err, "%.160s", f->path);
    }
    buf_release(&text);
    return ok;
}

/* A file that is gone for a moment, while it is replaced, is left alone; one
   that stays away is told once. */
static void look_at_file(struct list_file *f, bool *changed,
                         struct err *complaint)
{
    struct stamp now = {0};
    struct err err = {0};
    if (!stamp_of(f->path, &now, &err)) {
        f->n_gone += f->n_gone < GONE_LOOKS + 1;
        if (f->n_gone == GONE_LOOKS) {
            *complaint = err;
        }
        return;
    }
    f->n_gone = 0;
    if (is_same_stamp(&now, &f->stamp)) {
        return;
    }
    f->stamp = now;
    if (read_list(f, &err)) {
        *changed = true;
    } else {
        *complaint = err;
    }
}

static bool open_files(struct watch_sources *s, const struct words *paths,
                       struct err *err)
{
    s->files = calloc(paths->n + 1, sizeof(*s->files));
    if (s->files == NULL) {
        return err_nomem(err, "targets");
    }
    for (size_t i = 0; i < paths->n; i++) {
        struct list_file *f = &s->files[s->n_files++];
        f->path = paths->items[i];
        f->text = BUF_LIMIT(LIST_BYTES_MAX);
        if ((strcmp(f->path, "-") != 0 && !stamp_of(f->path, &f->stamp, err)) ||
            !read_list(f, err)) {
            return err_wrap(err, "--targets");
        }
    }
    return true;
}

/* --- http_sd --- */

static void on_answer(void *ctx, const struct fetch_result *r)
{
    struct watch_sources *s = ctx;
    s->is_asked = false;
    s->has_answer = true;
    s->answer = r->err;
    if (r->failure != FETCH_FAILURE_NONE && s->answer.code == ERR_NONE) {
        (void)err_set(&s->answer, ERR_IO, "%s", fetch_failure_name(r->failure));
    }
}

static bool ask(struct watch_sources *s, struct err *err)
{
    buf_release(&s->arriving);
    s->arriving = BUF_LIMIT(LIST_BYTES_MAX);
    const struct fetch_request request = {
        .url = s->url,
        .sink = {&s->arriving, keep, keep_end},
        .has_secrets = true,
        .ctx = s,
        .done = on_answer,
    };
    s->is_asked = fetch_pool_start(s->pool, &request, err);
    return s->is_asked;
}

/* A page that asks for a password must not become a list of its lines. */
static bool is_service_list(struct span text, struct err *err)
{
    if (!span_starts(span_trim(text), "[")) {
        return err_set(err, ERR_FORMAT, "not a JSON array of target groups");
    }
    return is_list(text, err);
}

/* False: `err` says why it is no list. */
static bool take_answer(struct watch_sources *s, bool *changed, struct err *err)
{
    s->has_answer = false;
    if (s->answer.code != ERR_NONE) {
        *err = s->answer;
    } else if (is_service_list(buf_view(&s->arriving), err)) {
        *changed = !span_eq(buf_view(&s->text), buf_view(&s->arriving));
        take_over(&s->text, &s->arriving);
        return true;
    }
    return err_wrap(err, "%.160s", s->shown);
}

/* What Prometheus says when it asks. The targets' credentials are none of the
   service's business; its URL may hold its own. Who it is, is always checked:
   its list decides who gets those credentials. */
static bool open_service(struct watch_sources *s, struct err *err)
{
    static const char *const headers[] = {
        "Accept: application/json",
        "X-Prometheus-Refresh-Interval-Seconds: 60",
    };
    struct buf shown = BUF_LIMIT(4096);
    url_shown(s->url, &shown);
    s->shown = shown.data != NULL ? strdup(shown.data) : NULL;
    buf_release(&shown);
    s->http.credentials = (struct fetch_credentials){
        .headers = headers,
        .n_headers = sizeof(headers) / sizeof(headers[0]),
    };
    s->http.tls_cert = s->http.tls_key = NULL;
    s->http.is_insecure = false;
    s->http.has_secrets = true;
    s->http.limit_bytes = LIST_BYTES_MAX;
    s->text = BUF_LIMIT(LIST_BYTES_MAX);
    if (s->shown == NULL) {
        return err_nomem(err, "--http-sd");
    }
    return fetch_pool_new(&s->http, &s->pool, err) && ask(s, err);
}

/* The first list is waited for: a wrong URL is told at once. */
static bool wait_for_service(struct watch_sources *s, struct err *err)
{
    bool changed = false;
    while (s->is_asked) {
        if (!fetch_pool_run(s->pool, ASK_MS, err)) {
            return false;
        }
        if (console_signal() != 0) {
            return err_set(err, ERR_INTERRUPTED, "interrupted");
        }
    }
    return take_answer(s, &changed, err);
}

static bool run_service(struct watch_sources *s, int64_t mono_ns, bool *changed,
                        struct err *complaint, struct err *err)
{
    if (!fetch_pool_run(s->pool, 0, err)) {
        return false;
    }
    if (s->has_answer) {
        struct err why = {0};
        const bool ok = take_answer(s, changed, &why);
        if (!ok && !s->is_refused) {
            *complaint = why;
        }
        s->is_refused = !ok;
    }
    if (!s->is_asked && mono_ns >= s->ask_ns) {
        s->ask_ns = mono_ns + REFRESH_NS;
        return ask(s, err);
    }
    return true;
}

/* --- all of them --- */

bool watch_sources_new(const struct watch_settings *o, const struct words *args,
                       const struct fetch_http_options *http,
                       struct watch_sources **out, struct err *err)
{
    struct watch_sources *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return err_nomem(err, "targets");
    }
    s->args = args;
    s->url = o->http_sd;
    s->http = *http;
    if (!open_files(s, &o->files, err) ||
        (s->url != NULL &&
         (!open_service(s, err) || !wait_for_service(s, err)) &&
         !err_wrap(err, "--http-sd"))) {
        watch_sources_free(s);
        return false;
    }
    *out = s;
    return true;
}

void watch_sources_free(struct watch_sources *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->n_files; i++) {
        buf_release(&s->files[i].text);
    }
    free(s->files);
    fetch_pool_free(s->pool);
    buf_release(&s->text);
    buf_release(&s->arriving);
    free(s->shown);
    free(s);
}

static bool add_all(const struct watch_sources *s, struct watch_targets *out,
                    struct err *err)
{
    for (size_t i = 0; i < s->args->n; i++) {
        if (!watch_targets_add(out, s->args->items[i], err)) {
            return false;
        }
    }
    for (size_t i = 0; i < s->n_files; i++) {
        if (!watch_targets_parse(out, buf_view(&s->files[i].text), err)) {
            return false;
        }
    }
    return s->url == NULL || watch_targets_parse(out, buf_view(&s->text), err);
}

bool watch_sources_targets(const struct watch_sources *s,
                           struct watch_targets *out, struct err *err)
{
    return add_all(s, out, err) && watch_targets_finish(out, err);
}

bool watch_sources_renew(const struct watch_sources *s, struct watch_targets *t,
                         struct err *complaint, struct err *err)
{
    struct watch_targets now = {0};
    struct err why = {0};
    if (watch_sources_targets(s, &now, &why)) {
        watch_targets_release(t);
        *t = now;
        return true;
    }
    watch_targets_release(&now);
    *(why.code == ERR_NOMEM ? err : complaint) = why;
    return why.code != ERR_NOMEM;
}

bool watch_sources_run(struct watch_sources *s, int64_t mono_ns, bool *changed,
                       struct err *complaint, struct err *err)
{
    *changed = false;
    if (mono_ns >= s->look_ns) {
        s->look_ns = mono_ns + LOOK_NS;
        for (size_t i = 0; i < s->n_files; i++) {
            if (strcmp(s->files[i].path, "-") != 0) {
                look_at_file(&s->files[i], changed, complaint);
            }
        }
    }
    if (s->url == NULL) {
        return true;
    }
    if (s->ask_ns == 0) {
        s->ask_ns = mono_ns + REFRESH_NS; /* the first answer is fresh */
    }
    return run_service(s, mono_ns, changed, complaint, err);
}

int watch_sources_fd(const struct watch_sources *s)
{
    return s->pool != NULL ? fetch_pool_fd(s->pool) : -1;
}

int64_t watch_sources_next_ns(const struct watch_sources *s)
{
    const int64_t look_ns = s->n_files > 0 ? s->look_ns : INT64_MAX;
    const int64_t ask_ns =
        s->url != NULL && !s->is_asked ? s->ask_ns : INT64_MAX;
    return look_ns < ask_ns ? look_ns : ask_ns;
}
