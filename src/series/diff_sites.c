/*
 * What two groups of profiles say about each site. Two noises bound the
 * change of a steady site: births and deaths in between, known when both
 * sides are one process, and the levels themselves, which are two independent
 * counts whatever happened in between. The smaller bound is used.
 */
#include "base/num.h"
#include "series/diff_private.h"
#include "series/rank_sum_private.h"
#include "series/stats.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Processes a side from which on a group test can say something: of 3 and 3,
   one order in 20 is as extreme. */
enum { GROUP_MIN = 3 };

static bool nomem(struct err *err)
{
    return err_nomem(err, "comparing sites");
}

/* Stacks with births from which on it says something that none of them fell:
   of two runs of one program, chance lets more than a third fall. */
enum { PAIRED_ROWS_MIN = 10 };

/* By stack, which tells two runs of one program apart. */
bool diff_is_later(const struct diff_group *before,
                   const struct diff_group *after)
{
    const struct diff_sums *then =
        &before->columns.items[before->columns.n - 1].rows;
    const struct diff_sums *now = &after->columns.items[0].rows;
    size_t n = 0;
    for (size_t i = 0; i < then->n; i++) {
        const double born = i < now->n ? now->items[i].born : 0;
        n += then->items[i].born > 0;
        if (born < then->items[i].born) {
            return false;
        }
    }
    return n >= PAIRED_ROWS_MIN && before->period == after->period;
}

static double births_of(const struct diff_column *c)
{
    double total = 0;
    for (size_t i = 0; i < c->sites.n; i++) {
        total += c->sites.items[i].born;
    }
    return total;
}

/* The last profile of a process. */
struct last {
    const struct diff_column *column;
};

static int by_order(const void *pa, const void *pb)
{
    const uint32_t a = ((const struct last *)pa)->column->order;
    const uint32_t b = ((const struct last *)pb)->column->order;
    return (a > b) - (a < b);
}

/* Are the processes of a side one that was seen several times, by the last of
   their profiles? */
static bool replicas_of(const struct diff_group *g, enum diff_replicas *out,
                        struct err *err)
{
    struct last *last = calloc(g->n_processes, sizeof *last);
    if (!last) {
        return nomem(err);
    }
    size_t n = 0;
    for (size_t i = 0; i < g->columns.n;) {
        last[n++].column = diff_next_last(g, &i);
    }
    qsort(last, n, sizeof *last, by_order);
    size_t n_falls = 0;
    double births = births_of(last[0].column);
    for (size_t i = 1; i < n; i++) {
        births += births_of(last[i].column);
        n_falls += !diff_births_go_on(last[i - 1].column, last[i].column);
    }
    free(last);
    /* Of independent processes, at least one of three is not the largest. */
    *out = births <= 0   ? DIFF_UNKNOWN
           : n_falls > 0 ? DIFF_INDEPENDENT
                         : DIFF_ONE_PROCESS;
    return true;
}

static bool describe_replicas(struct diff_layer *l, struct err *err)
{
    struct diff_total *t = &l->total;
    enum diff_replicas a;
    enum diff_replicas b;
    if (t->n[DIFF_BASE] < GROUP_MIN || t->n[DIFF_HEAD] < GROUP_MIN) {
        t->replicas = t->n_profiles[DIFF_BASE] >= GROUP_MIN &&
                              t->n_profiles[DIFF_HEAD] >= GROUP_MIN
                          ? DIFF_ONE_PROCESS
                          : DIFF_TOO_FEW;
        return true;
    }
    if (!replicas_of(l->used[DIFF_BASE], &a, err) ||
        !replicas_of(l->used[DIFF_HEAD], &b, err)) {
        return false;
    }
    t->replicas =
        a == DIFF_ONE_PROCESS || b == DIFF_ONE_PROCESS   ? DIFF_ONE_PROCESS
        : a != DIFF_INDEPENDENT || b != DIFF_INDEPENDENT ? DIFF_UNKNOWN
        : t->length_ratio >= DIFF_LENGTH_RATIO           ? DIFF_LONGER
                                                         : DIFF_INDEPENDENT;
    return true;
}

/* Of one process a side: is it the same, seen later, and by how much? Births
   alone tell, which are in heap profiles. */
