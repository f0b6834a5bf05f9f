#include "gate.h"

#include "base/num.h"
#include "console.h"
#include "output.h"

#include <math.h>
#include <string.h>

/* --- options --- */

void gate_settings_defaults(struct gate_settings *s)
{
    *s = (struct gate_settings){.fail_on = -1,
                                .min_bytes = NAN,
                                .min_goroutines = NAN,
                                .min_growth = NAN};
}

bool gate_apply_bytes(void *field, const char *text, struct arena *arena,
                      struct err *err)
{
    (void)arena;
    uint64_t bytes = 0;
    if (!num_parse_bytes(span_of(text), &bytes)) {
        return err_set(err, ERR_USAGE,
                       "--min-bytes: '%s' is not a size such as 512MiB", text);
    }
    *(double *)field = (double)bytes;
    return true;
}

bool gate_apply_count(void *field, const char *text, struct arena *arena,
                      struct err *err)
{
    (void)arena;
    uint64_t n = 0;
    if (!num_parse_u64(span_of(text), &n)) {
        return err_set(err, ERR_USAGE, "--min-goroutines: '%s' is not a number",
                       text);
    }
    *(double *)field = (double)n;
    return true;
}

/* "10%", or the ratio 0.1. A plain number from 1 on is a percentage that lost
   its sign: taken for a ratio it would let everything pass. */
bool gate_apply_growth(void *field, const char *text, struct arena *arena,
                       struct err *err)
{
    (void)arena;
    double ratio = 0;
    const struct span all = span_of(text);
    const bool is_percent = span_ends(all, "%");
    const struct span number = span_first(all, all.len - (is_percent ? 1 : 0));
    if (!num_parse_double(number, &ratio) || ratio < 0) {
        return err_set(err, ERR_USAGE,
                       "--min-growth: '%s' is not a growth such as 10%% or 0.1",
                       text);
    }
    if (!is_percent && ratio >= 1) {
        return err_set(err, ERR_USAGE,
                       "--min-growth: '%s' is a ratio, so %g %%; say '%s%%'",
                       text, 100 * ratio, text);
    }
    *(double *)field = is_percent ? ratio / 100 : ratio;
    return true;
}

/* --- what holds --- */

static double first_known(double a, double b, double c)
{
    return !isnan(a) ? a : !isnan(b) ? b : c;
}

static bool find_fail_on(const char *word, int *out, struct err *err)
{
    for (int i = 0; i < N_FAIL_ON; i++) {
        if (strcmp(fail_on_words[i], word) == 0) {
            *out = i;
            return true;
        }
    }
    return err_set(err, ERR_USAGE, ".seep.yml: fail-on: '%.40s' is no grade",
                   word);
}

bool gate_resolve(const struct gate_settings *s, const struct review *review,
                  const struct gate *standard, struct gate *out,
                  struct err *err)
{
    const struct config *c = review_config(review);
    int fail_on = s->fail_on;
    if (fail_on < 0 && c->fail_on != NULL &&
        !find_fail_on(c->fail_on, &fail_on, err)) {
        return false;
    }
    *out = *standard;
    out->fail_on = fail_on < 0 ? standard->fail_on : (enum fail_on)fail_on;
    out->only_new = review_only_new(review);
    out->min_bytes =
        first_known(s->min_bytes, c->min_bytes, standard->min_bytes);
    out->min_goroutines = first_known(s->min_goroutines, c->min_goroutines,
                                      standard->min_goroutines);
    out->min_growth =
        first_known(s->min_growth, c->min_growth, standard->min_growth);
    out->report = (struct report_gate){
        .fail_on = out->fail_on == FAIL_ON_NEVER ? GRADE_PROVEN
                                                 : verdict_grade(out->fail_on),
        .is_never = out->fail_on == FAIL_ON_NEVER,
        .only_new = out->only_new};
    return true;
}

/* --- limits --- */

