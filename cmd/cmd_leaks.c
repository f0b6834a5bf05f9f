/* The main job: a verdict from a series of snapshots of one process. */
#include "analysis.h"
#include "console.h"
#include "heap_load.h"
#include "output.h"
#include "verdict.h"

#include "base/num.h"
#include "series/series.h"

#include <string.h>

struct leaks_options {
    int fail_on;
    bool skip_bad;
    const char *module;
    uint64_t limit_bytes;
    struct words settings;
    const char *heap; /* a heap dump of the same process */
    const char *exe;
    struct outputs outputs;
};

static void leaks_defaults(void *options)
{
    struct leaks_options *o = options;
    o->fail_on = FAIL_ON_STRONG;
}

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "fail-on", .arg = "GRADE", .kind = OPTION_CHOICE, .choices = fail_on_words,
     .offset = offsetof(struct leaks_options, fail_on),
     .help = "exit 1 at or above GRADE: proven, strong, suspect, growth, never (default strong)"},
    {.name = "skip-bad", .kind = OPTION_FLAG,
     .offset = offsetof(struct leaks_options, skip_bad),
     .help = "go on without broken inputs; list them and never exit 0"},
    {.name = "module", .arg = "PREFIX", .kind = OPTION_TEXT,
     .offset = offsetof(struct leaks_options, module),
     .help = "import path of your code (default: found out from the profiles)"},
    {.name = "limit", .arg = "SIZE", .kind = OPTION_BYTES,
     .offset = offsetof(struct leaks_options, limit_bytes),
     .help = "memory limit of the process, such as 512MiB: says when it will be reached"},
    {.name = "set", .arg = "ID.PARAM=N", .kind = OPTION_WORDS,
     .offset = offsetof(struct leaks_options, settings),
     .help = "parameter of a rule; seep rules ID lists them"},
    {.name = "heap", .arg = "DUMP", .kind = OPTION_TEXT,
     .offset = offsetof(struct leaks_options, heap),
     .help = "a heap dump of the same process: says what holds the memory, and which goroutines nothing can wake"},
    {.name = "exe", .arg = "BINARY", .kind = OPTION_TEXT,
     .offset = offsetof(struct leaks_options, exe),
     .help = "the file that ran, for the names and types of --heap"},
    OUTPUT_ROWS(struct leaks_options, outputs, "text, json, markdown or csv (default text)"),
};
/* clang-format on */

static const struct cmd_example examples[] = {
    {"seep leaks snapshots/",                                               "verdict on the profiles of a directory"},
    {"seep leaks *.heap.pb.gz *.goroutine.pb.gz --limit 512MiB",
     "the same for named files, with the time until memory is used up"                                              },
    {"seep leaks snapshots/ --heap end.heapdump --exe ./accounts",
     "with what holds the memory, from a heap dump of the same process"                                             },
    {"seep leaks snapshots/ --format json -o leaks.json --format markdown",
     "findings as a file, and a comment for a pull request on stdout"                                               },
};

enum { RULES_MAX = 128 };

/* `id` is what was asked for, empty when too long to be near to anything. */
static bool unknown_rule(struct span asked, const char *id, struct err *err)
{
    const char *names[RULES_MAX];
    size_t n = 0;
    const struct rule *const *all = rules_all(&n);
    n = n < RULES_MAX ? n : RULES_MAX;
    for (size_t i = 0; i < n; i++) {
        names[i] = all[i]->id;
    }
    const char *nearest = *id != '\0' ? words_nearest(id, names, n) : NULL;
    const int len = (int)(asked.len < 64 ? asked.len : 64);
    return nearest != NULL
               ? err_set(err, ERR_USAGE,
                         "--set: there is no rule '%.*s'; did you mean %s?",
                         len, asked.p, nearest)
               : err_set(err, ERR_USAGE, "--set: there is no rule '%.*s'", len,
                         asked.p);
}