static void describe_pair(const struct series_diff *d, struct diff_layer *l)
{
    const bool is_heap_one = d->layers[DIFF_HEAP].total.is_one_process;
    struct diff_total *t = &l->total;
    const struct diff_columns *base = &l->used[DIFF_BASE]->columns;
    const struct diff_columns *head = &l->used[DIFF_HEAD]->columns;
    if (t->n[DIFF_BASE] != 1 || t->n[DIFF_HEAD] != 1) {
        return;
    }
    const int64_t from = base->items[base->n - 1].time_nanos;
    const int64_t to = head->items[head->n - 1].time_nanos;
    t->is_one_process =
        !diff_is_other_build(d) && from <= head->items[0].time_nanos &&
        (is_heap_one || diff_is_later(l->used[DIFF_BASE], l->used[DIFF_HEAD]));
    if (from != 0 && to > from) {
        t->seconds = (double)sub_sat_i64(to, from) / 1e9;
    }
}

static bool describe_total(const struct series_diff *d, struct diff_layer *l,
                           struct err *err)
{
    struct diff_total *t = &l->total;
    for (int side = 0; side < N_DIFF_SIDES; side++) {
        const struct diff_group *g = l->used[side];
        if (!g) {
            continue;
        }
        t->n[side] = g->n_processes;
        t->n_profiles[side] = g->columns.n;
        t->period[side] = g->period;
        t->level[side] = diff_total_mean(g);
    }
    if (!l->used[DIFF_BASE] || !l->used[DIFF_HEAD]) {
        return true;
    }
    describe_pair(d, l);
    return diff_measure_length(l, &t->length_ratio, err) &&
           describe_replicas(l, err);
}

/* Variance of the change of a row by sampling, in its own unit squared. */
static double sampling_variance(const struct diff_layer *l, size_t row,
                                const struct diff_sum *base,
                                const struct diff_sum *head)
{
    double size = (double)l->stacks.rows.items[row].block_bytes;
    const double objects = base->objects + head->objects;
    if (size <= 0 && objects > 0) {
        size = (base->value + head->value) / objects;
    }
    const double period = (double)l->total.period[DIFF_HEAD];
    if (period <= 1 || size <= 0) {
        return 0;
    }
    const double chance = -expm1(-size / period);
    const double unit = size / chance;
    double n = base->sampled + head->sampled;
    if (l->total.is_one_process) {
        const double births = fmax(head->born - base->born, 0);
        const double deaths = births - (head->sampled - base->sampled);
        n = fmin(n, births + fmax(deaths, 0));
    }
    return unit * unit * n * (1 - chance);
}

/* Per site while rows are walked: the row that names it. */
struct naming {
    double change; /* largest of a row, in the direction of the site */
    double variance, births;
    uint32_t frame;
};

static void name_sites(const struct diff_layer *l, struct naming *names)
{
    for (size_t row = 0; row < l->row_site.n; row++) {
        const uint32_t id = l->row_site.items[row];
        if (id == DIFF_NO_SITE) {
            continue;
        }
        const struct diff_sum base = diff_row_mean(l->used[DIFF_BASE], row);
        const struct diff_sum head = diff_row_mean(l->used[DIFF_HEAD], row);
        struct diff_site *s = &l->sites[id];
        const double sign = s->delta < 0 ? -1 : 1;
        const double change = sign * (head.value - base.value);
        if (change > names[id].change || names[id].frame == DIFF_NO_SITE) {
            names[id].change = change;
            names[id].frame = l->row_frame.items[row];
        }
        names[id].variance += sampling_variance(l, row, &base, &head);
    }
}

static void sum_sites(const struct diff_layer *l, struct naming *names)
{
    for (uint32_t id = 0; id < l->n_sites; id++) {
        const struct diff_sum base = diff_site_mean(l->used[DIFF_BASE], id);
        const struct diff_sum head = diff_site_mean(l->used[DIFF_HEAD], id);
        struct diff_site *s = &l->sites[id];
        s->base = base.value;
        s->head = head.value;
        s->delta = head.value - base.value;
        s->base_objects = base.objects;
        s->head_objects = head.objects;
        s->base_sampled = base.sampled;
        s->head_sampled = head.sampled;
        names[id].births = head.born - base.born;
        s->stray = fmax(diff_stray(l->used[DIFF_BASE], id),
                        diff_stray(l->used[DIFF_HEAD], id));
    }
}

