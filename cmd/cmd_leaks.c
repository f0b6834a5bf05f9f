/* The main job: a verdict from a series of snapshots of one process. */
#include "analysis.h"
#include "calibrate.h"
#include "console.h"
#include "gate.h"
#include "heap_join.h"
#include "judge_runs.h"
#include "leaks_live.h"
#include "leaks_store.h"
#include "output.h"
#include "reproduce.h"
#include "rule_settings.h"

#include "series/series.h"

#include <string.h>

struct leaks_options {
    struct gate_settings gate;
    struct review_settings review;
    bool skip_bad;
    const char *module;
    uint64_t limit_bytes;
    struct words settings;
    struct leaks_store_options store;
    struct leaks_live_options live;
    const char *heap; /* a heap dump of the same process */
    const char *exe;
    struct outputs outputs;
};

/* The grades ask for enough by themselves. */
static const struct gate standard_gate = {.fail_on = FAIL_ON_STRONG};

static void leaks_defaults(void *options)
{
    struct leaks_options *o = options;
    gate_settings_defaults(&o->gate);
    target_options_defaults(&o->live.target);
}

/* clang-format off */
static const struct option_row rows[] = {
    GATE_ROWS(struct leaks_options, gate, "strong", "any", "any", "any"),
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
    {.name = "store", .arg = "FILE", .kind = OPTION_TEXT,
     .offset = offsetof(struct leaks_options, store.path),
     .help = "judge what seep watch --store FILE kept, instead of files"},
    {.name = "target", .arg = "NAME", .kind = OPTION_TEXT,
     .offset = offsetof(struct leaks_options, store.target),
     .help = "which target of the store: its URL, or a part that no other has (default: the only one)"},
    {.name = "since", .arg = "D", .kind = OPTION_DURATION, .min = 1, .max = 316000000,
     .offset = offsetof(struct leaks_options, store.since_ns),
     .help = "of the store, only what was taken in the last D, such as 6h"},
    {.name = "heap", .arg = "DUMP", .kind = OPTION_TEXT,
     .offset = offsetof(struct leaks_options, heap),
     .help = "a heap dump of the same process: says what holds the memory, and which goroutines nothing can wake"},
    {.name = "exe", .arg = "BINARY", .kind = OPTION_TEXT,
     .offset = offsetof(struct leaks_options, exe),
     .help = "the file that ran, for the names and types of --heap"},
    REVIEW_ROWS(struct leaks_options, review),
    OUTPUT_ROWS(struct leaks_options, outputs, REPORT_FORMATS, .offers = output_offer_report),
    {.name = "count", .short_name = 'n', .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 10000,
     .offset = offsetof(struct leaks_options, live.count),
     .help = "of a URL: snapshots (default 10)"},
    {.name = "interval", .arg = "D", .kind = OPTION_DURATION, .min = 0.1, .max = 86400,
     .offset = offsetof(struct leaks_options, live.interval_ns),
     .help = "of a URL: from one snapshot to the next (default 3s)"},
    TARGET_ROWS(struct leaks_options, live.target),
};
/* clang-format on */

static const struct cmd_example examples[] = {
    {"seep leaks localhost:6060",
     "verdict on a live process, from ten snapshots in half a minute"                                               },
    {"seep leaks snapshots/",                                               "verdict on the profiles of a directory"},
    {"seep leaks *.heap.pb.gz *.goroutine.pb.gz --limit 512MiB",
     "the same for named files, with the time until memory is used up"                                              },
    {"seep leaks snapshots/ --heap end.heapdump --exe ./accounts",
     "with what holds the memory, from a heap dump of the same process"                                             },
    {"seep leaks snapshots/ --format json -o leaks.json --format markdown",
     "findings as a file, and a comment for a pull request on stdout"                                               },
    {"seep leaks --store history.db --target orders --since 6h",
     "what seep watch stored of one target in the last six hours"                                                   },
};

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

/* What one run of the command works with. */
struct leaks_run {
    const struct leaks_options *options;
    const struct rules_options *rules;
    struct review *review;
    struct gate gate;
    struct calibrated calibrated;
    struct leaks_store_history stored;
    struct heap_join held;
    struct judged_runs judged;
};

/* Which runs of a process that restarted the verdict is of. */
static bool note_runs(struct analysis *a, const struct judged_runs *judged,
                      struct err *err)
{
    enum { NAMED = 3 };
    struct buf names = BUF_LIMIT(64 << 10);
    size_t n = 0;
    if (judged->n_runs == 0) {
        return true;
    }
    for (size_t k = 0; k < judged->n_runs; k++) {
        const struct finding_run *run = &judged->runs[k];
        if (run->is_judged && n++ < NAMED) {
            buf_printf(&names, "%s%.200s to %.200s", n > 1 ? "; " : "",
                       run->first, run->last);
        }
    }
    buf_str(&names, n > NAMED ? "; ..." : "");
    const bool ok =
        buf_check(&names, "runs", err) &&
        analysis_note(
            a,
            arena_printf(a->session->arena, "judged %s %zu of %zu runs%s: %s",
                         n == 1 ? "is" : "are", n, judged->n_runs,
                         n == 1 ? "" : ", each by itself", names.data),
            err);
    buf_release(&names);
    return ok;
}

