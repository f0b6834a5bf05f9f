/*
 * Snapshots of a live process over HTTP, as files that `seep leaks DIR`
 * reads. Every answer is decoded while it is written: what is no profile, or
 * another one than asked for, never gets a file. Who cannot be asked at all
 * is given up at once; who was well and fails later is asked again until the
 * end, because a series with a hole is worth more than none.
 */
#include "console.h"
#include "fetch_place.h"
#include "fetch_plan.h"
#include "files.h"

#include "base/limits.h"
#include "base/num.h"
#include "fetch/fetch.h"
#include "input/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { MISSED_IN_A_ROW_MAX = 10, PATH_BYTES_MAX = 64 << 10 };

#define SECOND_NS INT64_C(1000000000)

static void fetch_defaults(void *options)
{
    struct fetch_options *o = options;
    o->directory = "snapshots";
    o->interval_ns = 3 * SECOND_NS;
    o->timeout_ns = 30 * SECOND_NS;
    o->debug = FETCH_DEBUG_UNSAID;
}

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "count", .short_name = 'n', .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = LIMIT_SNAPSHOTS,
     .offset = offsetof(struct fetch_options, count),
     .help = "snapshots (default 10; one with --debug 2, which stops the world)"},
    {.name = "interval", .arg = "D", .kind = OPTION_DURATION, .min = 0.01, .max = 86400,
     .offset = offsetof(struct fetch_options, interval_ns),
     .help = "from the start of one to the start of the next (default 3s)"},
    {.name = "output", .short_name = 'o', .arg = "DIR", .kind = OPTION_TEXT,
     .offset = offsetof(struct fetch_options, directory),
     .help = "where NN.heap.pb.gz and NN.goroutine.pb.gz go, made when missing; not where others are (default snapshots)"},
    {.name = "profile", .arg = "LIST", .kind = OPTION_TEXT,
     .offset = offsetof(struct fetch_options, profiles),
     .help = "which, by comma (default heap,goroutine, or the one that the URL names)"},
    {.name = "gc", .kind = OPTION_FLAG, .offset = offsetof(struct fetch_options, gc),
     .help = "let the process collect garbage before a heap profile (default)"},
    {.name = "no-gc", .kind = OPTION_FLAG, .offset = offsetof(struct fetch_options, no_gc),
     .help = "leave its collector alone; the heap is then as of its last two collections"},
    {.name = "debug", .arg = "N", .kind = OPTION_COUNT, .min = 0, .max = 2,
     .offset = offsetof(struct fetch_options, debug),
     .help = "1 or 2: texts instead, NN.goroutine.txt; 2 says how long each goroutine waits"},
    {.name = "timeout", .arg = "D", .kind = OPTION_DURATION, .min = 0.1, .max = 3600,
     .offset = offsetof(struct fetch_options, timeout_ns),
     .help = "for one answer, connecting included (default 30s, and what a CPU profile takes)"},
};
/* clang-format on */

static const struct cmd_example examples[] = {
    {"seep fetch localhost:6060 -o snapshots && seep leaks snapshots",
     "ten snapshots three seconds apart, and the verdict"},
    {"seep fetch http://orders.internal:8080 --count 30 --interval 1m -o day",
     "half an hour of a service"                         },
    {"seep fetch localhost:6060 --profile goroutine --debug 2 -o now",
     "all goroutines with their states and waits"        },
};

/* --- one profile --- */

/* A sink in front of two: the file and the decoder. */
struct both {
    struct sink file, decoder;
    bool has_failed_here; /* the file did */
};

static bool both_write(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct both *b = ctx;
    if (!b->decoder.write(b->decoder.ctx, p, n, err)) {
        return false;
    }
    b->has_failed_here = !b->file.write(b->file.ctx, p, n, err);
    return !b->has_failed_here;
}

static bool both_end(void *ctx, struct err *err)
{
    const struct both *b = ctx;
    return b->decoder.end(b->decoder.ctx, err) && b->file.end(b->file.ctx, err);
}

/* The sum of a column, or of the first when none has that name. */
static double sum_of(const struct profile *p, const char *type)
{
    double sum = 0;
    uint32_t column = 0;
    for (uint32_t t = 0; t < p->n_types; t++) {
        if (strcmp(p->strings[p->types[t].type.i].p, type) == 0) {
            column = t;
        }
    }
    for (uint32_t s = 0; s < p->n_samples; s++) {
        sum += (double)p->values[(size_t)s * p->n_types + column];
    }
    return sum;
}

