/* Findings that are accepted for now: the file that says which, and since when.
 */
#include "baseline_inputs.h"
#include "console.h"
#include "files.h"
#include "output.h"
#include "review_options.h"
#include "verdict.h"

#include "base/num.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static const char default_path[] = ".seep-baseline.json";

/* Beyond any baseline that is read: LIMIT_BASELINE_BYTES with other blanks. */
enum { WRITTEN_MAX = 256 << 20 };

struct baseline_options {
    const char *baseline, *output, *module;
    bool skip_bad;
    int fail_on;
    struct outputs outputs;
};

static void baseline_defaults(void *options)
{
    struct baseline_options *o = options;
    o->fail_on = FAIL_ON_STRONG;
}

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "baseline", .arg = "FILE", .kind = OPTION_TEXT,
     .offset = offsetof(struct baseline_options, baseline),
     .help = "the accepted findings (default: the file that .seep.yml names, else .seep-baseline.json)"},
    {.name = "output", .short_name = 'o', .arg = "FILE", .kind = OPTION_TEXT,
     .offset = offsetof(struct baseline_options, output),
     .help = "of save and prune: write there (default: to the baseline); of check: write its table there"},
    {.name = "fail-on", .arg = "GRADE", .kind = OPTION_CHOICE, .choices = fail_on_words,
     .offset = offsetof(struct baseline_options, fail_on),
     .help = "of check: exit 1 for what is new or worse at or above GRADE: proven, strong, suspect, growth, never (default strong)"},
    {.name = "module", .arg = "PREFIX", .kind = OPTION_TEXT,
     .offset = offsetof(struct baseline_options, module),
     .help = "of snapshots: import path of your code"},
    {.name = "skip-bad", .kind = OPTION_FLAG,
     .offset = offsetof(struct baseline_options, skip_bad),
     .help = "of snapshots: go on without broken ones; then nothing counts as fixed, and the exit status is never 0"},
    {.name = "format", .arg = "F", .kind = OPTION_CALL,
     .offset = offsetof(struct baseline_options, outputs), .apply = output_apply_format, .offers = output_offer_tables,
     .help = "of check and prune: text, json, ndjson, markdown or csv (default text)"},
};
/* clang-format on */

static const struct cmd_example examples[] = {
    {"seep leaks snapshots/ --format json -o leaks.json",
     "the findings as a document"                                                                              },
    {"seep baseline save leaks.json",                                   "accept them for now"                  },
    {"seep leaks snapshots/ --baseline .seep-baseline.json --only-new",
     "fail only for what is new or worse"                                                                      },
    {"seep baseline check leaks.json",                                  "what is new, worse, existing or fixed"},
    {"seep baseline prune leaks.json",                                  "take out what is fixed"               },
};

/* What the verbs share. */
struct task {
    struct session *session;
    const struct baseline_options *o;
    struct review_settings settings;
    struct review *review;
    const char *path; /* of the baseline */
    struct baseline past;
    bool has_past;
    struct baseline_inputs in;
    struct baseline_states *states; /* of each input */
    enum baseline_fate *fates;      /* of each of the past, by all inputs */
};

/* --- comparing --- */

/* Gone only where every input could have shown it and none does. */
static enum baseline_fate worse_fate(enum baseline_fate a, enum baseline_fate b)
{
    if (a == BASELINE_FOUND || b == BASELINE_FOUND) {
        return BASELINE_FOUND;
    }
    return a == BASELINE_UNCHECKED || b == BASELINE_UNCHECKED
               ? BASELINE_UNCHECKED
               : BASELINE_FIXED;
}

static bool compare(struct task *t, struct err *err)
{
    t->states = calloc(t->in.n + 1, sizeof(*t->states));
    t->fates = calloc(t->past.n + 1, sizeof(*t->fates));
    if (t->states == NULL || t->fates == NULL) {
        return err_nomem(err, "baseline");
    }
    for (size_t k = 0; k < t->in.n; k++) {
        const struct baseline *now = &t->in.items[k];
        if (!baseline_compare(&t->past, now->items, now->n, &now->window, 0,
                              &t->states[k], err)) {
            return false;
        }
        for (size_t i = 0; i < t->past.n; i++) {
            const enum baseline_fate fate = t->states[k].past[i];
            t->fates[i] = k == 0 ? fate : worse_fate(t->fates[i], fate);
        }
    }
    return true;
}