/* "goroutine-growth.min-growth=20" into a setting that names static rows. */
static bool read_setting(const char *text, struct rules_setting *out,
                         struct err *err)
{
    const struct span whole = span_of(text);
    const size_t equals = span_find_char(whole, '=');
    const size_t dot = span_find_char(span_first(whole, equals), '.');
    if (equals == whole.len || dot == equals) {
        return err_set(err, ERR_USAGE, "--set: '%s' is not ID.PARAM=N", text);
    }
    char id[64] = "";
    if (dot < sizeof(id)) {
        memcpy(id, text, dot);
    }
    const struct rule *rule = rules_find(id);
    if (rule == NULL) {
        return unknown_rule(span_first(whole, dot), id, err);
    }
    const struct span name = {text + dot + 1, equals - dot - 1};
    for (size_t i = 0; i < rule->n_params; i++) {
        const struct rule_param *p = &rule->params[i];
        if (!span_is(name, p->name)) {
            continue;
        }
        uint64_t bytes = 0;
        double v = 0;
        const struct span number = span_from(whole, equals + 1);
        const bool is_bytes = strcmp(p->unit, "bytes") == 0;
        if (is_bytes && num_parse_bytes(number, &bytes)) {
            v = (double)bytes;
        } else if (!num_parse_double(number, &v)) {
            return err_set(err, ERR_USAGE, "--set: '%s' is not a number",
                           number.p);
        }
        if (!(v >= p->min && v <= p->max)) {
            return err_set(err, ERR_USAGE,
                           "--set: %s.%s must be from %g to %g %s", rule->id,
                           p->name, p->min, p->max, p->unit);
        }
        *out = (struct rules_setting){rule->id, p->name, v};
        return true;
    }
    return err_set(err, ERR_USAGE,
                   "--set: rule %s has no parameter '%.*s'; see seep rules %s",
                   rule->id, (int)(name.len < 64 ? name.len : 64), name.p,
                   rule->id);
}

static bool read_settings(const struct words *texts, struct arena *arena,
                          struct rules_options *out, struct err *err)
{
    struct rules_setting *settings =
        arena_new(arena, struct rules_setting, texts->n + 1);
    if (settings == NULL) {
        return err_nomem(err, "settings");
    }
    for (size_t i = 0; i < texts->n; i++) {
        if (!read_setting(texts->items[i], &settings[i], err)) {
            return false;
        }
    }
    out->settings = settings;
    out->n_settings = texts->n;
    return true;
}

static bool take_snapshot(void *ctx, unsigned group, const struct snapshot *s,
                          struct err *err)
{
    (void)group;
    return series_add(ctx, s, err);
}

static bool take_left_out(void *ctx, unsigned group, const char *source,
                          enum profile_kind kind, const char *why,
                          struct err *err)
{
    (void)group;
    return series_note_input(ctx, source, kind, why, err);
}

/* Notes of the series behind those of reading. */
static bool add_series_notes(struct analysis *a, const struct series *series,
                             struct err *err)
{
    size_t n = 0;
    const char *const *notes = series_notes(series, &n);
    for (size_t i = 0; i < n; i++) {
        if (!analysis_note(a, notes[i], err)) {
            return false;
        }
    }
    return true;
}

static bool show(struct analysis *a, const struct series *series,
                 const struct findings *findings, const struct leaks_options *o,
                 struct err *err)
{
    if (!add_series_notes(a, series, err)) {
        return false;
    }
    size_t n_inputs = 0;
    const struct series_input *inputs = series_inputs(series, &n_inputs);
    if (!analysis_note_unused(a, inputs, n_inputs, err)) {
        return false;
    }
    struct report report = {
        .tool_version = SEEP_VERSION,
        .command = "leaks",
        .about = series_about(series),
        .findings = findings,
        .notes = a->notes.items,
        .n_notes = a->notes.n,
        .inputs = inputs,
        .n_inputs = n_inputs,
    };
    return outputs_write_report(&o->outputs, a->session, &report, err);
}

/* A heap dump beside the profiles; findings borrow from it. */
struct held {
    struct heap_loaded loaded;
    struct heap_view *view;
};