/* ", heap 12.3 MB" behind what has been said of the snapshot. */
static void describe(const struct snapshot *s, const char *name,
                     struct buf *line)
{
    const struct profile *p = s->profile;
    if (p == NULL || p->n_types == 0) {
        buf_printf(line, ", %s", name);
    } else if (s->kind == KIND_GOROUTINE) {
        buf_str(line, ", goroutines ");
        num_count(line, (int64_t)sum_of(p, "goroutine"));
    } else if (s->kind == KIND_HEAP) {
        buf_printf(line, ", %s ", name);
        num_bytes(line, sum_of(p, "inuse_space"));
    } else {
        buf_printf(line, ", %s with %u stack%s", name, p->n_samples,
                   p->n_samples == 1 ? "" : "s");
    }
}

/* One run. */
struct run {
    struct session *session;
    const struct fetch_options *options;
    const struct fetch_plan *plan;
    struct fetch_http *http;
    struct fetch_place place;
    struct timespec start;
    uint64_t n_files, n_saved, n_missed, n_in_a_row;
    bool has_answered; /* some request, whatever it said */
    struct err last;   /* why the last snapshot was missed */
};

/* Why a snapshot failed that arrived, in the words of fetch/. */
static enum fetch_failure failure_of_content(const struct both *both,
                                             const struct err *err)
{
    const bool is_of_answer =
        err->code == ERR_FORMAT || err->code == ERR_LIMIT ||
        err->code == ERR_UNKNOWN || err->code == ERR_MISMATCH;
    if (both->has_failed_here || !is_of_answer) {
        return FETCH_FAILURE_HERE;
    }
    return err->code == ERR_FORMAT ? FETCH_FAILURE_BROKEN
                                   : FETCH_FAILURE_ANSWER;
}

static enum fetch_failure receive(struct run *r, size_t i, const char *url,
                                  struct file_writer *file, struct buf *line,
                                  struct err *err)
{
    struct snapshot snapshot = {0};
    struct input *in = input_new(NULL);
    if (in == NULL) {
        err_nomem(err, "input");
        return FETCH_FAILURE_HERE;
    }
    struct both both = {file_writer_sink(file), input_sink(in), false};
    fetch_http_allow(r->http, fetch_plan_lasts_ns(r->plan, i));
    const bool ok = fetch_http_get(
        r->http, url, (struct sink){&both, both_write, both_end}, err);
    enum fetch_failure failure = fetch_http_failure(r->http);
    if (ok && input_finish(in, &snapshot, err) &&
        fetch_plan_check(r->plan, i, &snapshot, err)) {
        describe(&snapshot, r->plan->names[i], line);
    } else if (ok || failure == FETCH_FAILURE_HERE) {
        failure = failure_of_content(&both, err);
    }
    if (err->code == ERR_FORMAT) {
        err_wrap(err, "not a whole profile");
    }
    snapshot_release(&snapshot);
    input_free(in);
    return failure;
}

/* The request and its file, once. */
static enum fetch_failure attempt(struct run *r, size_t i, const char *path,
                                  const char *url, struct buf *line,
                                  struct err *err)
{
    struct stat st;
    struct file_writer *file = NULL;
    if (lstat(path, &st) == 0) {
        err_set(err, ERR_USAGE, "%.180s exists; choose another directory",
                path);
        return FETCH_FAILURE_HERE;
    }
    if (!file_writer_new(path, &file, err)) {
        return FETCH_FAILURE_HERE;
    }
    const enum fetch_failure failure = receive(r, i, url, file, line, err);
    const bool ok = failure == FETCH_FAILURE_NONE;
    if (!file_writer_end(file, ok, err) && ok) {
        return FETCH_FAILURE_HERE;
    }
    r->n_files += ok;
    r->has_answered |= failure != FETCH_FAILURE_CONNECT;
    /* What fails here has nothing to do with who was asked. */
    if (!ok && failure != FETCH_FAILURE_HERE) {
        err_wrap(err, "%s%s", r->plan->shown.data, r->plan->names[i]);
    }
    return failure;
}

/* --- time --- */

static int64_t since_start_ns(const struct run *r)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)(now.tv_sec - r->start.tv_sec) * SECOND_NS +
           (now.tv_nsec - r->start.tv_nsec);
}

static void wait_until(const struct run *r, int64_t since_start)
{
    const int64_t ns = r->start.tv_nsec + since_start;
    const struct timespec due = {.tv_sec =
                                     r->start.tv_sec + (time_t)(ns / SECOND_NS),
                                 .tv_nsec = (long)(ns % SECOND_NS)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) ==
           EINTR) {
    }
}

