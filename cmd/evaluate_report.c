/*
 * From results to figures. Precision and recall count what is proven or
 * strong. Recall is over leaks that the window could show: on average over
 * the seeds at least 16 sampled objects or 20 goroutines grew from the first
 * to the last snapshot. Controls that no method can tell are counted apart.
 */
#include "evaluation.h"

#include <stdlib.h>
#include <string.h>

static const double limit_sampled = 16, limit_goroutines = 20;

/* Is this prefix summed, where the series has `n` snapshots? */
static bool is_summed(size_t k, size_t n)
{
    return k == n || k == PREFIX_LONG || k == PREFIX_SHORT || k == PREFIX_MIN;
}

/* The seeds of one scenario in one setting. */
struct group {
    const struct sim_scenario *scenario;
    const struct evaluation_setting *setting;
    json_t *const *runs;
    size_t n;
};

static const json_t *prefix_of(const json_t *run, size_t k)
{
    const json_t *all = json_object_get(run, "prefixes");

    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *one = json_array_get(all, i);

        if ((size_t)evaluation_number(one, "k") == k) {
            return one;
        }
    }
    return NULL;
}

/* A leak that nobody can see is a leak still; it is below the limit. */
static const char *label_of(const struct sim_scenario *s)
{
    if (s->label == SIM_LEAK) {
        return "leak";
    }
    return s->undecidable != NULL ? "undecidable" : "healthy";
}

/* --- one scenario after k snapshots --- */

struct sums {
    size_t n_caught, n_noticed, n_alarms, n_alarmed, n_suspects, n_suspected;
    size_t n_findings;
    double n_rows, sampled, goroutines;
};

static void add_prefix(struct sums *s, const json_t *prefix)
{
    const size_t n_alarms = json_array_size(json_object_get(prefix, "alarms"));
    const size_t n_suspects =
        json_array_size(json_object_get(prefix, "suspects"));
    const bool is_caught = json_is_true(json_object_get(prefix, "caught"));

    s->n_caught += is_caught;
    s->n_noticed +=
        !is_caught && json_is_true(json_object_get(prefix, "noticed"));
    s->n_alarms += n_alarms;
    s->n_alarmed += n_alarms > 0;
    s->n_suspects += n_suspects;
    s->n_suspected += n_suspects > 0;
    s->n_findings += (size_t)evaluation_number(prefix, "findings");
    s->n_rows += evaluation_number(prefix, "rows");
    s->sampled += evaluation_number(prefix, "grown_sampled");
    s->goroutines += evaluation_number(prefix, "grown_goroutines");
}

static json_t *length_report(const struct group *g, size_t k)
{
    struct sums s = {0};
    size_t n = 0;

    for (size_t i = 0; i < g->n; i++) {
        const json_t *prefix = prefix_of(g->runs[i], k);

        if (prefix != NULL) {
            add_prefix(&s, prefix);
            n++;
        }
    }

    const double runs = n > 0 ? (double)n : 1;
    const bool is_leak = g->scenario->label == SIM_LEAK;

    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, "
        "s:b}",
        "snapshots", (json_int_t)k, "runs", (json_int_t)n, "caught",
        (json_int_t)s.n_caught, "noticed", (json_int_t)s.n_noticed, "missed",
        (json_int_t)(is_leak ? n - s.n_caught - s.n_noticed : 0), "alarms",
        (json_int_t)s.n_alarms, "alarmed_runs", (json_int_t)s.n_alarmed,
        "suspects", (json_int_t)s.n_suspects, "suspected_runs",
        (json_int_t)s.n_suspected, "findings", (json_int_t)s.n_findings, "rows",
        s.n_rows / runs, "grown_sampled", s.sampled / runs, "grown_goroutines",
        s.goroutines / runs, "above_limit",
        is_leak && (s.sampled / runs >= limit_sampled ||
                    s.goroutines / runs >= limit_goroutines));
}

/* --- one scenario --- */

static int by_size(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

/* Snapshots until a strong finding, for half of the seeds; null when more
   than half were not caught. */
static json_t *median_first(const struct group *g)
{
    size_t *first = calloc(g->n + 1, sizeof(size_t));
    size_t n = 0;

    if (first == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < g->n; i++) {
        const json_t *k = json_object_get(g->runs[i], "first_caught");

        first[n++] =
            json_is_integer(k) ? (size_t)json_integer_value(k) : SIZE_MAX;
    }
    qsort(first, n, sizeof(size_t), by_size);

    const size_t middle = n > 0 ? first[(n - 1) / 2] : SIZE_MAX;

    free(first);
    return middle == SIZE_MAX ? json_null() : json_integer((json_int_t)middle);
}

struct coverage {
    size_t n, n_expected, n_realised, n_curved;
};

static void add_interval(struct coverage *c, const json_t *interval)
{
    const double low = evaluation_number(interval, "low"),
                 high = evaluation_number(interval, "high");
    const double expected = evaluation_number(interval, "expected");
    const double realised = evaluation_number(interval, "realised");

    if (!json_is_true(json_object_get(interval, "linear"))) {
        c->n_curved++;
        return;
    }
    c->n++;
    c->n_expected += low <= expected && expected <= high;
    c->n_realised += low <= realised && realised <= high;
}

static void add_coverage(struct coverage *c, const struct group *g)
{
    for (size_t i = 0; i < g->n; i++) {
        const json_t *all = json_object_get(g->runs[i], "intervals");

        for (size_t k = 0; k < json_array_size(all); k++) {
            add_interval(c, json_array_get(all, k));
        }
    }
}

static json_t *coverage_report(const struct coverage *c)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "intervals", (json_int_t)c->n,
                     "hold_expected", (json_int_t)c->n_expected,
                     "hold_realised", (json_int_t)c->n_realised, "not_linear",
                     (json_int_t)c->n_curved);
}