static size_t count_fate(const struct task *t, enum baseline_fate fate)
{
    size_t n = 0;
    for (size_t i = 0; i < t->past.n; i++) {
        n += t->fates[i] == fate;
    }
    return n;
}

/* Is it in all inputs one that they could not look for? */
static bool is_blind(const struct task *t, size_t i)
{
    bool is_seen = t->fates[i] != BASELINE_UNCHECKED;
    for (size_t k = 0; k < t->in.n; k++) {
        is_seen |=
            !baseline_is_blind(&t->past.items[i], &t->in.items[k].window);
    }
    return !is_seen;
}

static bool is_of_other(const struct task *t, size_t i)
{
    bool is_other = t->in.n > 0;
    for (size_t k = 0; k < t->in.n; k++) {
        is_other &= baseline_is_of_other(&t->past.items[i],
                                         t->in.items[k].window.program);
    }
    return is_other;
}

/* One of a heap dump, which some input cannot be told to be of the same program
   as. */
static bool is_of_unknown(const struct task *t, size_t i)
{
    const struct baseline_entry *e = &t->past.items[i];
    bool is_unknown = false;
    for (size_t k = 0; k < t->in.n; k++) {
        const struct baseline_window *w = &t->in.items[k].window;
        is_unknown |= (w->kinds & PROFILE_BIT(KIND_HEAPDUMP)) != 0 &&
                      !baseline_is_of_program(e, w->program);
    }
    return is_unknown && e->profile == KIND_HEAPDUMP && !is_of_other(t, i) &&
           t->fates[i] == BASELINE_UNCHECKED;
}

static size_t count_which(const struct task *t,
                          bool (*is_it)(const struct task *t, size_t i))
{
    size_t n = 0;
    for (size_t i = 0; i < t->past.n; i++) {
        n += is_it(t, i);
    }
    return n;
}

/* Why what is not found may be there all the same; NULL: it is gone where it
   could have been seen. */
static const char *why_unsure(const struct task *t)
{
    for (size_t k = 0; k < t->in.n; k++) {
        const struct baseline_window *w = &t->in.items[k].window;
        if (w->has_lost) {
            return "an input was lost; mend it or leave it out";
        }
        if (w->is_inconclusive) {
            return "the inputs could not decide";
        }
    }
    return NULL;
}

/* NULL: no row. What is gone is told of the baseline's entry; what is aside
   and in no baseline is nobody's concern here. */
static const char *state_word(const struct baseline_entry *now,
                              const struct baseline_state *s)
{
    if (now->is_fixed || (now->is_aside && s->past == NULL)) {
        return NULL;
    }
    if (s->past == NULL) {
        return "new";
    }
    if (s->is_worse) {
        return "worse";
    }
    return s->is_moved ? "moved" : "existing";
}

/* --- the table --- */

enum {
    COLUMN_STATE,
    COLUMN_GRADE,
    COLUMN_PAST,
    COLUMN_NOW,
    COLUMN_SINCE,
    COLUMN_ID,
    COLUMN_SITE,
    COLUMN_RULE,
    COLUMN_SOURCE,
    COLUMN_UNIT,
    COLUMN_PAST_LEVEL,
    COLUMN_NOW_LEVEL,
    N_COLUMNS
};

/* Levels stand twice: as text for people, as numbers for programs. */
static const struct report_column columns[N_COLUMNS] = {
    [COLUMN_STATE] = {"state",          "state",    CELL_TEXT,  false},
    [COLUMN_GRADE] = {"grade",          "grade",    CELL_TEXT,  false},
    [COLUMN_PAST] = {"accepted",       "accepted", CELL_TEXT,  false},
    [COLUMN_NOW] = {"now",            "now",      CELL_TEXT,  false},
    [COLUMN_SINCE] = {"first_seen",     "since",    CELL_TEXT,  false},
    [COLUMN_SITE] = {"function",       "function", CELL_TEXT,  false},
    [COLUMN_RULE] = {"rule",           "",         CELL_TEXT,  false},
    [COLUMN_ID] = {"id",             "id",       CELL_TEXT,  false},
    [COLUMN_SOURCE] = {"source",         "",         CELL_TEXT,  false},
    [COLUMN_UNIT] = {"unit",           "",         CELL_TEXT,  false},
    [COLUMN_PAST_LEVEL] = {"accepted_level", "",         CELL_COUNT, false},
    [COLUMN_NOW_LEVEL] = {"level",          "",         CELL_COUNT, false},
};

