/*
 * The series: takes snapshots in any order, keeps of each only (row, values)
 * cells, and puts them in order once at the end. Deciding what counts is cut
 * into small passes, each its own file: order, roles, segments, states.
 */
#include "series/series.h"

#include "base/limits.h"
#include "base/num.h"
#include "series/points_private.h"

#include <assert.h>
#include <string.h>

static bool nomem(struct err *err)
{
    return err_nomem(err, "keeping a snapshot");
}

struct series *series_new(const struct series_options *options)
{
    struct series *s = calloc(1, sizeof *s);
    if (s) {
        s->options = options ? *options : (struct series_options){0};
        s->table = s->options.table ? s->options.table : &s->own;
    }
    return s;
}

void series_free(struct series *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < s->all.n; i++) {
        series_cells_vec_release(&s->all.items[i].cells);
        series_goroutines_release(&s->all.items[i].goroutines);
    }
    points_release(&s->all);
    for (int i = 0; i < N_PLANES; i++) {
        vec_u32_release(&s->planes[i].at);
        vec_double_release(&s->planes[i].seconds);
    }
    series_inputs_vec_release(&s->inputs);
    series_notes_vec_release(&s->notes);
    series_runs_vec_release(&s->runs);
    series_dumps_vec_release(&s->dumps);
    series_memstats_vec_release(&s->memstats);
    series_locals_release(&s->locals);
    stacks_release(&s->own);
    arena_release(&s->arena);
    free(s);
}

bool series_add_note(struct series *s, const char *note, struct err *err)
{
    return (note && series_notes_vec_push(&s->notes, note)) || nomem(err);
}

void point_unused(struct series *s, uint32_t point, const char *why)
{
    struct series_input *in = &s->inputs.items[s->all.items[point].input];
    in->used = false;
    in->why = why;
}

void point_explain(struct series *s, uint32_t point, const char *how)
{
    struct series_input *in = &s->inputs.items[s->all.items[point].input];
    in->used = true;
    in->why = how;
}

bool series_note_input(struct series *s, const char *source,
                       enum profile_kind kind, const char *why, struct err *err)
{
    struct series_input in = {.kind = kind, .form = FORM_OTHER};
    in.source = arena_strdup(&s->arena, span_of(source));
    in.why = why ? arena_strdup(&s->arena, span_of(why)) : NULL;
    if (!in.source || (why && !in.why)) {
        return nomem(err);
    }
    return series_inputs_vec_push(&s->inputs, in) || nomem(err);
}

/* --- what a file name counts -----------------------------------------------
 */

/* "snap/07.heap.debug1.txt.gz" -> "07": the digits of the base name, without
   those that tell the form (debug1) or a Go version (go1.23). */
static const char *name_number(struct arena *a, const char *source)
{
    struct span rest = span_of(text_base_name(source));
    char digits[64];
    size_t n = 0;
    while (rest.len > 0 && n + 1 < sizeof digits) {
        if (span_starts(rest, "debug=") && rest.len > 6) {
            rest = span_from(rest, 7);
        } else if (span_starts(rest, "debug") && rest.len > 5) {
            rest = span_from(rest, 6);
        } else if (span_starts(rest, "go1.")) {
            rest = span_from(rest, 4);
            while (rest.len > 0 &&
                   (*rest.p == '.' || (*rest.p >= '0' && *rest.p <= '9'))) {
                rest = span_from(rest, 1);
            }
        } else {
            if (*rest.p >= '0' && *rest.p <= '9') {
                digits[n++] = *rest.p;
            } else if (n > 0 && digits[n - 1] != '.') {
                digits[n++] = '.';
            }
            rest = span_from(rest, 1);
        }
    }
    while (n > 0 && digits[n - 1] == '.') {
        n--;
    }
    return arena_strdup(a, (struct span){digits, n});
}

/* --- adding -----------------------------------------------------------------
 */

/* Takes what the point owns, whatever becomes of it. */
static bool take_point(struct series *s, struct series_point *p, uint32_t input,
                       struct err *err)
{
    struct point pt = {.input = input,
                       .kind = p->kind,
                       .form = p->form,
                       .own_nanos = p->time_nanos,
                       .time_nanos = p->time_nanos,
                       .source = s->inputs.items[input].source,
                       .program = p->program,
                       .build_id = p->build_id,
                       .period_bytes = p->period_bytes,
                       .is_delta = p->is_delta,
                       .cells = p->cells,
                       .goroutines = p->goroutines,
                       .is_truncated = p->is_truncated,
                       .is_collected = p->is_collected,
                       .memstats = p->memstats};
    pt.number = name_number(&s->arena, pt.source);
    if (!pt.number || !points_push(&s->all, pt)) {
        series_point_release(p);
        return nomem(err);
    }
    *p = (struct series_point){0};
    return true;
}

/* Who gives a heap dump here means `seep heap`. */
static const char *why_aside(enum profile_kind kind)
{
    return kind == KIND_HEAPDUMP
               ? "seep heap judges it, and --heap joins it with profiles"
               : "takes no part in the verdict";
}

