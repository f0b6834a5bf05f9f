/*
 * Snapshots of live processes over HTTP, as files that `seep leaks DIR` reads.
 * Every target has a run of its own (fetch_run.h); this is the loop that turns
 * them.
 */
#include "console.h"
#include "fetch_profiles.h"
#include "fetch_run.h"

#include "base/limits.h"
#include "fetch/fetch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* More is what `seep watch` is for. */
enum { TARGETS_MAX = 64, PATH_BYTES_MAX = 64 << 10 };

/* How often a person sees what it is at. */
enum { SHOWN_MS = 250 };

#define SECOND_NS INT64_C(1000000000)

static void fetch_defaults(void *options)
{
    struct fetch_options *o = options;
    o->directory = "snapshots";
    o->debug = FETCH_DEBUG_UNSAID;
    target_options_defaults(&o->target);
}

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "count", .short_name = 'n', .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = LIMIT_SNAPSHOTS,
     .offset = offsetof(struct fetch_options, count),
     .help = "snapshots in all (default 10; one with --debug 2, which stops the world, and of CPU profiles and traces)"},
    {.name = "interval", .arg = "D", .kind = OPTION_DURATION, .min = 0.01, .max = 86400,
     .offset = offsetof(struct fetch_options, interval_ns),
     .help = "from the start of one to the start of the next (default 3s)"},
    {.name = "output", .short_name = 'o', .arg = "DIR", .kind = OPTION_TEXT,
     .offset = offsetof(struct fetch_options, directory),
     .help = "where NN.heap.pb.gz and NN.goroutine.pb.gz go, made when missing; not where others are (default snapshots)"},
    {.name = "resume", .kind = OPTION_FLAG, .offset = offsetof(struct fetch_options, resume),
     .help = "go on with the series that is in DIR; what is not said is as it was"},
    {.name = "profile", .arg = "LIST", .kind = OPTION_TEXT, .offers = fetch_profile_offer,
     .offset = offsetof(struct fetch_options, profiles),
     .help = "which, by comma: heap, goroutine, goroutineleak, allocs, block, mutex, threadcreate, profile (CPU), trace, or one of the process's own (default heap,goroutine, or the one that the URL names)"},
    {.name = "seconds", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 86400,
     .offset = offsetof(struct fetch_options, seconds),
     .help = "of a CPU profile or a trace; the answer comes when they are over"},
    {.name = "gc", .kind = OPTION_FLAG, .offset = offsetof(struct fetch_options, gc),
     .help = "let the process collect garbage before a heap profile (default)"},
    {.name = "no-gc", .kind = OPTION_FLAG, .offset = offsetof(struct fetch_options, no_gc),
     .help = "leave its collector alone; the heap is then as of its last two collections"},
    {.name = "debug", .arg = "N", .kind = OPTION_COUNT, .min = 0, .max = 2,
     .offset = offsetof(struct fetch_options, debug),
     .help = "1 or 2: texts instead, NN.goroutine.txt; 2 says how long each goroutine waits"},
    TARGET_ROWS(struct fetch_options, target),
};
/* clang-format on */

static const struct cmd_example examples[] = {
    {"seep fetch localhost:6060 -o snapshots && seep leaks snapshots",
     "ten snapshots three seconds apart, and the verdict"},
    {"seep fetch http://orders.internal:8080 --count 30 --interval 1m -o day",
     "half an hour of a service"                         },
    {"seep fetch http://orders.internal:8080 -o day --resume",
     "the rest of it, after it was interrupted"          },
    {"seep fetch localhost:6060 --profile goroutine --debug 2 -o now",
     "all goroutines with their states and waits"        },
    {"seep fetch localhost:6060 --profile profile --seconds 10 -o cpu",
     "a CPU profile of ten seconds"                      },
};

/* One invocation. */
struct fetch {
    struct session *session;
    const struct fetch_options *options;
    struct fetch_pool *pool;
    struct fetch_run *runs;
    size_t n, n_open;
};

/* --- who is asked --- */

