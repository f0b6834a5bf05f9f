/*
 * Two profiles, or two groups of them, with honest statistics: what changed,
 * by how much, and whether that is more than sampling and turnover make.
 */
#include "analysis.h"
#include "console.h"
#include "gate.h"
#include "output.h"
#include "reproduce.h"

#include "series/series.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct diff_options {
    struct words sides[N_DIFF_SIDES];
    bool skip_bad, force;
    const char *module;
    double min_z;
    uint64_t top;
    struct gate_settings gate;
    struct review_settings review;
    struct outputs outputs;
};

/* 20 %: steady services with thousands of clients differ by up to 12 % from run
   to run, more than their counts alone let expect. */
static const struct gate standard_gate = {
    .fail_on = FAIL_ON_GROWTH,
    .min_bytes = 8 << 20,
    .min_goroutines = 50,
    .min_growth = 0.2,
};

static void diff_defaults(void *options)
{
    struct diff_options *o = options;
    gate_settings_defaults(&o->gate);
    o->min_z = 4;
    o->top = 20;
}

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "base", .arg = "A...", .kind = OPTION_MANY,
     .offset = offsetof(struct diff_options, sides[DIFF_BASE]),
     .help = "profiles or directories to compare with"},
    {.name = "head", .arg = "B...", .kind = OPTION_MANY,
     .offset = offsetof(struct diff_options, sides[DIFF_HEAD]),
     .help = "profiles or directories in question; 3 or more a side allow a group test"},
    GATE_ROWS(struct diff_options, gate, "growth", "8MiB", "50", "20%"),
    {.name = "min-z", .arg = "N", .kind = OPTION_NUMBER,
     .offset = offsetof(struct diff_options, min_z),
     .help = "growth over its noise from which a change counts (default 4)"},
    {.name = "top", .arg = "N", .kind = OPTION_COUNT,
     .offset = offsetof(struct diff_options, top), .min = 0, .max = 1000000,
     .help = "rows of each table (default 20)"},
    {.name = "module", .arg = "PREFIX", .kind = OPTION_TEXT,
     .offset = offsetof(struct diff_options, module),
     .help = "import path of your code (default: found out from the profiles)"},
    {.name = "skip-bad", .kind = OPTION_FLAG,
     .offset = offsetof(struct diff_options, skip_bad),
     .help = "go on without broken inputs; list them and never exit 0"},
    {.name = "force", .kind = OPTION_FLAG,
     .offset = offsetof(struct diff_options, force),
     .help = "compare two programs, or swapped states of one process, all the same"},
    REVIEW_ROWS(struct diff_options, review),
    OUTPUT_ROWS(struct diff_options, outputs, REPORT_FORMATS, .offers = output_offer_report),
};
/* clang-format on */

static const struct cmd_example examples[] = {
    {"seep diff before.heap.pb.gz after.heap.pb.gz",
     "what changed between two profiles, most first"               },
    {"seep diff main/ branch/ --format markdown",
     "heap and goroutine profiles of two directories, as a comment"},
    {"seep diff --base main-*.pb.gz --head branch-*.pb.gz --fail-on strong",
     "two groups of independent runs: a gate with a group test"    },
    {"seep diff main/ branch/ --calibrate main-1/ main-2/ main-3/ main-4/",
     "growth must exceed the noise of repeated runs of one build"  },
    {"seep diff main/ branch/ --rev origin/main...HEAD",
     "with the lines and functions that the pull request touches"  },
};

/* --- tables --- */

enum {
    COLUMN_DELTA,
    COLUMN_PERCENT,
    COLUMN_BASE,
    COLUMN_HEAD,
    COLUMN_BIRTHS,
    COLUMN_DEATHS,
    COLUMN_KEPT,
    COLUMN_Z,
    COLUMN_SITE,
    COLUMN_FILE,
    N_COLUMNS
};