struct table {
    struct task *task;
    struct report_cell *cells;
    size_t n;
    bool has_failed;
};

static const char *keep_text(struct table *t, struct buf *b)
{
    const char *text =
        buf_ok(b) ? arena_strdup(t->task->session->arena, buf_view(b)) : NULL;
    t->has_failed |= text == NULL;
    buf_release(b);
    return text;
}

static const char *level_text(struct table *t, const struct baseline_entry *e)
{
    struct buf b = BUF_LIMIT(64);
    if (e == NULL || !isfinite(e->level)) {
        return "";
    }
    if (strcmp(e->unit, "bytes") == 0) {
        num_bytes(&b, e->level);
    } else {
        num_count(&b, (int64_t)fmin(e->level, 9e18));
    }
    return keep_text(t, &b);
}

static const char *day_text(struct table *t, const struct baseline_entry *e)
{
    enum { DAY = sizeof("2026-12-31") - 1 };
    struct buf b = BUF_LIMIT(64);
    if (e == NULL || e->first_seen_nanos == 0) {
        return "";
    }
    num_rfc3339(&b, e->first_seen_nanos);
    b.len = b.len > DAY ? DAY : b.len;
    return keep_text(t, &b);
}

static void add_row(struct table *t, const char *state,
                    const struct baseline_entry *past,
                    const struct baseline_entry *now, const char *source)
{
    const struct baseline_entry *e = now != NULL ? now : past;
    struct report_cell *cells = &t->cells[t->n++ * N_COLUMNS];
    for (size_t c = 0; c < N_COLUMNS; c++) {
        cells[c].number = NAN;
    }
    cells[COLUMN_STATE].text = state;
    cells[COLUMN_GRADE].text = grade_name(e->grade);
    cells[COLUMN_PAST].text = level_text(t, past);
    cells[COLUMN_NOW].text = level_text(t, now);
    cells[COLUMN_SINCE].text = day_text(t, past);
    cells[COLUMN_SITE].text = *e->function != '\0' ? e->function : e->headline;
    cells[COLUMN_RULE].text = e->rule;
    cells[COLUMN_ID].text = e->id;
    cells[COLUMN_SOURCE].text = source != NULL ? source : "";
    cells[COLUMN_UNIT].text = e->unit;
    cells[COLUMN_PAST_LEVEL].number = past != NULL ? past->level : NAN;
    cells[COLUMN_NOW_LEVEL].number = now != NULL ? now->level : NAN;
}

static void add_state(struct table *t, const char *state)
{
    const struct task *task = t->task;
    for (size_t k = 0; k < task->in.n; k++) {
        for (size_t i = 0; i < task->in.items[k].n; i++) {
            const struct baseline_state *s = &task->states[k].now[i];
            const struct baseline_entry *now = &task->in.items[k].items[i];
            const char *word = state_word(now, s);
            if (word != NULL && strcmp(word, state) == 0) {
                add_row(t, state, s->past, now, task->in.names[k]);
            }
        }
    }
}

static void add_fate(struct table *t, enum baseline_fate fate,
                     const char *state)
{
    const struct task *task = t->task;
    for (size_t i = 0; i < task->past.n; i++) {
        if (task->fates[i] == fate) {
            add_row(t, state, &task->past.items[i], NULL, NULL);
        }
    }
}

/* The order in which a reader asks. */
static const char *const state_words[] = {"new", "worse", "existing", "moved"};
enum { N_STATE_WORDS = sizeof(state_words) / sizeof(state_words[0]) };

