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
    if (s && options) {
        s->options = *options;
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
    series_dumps_vec_release(&s->dumps);
    series_memstats_vec_release(&s->memstats);
    vec_u32_release(&s->slot_of_row);
    stacks_release(&s->stacks);
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
    const char *slash = strrchr(source, '/');
    struct span rest = span_of(slash ? slash + 1 : source);
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

/* --- cells ------------------------------------------------------------------
 */

/* The cell of `row` in the point being filled; rows seen twice share one. */
static struct series_cell *cell_of(struct series *s, struct point *pt,
                                   uint32_t row)
{
    while (s->slot_of_row.n <= row) {
        if (!vec_u32_push(&s->slot_of_row, 0)) {
            return NULL;
        }
    }
    const uint32_t slot = s->slot_of_row.items[row];
    if (slot < pt->cells.n && pt->cells.items[slot].row == row) {
        return &pt->cells.items[slot];
    }
    s->slot_of_row.items[row] = (uint32_t)pt->cells.n;
    if (!series_cells_vec_push(&pt->cells, (struct series_cell){.row = row})) {
        return NULL;
    }
    return &pt->cells.items[pt->cells.n - 1];
}

struct columns {
    int alloc_objects, alloc_bytes, in_use, in_use_bytes;
};

static int64_t value_at(const struct profile *p, uint32_t sample, int column)
{
    if (column < 0) {
        return 0;
    }
    return p->values[(size_t)sample * p->n_types + (size_t)column];
}

static struct columns columns_of(const struct profile *p,
                                 enum profile_kind kind)
{
    if (kind == KIND_HEAP || kind == KIND_ALLOCS) {
        return (struct columns){profile_type_index(p, "alloc_objects"),
                                profile_type_index(p, "alloc_space"),
                                profile_type_index(p, "inuse_objects"),
                                profile_type_index(p, "inuse_space")};
    }
    return (struct columns){-1, -1, 0, -1};
}

static bool add_sample(struct series *s, struct point *pt,
                       const struct profile *p, const struct columns *c,
                       uint32_t row, uint32_t i, struct err *err)
{
    struct series_cell *cell = cell_of(s, pt, row);
    if (!cell) {
        return nomem(err);
    }
    cell->alloc_objects =
        add_sat_i64(cell->alloc_objects, value_at(p, i, c->alloc_objects));
    cell->alloc_bytes =
        add_sat_i64(cell->alloc_bytes, value_at(p, i, c->alloc_bytes));
    cell->in_use = add_sat_i64(cell->in_use, value_at(p, i, c->in_use));
    cell->in_use_bytes =
        add_sat_i64(cell->in_use_bytes, value_at(p, i, c->in_use_bytes));
    return true;
}

static bool add_samples(struct series *s, struct point *pt,
                        const struct profile *p, struct err *err)
{
    const struct columns c = columns_of(p, pt->kind);
    struct stacks_map map;
    bool ok = stacks_map_init(&map, &s->stacks, p, err);
    for (uint32_t i = 0; ok && i < p->n_samples; i++) {
        if (value_at(p, i, c.in_use) == 0 &&
            value_at(p, i, c.alloc_objects) == 0) {
            continue; /* new records of all zeros appear in every profile */
        }
        uint32_t row = 0;
        ok = stacks_row(&s->stacks, &map, p, i, &row, err) &&
             add_sample(s, pt, p, &c, row, i, err);
    }
    stacks_map_release(&map);
    return ok;
}

/* --- adding -----------------------------------------------------------------
 */

static bool describe_profile(struct series *s, struct point *pt,
                             const struct profile *p, struct err *err)
{
    struct span program = {0};
    struct span build_id = {0};
    for (uint32_t i = 0; i < p->n_mappings && program.len == 0; i++) {
        program = profile_span(p, p->mappings[i].file);
        build_id = profile_span(p, p->mappings[i].build_id);
    }
    pt->program = arena_strdup(&s->arena, program);
    pt->build_id = arena_strdup(&s->arena, build_id);
    pt->period_bytes = p->period;
    pt->is_delta = pt->kind != KIND_CPU && p->duration_nanos > 0;
    pt->memstats = p->memstats;
    return (pt->program && pt->build_id) || nomem(err);
}

static bool add_goroutine(struct series *s, struct point *pt,
                          const struct goroutine_dump *d,
                          const struct dump_goroutine *g, struct err *err)
{
    struct series_goroutine out = {.id = g->id,
                                   .wait_minutes = g->wait_minutes,
                                   .is_leaked = g->is_leaked,
                                   .creator_id = g->creator_id};
    if (!stacks_dump_row(&s->stacks, d, g, &out.row, err)) {
        return false;
    }
    uint32_t status = 0;
    if (!intern_add(&s->stacks.names, span_of(dump_text(d, g->status)), &status,
                    err)) {
        return false;
    }
    out.status = intern_text(&s->stacks.names, status);
    if (g->has_creator) {
        uint32_t name = 0;
        uint32_t file = 0;
        if (!intern_add(&s->stacks.names,
                        span_of(dump_text(d, g->creator.function)), &name,
                        err) ||
            !intern_add(&s->stacks.names,
                        span_of(dump_text(d, g->creator.file)), &file, err)) {
            return false;
        }
        out.has_creator = true;
        out.creator = (struct series_frame){
            STACK_NONE, intern_text(&s->stacks.names, name),
            intern_text(&s->stacks.names, file), g->creator.line};
    }
    return series_goroutines_push(&pt->goroutines, out) || nomem(err);
}

/* A dump counts its goroutines too: where no profile does, it is a point. */
static bool add_dump(struct series *s, struct point *pt,
                     const struct goroutine_dump *d, struct err *err)
{
    pt->is_truncated = d->is_truncated;
    for (size_t i = 0; i < d->goroutines.n; i++) {
        if (!add_goroutine(s, pt, d, &d->goroutines.items[i], err)) {
            return false;
        }
        const struct series_goroutine *g =
            &pt->goroutines.items[pt->goroutines.n - 1];
        struct series_cell *cell = cell_of(s, pt, g->row);
        if (!cell) {
            return nomem(err);
        }
        cell->in_use++;
    }
    return true;
}

static bool takes_part(enum profile_kind kind)
{
    return kind == KIND_HEAP || kind == KIND_ALLOCS || kind == KIND_GOROUTINE ||
           kind == KIND_GOROUTINELEAK;
}

static bool add_point(struct series *s, const struct snapshot *snap,
                      uint32_t input, struct err *err)
{
    struct point pt = {.input = input,
                       .kind = snap->kind,
                       .form = snap->form,
                       .own_nanos = snap->time_nanos,
                       .time_nanos = snap->time_nanos,
                       .source = s->inputs.items[input].source,
                       .program = "",
                       .build_id = ""};
    pt.number = name_number(&s->arena, pt.source);
    bool ok = pt.number != NULL || nomem(err);
    if (ok && snap->profile) {
        ok = describe_profile(s, &pt, snap->profile, err) &&
             add_samples(s, &pt, snap->profile, err);
    } else if (ok && snap->dump) {
        ok = add_dump(s, &pt, snap->dump, err);
    }
    if (ok && !points_push(&s->all, pt)) {
        ok = nomem(err);
    }
    if (!ok) {
        series_cells_vec_release(&pt.cells);
        series_goroutines_release(&pt.goroutines);
    }
    return ok;
}

bool series_add(struct series *s, const struct snapshot *snap, struct err *err)
{
    assert(!s->is_finished);
    struct series_input in = {.kind = snap->kind,
                              .form = snap->form,
                              .time_nanos = snap->time_nanos,
                              .used = true};
    if (s->inputs.n >= LIMIT_SNAPSHOTS) {
        return err_set(err, ERR_LIMIT, "more than %u snapshots",
                       LIMIT_SNAPSHOTS);
    }
    in.source = arena_strdup(&s->arena, span_of(snap->source));
    if (!in.source || !series_inputs_vec_push(&s->inputs, in)) {
        return nomem(err);
    }
    const uint32_t input = (uint32_t)s->inputs.n - 1;
    if (!takes_part(snap->kind) || (!snap->profile && !snap->dump)) {
        s->inputs.items[input].used = false;
        s->inputs.items[input].why = "takes no part in the verdict";
        return true;
    }
    return add_point(s, snap, input, err);
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

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
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
            s->about.program = base_name(pt->program);
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

bool series_finish(struct series *s, struct err *err)
{
    assert(!s->is_finished);
    s->is_finished = true;
    if (!series_order(s, err) || !sort_inputs(s, err) ||
        !series_assign_roles(s, err) || !series_segment(s, err) ||
        !series_distinct_states(s, err)) {
        return false;
    }
    find_window(s);
    if (!fill_seconds(s, s->about.first_nanos, err) ||
        !collect_evidence(s, err)) {
        return false;
    }
    describe(s);
    return true;
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

const struct series_about *series_about(const struct series *s)
{
    return &s->about;
}

const char *series_module(const struct series *s)
{
    return s->options.module ? s->options.module : "";
}

uint32_t series_n_rows(const struct series *s)
{
    return (uint32_t)s->stacks.rows.n;
}

uint32_t series_n_funcs(const struct series *s)
{
    return (uint32_t)intern_count(&s->stacks.funcs);
}

const char *series_func_name(const struct series *s, uint32_t func)
{
    return intern_text(&s->stacks.funcs, func);
}

bool series_row_frames(const struct series *s, uint32_t row,
                       struct series_frames *out, struct err *err)
{
    const struct stack_row *r = &s->stacks.rows.items[row];
    for (uint32_t i = 0; i < r->n_locs; i++) {
        const struct stack_loc l =
            s->stacks.locs.items[s->stacks.keys.items[r->key + i]];
        for (uint32_t k = 0; k < l.n; k++) {
            const struct stack_frame *f = &s->stacks.frames.items[l.first + k];
            if (!series_frames_push(
                    out,
                    (struct series_frame){
                        f->func, intern_text(&s->stacks.names, f->name),
                        intern_text(&s->stacks.names, f->file), f->line})) {
                return nomem(err);
            }
        }
    }
    return true;
}

int64_t series_row_block_bytes(const struct series *s, uint32_t row)
{
    return s->stacks.rows.items[row].block_bytes;
}

bool series_row_label(const struct series *s, uint32_t row, uint32_t i,
                      const char **key, const char **value)
{
    const struct stack_row *r = &s->stacks.rows.items[row];
    if (i >= r->n_labels) {
        return false;
    }
    const uint32_t at = r->key + r->n_locs + 2 * i;
    *key = intern_text(&s->stacks.names, s->stacks.keys.items[at]);
    *value = intern_text(&s->stacks.names, s->stacks.keys.items[at + 1]);
    return true;
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