static const struct report_column heap_columns[] = {
    [COLUMN_DELTA] = {"delta",     "delta",    CELL_BYTES,   true },
    [COLUMN_PERCENT] = {"percent",   "%",        CELL_PERCENT, true },
    [COLUMN_BASE] = {"base",      "base",     CELL_BYTES,   false},
    [COLUMN_HEAD] = {"head",      "head",     CELL_BYTES,   false},
    [COLUMN_BIRTHS] = {"births",    "born",     CELL_COUNT,   false},
    [COLUMN_DEATHS] = {"deaths",    "freed",    CELL_COUNT,   false},
    [COLUMN_KEPT] = {"retention", "kept",     CELL_PERCENT, false},
    [COLUMN_Z] = {"z",         "z",        CELL_RATIO,   false},
    [COLUMN_SITE] = {"function",  "function", CELL_TEXT,    false},
    [COLUMN_FILE] = {"position",  "line",     CELL_TEXT,    false},
};
static_assert(sizeof(heap_columns) / sizeof(heap_columns[0]) == N_COLUMNS,
              "one column each");

/* Goroutines have no births: a profile does not count those that ended. */
static const unsigned char goroutine_picks[] = {
    COLUMN_DELTA, COLUMN_PERCENT, COLUMN_BASE, COLUMN_HEAD,
    COLUMN_Z,     COLUMN_SITE,    COLUMN_FILE};
enum { N_PICKS = sizeof(goroutine_picks) };

static const struct report_column goroutine_columns[N_PICKS] = {
    {"delta",    "delta",    CELL_COUNT,   true },
    {"percent",  "%",        CELL_PERCENT, true },
    {"base",     "base",     CELL_COUNT,   false},
    {"head",     "head",     CELL_COUNT,   false},
    {"z",        "z",        CELL_RATIO,   false},
    {"function", "function", CELL_TEXT,    false},
    {"position", "line",     CELL_TEXT,    false},
};

/* Means over several runs: rounded, 3.7 and 7.3 would be 4 and 7, and +3.7. */
static const struct report_column *mean_columns(struct arena *arena)
{
    struct report_column *out = arena_new(arena, struct report_column, N_PICKS);
    for (size_t i = 0; out != NULL && i < N_PICKS; i++) {
        out[i] = goroutine_columns[i];
        out[i].type = out[i].type == CELL_COUNT ? CELL_MEAN : out[i].type;
    }
    return out;
}

static const struct report_column *columns_of(const struct series_diff *d,
                                              enum diff_plane plane,
                                              struct arena *arena)
{
    const struct diff_total *t = series_diff_total(d, plane);
    if (plane == DIFF_HEAP) {
        return heap_columns;
    }
    return t->n[DIFF_BASE] > 1 || t->n[DIFF_HEAD] > 1 ? mean_columns(arena)
                                                      : goroutine_columns;
}

static const char *position_of(const struct diff_site *s, struct arena *arena)
{
    const char *name = text_base_name(s->frame.file);
    return *name == '\0'
               ? ""
               : arena_printf(arena, "%s:%lld", name, (long long)s->frame.line);
}

static bool fill_row(struct report_cell cells[N_COLUMNS],
                     const struct diff_site *s, struct arena *arena)
{
    for (size_t c = 0; c < N_COLUMNS; c++) {
        cells[c] = (struct report_cell){NULL, NAN};
    }
    cells[COLUMN_DELTA].number = s->delta;
    if (s->base <= 0) {
        cells[COLUMN_PERCENT].text = "new";
    } else if (s->head <= 0) {
        cells[COLUMN_PERCENT].text = "gone";
    } else {
        cells[COLUMN_PERCENT].number = 100 * s->delta / s->base;
    }
    cells[COLUMN_BASE].number = s->base;
    cells[COLUMN_HEAD].number = s->head;
    cells[COLUMN_BIRTHS].number = s->births;
    cells[COLUMN_DEATHS].number = s->deaths;
    cells[COLUMN_KEPT].number = 100 * s->retention;
    cells[COLUMN_Z].number = s->z;
    cells[COLUMN_SITE].text = s->frame.function;
    cells[COLUMN_FILE].text = position_of(s, arena);
    return cells[COLUMN_FILE].text != NULL;
}