static bool make_table(struct task *t, struct report_table *out,
                       struct err *err)
{
    size_t most = t->past.n;
    for (size_t k = 0; k < t->in.n; k++) {
        most += t->in.items[k].n;
    }
    struct table table = {.task = t};
    table.cells = arena_new(t->session->arena, struct report_cell,
                            (most + 1) * N_COLUMNS);
    if (table.cells == NULL) {
        return err_nomem(err, "table");
    }
    for (size_t i = 0; i < N_STATE_WORDS; i++) {
        add_state(&table, state_words[i]);
    }
    add_fate(&table, BASELINE_FIXED, "fixed");
    add_fate(&table, BASELINE_UNCHECKED, "unchecked");
    *out = (struct report_table){.key = "findings",
                                 .title = "findings against the baseline",
                                 .columns = columns,
                                 .n_columns = N_COLUMNS,
                                 .cells = table.cells,
                                 .n_rows = table.n};
    return !table.has_failed || err_nomem(err, "table");
}

/* "1 new, 2 existing, 1 fixed", of what there is. */
static const char *count_text(struct task *t, const struct report_table *table)
{
    static const char *const words[] = {"new",   "worse", "existing",
                                        "moved", "fixed", "unchecked"};
    struct buf b = BUF_LIMIT(256);
    for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
        size_t n = 0;
        for (size_t i = 0; i < table->n_rows; i++) {
            n += strcmp(table->cells[i * N_COLUMNS].text, words[w]) == 0;
        }
        if (n > 0) {
            buf_printf(&b, "%s%zu %s", b.len > 0 ? ", " : "", n, words[w]);
        }
    }
    const char *text = b.len == 0
                           ? "nothing found, and nothing was accepted"
                           : arena_strdup(t->session->arena, buf_view(&b));
    buf_release(&b);
    return text;
}

static bool is_comparison(const struct task *t)
{
    bool is_one = false;
    for (size_t k = 0; k < t->in.n; k++) {
        is_one |= t->in.items[k].window.is_comparison;
    }
    return is_one;
}

enum { NOTES_MAX = 4 };

static size_t find_notes(const struct task *t, const char *out[NOTES_MAX])
{
    size_t n = 0;
    if (count_which(t, is_of_other) > 0) {
        out[n++] = "unchecked: the baseline has findings of another program "
                   "than these inputs are of";
    }
    const size_t n_unknown =
        is_comparison(t) ? 0 : count_which(t, is_of_unknown);
    if (n_unknown > 0) {
        out[n++] = "unchecked: a heap dump and its entry must both say their "
                   "program (--exe)";
    }
    if (count_fate(t, BASELINE_UNCHECKED) >
        count_which(t, is_of_other) + n_unknown) {
        out[n++] = is_comparison(t)
                       ? "unchecked: a comparison does not show what both of "
                         "its sides have"
                       : "unchecked: these inputs have too little of that kind "
                         "of profile to have shown it";
    }
    if (why_unsure(t) != NULL) {
        out[n++] = why_unsure(t);
    }
    return n;
}

static bool show(struct task *t, struct err *err)
{
    struct report_table table;
    if (!make_table(t, &table, err)) {
        return false;
    }
    const char *summary = count_text(t, &table);
    if (summary == NULL) {
        return err_nomem(err, "summary");
    }
    const char *notes[NOTES_MAX];
    const struct report report = {.tool_version = SEEP_VERSION,
                                  .command = "baseline",
                                  .summary = &summary,
                                  .n_summary = 1,
                                  .notes = notes,
                                  .n_notes = find_notes(t, notes),
                                  .tables = &table,
                                  .n_tables = table.n_rows > 0};
    return outputs_write_report(&t->o->outputs, t->session, &report, err);
}

/* --- writing --- */

static bool write_baseline(const struct task *t, struct baseline *b,
                           struct err *err)
{
    struct buf text = BUF_LIMIT(WRITTEN_MAX);
    const char *path = t->o->output != NULL ? t->o->output : t->path;
    b->tool_version = SEEP_VERSION;
    const bool ok =
        baseline_write(b, &text, err) && file_write(path, buf_view(&text), err);
    buf_release(&text);
    return ok;
}

static void say(const struct task *t, const char *what, size_t n,
                const char *rest)
{
    if (!t->session->common.quiet) {
        console_say("%s %zu %s %s %s", what, n, n == 1 ? "finding" : "findings",
                    rest, t->o->output != NULL ? t->o->output : t->path);
    }
}

/* --- the verbs --- */

/* What is found again by its site keeps its first day too. */
static void keep_days(struct task *t, size_t k)
{
    for (size_t i = 0; i < t->in.items[k].n; i++) {
        const struct baseline_entry *past = t->states[k].now[i].past;
        if (past != NULL && past->first_seen_nanos != 0) {
            t->in.items[k].items[i].first_seen_nanos = past->first_seen_nanos;
        }
    }
}

