/*
 * Heap sites. The unit is the innermost user function, over all its callers,
 * lines and block sizes: data that moves between callers must not look like
 * growth. A leak that is spread over many small sites shows only in the
 * function above them: the parent step.
 */
#include "rules/judge_private.h"

#include <math.h>
#include <string.h>

/* Below this many sampled births outside a site the program's own allocation
   is too coarse a clock; wall time serves. */
static const double clock_births_min = 30;

/* The parent step has more chances to be wrong: more is asked. */
static const double parent_samples_min = 12;
static const double parent_z_min = 3.5;
static const double parent_p_max = 0.05;
static const double parent_leaves_share = 0.6;
static const double once_share_max = 0.75;

struct heap_work {
    struct series_matrix sites, leaves, parents, total;
    uint32_t *site_of, *leaf_of, *off, *ids;
    uint32_t *group_of_func; /* func -> group of `sites`, or NO_GROUP */
    uint32_t *func_of_group;
    uint32_t *parent_func;
    size_t n_sites, n_parents;
    struct trend total_trend;
};

static void work_release(struct heap_work *w)
{
    series_matrix_release(&w->sites);
    series_matrix_release(&w->leaves);
    series_matrix_release(&w->parents);
    series_matrix_release(&w->total);
    free(w->site_of);
    free(w->leaf_of);
    free(w->off);
    free(w->ids);
    free(w->group_of_func);
    free(w->func_of_group);
    free(w->parent_func);
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
    u->young_share = NAN;
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

/* --- groups
 * -------------------------------------------------------------------- */

static bool group_sites(struct judge *j, struct heap_work *w, struct err *err)
{
    const size_t n_funcs = series_n_funcs(j->s);
    w->site_of = calloc((size_t)j->n_rows + 1, sizeof *w->site_of);
    w->leaf_of = calloc((size_t)j->n_rows + 1, sizeof *w->leaf_of);
    w->group_of_func = malloc((n_funcs + 1) * sizeof *w->group_of_func);
    w->func_of_group = calloc(n_funcs + 1, sizeof *w->func_of_group);
    if (!w->site_of || !w->leaf_of || !w->group_of_func || !w->func_of_group) {
        return err_nomem(err, "grouping stacks");
    }
    memset(w->group_of_func, 0xff, (n_funcs + 1) * sizeof *w->group_of_func);
    for (uint32_t r = 0; r < j->n_rows; r++) {
        const struct row_facts *f = &j->rows[r];
        w->site_of[r] = SERIES_NO_GROUP;
        w->leaf_of[r] = SERIES_NO_GROUP;
        if (!f->is_known || f->is_profiler) {
            continue;
        }
        w->leaf_of[r] = f->leaf;
        if (f->site == NO_FUNC) {
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

static bool accumulate(struct judge *j, struct heap_work *w, struct err *err)
{
    struct series_grouping sites = {w->n_sites, NULL, w->site_of};
    struct series_grouping leaves = {series_n_funcs(j->s), NULL, w->leaf_of};
    uint32_t *all = calloc((size_t)j->n_rows + 1, sizeof *all);
    struct series_grouping total = {1, NULL, all};
    bool ok = all != NULL || err_nomem(err, "summing");
    for (uint32_t r = 0; ok && r < j->n_rows; r++) {
        all[r] = j->rows[r].is_profiler ? SERIES_NO_GROUP : 0;
    }
    ok = ok && series_accumulate(j->s, PLANE_HEAP, &sites, &w->sites, err) &&
         series_accumulate(j->s, PLANE_HEAP, &leaves, &w->leaves, err) &&
         series_accumulate(j->s, PLANE_HEAP, &total, &w->total, err);
    free(all);
    return ok;
}

/* --- measuring
 * ------------------------------------------------------------------ */

/* The program's allocation without the site's own: it follows load and lags
   exactly as the profile does. A site that fills a cache and dominates
   allocation would stop its own clock. Wall time where the rest is silent. */
static bool make_clock(struct judge *j, const struct heap_work *w,
                       const struct series_matrix *m, size_t group,
                       const double **out, struct err *err)
{
    const size_t k = w->total.n_points;
    const double *born = m->born + group * k;
    const double *bytes = m->born_bytes + group * k;
    const double rest =
        w->total.born[k - 1] - w->total.born[0] - (born[k - 1] - born[0]);
    *out = series_seconds(j->s, PLANE_HEAP);
    if (rest < clock_births_min) {
        return true;
    }
    double *clock = arena_new(j->arena, double, k + 1);
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
    double *copy = arena_new(j->arena, double, k + 1);
    if (copy) {
        memcpy(copy, x, k * sizeof *copy);
    }
    return copy;
}

static bool measure(struct judge *j, const struct heap_work *w,
                    const struct series_matrix *m, size_t group,
                    struct trend *t, struct err *err)
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

static double grown(const struct series_matrix *m, size_t group)
{
    const double *n = m->sampled + group * m->n_points;
    return n[m->n_points - 1] - n[0];
}

/* --- migration
 * ------------------------------------------------------------------- */

/* Contradiction only: a noisy total is no veto. */
static bool total_contradicts(const struct heap_work *w, const struct trend *t,
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

/* Growth of the site's leaf functions in the whole program, where even its
   upper bound is below half of what the site gained there: data moved. */
static bool leaves_contradict(const struct judge *j, const struct heap_work *w,
                              const struct unit *u, double *gained)
{
    const size_t k = w->leaves.n_points;
    const size_t n_funcs = w->leaves.n_groups;
    memset(gained, 0, n_funcs * sizeof *gained);
    for (int last = 0; last <= 1; last++) {
        size_t n = 0;
        const struct series_cell *c =
            series_cells(j->s, PLANE_HEAP, last ? k - 1 : 0, &n);
        for (size_t i = 0; i < n; i++) {
            const struct row_facts *f = &j->rows[c[i].row];
            if (f->site == u->func && f->leaf != NO_FUNC) {
                gained[f->leaf] += (last ? 1 : -1) * (double)c[i].in_use_bytes;
            }
        }
    }
    double grew = 0;
    double backed = 0;
    for (size_t f = 0; f < n_funcs; f++) {
        if (gained[f] <= 0) {
            continue;
        }
        const double *x = w->leaves.value + f * k;
        const double *s = w->leaves.sampled + f * k;
        const double per_sample =
            s[k - 1] + s[0] > 0 ? (x[k - 1] + x[0]) / (s[k - 1] + s[0]) : 0;
        const double high =
            x[k - 1] - x[0] + 1.645 * sqrt(s[k - 1] + s[0]) * per_sample;
        grew += gained[f];
        backed += high < 0 ? 0 : high < gained[f] ? high : gained[f];
    }
    return grew > 0 && backed < grew / 2;
}

/* --- sites
 * ------------------------------------------------------------------------ */

static bool add_sites(struct judge *j, struct heap_work *w, struct err *err)
{
    for (size_t g = 0; g < w->n_sites; g++) {
        if (grown(&w->sites, g) <= 0) {
            continue;
        }
        struct unit *u = judge_unit(j, PLANE_HEAP, EVIDENCE_HEAP, err);
        if (!u || !measure(j, w, &w->sites, g, &u->trend, err)) {
            return false;
        }
        u->func = w->func_of_group[g];
        u->has_site = true;
        gate_heap(j, u); /* finds the small ones; q comes after */
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
    double *gained = calloc(w->leaves.n_groups + 1, sizeof *gained);
    if (!gained) {
        return err_nomem(err, "judging");
    }
    bool ok = true;
    for (size_t i = 0; ok && i < j->units.n; i++) {
        struct unit *u = j->units.items[i];
        if (u->faults & FAULT_SMALL) {
            continue;
        }
        u->faults = 0;
        bool has_moved = false;
        ok = total_contradicts(w, &u->trend, &has_moved, err);
        if (has_moved || leaves_contradict(j, w, u, gained)) {
            u->faults |= FAULT_MIGRATION;
        }
        gate_heap(j, u);
    }
    free(gained);
    return ok;
}

/* --- the parent step
 * --------------------------------------------------------------- */

static bool seen_before(const struct series_frame *f, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (f[k].func == f[i].func) {
            return true;
        }
    }
    return false;
}

/* Row -> distinct user functions on it. */
static bool group_parents(struct judge *j, struct heap_work *w, struct err *err)
{
    struct vec_u32 ids = {0};
    w->off = calloc((size_t)j->n_rows + 2, sizeof *w->off);
    bool ok = w->off != NULL || err_nomem(err, "parents");
    for (uint32_t r = 0; ok && r < j->n_rows; r++) {
        w->off[r] = (uint32_t)ids.n;
        const struct row_facts *f = &j->rows[r];
        if (!f->is_known || f->is_profiler || f->site == NO_FUNC) {
            continue;
        }
        j->frames.n = 0;
        ok = series_row_frames(j->s, r, &j->frames, err);
        for (size_t i = f->site_at; ok && i < j->frames.n; i++) {
            const uint32_t func = j->frames.items[i].func;
            if (j->origin[func] == ORIGIN_USER &&
                !seen_before(j->frames.items, i)) {
                ok = vec_u32_push(&ids, func) || err_nomem(err, "parents");
            }
        }
    }
    if (ok) {
        w->off[j->n_rows] = (uint32_t)ids.n;
        w->ids = ids.items ? ids.items : calloc(1, sizeof *w->ids);
        ok = w->ids != NULL || err_nomem(err, "parents");
    } else {
        vec_u32_release(&ids);
    }
    return ok;
}

/* Did nearly every site beneath gain all it gained in one interval? Things
   made once each, one after the other, are no leak. */
static bool is_once_each(const struct heap_work *w, const double *gained)
{
    const size_t k = w->sites.n_points;
    double largest = 0;
    double all = 0;
    for (size_t g = 0; g < w->n_sites; g++) {
        const double *n = w->sites.sampled + g * k;
        double most = 0;
        double sum = 0;
        for (size_t i = 1; i < k; i++) {
            const double d = n[i] - n[i - 1];
            most = d > most ? d : most;
            sum += d > 0 ? d : 0;
        }
        if (gained[g] > 0 && sum >= 2) {
            largest += most;
            all += sum;
        }
    }
    return largest > once_share_max * all;
}

/* Growth of each site on the stacks that have `func`, in bytes. */
static void gain_below(const struct judge *j, const struct heap_work *w,
                       uint32_t func, bool is_last, double *gained)
{
    size_t n = 0;
    const struct series_cell *c =
        series_cells(j->s, PLANE_HEAP, is_last ? w->sites.n_points - 1 : 0, &n);
    for (size_t i = 0; i < n; i++) {
        const uint32_t r = c[i].row;
        for (uint32_t m = w->off[r]; m < w->off[r + 1]; m++) {
            if (w->ids[m] == func) {
                gained[w->site_of[r]] +=
                    (is_last ? 1 : -1) * (double)c[i].in_use_bytes;
            }
        }
    }
}

/* Share of the parent's growth that its sites gained in the whole program:
   below, callers only exchanged work. */
static double backed_share(const struct heap_work *w, const double *gained)
{
    const size_t k = w->sites.n_points;
    double own = 0;
    double backed = 0;
    for (size_t g = 0; g < w->n_sites; g++) {
        const double *x = w->sites.value + g * k;
        const double global = x[k - 1] - x[0];
        own += gained[g];
        if (gained[g] > 0 && global > 0) {
            backed += gained[g] < global ? gained[g] : global;
        }
    }
    return own > 0 ? backed / own : 0;
}

/* Does a strong site beneath it speak already? */
static bool has_strong_site(const struct judge *j, const struct heap_work *w,
                            const double *gained)
{
    for (size_t i = 0; i < j->units.n; i++) {
        const struct unit *u = j->units.items[i];
        if (u->grade >= GRADE_STRONG && !u->is_parent &&
            gained[w->group_of_func[u->func]] > 0) {
            return true;
        }
    }
    return false;
}

static bool add_parent_rows(struct judge *j, const struct heap_work *w,
                            struct unit *u, struct err *err)
{
    for (uint32_t r = 0; r < j->n_rows; r++) {
        for (uint32_t m = w->off[r]; m < w->off[r + 1]; m++) {
            if (w->ids[m] == u->func && !unit_rows_push(&u->rows, r)) {
                return err_nomem(err, "parents");
            }
        }
    }
    return true;
}

/* Cheap tests come first: a deep framework has thousands of parents. */
static bool try_parent(struct judge *j, struct heap_work *w, uint32_t func,
                       double *gained, struct err *err)
{
    struct trend t;
    bool has_moved = false;
    if (grown(&w->parents, func) < parent_samples_min) {
        return true;
    }
    if (!measure(j, w, &w->parents, func, &t, err)) {
        return false;
    }
    if (t.z < parent_z_min || t.p > parent_p_max) {
        return true;
    }
    if (!total_contradicts(w, &t, &has_moved, err)) {
        return false;
    }
    if (has_moved) {
        return true;
    }
    memset(gained, 0, w->n_sites * sizeof *gained);
    gain_below(j, w, func, false, gained);
    gain_below(j, w, func, true, gained);
    if (backed_share(w, gained) < parent_leaves_share ||
        is_once_each(w, gained) || has_strong_site(j, w, gained)) {
        return true;
    }
    struct unit *u = judge_unit(j, PLANE_HEAP, EVIDENCE_HEAP, err);
    if (!u) {
        return false;
    }
    u->trend = t;
    u->func = func;
    u->has_site = u->is_user = u->is_parent = true;
    return add_parent_rows(j, w, u, err);
}

/* Is `inner` on every row of `outer` that matters? The deepest of nested
   parents is kept: it has the fewest rows. */
static bool is_within(const struct unit *inner, const struct unit *outer)
{
    size_t k = 0;
    size_t common = 0;
    for (size_t i = 0; i < inner->rows.n; i++) {
        while (k < outer->rows.n &&
               outer->rows.items[k] < inner->rows.items[i]) {
            k++;
        }
        common +=
            k < outer->rows.n && outer->rows.items[k] == inner->rows.items[i];
    }
    return common == inner->rows.n;
}

/* Where one site makes up most of a strong parent, the site is what the user
   must look at: the parent only lends it the samples it lacked. */
static void hand_down(struct judge *j, const struct heap_work *w,
                      double *gained)
{
    for (size_t i = 0; i < j->units.n; i++) {
        struct unit *p = j->units.items[i];
        if (!p->is_parent || p->grade < GRADE_STRONG) {
            continue;
        }
        memset(gained, 0, w->n_sites * sizeof *gained);
        gain_below(j, w, p->func, false, gained);
        gain_below(j, w, p->func, true, gained);
        for (size_t k = 0; k < j->units.n; k++) {
            struct unit *u = j->units.items[k];
            if (u->kind == EVIDENCE_HEAP && !u->is_parent &&
                u->grade == GRADE_SUSPECT &&
                gained[w->group_of_func[u->func]] >=
                    parent_leaves_share * p->trend.delta) {
                u->grade = GRADE_STRONG;
                u->note = "its callers as a whole pass every test";
                p->grade = GRADE_INFO;
                p->faults |= FAULT_SHARED;
            }
        }
    }
}

static void keep_deepest(struct unit *const *parents, size_t n)
{
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            if (a == b || parents[a]->grade < GRADE_STRONG ||
                parents[b]->grade < GRADE_STRONG) {
                continue;
            }
            if (is_within(parents[a], parents[b]) &&
                (parents[a]->rows.n < parents[b]->rows.n || a < b)) {
                parents[b]->faults |= FAULT_SHARED;
                parents[b]->grade = GRADE_INFO;
            }
        }
    }
}

static bool add_parents(struct judge *j, struct heap_work *w, struct err *err)
{
    const struct series_grouping g = {series_n_funcs(j->s), w->off, w->ids};
    double *gained = calloc(w->n_sites + 1, sizeof *gained);
    bool ok = gained != NULL || err_nomem(err, "parents");
    ok = ok && series_accumulate(j->s, PLANE_HEAP, &g, &w->parents, err);
    const size_t first = j->units.n;
    for (uint32_t f = 0; ok && f < g.n_groups; f++) {
        ok = try_parent(j, w, f, gained, err);
    }
    struct unit **parents = j->units.items + first;
    const size_t n = j->units.n - first;
    if (!ok || n == 0) {
        free(gained);
        return ok;
    }
    ok = judge_q(parents, n, err);
    for (size_t i = 0; ok && i < n; i++) {
        gate_heap(j, parents[i]);
        if (parents[i]->grade < GRADE_STRONG) {
            parents[i]->grade = GRADE_INFO; /* its sites speak for it */
        }
    }
    keep_deepest(parents, n);
    hand_down(j, w, gained);
    free(gained);
    return ok;
}

/* What tickers left on the heap: the goroutine rules ask for it. */
static void find_tickers(struct judge *j)
{
    const size_t k = series_n_points(j->s, PLANE_HEAP);
    for (int last = 0; last <= 1; last++) {
        size_t n = 0;
        const struct series_cell *c =
            series_cells(j->s, PLANE_HEAP, last ? k - 1 : 0, &n);
        for (size_t i = 0; i < n; i++) {
            if (j->rows[c[i].row].is_ticker) {
                j->ticker_growth += (last ? 1 : -1) * (double)c[i].in_use;
            }
        }
    }
}

/* --- all
 * ----------------------------------------------------------------------------
 */

/* No free in the whole window, yet several sites grow: no GC ran. A program
   that only accumulates has one or two. */
static void find_no_gc(struct judge *j, const struct heap_work *w)
{
    enum { SITES_FEW = 4 };
    const size_t k = w->total.n_points;
    const double freed = w->total.born[k - 1] - w->total.sampled[k - 1];
    size_t growing = 0;
    for (size_t g = 0; g < w->n_sites; g++) {
        growing += grown(&w->sites, g) >= 3;
    }
    j->no_gc = freed <= 0 && growing >= SITES_FEW;
}

static bool find_load(struct judge *j, const struct heap_work *w,
                      struct err *err)
{
    const size_t k = w->total.n_points;
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
    free(flow);
    return !isnan(j->p_load) || err_nomem(err, "load");
}

bool judge_heap(struct judge *j, struct err *err)
{
    j->load_ratio = 1;
    j->p_load = 1;
    if (series_n_points(j->s, PLANE_HEAP) < 2) {
        return true;
    }
    struct heap_work w = {0};
    bool ok = group_sites(j, &w, err) && accumulate(j, &w, err) &&
              find_load(j, &w, err);
    if (ok) {
        const double *x = w.total.value;
        j->total_heap_growth = x[w.total.n_points - 1] - x[0];
        find_no_gc(j, &w);
    }
    ok = ok && add_sites(j, &w, err) && add_rows(j, &w, err) &&
         judge_q(j->units.items, j->units.n, err) && grade_sites(j, &w, err) &&
         group_parents(j, &w, err) && add_parents(j, &w, err);
    if (ok) {
        find_tickers(j);
    }
    work_release(&w);
    return ok;
}
