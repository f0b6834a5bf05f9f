#include "pprof_remote.h"

#include "base/buf.h"
#include "base/limits.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* pprof asks as many at once. */
enum { WORKERS_MAX = 128, DEFAULT_TIMEOUT_S = 60, GRACE_S = 5, CONNECT_S = 30 };

#define SECOND_NS INT64_C(1000000000)

struct answer {
    struct buf body;
    struct err err;
    bool is_there, ok;
};

struct pprof_remote {
    const struct pprof_request *requests;
    const struct pprof_flags *flags;
    size_t n;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    size_t next; /* to be asked for */
    struct answer *answers;

    volatile int stop;
    pthread_t workers[WORKERS_MAX];
    size_t n_workers;
};

/* --- one request --- */

static const char *environment(const char *upper, const char *lower)
{
    const char *v = getenv(upper); /* NOLINT(concurrency-mt-unsafe) */
    if (v == NULL || *v == '\0') {
        v = getenv(lower); /* NOLINT(concurrency-mt-unsafe) */
    }
    return v != NULL && *v != '\0' ? v : NULL;
}

static int64_t timeout_s(const struct pprof_flags *f,
                         const struct pprof_url *info)
{
    if (f->timeout > 0) {
        return f->timeout;
    }
    return info->lasts_s > 0 ? info->lasts_s + info->lasts_s / 2
                             : DEFAULT_TIMEOUT_S;
}

static struct fetch_http_options options_for(const struct pprof_remote *r,
                                             const struct pprof_request *q)
{
    int64_t whole_s = timeout_s(r->flags, &q->info);
    /* Neither nanoseconds here nor milliseconds there overflow. */
    whole_s = whole_s < INT32_MAX / 2 ? whole_s : INT32_MAX / 2;
    whole_s += GRACE_S;
    return (struct fetch_http_options){
        .user_agent = "seep/" SEEP_VERSION,
        .connect_timeout_ns =
            (whole_s < CONNECT_S ? whole_s : CONNECT_S) * SECOND_NS,
        .total_timeout_ns = whole_s * SECOND_NS,
        .limit_bytes = LIMIT_FILE_BYTES,
        .has_secrets = q->info.has_secrets,
        .stop = &r->stop,
        .follows_redirects = true,
        .proxies = {.http = environment("HTTP_PROXY", "http_proxy"),
                    .https = environment("HTTPS_PROXY", "https_proxy"),
                    .none = environment("NO_PROXY", "no_proxy")},
        .tls_cert = r->flags->tls_cert,
        .tls_key = r->flags->tls_key,
        .tls_ca = r->flags->tls_ca,
        .is_insecure = q->info.is_insecure,
    };
}

static bool keep(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct buf *body = ctx;
    buf_add(body, p, n);
    return buf_check(body, "the answer", err);
}

static bool keep_end(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

static void ask(const struct pprof_remote *r, size_t i, struct answer *out)
{
    const struct pprof_request *q = &r->requests[i];
    const struct fetch_http_options options = options_for(r, q);
    struct fetch_http *http = NULL;
    out->body = BUF_LIMIT(LIMIT_FILE_BYTES);
    out->ok =
        fetch_http_new(&options, &http, &out->err) &&
        fetch_http_get(http, q->url, (struct sink){&out->body, keep, keep_end},
                       &out->err);
    fetch_http_free(http);
    out->is_there = true;
}

/* --- all of them --- */

static void *work(void *ctx)
{
    struct pprof_remote *r = ctx;
    pthread_mutex_lock(&r->lock);
    while (r->next < r->n && !r->stop) {
        struct answer answer = {0};
        const size_t i = r->next++;
        pthread_mutex_unlock(&r->lock);
        ask(r, i, &answer);
        pthread_mutex_lock(&r->lock);
        r->answers[i] = answer;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

bool pprof_remote_new(const struct pprof_request *requests, size_t n,
                      const struct pprof_flags *flags,
                      struct pprof_remote **out, struct err *err)
{
    struct pprof_remote *r = calloc(1, sizeof(*r));
    struct answer *answers = calloc(n + 1, sizeof(*answers));
    if (r == NULL || answers == NULL) {
        free(r);
        free(answers);
        return err_nomem(err, "requests");
    }
    r->requests = requests;
    r->flags = flags;
    r->n = n;
    r->answers = answers;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    const size_t wanted = n < WORKERS_MAX ? n : WORKERS_MAX;
    while (r->n_workers < wanted &&
           pthread_create(&r->workers[r->n_workers], NULL, work, r) == 0) {
        r->n_workers++;
    }
    if (r->n_workers == 0 && n > 0) {
        pprof_remote_free(r);
        return err_set(err, ERR_IO, "cannot start a thread to fetch with");
    }
    *out = r;
    return true;
}

bool pprof_remote_take(struct pprof_remote *r, size_t i, struct sink sink,
                       struct err *err)
{
    pthread_mutex_lock(&r->lock);
    while (!r->answers[i].is_there) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    /* Nobody else looks at it any more. */
    struct answer *a = &r->answers[i];
    if (!a->ok) {
        *err = a->err;
        return false;
    }
    const bool ok =
        (a->body.len == 0 || sink.write(sink.ctx, (const uint8_t *)a->body.data,
                                        a->body.len, err)) &&
        sink.end(sink.ctx, err);
    buf_release(&a->body);
    return ok;
}

void pprof_remote_free(struct pprof_remote *r)
{
    if (r == NULL) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->stop = 1;
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < r->n_workers; i++) {
        pthread_join(r->workers[i], NULL);
    }
    for (size_t i = 0; i < r->n; i++) {
        buf_release(&r->answers[i].body);
    }
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r->answers);
    free(r);
}
