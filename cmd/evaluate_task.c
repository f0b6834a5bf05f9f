/*
 * One simulated process from start to verdict. Its profiles are kept, so that
 * the verdict after 5, 6, ... snapshots costs no new simulation. A finding is
 * right when one of the scenario's culprits is its site or in its stack. How
 * fast its site really grew is told by living the same life again, this time
 * looking at that site.
 */
#include "evaluation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TAKEN = 3, SNAPSHOTS_MAX = 64, SITES_MAX = 8 };

static const enum sim_profile taken[TAKEN] = {SIM_HEAP, SIM_GOROUTINE,
                                              SIM_GOROUTINELEAK};

/* The truth about one site at one moment. */
struct site_truth {
    double expected_bytes, bytes;
    double expected_goroutines, goroutines;
};

struct moment {
    struct profile *profiles[TAKEN];
    struct sim_truth truth;
    struct site_truth sites[SITES_MAX];
};

struct process {
    const struct evaluation_task *task;
    struct moment moments[SNAPSHOTS_MAX];
    size_t n;
    const char *sites[SITES_MAX]; /* asked for */
    size_t n_sites;
};

/* --- simulating --- */

static void note_truth(const struct sim_world *w, const struct process *p,
                       struct moment *m)
{
    sim_world_truth(w, &m->truth);
    for (size_t i = 0; i < p->n_sites; i++) {
        const char *f = p->sites[i];

        m->sites[i] = (struct site_truth){
            .expected_bytes = sim_truth_site_expected_bytes(w, f),
            .bytes = sim_truth_site_published(w, f),
            .expected_goroutines = sim_truth_site_expected_goroutines(w, f),
            .goroutines = sim_truth_site_goroutines(w, f),
        };
    }
}

static bool take_moment(struct sim_world *w, struct process *p, struct err *err)
{
    struct moment *m = &p->moments[p->n++];

    for (size_t i = 0; i < TAKEN; i++) {
        if (sim_world_offers(w, taken[i]) &&
            !sim_profile_make(w, taken[i], &m->profiles[i], err)) {
            return false;
        }
    }
    note_truth(w, p, m);
    return true;
}

static bool simulate(struct process *p, struct err *err)
{
    const struct evaluation_task *t = p->task;
    struct sim_world *w = NULL;
    struct sim_options o = t->setting->model;

    o.scenario = t->scenario;
    o.seed = t->seed;

    bool ok = sim_world_new(&o, &w, err);

    while (ok && p->n < o.n_snapshots) {
        ok = sim_world_run(w, (int64_t)(p->n + 1) * o.interval_ns, err) &&
             (!t->setting->collects || sim_world_collect(w, err)) &&
             take_moment(w, p, err);
    }
    sim_world_free(w);
    return ok;
}

static void process_free(struct process *p)
{
    for (size_t i = 0; p != NULL && i < SNAPSHOTS_MAX; i++) {
        for (size_t k = 0; k < TAKEN; k++) {
            profile_free(p->moments[i].profiles[k]);
        }
    }
    free(p);
}

static struct process *process_new(const struct evaluation_task *t)
{
    struct process *p = t->setting->model.n_snapshots <= SNAPSHOTS_MAX
                            ? calloc(1, sizeof(*p))
                            : NULL;

    if (p != NULL) {
        p->task = t;
    }
    return p;
}

/* --- judging --- */

static bool add_moment(struct series *s, const struct moment *m,
                       struct err *err)
{
    for (size_t i = 0; i < TAKEN; i++) {
        struct profile *p = m->profiles[i];

        if (p == NULL) {
            continue;
        }

        const struct snapshot snap = {.source = sim_profile_name(taken[i]),
                                      .kind = profile_kind(p),
                                      .form = FORM_PROTO,
                                      .time_nanos = p->time_nanos,
                                      .profile = p};

        if (!series_add(s, &snap, err)) {
            return false;
        }
    }
    return true;
}

/* Moments between which a plane's points lie: repeated heap states are no
   points. */
struct window {
    size_t first, last;
};

struct verdict_of {
    struct findings findings;
    uint32_t n_rows;
    struct window heap, goroutine;
};

static struct window window_of(const struct process *p, const struct series *s,
                               enum series_plane plane)
{
    const size_t n = series_n_points(s, plane);
    const double *seconds = series_seconds(s, plane);
    const double interval_s =
        (double)p->task->setting->model.interval_ns / (double)SIM_SECOND;

    if (n == 0) {
        return (struct window){0, 0};
    }
    return (struct window){(size_t)(seconds[0] / interval_s + 0.5),
                           (size_t)(seconds[n - 1] / interval_s + 0.5)};
}

