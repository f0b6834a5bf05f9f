/*
 * Who holds the memory: views of a heap dump. What is asked decides what is
 * computed; everything is made before anything is written.
 */
#include "console.h"
#include "files.h"
#include "gate.h"
#include "heap_compare.h"
#include "heap_load.h"
#include "heap_words.h"
#include "output.h"
#include "pprof_outside.h"
#include "review_options.h"
#include "verdict.h"

#include "base/num.h"
#include "report/report.h"

#include <string.h>
#include <unistd.h>

#define EXPORT_BYTES_MAX ((size_t)2 << 30)

enum { EXPORTS_MAX = 8 };

enum heap_view_word {
    VIEW_SUSPECTS,
    VIEW_HOLDERS,
    VIEW_TYPES,
    VIEW_GLOBALS,
    VIEW_GOROUTINES,
    VIEW_DOMINATORS,
    VIEW_WASTE,
    VIEW_DUPLICATES,
    VIEW_STATS
};

/* clang-format off */
static const char *const view_words[] = {
    "suspects", "holders", "types", "globals", "goroutines", "dominators",
    "waste", "duplicates", "stats", NULL};
/* clang-format on */

struct heap_cmd_options {
    const char *exe;
    const char *exe_before;
    uint64_t min_bytes, min_goroutines;
    bool is_forced;
    int view;
    const char *paths_to;
    const char *object;
    uint64_t n_max;
    double share_percent;
    struct words exports;
    uint64_t sample_rate;
    uint64_t memory_limit_bytes;
    int fail_on;
    struct review_settings review;
    struct outputs outputs;
};

static void heap_defaults(void *options)
{
    struct heap_cmd_options *o = options;
    o->share_percent = 1;
    o->fail_on = -1; /* see resolve() */
}

#define FIELD(name) offsetof(struct heap_cmd_options, name)

static bool offer_exports(size_t i, struct option_offer *out)
{
    size_t n = 0;
    const struct heap_export *all = heap_exports(&n);
    if (i >= n) {
        return false;
    }
    *out = (struct option_offer){all[i].name, all[i].summary};
    return true;
}

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "exe", .arg = "BINARY", .kind = OPTION_TEXT, .offset = FIELD(exe),
     .help = "the file that ran, for names and types; without it sizes and holders by address are all there is"},
    {.name = "exe-before", .arg = "BINARY", .kind = OPTION_TEXT, .offset = FIELD(exe_before),
     .help = "of heap diff: the file that ran when the first dump was taken (default: the same)"},
    {.name = "force", .kind = OPTION_FLAG, .offset = FIELD(is_forced),
     .help = "take a binary that does not match the dump: names may then be wrong"},
    {.name = "view", .arg = "VIEW", .kind = OPTION_CHOICE, .choices = view_words, .offset = FIELD(view),
     .help = "suspects, holders, types, globals, goroutines, dominators, waste, duplicates or stats (default suspects)"},
    {.name = "paths-to", .arg = "WHAT", .kind = OPTION_TEXT, .offset = FIELD(paths_to),
     .help = "why it is alive: the shortest paths to all objects of a type, or to the object at an address (0x...)"},
    {.name = "object", .arg = "ADDR", .kind = OPTION_TEXT, .offset = FIELD(object),
     .help = "the object at an address: contents, who points to it, what keeps it, where it was allocated"},
    {.name = "top", .short_name = 'n', .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 1000000, .offset = FIELD(n_max),
     .help = "rows (default 5 paths, 10 holders, 40 branches of the tree, 25 of others)"},
    {.name = "share", .arg = "PERCENT", .kind = OPTION_NUMBER, .min = 0.0001, .max = 100, .offset = FIELD(share_percent),
     .help = "holders and branches of the tree that hold less of all are left out (default 1)"},
    {.name = "export", .arg = "KIND=FILE", .kind = OPTION_WORDS, .offset = FIELD(exports), .offers = offer_exports,
     .help = "for other tools: pprof (shortest paths as stacks), pprof-dominators, pprof-sites (where what is live was allocated), dot (top of the dominator tree); may be repeated"},
    {.name = "sample-rate", .arg = "BYTES", .kind = OPTION_BYTES, .min = 1, .max = 1e15, .offset = FIELD(sample_rate),
     .help = "runtime.MemProfileRate of the process, for pprof-sites (default: inferred from the samples)"},
    {.name = "min-bytes", .arg = "SIZE", .kind = OPTION_BYTES, .min = 1, .max = 1e15, .offset = FIELD(min_bytes),
     .help = "holders of less are no suspects, and less growth does not count (default 8MiB)"},
    {.name = "min-goroutines", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 1000000000, .offset = FIELD(min_goroutines),
     .help = "fewer that wait alike are no suspects, and fewer more do not count (default 50)"},
    {.name = "memory-limit", .arg = "SIZE", .kind = OPTION_BYTES, .offset = FIELD(memory_limit_bytes),
     .help = "give up rather than take more memory than SIZE, the mapped dump apart"},
    {.name = "fail-on", .arg = "GRADE", .kind = OPTION_CHOICE, .choices = fail_on_words, .offset = FIELD(fail_on),
     .help = "exit 1 at or above GRADE, of suspects: proven, strong, suspect, growth, never (default strong; of heap diff growth)"},
    REVIEW_ROWS(struct heap_cmd_options, review),
    OUTPUT_ROWS(struct heap_cmd_options, outputs, REPORT_FORMATS, .offers = output_offer_report),
};
/* clang-format on */