/* A moment before asking again; false when the next snapshot is due by then. */
static bool wait_for_retry(const struct run *r, uint64_t nth)
{
    const int64_t interval_ns = r->options->interval_ns;
    const int64_t pause_ns =
        interval_ns < 4 * SECOND_NS ? interval_ns / 4 : SECOND_NS;
    const int64_t due_ns = since_start_ns(r) + pause_ns;
    if (due_ns >= (int64_t)(nth + 1) * interval_ns) {
        return false;
    }
    wait_until(r, due_ns);
    return true;
}

/* --- the series --- */

/* Asks once more for what may be well the next time. That nobody is there says
   something else of a process that has answered before. */
static bool is_worth_retry(const struct run *r, enum fetch_failure failure)
{
    return failure == FETCH_FAILURE_BROKEN ||
           (failure == FETCH_FAILURE_CONNECT && r->has_answered);
}

static enum fetch_failure fetch_one(struct run *r, size_t i, uint64_t nth,
                                    struct buf *line, struct err *err)
{
    struct buf path = BUF_LIMIT(PATH_BYTES_MAX);
    struct buf url = BUF_LIMIT((size_t)4 * PATH_BYTES_MAX);
    buf_printf(&path, "%s/", r->options->directory);
    fetch_plan_file(r->plan, i, nth, &path);
    fetch_plan_url(r->plan, i, &url);
    enum fetch_failure failure = FETCH_FAILURE_HERE;
    if (buf_check(&path, "name", err) && buf_check(&url, "URL", err)) {
        failure = attempt(r, i, path.data, url.data, line, err);
        if (is_worth_retry(r, failure) && wait_for_retry(r, nth)) {
            err_clear(err);
            failure = attempt(r, i, path.data, url.data, line, err);
        }
    }
    buf_release(&path);
    buf_release(&url);
    return failure;
}

/* The very first request finds out whether the target is right; those after
   it in the first snapshot, whether it has the profile at all. */
static bool is_hopeless(const struct run *r, size_t i, uint64_t nth,
                        enum fetch_failure failure)
{
    const bool is_first = nth == 0 && i == 0;
    return failure == FETCH_FAILURE_HERE || r->plan->count == 1 ||
           (nth == 0 && failure == FETCH_FAILURE_ANSWER) ||
           (is_first && failure != FETCH_FAILURE_BROKEN);
}

enum snapshot_end { SNAPSHOT_SAVED, SNAPSHOT_MISSED, SNAPSHOT_HOPELESS };

static enum snapshot_end fetch_snapshot(struct run *r, uint64_t nth,
                                        struct buf *line, struct err *err)
{
    for (size_t i = 0; i < r->plan->n; i++) {
        const enum fetch_failure failure = fetch_one(r, i, nth, line, err);
        if (failure != FETCH_FAILURE_NONE) {
            return is_hopeless(r, i, nth, failure) ? SNAPSHOT_HOPELESS
                                                   : SNAPSHOT_MISSED;
        }
    }
    return SNAPSHOT_SAVED;
}

static void say_snapshot(const struct run *r, uint64_t nth, bool is_saved,
                         const struct buf *line)
{
    const unsigned long long n = nth + 1;
    const unsigned long long count = r->plan->count;
    if (r->session->common.quiet) {
        return;
    }
    if (is_saved) {
        console_say("%llu of %llu%s", n, count,
                    line->data != NULL ? line->data : "");
    } else {
        console_say("snapshot %llu of %llu missed: %s", n, count, r->last.text);
    }
}

/* False: hopeless, and `err` says why. */
static bool fetch_next(struct run *r, uint64_t nth, struct err *err)
{
    struct buf line = BUF_LIMIT(4096);
    const enum snapshot_end end = fetch_snapshot(r, nth, &line, err);
    if (end == SNAPSHOT_SAVED) {
        r->n_saved++;
        r->n_in_a_row = 0;
    } else if (end == SNAPSHOT_MISSED) {
        r->n_missed++;
        r->n_in_a_row++;
        r->last = *err;
        err_clear(err);
    }
    if (end != SNAPSHOT_HOPELESS) {
        say_snapshot(r, nth, end == SNAPSHOT_SAVED, &line);
    }
    buf_release(&line);
    return end != SNAPSHOT_HOPELESS;
}

static bool fetch_series(struct run *r, struct err *err)
{
    bool ok = true;
    clock_gettime(CLOCK_MONOTONIC, &r->start);
    for (uint64_t i = 0; ok && i < r->plan->count; i++) {
        console_progress(r->session, (size_t)i, (size_t)r->plan->count,
                         "snapshot");
        wait_until(r, (int64_t)i * r->options->interval_ns);
        ok = fetch_next(r, i, err);
        if (r->n_in_a_row == MISSED_IN_A_ROW_MAX) {
            break;
        }
    }
    console_progress_end(r->session);
    return ok;
}