static bool show(struct analysis *a, const struct series *series,
                 const struct leaks_run *r, struct err *err)
{
    const struct leaks_store_history *stored = &r->stored;
    const struct review_settings *review = &r->options->review;
    const struct judged_runs *judged = &r->judged;
    const struct series_input *inputs = judged->inputs;
    size_t n_inputs = judged->n_inputs;
    if ((stored->note != NULL && !analysis_note(a, stored->note, err)) ||
        !add_series_notes(a, series, err) || !note_runs(a, judged, err) ||
        !heap_join_note(a, &r->held, err) ||
        !analysis_note_unused(a, inputs, n_inputs, err) ||
        !heap_join_inputs(a->session, &r->held, &inputs, &n_inputs, err)) {
        return false;
    }
    struct report report = {
        .tool_version = SEEP_VERSION,
        .command = "leaks",
        .target = stored->target,
        .labels = stored->labels,
        .n_labels = stored->n_labels,
        .about = &judged->about,
        .findings = &judged->findings,
        .notes = a->notes.items,
        .n_notes = a->notes.n,
        .inputs = inputs,
        .n_inputs = n_inputs,
        .reproduce = reproduce_line(a->session),
        .has_patch = review->patch != NULL || review->revisions != NULL,
        .anchor = review_anchor(r->review),
        .gate = &r->gate.report,
        .undecided = gate_undecided(&judged->findings, &r->gate,
                                    r->calibrated.undecided),
    };
    return outputs_write_report(&r->options->outputs, a->session, &report, err);
}

/* Limits and noise decide what may fail, before the review sorts by it. */
static bool mark(struct analysis *a, struct leaks_run *r, struct findings *f,
                 struct err *err)
{
    const struct leaks_options *o = r->options;
    const struct calibrate calibrate = {.runs = &o->gate.calibrations,
                                        .judged = a,
                                        .module = o->module,
                                        .skip_bad = o->skip_bad};
    if (!calibrate_growth(a->session, &calibrate, f, &r->calibrated, err)) {
        a->where = r->calibrated.where;
        return false;
    }
    f->has_lost = a->has_lost || r->calibrated.has_lost;
    heap_join_mark(&r->held, f);
    return gate_limit(f, &r->gate, err) &&
           review_mark(r->review, f, r->stored.target, err);
}

/* What a dump says is said of the run that it is of. */
struct joining {
    struct session *session;
    struct heap_join *held;
};

static bool join(void *ctx, struct series *s, struct findings *f,
                 struct err *err)
{
    const struct joining *j = ctx;
    return heap_join_run(j->session, j->held, s, f, err);
}

/* A store is a history of runs: what runs now is asked about. */
static bool judge_all(struct analysis *a, struct series *series,
                      struct leaks_run *r, struct err *err)
{
    const struct leaks_options *o = r->options;
    struct joining joining = {a->session, &r->held};
    const struct judge_runs how = {.rules = r->rules,
                                   .gate = &r->gate,
                                   .is_history = o->store.path != NULL,
                                   .join = join,
                                   .ctx = &joining};
    return heap_join_load(a, o->heap, o->exe, &r->held, err) &&
           judge_runs(series, &how, &r->judged, err) &&
           mark(a, r, &r->judged.findings, err);
}

