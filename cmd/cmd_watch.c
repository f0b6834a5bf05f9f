/*
 * Polls live targets, keeps their history, and reports a leak when the
 * evidence is there: one process on a laptop, or thousands from a list.
 */
#include "console.h"
#include "watch_loop.h"
#include "watch_settings.h"

#include <string.h>

static void watch_defaults(void *options)
{
    struct watch_settings *o = options;
    o->fail_on = FAIL_ON_STRONG;
    o->dumps = WATCH_DUMPS_SMALL;
    o->per_host = 2;
    o->in_flight = 100;
    target_options_defaults(&o->target);
}

static const char *const dump_words[] = {"never", "small", "always", NULL};

static const char *const watched_profiles[] = {"heap", "goroutine",
                                               "goroutineleak", NULL};

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "interval", .arg = "D", .kind = OPTION_DURATION, .min = 0.1, .max = 86400,
     .offset = offsetof(struct watch_settings, interval_ns),
     .help = "between two snapshots of a target (default 10s; 60s for several targets)"},
    {.name = "for", .arg = "D", .kind = OPTION_DURATION, .min = 0.1, .max = 31536000,
     .offset = offsetof(struct watch_settings, for_ns),
     .help = "end after D with the verdict (default: until interrupted)"},
    {.name = "until-leak", .kind = OPTION_FLAG,
     .offset = offsetof(struct watch_settings, until_leak),
     .help = "end when a leak is confirmed in any target, and say how long it took"},
    {.name = "targets", .arg = "FILE", .kind = OPTION_WORDS,
     .offset = offsetof(struct watch_settings, files),
     .help = "more targets: one a line, or Prometheus' file_sd JSON; read again when it changes; may be repeated"},
    {.name = "http-sd", .arg = "URL", .kind = OPTION_TEXT,
     .offset = offsetof(struct watch_settings, http_sd),
     .help = "more targets, from a Prometheus http_sd service, asked each minute"},
    {.name = "fail-on", .arg = "GRADE", .kind = OPTION_CHOICE, .choices = fail_on_words,
     .offset = offsetof(struct watch_settings, fail_on),
     .help = "exit 1 at or above GRADE: proven, strong, suspect, growth, never (default strong)"},
    {.name = "evidence", .arg = "DIR", .kind = OPTION_TEXT,
     .offset = offsetof(struct watch_settings, evidence),
     .help = "for each confirmed leak: its snapshots, a report and a goroutine dump, in a directory of its own in DIR"},
    {.name = "on-leak", .arg = "CMD", .kind = OPTION_TEXT,
     .offset = offsetof(struct watch_settings, on_leak),
     .help = "run once for each confirmed leak, with the finding as JSON on its standard input; words and quotes, no shell"},
    {.name = "dumps", .arg = "WHEN", .kind = OPTION_CHOICE, .choices = dump_words,
     .offset = offsetof(struct watch_settings, dumps),
     .help = "goroutine dumps as evidence, which stop the process for a moment: never, small (up to 1,000 goroutines), always (default small)"},
    {.name = "store", .arg = "PATH", .kind = OPTION_TEXT,
     .offset = offsetof(struct watch_settings, store),
     .help = "keep history there and take it up again; seep leaks --store judges it"},
    {.name = "store-age", .arg = "D", .kind = OPTION_DURATION, .min = 60, .max = 315360000,
     .offset = offsetof(struct watch_settings, store_age_ns),
     .help = "thin out what is older (default: keep all)"},
    {.name = "store-size", .arg = "SIZE", .kind = OPTION_BYTES, .min = 1048576, .max = 1099511627776.0,
     .offset = offsetof(struct watch_settings, store_bytes),
     .help = "thin out the oldest beyond this size (default: no limit)"},
    {.name = "listen", .arg = "ADDR", .kind = OPTION_TEXT,
     .offset = offsetof(struct watch_settings, listen),
     .help = "serve /metrics (Prometheus) and /healthz there; a port alone is on loopback"},
    {.name = "profile", .arg = "LIST", .kind = OPTION_TEXT,
     .offset = offsetof(struct watch_settings, profiles), .choices = watched_profiles,
     .help = "which are fetched, by comma (default heap,goroutine,goroutineleak)"},
    {.name = "no-gc", .kind = OPTION_FLAG, .offset = offsetof(struct watch_settings, no_gc),
     .help = "do not let the process collect garbage before each heap profile"},
    {.name = "per-host", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 1000,
     .offset = offsetof(struct watch_settings, per_host),
     .help = "requests at once to one host and port (default 2)"},
    {.name = "in-flight", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 10000,
     .offset = offsetof(struct watch_settings, in_flight),
     .help = "requests at once in all (default 100)"},
    {.name = "module", .arg = "PREFIX", .kind = OPTION_TEXT,
     .offset = offsetof(struct watch_settings, module),
     .help = "import path of your code (default: found out from the profiles)"},
    {.name = "limit", .arg = "SIZE", .kind = OPTION_BYTES,
     .offset = offsetof(struct watch_settings, limit_bytes),
     .help = "memory limit of the process, such as 512MiB: says when it will be reached"},
    {.name = "set", .arg = "ID.PARAM=N", .kind = OPTION_WORDS,
     .offset = offsetof(struct watch_settings, rules),
     .help = "parameter of a rule; seep rules ID lists them"},
    OUTPUT_ROWS(struct watch_settings, outputs, "the report as text, json, markdown, sarif, github, gitlab, junit or csv (default text); ndjson: one event a line, as it happens", .offers = output_offer_report),
    TARGET_ROWS(struct watch_settings, target),
};

