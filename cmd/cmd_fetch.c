/*
 * Snapshots of a live process over HTTP, as files that `seep leaks DIR`
 * reads. Every answer is decoded while it is written: what is no profile
 * never gets a file, and each snapshot is said in a line, so that a person
 * sees it grow.
 */
#include "console.h"
#include "files.h"

#include "base/limits.h"
#include "base/num.h"
#include "base/vec.h"
#include "fetch/fetch.h"
#include "input/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { PROFILES_MAX = 16, NAME_BYTES_MAX = 32, MISSED_IN_A_ROW_MAX = 3 };

#define SECOND_NS INT64_C(1000000000)

struct fetch_options {
    uint64_t count;
    int64_t interval_ns, timeout_ns;
    const char *directory;
    const char *profiles;
    uint64_t debug;
    bool no_gc, gc;
};

static void fetch_defaults(void *options)
{
    struct fetch_options *o = options;
    o->interval_ns = 3 * SECOND_NS;
    o->timeout_ns = 30 * SECOND_NS;
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
     .help = "where NN.heap.pb.gz and NN.goroutine.pb.gz go, made when missing (default snapshots)"},
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
     .help = "for one answer, connecting included (default 30s)"},
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

/* --- what to ask for --- */

struct asked {
    char name[NAME_BYTES_MAX + 1];
};

struct plan {
    struct buf base;  /* ".../debug/pprof/" */
    struct buf shown; /* the same for people */
    struct asked asked[PROFILES_MAX];
    size_t n;
    int width; /* of NN */
};