/* Counts of goroutines are exact; of objects, the sampled ones count. With
   different rates only the estimates can be compared, each with its own
   relative error. */
static double noise_z(const struct diff_layer *l, const struct diff_site *s,
                      bool is_heap)
{
    if (!is_heap) {
        const double noise = s->base + s->head;
        return noise > 0 ? s->delta / sqrt(noise) : 0;
    }
    const double grown = s->head_sampled - s->base_sampled;
    if (l->total.period[DIFF_BASE] != l->total.period[DIFF_HEAD]) {
        double noise = 0;
        noise += s->base_sampled > 0 ? s->base * s->base / s->base_sampled : 0;
        noise += s->head_sampled > 0 ? s->head * s->head / s->head_sampled : 0;
        return noise > 0 ? s->delta / sqrt(noise) : 0;
    }
    double noise = s->base_sampled + s->head_sampled;
    if (l->total.is_one_process) {
        noise = fmin(noise, s->births + s->deaths);
    }
    return noise > 0 ? grown / sqrt(noise) : 0;
}

static void judge_site(const struct diff_layer *l, struct diff_site *s,
                       const struct naming *name, bool is_heap)
{
    s->births = s->deaths = s->retention = NAN;
    s->p = s->p_runs = s->p_fell = s->runs_error = s->runs_df = NAN;
    if (is_heap && l->total.is_one_process) {
        const double grown = s->head_sampled - s->base_sampled;
        s->births = fmax(fmax(name->births, grown), 0);
        s->deaths = s->births - grown;
        s->retention = s->births > 0 ? fmax(grown, 0) / s->births : NAN;
    }
    s->z = noise_z(l, s, is_heap);
    s->error = sqrt(name->variance);
}

static double mean_and_variance(const double *x, size_t n, double *variance)
{
    double mean = 0;
    *variance = 0;
    for (size_t i = 0; i < n; i++) {
        mean += x[i] / (double)n;
    }
    for (size_t i = 0; n > 1 && i < n; i++) {
        *variance += (x[i] - mean) * (x[i] - mean) / (double)(n - 1);
    }
    return mean;
}

/* Welch (1947): runs of a leaking build vary more than those of a healthy one.
   A side of one run is taken to vary like the other. */
static double welch_p(const double *low, size_t n_low, const double *high,
                      size_t n_high, double *error, double *df)
{
    double low_variance;
    double high_variance;
    const double low_mean = mean_and_variance(low, n_low, &low_variance);
    const double high_mean = mean_and_variance(high, n_high, &high_variance);
    const double grown = high_mean - low_mean;
    if (n_low < 2) {
        low_variance = high_variance;
    } else if (n_high < 2) {
        high_variance = low_variance;
    }
    const double a = low_variance / (double)n_low;
    const double b = high_variance / (double)n_high;
    *error = sqrt(a + b);
    *df = INFINITY;
    if (a + b <= 0) {
        return grown > 0 ? 0 : 1;
    }
    const double free_a = n_low > 1 ? (double)n_low - 1 : (double)n_high - 1;
    const double free_b = n_high > 1 ? (double)n_high - 1 : (double)n_low - 1;
    *df = (a + b) * (a + b) / (a * a / free_a + b * b / free_b);
    return stat_t_upper(grown / *error, *df);
}

/* Levels of one site, of base and then of head. */
struct levels {
    double *x;
    size_t n_base, n_head;
};

static void test_levels(struct diff_site *s, const struct levels *v)
{
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < v->n_base + v->n_head; i++) {
        low = fmin(low, v->x[i]);
        high = fmax(high, v->x[i]);
    }
    s->spread = high - low;
    s->p_runs = welch_p(v->x, v->n_base, v->x + v->n_base, v->n_head,
                        &s->runs_error, &s->runs_df);
    s->p_fell = 1 - s->p_runs;
}