static const struct cmd_example examples[] = {
    {"seep watch localhost:6060",
     "a live table until Ctrl-C, then the report"},
    {"seep watch localhost:6060 --until-leak --for 10m --interval 5s",
     "in CI: exit 1 and the site as soon as a leak is confirmed"},
    {"seep watch --targets list.txt --store seep.db --evidence leaks --listen 9100",
     "a fleet for weeks: history, evidence of each leak, metrics"},
    {"seep watch --http-sd http://sd.internal/pprof --on-leak 'notify --to ops'",
     "targets from Prometheus' discovery; a command for each leak"},
};
/* clang-format on */

/* The word ndjson is the stream of events here, so it is asked for once. */
static bool check_formats(const struct outputs *o, struct err *err)
{
    size_t n_streams = 0;
    for (size_t i = 0; i < o->n; i++) {
        n_streams += strcmp(output_format(&o->items[i]), "ndjson") == 0;
    }
    if (n_streams > 1) {
        return err_set(err, ERR_USAGE, "--format: ndjson is given twice");
    }
    return outputs_check_report(o, err);
}

static bool check_profiles(const char *list, struct err *err)
{
    struct span rest = span_of(list);
    while (list != NULL) {
        const size_t comma = span_find_char(rest, ',');
        const struct span name = span_first(rest, comma);
        bool is_known = false;
        for (size_t i = 0; watched_profiles[i] != NULL; i++) {
            is_known |= span_is(name, watched_profiles[i]);
        }
        if (!is_known) {
            return err_set(err, ERR_USAGE,
                           "--profile: '%.*s' cannot be watched; there is: "
                           "heap, goroutine, goroutineleak",
                           (int)(name.len < 64 ? name.len : 64), name.p);
        }
        if (comma == rest.len) {
            break;
        }
        rest = span_from(rest, comma + 1);
    }
    return true;
}

static bool check_usage(const struct watch_settings *o,
                        const struct words *args, struct err *err)
{
    if (args->n == 0 && o->files.n == 0 && o->http_sd == NULL) {
        return err_set(err, ERR_USAGE,
                       "watch: name targets, such as localhost:6060, or a list "
                       "with --targets; seep watch --help shows how");
    }
    if ((o->store_age_ns > 0 || o->store_bytes > 0) && o->store == NULL) {
        return err_set(err, ERR_USAGE,
                       "--store-age and --store-size are of --store: name it");
    }
    return check_profiles(o->profiles, err) && check_formats(&o->outputs, err);
}

static int watch_run(struct session *s, void *options, const struct words *args)
{
    const struct watch_settings *o = options;
    struct err err = {0};
    if (!check_usage(o, args, &err)) {
        return console_fail(NULL, &err);
    }
    return watch_loop(s, o, args);
}

const struct cmd cmd_watch = {
    .name = "watch",
    .summary = "poll live targets; report leaks as they are confirmed",
    .usage = "HOST:PORT|URL...",
    .about =
        "Asks /debug/pprof/ of Go processes at an interval, judges what they "
        "hold as seep leaks judges files, and says so when a leak is "
        "confirmed: by every test with enough data, or by proof. On a terminal "
        "a table shows all targets, worst first; elsewhere each event is a "
        "line on standard output. At the end comes one report over all "
        "targets; "
        "a leak that several have is one finding. A target that fails is "
        "named once and asked again at each interval. Interrupted, it ends "
        "with the report; a second interrupt ends it at once. Exit status: 1 "
        "with findings at or above --fail-on, 3 when too little was seen or a "
        "target gave nothing, 130 or 143 when interrupted before --for or "
        "--until-leak was reached.",
    .options = rows,
    .n_options = sizeof(rows) / sizeof(rows[0]),
    .options_bytes = sizeof(struct watch_settings),
    .examples = examples,
    .n_examples = sizeof(examples) / sizeof(examples[0]),
    .defaults = watch_defaults,
    .run = watch_run,
};