static bool check_words(const struct fetch_options *o, const struct words *args,
                        struct err *err)
{
    if (args->n == 0) {
        return err_set(err, ERR_USAGE,
                       "fetch: name a process, such as localhost:6060");
    }
    if (args->n > TARGETS_MAX) {
        return err_set(err, ERR_USAGE,
                       "fetch: more than %d processes: seep watch keeps many",
                       TARGETS_MAX);
    }
    if (*o->directory == '\0') {
        return err_set(err, ERR_USAGE, "--output: the directory has no name");
    }
    if (strcmp(o->directory, "-") == 0) {
        return err_set(err, ERR_USAGE,
                       "--output: snapshots go into a directory, not to "
                       "standard output");
    }
    return true;
}

/* Of one process into DIR, of several into one directory each below it. */
static bool name_directory(const struct fetch *f, struct fetch_run *r,
                           struct err *err)
{
    r->directory = BUF_LIMIT(PATH_BYTES_MAX);
    buf_str(&r->directory, f->options->directory);
    if (r->is_one_of_many) {
        buf_char(&r->directory, '/');
        fetch_plan_directory(&r->plan, &r->directory);
    }
    if (!buf_check(&r->directory, "--output", err)) {
        return false;
    }
    for (const struct fetch_run *other = f->runs; other < r; other++) {
        if (span_eq(buf_view(&other->directory), buf_view(&r->directory))) {
            return err_set(err, ERR_USAGE,
                           "fetch: %.80s and %.80s would both be saved in one "
                           "directory",
                           other->plan.shown.data, r->plan.shown.data);
        }
    }
    return true;
}

static bool make_runs(struct fetch *f, const struct words *args,
                      struct err *err)
{
    f->runs = calloc(args->n, sizeof(*f->runs));
    if (f->runs == NULL) {
        return err_nomem(err, "targets");
    }
    for (f->n = 0; f->n < args->n; f->n++) {
        struct fetch_run *r = &f->runs[f->n];
        r->session = f->session;
        r->is_one_of_many = args->n > 1;
        if (!fetch_plan_make(f->options, args->items[f->n], &r->plan, err) ||
            !name_directory(f, r, err)) {
            f->n++;
            return false;
        }
    }
    return true;
}

static bool make_pool(struct fetch *f, struct err *err)
{
    struct fetch_http_options http;
    if (!target_options_http(&f->options->target, f->session, &http, err) ||
        !fetch_pool_new(&http, &f->pool, err)) {
        return false;
    }
    for (size_t i = 0; i < f->n; i++) {
        f->runs[i].pool = f->pool;
    }
    return true;
}

static bool open_runs(struct fetch *f, struct err *err)
{
    while (f->n_open < f->n) {
        if (!fetch_run_open(&f->runs[f->n_open], f->options->resume, err)) {
            return false;
        }
        f->n_open++;
    }
    return true;
}

/* --- the loop --- */

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

/* Seconds of what takes time, when it is alone; else snapshots. */
static void show_progress(const struct fetch *f, int64_t now)
{
    const struct fetch_run *first = &f->runs[0];
    const char *what = "snapshot";
    size_t done = 0;
    size_t all = 0;
    const int64_t lasts_ns = f->n == 1 && first->step == FETCH_ASKED
                                 ? fetch_plan_lasts_ns(&first->plan, first->i)
                                 : 0;
    if (lasts_ns > SECOND_NS) {
        const int64_t passed_ns = now - first->asked_ns;
        what = "second";
        done = (size_t)(passed_ns / SECOND_NS);
        all = (size_t)(lasts_ns / SECOND_NS);
        done = done < all ? done : all;
    } else {
        for (size_t i = 0; i < f->n; i++) {
            done += (size_t)fetch_run_done(&f->runs[i]);
            all += (size_t)f->runs[i].plan.count;
        }
    }
    console_progress(f->session, done, all, what);
}

/* -1: without end. */
static int wait_ms(const struct fetch *f, int64_t due_ns, int64_t now)
{
    const int64_t most_ms = f->session->shows_progress ? SHOWN_MS : 60 * 1000;
    if (due_ns == INT64_MAX) {
        return f->session->shows_progress ? SHOWN_MS : -1;
    }
    const int64_t ms = due_ns > now ? (due_ns - now + 999999) / 1000000 : 0;
    return (int)(ms < most_ms ? ms : most_ms);
}