/* Runs with an alarm after any number of snapshots that was judged: what one
   sees who asks again and again. */
static size_t alarmed_once(const struct group *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n; i++) {
        const json_t *all = json_object_get(g->runs[i], "prefixes");
        bool is_alarmed = false;

        for (size_t k = 0; k < json_array_size(all); k++) {
            is_alarmed |= json_array_size(json_object_get(
                              json_array_get(all, k), "alarms")) > 0;
        }
        n += is_alarmed;
    }
    return n;
}

static bool has_error(const json_t *run)
{
    return json_is_string(json_object_get(run, "error"));
}

static json_t *errors_of(const struct group *g)
{
    json_t *errors = json_array();

    for (size_t i = 0; i < g->n; i++) {
        if (has_error(g->runs[i])) {
            (void)json_array_append(errors,
                                    json_object_get(g->runs[i], "error"));
        }
    }
    return errors;
}

/* Without --full, short prefixes are judged until it is caught only. */
static bool all_judged(const struct group *g, size_t k)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n; i++) {
        if (has_error(g->runs[i])) {
            continue;
        }
        if (prefix_of(g->runs[i], k) == NULL) {
            return false;
        }
        n++;
    }
    return n > 0;
}

static json_t *lengths_report(const struct group *g)
{
    json_t *all = json_array();

    const size_t whole = g->setting->model.n_snapshots;
    for (size_t k = whole; k >= PREFIX_MIN; k--) {
        if (is_summed(k, whole) && all_judged(g, k)) {
            (void)json_array_append_new(all, length_report(g, k));
        }
    }
    return all;
}

static json_t *scenario_report(const struct group *g)
{
    struct coverage c = {0};

    add_coverage(&c, g);
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o}",
                     "scenario", g->scenario->name, "number",
                     g->scenario->number, "label", label_of(g->scenario),
                     "runs", (json_int_t)g->n, "alarmed_once",
                     (json_int_t)alarmed_once(g), "first_caught",
                     median_first(g), "lengths", lengths_report(g), "coverage",
                     coverage_report(&c), "errors", errors_of(g));
}

/* --- one setting --- */

static const json_t *length_of(const json_t *scenario, size_t k)
{
    const json_t *all = json_object_get(scenario, "lengths");

    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *one = json_array_get(all, i);

        if ((size_t)evaluation_number(one, "snapshots") == k) {
            return one;
        }
    }
    return NULL;
}

static bool has_label(const json_t *scenario, const char *label)
{
    return strcmp(json_string_value(json_object_get(scenario, "label")),
                  label) == 0;
}

/* The pure null: nothing in it but a service at rest. */
static bool is_null(const json_t *scenario)
{
    return strcmp(json_string_value(json_object_get(scenario, "number")),
                  "C0") == 0;
}

struct totals {
    double leaks, caught, noticed, below, below_caught, alarms;
    double controls, alarmed, suspected, nulls, null_alarmed;
    double undecidable, undecidable_alarmed;
};

static void add_scenario(struct totals *t, const json_t *scenario, size_t k)
{
    const json_t *at = length_of(scenario, k);
    const double runs = evaluation_number(at, "runs"),
                 alarmed = evaluation_number(at, "alarmed_runs");

    if (at == NULL) {
        return;
    }
    if (has_label(scenario, "undecidable")) {
        t->undecidable += runs;
        t->undecidable_alarmed += alarmed;
        return;
    }
    t->alarms += evaluation_number(at, "alarms");
    if (has_label(scenario, "healthy")) {
        t->controls += runs;
        t->alarmed += alarmed;
        t->suspected += evaluation_number(at, "suspected_runs");
        t->nulls += is_null(scenario) ? runs : 0;
        t->null_alarmed += is_null(scenario) ? alarmed : 0;
    } else if (json_is_true(json_object_get(at, "above_limit"))) {
        t->leaks += runs;
        t->caught += evaluation_number(at, "caught");
        t->noticed += evaluation_number(at, "noticed");
    } else {
        t->below += runs;
        t->below_caught += evaluation_number(at, "caught");
    }
}

static json_t *share(double part, double whole)
{
    return whole > 0 ? json_real(part / whole) : json_null();
}

