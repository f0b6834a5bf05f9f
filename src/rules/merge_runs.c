/*
 * The findings of all runs of a process that restarted, as one list. What
 * several runs have is one finding: its figures are those of the run in which
 * it grows most, since that is what limits and baselines are asked about, and
 * its grade is that of the surest, since it is one leak. What is said of the
 * runs together is never more than the weakest of them could show.
 */
#include "rules/rules.h"

#include "base/num.h"
#include "base/sort.h"
#include "rules/compose_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum { RUNS_NAMED = 3 };

/* One finding of one run. An id may come twice in a run: the first of one is
   then the same as the first of another. */
struct of_run {
    const struct finding *f;
    size_t run, occurrence;
};

struct merging {
    const struct runs_judged *r;
    struct findings *out;
    struct of_run *all;
    size_t n;
    size_t cap; /* of out's items */
};

static int by_run(const void *pa, const void *pb, const void *ctx)
{
    const struct of_run *a = pa;
    const struct of_run *b = pb;
    (void)ctx;
    const int order = strcmp(a->f->id, b->f->id);
    if (order != 0 || a->run != b->run) {
        return order != 0 ? order : a->run < b->run ? -1 : 1;
    }
    return (a->f > b->f) - (a->f < b->f);
}

static int by_occurrence(const void *pa, const void *pb, const void *ctx)
{
    const struct of_run *a = pa;
    const struct of_run *b = pb;
    (void)ctx;
    const int order = strcmp(a->f->id, b->f->id);
    if (order != 0 || a->occurrence != b->occurrence) {
        return order != 0 ? order : a->occurrence < b->occurrence ? -1 : 1;
    }
    return (a->run > b->run) - (a->run < b->run);
}

static bool collect(struct merging *m, struct err *err)
{
    size_t n = 0;
    for (size_t k = 0; k < m->r->n; k++) {
        n += m->r->of[k].n;
    }
    m->all = calloc(n + 1, sizeof(*m->all));
    if (m->all == NULL) {
        return err_nomem(err, "merging runs");
    }
    for (size_t k = 0; k < m->r->n; k++) {
        for (size_t i = 0; i < m->r->of[k].n; i++) {
            m->all[m->n++] =
                (struct of_run){.f = &m->r->of[k].items[i], .run = k};
        }
    }
    sort_items(m->all, m->n, sizeof(*m->all), by_run, NULL);
    for (size_t i = 1; i < m->n; i++) {
        const struct of_run *before = &m->all[i - 1];
        if (strcmp(before->f->id, m->all[i].f->id) == 0 &&
            before->run == m->all[i].run) {
            m->all[i].occurrence = before->occurrence + 1;
        }
    }
    sort_items(m->all, m->n, sizeof(*m->all), by_occurrence, NULL);
    return true;
}

/* --- of several runs the one --- */

static bool is_same(const struct of_run *a, const struct of_run *b)
{
    return strcmp(a->f->id, b->f->id) == 0 && a->occurrence == b->occurrence;
}

static bool grows_more(const struct finding *a, const struct finding *b)
{
    if (a->n_metrics == 0 || b->n_metrics == 0) {
        return a->n_metrics > 0;
    }
    const struct metric *ma = &a->metrics[0];
    const struct metric *mb = &b->metrics[0];
    if (isfinite(ma->per_hour) && isfinite(mb->per_hour)) {
        return ma->per_hour > mb->per_hour;
    }
    if (isfinite(ma->delta) && isfinite(mb->delta)) {
        return ma->delta > mb->delta;
    }
    return ma->last > mb->last;
}

static bool is_below(const struct merging *m, const struct finding *f)
{
    return m->r->is_below != NULL && m->r->is_below(m->r->ctx, f);
}

/* What may fail comes before what is too small to; then what a rule names that
   may give this grade; then what grows most, of equals the latest. */
static bool is_better(const struct merging *m, const struct finding *a,
                      const struct finding *b, enum grade top)
{
    const bool below_a = is_below(m, a);
    const bool below_b = is_below(m, b);
    if (below_a != below_b) {
        return !below_a;
    }
    if ((a->rule->worst >= top) != (b->rule->worst >= top)) {
        return a->rule->worst >= top;
    }
    return !grows_more(b, a);
}

static void put_level(struct buf *out, const struct metric *of, double level)
{
    if (strcmp(of->unit, "bytes") == 0) {
        num_bytes(out, level);
    } else {
        num_count(out, (int64_t)fmin(level, 9e18));
    }
}

