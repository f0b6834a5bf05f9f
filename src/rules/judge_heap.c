/*
 * Heap sites. The unit is the innermost user function, over all its callers,
 * lines and block sizes: data that moves between callers must not look like
 * growth. A leak that is spread over many small sites shows only in the
 * function above them: the parent step.
 */
#include "rules/judge_heap_private.h"

#include <math.h>
#include <string.h>

/* Below this many sampled births outside a site the program's own allocation
   is too coarse a clock; wall time serves. */
static const double clock_births_min = 30;

static void work_release(struct heap_work *w)
{
    series_matrix_release(&w->sites);
    series_matrix_release(&w->ends);
    series_matrix_release(&w->parents);
    free(w->total.value);
    free(w->site_of);
    free(w->site_ends);
    free(w->leaves);
    free(w->off);
    free(w->ids);
    free(w->group_of_func);
    free(w->func_of_group);
    free(w->gain);
    free(w->row_off);
    free(w->row_ids);
    free(w->is_strong);
    free(w->is_level);
}

struct unit *judge_unit(struct judge *j, enum series_plane plane,
                        enum evidence_kind kind, struct err *err)
{
    struct unit *u = calloc(1, sizeof *u);
    if (!u || !units_push(&j->units, u)) {
        free(u);
        err_nomem(err, "judging");
        return NULL;
    }
    u->plane = plane;
    u->kind = kind;
    u->func = u->operation = NO_FUNC;
    u->cohort_first = u->cohort_left = NAN;
    u->wait_minutes_max = u->wait_minutes = u->wait_minutes_others = NAN;
    return u;
}

bool judge_q(struct unit *const *units, size_t n, struct err *err)
{
    double *p = calloc(2 * n + 1, sizeof *p);
    if (!p) {
        return err_nomem(err, "testing");
    }
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(units[i]->faults & FAULT_SMALL)) {
            p[m++] = units[i]->trend.p;
        }
    }
    const bool ok = stat_benjamini_hochberg(p, m, p + n);
    m = 0;
    for (size_t i = 0; ok && i < n; i++) {
        if (!(units[i]->faults & FAULT_SMALL)) {
            units[i]->trend.q = p[n + m++];
        }
    }
    free(p);
    return ok || err_nomem(err, "testing");
}

/* --- groups --- */

static bool group_sites(struct judge *j, struct heap_work *w, struct err *err)
{
    const size_t n_funcs = series_n_funcs(j->s);
    w->site_of = calloc((size_t)j->n_rows + 1, sizeof *w->site_of);
    w->group_of_func = malloc((n_funcs + 1) * sizeof *w->group_of_func);
    w->func_of_group = calloc(n_funcs + 1, sizeof *w->func_of_group);
    if (!w->site_of || !w->group_of_func || !w->func_of_group) {
        return err_nomem(err, "grouping stacks");
    }
    memset(w->group_of_func, 0xff, (n_funcs + 1) * sizeof *w->group_of_func);
    for (uint32_t r = 0; r < j->n_rows; r++) {
        const struct row_facts *f = &j->rows[r];
        w->site_of[r] = SERIES_NO_GROUP;
        if (!f->is_known || f->is_profiler || f->site == NO_FUNC) {
            continue;
        }
        if (w->group_of_func[f->site] == SERIES_NO_GROUP) {
            w->func_of_group[w->n_sites] = f->site;
            w->group_of_func[f->site] = (uint32_t)w->n_sites++;
        }
        w->site_of[r] = w->group_of_func[f->site];
    }
    return true;
}

/* What each row gained between the first and the last point. */
static bool find_gains(struct judge *j, struct heap_work *w, struct err *err)
{
    const struct series_grouping rows = {j->n_rows, NULL, NULL};
    w->gain = calloc((size_t)j->n_rows + 1, sizeof *w->gain);
    if (!w->gain) {
        return err_nomem(err, "summing");
    }
    if (!series_accumulate_ends(j->s, PLANE_HEAP, &rows, &w->ends, err)) {
        return false;
    }
    for (size_t r = 0; r < j->n_rows; r++) {
        w->gain[r] = w->ends.value[2 * r + 1] - w->ends.value[2 * r];
    }
    return true;
}

static void add_ends(struct heap_ends *to, const struct series_matrix *ends,
                     size_t row)
{
    for (size_t i = 0; i < 2; i++) {
        to->value[i] += ends->value[2 * row + i];
        to->sampled[i] += ends->sampled[2 * row + i];
    }
}