/* Until something happens: an answer, a signal, or the time. */
static bool turn(struct fetch *f, int timeout_ms, struct err *err)
{
    struct pollfd waits[] = {
        {.fd = fetch_pool_fd(f->pool), .events = POLLIN},
        {.fd = console_wake_fd(),      .events = POLLIN},
    };
    if (poll(waits, sizeof(waits) / sizeof(waits[0]), timeout_ms) < 0 &&
        errno != EINTR) {
        return err_set(err, ERR_IO, "cannot wait: %s", err_system(errno).text);
    }
    return fetch_pool_run(f->pool, 0, err);
}

/* False when all have ended. */
static bool step(struct fetch *f, int64_t now, int64_t *due_ns)
{
    bool goes_on = false;
    *due_ns = INT64_MAX;
    for (size_t i = 0; i < f->n; i++) {
        struct fetch_run *r = &f->runs[i];
        fetch_run_step(r, now);
        const int64_t due = fetch_run_due_ns(r);
        *due_ns = due < *due_ns ? due : *due_ns;
        goes_on |= r->step != FETCH_ENDED;
    }
    return goes_on;
}

/* The signal that ended it, or 0. */
static int run_all(struct fetch *f)
{
    struct err err = {0};
    int64_t due_ns = 0;
    int64_t now = now_ns();
    int64_t shown_ns = 0;
    int signal = 0;
    while (signal == 0 && step(f, now, &due_ns)) {
        if (now >= shown_ns + SHOWN_MS * INT64_C(1000000)) {
            show_progress(f, now);
            shown_ns = now;
        }
        if (!turn(f, wait_ms(f, due_ns, now), &err)) {
            for (size_t i = 0; i < f->n; i++) {
                fetch_run_fail(&f->runs[i], &err);
            }
        }
        now = now_ns();
        signal = console_signal();
    }
    console_progress_end(f->session);
    return signal;
}

/* Interrupted before failed before well. */
static int worse(int a, int b)
{
    return a > b ? a : b;
}

static int end_runs(struct fetch *f, int signal)
{
    int status = STATUS_OK;
    fetch_pool_free(f->pool);
    f->pool = NULL;
    for (size_t i = 0; i < f->n_open; i++) {
        status = worse(status, fetch_run_close(&f->runs[i], signal));
    }
    f->n_open = 0;
    return status;
}

static int fetch_run(struct session *s, void *options, const struct words *args)
{
    struct err err = {0};
    struct fetch f = {.session = s, .options = options};
    int status = STATUS_OK;
    if (check_words(f.options, args, &err) && make_runs(&f, args, &err) &&
        make_pool(&f, &err) && console_catch(&err) && open_runs(&f, &err)) {
        status = end_runs(&f, run_all(&f));
    } else {
        status = console_fail(NULL, &err);
    }
    for (size_t i = 0; i < f.n; i++) {
        if (i < f.n_open) {
            fetch_run_abandon(&f.runs[i]);
        }
        fetch_run_release(&f.runs[i]);
    }
    fetch_pool_free(f.pool);
    free(f.runs);
    return status;
}

const struct cmd cmd_fetch = {
    .name = "fetch",
    .summary = "snapshots of a live process over HTTP",
    .usage = "HOST:PORT|URL...",
    .about = "Asks /debug/pprof/ of a Go process again and again and saves "
             "what it answers, for seep leaks DIR. The URL may be the "
             "process's, its /debug/pprof/, or one profile's; debug, gc and "
             "seconds of its query mean what the options mean, and all else "
             "in it is sent along and never shown. Of several processes each "
             "has a directory of its own in DIR. Redirects are not followed. "
             "What is no profile, or another than asked for, is not saved. "
             "When the first request fails, the target is wrong and that is "
             "the end, unless its answer broke off or was a server error. "
             "Such an answer, or a connection that fails later, is asked for "
             "again within the interval. A snapshot that fails still is "
             "missed, and the series goes on to --count, unless 10 in a row "
             "were missed. The last line says how many were saved and why the "
             "last one failed; the exit status is then 2. manifest.ndjson in "
             "DIR says what was saved when; a series that was interrupted goes "
             "on with --resume.",
    .options = rows,
    .n_options = sizeof(rows) / sizeof(rows[0]),
    .options_bytes = sizeof(struct fetch_options),
    .examples = examples,
    .n_examples = sizeof(examples) / sizeof(examples[0]),
    .defaults = fetch_defaults,
    .run = fetch_run,
};
