/*
 * The engine: rows, units, gates, clusters, findings. Pure: the same series
 * gives the same findings, in the same order.
 */
#include "base/num.h"
#include "rules/compose_private.h"
#include "rules/judge_private.h"

#include <math.h>
#include <string.h>

enum { POINTS_USABLE = 5, POINTS_FULL = 8 };

static const double goroutines_detectable = 10;

/* Beyond this an extrapolation says nothing: 30 days. */
static const double oom_horizon_seconds = 30 * 86400.0;

/* GOGC's default: the heap grows to twice what is live before a GC. */
static const double gogc_factor = 2;

static void judge_release(struct judge *j)
{
    for (size_t i = 0; i < j->units.n; i++) {
        unit_rows_release(&j->units.items[i]->rows);
        free(j->units.items[i]);
    }
    units_release(&j->units);
    series_frames_release(&j->frames);
    for (int i = 0; i < 2; i++) {
        series_matrix_release(&j->goroutines[i]);
    }
    arena_release(&j->work);
    free(j->origin);
    free(j->rows);
}

static bool add_findings(struct judge *j, struct findings *out, struct err *err)
{
    size_t cap = 0;
    for (size_t i = 0; i < j->units.n; i++) {
        const struct unit *u = j->units.items[i];
        struct finding f;
        if (!u->is_candidate) {
            continue;
        }
        if (!finding_of_unit(j, u, &f, err)) {
            return false;
        }
        if (f.rule && !findings_push(out, &cap, &f, err)) {
            return false;
        }
    }
    findings_sort(out);
    return true;
}

/* MemStats only repeat what profiles of the window name: they speak where
   nothing else does. */
static void drop_memstats(struct judge *j)
{
    bool has_other = false;
    for (size_t i = 0; i < j->units.n; i++) {
        const struct unit *u = j->units.items[i];
        has_other |= u->is_candidate && u->kind != EVIDENCE_MEMSTATS &&
                     u->grade >= GRADE_STRONG;
    }
    for (size_t i = 0; has_other && i < j->units.n; i++) {
        struct unit *u = j->units.items[i];
        u->is_candidate = u->is_candidate && u->kind != EVIDENCE_MEMSTATS;
    }
}

static enum verdict verdict_of(const struct judge *j, const struct findings *f)
{
    const struct series_about *a = series_about(j->s);
    if (f->n > 0 && f->items[0].grade >= GRADE_STRONG) {
        return VERDICT_LEAK;
    }
    if (a->n_heap < POINTS_USABLE && a->n_goroutine < POINTS_USABLE) {
        return VERDICT_INCONCLUSIVE;
    }
    return f->n > 0 && f->items[0].grade >= GRADE_GROWTH ? VERDICT_GROWTH
                                                         : VERDICT_CLEAN;
}

static uint32_t count_noise(const struct judge *j)
{
    uint32_t n = j->n_within_noise;
    for (size_t i = 0; i < j->units.n; i++) {
        const struct unit *u = j->units.items[i];
        n += u->grade == GRADE_INFO && u->trend.growth > 0 && !u->is_parent &&
             u->line == 0 && !(u->faults & FAULT_LEVEL) &&
             u->kind != EVIDENCE_MEMSTATS && u->kind != EVIDENCE_COHORT;
    }
    return n;
}

/* --- limits --- */

/* Interval between the points of a plane, in seconds; 0 unknown. */
static double interval(const struct judge *j, enum series_plane plane)
{
    const size_t n = series_n_points(j->s, plane);
    const double *t = series_seconds(j->s, plane);
    return n > 1 && series_about(j->s)->has_times
               ? (t[n - 1] - t[0]) / (double)(n - 1)
               : 0;
}

static size_t points(const struct judge *j, enum series_plane plane)
{
    return series_n_points(j->s, plane);
}

/* Seconds until a suspect could be told: enough points, and enough growth at
   the pace it has. */