static bool join_heap(struct analysis *a, const struct leaks_options *o,
                      struct held *held, struct findings *findings,
                      struct err *err)
{
    if (o->heap == NULL) {
        return true;
    }
    const struct heap_load_options how = {.dump = o->heap, .exe = o->exe};
    if (!heap_load(a->session, &how, &held->loaded, err)) {
        a->where = held->loaded.where;
        return false;
    }
    if (!heap_view_new(&held->loaded.facts, &held->view, err)) {
        return false;
    }
    const struct dump_evidence evidence = {.facts = &held->loaded.facts,
                                           .view = held->view};
    return rules_join_dump(&evidence, NULL, findings, err);
}

static int judge(struct analysis *a, struct series *series,
                 const struct rules_options *rules,
                 const struct leaks_options *o)
{
    struct err err = {0};
    struct findings findings = {0};
    struct held held = {.view = NULL};
    int status = STATUS_FAILED;
    a->where = NULL;
    if (series_finish(series, &err) &&
        rules_judge(series, rules, &findings, &err) &&
        join_heap(a, o, &held, &findings, &err) &&
        show(a, series, &findings, o, &err)) {
        status =
            verdict_status(&findings, (enum fail_on)o->fail_on, a->has_lost);
    } else {
        status = analysis_fail(a, &err);
    }
    findings_release(&findings);
    heap_view_free(held.view);
    heap_loaded_release(&held.loaded);
    return status;
}

static bool read_all(struct analysis *a, struct series *series,
                     const struct leaks_options *o, const struct words *args,
                     struct err *err)
{
    const struct visitor visitor = {series, take_snapshot, take_left_out};
    for (size_t i = 0; i < args->n; i++) {
        if (!analysis_add(a, args->items[i], 0, err)) {
            return false;
        }
    }
    return analysis_check_outputs(a, &o->outputs, err) &&
           analysis_read(a, &visitor, err);
}

static bool check_usage(const struct leaks_options *o, const struct words *args,
                        struct err *err)
{
    if (args->n == 0) {
        return err_set(err, ERR_USAGE,
                       "leaks: name snapshots or a directory; "
                       "seep leaks --help shows how");
    }
    if (o->exe != NULL && o->heap == NULL) {
        return err_set(err, ERR_USAGE, "--exe BINARY is about --heap DUMP");
    }
    return outputs_check_report(&o->outputs, err);
}

static int leaks_run(struct session *session, void *options,
                     const struct words *args)
{
    const struct leaks_options *o = options;
    struct err err = {0};
    struct rules_options rules = {.memory_limit_bytes = (double)o->limit_bytes};
    if (!check_usage(o, args, &err) ||
        !read_settings(&o->settings, session->arena, &rules, &err)) {
        return console_fail(NULL, &err);
    }
    struct analysis a = {.session = session, .skip_bad = o->skip_bad};
    struct series *series =
        series_new(&(struct series_options){.module = o->module});
    int status = STATUS_FAILED;
    if (series == NULL) {
        err_nomem(&err, "series");
        status = console_fail(NULL, &err);
    } else if (!read_all(&a, series, o, args, &err)) {
        status = analysis_fail(&a, &err);
    } else {
        status = judge(&a, series, &rules, o);
    }
    analysis_release(&a);
    series_free(series);
    return status;
}

const struct cmd cmd_leaks = {
    .name = "leaks",
    .summary = "verdict from a series of snapshots of one process",
    .usage = "SNAPSHOT...|DIR",
    .about = "Reads heap and goroutine profiles (pprof, debug=1, debug=2), "
             "orders them by their own time, and says whether the process "
             "leaks, where, how sure that is, why, and what to do. Five or "
             "more snapshots are needed, ten are good; - reads one from "
             "standard input.",
    .options = rows,
    .n_options = sizeof(rows) / sizeof(rows[0]),
    .options_bytes = sizeof(struct leaks_options),
    .examples = examples,
    .n_examples = sizeof(examples) / sizeof(examples[0]),
    .defaults = leaks_defaults,
    .run = leaks_run,
};
