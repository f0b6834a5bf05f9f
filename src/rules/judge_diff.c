/*
 * From a comparison of two groups to findings. Two snapshots show that
 * something grew, never why: warm-up, load and leak look the same. So
 * statistics give at most `growth` here, and more only where independent
 * processes on both sides were compared. What is proven stays proven.
 */
#include "base/buf.h"
#include "base/num.h"
#include "rules/compose_private.h"
#include "rules/diff_judge_private.h"
#include "rules/identity_private.h"
#include "rules/rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool nomem(struct err *err)
{
    return err_nomem(err, "findings");
}

static bool counts(const struct diff_judge *j, enum diff_plane plane,
                   const struct diff_site *s)
{
    return diff_reason(j, plane, s) == COUNTS;
}

/* --- evidence ----------------------------------------------------------------
 */

/* What the evidence of one site points to. */
struct view {
    struct evidence e;
    struct evidence_stack stack;
    const char *renamed_by; /* how it is known that names changed; NULL */
    double value[2], objects[2], sampled[2], seconds[2];
};

static bool copy_frames(struct arena *arena, const struct diff_stack *from,
                        struct frame **out)
{
    struct frame *frames = arena_new(arena, struct frame, from->n_frames + 1);
    for (size_t i = 0; frames && i < from->n_frames; i++) {
        const struct diff_frame *f = &from->frames[i];
        frames[i] = (struct frame){
            .function = arena_strdup(arena, span_of(f->function)),
            .file = arena_strdup(arena, span_of(f->file)),
            .package = arena_strdup(arena, name_package(span_of(f->function))),
            .line = f->line,
            .origin = f->origin,
            .was = f->was ? arena_strdup(arena, span_of(f->was)) : NULL};
        if ((f->was && !frames[i].was) || !frames[i].function ||
            !frames[i].file || !frames[i].package) {
            return false;
        }
    }
    *out = frames;
    return frames != NULL;
}

/* Outermost user function reached from the site without crossing std. */
static const char *operation_of(const struct frame *frames, size_t n,
                                size_t site)
{
    const char *operation = NULL;
    for (size_t i = site; i < n && frames[i].origin <= ORIGIN_DEP; i++) {
        if (frames[i].origin == ORIGIN_USER) {
            operation = frames[i].function;
        }
    }
    return operation;
}

/* The site's frame on the stack; its first frame when names were normalised
   beyond recognition. */
static size_t find_site(const struct frame *frames, size_t n,
                        const struct diff_site *s)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(frames[i].function, s->frame.function) == 0) {
            return i;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (frames[i].origin <= s->frame.origin) {
            return i;
        }
    }
    return 0;
}

static void fill_trend(struct view *v, const struct diff_site *s, double q,
                       const struct diff_total *total)
{
    const struct series_about *about = v->e.about;
    v->value[0] = s->base;
    v->value[1] = s->head;
    v->objects[0] = s->base_objects;
    v->objects[1] = s->head_objects;
    v->sampled[0] = s->base_sampled;
    v->sampled[1] = s->head_sampled;
    v->seconds[1] = total->seconds > 0 ? total->seconds
                    : about->has_times ? about->seconds
                                       : 1;
    const bool is_heap = v->e.kind == EVIDENCE_HEAP;
    v->e.trend = (struct trend){
        .n = 2,
        .seconds = v->seconds,
        .value = v->value,
        .objects = is_heap ? v->objects : NULL,
        .sampled = is_heap ? v->sampled : NULL,
        .first = s->base,
        .last = s->head,
        .delta = s->delta,
        .growth = is_heap ? s->head_sampled - s->base_sampled : s->delta,
        .births = s->births,
        .deaths = s->deaths,
        .retention = s->retention,
        .z = s->z,
        .p = isnan(s->p) ? 1 : s->p,
        .q = isnan(q) ? 1 : q,
        .p_residence = 1,
        .has_times = about->has_times,
        .per_second = NAN,
        .per_second_low = NAN,
        .per_second_high = NAN,
        .relative_error = s->delta != 0 ? s->error / fabs(s->delta) : 0,
    };
}