static double wait_for(const struct judge *j, const struct unit *u)
{
    const double step = interval(j, u->plane);
    const double have = (double)u->trend.n;
    double wait = have < POINTS_FULL ? (POINTS_FULL - have) * step : 0;
    if (u->faults &
        (FAULT_SLOWING | FAULT_BURST | FAULT_AGE | FAULT_POOL | FAULT_FREED |
         FAULT_NOISE | FAULT_FALLS | FAULT_LATE | FAULT_BLOCK)) {
        const double window = trend_span(&u->trend);
        wait = wait > window ? wait : window;
    }
    return wait;
}

static double longest_wait(const struct judge *j, enum verdict v)
{
    double wait = 0;
    if (v == VERDICT_INCONCLUSIVE) {
        const enum series_plane p =
            points(j, PLANE_HEAP) > 1 ? PLANE_HEAP : PLANE_GOROUTINE;
        const double have = (double)points(j, p);
        wait = (POINTS_FULL - have) * interval(j, p);
    }
    for (size_t i = 0; i < j->units.n; i++) {
        const struct unit *u = j->units.items[i];
        if (u->is_candidate && u->grade == GRADE_SUSPECT &&
            u->trend.has_times && u->trend.n > 1) {
            const double w = wait_for(j, u);
            wait = w > wait ? w : wait;
        }
    }
    return wait;
}

/* What could have been found at all. */
static void fill_kinds(const struct judge *j, struct findings *f)
{
    const struct series_about *a = series_about(j->s);
    if (a->program != NULL) {
        f->program = arena_strdup(&f->arena, span_of(a->program));
        f->arena.has_failed |= f->program == NULL;
    }
    f->window_seconds = a->has_times ? a->seconds : 0;
    f->kinds |= a->n_heap > 0 ? PROFILE_BIT(KIND_HEAP) : 0;
    f->kinds |= a->n_goroutine > 0 ? PROFILE_BIT(KIND_GOROUTINE) : 0;
    f->kinds |= a->n_leak > 0 ? PROFILE_BIT(KIND_GOROUTINELEAK) : 0;
}

static bool fill_limits(const struct judge *j, struct findings *f,
                        struct err *err)
{
    const struct series_about *a = series_about(j->s);
    const double period =
        a->heap_period_bytes > 1 ? (double)a->heap_period_bytes : 1;
    const double material = 0.02 * a->live_heap_bytes;
    const double detectable = HEAP_SAMPLES_MIN * period;
    fill_kinds(j, f);
    f->limits.heap_bytes = NAN;
    f->limits.goroutines = NAN;
    if (points(j, PLANE_HEAP) >= POINTS_USABLE) {
        f->limits.heap_bytes = detectable > material ? detectable : material;
        if (a->heap_period_bytes <= 1 && f->limits.heap_bytes < 65536) {
            f->limits.heap_bytes = 65536;
        }
    }
    if (points(j, PLANE_GOROUTINE) >= POINTS_USABLE) {
        f->limits.goroutines = goroutines_detectable;
    }
    if (f->verdict == VERDICT_LEAK || f->verdict == VERDICT_CLEAN) {
        return true;
    }
    struct buf b = BUF_LIMIT(256);
    const double wait = longest_wait(j, f->verdict);
    if (wait > 0) {
        buf_str(&b, "wait ");
        num_seconds(&b, wait);
        buf_str(&b, " more");
    } else if (f->verdict == VERDICT_INCONCLUSIVE) {
        /* Only heap profiles stand still between collections. */
        const bool is_heap = a->n_heap > 0 || a->n_goroutine == 0;
        buf_printf(&b, "take at least %d snapshots, %s", POINTS_FULL,
                   is_heap ? "a GC apart (?gc=1)" : "some seconds apart");
    }
    f->limits.advice = b.len ? arena_strdup(&f->arena, buf_view(&b)) : NULL;
    const bool ok = !b.failed_memory && (b.len == 0 || f->limits.advice);
    buf_release(&b);
    return ok || err_nomem(err, "limits");
}

/* --- time to out-of-memory --- */

static double seconds_left(double room, double rate)
{
    const double s = rate > 0 ? room / rate : INFINITY;
    return s > oom_horizon_seconds ? NAN : s;
}

/* The live heap may grow to (limit - what is no heap) / (1 + GOGC/100): the
   collector lets garbage take the rest. */