static const struct cmd_example examples[] = {
    {"seep heap end.heapdump --exe ./accounts",
     "who holds most of the memory, by which way, and where it was allocated"},
    {"seep heap end.heapdump --exe ./accounts --view types --top 50",
     "what is live, by type"                                                 },
    {"seep heap end.heapdump --exe ./accounts --paths-to main.User",
     "why objects of a type are alive"                                       },
    {"seep heap diff start.heapdump end.heapdump --exe ./accounts",
     "what it holds more than before"                                        },
    {"seep heap end.heapdump --exe ./accounts --export pprof=held.pb.gz",
     "for go tool pprof -http=: held.pb.gz"                                  },
};

/* --- what is asked --- */

static bool read_address(const char *option, const char *text, uint64_t *out,
                         struct err *err)
{
    const struct span s = span_of(text);
    if (span_starts(s, "0x") && num_parse_hex(span_from(s, 2), out)) {
        return true;
    }
    return err_set(err, ERR_USAGE,
                   "%s: '%.60s' is not an address such as "
                   "0xc000012340",
                   option, text);
}

static bool find_object(const struct heap_loaded *l, const char *option,
                        const char *text, object_id *out, struct err *err)
{
    uint64_t address = 0;
    if (!read_address(option, text, &address, err)) {
        return false;
    }
    *out = heap_object_at(l->graph, address);
    return out->i != OBJECT_NONE.i ||
           err_set(err, ERR_USAGE, "%s: no object is at %.60s", option, text);
}

static bool is_address(const char *text)
{
    return span_starts(span_of(text), "0x");
}

static bool split_export(const char *text, const struct heap_export **kind,
                         const char **path, struct err *err)
{
    const struct span whole = span_of(text);
    const size_t equals = span_find_char(whole, '=');
    *kind = heap_export_find(span_first(whole, equals));
    *path = equals < whole.len ? text + equals + 1 : "";
    if (*kind == NULL) {
        return err_set(err, ERR_USAGE,
                       "--export: unknown kind '%.*s'; there is: pprof "
                       "pprof-dominators pprof-sites dot",
                       (int)(equals < 60 ? equals : 60), text);
    }
    if (strcmp(*path, "-") == 0) {
        return err_set(err, ERR_USAGE,
                       "--export: tables go to standard output, %s into a "
                       "file: say %s=FILE",
                       (*kind)->name, (*kind)->name);
    }
    return **path != '\0' ||
           err_set(err, ERR_USAGE, "--export: say %s=FILE", (*kind)->name);
}

static bool check_exports(const struct heap_cmd_options *o, const char *dump,
                          struct err *err)
{
    if (o->exports.n > EXPORTS_MAX) {
        return err_set(err, ERR_USAGE, "more than %d exports", EXPORTS_MAX);
    }
    for (size_t i = 0; i < o->exports.n; i++) {
        const struct heap_export *kind = NULL;
        const char *path = NULL;
        if (!split_export(o->exports.items[i], &kind, &path, err)) {
            return false;
        }
        if (file_is_same(path, dump) ||
            (o->exe != NULL && file_is_same(path, o->exe))) {
            return err_set(err, ERR_USAGE,
                           "--export: %.120s is what is read; write to "
                           "another file",
                           path);
        }
    }
    return true;
}