static const enum evidence_kind evidence_of[] = {
    [DIFF_HEAP] = EVIDENCE_HEAP,
    [DIFF_GOROUTINE] = EVIDENCE_GOROUTINE,
    [DIFF_LEAK] = EVIDENCE_LEAK_PROFILE,
};

static bool fill_view(struct diff_judge *j, enum diff_plane plane,
                      const struct diff_site *s, struct view *v)
{
    struct arena *arena = &j->out->arena;
    struct diff_stack stack = {0};
    struct frame *frames = NULL;
    if (!series_diff_stack(j->diff, plane, s, arena, &stack, j->err)) {
        return false;
    }
    if (!copy_frames(arena, &stack, &frames)) {
        return nomem(j->err);
    }
    v->stack = (struct evidence_stack){.frames = frames,
                                       .n_frames = stack.n_frames,
                                       .first = stack.base,
                                       .last = stack.head,
                                       .delta = stack.head - stack.base,
                                       .objects_first = stack.base_objects,
                                       .objects_last = stack.head_objects};
    for (size_t i = 0; !v->renamed_by && i < stack.n_frames; i++) {
        v->renamed_by = stack.frames[i].was_by;
    }
    const size_t at = find_site(frames, stack.n_frames, s);
    const struct diff_total *heap = series_diff_total(j->diff, DIFF_HEAP);
    const struct diff_total *goroutine =
        series_diff_total(j->diff, DIFF_GOROUTINE);
    v->e = (struct evidence){
        .kind = evidence_of[plane],
        .grade = diff_grade(j, plane, s),
        .primitive = plane == DIFF_HEAP ? PRIMITIVE_OTHER
                                        : primitive_of(frames, stack.n_frames),
        .has_site = at < stack.n_frames && frames[at].origin <= ORIGIN_DEP,
        .is_leaf_site = at == 0 || frames[at - 1].origin == ORIGIN_RUNTIME,
        .operation = operation_of(frames, stack.n_frames, at),
        .stacks = &v->stack,
        .n_stacks = 1,
        .cohort_first = NAN,
        .cohort_left = NAN,
        .wait_minutes_max = NAN,
        .wait_minutes = NAN,
        .wait_minutes_others = NAN,
        .about = series_diff_about(j->diff),
        .total_heap_growth_bytes =
            heap->level[DIFF_HEAD] - heap->level[DIFF_BASE],
        .total_goroutine_growth =
            goroutine->level[DIFF_HEAD] - goroutine->level[DIFF_BASE],
    };
    if (at < stack.n_frames) {
        v->e.site = frames[at];
    }
    fill_trend(v, s, diff_q(j, plane, s), series_diff_total(j->diff, plane));
    return true;
}

/* --- one finding -------------------------------------------------------------
 */

/* "12 -> 146 sampled objects: 140 born, 6 freed, 96% of the born kept" */
static const char *counts_line(struct arena *arena, enum diff_plane plane,
                               const struct diff_site *s)
{
    if (plane != DIFF_HEAP) {
        return arena_printf(arena, "%.0f -> %.0f goroutine%s, z %.1f", s->base,
                            s->head, s->head == 1 ? "" : "s", s->z);
    }
    if (isnan(s->retention)) {
        return arena_printf(arena, "%.0f -> %.0f sampled objects, z %.1f",
                            s->base_sampled, s->head_sampled, s->z);
    }
    return arena_printf(arena,
                        "%.0f -> %.0f sampled objects: %.0f born, %.0f freed, "
                        "%.0f%% of the born kept, z %.1f",
                        s->base_sampled, s->head_sampled, s->births, s->deaths,
                        s->retention * 100, s->z);
}

static const char *amount_line(struct arena *arena, const char *before,
                               enum diff_plane plane, double v)
{
    struct buf text = BUF_LIMIT(256);
    buf_str(&text, before);
    diff_put_amount(&text, plane, v);
    const char *out =
        buf_ok(&text) ? arena_strdup(arena, buf_view(&text)) : NULL;
    buf_release(&text);
    return out;
}

