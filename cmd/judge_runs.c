#include "judge_runs.h"

#include <stdlib.h>
#include <string.h>

/* The series is this run. */
static bool judge_one(struct series *s, const struct judge_runs *how,
                      struct findings *out, struct err *err)
{
    return rules_judge(s, how->rules, out, err) &&
           (how->join == NULL || how->join(how->ctx, s, out, err));
}

static bool judge_single(struct series *s, const struct judge_runs *how,
                         struct judged_runs *out, struct err *err)
{
    out->about = *series_about(s);
    out->inputs = series_inputs(s, &out->n_inputs);
    return judge_one(s, how, &out->findings, err);
}

/* --- several --- */

/* What the series says of the inputs of the run that it is now. */
static void take_inputs(const struct series *s, struct judged_runs *out)
{
    size_t n = 0;
    const struct series_input *now = series_inputs(s, &n);
    for (size_t i = 0; i < n; i++) {
        if (now[i].run == series_about(s)->run) {
            out->own_inputs[i] = now[i];
        }
    }
}

static void leave_inputs(struct judged_runs *out, const struct finding_run *r)
{
    const char *why = r->is_short ? "its run is too short to be judged"
                                  : "another run of the process is judged";
    for (size_t i = 0; i < out->n_inputs; i++) {
        if (out->own_inputs[i].run == r->number) {
            out->own_inputs[i].used = false;
            out->own_inputs[i].why = why;
        }
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a == 0 || b == 0 ? 0 : a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a == 0 || b == 0 ? 0 : a > b ? a : b;
}

/* Profiles that could have been points, in all runs. */
static uint32_t n_all(const struct series_about *a)
{
    return a->n_heap + a->n_goroutine + a->n_leak + a->n_dropped;
}

/* Sums over the runs; what is live is live in the last one. */
static void take_about(const struct series_about *a, bool is_first,
                       struct series_about *out)
{
    const struct series_about before = *out;
    *out = *a;
    if (is_first) {
        return;
    }
    /* Outside of all that are judged. */
    out->n_outside = before.n_outside - (n_all(a) - a->n_outside);
    out->n_dropped = a->n_dropped - a->n_outside + before.n_dropped -
                     before.n_outside + out->n_outside;
    out->n_heap += before.n_heap;
    out->n_goroutine += before.n_goroutine;
    out->n_dumps += before.n_dumps;
    out->n_leak += before.n_leak;
    out->n_stale += before.n_stale;
    out->first_nanos = earlier(a->first_nanos, before.first_nanos);
    out->last_nanos = later(a->last_nanos, before.last_nanos);
    out->seconds += before.seconds;
    out->has_times = a->has_times && before.has_times;
}

static bool judge_run(struct series *s, const struct judge_runs *how, size_t k,
                      bool is_first, struct judged_runs *out, struct err *err)
{
    struct finding_run *run = &out->runs[k];
    if (!series_choose_run(s, run->number, err) ||
        !judge_one(s, how, &out->of[k], err)) {
        return false;
    }
    const struct series_about *a = series_about(s);
    const struct findings *f = &out->of[k];
    run->n_heap = a->n_heap;
    run->n_goroutine = a->n_goroutine;
    run->seconds = f->window_seconds;
    run->verdict = f->verdict;
    run->kinds = f->kinds;
    take_inputs(s, out);
    take_about(a, is_first, &out->about);
    return true;
}

/* One behind the latest run that is long enough; 0: none is. */
static size_t latest_end(const struct series *s)
{
    size_t n = 0;
    size_t end = 0;
    const struct series_run *runs = series_runs(s, &n);
    for (size_t i = 0; i < n; i++) {
        end = runs[i].is_judgeable ? i + 1 : end;
    }
    return end;
}

/* Those that are long enough, of a history the latest of them; where none is,
   the longest, which then cannot be decided. */
static bool is_judged(const struct series *s, bool is_history, size_t end,
                      size_t k)
{
    size_t n = 0;
    if (end == 0) {
        return series_about(s)->run == k + 1;
    }
    return is_history ? end == k + 1 : series_runs(s, &n)[k].is_judgeable;
}

/* Of a history, what was before the run that is judged: a crash loop that is
   over says nothing of what runs now, one that goes on does. */
static size_t n_past(const struct series *s, bool is_history)
{
    const size_t end = latest_end(s);
    return is_history && end > 0 ? end - 1 : 0;
}

static void list_runs(const struct series *s, bool is_history,
                      struct judged_runs *out)
{
    const struct series_run *runs = series_runs(s, &out->n_runs);
    const size_t end = latest_end(s);
    for (size_t k = 0; k < out->n_runs; k++) {
        const bool judged = is_judged(s, is_history, end, k);
        out->runs[k] =
            (struct finding_run){.number = (uint32_t)k + 1,
                                 .n_runs = (uint32_t)out->n_runs,
                                 .first = runs[k].first,
                                 .last = runs[k].last,
                                 .n_heap = runs[k].n_heap,
                                 .n_profiles = runs[k].n_heap,
                                 .is_judged = judged,
                                 .is_short = !judged && !runs[k].is_judgeable};
    }
}

static bool begin(const struct series *s, bool is_history,
                  struct judged_runs *out, struct err *err)
{
    size_t n = 0;
    (void)series_runs(s, &n);
    const struct series_input *inputs = series_inputs(s, &out->n_inputs);
    out->runs = calloc(n, sizeof(*out->runs));
    out->of = calloc(n, sizeof(*out->of));
    out->own_inputs = calloc(out->n_inputs, sizeof(*out->own_inputs));
    if (out->runs == NULL || out->of == NULL || out->own_inputs == NULL) {
        return err_nomem(err, "judging runs");
    }
    memcpy(out->own_inputs, inputs, out->n_inputs * sizeof(*inputs));
    out->inputs = out->own_inputs;
    list_runs(s, is_history, out);
    return true;
}

static bool is_small(const void *ctx, const struct finding *f)
{
    return gate_is_below(f, ctx);
}

static bool judge_each(struct series *s, const struct judge_runs *how,
                       struct judged_runs *out, struct err *err)
{
    bool is_first = true;
    if (!begin(s, how->is_history, out, err)) {
        return false;
    }
    for (size_t k = 0; k < out->n_runs; k++) {
        if (!out->runs[k].is_judged) {
            leave_inputs(out, &out->runs[k]);
            continue;
        }
        if (!judge_run(s, how, k, is_first, out, err)) {
            return false;
        }
        is_first = false;
    }
    const struct runs_judged merge = {.runs = out->runs,
                                      .of = out->of,
                                      .n = out->n_runs,
                                      .n_past = n_past(s, how->is_history),
                                      .is_below =
                                          how->gate != NULL ? is_small : NULL,
                                      .ctx = how->gate};
    return rules_merge_runs(&merge, &out->findings, err);
}

void judged_runs_release(struct judged_runs *j)
{
    findings_release(&j->findings);
    for (size_t k = 0; k < j->n_runs; k++) {
        findings_release(&j->of[k]);
    }
    free(j->of);
    free(j->runs);
    free(j->own_inputs);
    *j = (struct judged_runs){.n_runs = 0};
}

bool judge_runs(struct series *s, const struct judge_runs *how,
                struct judged_runs *out, struct err *err)
{
    size_t n = 0;
    (void)series_runs(s, &n);
    *out = (struct judged_runs){.n_runs = 0};
    return n < 2 ? judge_single(s, how, out, err)
                 : judge_each(s, how, out, err);
}
