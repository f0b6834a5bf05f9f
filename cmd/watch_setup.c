#include "watch_run.h"

#include "console.h"
#include "rule_settings.h"
#include "screen.h"

#include "base/num.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum {
    /* A few targets are asked at once; many are spread over the interval, as
       they will be from then on. */
    AT_ONCE_MAX = 10,
    POINTS_NEEDED = 5,
    CROWD = 20, /* lines a second, as many as a person may read later */
    TEXT_BYTES_MAX = 16 << 10
};

/* A thousand targets need more than the usual 1024. */
static void allow_many_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* What an answer took is needed again for the next one, soon: to give memory
   back to the system and fetch it anew costs a hundredth of all. */
static void keep_memory(void)
{
#ifdef __GLIBC__
    enum { KEPT_BYTES = 32 << 20 };
    /* Before there are threads. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
#endif
}

static bool is_stdout(const struct output *o)
{
    return o->path == NULL || strcmp(o->path, "-") == 0;
}

static bool open_events(struct watch_run *r, const char *path, struct err *err)
{
    r->file_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (r->file_fd < 0) {
        return err_set(err, ERR_IO, "%.160s: cannot write: %s", path,
                       err_system(errno).text);
    }
    watch_lines_init(&r->machine, r->file_fd, true);
    return true;
}

/* Who gets what: a screen or lines for people, lines for machines, and the
   report at the end, so that stdout carries one thing. */
static bool open_outputs(struct watch_run *r, struct err *err)
{
    const struct outputs *o = &r->o->outputs;
    bool has_stream = false;   /* ndjson on stdout */
    bool has_document = false; /* json, markdown there */
    bool has_file = false;     /* of the report */
    for (size_t i = 0; i < o->n; i++) {
        const struct output *out = &o->items[i];
        const bool is_stream = strcmp(output_format(out), "ndjson") == 0;
        if (is_stream && !is_stdout(out)) {
            if (!open_events(r, out->path, err)) {
                return false;
            }
        } else if (is_stream) {
            has_stream = true;
            watch_lines_init(&r->machine, STDOUT_FILENO, true);
        } else {
            has_document |= is_stdout(out) && out->format != NULL &&
                            strcmp(out->format, "text") != 0;
            has_file |= !is_stdout(out);
            r->shows_report |= is_stdout(out);
            r->outputs.items[r->outputs.n++] = *out;
        }
    }
    /* Events in a file are beside the report, events on stdout instead of it.
     */
    r->has_report = !has_stream || r->outputs.n > 0;
    r->shows_report |= r->has_report && !has_file;
    if (r->session->common.quiet || has_stream) {
        return true;
    }
    r->has_table = screen_is_possible();
    if (!r->has_table) {
        watch_lines_init(&r->people,
                         has_document ? STDERR_FILENO : STDOUT_FILENO, false);
    }
    return true;
}

static void set_up_table(struct watch_run *r)
{
    r->table = (struct watch_table){
        .watcher = r->watcher,
        .ascii = r->session->ascii,
        .color = r->session->color,
        .interval_ns = r->interval_ns,
        .for_ns = r->o->for_ns,
    };
}

static bool has_profile(const char *list, const char *name)
{
    const char *at = list != NULL ? strstr(list, name) : name;
    const size_t n = strlen(name);
    while (at != NULL && list != NULL && at[n] != ',' && at[n] != '\0') {
        at = strstr(at + 1, name); /* "goroutine" in "goroutineleak" */
    }
    return at != NULL;
}

static bool make_watcher(struct watch_run *r, struct err *err)
{
    const struct watch_settings *o = r->o;
    const size_t n = r->targets.n;
    const struct store_options store = {.age_max_ns = o->store_age_ns,
                                        .bytes_max = o->store_bytes};
    if (o->store != NULL && !store_open(o->store, &store, &r->store, err)) {
        return err_wrap(err, "--store");
    }
    const struct watch_options options = {
        .http = r->http,
        .retry = {.tries_max = 3,
                  .first_ns = SECOND_NS / 5,
                  .max_ns = 2 * SECOND_NS},
        .interval_ns = r->interval_ns,
        .jitter = n > 1 ? 0.05 : 0,
        .seed = (uint64_t)r->start.wall_nanos,
        .collects = !o->no_gc,
        .has_heap = has_profile(o->profiles, "heap"),
        .has_goroutine = has_profile(o->profiles, "goroutine"),
        .has_leak_profile = has_profile(o->profiles, "goroutineleak"),
        .dumps = (enum watch_dumps)o->dumps,
        .per_host_max = (uint32_t)o->per_host,
        .in_flight_max = (uint32_t)o->in_flight,
        .begins_at_once = n <= AT_ONCE_MAX,
        .module = o->module,
        .rules = &r->rules,
        .store = r->store,
        .cpu_ns = r->o->listen != NULL ? watch_clock_cpu_ns : NULL,
    };
    return watcher_new(&options, watch_act_on_event, r, &r->watcher, err);
}

static bool make_parts(struct watch_run *r, struct err *err)
{
    const struct watch_evidence_options evidence = {
        .dir = r->o->evidence,
        .dumps = (enum watch_dumps)r->o->dumps,
        .watcher = r->watcher,
        .kept = watch_act_on_kept,
        .ctx = r,
    };
    return watch_evidence_new(&evidence, &r->evidence, err) &&
           (r->o->listen == NULL ||
            watch_server_new(r->o->listen, r->watcher, r->start.wall_nanos,
                             &r->server, err));
}

static bool set_up_hook(struct watch_run *r, struct err *err)
{
    return watch_hook_new(r->o->on_leak, &r->hook, err) &&
           watch_hook_check(r->hook,
                            getenv("PATH"), /* NOLINT(concurrency-mt-unsafe) */
                            err);
}

bool watch_setup(struct watch_run *r, struct err *err)
{
    const struct watch_settings *o = r->o;
    allow_many_files();
    keep_memory();
    r->rules.memory_limit_bytes = (double)o->limit_bytes;
    if (!console_catch(err) ||
        !rule_settings_read(&o->rules, r->session->arena, &r->rules, err) ||
        !target_options_http(&o->target, r->session, &r->http, err) ||
        (o->on_leak != NULL && !set_up_hook(r, err)) ||
        !watch_sources_new(o, r->args, &r->http, &r->sources, err) ||
        !watch_sources_targets(r->sources, &r->targets, err)) {
        return false;
    }
    r->interval_ns = o->interval_ns > 0 ? o->interval_ns
                     : r->targets.n > 1 ? 60 * SECOND_NS
                                        : 10 * SECOND_NS;
    return make_watcher(r, err) && make_parts(r, err) && open_outputs(r, err);
}

static void add_names(const struct watch_run *r, struct buf *out)
{
    if (r->targets.n == 1) {
        plain_clean(out, r->targets.items[0].shown);
        return;
    }
    num_count(out, (int64_t)r->targets.n);
    buf_str(out, " targets");
}

/* What the store has of the targets that are watched. */
struct past {
    const struct watch_targets *targets;
    uint64_t n_targets, n_snapshots;
    int64_t last_nanos;
};

static int compare_shown(const void *name, const void *target)
{
    return strcmp(name, ((const struct watch_target *)target)->shown);
}

static bool add_target_past(void *ctx, const struct store_target_about *a,
                            struct err *err)
{
    struct past *p = ctx;
    (void)err;
    if (a->n_snapshots > 0 && p->targets->n > 0 &&
        bsearch(a->name, p->targets->items, p->targets->n,
                sizeof(*p->targets->items), compare_shown) != NULL) {
        p->n_targets++;
        p->n_snapshots += a->n_snapshots;
        p->last_nanos =
            a->last_nanos > p->last_nanos ? a->last_nanos : p->last_nanos;
    }
    return true;
}

/* How much history there is to go on from. What cannot be read is said by who
   reads it in earnest. */
static uint64_t add_past(const struct watch_run *r, struct buf *out)
{
    struct past p = {.targets = &r->targets};
    struct err ignored = {0};
    if (r->store == NULL ||
        !store_each_target(r->store, add_target_past, &p, &ignored) ||
        p.n_snapshots == 0) {
        return 0;
    }
    const int64_t age_ns = sub_sat_i64(r->now.wall_nanos, p.last_nanos);
    buf_str(out, "; going on from ");
    num_count(out, (int64_t)p.n_snapshots);
    buf_printf(out, " profile%s in the store", p.n_snapshots == 1 ? "" : "s");
    if (r->targets.n > 1) {
        buf_printf(out, " of %llu target%s", (unsigned long long)p.n_targets,
                   p.n_targets == 1 ? "" : "s");
    }
    buf_str(out, ", the last ");
    num_seconds(out, age_ns > 0 ? floor((double)age_ns / 1e9) : 0);
    buf_str(out, " old");
    return p.n_snapshots;
}

/* What is watched and for how long, in the first line. */
static void say_start(struct watch_run *r)
{
    struct buf text = BUF_LIMIT(TEXT_BYTES_MAX);
    const int64_t for_ns = r->o->for_ns;
    buf_str(&text, "watching ");
    add_names(r, &text);
    buf_str(&text, " every ");
    watch_words_duration(r->interval_ns, &text);
    if (for_ns > 0) {
        buf_str(&text, " for ");
        watch_words_duration(for_ns, &text);
    }
    buf_str(&text, r->o->until_leak ? ", until a leak is confirmed"
                   : for_ns > 0     ? ""
                                    : ", until interrupted");
    const uint64_t n_stored = add_past(r, &text);
    if (r->server != NULL) {
        buf_printf(&text, "; metrics on http://%s/metrics",
                   watch_server_address(r->server));
    }
    const char *line = text.data != NULL ? text.data : "watching";
    if (r->has_table && (r->server != NULL || n_stored > 0)) {
        watch_table_say(&r->table, r->now.wall_nanos, line);
    } else if (!r->has_table && !r->session->common.quiet) {
        console_say("%s", line);
    }
    watch_lines_say(
        &r->machine, r->now.wall_nanos, "start", NULL, line,
        json_pack("{s:I, s:f, s:I, s:o}", "targets", (json_int_t)r->targets.n,
                  "interval_seconds", (double)r->interval_ns / 1e9,
                  "stored_profiles", (json_int_t)n_stored, "for_seconds",
                  for_ns > 0 ? json_real((double)for_ns / 1e9) : json_null()));
    buf_release(&text);
}

/* Said before the time is spent. */
static void warn_of_short(struct watch_run *r)
{
    const int64_t for_ns = r->o->for_ns;
    const int64_t n = for_ns / r->interval_ns + 1;
    if (for_ns > 0 && n < POINTS_NEEDED) {
        char text[160];
        (void)snprintf(text, sizeof(text),
                       "%lld snapshot%s fit%s into --for; a verdict needs %d, "
                       "ten are good: give a shorter --interval",
                       (long long)n, n == 1 ? "" : "s", n == 1 ? "s" : "",
                       POINTS_NEEDED);
        watch_run_say(r, "hint", NULL, text, NULL);
    }
    if (r->targets.n == 0) {
        watch_run_say(r, "targets", NULL, "the list has no targets yet", NULL);
    }
}

void watch_setup_say(struct watch_run *r)
{
    /* One target's log shows that something happens; the table's rows do. */
    r->people.news.wants_moments =
        r->session->common.verbose || r->targets.n == 1;
    r->people.crowd.limit = r->session->common.verbose ? 0 : CROWD;
    set_up_table(r);
    say_start(r);
    warn_of_short(r);
}

bool watch_setup_targets(struct watch_run *r, struct err *complaint,
                         struct err *err)
{
    return watch_sources_renew(r->sources, &r->targets, complaint, err) &&
           watcher_set_targets(r->watcher, &r->targets, r->now.mono_ns,
                               r->now.wall_nanos, err);
}

void watch_setup_release(struct watch_run *r)
{
    watch_hook_free(r->hook);
    watch_server_free(r->server);
    watcher_free(r->watcher);
    watch_evidence_free(r->evidence); /* the watcher lent it dumps */
    if (r->store != NULL) {
        store_close(r->store);
    }
    watch_sources_free(r->sources);
    watch_targets_release(&r->targets);
    watch_table_release(&r->table);
    watch_lines_release(&r->people);
    watch_lines_release(&r->machine);
    confirmed_list_release(&r->confirmed);
    vec_u64_release(&r->told);
    if (r->file_fd >= 0) {
        (void)close(r->file_fd);
    }
}