/* Of the past, what the verb takes out. */
static size_t drop_past(struct task *t,
                        bool (*is_dropped)(const struct task *t, size_t i))
{
    size_t n = 0;
    for (size_t i = 0; i < t->past.n; i++) {
        if (!is_dropped(t, i)) {
            t->past.items[n++] = t->past.items[i];
        }
    }
    const size_t n_dropped = t->past.n - n;
    t->past.n = n;
    return n_dropped;
}

static bool is_fixed(const struct task *t, size_t i)
{
    return t->fates[i] == BASELINE_FIXED;
}

static int status_of(const struct task *t, const char *what)
{
    const char *why = why_unsure(t);
    if (why != NULL && what != NULL) {
        console_say("%s: %s", what, why);
    }
    return why != NULL ? STATUS_UNSURE : STATUS_OK;
}

/* What a baseline that is saved again accepts beyond the one before. */
struct changes {
    size_t n_kept, n_raised, n_dropped;
    struct baseline_entry past, now; /* of the first that is raised */
};

/* The highest level at which one of the past is there now; NULL: nowhere. */
static const struct baseline_entry *
highest_now(const struct task *t, const struct baseline_entry *past)
{
    const struct baseline_entry *out = NULL;
    for (size_t k = 0; k < t->in.n; k++) {
        for (size_t i = 0; i < t->in.items[k].n; i++) {
            const struct baseline_entry *now = &t->in.items[k].items[i];
            if (t->states[k].now[i].past == past && !now->is_aside &&
                !now->is_fixed && (out == NULL || now->level > out->level)) {
                out = now;
            }
        }
    }
    return out;
}

/* Saved again, or gone, or no longer what is accepted here. Inputs that could
   not decide take nothing out. */
static bool is_replaced(const struct task *t, size_t i)
{
    return highest_now(t, &t->past.items[i]) != NULL ||
           (t->fates[i] != BASELINE_UNCHECKED && why_unsure(t) == NULL);
}

static struct changes find_changes(const struct task *t)
{
    struct changes c = {.n_kept = 0};
    for (size_t i = 0; i < t->past.n; i++) {
        const struct baseline_entry *past = &t->past.items[i];
        const struct baseline_entry *now = highest_now(t, past);
        c.n_dropped += now == NULL && is_replaced(t, i);
        c.n_kept += now != NULL;
        if (now != NULL && now->level > past->level) {
            c.past = c.n_raised == 0 ? *past : c.past;
            c.now = c.n_raised == 0 ? *now : c.now;
            c.n_raised++;
        }
    }
    return c;
}

/* "1 raised (main.f: 315 -> 1,203), 0 new, 1 dropped": what nobody should
   accept unseen. */
static void say_changes(struct task *t, const struct changes *c, size_t n_found)
{
    struct table words = {.task = t};
    const size_t n_new = n_found > c->n_kept ? n_found - c->n_kept : 0;
    if (t->session->common.quiet || !t->has_past ||
        c->n_raised + n_new + c->n_dropped == 0) {
        return;
    }
    if (c->n_raised == 0) {
        console_say("against the one before: 0 raised, %zu new, %zu dropped",
                    n_new, c->n_dropped);
        return;
    }
    const char *before = level_text(&words, &c->past);
    const char *after = level_text(&words, &c->now);
    console_say("against the one before: %zu raised (%.160s: %s -> %s%s), %zu "
                "new, %zu dropped",
                c->n_raised,
                *c->now.function != '\0' ? c->now.function : c->now.headline,
                before != NULL ? before : "", after != NULL ? after : "",
                c->n_raised > 1 ? ", ..." : "", n_new, c->n_dropped);
}

/* What these inputs could not show stays accepted. */
static int run_save(struct task *t, struct err *err)
{
    struct baseline all = {.n = 0};
    bool ok = true;
    for (size_t k = 0; ok && k < t->in.n; k++) {
        keep_days(t, k);
        ok = baseline_merge(&all, &t->in.items[k], err);
    }
    const size_t n_found = all.n;
    const struct changes changes = find_changes(t);
    (void)drop_past(t, is_replaced);
    ok = ok && baseline_merge(&all, &t->past, err) &&
         write_baseline(t, &all, err);
    if (ok) {
        say(t, "accepted", n_found, "in");
        say_changes(t, &changes, n_found);
    }
    if (ok && all.n > n_found) {
        say(t, "kept", all.n - n_found, "that these inputs could not show, in");
    }
    baseline_release(&all);
    return ok ? status_of(t, "what was not found stays")
              : console_fail(NULL, err);
}

