#include "calibrate.h"

#include "analysis.h"
#include "gate.h"

#include "base/num.h"
#include "series/series.h"

#include <math.h>
#include <string.h>

/* Chance that a healthy run's growth at a site is above the floor, where the
   site was not chosen by its growth: of findings it is more. */
static const double risk = 0.01;

static bool take(void *ctx, unsigned group, const struct snapshot *s,
                 struct err *err)
{
    return series_diff_calibrate(ctx, group, s, err);
}

static bool leave_out(void *ctx, unsigned group, const char *source,
                      enum profile_kind kind, const char *why, struct err *err)
{
    (void)group;
    return series_diff_note_input(ctx, source, kind, why, err);
}

/* Above this no healthy run of the same kind grows, but for the risk: a bound
   for one more run, and at least what was seen. */
static double floor_of(const struct diff_noise *n, double risk_each)
{
    const double t = stat_t_quantile(risk_each, (double)n->n - 1);
    const double spread = t * n->deviation * sqrt(1 + 1 / (double)n->n);
    return fmax(n->mean + fmax(spread, n->range), 0);
}

static void put_rate(struct buf *out, bool is_heap, double per_hour)
{
    if (is_heap) {
        num_bytes(out, per_hour);
    } else {
        buf_printf(out, "%.0f goroutines", per_hour);
    }
    buf_str(out, "/h");
}

static bool mark(struct findings *f, struct finding *it, double floor,
                 size_t n_runs, struct err *err)
{
    const bool is_heap = it->profile == KIND_HEAP;
    struct buf why = BUF_LIMIT(512);
    buf_str(&why, "+");
    put_rate(&why, is_heap, it->metrics[0].per_hour);
    buf_str(&why, " is within the noise floor ");
    put_rate(&why, is_heap, floor);
    buf_printf(&why, " of %zu healthy runs", n_runs);
    bool ok = buf_check(&why, "the noise floor", err);
    if (ok) {
        it->uncounted = arena_strdup(&f->arena, buf_view(&why));
        ok = (it->uncounted != NULL || err_nomem(err, "the noise floor")) &&
             findings_note(f,
                           arena_printf(&f->arena, "does not fail: %s: %s",
                                        it->site.function, it->uncounted),
                           err);
    }
    buf_release(&why);
    return ok;
}

/* Is its growth one that runs can be compared by? What is proven needs no
   growth. */
static bool has_rate(const struct finding *f)
{
    return f->grade > GRADE_INFO && f->grade < GRADE_PROVEN && f->has_site &&
           f->n_metrics > 0 && isfinite(f->metrics[0].per_hour) &&
           (f->profile == KIND_HEAP || f->profile == KIND_GOROUTINE);
}

/* Faster than every run, yet within a bound that is wide since they are few? */
static bool is_open(const struct finding *f, const struct diff_noise *n)
{
    enum { FEW = 4 };
    return n->n < FEW && f->metrics[0].per_hour > n->mean + n->range;
}

/* Each run grows where the finding does: then they are not healthy. */
static bool warn_of_growth(struct findings *f, const struct finding *it,
                           const struct diff_noise *n, struct err *err)
{
    struct buf why = BUF_LIMIT(512);
    if (n->highest - n->range <= 0) {
        return true;
    }
    buf_str(&why, "WARNING: the calibration runs themselves grow there, each "
                  "by +");
    put_rate(&why, it->profile == KIND_HEAP, n->highest - n->range);
    buf_str(&why, " or more: do they leak? ");
    bool ok = buf_check(&why, "the noise floor", err);
    ok = ok &&
         findings_note(
             f, arena_printf(&f->arena, "%s%s", why.data, it->site.function),
             err);
    buf_release(&why);
    return ok;
}

/* The noise at a finding's site. */
static bool rates_of(struct series_diff *d, struct findings *f,
                     const struct finding *it, size_t n_runs,
                     struct diff_noise *noise, struct err *err)
{
    const bool is_heap = it->profile == KIND_HEAP;
    return series_diff_rates(d, is_heap ? DIFF_HEAP : DIFF_GOROUTINE,
                             it->site.function, &f->arena, noise, err) &&
           (noise->n >= 2 ||
            err_set(err, ERR_MISMATCH,
                    "--calibrate: %zu of %zu runs have two %s profiles with "
                    "times; give two runs or more that do",
                    noise->n, n_runs, is_heap ? "heap" : "goroutine"));
}

