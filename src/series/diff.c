/*
 * Taking snapshots into a diff. Stacks are interned as in a series; a site is
 * found once per stack, from what is known once per location. Of each profile
 * only sums are kept, by row and by site: which of them is the last of its
 * process is known when all are there.
 */
#include "series/diff.h"

#include "base/num.h"
#include "series/diff_private.h"
#include "series/sampling_private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Which frame of a stack names its site: lower is better. */
enum rank { RANK_USER, RANK_DEP, RANK_STD, RANK_RUNTIME, RANK_PROFILER };

static bool nomem(struct err *err)
{
    return err_nomem(err, "comparing profiles");
}

struct series_diff *series_diff_new(const char *module)
{
    struct series_diff *d = calloc(1, sizeof *d);
    if (d) {
        d->module = module ? module : "";
    }
    return d;
}

static void column_release(struct diff_column *c)
{
    diff_sums_release(&c->sites);
    diff_sums_release(&c->rows);
}

static void layer_release(struct diff_layer *l)
{
    stacks_release(&l->stacks);
    vec_u32_release(&l->loc_site);
    vec_u32_release(&l->loc_rank);
    vec_u32_release(&l->row_site);
    vec_u32_release(&l->row_frame);
    vec_u32_release(&l->func_site);
    for (int side = 0; side < N_DIFF_GROUPS; side++) {
        for (int c = 0; c < N_CLASSES; c++) {
            struct diff_group *g = &l->groups[side][c];
            for (size_t i = 0; i < g->columns.n; i++) {
                column_release(&g->columns.items[i]);
            }
            diff_columns_release(&g->columns);
            diff_sums_release(&g->rows);
            diff_sums_release(&g->levels);
        }
    }
    free(l->sites);
    diff_rows_release(&l->site_rows);
}

void series_diff_free(struct series_diff *d)
{
    if (!d) {
        return;
    }
    for (int k = 0; k < N_DIFF_PLANES; k++) {
        layer_release(&d->layers[k]);
    }
    diff_inputs_vec_release(&d->inputs);
    diff_notes_vec_release(&d->notes);
    arena_release(&d->arena);
    free(d);
}

/* --- sites ------------------------------------------------------------------
 */

enum frame_origin diff_frame_origin(const struct series_diff *d,
                                    const struct diff_layer *l,
                                    const struct stack_frame *f)
{
    return name_origin(intern_span(&l->stacks.names, f->name),
                       intern_span(&l->stacks.names, f->file),
                       span_of(d->module));
}

static enum rank rank_of(const struct series_diff *d,
                         const struct diff_layer *l,
                         const struct stack_frame *f)
{
    if (series_is_profiler_function(intern_text(&l->stacks.names, f->name))) {
        return RANK_PROFILER;
    }
    switch (diff_frame_origin(d, l, f)) {
    case ORIGIN_USER:
        return RANK_USER;
    case ORIGIN_DEP:
        return RANK_DEP;
    case ORIGIN_STD:
        return RANK_STD;
    case ORIGIN_RUNTIME:
        break;
    }
    return RANK_RUNTIME;
}

/* Of the frames of each new location, the best; the innermost of equals. The
   profiler's own work outranks all: such a stack belongs to no site. */
static bool look_at_locations(const struct series_diff *d, struct diff_layer *l,
                              struct err *err)
{
    const struct stack_table *t = &l->stacks;
    for (; l->n_locs_known < t->locs.n; l->n_locs_known++) {
        const struct stack_loc loc = t->locs.items[l->n_locs_known];
        enum rank best = RANK_RUNTIME;
        uint32_t at = loc.first;
        for (uint32_t i = 0; i < loc.n; i++) {
            const enum rank rank =
                rank_of(d, l, &t->frames.items[loc.first + i]);
            if (rank == RANK_PROFILER) {
                best = rank;
                break;
            }
            if (rank < best) {
                best = rank;
                at = loc.first + i;
            }
        }
        if (!vec_u32_push(&l->loc_site, at) ||
            !vec_u32_push(&l->loc_rank, (uint32_t)best)) {
            return nomem(err);
        }
    }
    return true;
}

