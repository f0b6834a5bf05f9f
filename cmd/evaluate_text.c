/* The report of an evaluation as tables for people. */
#include "evaluation.h"

#include "base/num.h"
#include "series/series.h"

#include <string.h>

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s != NULL ? s : "";
}

static bool is_labelled(const json_t *scenario, const char *label)
{
    return strcmp(text(scenario, "label"), label) == 0;
}

/* After all snapshots: lengths are longest first. */
static const json_t *longest(const json_t *scenario)
{
    return json_array_get(json_object_get(scenario, "lengths"), 0);
}

/* --- tables --- */

static double caught_after(const json_t *scenario, size_t k)
{
    const json_t *all = json_object_get(scenario, "lengths");

    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *one = json_array_get(all, i);

        if ((size_t)evaluation_number(one, "snapshots") == k) {
            return evaluation_number(one, "caught");
        }
    }
    return 0;
}

static void write_leak(const json_t *s, struct buf *out)
{
    const json_t *at = longest(s);
    const json_t *c = json_object_get(s, "coverage");
    const double grown = evaluation_number(at, "grown_goroutines");
    const json_t *first = json_object_get(s, "first_caught");

    buf_printf(out, "%-24s %5.0f %4.0f %7.0f %6.0f %6.0f", text(s, "scenario"),
               evaluation_number(at, "caught"), caught_after(s, PREFIX_SHORT),
               evaluation_number(at, "noticed"),
               evaluation_number(at, "missed"),
               evaluation_number(at, "alarms"));
    if (json_is_integer(first)) {
        buf_printf(out, " %5.0f", json_number_value(first));
    } else {
        buf_printf(out, " %5s", "-");
    }
    if (evaluation_number(c, "intervals") > 0) {
        buf_printf(out, " %4.0f/%-3.0f", evaluation_number(c, "hold_expected"),
                   evaluation_number(c, "intervals"));
    } else {
        buf_printf(out, " %4s    ", "-");
    }
    buf_printf(out, " %4.0f%s%s\n",
               grown > 0 ? grown : evaluation_number(at, "grown_sampled"),
               grown > 0 ? "g" : "s",
               json_is_true(json_object_get(at, "above_limit")) ? "" : "*");
}

static void write_control(const json_t *s, struct buf *out)
{
    const json_t *at = longest(s);

    buf_printf(
        out, "%-24s %5.0f %7.0f %4.0f %9.0f %8.0f %5.0f\n", text(s, "scenario"),
        evaluation_number(s, "runs"), evaluation_number(at, "alarmed_runs"),
        evaluation_number(s, "alarmed_once"),
        evaluation_number(at, "suspected_runs"),
        evaluation_number(at, "findings"), evaluation_number(at, "rows"));
}

static const struct table {
    const char *label, *title;
    void (*row)(const json_t *scenario, struct buf *out);
} tables[] = {
    {"leak",
     "Leaks                   caught at 8 noticed missed alarms first  covers  "
     "growth",                                                               write_leak   },
    {"healthy",
     "Controls                  runs alarmed once suspected findings  rows", write_control},
    {"undecidable",
     "Undecidable               runs alarmed once suspected findings  rows", write_control},
};

static void write_table(const struct table *t, const json_t *scenarios,
                        struct buf *out)
{
    bool has_title = false;

    for (size_t i = 0; i < json_array_size(scenarios); i++) {
        const json_t *s = json_array_get(scenarios, i);

        if (!is_labelled(s, t->label)) {
            continue;
        }
        if (!has_title) {
            buf_printf(out, "%s\n", t->title);
            has_title = true;
        }
        t->row(s, out);
    }
    if (has_title) {
        buf_char(out, '\n');
    }
}

/* --- totals --- */

/* The most that such a count is compatible with, at 95 % confidence. */
static void write_bound(struct buf *out, double part, double whole)
{
    if (whole > 0) {
        buf_printf(out, "  %-12s %6.1f %%  at most, with 95 %% confidence\n",
                   "", 100 * stat_share_upper(part, whole, 0.95));
    }
}

static void write_share(struct buf *out, const char *name, double part,
                        double whole, const char *what)
{
    if (whole > 0) {
        buf_printf(out, "  %-12s %6.1f %%  %.0f of %.0f %s\n", name,
                   100 * part / whole, part, whole, what);
    }
}

static void write_total(const json_t *t, struct buf *out)
{
    const double caught = evaluation_number(t, "caught") +
                          evaluation_number(t, "below_limit_caught");

    buf_printf(out, "After %.0f snapshots, by what is proven or strong:\n",
               evaluation_number(t, "snapshots"));
    write_share(out, "recall", evaluation_number(t, "caught"),
                evaluation_number(t, "leak_runs"), "leaks above the limit");
    write_share(out, "precision", caught,
                caught + evaluation_number(t, "alarms"), "alarms are leaks");
    write_share(out, "null alarms", evaluation_number(t, "nulls_alarmed"),
                evaluation_number(t, "null_runs"), "runs of a service at rest");
    write_bound(out, evaluation_number(t, "nulls_alarmed"),
                evaluation_number(t, "null_runs"));
    write_share(out, "alarms", evaluation_number(t, "controls_alarmed"),
                evaluation_number(t, "control_runs"), "runs of controls");
    write_bound(out, evaluation_number(t, "controls_alarmed"),
                evaluation_number(t, "control_runs"));
    write_share(out, "suspects", evaluation_number(t, "controls_suspected"),
                evaluation_number(t, "control_runs"), "runs of controls");
    write_share(out, "below limit", evaluation_number(t, "below_limit_caught"),
                evaluation_number(t, "below_limit_runs"),
                "leaks below it caught");
    write_share(out, "undecidable", evaluation_number(t, "undecidable_alarmed"),
                evaluation_number(t, "undecidable_runs"), "runs alarmed");
    buf_char(out, '\n');
}