static bool sum_sites(const struct judge *j, struct heap_work *w,
                      struct err *err)
{
    w->site_ends = calloc(w->n_sites + 1, sizeof *w->site_ends);
    if (!w->site_ends) {
        return err_nomem(err, "summing");
    }
    for (size_t r = 0; r < j->n_rows; r++) {
        if (w->site_of[r] != SERIES_NO_GROUP) {
            add_ends(&w->site_ends[w->site_of[r]], &w->ends, r);
        }
    }
    return true;
}

static bool sum_total(const struct judge *j, struct heap_work *w,
                      struct err *err)
{
    struct heap_total *t = &w->total;
    const size_t k = series_n_points(j->s, PLANE_HEAP);
    t->value = calloc(2 * k, sizeof *t->value);
    if (!t->value) {
        return err_nomem(err, "summing");
    }
    t->born_bytes = t->value + k;
    for (size_t i = 0; i < k; i++) {
        size_t n = 0;
        const struct series_cell *c = series_cells(j->s, PLANE_HEAP, i, &n);
        for (size_t m = 0; m < n; m++) {
            if (!j->rows[c[m].row].is_profiler) {
                t->value[i] += (double)c[m].in_use_bytes;
                t->born_bytes[i] += (double)c[m].alloc_bytes;
            }
        }
    }
    for (size_t r = 0; r < j->n_rows; r++) {
        if (!j->rows[r].is_profiler) {
            t->sampled_first += w->ends.sampled[2 * r];
            t->sampled_last += w->ends.sampled[2 * r + 1];
            t->born_first += w->ends.born[2 * r];
            t->born_last += w->ends.born[2 * r + 1];
        }
    }
    return true;
}

bool heap_sites(const struct judge *j, struct heap_work *w, struct err *err)
{
    const struct series_grouping g = {w->n_sites, NULL, w->site_of};
    return w->sites.cells != NULL ||
           series_accumulate(j->s, PLANE_HEAP, &g, &w->sites, err);
}

/* --- measuring --- */

/* The program's allocation without the site's own: it follows load and lags
   exactly as the profile does. A site that fills a cache and dominates
   allocation would stop its own clock. Wall time where the rest is silent. */
static bool make_clock(struct judge *j, const struct heap_work *w,
                       const struct series_matrix *m, size_t group,
                       const double **out, struct err *err)
{
    const size_t k = m->n_points;
    const double *born = m->born + group * k;
    const double *bytes = m->born_bytes + group * k;
    const double rest =
        w->total.born_last - w->total.born_first - (born[k - 1] - born[0]);
    *out = series_seconds(j->s, PLANE_HEAP);
    if (rest < clock_births_min) {
        return true;
    }
    double *clock = arena_new(&j->work, double, k + 1);
    if (!clock) {
        return err_nomem(err, "measuring");
    }
    for (size_t i = 0; i < k; i++) {
        const double at = w->total.born_bytes[i] - bytes[i];
        clock[i] = i > 0 && at < clock[i - 1] ? clock[i - 1] : at;
    }
    *out = clock;
    return true;
}

static const double *keep(struct judge *j, const double *x, size_t k)
{
    double *copy = arena_new(&j->work, double, k + 1);
    if (copy) {
        memcpy(copy, x, k * sizeof *copy);
    }
    return copy;
}

bool heap_measure(struct judge *j, const struct heap_work *w,
                  const struct series_matrix *m, size_t group, struct trend *t,
                  struct err *err)
{
    const size_t k = m->n_points;
    *t = (struct trend){.n = k,
                        .seconds = series_seconds(j->s, PLANE_HEAP),
                        .value = keep(j, m->value + group * k, k),
                        .objects = keep(j, m->objects + group * k, k),
                        .sampled = keep(j, m->sampled + group * k, k),
                        .born = keep(j, m->born + group * k, k),
                        .has_times = series_about(j->s)->has_times};
    if (!t->value || !t->objects || !t->sampled || !t->born) {
        return err_nomem(err, "measuring");
    }
    if (!make_clock(j, w, m, group, &t->clock, err)) {
        return false;
    }
    return trend_measure(t, series_about(j->s)->heap_period_bytes) ||
           err_nomem(err, "measuring");
}

double heap_z(const struct judge *j, const struct series_matrix *m,
              size_t group)
{
    const size_t at = group * m->n_points;
    struct trend t = {.n = m->n_points,
                      .seconds = series_seconds(j->s, PLANE_HEAP),
                      .value = m->value + at,
                      .sampled = m->sampled + at,
                      .born = m->born + at};
    trend_measure_noise(&t);
    return t.z;
}

/* --- migration --- */