/* The verdict on the first `k` snapshots. */
static bool judge(const struct process *p, size_t k, struct verdict_of *out,
                  struct err *err)
{
    struct series *s = series_new(NULL);
    bool ok = s != NULL || err_nomem(err, "series");

    for (size_t i = 0; ok && i < k; i++) {
        ok = add_moment(s, &p->moments[i], err);
    }
    ok = ok && series_finish(s, err) &&
         rules_judge(s, NULL, &out->findings, err);
    if (ok) {
        out->n_rows = series_n_rows(s);
        out->heap = window_of(p, s, PLANE_HEAP);
        out->goroutine = window_of(p, s, PLANE_GOROUTINE);
    }
    series_free(s);
    return ok;
}

static bool is_culprit(const struct sim_scenario *s, const char *function)
{
    for (size_t i = 0; s->culprits[i] != NULL; i++) {
        if (strcmp(s->culprits[i], function) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_guilty(const struct sim_scenario *s, const struct finding *f)
{
    if (s->label != SIM_LEAK) {
        return false;
    }
    if (f->has_site && is_culprit(s, f->site.function)) {
        return true;
    }
    for (size_t i = 0; i < f->n_stack; i++) {
        if (is_culprit(s, f->stack[i].function)) {
            return true;
        }
    }
    return false;
}

/* --- results --- */

struct tally {
    size_t n_sure_right, n_suspect_right;
    int best_right, best; /* grades; -1 none */
    json_t *alarms, *suspects;
};

static json_t *where(const struct finding *f)
{
    return json_sprintf("%s %s %s", grade_name(f->grade), f->rule->id,
                        f->has_site ? f->site.function : "-");
}

static void count(const struct sim_scenario *s, const struct finding *f,
                  struct tally *t)
{
    const bool is_right = is_guilty(s, f);
    const int grade = (int)f->grade;

    t->best = grade > t->best ? grade : t->best;
    if (is_right) {
        t->best_right = grade > t->best_right ? grade : t->best_right;
        t->n_sure_right += f->grade >= GRADE_STRONG;
        t->n_suspect_right += f->grade == GRADE_SUSPECT;
    } else if (f->grade >= GRADE_STRONG) {
        (void)json_array_append_new(t->alarms, where(f));
    } else if (f->grade == GRADE_SUSPECT) {
        (void)json_array_append_new(t->suspects, where(f));
    }
}

static const char *grade_text(int grade)
{
    return grade < 0 ? "none" : grade_name((enum grade)grade);
}

/* One prefix. Growth is that of the window: from the first to the last. */
static json_t *prefix_result(const struct process *p, size_t k,
                             const struct verdict_of *v, bool *is_caught)
{
    const struct findings *f = &v->findings;
    const struct sim_truth *a = &p->moments[0].truth;
    const struct sim_truth *b = &p->moments[k - 1].truth;
    struct tally t = {.best_right = -1,
                      .best = -1,
                      .alarms = json_array(),
                      .suspects = json_array()};

    for (size_t i = 0; i < f->n; i++) {
        count(p->task->scenario, &f->items[i], &t);
    }
    *is_caught = t.n_sure_right > 0;
    return json_pack(
        "{s:i, s:b, s:b, s:s, s:s, s:I, s:I, s:f, s:f, s:o, s:o}", "k", (int)k,
        "caught", t.n_sure_right > 0, "noticed", t.n_suspect_right > 0, "best",
        grade_text(p->task->scenario->label == SIM_LEAK ? t.best_right
                                                        : t.best),
        "verdict", verdict_name(f->verdict), "findings", (json_int_t)f->n,
        "rows", (json_int_t)v->n_rows, "grown_sampled",
        b->leaked_sampled - a->leaked_sampled, "grown_goroutines",
        b->leaked_goroutines - a->leaked_goroutines, "alarms", t.alarms,
        "suspects", t.suspects);
}

/* --- intervals of growth --- */

static const struct metric *metric_of(const struct finding *f)
{
    const char *name = f->profile == KIND_HEAP ? "inuse_space" : "goroutines";

    for (size_t i = 0; i < f->n_metrics; i++) {
        const struct metric *m = &f->metrics[i];

        if (strcmp(m->name, name) == 0 && isfinite(m->per_hour_low) &&
            isfinite(m->per_hour_high)) {
            return m;
        }
    }
    return NULL;
}

static bool has_interval(const struct sim_scenario *s, const struct finding *f)
{
    return f->grade >= GRADE_GROWTH && f->has_site && is_guilty(s, f) &&
           metric_of(f) != NULL;
}

static double truth_at(const struct process *p, size_t moment, size_t site,
                       bool is_heap, bool is_expected)
{
    const struct site_truth *t = &p->moments[moment].sites[site];

    if (is_heap) {
        return is_expected ? t->expected_bytes : t->bytes;
    }
    return is_expected ? t->expected_goroutines : t->goroutines;
}

/* The interval speaks of the rate at which growth is expected: its width has
   the chance of the births in it. What really grew in this window is told
   beside it. Linear: at half time within a tenth of half the way. */
static json_t *interval_result(const struct process *p, size_t site,
                               const struct finding *f, struct window w)
{
    const bool is_heap = f->profile == KIND_HEAP;
    const struct metric *m = metric_of(f);
    const size_t half = (w.first + w.last) / 2;
    const double steps = (double)w.last - (double)w.first;
    const double hours = steps * (double)p->task->setting->model.interval_ns /
                         (double)SIM_SECOND / 3600;
    const double first = truth_at(p, w.first, site, is_heap, true);
    const double growth = truth_at(p, w.last, site, is_heap, true) - first;
    const double off = truth_at(p, half, site, is_heap, true) - first -
                       growth * (double)(half - w.first) / steps;
    const double realised = truth_at(p, w.last, site, is_heap, false) -
                            truth_at(p, w.first, site, is_heap, false);

    if (!(growth > 0)) {
        return NULL;
    }
    return json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:b}", "site",
                     f->site.function, "metric", m->name, "rule", f->rule->id,
                     "expected", growth / hours, "realised", realised / hours,
                     "rate", m->per_hour, "low", m->per_hour_low, "high",
                     m->per_hour_high, "linear", fabs(off) <= 0.1 * growth);
}

/* Lives the same life again, this time looking at the findings' sites. */
static bool intervals_result(const struct process *p,
                             const struct verdict_of *v, json_t *out,
                             struct err *err)
{
    const struct findings *f = &v->findings;
    const struct finding *of[SITES_MAX];
    struct process *again = process_new(p->task);
    size_t n = 0;

    if (again == NULL) {
        return err_nomem(err, "a simulated process");
    }
    for (size_t i = 0; i < f->n && n < SITES_MAX; i++) {
        if (has_interval(p->task->scenario, &f->items[i])) {
            again->sites[n] = f->items[i].site.function;
            of[n++] = &f->items[i];
        }
    }
    again->n_sites = n;

    const bool ok = n == 0 || simulate(again, err);

    for (size_t i = 0; ok && i < n; i++) {
        json_t *one = interval_result(
            again, i, of[i],
            of[i]->profile == KIND_HEAP ? v->heap : v->goroutine);

        if (one != NULL) {
            (void)json_array_append_new(out, one);
        }
    }
    process_free(again);
    return ok;
}

/* --- all prefixes --- */

struct verdicts {
    json_t *prefixes, *intervals;
    size_t first_caught; /* snapshots; 0 never */
};

static bool judge_prefix(const struct process *p, size_t k, struct verdicts *v,
                         struct err *err)
{
    struct verdict_of of = {0};
    bool is_caught = false;
    bool ok = judge(p, k, &of, err);

    if (ok) {
        (void)json_array_append_new(v->prefixes,
                                    prefix_result(p, k, &of, &is_caught));
        if (is_caught && v->first_caught == 0) {
            v->first_caught = k;
        }
        if (k == p->n) {
            ok = intervals_result(p, &of, v->intervals, err);
        }
    }
    findings_release(&of.findings);
    return ok;
}

static bool is_wanted(const struct process *p, size_t k,
                      const struct verdicts *v)
{
    return p->task->judges_all || k == p->n || k == PREFIX_SHORT ||
           (p->task->scenario->label == SIM_LEAK && v->first_caught == 0);
}

static json_t *result(const struct verdicts *v, const struct err *err)
{
    json_t *first = v->first_caught ? json_integer((json_int_t)v->first_caught)
                                    : json_null();
    json_t *error = err->code ? json_string(err->text) : json_null();

    return json_pack("{s:o, s:o, s:o, s:o}", "first_caught", first, "prefixes",
                     v->prefixes, "intervals", v->intervals, "error", error);
}

bool evaluation_run(const struct evaluation_task *t, json_t **out,
                    struct err *err)
{
    struct process *p = process_new(t);
    struct verdicts v = {.prefixes = json_array(), .intervals = json_array()};
    struct err wrong = {0};
    bool ok = p != NULL && simulate(p, &wrong);

    for (size_t k = PREFIX_MIN; ok && k <= p->n; k++) {
        ok = !is_wanted(p, k, &v) || judge_prefix(p, k, &v, &wrong);
    }
    *out = p != NULL ? result(&v, &wrong) : NULL;
    process_free(p);
    return *out != NULL || err_nomem(err, "a simulated process");
}