static int run_prune(struct task *t, struct err *err)
{
    if (t->past.n > 0 && count_which(t, is_of_other) == t->past.n) {
        err_set(err, ERR_USAGE,
                "baseline prune: the baseline is of %.80s, these inputs are of "
                "%.80s",
                t->past.items[0].program, t->in.items[0].window.program);
        return console_fail(NULL, err);
    }
    if (!show(t, err)) {
        return console_fail(NULL, err);
    }
    if (why_unsure(t) != NULL) {
        return status_of(t, "took nothing out");
    }
    const size_t n_fixed = drop_past(t, is_fixed);
    if (!write_baseline(t, &t->past, err)) {
        return console_fail(NULL, err);
    }
    say(t, "took", n_fixed, "out of");
    return STATUS_OK;
}

static bool has_counting(const struct task *t)
{
    const enum grade least = verdict_grade((enum fail_on)t->o->fail_on);
    for (size_t k = 0; k < t->in.n; k++) {
        for (size_t i = 0; i < t->in.items[k].n; i++) {
            const struct baseline_state *s = &t->states[k].now[i];
            const struct baseline_entry *now = &t->in.items[k].items[i];
            if ((s->past == NULL || s->is_worse) && !now->is_aside &&
                !now->is_fixed && now->grade >= least) {
                return true;
            }
        }
    }
    return false;
}

/* Accepted, there, and nobody can say whether it grew. */
static bool has_incomparable(const struct task *t)
{
    for (size_t k = 0; k < t->in.n; k++) {
        for (size_t i = 0; i < t->in.items[k].n; i++) {
            if (t->states[k].now[i].is_incomparable &&
                !t->in.items[k].items[i].is_aside) {
                return true;
            }
        }
    }
    return false;
}

static int run_check(struct task *t, struct err *err)
{
    if (!show(t, err)) {
        return console_fail(NULL, err);
    }
    if (has_counting(t)) {
        return STATUS_FOUND;
    }
    return count_which(t, is_blind) > 0 || has_incomparable(t)
               ? STATUS_UNSURE
               : status_of(t, NULL);
}