/* Contradiction only: a noisy total is no veto. */
bool heap_total_contradicts(const struct heap_work *w, const struct trend *t,
                            bool *contradicts, struct err *err)
{
    double high = 0;
    const double slope =
        stat_theil_sen(t->clock, t->value, t->n, 1.645, NULL, NULL);
    const double total =
        stat_theil_sen(t->clock, w->total.value, t->n, 1.2816, NULL, &high);
    *contradicts = high < slope / 2;
    return (!isnan(slope) && !isnan(total)) || err_nomem(err, "judging");
}

/* Leaf functions in the whole program; only what grew asks for them. */
static bool find_leaves(const struct judge *j, struct heap_work *w,
                        struct err *err)
{
    const size_t n = series_n_funcs(j->s);
    if (w->leaves) {
        return true;
    }
    w->leaves = calloc(n + 1, sizeof *w->leaves);
    if (!w->leaves) {
        return err_nomem(err, "judging");
    }
    for (size_t r = 0; r < j->n_rows; r++) {
        const struct row_facts *f = &j->rows[r];
        if (f->is_known && !f->is_profiler && f->leaf != NO_FUNC) {
            add_ends(&w->leaves[f->leaf], &w->ends, r);
        }
    }
    return true;
}

/* Growth of the site's leaf functions in the whole program, where even its
   upper bound is below half of what the site gained there: data moved.
   `gained` of every leaf is zero, and again afterwards. */
static bool leaves_contradict(const struct judge *j, const struct heap_work *w,
                              const struct unit *u)
{
    double grew = 0;
    double backed = 0;
    for (size_t i = 0; i < u->rows.n; i++) {
        const uint32_t r = u->rows.items[i];
        if (j->rows[r].leaf != NO_FUNC) {
            w->leaves[j->rows[r].leaf].gained += w->gain[r];
        }
    }
    for (size_t i = 0; i < u->rows.n; i++) {
        const uint32_t leaf = j->rows[u->rows.items[i]].leaf;
        if (leaf == NO_FUNC || w->leaves[leaf].gained <= 0) {
            continue;
        }
        struct heap_ends *l = &w->leaves[leaf];
        const double samples = l->sampled[1] + l->sampled[0];
        const double per_sample =
            samples > 0 ? (l->value[1] + l->value[0]) / samples : 0;
        const double high =
            l->value[1] - l->value[0] + 1.645 * sqrt(samples) * per_sample;
        grew += l->gained;
        backed += high < 0 ? 0 : high < l->gained ? high : l->gained;
        l->gained = 0; /* once a leaf */
    }
    for (size_t i = 0; i < u->rows.n; i++) {
        const uint32_t leaf = j->rows[u->rows.items[i]].leaf;
        if (leaf != NO_FUNC) {
            w->leaves[leaf].gained = 0;
        }
    }
    return grew > 0 && backed < grew / 2;
}

/* --- sites --- */

/* Of what is too small to matter the ends are kept only. */
static bool measure_site(struct judge *j, struct heap_work *w, size_t g,
                         struct unit *u, struct err *err)
{
    const struct heap_ends *e = &w->site_ends[g];
    u->trend = (struct trend){.n = 2, .value = e->value, .sampled = e->sampled};
    trend_measure_ends(&u->trend);
    if (gate_is_small_heap(j, &u->trend)) {
        u->trend.n = series_n_points(j->s, PLANE_HEAP);
        u->trend.value = u->trend.sampled = NULL;
        u->faults = FAULT_SMALL;
        return true;
    }
    return heap_sites(j, w, err) &&
           heap_measure(j, w, &w->sites, g, &u->trend, err);
}

static bool add_sites(struct judge *j, struct heap_work *w, struct err *err)
{
    for (size_t g = 0; g < w->n_sites; g++) {
        const double growth = heap_grown(&w->site_ends[g]);
        if (growth < HEAP_SAMPLES_MIN) {
            j->n_within_noise += growth > 0; /* not worth measuring */
            continue;
        }
        struct unit *u = judge_unit(j, PLANE_HEAP, EVIDENCE_HEAP, err);
        if (!u || !measure_site(j, w, g, u, err)) {
            return false;
        }
        u->func = w->func_of_group[g];
        u->has_site = true;
    }
    return true;
}

static bool add_rows(struct judge *j, const struct heap_work *w,
                     struct err *err)
{
    struct unit **of = calloc(w->n_sites + 1, sizeof(struct unit *));
    if (!of) {
        return err_nomem(err, "judging");
    }
    for (size_t i = 0; i < j->units.n; i++) {
        struct unit *u = j->units.items[i];
        of[w->group_of_func[u->func]] = u->faults & FAULT_SMALL ? NULL : u;
    }
    bool ok = true;
    for (uint32_t r = 0; ok && r < j->n_rows; r++) {
        const uint32_t g = w->site_of[r];
        if (g != SERIES_NO_GROUP && of[g]) {
            ok = unit_rows_push(&of[g]->rows, r) || err_nomem(err, "judging");
            of[g]->is_user = j->rows[r].is_user;
        }
    }
    free(of);
    return ok;
}