/* "in run 1, too, from a to b: strong, 24 -> 306" */
static const char *other_line(struct merging *m, const struct of_run *other)
{
    const struct finding_run *run = &m->r->runs[other->run];
    struct buf b = BUF_LIMIT(4096);
    buf_printf(&b, "in run %u, too, from %.200s to %.200s: %s", run->number,
               run->first, run->last, grade_name(other->f->grade));
    const struct metric *of =
        other->f->n_metrics > 0 ? &other->f->metrics[0] : NULL;
    if (of != NULL && isfinite(of->first) && isfinite(of->last)) {
        buf_str(&b, ", ");
        put_level(&b, of, of->first);
        buf_str(&b, " -> ");
        put_level(&b, of, of->last);
    }
    /* A dump is of one run, which need not be that of the figures. */
    if (other->f->holder != NULL) {
        buf_printf(&b, ", held by %.200s", other->f->holder->name);
    }
    const char *text =
        buf_ok(&b) ? arena_strdup(&m->out->arena, buf_view(&b)) : NULL;
    m->out->arena.has_failed |= text == NULL;
    buf_release(&b);
    return text;
}

/* The other runs are said before the run's own evidence. */
static bool tell_others(struct merging *m, const struct of_run *first, size_t n,
                        const struct of_run *best, struct finding *f,
                        struct err *err)
{
    if (n == 1) {
        return true;
    }
    const char **lines =
        arena_new(&m->out->arena, const char *, f->n_evidence + RUNS_NAMED + 1);
    size_t n_lines = 0;
    if (lines == NULL) {
        return err_nomem(err, "merging runs");
    }
    for (size_t i = 0; i < n && n_lines < RUNS_NAMED; i++) {
        if (&first[i] != best) {
            lines[n_lines++] = other_line(m, &first[i]);
        }
    }
    if (n - 1 > n_lines) {
        const char *more = arena_printf(&m->out->arena, "in %zu more runs, too",
                                        n - 1 - n_lines);
        m->out->arena.has_failed |= more == NULL;
        lines[n_lines++] = more;
    }
    for (size_t i = 0; i < f->n_evidence; i++) {
        lines[n_lines++] = f->evidence[i];
    }
    f->evidence = lines;
    f->n_evidence = n_lines;
    return true;
}

static bool add_one(struct merging *m, const struct of_run *first, size_t n,
                    struct err *err)
{
    const struct of_run *best = first;
    enum grade top = GRADE_INFO;
    for (size_t i = 0; i < n; i++) {
        top = first[i].f->grade > top ? first[i].f->grade : top;
    }
    for (size_t i = 1; i < n; i++) {
        best = is_better(m, first[i].f, best->f, top) ? &first[i] : best;
    }
    struct finding f = *best->f;
    /* `primary` and `patched` are nobody's yet: the review comes later. */
    f.run = &m->r->runs[best->run];
    f.grade = top;
    return tell_others(m, first, n, best, &f, err) &&
           findings_push(m->out, &m->cap, &f, err);
}

static bool add_all(struct merging *m, struct err *err)
{
    size_t end = 0;
    for (size_t i = 0; i < m->n; i = end) {
        end = i + 1;
        while (end < m->n && is_same(&m->all[i], &m->all[end])) {
            end++;
        }
        if (!add_one(m, &m->all[i], end - i, err)) {
            return false;
        }
    }
    findings_sort(m->out);
    return true;
}

/* --- what they could show together --- */

/* The larger of two limits; one that nothing is known of is the largest. */
static double weaker(double a, double b)
{
    return isnan(a) || isnan(b) ? NAN : fmax(a, b);
}

/* When memory is used up first; NAN is out of sight. */
static bool is_sooner(const struct out_of_memory *a,
                      const struct out_of_memory *b)
{
    return a->seconds < b->seconds || (!isnan(a->seconds) && isnan(b->seconds));
}

static void join(struct findings *out, const struct findings *f, bool is_first)
{
    const struct limits *l = &f->limits;
    if (is_first) {
        out->kinds = f->kinds;
        out->window_seconds = f->window_seconds;
        out->limits = (struct limits){.heap_bytes = l->heap_bytes,
                                      .goroutines = l->goroutines};
        out->oom = f->oom;
    }
    out->kinds &= f->kinds;
    out->window_seconds = fmin(out->window_seconds, f->window_seconds);
    out->limits.heap_bytes = weaker(out->limits.heap_bytes, l->heap_bytes);
    out->limits.goroutines = weaker(out->limits.goroutines, l->goroutines);
    out->program = out->program != NULL ? out->program : f->program;
    out->oom = is_sooner(&f->oom, &out->oom) ? f->oom : out->oom;
    out->n_within_noise += f->n_within_noise;
}