static bool fill_lines(struct diff_judge *j, enum diff_plane plane,
                       const struct diff_site *s, const char *lines[3],
                       size_t *n)
{
    struct arena *arena = &j->out->arena;
    const struct diff_total *total = series_diff_total(j->diff, plane);
    const double floor = j->floor[plane][diff_site_index(j, plane, s)];
    lines[(*n)++] = counts_line(arena, plane, s);
    if (!isnan(s->p_runs)) {
        lines[(*n)++] = arena_printf(
            arena,
            "above base by more than the runs of a side differ: Welch's t test "
            "over %zu and %zu, p %.2g",
            total->n[DIFF_BASE], total->n[DIFF_HEAD], s->p_runs);
    } else if (s->stray > 0) {
        lines[(*n)++] = amount_line(
            arena, "the profiles of a process stray from its trend by at most ",
            plane, s->stray);
    }
    if (!isnan(floor)) {
        const char *text = arena_printf(
            arena, "above the noise floor of %zu runs, ", s->noise.n);
        lines[(*n)++] = text ? amount_line(arena, text, plane, floor) : NULL;
    }
    for (size_t i = 0; i < *n; i++) {
        if (!lines[i]) {
            return nomem(j->err);
        }
    }
    return true;
}

static void fill_metric(struct metric *m, const char *name, const char *unit,
                        double *series, double first, double last, double hours)
{
    series[0] = first;
    series[1] = last;
    *m = (struct metric){.name = name,
                         .unit = unit,
                         .first = first,
                         .last = last,
                         .delta = last - first,
                         .per_hour = hours > 0 ? (last - first) / hours : NAN,
                         .per_hour_low = NAN,
                         .per_hour_high = NAN,
                         .series = series,
                         .n_series = 2};
}

static bool fill_metrics(struct diff_judge *j, enum diff_plane plane,
                         const struct diff_site *s, struct finding *f)
{
    struct arena *arena = &j->out->arena;
    struct metric *m = arena_new(arena, struct metric, 2);
    double *series = arena_new(arena, double, 4);
    if (!m || !series) {
        return nomem(j->err);
    }
    /* A pace needs one process seen twice; heap profiles tell. */
    const bool has_pace = series_diff_total(j->diff, DIFF_HEAP)->is_one_process;
    const double hours =
        has_pace ? series_diff_total(j->diff, plane)->seconds / 3600 : 0;
    f->metrics = m;
    if (plane == DIFF_HEAP) {
        fill_metric(&m[0], "inuse_space", "bytes", series, s->base, s->head,
                    hours);
        fill_metric(&m[1], "inuse_objects", "count", series + 2,
                    s->base_objects, s->head_objects, hours);
        f->n_metrics = 2;
    } else {
        fill_metric(&m[0], "goroutines", "count", series, s->base, s->head,
                    hours);
        f->n_metrics = 1;
    }
    const double low = fmax(s->delta - 1.96 * s->error, 0);
    f->rank_bytes_per_hour =
        (plane == DIFF_HEAP ? low : low * compose_goroutine_bytes) /
        (hours > 0 ? hours : 1);
    return true;
}

static const enum profile_kind profile_of[] = {
    [DIFF_HEAP] = KIND_HEAP,
    [DIFF_GOROUTINE] = KIND_GOROUTINE,
    [DIFF_LEAK] = KIND_GOROUTINELEAK,
};

static const struct finding_statistics no_statistics = {.p = NAN,
                                                        .q = NAN,
                                                        .retention = NAN,
                                                        .sampled = NAN,
                                                        .relative_error = NAN};

static const char *state_of(const struct diff_judge *j, enum diff_plane plane,
                            const struct diff_site *s)
{
    if (series_diff_total(j->diff, plane)->n_profiles[DIFF_BASE] == 0) {
        return NULL;
    }
    return s->base <= 0 ? "new" : s->delta > 0 ? "worse" : "existing";
}