/* Rows without any change would only fill the page. */
static size_t count_changed(const struct diff_site *sites, size_t n)
{
    size_t changed = 0;
    while (changed < n && sites[changed].delta != 0) {
        changed++;
    }
    return changed;
}

static bool make_table(const struct series_diff *d, enum diff_plane plane,
                       size_t top, struct report_table *out,
                       struct arena *arena, struct err *err)
{
    const bool is_heap = plane == DIFF_HEAP;
    const size_t width = is_heap ? N_COLUMNS : N_PICKS;
    size_t n = 0;
    const struct diff_site *sites = series_diff_sites(d, plane, &n);
    n = count_changed(sites, n);
    const size_t shown = n < top ? n : top;
    struct report_cell *cells =
        arena_new(arena, struct report_cell, shown * width + 1);
    const struct report_column *columns = columns_of(d, plane, arena);
    if (cells == NULL || columns == NULL) {
        return err_nomem(err, "table");
    }
    for (size_t i = 0; i < shown; i++) {
        struct report_cell row[N_COLUMNS];
        if (!fill_row(row, &sites[i], arena)) {
            return err_nomem(err, "table");
        }
        for (size_t c = 0; c < width; c++) {
            cells[i * width + c] = row[is_heap ? c : goroutine_picks[c]];
        }
    }
    *out = (struct report_table){.key = is_heap ? "heap" : "goroutine",
                                 .title = is_heap ? "heap in use, by site"
                                                  : "goroutines, by site",
                                 .columns = columns,
                                 .n_columns = width,
                                 .cells = cells,
                                 .n_rows = shown,
                                 .n_rows_left_out = n - shown};
    return true;
}

static bool make_tables(const struct series_diff *d, size_t top,
                        struct report_table out[2], size_t *n,
                        struct arena *arena, struct err *err)
{
    static const enum diff_plane planes[] = {DIFF_GOROUTINE, DIFF_HEAP};
    for (size_t i = 0; i < sizeof(planes) / sizeof(planes[0]); i++) {
        if (series_diff_has(d, planes[i]) &&
            !make_table(d, planes[i], top, &out[(*n)++], arena, err)) {
            return false;
        }
    }
    return true;
}

/* --- the command ------------------------------------------------------------
 */

/* Where snapshots go. */
struct taking {
    struct series_diff *diff;
    const struct analysis *analysis;
};

/* Was it found in a directory, and not named alone? */
static bool is_listed(const struct analysis *a, unsigned group,
                      const char *path)
{
    for (size_t i = 0; i < a->sources.n; i++) {
        const struct source *s = &a->sources.items[i];
        if (s->group == group && strcmp(s->path, path) == 0) {
            return !s->is_named;
        }
    }
    return false;
}

static bool take_snapshot(void *ctx, unsigned group, const struct snapshot *s,
                          struct err *err)
{
    const struct taking *t = ctx;
    if (group >= N_DIFF_SIDES) {
        return series_diff_calibrate(t->diff, group - N_DIFF_SIDES, s, err);
    }
    const enum diff_side side = (enum diff_side)group;
    return is_listed(t->analysis, group, s->source)
               ? series_diff_add_listed(t->diff, side, s, err)
               : series_diff_add(t->diff, side, s, err);
}

static bool take_left_out(void *ctx, unsigned group, const char *source,
                          enum profile_kind kind, const char *why,
                          struct err *err)
{
    const struct taking *t = ctx;
    (void)group;
    return series_diff_note_input(t->diff, source, kind, why, err);
}

