/* Requests beside the schedule: evidence, asked for when a leak is confirmed.
 */
#include "watch/watcher_private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/banned.h"

struct ask {
    struct ask *next, *before;
    struct watcher *w;
    void *ctx;
    void (*done)(void *ctx, const struct fetch_result *r);
};

/* A dump stops the world for about 10 us a goroutine. */
enum { SMALL_GOROUTINES = 1000, URL_BYTES_MAX = 64 << 10 };

static bool check_dump(const struct watcher *w, const struct watched *t,
                       struct err *err)
{
    switch (w->o.dumps) {
    case WATCH_DUMPS_ALWAYS:
        return true;
    case WATCH_DUMPS_SMALL:
        if (t->goroutines <= SMALL_GOROUTINES) {
            return true;
        }
        if (isnan(t->goroutines)) {
            return err_set(err, ERR_USAGE,
                           "a dump stops the world, and how many goroutines "
                           "there are is not known");
        }
        return err_set(err, ERR_USAGE,
                       "a dump of %.0f goroutines would stop the world for "
                       "too long",
                       t->goroutines);
    case WATCH_DUMPS_NEVER:
        break;
    }
    return err_set(err, ERR_USAGE, "dumps are not allowed");
}

static void ask_free(struct ask *a)
{
    struct ask **link = a->before ? &a->before->next : &a->w->asks;
    *link = a->next;
    if (a->next) {
        a->next->before = a->before;
    }
    a->w->n_asks--;
    free(a);
}

static void on_done(void *ctx, const struct fetch_result *r)
{
    struct ask *a = ctx;
    a->w->counts.n_requests[r->failure]++;
    a->w->counts.n_bytes += r->n_bytes;
    a->done(a->ctx, r);
    ask_free(a);
}

void fetching_forget_asks(struct watcher *w)
{
    for (struct ask *a = w->asks; a;) {
        struct ask *next = a->next;
        free(a);
        a = next;
    }
    w->asks = NULL;
    w->n_asks = 0;
}

static bool start(struct watcher *w, const struct watched *t,
                  const char *profile, unsigned debug, struct sink sink,
                  struct ask *a, struct err *err)
{
    struct buf parameters = BUF_LIMIT(64);
    struct buf url = BUF_LIMIT(URL_BYTES_MAX);
    buf_printf(&parameters, "debug=%u", debug);
    bool ok = buf_check(&parameters, "URL", err) &&
              fetching_url(t, profile, parameters.data, &url, err);
    if (ok) {
        const struct fetch_request request = {
            .url = url.data,
            .sink = sink,
            .has_secrets = fetching_has_secrets(t),
            .ctx = a,
            .done = on_done,
        };
        ok = fetch_pool_start(w->pool, &request, err);
    }
    buf_release(&parameters);
    buf_release(&url);
    return ok;
}

bool watcher_ask(struct watcher *w, uint32_t target, const char *profile,
                 unsigned debug, struct sink sink, void *ctx,
                 void (*done)(void *ctx, const struct fetch_result *r),
                 struct err *err)
{
    assert(target < w->n);
    const struct watched *t = w->items[target];
    if (debug == 2 && !check_dump(w, t, err)) {
        return false;
    }
    struct ask *a = calloc(1, sizeof(*a));
    if (!a) {
        return err_nomem(err, "request");
    }
    *a = (struct ask){.next = w->asks, .w = w, .ctx = ctx, .done = done};
    if (w->asks) {
        w->asks->before = a;
    }
    w->asks = a;
    w->n_asks++;
    if (!start(w, t, profile, debug, sink, a, err)) {
        ask_free(a);
        return false;
    }
    return true;
}