static const struct verb {
    const char *name, *what;
    bool needs_past, writes;
    int (*run)(struct task *t, struct err *err);
} verbs[] = {
    {"save",  "accept these findings for now",         false, true,  run_save },
    {"check", "what is new, worse, existing or fixed", true,  false, run_check},
    {"prune", "take out what is fixed",                true,  true,  run_prune},
};
enum { N_VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static const struct verb *find_verb(const struct words *args, struct err *err)
{
    const char *names[N_VERBS];
    for (size_t i = 0; i < N_VERBS; i++) {
        names[i] = verbs[i].name;
        if (args->n > 0 && strcmp(args->items[0], names[i]) == 0) {
            return &verbs[i];
        }
    }
    const char *nearest =
        args->n > 0 ? words_nearest(args->items[0], names, N_VERBS) : NULL;
    if (nearest != NULL) {
        err_set(err, ERR_USAGE, "baseline: no '%.60s'; did you mean %s?",
                args->items[0], nearest);
    } else {
        err_set(err, ERR_USAGE,
                "baseline: say save, check or prune; seep baseline --help "
                "shows how");
    }
    return NULL;
}

/* --- the command --- */

/* For save, the file whose days are kept is the one that is written. */
static bool read_past(struct task *t, const struct verb *verb, struct err *err)
{
    const char *path =
        verb->needs_past || t->o->output == NULL ? t->path : t->o->output;
    t->has_past = true;
    if (!baseline_load(path, &t->past, verb->needs_past ? NULL : &t->has_past,
                       err)) {
        return false;
    }
    return !t->past.is_document ||
           err_set(err, ERR_USAGE, "%.160s is a findings document, no baseline",
                   path);
}

/* The baseline, from the same places as `seep leaks` has it. */
static bool find_past(struct task *t, struct err *err)
{
    t->settings = (struct review_settings){.baseline = t->o->baseline,
                                           .no_baseline = true};
    if (!review_load(&t->settings, t->session, &t->review, err)) {
        return false;
    }
    t->path = review_baseline_path(t->review);
    t->path = t->path != NULL ? t->path : default_path;
    return true;
}

static bool check_output(const struct task *t, const struct verb *verb,
                         const struct words *args, struct err *err)
{
    const bool is_asked = t->o->output != NULL;
    const char *path = is_asked ? t->o->output : t->path;
    if (!verb->writes && !is_asked) {
        return true;
    }
    if (!verb->writes && file_is_same(t->path, path)) {
        return err_set(err, ERR_USAGE, "--output: %.160s is the baseline",
                       path);
    }
    for (size_t i = 1; i < args->n; i++) {
        if (file_is_same(args->items[i], path)) {
            return err_set(err, ERR_USAGE, "%s: %.160s is an input",
                           is_asked ? "--output" : "--baseline", path);
        }
    }
    return true;
}

static bool prepare(struct task *t, const struct verb *verb,
                    const struct words *args, struct err *err)
{
    if (args->n < 2) {
        return err_set(err, ERR_USAGE,
                       "baseline %s: name findings documents (--format json) "
                       "or snapshots",
                       verb->name);
    }
    if (!outputs_check_report(&t->o->outputs, err) ||
        !outputs_check_tables(&t->o->outputs, err) || !find_past(t, err) ||
        !check_output(t, verb, args, err) || !read_past(t, verb, err)) {
        return false;
    }
    if (t->has_past) {
        review_lend_baseline(t->review, &t->past);
    }
    const struct baseline_how how = {
        .skip_bad = t->o->skip_bad,
        .module = t->o->module != NULL ? t->o->module
                                       : review_config(t->review)->module,
        .review = t->review};
    return baseline_inputs_read(t->session, &how, args->items + 1, args->n - 1,
                                &t->in, err) &&
           compare(t, err);
}

static void task_release(struct task *t)
{
    for (size_t k = 0; t->states != NULL && k < t->in.n; k++) {
        baseline_states_release(&t->states[k]);
    }
    free(t->states);
    free(t->fates);
    baseline_inputs_release(&t->in);
    baseline_release(&t->past);
    review_free(t->review);
}

/* What only looks has no baseline to write: -o is for its table. */
static bool place_table(struct baseline_options *o, const struct verb *verb,
                        struct session *session, struct err *err)
{
    return verb->writes || o->output == NULL ||
           output_apply_file(&o->outputs, o->output, session->arena, err);
}

static int baseline_run(struct session *session, void *options,
                        const struct words *args)
{
    struct baseline_options *o = options;
    struct err err = {0};
    struct task task = {.session = session, .o = o};
    const struct verb *verb = find_verb(args, &err);
    const int status = verb != NULL && place_table(o, verb, session, &err) &&
                               prepare(&task, verb, args, &err)
                           ? verb->run(&task, &err)
                           : console_fail(NULL, &err);
    task_release(&task);
    return status;
}

static bool offer_verbs(size_t i, struct option_offer *out)
{
    if (i >= N_VERBS) {
        return false;
    }
    *out = (struct option_offer){verbs[i].name, verbs[i].what};
    return true;
}

const struct cmd cmd_baseline = {
    .name = "baseline",
    .summary = "accept findings for now; say what is new, worse, fixed",
    .usage = "save|check|prune FINDINGS.json...|SNAPSHOT...|DIR",
    .about = "A baseline is a file for the repository that says which findings "
             "are known, at which level and since when. With it, seep leaks "
             "and seep diff tell new from existing ones, and with --only-new "
             "fail only for what is new or worse. save writes it, check "
             "compares with it, prune takes out what is fixed: what these "
             "inputs, which could have shown it, do not.",
    .options = rows,
    .n_options = sizeof(rows) / sizeof(rows[0]),
    .options_bytes = sizeof(struct baseline_options),
    .examples = examples,
    .n_examples = sizeof(examples) / sizeof(examples[0]),
    .arguments = {.words = offer_verbs, .files_from = 2},
    .defaults = baseline_defaults,
    .run = baseline_run,
};