static void fill_oom(const struct judge *j, struct findings *f)
{
    f->oom = (struct out_of_memory){
        .seconds = NAN, .seconds_low = NAN, .seconds_high = NAN};
    const double limit = j->options ? j->options->memory_limit_bytes : 0;
    if (limit <= 0) {
        return;
    }
    f->oom.asked = true;
    f->oom.limit_bytes = limit;
    double rate = 0;
    double low = 0;
    double high = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct metric *m = f->items[i].metrics;
        if (f->items[i].grade < GRADE_SUSPECT || isnan(m->per_hour_low) ||
            f->items[i].rule->kinds == RULE_KIND(EVIDENCE_MEMSTATS)) {
            continue;
        }
        const double unit =
            strcmp(m->unit, "bytes") == 0 ? 1 : compose_goroutine_bytes;
        rate += m->per_hour * unit / 3600;
        low += m->per_hour_low * unit / 3600;
        high += m->per_hour_high * unit / 3600;
    }
    const struct series_about *a = series_about(j->s);
    const double other = a->live_goroutines * compose_goroutine_bytes;
    const double room = (limit - other) / gogc_factor - a->live_heap_bytes;
    if (room <= 0) {
        f->oom.seconds = f->oom.seconds_low = f->oom.seconds_high = 0;
        return;
    }
    if (low <= 0) {
        return;
    }
    f->oom.seconds = seconds_left(room > 0 ? room : 0, rate);
    f->oom.seconds_low = seconds_left(room > 0 ? room : 0, high);
    f->oom.seconds_high = seconds_left(room > 0 ? room : 0, low);
}

/* --- notes --- */

static bool fill_notes(const struct judge *j, struct findings *f,
                       struct err *err)
{
    enum { NOTES_MAX = 8 };
    const char **notes = arena_new(&f->arena, const char *, NOTES_MAX);
    if (!notes) {
        return err_nomem(err, "notes");
    }
    f->notes = notes;
    if (j->no_gc) {
        notes[f->n_notes++] = "no GC seems to have run in the window: take "
                              "heap profiles with ?gc=1";
    }
    if (j->finalizer_note) {
        notes[f->n_notes++] = j->finalizer_note;
    }
    if (j->block_note) {
        notes[f->n_notes++] = j->block_note;
    }
    const struct series_about *a = series_about(j->s);
    if (a->n_stale > 0 && a->n_heap < POINTS_FULL) {
        notes[f->n_notes] = arena_printf(
            &f->arena,
            "the heap profiles show %u state%s only, %u repeat the one before: "
            "nothing changed that is sampled, or no GC ran in between (?gc=1 "
            "makes one)",
            a->n_heap, a->n_heap == 1 ? "" : "s", a->n_stale);
        if (!notes[f->n_notes++]) {
            return err_nomem(err, "notes");
        }
    }
    size_t n = 0;
    const struct series_dump *d = series_dumps(j->s, &n);
    for (size_t i = 0; i < n; i++) {
        if (d[i].is_truncated && f->n_notes < NOTES_MAX) {
            notes[f->n_notes++] = "a goroutine dump was cut off by Go's 64 MiB "
                                  "cap: its counts are too low";
            break;
        }
    }
    return true;
}

bool rules_judge(const struct series *s, const struct rules_options *options,
                 struct findings *out, struct err *err)
{
    *out = (struct findings){0};
    struct judge j = {.s = s, .options = options, .arena = &out->arena};
    bool ok = judge_rows(&j, err) && judge_heap(&j, err) &&
              judge_goroutines(&j, err) && judge_proof(&j, err) &&
              judge_dumps(&j, err) && judge_memstats(&j, err) &&
              judge_cluster(&j, err);
    if (ok) {
        judge_finalizers(&j);
        drop_memstats(&j);
        ok = add_findings(&j, out, err);
    }
    if (ok) {
        out->verdict = verdict_of(&j, out);
        out->n_within_noise = count_noise(&j);
        fill_oom(&j, out);
        ok = fill_limits(&j, out, err) && fill_notes(&j, out, err);
    }
    if (ok && out->arena.has_failed) {
        ok = err_nomem(err, "judging"); /* a text or a figure is missing */
    }
    judge_release(&j);
    if (!ok) {
        findings_release(out);
    }
    return ok;
}