/* Views show the dump and judge nothing. */
static bool is_judged(const struct heap_cmd_options *o)
{
    return o->view == VIEW_SUSPECTS && o->paths_to == NULL && o->object == NULL;
}

static bool check_outputs(const struct heap_cmd_options *o, const char *dump,
                          struct err *err)
{
    if (!outputs_check_report(&o->outputs, err) ||
        (!is_judged(o) && !outputs_check_tables(&o->outputs, err))) {
        return false;
    }
    for (size_t i = 0; i < o->outputs.n; i++) {
        const char *path = o->outputs.items[i].path;
        if (path != NULL && (file_is_same(path, dump) ||
                             (o->exe != NULL && file_is_same(path, o->exe)))) {
            return err_set(err, ERR_USAGE,
                           "--output: %.120s is what is read; write to "
                           "another file",
                           path);
        }
    }
    return true;
}

static bool is_diff(const struct words *args)
{
    return args->n > 0 && strcmp(args->items[0], "diff") == 0;
}

static bool check_diff(const struct heap_cmd_options *o,
                       const struct words *args, struct err *err)
{
    if (args->n != 3) {
        return err_set(err, ERR_USAGE,
                       "heap diff: name two dumps, the earlier one first");
    }
    if (o->view != VIEW_SUSPECTS || o->paths_to != NULL || o->object != NULL ||
        o->exports.n > 0) {
        return err_set(err, ERR_USAGE,
                       "heap diff: --view, --paths-to, --object and --export "
                       "are about one dump");
    }
    return check_outputs(o, args->items[1], err) &&
           check_outputs(o, args->items[2], err);
}

/* `go tool pprof` takes the program beside what it wrote; here it has a name.
 */
static bool check_one_dump(const struct words *args, struct err *err)
{
    if (args->n == 0) {
        return err_set(err, ERR_USAGE,
                       "heap: name a dump (debug.WriteHeapDump)");
    }
    for (size_t i = 0; args->n > 1 && i < args->n; i++) {
        if (pprof_outside_is_program(args->items[i])) {
            return err_set(err, ERR_USAGE,
                           "heap: %s is a program: give it with --exe",
                           args->items[i]);
        }
    }
    return args->n == 1 ||
           err_set(err, ERR_USAGE,
                   "heap: one dump at a time; heap diff takes two");
}

static bool check(const struct heap_cmd_options *o, const struct words *args,
                  struct err *err)
{
    uint64_t address = 0;
    if (o->exe_before != NULL && (!is_diff(args) || o->exe == NULL)) {
        return err_set(err, ERR_USAGE,
                       "--exe-before is about heap diff with --exe");
    }
    if (is_diff(args)) {
        return check_diff(o, args, err);
    }
    if (!check_one_dump(args, err)) {
        return false;
    }
    if (o->paths_to != NULL && o->object != NULL) {
        return err_set(err, ERR_USAGE,
                       "--paths-to and --object: one of them at a time");
    }
    if (o->view != VIEW_SUSPECTS &&
        (o->paths_to != NULL || o->object != NULL)) {
        return err_set(err, ERR_USAGE,
                       "--view shows all of the dump, --paths-to and --object "
                       "a part: one of them at a time");
    }
    if (o->paths_to != NULL && *o->paths_to == '\0') {
        return err_set(err, ERR_USAGE,
                       "--paths-to: say a type, or an address (0x...)");
    }
    if (o->object != NULL &&
        !read_address("--object", o->object, &address, err)) {
        return false;
    }
    if (o->is_forced && o->exe == NULL) {
        return err_set(err, ERR_USAGE, "--force is about --exe BINARY");
    }
    return check_outputs(o, args->items[0], err) &&
           check_exports(o, args->items[0], err);
}

static size_t rows_of(const struct heap_cmd_options *o)
{
    if (o->n_max > 0) {
        return (size_t)o->n_max;
    }
    if (o->paths_to != NULL) {
        return 5;
    }
    switch ((enum heap_view_word)o->view) {
    case VIEW_SUSPECTS:
        return o->object != NULL ? 25 : 3;
    case VIEW_HOLDERS:
        return 10;
    case VIEW_DOMINATORS:
        return 40;
    case VIEW_TYPES:
    case VIEW_GLOBALS:
    case VIEW_GOROUTINES:
    case VIEW_WASTE:
    case VIEW_DUPLICATES:
    case VIEW_STATS:
        return 25;
    }
    return 25;
}

/* --- the report --- */