/* "7 of 10 snapshots saved in DIR", and why not all. */
static void say_summary(const struct run *r, const char *more)
{
    const unsigned long long count = r->plan->count;
    const bool has_parts = r->n_files > r->n_saved * r->plan->n;
    console_say("%llu of %llu snapshot%s saved%s%s%s%s",
                (unsigned long long)r->n_saved, count, count == 1 ? "" : "s",
                r->n_files > 0 ? " in " : "",
                r->n_files > 0 ? r->options->directory : "",
                has_parts ? ", and part of one" : "", more);
}

static void say_missed(const struct run *r)
{
    char more[ERR_TEXT_MAX + 64];
    const bool is_given_up = r->n_saved + r->n_missed < r->plan->count;
    (void)snprintf(more, sizeof(more), "%s the last failure: %s",
                   is_given_up ? "; given up after 10 failures in a row," : ";",
                   r->last.text);
    say_summary(r, more);
}

static void say_saved(const struct run *r)
{
    struct buf more = BUF_LIMIT(PATH_BYTES_MAX);
    if (fetch_plan_is_judged(r->plan)) {
        buf_printf(&more, "; the verdict: seep leaks %s",
                   r->options->directory);
    }
    if (!r->session->common.quiet) {
        say_summary(r, more.data != NULL ? more.data : "");
    }
    buf_release(&more);
}

static int fetch_and_say(struct run *r)
{
    struct err err = {0};
    int status = STATUS_OK;
    if (!fetch_series(r, &err)) {
        status = console_fail(NULL, &err);
        if (r->n_files > 0 || r->n_missed > 0) {
            say_summary(r, "");
        }
    } else if (r->n_missed > 0) {
        say_missed(r);
        status = STATUS_FAILED;
    } else {
        say_saved(r);
    }
    if (r->n_files == 0) {
        fetch_place_undo(&r->place);
    }
    return status;
}

static bool make_client(struct run *r, struct err *err)
{
    const struct fetch_options *o = r->options;
    const struct fetch_http_options http_options = {
        .user_agent = "seep/" SEEP_VERSION,
        .connect_timeout_ns =
            o->timeout_ns < 10 * SECOND_NS ? o->timeout_ns : 10 * SECOND_NS,
        .total_timeout_ns = o->timeout_ns,
        .limit_bytes = LIMIT_FILE_BYTES,
        .has_secrets = fetch_plan_has_secrets(r->plan),
    };
    return fetch_http_new(&http_options, &r->http, err);
}

static int fetch_run(struct session *s, void *options, const struct words *args)
{
    const struct fetch_options *o = options;
    struct err err = {0};
    struct fetch_plan plan = {0};
    struct run run = {.session = s, .options = o, .plan = &plan};
    int status;
    if (!fetch_plan_make(o, args, &plan, &err) || !make_client(&run, &err) ||
        !fetch_place_open(o->directory, &run.place, &err)) {
        status = console_fail(NULL, &err);
    } else {
        status = fetch_and_say(&run);
    }
    fetch_http_free(run.http);
    fetch_plan_release(&plan);
    return status;
}

const struct cmd cmd_fetch = {
    .name = "fetch",
    .summary = "snapshots of a live process over HTTP",
    .usage = "HOST:PORT|URL",
    .about = "Asks /debug/pprof/ of a Go process again and again and saves "
             "what it answers, for seep leaks DIR. The URL may be the "
             "process's, its /debug/pprof/, or one profile's; debug, gc and "
             "seconds of its query mean what the options mean, and all else "
             "in it is sent along and never shown. Redirects are not followed. "
             "What is no profile, or another than asked for, is not saved. "
             "When the first request fails, the target is wrong and that is "
             "the end, unless its answer broke off or was a server error. "
             "Such an answer, or a connection that fails later, is asked for "
             "once more within the interval. A snapshot that fails still is "
             "missed, and the series goes on to --count, unless 10 in a row "
             "were missed. The last line says how many were saved and why the "
             "last one failed; the exit status is then 2.",
    .options = rows,
    .n_options = sizeof(rows) / sizeof(rows[0]),
    .options_bytes = sizeof(struct fetch_options),
    .examples = examples,
    .n_examples = sizeof(examples) / sizeof(examples[0]),
    .defaults = fetch_defaults,
    .run = fetch_run,
};