/* The ids are those of base, where it was called otherwise. */
static bool add(struct diff_judge *j, const struct view *v, struct finding *f)
{
    return finding_set_ids(f, j->err) &&
           finding_take_past_ids(f, v->renamed_by, &j->out->arena, j->err) &&
           findings_push(j->out, &j->cap, f, j->err);
}

/* What every program has, and never more of it. */
static bool is_usual(const struct view *v)
{
    return evidence_is_baseline(v->stack.frames, v->stack.n_frames) &&
           !evidence_is_listener(v->stack.frames, v->stack.n_frames);
}

static bool add_finding(struct diff_judge *j, enum diff_plane plane,
                        const struct diff_site *s, double held_bytes)
{
    struct arena *arena = &j->out->arena;
    struct view v = {0};
    if (!fill_view(j, plane, s, &v)) {
        return false;
    }
    v.e.companion_heap_bytes = held_bytes;
    if (plane == DIFF_GOROUTINE && is_usual(&v)) {
        j->out->n_within_noise++;
        return true;
    }
    struct rule_match match;
    const struct rule *rule = compose_match(NULL, &v.e, arena, &match);
    if (!rule) {
        return err_set(j->err, ERR_INTERNAL, "no rule fits %s",
                       s->frame.function);
    }
    const struct diff_total *total = series_diff_total(j->diff, plane);
    struct finding f = {
        .rule = rule,
        .grade = v.e.grade < rule->worst ? v.e.grade : rule->worst,
        .profile = profile_of[plane],
        .state = state_of(j, plane, s),
        .has_site = v.e.has_site,
        .site = v.e.site,
        .operation = v.e.operation,
        .stack = v.stack.frames,
        .n_stack = v.stack.n_frames,
        .statistics = {.points = total->n_profiles[DIFF_BASE] +
                                 total->n_profiles[DIFF_HEAD],
                       .p = s->p,
                       .q = diff_q(j, plane, s),
                       .retention = s->retention,
                       .z = s->z,
                       .sampled = plane == DIFF_HEAP ? s->head_sampled : NAN,
                       .relative_error = v.e.trend.relative_error},
    };
    const char *lines[3];
    size_t n_lines = 0;
    if (!fill_lines(j, plane, s, lines, &n_lines) ||
        !compose_texts(arena, &match, lines, n_lines, &f, j->err)) {
        return false;
    }
    if (f.grade == GRADE_GROWTH) {
        f.confirm = "seep leaks on a series of snapshots, ten are good";
    }
    return fill_metrics(j, plane, s, &f) && add(j, &v, &f);
}

static const char *amount_text(struct arena *arena, enum diff_plane plane,
                               const struct diff_site *s)
{
    struct buf text = BUF_LIMIT(256);
    diff_put_amount(&text, plane, s->base);
    buf_str(&text, plane == DIFF_HEAP ? " in base, " : " goroutines in base, ");
    diff_put_amount(&text, plane, s->head);
    buf_str(&text, " in head: what was here is gone");
    const char *out =
        buf_ok(&text) ? arena_strdup(arena, buf_view(&text)) : NULL;
    buf_release(&text);
    return out;
}

/* What base had is judged as if it had grown, to name it; the figures are as
   they are. */