static int judge(struct analysis *a, struct series *series, struct leaks_run *r)
{
    struct err err = {0};
    const bool ok = judge_all(a, series, r, &err) && show(a, series, r, &err);
    const int status =
        ok ? gate_status(&r->judged.findings, &r->gate, r->calibrated.undecided,
                         &r->options->outputs)
           : analysis_fail(a, &err);
    judged_runs_release(&r->judged);
    heap_join_release(&r->held);
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

/* The store is listed as an input, so that no output takes its place. */
static bool read_store(struct analysis *a, struct series *series,
                       struct stack_table *table, const struct leaks_options *o,
                       struct leaks_store_history *out, struct err *err)
{
    return analysis_add(a, o->store.path, 0, err) &&
           analysis_check_outputs(a, &o->outputs, err) &&
           leaks_store_read(a->session, &o->store, table, series, out, err);
}

static bool check_usage(const struct leaks_options *o, const struct words *args,
                        struct err *err)
{
    const bool has_store = o->store.path != NULL;
    if (has_store && args->n > 0) {
        return err_set(err, ERR_USAGE,
                       "leaks: --store and files are not judged together");
    }
    if (!has_store && (o->store.target != NULL || o->store.since_ns != 0)) {
        return err_set(err, ERR_USAGE, "leaks: %s needs --store",
                       o->store.target != NULL ? "--target" : "--since");
    }
    if (!has_store && args->n == 0) {
        return err_set(err, ERR_USAGE,
                       "leaks: name snapshots or a directory; "
                       "seep leaks --help shows how");
    }
    if (o->exe != NULL && o->heap == NULL) {
        return err_set(err, ERR_USAGE, "--exe BINARY is about --heap DUMP");
    }
    return outputs_check_report(&o->outputs, err);
}

static int judge_live(struct session *session, const struct leaks_run *r,
                      const char *url)
{
    return leaks_live(session,
                      &(struct leaks_live){
                          .options = &r->options->live,
                          .url = url,
                          .module = r->options->module,
                          .rules = r->rules,
                          .outputs = &r->options->outputs,
                          .review = r->review,
                          .gate = &r->gate,
                          .calibrations = &r->options->gate.calibrations,
                      });
}

/* --- what is saved --- */

struct saved {
    struct analysis a;
    struct stack_table *table;
    struct series *series;
};

static void saved_release(struct saved *s)
{
    analysis_release(&s->a);
    series_free(s->series);
    stack_table_free(s->table);
    *s = (struct saved){.series = NULL};
}

static bool saved_read(struct saved *s, struct session *session,
                       struct leaks_run *r, const struct words *args,
                       struct err *err)
{
    const struct leaks_options *o = r->options;
    s->a = (struct analysis){.session = session,
                             .skip_bad = o->skip_bad,
                             .has_digests = o->gate.calibrations.n > 0};
    s->table = stack_table_new();
    /* Only what a store gives comes as points over a table; files keep all
       their labels. */
    s->series = series_new(&(struct series_options){
        .module =
            o->module != NULL ? o->module : review_config(r->review)->module,
        .table = o->store.path != NULL ? s->table : NULL});
    if (s->table == NULL || s->series == NULL) {
        return err_nomem(err, "series");
    }
    if (o->store.path != NULL
            ? !read_store(&s->a, s->series, s->table, o, &r->stored, err)
            : !read_all(&s->a, s->series, o, args, err)) {
        return false;
    }
    s->a.where = NULL;
    return series_finish(s->series, err);
}

static int judge_saved(struct session *session, struct leaks_run *r,
                       const struct words *args)
{
    struct err err = {0};
    struct saved s = {.series = NULL};
    const int status = saved_read(&s, session, r, args, &err)
                           ? judge(&s.a, s.series, r)
                           : analysis_fail(&s.a, &err);
    saved_release(&s);
    return status;
}

static bool load(struct session *session, struct leaks_run *r,
                 const struct words *args, struct rules_options *rules,
                 bool *is_live, struct err *err)
{
    const struct leaks_options *o = r->options;
    return check_usage(o, args, err) &&
           review_check_arguments(&o->review, args, err) &&
           rule_settings_read(&o->settings, session->arena, rules, err) &&
           (args->n == 0 ||
            leaks_live_is_asked(&o->live, args, is_live, err)) &&
           review_load(&o->review, session, &r->review, err) &&
           gate_resolve(&o->gate, r->review, &standard_gate, &r->gate, err);
}

static int leaks_run(struct session *session, void *options,
                     const struct words *args)
{
    const struct leaks_options *o = options;
    struct err err = {0};
    struct rules_options rules = {.memory_limit_bytes = (double)o->limit_bytes};
    struct leaks_run r = {.options = o, .rules = &rules};
    bool is_live = false;
    int status = STATUS_FAILED;
    if (!load(session, &r, args, &rules, &is_live, &err)) {
        status = console_fail(NULL, &err);
    } else {
        status = is_live ? judge_live(session, &r, args->items[0])
                         : judge_saved(session, &r, args);
    }
    review_free(r.review);
    return status;
}

const struct cmd cmd_leaks = {
    .name = "leaks",
    .summary = "verdict from a series of snapshots of one process",
    .usage = "SNAPSHOT...|DIR|URL",
    .about = "Reads heap and goroutine profiles (pprof, debug=1, debug=2), "
             "orders them by their own time, and says whether the process "
             "leaks, where, how sure that is, why, and what to do. Five or "
             "more snapshots are needed, ten are good; - reads one from "
             "standard input. Of a URL, or host:port, it takes them itself.",
    .options = rows,
    .n_options = sizeof(rows) / sizeof(rows[0]),
    .options_bytes = sizeof(struct leaks_options),
    .examples = examples,
    .n_examples = sizeof(examples) / sizeof(examples[0]),
    .arguments = {.files_from = 1},
    .defaults = leaks_defaults,
    .run = leaks_run,
};