/* Frame that names the row, or DIFF_NO_SITE. Goroutines of the standard
   library alone are named by what they were started with, the outermost
   frame; allocations by the innermost one that is not the runtime's. */
static uint32_t frame_of_row(const struct diff_layer *l, uint32_t row,
                             bool is_heap)
{
    const struct stack_row *r = &l->stacks.rows.items[row];
    const uint32_t *key = l->stacks.keys.items + r->key;
    uint32_t best = RANK_RUNTIME + 1;
    uint32_t frame = DIFF_NO_SITE;
    for (uint32_t i = 0; i < r->n_locs; i++) {
        const uint32_t rank = l->loc_rank.items[key[i]];
        if (rank == RANK_PROFILER) {
            return DIFF_NO_SITE;
        }
        if (rank < best) {
            best = rank;
            frame = l->loc_site.items[key[i]];
        }
    }
    if (best >= RANK_STD && !is_heap && r->n_locs > 0) {
        const struct stack_loc last = l->stacks.locs.items[key[r->n_locs - 1]];
        frame = last.first + last.n - 1;
    }
    return frame;
}

static bool site_of_function(struct diff_layer *l, uint32_t func,
                             uint32_t *site, struct err *err)
{
    while (l->func_site.n <= func) {
        if (!vec_u32_push(&l->func_site, DIFF_NO_SITE)) {
            return nomem(err);
        }
    }
    if (l->func_site.items[func] == DIFF_NO_SITE) {
        l->func_site.items[func] = l->n_sites++;
    }
    *site = l->func_site.items[func];
    return true;
}

static bool look_at_row(struct diff_layer *l, uint32_t row, bool is_heap,
                        struct err *err)
{
    uint32_t site = DIFF_NO_SITE;
    const uint32_t frame = frame_of_row(l, row, is_heap);
    if (frame != DIFF_NO_SITE &&
        !site_of_function(l, l->stacks.frames.items[frame].func, &site, err)) {
        return false;
    }
    if (!vec_u32_push(&l->row_site, site) ||
        !vec_u32_push(&l->row_frame, frame)) {
        return nomem(err);
    }
    return true;
}

/* --- values -----------------------------------------------------------------
 */

struct columns {
    int alloc_objects, alloc_bytes, objects, value;
};

static struct columns columns_of(const struct profile *p, enum diff_plane plane)
{
    if (plane == DIFF_HEAP) {
        return (struct columns){profile_type_index(p, "alloc_objects"),
                                profile_type_index(p, "alloc_space"),
                                profile_type_index(p, "inuse_objects"),
                                profile_type_index(p, "inuse_space")};
    }
    return (struct columns){-1, -1, -1, 0};
}

static int64_t value_at(const struct profile *p, uint32_t sample, int column)
{
    return column < 0 ? 0
                      : p->values[(size_t)sample * p->n_types + (size_t)column];
}

/* Probability that an object of a size was sampled, remembered by size. */
enum { CHANCES = 256 };
struct chances {
    double period;
    double bytes[CHANCES], chance[CHANCES];
};

static double chance_of(struct chances *c, double object_bytes)
{
    if (c->period <= 1 || object_bytes <= 0) {
        return 1;
    }
    const size_t at =
        ((uint64_t)object_bytes * UINT64_C(0x9e3779b97f4a7c15)) >> 56;
    if (c->bytes[at] != object_bytes) {
        c->bytes[at] = object_bytes;
        c->chance[at] = series_chance(object_bytes, c->period);
    }
    return c->chance[at];
}

struct adding {
    struct diff_layer *layer;
    struct diff_group *group;
    struct diff_column *column;
    struct columns columns;
    struct chances chances;
    bool is_heap;
};