static bool grade_sites(struct judge *j, struct heap_work *w, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < j->units.n; i++) {
        struct unit *u = j->units.items[i];
        if (u->faults & FAULT_SMALL) {
            continue;
        }
        bool has_moved = false;
        ok = heap_total_contradicts(w, &u->trend, &has_moved, err) &&
             find_leaves(j, w, err);
        if (ok && (has_moved || leaves_contradict(j, w, u))) {
            u->faults |= FAULT_MIGRATION;
        }
        gate_heap(j, u);
    }
    return ok;
}

/* --- all --- */

/* No free in the whole window, yet several sites grow: no GC ran. A program
   that only accumulates has one or two. */
static void find_no_gc(struct judge *j, const struct heap_work *w)
{
    enum { SITES_FEW = 4 };
    const double freed = w->total.born_last - w->total.sampled_last;
    size_t growing = 0;
    for (size_t g = 0; g < w->n_sites; g++) {
        growing += heap_grown(&w->site_ends[g]) >= 3;
    }
    j->no_gc = freed <= 0 && growing >= SITES_FEW;
}

static bool find_load(struct judge *j, const struct heap_work *w,
                      struct err *err)
{
    const size_t k = series_n_points(j->s, PLANE_HEAP);
    double *flow = calloc(k + 1, sizeof *flow);
    if (!flow) {
        return err_nomem(err, "load");
    }
    const double *t = series_seconds(j->s, PLANE_HEAP);
    size_t m = 0;
    for (size_t i = 1; i < k; i++) {
        if (t[i] > t[i - 1]) {
            flow[m++] = (w->total.born_bytes[i] - w->total.born_bytes[i - 1]) /
                        (t[i] - t[i - 1]);
        }
    }
    const size_t third = m / 3;
    double early = 0;
    double late = 0;
    for (size_t i = 0; i < third; i++) {
        early += flow[i];
        late += flow[m - 1 - i];
    }
    j->load_ratio = early > 0 ? late / early : 1;
    j->p_load = stat_mann_kendall(flow, m);
    j->n_loads = m;
    free(flow);
    return !isnan(j->p_load) || err_nomem(err, "load");
}

/* What the program had done by the time of each look at its goroutines. What
   is freed again is work; a program that only keeps what it allocates shows
   none. */
static bool keep_load(struct judge *j, const struct heap_work *w,
                      struct err *err)
{
    const struct heap_total *t = &w->total;
    const size_t n = series_n_points(j->s, PLANE_GOROUTINE);
    const double freed =
        t->born_last - t->sampled_last - (t->born_first - t->sampled_first);
    if (freed < clock_births_min || !series_about(j->s)->has_times) {
        return true;
    }
    double *load = arena_new(&j->work, double, n + 1);
    if (!load) {
        return err_nomem(err, "load");
    }
    const double *at = series_seconds(j->s, PLANE_GOROUTINE);
    for (size_t i = 0; i < n; i++) {
        load[i] =
            stat_interpolate(series_seconds(j->s, PLANE_HEAP), t->born_bytes,
                             series_n_points(j->s, PLANE_HEAP), at[i]);
    }
    j->load = load;
    return true;
}

bool judge_heap(struct judge *j, struct err *err)
{
    j->load_ratio = 1;
    j->p_load = 1;
    if (series_n_points(j->s, PLANE_HEAP) < 2) {
        return true;
    }
    struct heap_work w = {0};
    judge_tickers(j);
    judge_transports(j);
    bool ok = group_sites(j, &w, err) && find_gains(j, &w, err) &&
              sum_sites(j, &w, err) && sum_total(j, &w, err) &&
              find_load(j, &w, err) && keep_load(j, &w, err);
    if (ok) {
        const double *x = w.total.value;
        j->total_heap_growth = x[series_n_points(j->s, PLANE_HEAP) - 1] - x[0];
        find_no_gc(j, &w);
    }
    ok = ok && add_sites(j, &w, err) && add_rows(j, &w, err) &&
         judge_q(j->units.items, j->units.n, err) && grade_sites(j, &w, err) &&
         judge_blocks(j, &w, err) && judge_parents(j, &w, err);
    work_release(&w);
    return ok;
}
