/*
 * The matrix of an evaluation: which scenarios, seeds and settings. --full
 * varies one thing at a time around the base, since a product of all would
 * run for days and say no more.
 */
#include "evaluation.h"

#include "console.h"
#include "sim_modes.h"

#include <stdlib.h>
#include <string.h>

enum { SETTINGS_MAX = 8 };

/* What --full adds: a zero is as in the base. */
struct variation {
    const char *name;
    unsigned n_snapshots;
    int64_t rate_bytes;
    int n_background; /* -1: as in the base */
};
static const struct variation variations[] = {
    {"24 snapshots",            24, 0,       -1  },
    {"rate 64KiB",              0,  65536,   -1  },
    {"rate 2MiB",               0,  2097152, -1  },
    {"no background",           0,  0,       0   },
    {"5,000 background stacks", 0,  0,       5000},
};

static size_t make_settings(const struct evaluate_options *o,
                            struct evaluation_setting *settings)
{
    const size_t n_more =
        o->is_full ? sizeof(variations) / sizeof(variations[0]) : 0;
    const struct evaluation_setting base = {"base", o->model, o->collects};

    settings[0] = base;
    for (size_t i = 0; i < n_more; i++) {
        const struct variation *v = &variations[i];
        struct evaluation_setting *s = &settings[i + 1];

        *s = base;
        s->name = v->name;
        if (v->n_snapshots > 0) {
            s->model.n_snapshots = v->n_snapshots;
        }
        if (v->rate_bytes > 0) {
            s->model.rate_bytes = v->rate_bytes;
        }
        if (v->n_background >= 0) {
            s->model.n_background = (unsigned)v->n_background;
        }
    }
    return n_more + 1;
}

static bool find_scenarios(const struct evaluate_options *o,
                           const struct sim_scenario **out, struct err *err)
{
    for (size_t i = 0; i < o->names.n; i++) {
        if (!sim_cmd_scenario(o->names.items[i], &out[i], err)) {
            return false;
        }
    }
    return true;
}

/* By setting, then scenario, then seed: the report relies on it. */
static bool add_tasks(const struct evaluate_options *o,
                      const struct evaluation_setting *setting,
                      const struct sim_scenario *const *scenarios, size_t n,
                      struct evaluation_tasks *tasks, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        for (unsigned k = 0; k < o->n_seeds; k++) {
            const struct evaluation_task t = {.scenario = scenarios[i],
                                              .setting = setting,
                                              .seed = o->model.seed + k,
                                              .judges_all = o->is_full};

            if (!evaluation_tasks_push(tasks, t)) {
                return err_nomem(err, "the matrix");
            }
        }
    }
    return true;
}

static bool make_tasks(struct session *s, const struct evaluate_options *o,
                       const struct evaluation_setting *settings,
                       size_t n_settings, struct evaluation_tasks *tasks,
                       struct err *err)
{
    size_t n = 0;
    const struct sim_scenario *const *scenarios = sim_scenarios(&n);

    if (o->names.n > 0) {
        const struct sim_scenario **named =
            arena_new(s->arena, const struct sim_scenario *, o->names.n);

        if (named == NULL) {
            return err_nomem(err, "the matrix");
        }
        if (!find_scenarios(o, named, err)) {
            return false;
        }
        scenarios = named;
        n = o->names.n;
    }
    for (size_t i = 0; i < n_settings; i++) {
        if (!add_tasks(o, &settings[i], scenarios, n, tasks, err)) {
            return false;
        }
    }
    return true;
}

static bool render(const void *what, const char *format,
                   const struct session *s, bool to_stdout, struct buf *out,
                   struct err *err)
{
    (void)s;
    (void)to_stdout;
    if (strcmp(format, "text") == 0) {
        evaluation_write_text(what, out);
        return true;
    }

    char *text = json_dumps(what, JSON_INDENT(1) | JSON_REAL_PRECISION(6));

    if (text == NULL) {
        return err_nomem(err, "the report");
    }
    buf_str(out, text);
    buf_char(out, '\n');
    free(text);
    return true;
}

/* Runs whose process died; the report says nothing of them. */
static bool check_complete(json_t *const *results, size_t n, struct err *err)
{
    size_t missing = 0;

    for (size_t i = 0; i < n; i++) {
        missing += results[i] == NULL;
    }
    return missing == 0 || err_set(err, ERR_INTERNAL,
                                   "%zu of %zu runs are missing: their "
                                   "processes died",
                                   missing, n);
}

static bool evaluate(struct session *s, const struct evaluate_options *o,
                     struct evaluation_tasks *tasks, struct err *err)
{
    struct evaluation_setting settings[SETTINGS_MAX];
    const size_t n_settings = make_settings(o, settings);

    if (o->model.n_snapshots < PREFIX_MIN ||
        o->model.n_snapshots > PREFIXES_MAX) {
        return err_set(err, ERR_USAGE,
                       "--evaluate: --snapshots must be %d to %d", PREFIX_MIN,
                       PREFIXES_MAX);
    }
    if (!outputs_check(&o->outputs, sim_formats, n_sim_formats, err) ||
        !make_tasks(s, o, settings, n_settings, tasks, err)) {
        return false;
    }

    json_t **results = calloc(tasks->n + 1, sizeof(json_t *));
    json_t *report = NULL;
    bool ok = results != NULL || err_nomem(err, "results");

    ok = ok && evaluation_run_all(s, o, tasks, results, err);
    if (ok) {
        report = evaluation_report(o, tasks, results);
        ok = report != NULL ? outputs_write(&o->outputs, s, render, report, err)
                            : err_nomem(err, "the report");
        ok = ok && check_complete(results, tasks->n, err);
    }
    for (size_t i = 0; results != NULL && i < tasks->n; i++) {
        json_decref(results[i]);
    }
    free(results);
    json_decref(report);
    return ok;
}

int evaluate_run(struct session *s, const struct evaluate_options *o)
{
    struct evaluation_tasks tasks = {0};
    struct err err = {0};
    const bool ok = evaluate(s, o, &tasks, &err);

    evaluation_tasks_release(&tasks);
    return ok ? STATUS_OK : console_fail(NULL, &err);
}