static bool add_fixed(struct diff_judge *j, enum diff_plane plane,
                      const struct diff_site *s)
{
    struct diff_site back = *s;
    struct view v = {0};
    back.base = s->head;
    back.head = s->base;
    back.delta = -s->delta;
    if (!fill_view(j, plane, s, &v)) {
        return false;
    }
    fill_trend(&v, &back, NAN, series_diff_total(j->diff, plane));
    if (is_usual(&v)) {
        return true;
    }
    struct rule_match match;
    const struct rule *rule = compose_match(NULL, &v.e, &j->out->arena, &match);
    const char *cause = amount_text(&j->out->arena, plane, s);
    if (!rule || !cause) {
        return !cause ? nomem(j->err)
                      : err_set(j->err, ERR_INTERNAL, "no rule fits %s",
                                s->frame.function);
    }
    struct finding f = {
        .rule = rule,
        .grade = plane == DIFF_LEAK ? GRADE_PROVEN : GRADE_GROWTH,
        .profile = profile_of[plane],
        .state = "fixed",
        .has_site = v.e.has_site,
        .site = v.e.site,
        .operation = v.e.operation,
        .stack = v.stack.frames,
        .n_stack = v.stack.n_frames,
        .statistics = no_statistics,
    };
    f.statistics.z = s->z;
    match.n_evidence = 0;
    match.n_alternatives = 0;
    if (!compose_texts(&j->out->arena, &match, NULL, 0, &f, j->err)) {
        return false;
    }
    f.cause = cause;
    f.fix = f.confirm = "";
    f.n_alternatives = 0;
    return fill_metrics(j, plane, s, &f) && add(j, &v, &f);
}

/* --- all of them -------------------------------------------------------------
 */

/* The counting site of the other plane with this function, or NULL: one leak
   is one finding, its goroutines before the heap they hold. */
static const struct diff_site *counting_twin(const struct diff_judge *j,
                                             enum diff_plane plane,
                                             const char *function)
{
    size_t n = 0;
    const struct diff_site *sites = series_diff_has(j->diff, plane)
                                        ? series_diff_sites(j->diff, plane, &n)
                                        : NULL;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sites[i].frame.function, function) == 0 &&
            sites[i].frame.origin <= ORIGIN_DEP &&
            counts(j, plane, &sites[i])) {
            return &sites[i];
        }
    }
    return NULL;
}

/* The same for what is gone: told of the goroutines already. */
static bool has_fixed_twin(const struct diff_judge *j, enum diff_plane plane,
                           const struct diff_site *s)
{
    size_t n = 0;
    const struct diff_site *sites =
        plane == DIFF_HEAP && series_diff_has(j->diff, DIFF_GOROUTINE)
            ? series_diff_sites(j->diff, DIFF_GOROUTINE, &n)
            : NULL;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sites[i].frame.function, s->frame.function) == 0 &&
            diff_is_fixed(j, DIFF_GOROUTINE, &sites[i])) {
            return true;
        }
    }
    return false;
}

static bool judge_plane(struct diff_judge *j, enum diff_plane plane)
{
    size_t n = 0;
    const struct diff_site *sites = series_diff_sites(j->diff, plane, &n);
    for (size_t i = 0; i < n; i++) {
        const struct diff_site *s = &sites[i];
        if (diff_is_fixed(j, plane, s) && !has_fixed_twin(j, plane, s) &&
            !add_fixed(j, plane, s)) {
            return false;
        }
        if (!counts(j, plane, s)) {
            const bool is_small = diff_reason(j, plane, s) == BELOW_LIMITS;
            j->out->n_within_noise += s->delta > 0 && !is_small;
            j->out->n_below_limits += is_small;
            continue;
        }
        double held_bytes = 0;
        if (plane == DIFF_GOROUTINE) {
            const struct diff_site *twin =
                counting_twin(j, DIFF_HEAP, s->frame.function);
            held_bytes = twin ? twin->delta : 0;
        }
        const bool is_told =
            (plane == DIFF_HEAP &&
             counting_twin(j, DIFF_GOROUTINE, s->frame.function)) ||
            (plane == DIFF_GOROUTINE &&
             counting_twin(j, DIFF_LEAK, s->frame.function));
        if (!is_told && !add_finding(j, plane, s, held_bytes)) {
            return false;
        }
    }
    return true;
}