static bool judge(struct series_diff *d, struct findings *f, size_t n_runs,
                  struct calibrated *out, struct err *err)
{
    size_t n_rated = 0;
    for (size_t i = 0; i < f->n; i++) {
        n_rated += has_rate(&f->items[i]);
    }
    for (size_t i = 0; i < f->n; i++) {
        struct finding *it = &f->items[i];
        struct diff_noise noise;
        if (!has_rate(it)) {
            continue;
        }
        if (!rates_of(d, f, it, n_runs, &noise, err)) {
            return false;
        }
        const double floor = floor_of(&noise, risk / (double)n_rated);
        if (it->metrics[0].per_hour > floor) {
            continue;
        }
        if (!mark(f, it, floor, noise.n, err) ||
            !warn_of_growth(f, it, &noise, err)) {
            return false;
        }
        if (is_open(it, &noise)) {
            out->undecided = "give five calibration runs or more: so few leave "
                             "open what growth is noise";
        }
    }
    return n_rated == 0 ||
           findings_note(
               f,
               arena_printf(&f->arena,
                            "noise floor: growth of %zu healthy runs at "
                            "the same site",
                            n_runs),
               err);
}

static bool read_runs(struct analysis *a, struct series_diff *d,
                      const struct words *runs, struct err *err)
{
    const struct visitor visitor = {d, take, leave_out};
    for (size_t i = 0; i < runs->n; i++) {
        if (!analysis_add(a, runs->items[i], (unsigned)i, err)) {
            return false;
        }
    }
    return analysis_read(a, &visitor, err);
}

static bool is_same_input(const struct source *a, const struct source *b)
{
    const bool is_read = (a->digest[0] | a->digest[1]) != 0;
    return (a->has_identity && b->has_identity && a->device == b->device &&
            a->inode == b->inode) ||
           (is_read && a->digest[0] == b->digest[0] &&
            a->digest[1] == b->digest[1]);
}

/* What is judged would be its own noise, and pass for ever. */
static bool check_inputs(const struct analysis *judged,
                         const struct analysis *runs, struct err *err)
{
    for (size_t i = 0; judged != NULL && i < judged->sources.n; i++) {
        for (size_t k = 0; k < runs->sources.n; k++) {
            if (is_same_input(&judged->sources.items[i],
                              &runs->sources.items[k])) {
                return err_set(err, ERR_MISMATCH,
                               "--calibrate: %.160s is what is judged, and no "
                               "run beside it",
                               runs->sources.items[k].path);
            }
        }
    }
    return true;
}

/* The floor of another program is none of this one. */
static bool is_other_program(const struct findings *f, const char *name)
{
    return f->program != NULL && name != NULL && strcmp(f->program, name) != 0;
}

static bool note_other_program(struct findings *f, const char *name,
                               struct err *err)
{
    return findings_note(
        f,
        arena_printf(&f->arena,
                     "WARNING: the calibration runs are of %s, "
                     "what is judged is of %s: they say nothing "
                     "of its noise",
                     name, f->program),
        err);
}

bool calibrate_growth(struct session *s, const struct calibrate *c,
                      struct findings *f, struct calibrated *out,
                      struct err *err)
{
    if (c->runs->n == 0) {
        return true;
    }
    if (c->runs->n < 2) {
        return err_set(err, ERR_USAGE,
                       "--calibrate: one run shows no noise; give two or more "
                       "directories");
    }
    struct analysis a = {
        .session = s, .skip_bad = c->skip_bad, .groups_differ = true};
    struct series_diff *d = series_diff_new(c->module);
    bool ok = d != NULL || err_nomem(err, "the noise floor");
    ok = ok && read_runs(&a, d, c->runs, err);
    out->where = ok ? NULL : a.where;
    const char *program = ok ? series_diff_calibrated_program(d) : NULL;
    ok = ok && check_inputs(c->judged, &a, err) &&
         (is_other_program(f, program) ? note_other_program(f, program, err)
                                       : judge(d, f, c->runs->n, out, err));
    out->has_lost = a.has_lost;
    analysis_release(&a);
    series_diff_free(d);
    return ok;
}