static bool group_tests(struct diff_layer *l, struct err *err)
{
    const struct diff_total *t = &l->total;
    struct levels runs = {NULL, t->n[DIFF_BASE], t->n[DIFF_HEAD]};
    const size_t n = runs.n_base + runs.n_head;
    if (runs.n_base == 0 || runs.n_head == 0 || n < 3) {
        return true;
    }
    runs.x = calloc(n, sizeof *runs.x);
    if (!runs.x) {
        return nomem(err);
    }
    for (uint32_t id = 0; id < l->n_sites; id++) {
        struct diff_site *s = &l->sites[id];
        diff_process_levels(l->used[DIFF_BASE], id, runs.x);
        diff_process_levels(l->used[DIFF_HEAD], id, runs.x + runs.n_base);
        test_levels(s, &runs);
        if (runs.n_base >= GROUP_MIN && runs.n_head >= GROUP_MIN) {
            s->p = rank_sum_p(runs.x, runs.n_base, runs.x + runs.n_base,
                              runs.n_head);
        }
    }
    free(runs.x);
    return true;
}

struct diff_frame diff_frame_at(const struct series_diff *d,
                                const struct diff_layer *l,
                                const struct stack_frame *f)
{
    return (struct diff_frame){.function =
                                   intern_text(&l->stacks.names, f->name),
                               .file = intern_text(&l->stacks.names, f->file),
                               .line = f->line,
                               .origin = diff_frame_origin(d, l, f),
                               .was = l->was ? l->was[f->func].name : NULL,
                               .was_by = l->was ? l->was[f->func].by : NULL};
}

/* A frame of a stack of the site that `func` names, which may be another than
   that of base though its callers are known. */
static struct diff_frame frame_of_site(const struct series_diff *d,
                                       const struct diff_layer *l,
                                       const struct stack_frame *f,
                                       uint32_t func)
{
    struct diff_frame out = diff_frame_at(d, l, f);
    if (l->was && l->was[func].is_unproven &&
        l->func_as[f->func] == l->func_as[func]) {
        out.was = out.was_by = NULL;
    }
    return out;
}

static int by_change(const void *pa, const void *pb)
{
    const struct diff_site *a = pa;
    const struct diff_site *b = pb;
    if (fabs(a->delta) != fabs(b->delta)) {
        return fabs(a->delta) > fabs(b->delta) ? -1 : 1;
    }
    return strcmp(a->frame.function, b->frame.function);
}

bool diff_describe(struct series_diff *d, struct diff_layer *l, struct err *err)
{
    if (!describe_total(d, l, err)) {
        return false;
    }
    const bool is_one_build = diff_is_same_build(d) || l->total.is_one_process;
    return is_one_build || diff_merge_sites(l, err);
}

bool diff_compare(struct series_diff *d, struct diff_layer *l, struct err *err)
{
    const bool is_heap = l == &d->layers[DIFF_HEAP];
    struct naming *names = calloc((size_t)l->n_sites + 1, sizeof *names);
    l->sites = calloc((size_t)l->n_sites + 1, sizeof *l->sites);
    if (!names || !l->sites) {
        free(names);
        return nomem(err);
    }
    for (uint32_t id = 0; id < l->n_sites; id++) {
        l->sites[id].id = id;
        names[id].frame = DIFF_NO_SITE;
    }
    sum_sites(l, names);
    name_sites(l, names);
    size_t n = 0;
    for (uint32_t id = 0; id < l->n_sites; id++) {
        judge_site(l, &l->sites[id], &names[id], is_heap);
        if (names[id].frame != DIFF_NO_SITE) {
            const struct stack_frame *f =
                &l->stacks.frames.items[names[id].frame];
            l->sites[id].frame = frame_of_site(d, l, f, f->func);
        }
    }
    free(names);
    if (!group_tests(l, err) || !diff_rows_init(&l->site_rows, l, err)) {
        return false;
    }
    for (uint32_t id = 0; id < l->n_sites; id++) {
        if (l->sites[id].base != 0 || l->sites[id].head != 0) {
            l->sites[n++] = l->sites[id];
        }
    }
    l->n_shown = n;
    qsort(l->sites, n, sizeof *l->sites, by_change);
    return true;
}

/* --- one stack of a site ----------------------------------------------------
 */

/* Rows of equal functions are one stack, whatever their lines, block sizes,
   labels and inlining. */
struct stack_group {
    uint64_t hash;
    uint32_t row;
    double base, head, base_objects, head_objects;
};

/* Order matters, the borders between locations do not. A collision would only
   show a stack of the same site with another one's figures. */