/* `BASE HEAD` is short for `--base BASE --head HEAD`. */
static bool find_sides(struct diff_options *o, const struct words *args,
                       struct err *err)
{
    const bool has_lists =
        o->sides[DIFF_BASE].n > 0 || o->sides[DIFF_HEAD].n > 0;
    if (!has_lists && args->n == 2) {
        o->sides[DIFF_BASE] = (struct words){args->items, 1};
        o->sides[DIFF_HEAD] = (struct words){args->items + 1, 1};
        return true;
    }
    if (args->n == 0 && o->sides[DIFF_BASE].n > 0 &&
        o->sides[DIFF_HEAD].n > 0) {
        return true;
    }
    return err_set(err, ERR_USAGE,
                   "diff: give BASE and HEAD, or --base A... and --head B...");
}

static bool read_all(struct analysis *a, struct series_diff *d,
                     const struct diff_options *o, struct err *err)
{
    struct taking taking = {d, a};
    const struct visitor visitor = {&taking, take_snapshot, take_left_out};
    for (unsigned side = 0; side < N_DIFF_SIDES; side++) {
        for (size_t i = 0; i < o->sides[side].n; i++) {
            if (!analysis_add(a, o->sides[side].items[i], side, err)) {
                return false;
            }
        }
    }
    /* Behind the sides, each run is a group of its own. */
    for (size_t i = 0; i < o->gate.calibrations.n; i++) {
        if (!analysis_add(a, o->gate.calibrations.items[i],
                          N_DIFF_SIDES + (unsigned)i, err)) {
            return false;
        }
    }
    return analysis_check_outputs(a, &o->outputs, err) &&
           analysis_read(a, &visitor, err);
}

/* What one run of the command works with. */
struct diff_run {
    struct analysis analysis;
    const struct diff_options *options;
    struct review *review;
    struct gate gate;
    struct series_diff *diff;
    struct findings findings;
};

static bool add_notes(struct diff_run *r, struct err *err)
{
    size_t n = 0;
    const char *const *notes = series_diff_notes(r->diff, &n);
    for (size_t i = 0; i < n; i++) {
        if (!analysis_note(&r->analysis, notes[i], err)) {
            return false;
        }
    }
    const struct series_input *inputs = series_diff_inputs(r->diff, &n);
    return analysis_note_unused(&r->analysis, inputs, n, err);
}

/* What is to be said before all else: what makes the comparison doubtful, and
   why it cannot decide. */
static size_t find_summary(const struct diff_run *r, const char *out[2])
{
    size_t n = 0;
    const char *warning = series_diff_warning(r->diff);
    const char *undecided = series_diff_undecided(r->diff);
    if (warning != NULL) {
        out[n++] = warning;
    }
    if (undecided != NULL) {
        out[n++] = undecided;
    }
    return n;
}

static bool show(struct diff_run *r, struct err *err)
{
    struct report_table tables[2];
    const char *summary[2];
    struct report report = {
        .tool_version = SEEP_VERSION,
        .command = "diff",
        .about = series_diff_about(r->diff),
        .findings = &r->findings,
        .tables = tables,
        .summary = summary,
        .n_summary = find_summary(r, summary),
        .reproduce = reproduce_line(r->analysis.session),
        .go_version = series_diff_go_version(r->diff),
        .has_patch = r->options->review.patch != NULL ||
                     r->options->review.revisions != NULL,
        .anchor = review_anchor(r->review),
        .gate = &r->gate.report,
        .undecided = gate_undecided(&r->findings, &r->gate,
                                    series_diff_undecided(r->diff)),
    };
    if (!add_notes(r, err)) {
        return false;
    }
    report.inputs = series_diff_inputs(r->diff, &report.n_inputs);
    report.notes = r->analysis.notes.items;
    report.n_notes = r->analysis.notes.n;
    return make_tables(r->diff, (size_t)r->options->top, tables,
                       &report.n_tables, r->analysis.session->arena, err) &&
           outputs_write_report(&r->options->outputs, r->analysis.session,
                                &report, err);
}