static void write_coverage(const json_t *c, struct buf *out)
{
    const double n = evaluation_number(c, "intervals");

    if (n <= 0) {
        return;
    }
    buf_str(out, "95 % intervals of growth, where growth is linear:\n");
    write_share(out, "cover", evaluation_number(c, "hold_expected"), n,
                "hold the rate that is expected");
    write_share(out, "cover", evaluation_number(c, "hold_realised"), n,
                "hold what grew in this window");
    buf_char(out, '\n');
}

static void write_confusion(const json_t *confusion, struct buf *out)
{
    static const char *const labels[] = {"leak", "healthy", "undecidable"};
    static const char *const columns[] = {
        "proven", "strong", "suspect", "growth", "info", "none", "error"};
    enum {
        N_LABELS = sizeof(labels) / sizeof(labels[0]),
        N_COLUMNS = sizeof(columns) / sizeof(columns[0])
    };

    buf_printf(out, "%-14s", "Highest grade");
    for (size_t k = 0; k < N_COLUMNS; k++) {
        buf_printf(out, " %7s", columns[k]);
    }
    buf_char(out, '\n');
    for (size_t i = 0; i < N_LABELS; i++) {
        const json_t *row = json_object_get(confusion, labels[i]);

        if (json_object_size(row) == 0) {
            continue;
        }
        buf_printf(out, "  %-12s", labels[i]);
        for (size_t k = 0; k < N_COLUMNS; k++) {
            buf_printf(out, " %7.0f", evaluation_number(row, columns[k]));
        }
        buf_char(out, '\n');
    }
    buf_char(out, '\n');
}

/* --- what was wrong --- */

static void write_alarms(const json_t *scenarios, struct buf *out)
{
    bool has_title = false;

    for (size_t i = 0; i < json_array_size(scenarios); i++) {
        const json_t *s = json_array_get(scenarios, i);
        json_t *alarms = json_object_get(s, "alarms");
        const char *what;
        json_t *n;

        json_object_foreach(alarms, what, n)
        {
            buf_printf(out, "%s%-24s %5.0f  %s\n",
                       has_title ? "" : "False alarms (findings)\n",
                       text(s, "scenario"), json_number_value(n), what);
            has_title = true;
        }
    }
    if (has_title) {
        buf_char(out, '\n');
    }
}

static void write_errors(const json_t *scenarios, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(scenarios); i++) {
        const json_t *s = json_array_get(scenarios, i);
        const json_t *errors = json_object_get(s, "errors");

        if (json_array_size(errors) > 0) {
            buf_printf(out, "Errors: %s, %zu runs: %s\n", text(s, "scenario"),
                       json_array_size(errors),
                       json_string_value(json_array_get(errors, 0)));
        }
    }
}

static void write_setting(const json_t *report, const json_t *setting,
                          struct buf *out)
{
    const json_t *scenarios = json_object_get(setting, "scenarios");
    const json_t *totals = json_object_get(setting, "totals");

    buf_printf(out, "%s: %.0f snapshots every %g s, %.0f seeds, rate ",
               text(setting, "setting"),
               evaluation_number(setting, "snapshots"),
               evaluation_number(report, "interval_s"),
               evaluation_number(report, "seeds"));
    num_bytes(out, evaluation_number(setting, "rate_bytes"));
    buf_printf(out, ", background %.0f, Go %s\n\n",
               evaluation_number(setting, "background"), text(report, "go"));
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        write_table(&tables[i], scenarios, out);
    }
    write_alarms(scenarios, out);
    write_confusion(json_object_get(setting, "confusion"), out);
    write_coverage(json_object_get(setting, "coverage"), out);
    for (size_t i = 0; i < json_array_size(totals); i++) {
        write_total(json_array_get(totals, i), out);
    }
    write_errors(scenarios, out);
}

void evaluation_write_text(const json_t *report, struct buf *out)
{
    const json_t *limit = json_object_get(report, "limit");
    const json_t *settings = json_object_get(report, "settings");

    for (size_t i = 0; i < json_array_size(settings); i++) {
        write_setting(report, json_array_get(settings, i), out);
    }
    buf_printf(
        out,
        "caught: a proven or strong finding at a culprit, after all snapshots "
        "and after\n%d; first: snapshots until then, median; once: after any "
        "number of snapshots;\ncovers: intervals that hold the rate; growth: g "
        "goroutines, s sampled objects;\n*: below the limit of %.0f sampled "
        "objects or %.0f goroutines, in the mean.\n",
        PREFIX_SHORT, evaluation_number(limit, "sampled_objects"),
        evaluation_number(limit, "goroutines"));
}