static bool keep_notes(struct findings *out, const struct findings *f,
                       const struct finding_run *run, struct err *err)
{
    for (size_t i = 0; i < f->n_notes; i++) {
        if (!findings_note(out,
                           arena_printf(&out->arena, "run %u: %s", run->number,
                                        f->notes[i]),
                           err)) {
            return false;
        }
    }
    return true;
}

static const char *run_text(struct arena *a, const struct finding_run *run,
                            const char *advice)
{
    return arena_printf(a, "run %u, from %.200s to %.200s: %s", run->number,
                        run->first, run->last, advice);
}

/* The first run that could not be decided leaves all of it open. */
static bool find_open(struct merging *m, struct err *err)
{
    for (size_t k = 0; k < m->r->n; k++) {
        const struct findings *f = &m->r->of[k];
        const bool is_open = m->r->runs[k].is_judged &&
                             (f->verdict == VERDICT_INCONCLUSIVE || f->is_open);
        if (!is_open) {
            continue;
        }
        m->out->is_open = true;
        m->out->limits.advice =
            run_text(&m->out->arena, &m->r->runs[k],
                     f->limits.advice != NULL ? f->limits.advice
                                              : "too few usable snapshots");
        return m->out->limits.advice != NULL || err_nomem(err, "merging runs");
    }
    return true;
}

/* What lies in runs that are too short is said, and when it is most of all
   there is, the others do not speak for it: so a crash loop does not pass. */
static bool tell_short(struct merging *m, struct err *err)
{
    size_t n_short = 0;
    size_t n_runs = 0;
    size_t n_all = 0;
    for (size_t k = m->r->n_past; k < m->r->n; k++) {
        const struct finding_run *run = &m->r->runs[k];
        n_all += run->n_profiles;
        n_short += run->is_short ? run->n_profiles : 0;
        n_runs += run->is_short;
    }
    if (n_runs == 0) {
        return true;
    }
    const char *text = arena_printf(
        &m->out->arena,
        "%zu of %zu heap profiles lie in %zu run%s too short to be judged",
        n_short, n_all, n_runs, n_runs == 1 ? "" : "s");
    if (2 * n_short > n_all && !m->out->is_open) {
        m->out->is_open = true;
        m->out->limits.advice =
            "most heap profiles lie in runs that are too short: take five or "
            "more of a run";
    }
    return findings_note(m->out, text, err);
}

/* Else that of the runs that have the verdict. */
static bool find_advice(struct merging *m, struct err *err)
{
    for (size_t k = 0; m->out->limits.advice == NULL && k < m->r->n; k++) {
        const struct findings *f = &m->r->of[k];
        if (f->limits.advice == NULL || f->verdict != m->out->verdict) {
            continue;
        }
        m->out->limits.advice =
            run_text(&m->out->arena, &m->r->runs[k], f->limits.advice);
        if (m->out->limits.advice == NULL) {
            return err_nomem(err, "merging runs");
        }
    }
    return true;
}

static enum verdict verdict_of(const struct findings *f)
{
    const enum grade best = f->n > 0 ? f->items[0].grade : GRADE_INFO;
    if (best >= GRADE_GROWTH) {
        return best >= GRADE_STRONG ? VERDICT_LEAK : VERDICT_GROWTH;
    }
    return f->is_open ? VERDICT_INCONCLUSIVE : VERDICT_CLEAN;
}

static bool merge(struct merging *m, struct err *err)
{
    struct findings *out = m->out;
    bool is_first = true;
    if (!collect(m, err) || !add_all(m, err)) {
        return false;
    }
    for (size_t k = 0; k < m->r->n; k++) {
        if (m->r->runs[k].is_judged) {
            join(out, &m->r->of[k], is_first);
            is_first = false;
            if (!keep_notes(out, &m->r->of[k], &m->r->runs[k], err)) {
                return false;
            }
        }
    }
    out->runs = m->r->runs;
    out->n_runs = m->r->n;
    if (!find_open(m, err) || !tell_short(m, err)) {
        return false;
    }
    out->verdict = verdict_of(out);
    return find_advice(m, err) &&
           (!out->arena.has_failed || err_nomem(err, "merging runs"));
}

bool rules_merge_runs(const struct runs_judged *r, struct findings *out,
                      struct err *err)
{
    *out = (struct findings){.n = 0};
    struct merging m = {.r = r, .out = out};
    const bool ok = merge(&m, err);
    free(m.all);
    if (!ok) {
        findings_release(out);
    }
    return ok;
}