static bool is_plain_word(struct span word)
{
    for (size_t i = 0; i < word.len; i++) {
        const char c = word.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return word.len > 0 && word.len <= NAME_BYTES_MAX;
}

static bool add_profiles(struct span list, struct plan *plan, struct err *err)
{
    for (;;) {
        const size_t comma = span_find_char(list, ',');
        const struct span word = span_first(list, comma);
        if (!is_plain_word(word)) {
            return err_set(err, ERR_USAGE, "'%.*s' is no name of a profile",
                           (int)(word.len < 64 ? word.len : 64), word.p);
        }
        if (plan->n == PROFILES_MAX) {
            return err_set(err, ERR_USAGE, "more than %d profiles",
                           PROFILES_MAX);
        }
        memcpy(plan->asked[plan->n].name, word.p, word.len);
        plan->asked[plan->n++].name[word.len] = '\0';
        if (comma == list.len) {
            return true;
        }
        list = span_from(list, comma + 1);
    }
}

static bool make_plan(const struct fetch_options *o, const struct words *args,
                      struct plan *plan, struct err *err)
{
    char text[32];
    struct buf named = BUF_LIMIT(64 << 10);
    plan->base.limit_bytes = 64 << 10;
    plan->shown.limit_bytes = 64 << 10;
    if (args->n != 1) {
        return err_set(err, ERR_USAGE,
                       "fetch: name one process, such as localhost:6060");
    }
    if (*o->directory == '\0') {
        return err_set(err, ERR_USAGE, "--output: the directory has no name");
    }
    plan->width = snprintf(text, sizeof(text), "%llu",
                           (unsigned long long)(o->count - 1));
    plan->width = plan->width < 2 ? 2 : plan->width;
    bool ok = url_endpoint(args->items[0], &plan->base, &named, err);
    if (ok) {
        const struct span list = o->profiles != NULL ? span_of(o->profiles)
                                 : named.len > 0     ? buf_view(&named)
                                                 : span_of("heap,goroutine");
        url_shown(plan->base.data, &plan->shown);
        ok = add_profiles(list, plan, err) &&
             buf_check(&plan->shown, "URL", err);
    }
    buf_release(&named);
    return ok;
}

/* --- one profile --- */

/* A sink in front of two: the file and the decoder. */
struct both {
    struct sink file, decoder;
};

static bool both_write(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    const struct both *b = ctx;
    return b->decoder.write(b->decoder.ctx, p, n, err) &&
           b->file.write(b->file.ctx, p, n, err);
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
static void describe(const struct snapshot *s, struct buf *line)
{
    const struct profile *p = s->profile;
    if (p == NULL || p->n_types == 0) {
        buf_printf(line, ", %s", profile_kind_name(s->kind));
    } else if (s->kind == KIND_GOROUTINE) {
        buf_str(line, ", goroutines ");
        num_count(line, (int64_t)sum_of(p, "goroutine"));
    } else if (s->kind == KIND_HEAP) {
        buf_str(line, ", heap ");
        num_bytes(line, sum_of(p, "inuse_space"));
    } else {
        buf_printf(line, ", %s with %u stacks", profile_kind_name(s->kind),
                   p->n_samples);
    }
}

static bool receive(struct fetch_http *http, const char *url,
                    struct file_writer *file, struct buf *line, struct err *err)
{
    struct snapshot snapshot = {0};
    struct input *in = input_new(NULL);
    if (in == NULL) {
        return err_nomem(err, "input");
    }
    struct both both = {file_writer_sink(file), input_sink(in)};
    bool ok = fetch_http_get(http, url,
                             (struct sink){&both, both_write, both_end}, err) &&
              input_finish(in, &snapshot, err);
    if (ok) {
        describe(&snapshot, line);
    } else if (err->code == ERR_FORMAT) {
        err_wrap(err, "not a whole profile");
    }
    snapshot_release(&snapshot);
    input_free(in);
    return ok;
}

static const char *query_of(const struct fetch_options *o, const char *name,
                            char *out, size_t size)
{
    const bool collects = !o->no_gc && strcmp(name, "heap") == 0;
    if (o->debug > 0) {
        (void)snprintf(out, size, "?debug=%u%s", (unsigned)o->debug,
                       collects ? "&gc=1" : "");
    } else {
        (void)snprintf(out, size, "%s", collects ? "?gc=1" : "");
    }
    return out;
}

static bool fetch_one(const struct fetch_options *o, const struct plan *plan,
                      struct fetch_http *http, const char *name, uint64_t nth,
                      struct buf *line, struct err *err)
{
    char query[32];
    struct stat st;
    struct file_writer *file = NULL;
    struct buf path = BUF_LIMIT(64 << 10);
    struct buf url = BUF_LIMIT(128 << 10);
    buf_printf(&path, "%s/%0*llu.%s.%s", o->directory, plan->width,
               (unsigned long long)nth, name, o->debug > 0 ? "txt" : "pb.gz");
    buf_printf(&url, "%s%s%s", plan->base.data, name,
               query_of(o, name, query, sizeof(query)));
    bool ok = buf_check(&path, "name", err) && buf_check(&url, "URL", err);
    if (ok && lstat(path.data, &st) == 0) {
        /* Two runs mixed up would look like one process that jumps. */
        ok = err_set(err, ERR_USAGE, "%.180s exists; choose another directory",
                     path.data);
    }
    if (ok && (ok = file_writer_new(path.data, &file, err))) {
        ok = receive(http, url.data, file, line, err);
        ok = file_writer_end(file, ok, err) && ok;
        if (!ok && err->code != ERR_USAGE) {
            err_wrap(err, "%s%s", plan->shown.data, name);
        }
    }
    buf_release(&path);
    buf_release(&url);
    return ok;
}

/* --- the series --- */

static bool fetch_snapshot(const struct fetch_options *o,
                           const struct plan *plan, struct fetch_http *http,
                           uint64_t nth, struct buf *line, struct err *err)
{
    for (size_t i = 0; i < plan->n; i++) {
        if (!fetch_one(o, plan, http, plan->asked[i].name, nth, line, err)) {
            return false;
        }
    }
    return true;
}

/* Until start + nth intervals, whatever the snapshots themselves took. */
static void wait_for(const struct timespec *start, int64_t interval_ns,
                     uint64_t nth)
{
    const int64_t ns = start->tv_nsec + (int64_t)nth * interval_ns;
    const struct timespec due = {.tv_sec =
                                     start->tv_sec + (time_t)(ns / SECOND_NS),
                                 .tv_nsec = (long)(ns % SECOND_NS)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) ==
           EINTR) {
    }
}

/* An answer that fails once is missed; a process that fails from the start, or
   again and again, is given up. */
static bool is_hopeless(uint64_t nth, uint64_t missed_in_a_row,
                        const struct err *err)
{
    const bool is_of_answer = err->code == ERR_IO || err->code == ERR_FORMAT ||
                              err->code == ERR_LIMIT ||
                              err->code == ERR_UNKNOWN;
    return nth == 0 || !is_of_answer || missed_in_a_row >= MISSED_IN_A_ROW_MAX;
}

static bool fetch_series(struct session *s, const struct fetch_options *o,
                         const struct plan *plan, struct fetch_http *http,
                         uint64_t *n_missed, struct err *err)
{
    struct timespec start;
    uint64_t in_a_row = 0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (uint64_t i = 0; i < o->count; i++) {
        struct buf line = BUF_LIMIT(4096);
        const unsigned long long nth = i + 1;
        console_progress(s, (size_t)i, (size_t)o->count, "snapshot");
        wait_for(&start, o->interval_ns, i);
        const bool ok = fetch_snapshot(o, plan, http, i, &line, err);
        if (!ok && is_hopeless(i, ++in_a_row, err)) {
            buf_release(&line);
            return false;
        }
        if (!ok) {
            console_say("snapshot %llu of %llu missed: %s", nth,
                        (unsigned long long)o->count, err->text);
            err_clear(err);
            ++*n_missed;
        } else {
            in_a_row = 0;
            if (!s->common.quiet) {
                console_say("%llu of %llu%s", nth, (unsigned long long)o->count,
                            line.data != NULL ? line.data : "");
            }
        }
        buf_release(&line);
    }
    console_progress_end(s);
    return true;
}

static int fetch_and_say(struct session *s, const struct fetch_options *o,
                         const struct plan *plan, struct fetch_http *http)
{
    struct err err = {0};
    uint64_t n_missed = 0;
    if (!fetch_series(s, o, plan, http, &n_missed, &err)) {
        console_progress_end(s);
        return console_fail(NULL, &err);
    }
    if (n_missed > 0) {
        console_say("%llu of %llu snapshots are missing in %s",
                    (unsigned long long)n_missed, (unsigned long long)o->count,
                    o->directory);
        return STATUS_FAILED;
    }
    if (!s->common.quiet) {
        console_say("saved; the verdict: seep leaks %s", o->directory);
    }
    return STATUS_OK;
}

static int fetch_run(struct session *s, void *options, const struct words *args)
{
    struct fetch_options *o = options;
    if (o->count == 0) {
        o->count = o->debug == 2 ? 1 : 10;
    }
    const struct fetch_http_options http_options = {
        .user_agent = "seep/" SEEP_VERSION,
        .connect_timeout_ns =
            o->timeout_ns < 10 * SECOND_NS ? o->timeout_ns : 10 * SECOND_NS,
        .total_timeout_ns = o->timeout_ns,
        .limit_bytes = LIMIT_FILE_BYTES,
    };
    struct err err = {0};
    struct plan plan = {0};
    struct fetch_http *http = NULL;
    int status;
    if (!make_plan(o, args, &plan, &err) ||
        !fetch_http_new(&http_options, &http, &err) ||
        !file_make_directory(o->directory, &err)) {
        status = console_fail(NULL, &err);
    } else {
        status = fetch_and_say(s, o, &plan, http);
    }
    fetch_http_free(http);
    buf_release(&plan.base);
    buf_release(&plan.shown);
    return status;
}

const struct cmd cmd_fetch = {
    .name = "fetch",
    .summary = "snapshots of a live process over HTTP",
    .usage = "HOST:PORT|URL",
    .about = "Asks /debug/pprof/ of a Go process again and again and saves "
             "what it answers, for seep leaks DIR. The URL may be the "
             "process's, its /debug/pprof/, or one profile's. Redirects are "
             "not followed. What is no profile is not saved; a snapshot that "
             "fails is missed, said, and makes the exit status 2.",
    .options = rows,
    .n_options = sizeof(rows) / sizeof(rows[0]),
    .options_bytes = sizeof(struct fetch_options),
    .examples = examples,
    .n_examples = sizeof(examples) / sizeof(examples[0]),
    .defaults = fetch_defaults,
    .run = fetch_run,
};