static bool add_view(struct heap_report *r, const struct heap_cmd_options *o,
                     struct err *err)
{
    switch ((enum heap_view_word)o->view) {
    case VIEW_SUSPECTS: /* judged, see judge() */
        return true;
    case VIEW_HOLDERS:
        return heap_report_holders(r, o->share_percent / 100, err);
    case VIEW_TYPES:
        return heap_report_types(r, err);
    case VIEW_GLOBALS:
        return heap_report_globals(r, err);
    case VIEW_GOROUTINES:
        return heap_report_goroutines(r, err);
    case VIEW_DOMINATORS:
        return heap_report_dominators(r, o->share_percent / 100, err);
    case VIEW_WASTE:
        return heap_report_waste(r, err);
    case VIEW_DUPLICATES:
        return heap_report_duplicates(r, err);
    case VIEW_STATS:
        return heap_report_stats(r, err);
    }
    return true;
}

static bool add_asked(struct heap_report *r, const struct heap_loaded *l,
                      const struct heap_cmd_options *o, struct err *err)
{
    object_id object;
    if (o->object != NULL) {
        return find_object(l, "--object", o->object, &object, err) &&
               heap_report_object(r, object, err);
    }
    if (o->paths_to != NULL && is_address(o->paths_to)) {
        return find_object(l, "--paths-to", o->paths_to, &object, err) &&
               heap_report_paths(r, object, err);
    }
    if (o->paths_to != NULL && l->types == NULL) {
        return err_set(err, ERR_USAGE,
                       "--paths-to a type needs --exe BINARY; without it say "
                       "an address (0x...)");
    }
    return o->paths_to != NULL ? heap_report_paths_of_type(r, o->paths_to, err)
                               : add_view(r, o, err);
}