/* A floor of one run would be none, or let all pass. */
static bool check_calibration(const struct diff_run *r, struct err *err)
{
    bool has_noise = r->options->gate.calibrations.n == 0;
    for (int k = DIFF_HEAP; k <= DIFF_GOROUTINE; k++) {
        const size_t n =
            series_diff_total(r->diff, (enum diff_plane)k)->noise.n;
        if (n == 1) {
            return err_set(err, ERR_MISMATCH,
                           "--calibrate: the %s profiles are of one run, which "
                           "shows no noise; give those of two runs or more",
                           k == DIFF_HEAP ? "heap" : "goroutine");
        }
        has_noise |= n > 1;
    }
    return has_noise ||
           err_set(err, ERR_MISMATCH,
                   "--calibrate: no profile of a kind that is compared");
}

static bool judge(struct diff_run *r, struct err *err)
{
    const struct rules_diff_options rules = {.min_z = r->options->min_z,
                                             .min_bytes = r->gate.min_bytes,
                                             .min_goroutines =
                                                 r->gate.min_goroutines,
                                             .min_growth = r->gate.min_growth};
    r->analysis.where = NULL;
    const struct diff_changes changes = review_changes(r->review);
    series_diff_set_changes(r->diff, &changes);
    if (!series_diff_finish(r->diff, r->options->force, err) ||
        !check_calibration(r, err) ||
        !rules_judge_diff(r->diff, &rules, &r->findings, err)) {
        return false;
    }
    r->findings.has_lost = r->analysis.has_lost;
    return review_mark(r->review, &r->findings, NULL, err) && show(r, err);
}

/* Before any profile is read. */
static bool check(struct diff_run *r, struct diff_options *o,
                  const struct words *args, struct err *err)
{
    return find_sides(o, args, err) && outputs_check_report(&o->outputs, err) &&
           review_check_arguments(&o->review, &o->sides[0], err) &&
           review_check_arguments(&o->review, &o->sides[1], err) &&
           review_load(&o->review, r->analysis.session, &r->review, err) &&
           gate_resolve(&o->gate, r->review, &standard_gate, &r->gate, err);
}

static int compare(struct diff_run *r)
{
    struct err err = {0};
    const struct config *c = review_config(r->review);
    r->diff = series_diff_new(r->options->module != NULL ? r->options->module
                                                         : c->module);
    if (r->diff == NULL) {
        err_nomem(&err, "diff");
        return console_fail(NULL, &err);
    }
    if (!read_all(&r->analysis, r->diff, r->options, &err) || !judge(r, &err)) {
        return analysis_fail(&r->analysis, &err);
    }
    return gate_status(&r->findings, &r->gate, series_diff_undecided(r->diff),
                       &r->options->outputs);
}

static int diff_run(struct session *session, void *options,
                    const struct words *args)
{
    struct err err = {0};
    struct diff_run r = {
        .analysis = {.session = session,
                     .skip_bad = ((struct diff_options *)options)->skip_bad,
                     .groups_differ = true},
        .options = options
    };
    const int status =
        check(&r, options, args, &err) ? compare(&r) : console_fail(NULL, &err);
    findings_release(&r.findings);
    analysis_release(&r.analysis);
    series_diff_free(r.diff);
    review_free(r.review);
    return status;
}

const struct cmd cmd_diff = {
    .name = "diff",
    .summary = "compare two profiles, or two groups, with statistics",
    .usage = "BASE HEAD",
    .about = "Compares heap and goroutine profiles by site. Two snapshots "
             "cannot separate a leak from warm-up or load, so the grade is at "
             "most growth; with independent runs on each side a group test "
             "may say more: 3 a side are enough when one site differs by "
             "--min-bytes or --min-goroutines at all, 4 for up to three such "
             "sites, 5 for twelve. What is higher by less than runs differ "
             "never counts. Sides of two programs, or of one process in the "
             "wrong order, are refused.",
    .options = rows,
    .n_options = sizeof(rows) / sizeof(rows[0]),
    .options_bytes = sizeof(struct diff_options),
    .examples = examples,
    .n_examples = sizeof(examples) / sizeof(examples[0]),
    .arguments = {.files_from = 1},
    .defaults = diff_defaults,
    .run = diff_run,
};