static struct diff_sum sum_of_sample(struct adding *a, const struct profile *p,
                                     uint32_t i, int64_t block_bytes)
{
    const int64_t value = value_at(p, i, a->columns.value);
    struct diff_sum out = {.value = (double)value};
    if (!a->is_heap) {
        return out;
    }
    const int64_t objects = value_at(p, i, a->columns.objects);
    const int64_t born = value_at(p, i, a->columns.alloc_objects);
    double size = (double)block_bytes;
    if (size <= 0 && born > 0) {
        size = (double)value_at(p, i, a->columns.alloc_bytes) / (double)born;
    } else if (size <= 0 && objects > 0) {
        size = (double)value / (double)objects;
    }
    const double chance = chance_of(&a->chances, size);
    out.objects = (double)objects;
    out.sampled = series_raw_count(objects, chance);
    out.born = series_raw_count(born, chance);
    return out;
}

bool diff_reach(struct diff_sums *v, size_t n)
{
    if (v->n >= n) {
        return true;
    }
    if (!diff_sums_reserve(v, n)) {
        return false;
    }
    memset(v->items + v->n, 0, (n - v->n) * sizeof *v->items);
    v->n = n;
    return true;
}

static bool add_to_row(struct adding *a, uint32_t row,
                       const struct diff_sum *more, struct err *err)
{
    if (!diff_reach(&a->group->rows, (size_t)row + 1) ||
        !diff_reach(&a->column->rows, (size_t)row + 1)) {
        return nomem(err);
    }
    diff_add_sum(&a->group->rows.items[row], more);
    diff_add_sum(&a->column->rows.items[row], more);
    a->column->total += more->value;

    const uint32_t site = a->layer->row_site.items[row];
    if (site == DIFF_NO_SITE) {
        return true;
    }
    if (!diff_reach(&a->column->sites, (size_t)site + 1)) {
        return nomem(err);
    }
    diff_add_sum(&a->column->sites.items[site], more);
    return true;
}

static bool add_samples(const struct series_diff *d, struct adding *a,
                        const struct profile *p, struct err *err)
{
    struct diff_layer *l = a->layer;
    struct stacks_map map;
    bool ok = stacks_map_init(&map, &l->stacks, p, err) &&
              look_at_locations(d, l, err);
    for (uint32_t i = 0; ok && i < p->n_samples; i++) {
        if (value_at(p, i, a->columns.value) == 0 &&
            value_at(p, i, a->columns.objects) == 0 &&
            value_at(p, i, a->columns.alloc_objects) == 0) {
            continue;
        }
        uint32_t row = 0;
        ok = stacks_row(&l->stacks, &map, p, i, &row, err) &&
             (row < l->row_site.n || look_at_row(l, row, a->is_heap, err));
        if (ok) {
            const struct diff_sum sum =
                sum_of_sample(a, p, i, l->stacks.rows.items[row].block_bytes);
            ok = add_to_row(a, row, &sum, err);
        }
    }
    stacks_map_release(&map);
    return ok;
}

/* --- adding -----------------------------------------------------------------
 */

/* A program built from the module cache looks like a dependency all over: its
   main.go lies below ".../example.com/Prog@v1.2.3/". The path of that module,
   with the cache's "!p" for "P", is the user's. */