/* Lists it; `*takes_part` says whether a point is to follow. */
static bool add_input(struct series *s, const struct series_input *in,
                      bool has_content, bool *takes_part, struct err *err)
{
    struct series_input copy = *in;
    assert(!s->is_finished);
    if (s->inputs.n >= LIMIT_SNAPSHOTS) {
        return err_set(err, ERR_LIMIT, "more than %u snapshots",
                       LIMIT_SNAPSHOTS);
    }
    copy.source = arena_strdup(&s->arena, span_of(in->source));
    *takes_part = has_content && series_takes_part(in->kind);
    copy.used = *takes_part;
    copy.why = *takes_part ? NULL : why_aside(in->kind);
    return (copy.source && series_inputs_vec_push(&s->inputs, copy)) ||
           nomem(err);
}

bool series_add(struct series *s, const struct snapshot *snap, struct err *err)
{
    const struct series_input in = {.source = snap->source,
                                    .kind = snap->kind,
                                    .form = snap->form,
                                    .time_nanos = snap->time_nanos};
    bool takes_part = false;
    if (!add_input(s, &in, snap->profile || snap->dump, &takes_part, err)) {
        return false;
    }
    if (!takes_part) {
        return true;
    }
    struct series_point p = {0};
    return series_point_of(s->table, snap, &p, err) &&
           take_point(s, &p, (uint32_t)s->inputs.n - 1, err);
}

bool series_take_point(struct series *s, const char *source,
                       struct series_point *p, struct err *err)
{
    const struct series_input in = {.source = source,
                                    .kind = p->kind,
                                    .form = p->form,
                                    .time_nanos = p->time_nanos};
    bool takes_part = false;
    const bool ok = add_input(s, &in, true, &takes_part, err);
    if (!ok || !takes_part) {
        series_point_release(p);
        return ok;
    }
    return take_point(s, p, (uint32_t)s->inputs.n - 1, err);
}

bool series_add_point(struct series *s, const char *source,
                      const struct series_point *p, struct err *err)
{
    struct series_point copy;
    assert(s->table != &s->own);
    return series_point_copy(p, &copy, err) &&
           series_take_point(s, source, &copy, err);
}

/* --- finishing ---------------------------------------------------------------
 */

/* Seconds of every point of a plane since the first point of any plane. */
static bool fill_seconds(struct series *s, int64_t origin, struct err *err)
{
    for (int k = 0; k < N_PLANES; k++) {
        struct plane *pl = &s->planes[k];
        for (size_t i = 0; i < pl->at.n; i++) {
            const struct point *pt = &s->all.items[pl->at.items[i]];
            const double at =
                s->about.has_times
                    ? (double)sub_sat_i64(pt->time_nanos, origin) / 1e9
                    : (double)i;
            if (!vec_double_push(&pl->seconds, at)) {
                return nomem(err);
            }
        }
    }
    return true;
}

static void find_window(struct series *s)
{
    int64_t first = INT64_MAX;
    int64_t last = INT64_MIN;
    bool has_times = true;
    for (int k = PLANE_HEAP; k <= PLANE_GOROUTINE; k++) {
        const struct plane *pl = &s->planes[k];
        for (size_t i = 0; i < pl->at.n; i++) {
            const int64_t t = s->all.items[pl->at.items[i]].time_nanos;
            has_times = has_times && t != 0;
            first = t < first ? t : first;
            last = t > last ? t : last;
        }
    }
    s->about.has_times = has_times && first < last;
    if (has_times && first <= last) {
        s->about.first_nanos = first;
        s->about.last_nanos = last;
        s->about.seconds = (double)sub_sat_i64(last, first) / 1e9;
    }
}

static bool collect_evidence(struct series *s, struct err *err)
{
    for (size_t i = 0; i < s->all.n; i++) {
        const struct point *pt = &s->all.items[i];
        const double at =
            s->about.has_times && pt->time_nanos
                ? (double)sub_sat_i64(pt->time_nanos, s->about.first_nanos) /
                      1e9
                : (double)i;
        if (!s->inputs.items[pt->input].used) {
            continue;
        }
        if (pt->form == FORM_DUMP &&
            !series_dumps_vec_push(
                &s->dumps,
                (struct series_dump){pt->source, at, pt->goroutines.items,
                                     pt->goroutines.n, pt->is_truncated})) {
            return nomem(err);
        }
        if (pt->memstats.present &&
            !series_memstats_vec_push(
                &s->memstats,
                (struct series_memstats){pt->source, at, pt->memstats})) {
            return nomem(err);
        }
    }
    return true;
}