static json_t *total_report(const json_t *scenarios, size_t k)
{
    struct totals t = {0};

    for (size_t i = 0; i < json_array_size(scenarios); i++) {
        add_scenario(&t, json_array_get(scenarios, i), k);
    }

    const double caught = t.caught + t.below_caught;

    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:I, s:I, "
        "s:I, s:I, s:I}",
        "snapshots", (json_int_t)k, "leak_runs", (json_int_t)t.leaks, "caught",
        (json_int_t)t.caught, "noticed", (json_int_t)t.noticed,
        "below_limit_runs", (json_int_t)t.below, "below_limit_caught",
        (json_int_t)t.below_caught, "alarms", (json_int_t)t.alarms, "recall",
        share(t.caught, t.leaks), "precision", share(caught, caught + t.alarms),
        "control_runs", (json_int_t)t.controls, "controls_alarmed",
        (json_int_t)t.alarmed, "controls_suspected", (json_int_t)t.suspected,
        "null_runs", (json_int_t)t.nulls, "nulls_alarmed",
        (json_int_t)t.null_alarmed, "undecidable_runs",
        (json_int_t)t.undecidable, "undecidable_alarmed",
        (json_int_t)t.undecidable_alarmed);
}

/* For every length that all scenarios have, the longest first. */
static json_t *totals_report(const json_t *scenarios)
{
    json_t *all = json_array();

    for (size_t k = PREFIXES_MAX; k >= PREFIX_MIN; k--) {
        size_t n = 0;

        for (size_t i = 0; i < json_array_size(scenarios); i++) {
            n += length_of(json_array_get(scenarios, i), k) != NULL;
        }
        if (n > 0 && n == json_array_size(scenarios)) {
            (void)json_array_append_new(all, total_report(scenarios, k));
        }
    }
    return all;
}

static void add_one(json_t *counts, const char *name)
{
    const json_int_t n = json_integer_value(json_object_get(counts, name));

    (void)json_object_set_new(counts, name, json_integer(n + 1));
}

/* The highest grade of each run: of a leak, among the findings that are
   right. */
static void add_confusion(json_t *confusion, const struct group *g)
{
    json_t *row = json_object_get(confusion, label_of(g->scenario));

    for (size_t i = 0; i < g->n; i++) {
        const json_t *last =
            prefix_of(g->runs[i], g->setting->model.n_snapshots);
        const char *best = json_string_value(json_object_get(last, "best"));

        add_one(row, best != NULL ? best : "error");
    }
}

/* What was wrong after all snapshots, with the number of runs. */
static json_t *alarms_of(const struct group *g, const char *kind)
{
    json_t *counts = json_object();

    for (size_t i = 0; i < g->n; i++) {
        const json_t *last =
            prefix_of(g->runs[i], g->setting->model.n_snapshots);
        const json_t *texts = json_object_get(last, kind);

        for (size_t k = 0; k < json_array_size(texts); k++) {
            add_one(counts, json_string_value(json_array_get(texts, k)));
        }
    }
    return counts;
}

static json_t *setting_report(const struct evaluation_tasks *tasks,
                              json_t *const *results, size_t first, size_t n,
                              size_t n_seeds)
{
    const struct evaluation_setting *s = tasks->items[first].setting;
    json_t *scenarios = json_array();
    json_t *confusion =
        json_pack("{s:{}, s:{}, s:{}}", "leak", "healthy", "undecidable");
    struct coverage coverage = {0};

    for (size_t i = first; i < first + n; i += n_seeds) {
        const struct group g = {tasks->items[i].scenario, s, results + i,
                                n_seeds};
        json_t *one = scenario_report(&g);

        add_coverage(&coverage, &g);
        add_confusion(confusion, &g);
        (void)json_object_set_new(one, "alarms", alarms_of(&g, "alarms"));
        (void)json_object_set_new(one, "suspects", alarms_of(&g, "suspects"));
        (void)json_array_append_new(scenarios, one);
    }
    return json_pack("{s:s, s:i, s:I, s:i, s:o, s:o, s:o, s:o}", "setting",
                     s->name, "snapshots", (int)s->model.n_snapshots,
                     "rate_bytes", (json_int_t)s->model.rate_bytes,
                     "background", (int)s->model.n_background, "totals",
                     totals_report(scenarios), "confusion", confusion,
                     "coverage", coverage_report(&coverage), "scenarios",
                     scenarios);
}

json_t *evaluation_report(const struct evaluate_options *o,
                          const struct evaluation_tasks *tasks,
                          json_t *const *results)
{
    json_t *settings = json_array();
    size_t first = 0;

    while (first < tasks->n) {
        size_t n = 0;

        while (first + n < tasks->n &&
               tasks->items[first + n].setting == tasks->items[first].setting) {
            n++;
        }
        (void)json_array_append_new(
            settings, setting_report(tasks, results, first, n, o->n_seeds));
        first += n;
    }
    return json_pack(
        "{s:s, s:s, s:i, s:f, s:s, s:{s:f, s:f}, s:o}", "schema",
        "seep/evaluation/1", "version", SEEP_VERSION, "seeds", (int)o->n_seeds,
        "interval_s", (double)o->model.interval_ns / (double)SIM_SECOND, "go",
        sim_go_text(o->model.go), "limit", "sampled_objects", limit_sampled,
        "goroutines", limit_goroutines, "settings", settings);
}