static bool is_bytes(const struct metric *m)
{
    return strcmp(m->unit, "bytes") == 0;
}

/* "below --min-bytes 8.0 MB", "" when it is not below. */
static void put_below(const struct finding *f, const struct gate *g,
                      struct buf *out)
{
    if (f->grade == GRADE_PROVEN || f->n_metrics == 0) {
        return;
    }
    const struct metric *m = &f->metrics[0];
    if (is_bytes(m) && m->delta < g->min_bytes) {
        buf_str(out, "below --min-bytes ");
        num_bytes(out, g->min_bytes);
    } else if (!is_bytes(m) && m->delta < g->min_goroutines) {
        buf_printf(out, "below --min-goroutines %.0f", g->min_goroutines);
    } else if (m->first > 0 && m->delta < g->min_growth * m->first) {
        buf_printf(out, "below --min-growth %g%%", 100 * g->min_growth);
    }
}

bool gate_is_below(const struct finding *f, const struct gate *g)
{
    struct buf why = BUF_LIMIT(256);
    put_below(f, g, &why);
    const bool is_below = why.len > 0;
    buf_release(&why);
    return is_below;
}

static bool limit_one(struct findings *f, struct finding *it,
                      const struct gate *g, struct err *err)
{
    struct buf why = BUF_LIMIT(256);
    put_below(it, g, &why);
    bool ok = buf_check(&why, "limits", err);
    if (ok && why.len > 0) {
        it->uncounted = arena_strdup(&f->arena, buf_view(&why));
        ok = (it->uncounted != NULL || err_nomem(err, "limits")) &&
             findings_note(
                 f,
                 arena_printf(&f->arena, "does not fail: %s is %s",
                              it->has_site ? it->site.function : it->headline,
                              it->uncounted),
                 err);
        f->n_below_limits++;
    }
    buf_release(&why);
    return ok;
}

bool gate_limit(struct findings *f, const struct gate *g, struct err *err)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->items[i].grade > GRADE_INFO && f->items[i].uncounted == NULL &&
            !limit_one(f, &f->items[i], g, err)) {
            return false;
        }
    }
    return true;
}

/* --- the end --- */

static const char lost[] = "an input was lost; mend it or leave it out";

bool gate_is_found(const struct findings *f, const struct gate *g)
{
    if (g->fail_on == FAIL_ON_NEVER) {
        return false;
    }
    for (size_t i = 0; i < f->n; i++) {
        const struct finding *it = &f->items[i];
        if (it->grade >= verdict_grade(g->fail_on) && it->uncounted == NULL &&
            review_counts(it, g->only_new)) {
            return true;
        }
    }
    return false;
}

static bool shows_text(const struct outputs *o)
{
    for (size_t i = 0; i < o->n; i++) {
        if (o->items[i].path == NULL &&
            (o->items[i].format == NULL ||
             strcmp(o->items[i].format, "text") == 0)) {
            return true;
        }
    }
    return o->n == 0;
}

const char *gate_undecided(const struct findings *f, const struct gate *g,
                           const char *undecided)
{
    if (undecided != NULL) {
        return undecided;
    }
    if (f->verdict == VERDICT_INCONCLUSIVE || f->is_open) {
        return f->limits.advice != NULL ? f->limits.advice
               : f->has_lost            ? lost
                                        : "too few usable snapshots";
    }
    if (f->has_lost) {
        return lost;
    }
    return g->only_new ? f->unchecked : NULL;
}

int gate_status(const struct findings *f, const struct gate *g,
                const char *undecided, const struct outputs *outputs)
{
    if (gate_is_found(f, g)) {
        return STATUS_FOUND;
    }
    const char *why = gate_undecided(f, g, undecided);
    if (why == NULL) {
        return STATUS_OK;
    }
    if (!shows_text(outputs)) {
        console_say("cannot decide: %s", why);
    }
    return STATUS_UNSURE;
}