static void describe(struct series *s)
{
    s->about.n_heap = (uint32_t)s->planes[PLANE_HEAP].at.n;
    s->about.n_goroutine = (uint32_t)s->planes[PLANE_GOROUTINE].at.n;
    s->about.n_leak = (uint32_t)s->planes[PLANE_LEAK].at.n;
    s->about.n_dumps = (uint32_t)s->dumps.n;
    for (size_t i = 0; i < s->all.n; i++) {
        const struct point *pt = &s->all.items[i];
        if (*pt->program && !s->about.program) {
            s->about.program = text_base_name(pt->program);
        }
        const bool is_of_run = s->inputs.items[pt->input].run == s->about.run;
        if (*pt->build_id && !s->about.build_id && is_of_run) {
            s->about.build_id = pt->build_id;
        }
    }
    for (int k = PLANE_HEAP; k <= PLANE_GOROUTINE; k++) {
        const struct plane *pl = &s->planes[k];
        if (pl->at.n == 0) {
            continue;
        }
        const struct point *last = &s->all.items[pl->at.items[pl->at.n - 1]];
        double total = 0;
        for (size_t i = 0; i < last->cells.n; i++) {
            total +=
                (double)(k == PLANE_HEAP ? last->cells.items[i].in_use_bytes
                                         : last->cells.items[i].in_use);
        }
        if (k == PLANE_HEAP) {
            s->about.live_heap_bytes = total;
            s->about.heap_period_bytes = last->period_bytes;
        } else {
            s->about.live_goroutines = total;
        }
    }
}

/* Inputs in the order of the series: points as sorted, then the rest. */
static bool sort_inputs(struct series *s, struct err *err)
{
    struct series_inputs_vec sorted = {0};
    if (s->inputs.n == 0) {
        return true;
    }
    if (!series_inputs_vec_reserve(&sorted, s->inputs.n)) {
        return nomem(err);
    }
    assert(sorted.items);
    uint8_t *taken = calloc(s->inputs.n, 1);
    if (!taken) {
        series_inputs_vec_release(&sorted);
        return nomem(err);
    }
    for (size_t i = 0; i < s->all.n; i++) {
        const uint32_t at = s->all.items[i].input;
        taken[at] = 1;
        s->all.items[i].input = (uint32_t)sorted.n;
        sorted.items[sorted.n++] = s->inputs.items[at];
    }
    for (size_t i = 0; i < s->inputs.n; i++) {
        if (!taken[i]) {
            sorted.items[sorted.n++] = s->inputs.items[i];
        }
    }
    free(taken);
    series_inputs_vec_release(&s->inputs);
    s->inputs = sorted;
    return true;
}

/* Of the run that `about` names. */
static bool read_run(struct series *s, struct err *err)
{
    series_keep_run(s);
    series_distinct_states(s);
    find_window(s);
    if (!fill_seconds(s, s->about.first_nanos, err) ||
        !collect_evidence(s, err)) {
        return false;
    }
    describe(s);
    return true;
}

bool series_finish(struct series *s, struct err *err)
{
    assert(!s->is_finished);
    s->is_finished = true;
    return series_localise(s, err) && series_order(s, err) &&
           sort_inputs(s, err) && series_assign_roles(s, err) &&
           series_segment(s, err) && read_run(s, err);
}

/* --- another run -------------------------------------------------------------
 */

/* As they were before a run was chosen. */
static void forget_run(struct series *s)
{
    for (uint32_t i = 0; i < s->all.n; i++) {
        point_explain(s, i, NULL);
    }
    for (int k = 0; k < N_PLANES; k++) {
        s->planes[k].at.n = 0;
        s->planes[k].seconds.n = 0;
    }
    s->dumps.n = 0;
    s->memstats.n = 0;
}

bool series_choose_run(struct series *s, uint32_t run, struct err *err)
{
    assert(s->is_finished && run > 0 && run <= s->runs.n);
    if (run == s->about.run) {
        return true;
    }
    forget_run(s);
    s->about =
        (struct series_about){.n_segments = s->about.n_segments, .run = run};
    return series_assign_roles(s, err) && read_run(s, err);
}

/* --- reading -----------------------------------------------------------------
 */

const struct series_input *series_inputs(const struct series *s, size_t *n)
{
    *n = s->inputs.n;
    return s->inputs.items;
}

const char *const *series_notes(const struct series *s, size_t *n)
{
    *n = s->notes.n;
    return s->notes.items;
}

const struct series_run *series_runs(const struct series *s, size_t *n)
{
    *n = s->runs.n;
    return s->runs.items;
}

const struct series_about *series_about(const struct series *s)
{
    return &s->about;
}

const char *series_module(const struct series *s)
{
    return s->options.module ? s->options.module : "";
}

size_t series_n_points(const struct series *s, enum series_plane plane)
{
    return s->planes[plane].at.n;
}

const double *series_seconds(const struct series *s, enum series_plane plane)
{
    return s->planes[plane].seconds.items;
}

const struct series_cell *series_cells(const struct series *s,
                                       enum series_plane plane, size_t point,
                                       size_t *n)
{
    const struct point *pt = &s->all.items[s->planes[plane].at.items[point]];
    *n = pt->cells.n;
    return pt->cells.items;
}

const struct series_dump *series_dumps(const struct series *s, size_t *n)
{
    *n = s->dumps.n;
    return s->dumps.items;
}

const struct series_memstats *series_memstats(const struct series *s, size_t *n)
{
    *n = s->memstats.n;
    return s->memstats.items;
}