static uint64_t hash_functions(const struct diff_layer *l, uint32_t row)
{
    const struct stack_table *t = &l->stacks;
    const struct stack_row *r = &t->rows.items[row];
    uint64_t h = 0;
    for (uint32_t i = 0; i < r->n_locs; i++) {
        const struct stack_loc loc = t->locs.items[t->keys.items[r->key + i]];
        for (uint32_t k = 0; k < loc.n; k++) {
            const uint32_t func = t->frames.items[loc.first + k].func;
            h = (h ^ ((l->func_as ? l->func_as[func] : func) + 1)) *
                UINT64_C(0x9e3779b97f4a7c15);
            h ^= h >> 32;
        }
    }
    return h;
}

static int by_hash(const void *pa, const void *pb)
{
    const struct stack_group *a = pa;
    const struct stack_group *b = pb;
    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }
    return (a->row > b->row) - (a->row < b->row);
}

static struct stack_group group_of_row(const struct diff_layer *l, uint32_t row)
{
    const struct diff_sum base = diff_row_mean(l->used[DIFF_BASE], row);
    const struct diff_sum head = diff_row_mean(l->used[DIFF_HEAD], row);
    return (struct stack_group){
        hash_functions(l, row), row,         base.value, head.value,
        base.objects,           head.objects};
}

/* Sums runs of equal hashes and returns the one that changed most, in the
   direction of `sign`. */
static struct stack_group most_changed(struct stack_group *g, size_t n,
                                       double sign)
{
    struct stack_group best = g[0];
    double most = -INFINITY;
    for (size_t i = 0; i < n;) {
        struct stack_group sum = g[i];
        size_t end = i + 1;
        for (; end < n && g[end].hash == g[i].hash; end++) {
            sum.base += g[end].base;
            sum.head += g[end].head;
            sum.base_objects += g[end].base_objects;
            sum.head_objects += g[end].head_objects;
            /* Lines as of the newest row: head's, when builds differ. */
            sum.row = g[end].head > 0 ? g[end].row : sum.row;
        }
        if (sign * (sum.head - sum.base) > most) {
            most = sign * (sum.head - sum.base);
            best = sum;
        }
        i = end;
    }
    return best;
}

static bool expand(const struct series_diff *d, const struct diff_layer *l,
                   uint32_t row, struct arena *arena, struct diff_stack *out,
                   struct err *err)
{
    const struct stack_table *t = &l->stacks;
    const struct stack_row *r = &t->rows.items[row];
    const uint32_t func = t->frames.items[l->row_frame.items[row]].func;
    size_t n = 0;
    for (uint32_t i = 0; i < r->n_locs; i++) {
        n += t->locs.items[t->keys.items[r->key + i]].n;
    }
    struct diff_frame *frames = arena_new(arena, struct diff_frame, n + 1);
    if (!frames) {
        return nomem(err);
    }
    size_t at = 0;
    for (uint32_t i = 0; i < r->n_locs; i++) {
        const struct stack_loc loc = t->locs.items[t->keys.items[r->key + i]];
        for (uint32_t k = 0; k < loc.n; k++) {
            frames[at++] =
                frame_of_site(d, l, &t->frames.items[loc.first + k], func);
        }
    }
    out->frames = frames;
    out->n_frames = n;
    return true;
}

bool series_diff_stack(const struct series_diff *d, enum diff_plane plane,
                       const struct diff_site *site, struct arena *arena,
                       struct diff_stack *out, struct err *err)
{
    const struct diff_layer *l = &d->layers[plane];
    size_t n = 0;
    const uint32_t *rows = diff_rows_of(&l->site_rows, site->id, &n);
    struct stack_group *groups = calloc(n + 1, sizeof *groups);
    if (!groups) {
        return nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        groups[i] = group_of_row(l, rows[i]);
    }
    qsort(groups, n, sizeof *groups, by_hash);
    assert(n > 0);
    const struct stack_group best =
        most_changed(groups, n, site->delta < 0 ? -1 : 1);
    free(groups);
    *out = (struct diff_stack){.base = best.base,
                               .head = best.head,
                               .base_objects = best.base_objects,
                               .head_objects = best.head_objects};
    return expand(d, l, best.row, arena, out, err);
}