static bool write_exports(struct heap_report *r,
                          const struct heap_cmd_options *o, struct err *err)
{
    const struct heap_export_options how = {
        .share = o->share_percent / 100,
        .n_max = o->n_max > 0 ? (size_t)o->n_max : 80,
        .sample_rate = o->sample_rate};
    for (size_t i = 0; i < o->exports.n; i++) {
        const struct heap_export *kind = NULL;
        const char *path = NULL;
        struct buf out = BUF_LIMIT(EXPORT_BYTES_MAX);
        const bool ok = split_export(o->exports.items[i], &kind, &path, err) &&
                        kind->write(r->view, r->facts, &how, &out, err) &&
                        buf_check(&out, kind->name, err) &&
                        file_write(path, buf_view(&out), err);
        buf_release(&out);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool has_suspects(const struct findings *f)
{
    return f->n > 0 && f->items[0].grade > GRADE_INFO;
}

static struct dump_options judge_options(const struct heap_cmd_options *o)
{
    return (struct dump_options){.min_bytes = (double)o->min_bytes,
                                 .min_goroutines = (double)o->min_goroutines};
}

/* What fails, and what a repository adds to it. Sizes are no matter of the gate
   here: they decide what is a suspect. */
static bool resolve(struct session *s, const struct heap_cmd_options *o,
                    enum fail_on otherwise, struct heap_gate *out,
                    struct err *err)
{
    struct gate_settings settings;
    const struct gate standard = {.fail_on = otherwise};
    gate_settings_defaults(&settings);
    settings.fail_on = o->fail_on;
    if (!review_load(&o->review, s, &out->review, err) ||
        !gate_resolve(&settings, out->review, &standard, &out->gate, err)) {
        return false;
    }
    out->has_patch = o->review.patch != NULL || o->review.revisions != NULL;
    return true;
}

/* Where nothing is suspect, who holds most is worth knowing all the same. */
static bool judge(struct heap_report *r, const struct heap_cmd_options *o,
                  struct findings *findings, struct err *err)
{
    const struct dump_evidence evidence = {.facts = r->facts, .view = r->view};
    const struct dump_options options = judge_options(o);
    return !is_judged(o) ||
           (rules_judge_dump(&evidence, &options, findings, err) &&
            (has_suspects(findings) ||
             heap_report_holders(r, o->share_percent / 100, err)));
}

static int show(struct session *s, const struct heap_loaded *l,
                const struct heap_cmd_options *o, const char *dump,
                const struct heap_gate *g)
{
    struct err err = {0};
    struct findings findings = {0};
    struct heap_report r = {
        .facts = &l->facts, .paths = l->paths, .n_max = rows_of(o)};
    const struct heap_words words = {.dump = dump, .exe = o->exe};
    bool ok = heap_report_new(&r, &err) && heap_report_summary(&r, &err) &&
              judge(&r, o, &findings, &err) &&
              heap_fill_words(s, &words, &findings, &err);
    findings.program = heap_program(l, &words);
    ok = ok &&
         (!is_judged(o) || (review_mark(g->review, &findings, NULL, &err) &&
                            heap_gate_note(g, &findings, &err))) &&
         add_asked(&r, l, o, &err) && write_exports(&r, o, &err);
    if (ok) {
        const struct series_input input = heap_input(dump);
        struct report report = {.tool_version = SEEP_VERSION,
                                .command = "heap",
                                .target = dump,
                                .inputs = &input,
                                .n_inputs = 1,
                                .program = heap_report_program(&words),
                                .findings = is_judged(o) ? &findings : NULL};
        heap_gate_into(g, &findings, &report);
        heap_report_note(&r, l->note);
        heap_report_into(&r, &report);
        ok = outputs_write_report(&o->outputs, s, &report, &err);
    }
    int status = STATUS_OK;
    if (!ok) {
        status = console_fail(NULL, &err);
    } else if (is_judged(o)) {
        status = heap_gate_status(g, &findings, &o->outputs);
    }
    findings_release(&findings);
    heap_report_release(&r);
    return status;
}

static struct heap_load_options load_options(const struct heap_cmd_options *o,
                                             const char *dump)
{
    return (struct heap_load_options){.dump = dump,
                                      .exe = o->exe,
                                      .is_forced = o->is_forced,
                                      .memory_limit_bytes =
                                          o->memory_limit_bytes,
                                      .needs_paths = o->paths_to != NULL};
}

static int diff_run(struct session *s, const struct heap_cmd_options *o,
                    const struct words *args, const struct heap_gate *g)
{
    struct heap_compare_options how = {
        .before = load_options(o, args->items[1]),
        .after = load_options(o, args->items[2]),
        .judge = judge_options(o),
        .n_max = o->n_max > 0 ? (size_t)o->n_max : 10,
        .gate = g,
        .outputs = &o->outputs};
    how.before.exe = o->exe_before != NULL ? o->exe_before : o->exe;
    return heap_compare_run(s, &how);
}

static int dump_run(struct session *s, const struct heap_cmd_options *o,
                    const char *dump, const struct heap_gate *g)
{
    struct err err = {0};
    struct heap_loaded loaded = {0};
    const struct heap_load_options how = load_options(o, dump);
    const int status = heap_load(s, &how, &loaded, &err)
                           ? show(s, &loaded, o, dump, g)
                           : console_fail(loaded.where, &err);
    heap_loaded_release(&loaded);
    return status;
}

static int heap_run(struct session *s, void *options, const struct words *args)
{
    const struct heap_cmd_options *o = options;
    struct err err = {0};
    if (!check(o, args, &err)) {
        return console_fail(NULL, &err);
    }
    struct heap_gate g = {.review = NULL};
    int status = STATUS_FAILED;
    if (is_judged(o) &&
        !resolve(s, o, is_diff(args) ? FAIL_ON_GROWTH : FAIL_ON_STRONG, &g,
                 &err)) {
        status = console_fail(NULL, &err);
    } else {
        status = is_diff(args) ? diff_run(s, o, args, &g)
                               : dump_run(s, o, args->items[0], &g);
    }
    review_free(g.review);
    return status;
}

static bool offer_verbs(size_t i, struct option_offer *out)
{
    *out = (struct option_offer){"diff", "what a later dump holds more"};
    return i == 0;
}

const struct cmd cmd_heap = {
    .name = "heap",
    .summary = "heap dump: who holds the memory, types, paths",
    .usage = "DUMP [--exe BINARY] | diff BEFORE AFTER [--exe BINARY]",
    .about = "Reads what runtime/debug.WriteHeapDump wrote, plain, or "
             "compressed by gzip or zstd (inflated below TMPDIR). The binary "
             "is read plain. docs/heap-dump.md says how to take a dump.",
    .options = rows,
    .n_options = sizeof(rows) / sizeof(rows[0]),
    .options_bytes = sizeof(struct heap_cmd_options),
    .examples = examples,
    .n_examples = sizeof(examples) / sizeof(examples[0]),
    .arguments = {.words = offer_verbs, .files_from = 1},
    .defaults = heap_defaults,
    .run = heap_run,
};