static bool find_limits(struct diff_judge *j)
{
    struct diff_limit of[N_DIFF_PLANES] = {
        [DIFF_HEAP] = {NAN, NAN, NULL},
        [DIFF_GOROUTINE] = {NAN, NAN, NULL},
    };
    for (int k = DIFF_HEAP; k <= DIFF_GOROUTINE; k++) {
        const enum diff_plane plane = (enum diff_plane)k;
        if (!series_diff_has(j->diff, plane)) {
            continue;
        }
        of[k] = diff_limit_of(j, plane);
        if (of[k].most_at) {
            of[k].most_at =
                arena_strdup(&j->out->arena, span_of(of[k].most_at));
            if (!of[k].most_at) {
                return nomem(j->err);
            }
        }
    }
    j->out->limits = (struct limits){
        .heap_bytes = of[DIFF_HEAP].least,
        .goroutines = of[DIFF_GOROUTINE].least,
        .heap_most = {of[DIFF_HEAP].most,      of[DIFF_HEAP].most_at},
        .goroutines_most = {of[DIFF_GOROUTINE].most,
                      of[DIFF_GOROUTINE].most_at                    },
    };
    return true;
}

/* The best grade of what is there now. */
static enum verdict verdict_of(const struct findings *f)
{
    enum verdict out = VERDICT_CLEAN;
    for (size_t i = 0; i < f->n; i++) {
        const struct finding *it = &f->items[i];
        const bool is_fixed_now = it->state && strcmp(it->state, "fixed") == 0;
        const enum verdict v = is_fixed_now                ? VERDICT_CLEAN
                               : it->grade >= GRADE_STRONG ? VERDICT_LEAK
                                                           : VERDICT_GROWTH;
        out = v > out ? v : out;
    }
    return out;
}

/* What would decide, of the first site that is open; NULL none is. */
static const char *find_open(const struct diff_judge *j)
{
    for (int k = DIFF_HEAP; k <= DIFF_GOROUTINE; k++) {
        size_t n = 0;
        const enum diff_plane plane = (enum diff_plane)k;
        const struct diff_site *sites =
            series_diff_has(j->diff, plane)
                ? series_diff_sites(j->diff, plane, &n)
                : NULL;
        for (size_t i = 0; i < n; i++) {
            const char *advice = diff_open_advice(j, plane, &sites[i]);
            if (advice) {
                return advice;
            }
        }
    }
    return NULL;
}

static bool finish(struct diff_judge *j)
{
    struct findings *out = j->out;
    findings_sort(out);
    if (!diff_add_notes(j)) {
        return false;
    }
    const struct series_about *about = series_diff_about(j->diff);
    if (about->program != NULL) {
        out->program = arena_strdup(&out->arena, span_of(about->program));
        if (out->program == NULL) {
            return nomem(j->err);
        }
    }
    out->is_comparison = true;
    out->window_seconds = about->has_times ? about->seconds : 0;
    out->kinds =
        (series_diff_has(j->diff, DIFF_HEAP) ? PROFILE_BIT(KIND_HEAP) : 0) |
        (series_diff_has(j->diff, DIFF_GOROUTINE) ? PROFILE_BIT(KIND_GOROUTINE)
                                                  : 0);
    if (!find_limits(j)) {
        return false;
    }
    out->oom = (struct out_of_memory){
        .seconds = NAN, .seconds_low = NAN, .seconds_high = NAN};
    out->verdict = verdict_of(out);
    out->limits.advice = find_open(j);
    out->is_open =
        out->limits.advice != NULL || series_diff_undecided(j->diff) != NULL;
    if (out->verdict == VERDICT_CLEAN && out->is_open) {
        out->verdict = VERDICT_INCONCLUSIVE;
    }
    return true;
}

bool rules_judge_diff(const struct series_diff *d,
                      const struct rules_diff_options *options,
                      struct findings *out, struct err *err)
{
    struct diff_judge j = {
        .diff = d, .options = options, .out = out, .err = err};
    if (!diff_prepare(&j)) {
        return false;
    }
    for (int k = N_DIFF_PLANES - 1; k >= 0; k--) {
        if (series_diff_has(d, (enum diff_plane)k) &&
            !judge_plane(&j, (enum diff_plane)k)) {
            return false;
        }
    }
    return finish(&j);
}