static bool find_module(struct series_diff *d, const struct profile *p,
                        struct err *err)
{
    struct span file = {0};
    for (uint32_t i = 0; i < p->n_functions && *d->module == '\0'; i++) {
        if (span_is(profile_span(p, p->functions[i].name), "main.main")) {
            file = profile_span(p, p->functions[i].file);
        }
    }
    const size_t at = span_find_char(file, '@');
    if (at == file.len) {
        return true;
    }
    const size_t cache = span_find(file, "/pkg/mod/");
    const size_t start = cache < at ? cache + strlen("/pkg/mod/") : 0;
    char *module =
        arena_strdup(&d->arena, (struct span){file.p + start, at - start});
    if (!module) {
        return nomem(err);
    }
    char *to = module;
    for (const char *from = module; *from != '\0'; from++) {
        if (from[0] == '!' && from[1] >= 'a' && from[1] <= 'z') {
            from++;
            *to++ = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[*from - 'a'];
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    d->module = module;
    return true;
}

static double sum_of(const struct profile *p, int column)
{
    double sum = 0;
    for (uint32_t i = 0; column >= 0 && i < p->n_samples; i++) {
        sum += (double)value_at(p, i, column);
    }
    return sum;
}

/* Of the input that was added last: mostly that of the one before. */
static const char *folder_of(struct series_diff *d)
{
    const struct span source = span_of(d->inputs.items[d->inputs.n - 1].source);
    const size_t slash = span_rfind_char(source, '/');
    const struct span folder =
        slash < source.len ? span_first(source, slash + 1) : (struct span){0};
    if (!d->folder || !span_is(folder, d->folder)) {
        d->folder = arena_strdup(&d->arena, folder);
    }
    return d->folder;
}

static bool add_profile(struct series_diff *d, int side, enum diff_plane plane,
                        enum diff_class class, const struct snapshot *snap,
                        uint32_t run, struct err *err)
{
    struct diff_layer *l = &d->layers[plane];
    struct diff_column column = {.time_nanos = snap->time_nanos,
                                 .input = (uint32_t)d->inputs.n - 1,
                                 .run = run,
                                 .folder = folder_of(d)};
    struct adding a = {.layer = l,
                       .group = &l->groups[side][class],
                       .column = &column,
                       .columns = columns_of(snap->profile, plane),
                       .is_heap = plane == DIFF_HEAP};
    a.chances.period = (double)snap->profile->period;
    a.group->period = snap->profile->period;
    column.born_bytes = sum_of(snap->profile, a.columns.alloc_bytes);
    bool ok = (column.folder || nomem(err)) &&
              diff_learn_program(d, &d->programs[side], snap, err) &&
              find_module(d, snap->profile, err) &&
              add_samples(d, &a, snap->profile, err);
    if (ok && !diff_columns_push(&a.group->columns, column)) {
        ok = nomem(err);
    }
    if (!ok) {
        column_release(&column);
    }
    return ok;
}

static bool plane_of(enum profile_kind kind, enum diff_plane *plane)
{
    *plane = kind == KIND_GOROUTINE       ? DIFF_GOROUTINE
             : kind == KIND_GOROUTINELEAK ? DIFF_LEAK
                                          : DIFF_HEAP;
    return kind == KIND_HEAP || kind == KIND_ALLOCS || kind == KIND_GOROUTINE ||
           kind == KIND_GOROUTINELEAK;
}

/* Why the snapshot is not compared, or NULL. */
static const char *why_unused(const struct snapshot *snap)
{
    enum diff_plane plane;
    if (!plane_of(snap->kind, &plane)) {
        return "takes no part in the comparison";
    }
    if (!snap->profile) {
        return "a goroutine dump: diff compares profiles";
    }
    if (plane == DIFF_HEAP && snap->profile->duration_nanos > 0) {
        return "a delta profile (?seconds=): shows changes, not levels";
    }
    return NULL;
}

static bool push_input(struct series_diff *d, struct series_input in,
                       const char *source, struct err *err)
{
    in.source = arena_strdup(&d->arena, span_of(source));
    return (in.source && diff_inputs_vec_push(&d->inputs, in)) || nomem(err);
}

static bool add_snapshot(struct series_diff *d, int side, uint32_t run,
                         const struct snapshot *snap, struct err *err)
{
    const char *why = why_unused(snap);
    const bool is_side = side < N_DIFF_SIDES;
    const struct series_input in = {
        .kind = snap->kind,
        .form = snap->form,
        .time_nanos = snap->time_nanos,
        .used = why == NULL,
        .why = why == NULL && !is_side ? "a calibration run" : why};
    if (!push_input(d, in, snap->source, err)) {
        return false;
    }
    if (why) {
        return true;
    }
    enum diff_plane plane;
    plane_of(snap->kind, &plane);
    const enum diff_class class = snap->kind == KIND_ALLOCS  ? CLASS_ALLOCS
                                  : snap->form == FORM_PROTO ? CLASS_PROTO
                                                             : CLASS_TEXT;
    return add_profile(d, side, plane, class, snap, run, err);
}

bool series_diff_add(struct series_diff *d, enum diff_side side,
                     const struct snapshot *snap, struct err *err)
{
    return add_snapshot(d, (int)side, (uint32_t)d->inputs.n + 1, snap, err);
}

bool series_diff_add_listed(struct series_diff *d, enum diff_side side,
                            const struct snapshot *snap, struct err *err)
{
    return add_snapshot(d, (int)side, 0, snap, err);
}

bool series_diff_calibrate(struct series_diff *d, uint32_t run,
                           const struct snapshot *snap, struct err *err)
{
    return add_snapshot(d, DIFF_CALIBRATION, run, snap, err);
}

bool series_diff_note_input(struct series_diff *d, const char *source,
                            enum profile_kind kind, const char *why,
                            struct err *err)
{
    struct series_input in = {.kind = kind, .form = FORM_OTHER};
    in.why = arena_strdup(&d->arena, span_of(why));
    return in.why ? push_input(d, in, source, err) : nomem(err);
}

/* --- finishing --------------------------------------------------------------
 */

bool diff_note(struct series_diff *d, const char *text, struct err *err)
{
    return (text && diff_notes_vec_push(&d->notes, text)) || nomem(err);
}

/* Of a side, the best class counts; the others are listed. */
static void choose_class(struct series_diff *d, struct diff_layer *l, int side)
{
    static const char *const beside[] = {
        [CLASS_PROTO] = NULL,
        [CLASS_TEXT] = "a profile in pprof's form is there",
        [CLASS_ALLOCS] = "a heap profile is there",
    };
    for (int c = 0; c < N_CLASSES; c++) {
        struct diff_group *g = &l->groups[side][c];
        if (g->columns.n > 0 && !l->used[side]) {
            l->used[side] = g;
            continue;
        }
        for (size_t i = 0; i < g->columns.n; i++) {
            struct series_input *in =
                &d->inputs.items[g->columns.items[i].input];
            in->used = false;
            in->why = beside[c];
        }
    }
}

static void describe(struct series_diff *d)
{
    const struct diff_program *base = &d->programs[DIFF_BASE];
    const struct diff_program *head = &d->programs[DIFF_HEAD];
    struct series_about *about = &d->about;
    const struct diff_total *heap = &d->layers[DIFF_HEAP].total;
    const struct diff_total *goroutine = &d->layers[DIFF_GOROUTINE].total;
    about->program = head->name ? head->name : base->name;
    about->n_heap =
        (uint32_t)(heap->n_profiles[DIFF_BASE] + heap->n_profiles[DIFF_HEAD]);
    about->n_goroutine = (uint32_t)(goroutine->n_profiles[DIFF_BASE] +
                                    goroutine->n_profiles[DIFF_HEAD]);
    about->n_segments = 1;
    about->first_nanos = base->first_nanos;
    about->last_nanos = head->last_nanos;
    about->has_times =
        base->first_nanos != 0 && head->last_nanos > base->first_nanos;
    if (about->has_times) {
        about->seconds =
            (double)sub_sat_i64(head->last_nanos, base->first_nanos) / 1e9;
    }
    about->heap_period_bytes = heap->period[DIFF_HEAD];
    about->live_heap_bytes = heap->level[DIFF_HEAD];
    about->live_goroutines = goroutine->level[DIFF_HEAD];
}

bool series_diff_has(const struct series_diff *d, enum diff_plane plane)
{
    const struct diff_layer *l = &d->layers[plane];
    return l->used[DIFF_HEAD] && (l->used[DIFF_BASE] || plane == DIFF_LEAK);
}

/* A plane that is on one side only cannot be compared: listed, said. */
static bool drop_one_sided(struct series_diff *d, struct diff_layer *l,
                           struct err *err)
{
    const enum diff_side side = l->used[DIFF_BASE] ? DIFF_BASE : DIFF_HEAD;
    const struct diff_group *g = l->used[side];
    for (size_t i = 0; g && i < g->columns.n; i++) {
        struct series_input *in = &d->inputs.items[g->columns.items[i].input];
        in->used = false;
        in->why = side == DIFF_BASE ? "head has no profile of this kind"
                                    : "base has no profile of this kind";
    }
    l->used[side] = NULL;
    d->lacks[side == DIFF_BASE ? DIFF_HEAD : DIFF_BASE] |= g != NULL;
    return !g ||
           diff_note(
               d,
               side == DIFF_BASE
                   ? "warning: base has a kind of profile that head lacks"
                   : "warning: head has a kind of profile that base lacks",
               err);
}

/* Only kinds that are never compared here, such as CPU profiles. */
static bool has_others_alone(const struct series_diff *d)
{
    enum diff_plane plane;
    bool is_other = d->inputs.n > 0;
    for (size_t i = 0; i < d->inputs.n; i++) {
        is_other &= !plane_of(d->inputs.items[i].kind, &plane);
    }
    return is_other;
}

static bool has_dumps_alone(const struct series_diff *d)
{
    bool has_dump = false;
    for (size_t i = 0; i < d->inputs.n; i++) {
        const struct series_input *in = &d->inputs.items[i];
        if (in->used) {
            return false;
        }
        has_dump |= in->form == FORM_DUMP;
    }
    return has_dump;
}

static bool fail_without_any(const struct series_diff *d, struct err *err)
{
    if (has_dumps_alone(d)) {
        return err_set(err, ERR_MISMATCH,
                       "diff does not compare goroutine dumps (debug=2); seep "
                       "convert DUMP --to pprof makes profiles of them");
    }
    if (has_others_alone(d)) {
        return err_set(err, ERR_MISMATCH,
                       "diff compares heap and goroutine profiles; seep pprof "
                       "-diff_base compares others");
    }
    return err_set(err, ERR_MISMATCH,
                   "base and head have no kind of profile in common (heap or "
                   "goroutine)");
}

/* A process and a build have nothing that was renamed. */
static bool may_have_renamed(const struct series_diff *d)
{
    bool may = !diff_is_same_build(d);
    for (int k = 0; k < N_DIFF_PLANES; k++) {
        may = may && !d->layers[k].total.is_one_process;
    }
    return may;
}

static bool compare_all(struct series_diff *d, struct err *err)
{
    if (!diff_measure_share(d, err) ||
        (may_have_renamed(d) && !diff_join_renamed(d, err))) {
        return false;
    }
    for (int k = 0; k < N_DIFF_PLANES; k++) {
        struct diff_layer *l = &d->layers[k];
        if (series_diff_has(d, (enum diff_plane)k) &&
            (!diff_compare(d, l, err) || !diff_measure_noise(l, err))) {
            return false;
        }
    }
    return true;
}

bool series_diff_finish(struct series_diff *d, bool forced, struct err *err)
{
    bool has_any = false;
    for (int k = 0; k < N_DIFF_PLANES; k++) {
        for (int group = 0; group < N_DIFF_GROUPS; group++) {
            choose_class(d, &d->layers[k], group);
        }
    }
    if (!diff_find_processes(d, err)) {
        return false;
    }
    for (int k = 0; k < N_DIFF_PLANES; k++) {
        struct diff_layer *l = &d->layers[k];
        if (!series_diff_has(d, (enum diff_plane)k)) {
            if (!drop_one_sided(d, l, err)) {
                return false;
            }
            continue;
        }
        has_any = true;
        if (!diff_describe(d, l, err)) {
            return false;
        }
    }
    if (!compare_all(d, err)) {
        return false;
    }
    if (!has_any) {
        return fail_without_any(d, err);
    }
    describe(d);
    return diff_check(d, forced, err);
}

const struct diff_site *series_diff_sites(const struct series_diff *d,
                                          enum diff_plane plane, size_t *n)
{
    *n = d->layers[plane].n_shown;
    return d->layers[plane].sites;
}

const struct diff_total *series_diff_total(const struct series_diff *d,
                                           enum diff_plane plane)
{
    return &d->layers[plane].total;
}

const struct series_input *series_diff_inputs(const struct series_diff *d,
                                              size_t *n)
{
    *n = d->inputs.n;
    return d->inputs.items;
}

const char *const *series_diff_notes(const struct series_diff *d, size_t *n)
{
    *n = d->notes.n;
    return d->notes.items;
}

const struct series_about *series_diff_about(const struct series_diff *d)
{
    return &d->about;
}
