/*
 * The parent step. A leak spread over many small sites shows in none of them,
 * only in the function above them all. It is accepted when the sites beneath
 * gained in the whole program what they gained there (else callers only
 * exchanged work), kept on gaining (else things were made once each), and no
 * strong site speaks for them already.
 */
#include "rules/judge_heap_private.h"
#include "rules/memory_private.h"

#include <string.h>

/* The parent step has more chances to be wrong: more is asked. */
static const double parent_samples_min = 12;
static const double parent_z_min = 3.5;
static const double parent_p_max = 0.05;
static const double parent_leaves_share = 0.6;
static const double once_share_max = 0.75;

/* Adds the user functions from the row's site outwards, each once. `seen` has
   per function the last row it was met on, plus one. */
static bool push_parents(struct judge *j, uint32_t row, uint32_t *seen,
                         struct vec_u32 *ids, struct err *err)
{
    j->frames.n = 0;
    if (!series_row_frames(j->s, row, &j->frames, err)) {
        return false;
    }
    for (size_t i = 0; i < j->frames.n; i++) {
        const uint32_t func = j->frames.items[i].func;
        const bool is_new = seen[func] != row + 1;
        seen[func] = row + 1;
        if (is_new && i >= j->rows[row].site_at &&
            j->origin[func] == ORIGIN_USER && !vec_u32_push(ids, func)) {
            return err_nomem(err, "parents");
        }
    }
    return true;
}

static bool recall_parents(const struct judge *j, uint32_t row,
                           struct vec_u32 *ids, struct err *err)
{
    const struct memory_row *m =
        memory_find_row(j->memory, series_row_id(j->s, row));
    const uint32_t *parents = j->memory->parents.items + m->first_parent;
    if (!vec_u32_reserve(ids, ids->n + m->n_parents)) {
        return err_nomem(err, "parents");
    }
    for (uint32_t i = 0; i < m->n_parents; i++) {
        ids->items[ids->n++] = series_func_of_id(j->s, parents[i]);
    }
    return true;
}

/* Row -> distinct user functions on it. */
static bool group_parents(struct judge *j, struct heap_work *w, struct err *err)
{
    struct vec_u32 ids = {0};
    uint32_t *seen = calloc((size_t)series_n_funcs(j->s) + 1, sizeof *seen);
    w->off = calloc((size_t)j->n_rows + 2, sizeof *w->off);
    bool ok = (seen && w->off) || err_nomem(err, "parents");
    for (uint32_t r = 0; ok && r < j->n_rows; r++) {
        w->off[r] = (uint32_t)ids.n;
        const struct row_facts *f = &j->rows[r];
        if (f->is_known && !f->is_profiler && f->site != NO_FUNC) {
            ok = j->memory ? recall_parents(j, r, &ids, err)
                           : push_parents(j, r, seen, &ids, err);
        }
    }
    free(seen);
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
        if (gained[g] <= 0) {
            continue;
        }
        const double *n = w->sites.sampled + g * k;
        double most = 0;
        double sum = 0;
        for (size_t i = 1; i < k; i++) {
            const double d = n[i] - n[i - 1];
            most = d > most ? d : most;
            sum += d > 0 ? d : 0;
        }
        if (sum >= 2) {
            largest += most;
            all += sum;
        }
    }
    return largest > once_share_max * all;
}

/* Growth of each site on the stacks that have `func`, in bytes. */
static void gain_below(const struct heap_work *w, uint32_t func, double *gained)
{
    memset(gained, 0, w->n_sites * sizeof *gained);
    for (uint32_t m = w->row_off[func]; m < w->row_off[func + 1]; m++) {
        const uint32_t r = w->row_ids[m];
        gained[w->site_of[r]] += w->gain[r];
    }
}

/* Share of the parent's growth that its sites gained in the whole program:
   below, callers only exchanged work. */
static double backed_share(const struct heap_work *w, const double *gained)
{
    double own = 0;
    double backed = 0;
    for (size_t g = 0; g < w->n_sites; g++) {
        const double *x = w->site_ends[g].value;
        const double global = x[1] - x[0];
        own += gained[g];
        if (gained[g] > 0 && global > 0) {
            backed += gained[g] < global ? gained[g] : global;
        }
    }
    return own > 0 ? backed / own : 0;
}

/* Does a strong site beneath it speak already? */
static bool has_strong_site(const struct heap_work *w, uint32_t func)
{
    for (uint32_t m = w->row_off[func]; m < w->row_off[func + 1]; m++) {
        const uint32_t r = w->row_ids[m];
        if (w->gain[r] > 0 && w->is_strong[w->site_of[r]]) {
            return true;
        }
    }
    return false;
}

static bool mark_sites(const struct judge *j, struct heap_work *w,
                       struct err *err)
{
    w->is_strong = calloc(w->n_sites + 1, 1);
    w->is_level = calloc(w->n_sites + 1, 1);
    if (!w->is_strong || !w->is_level) {
        return err_nomem(err, "parents");
    }
    for (size_t i = 0; i < j->units.n; i++) {
        const struct unit *u = j->units.items[i];
        const uint32_t group = w->group_of_func[u->func];
        w->is_strong[group] = u->grade >= GRADE_STRONG;
        w->is_level[group] = (u->faults & FAULT_LEVEL) != 0;
    }
    return true;
}

static bool add_parent_rows(const struct heap_work *w, struct unit *u,
                            struct err *err)
{
    for (uint32_t m = w->row_off[u->func]; m < w->row_off[u->func + 1]; m++) {
        if (!unit_rows_push(&u->rows, w->row_ids[m])) {
            return err_nomem(err, "parents");
        }
    }
    return true;
}

/* Sampled objects that all rows of a function gained. */
static double grown_below(const struct heap_work *w, uint32_t func)
{
    double grown = 0;
    for (uint32_t m = w->row_off[func]; m < w->row_off[func + 1]; m++) {
        const size_t r = w->row_ids[m];
        grown += w->ends.sampled[2 * r + 1] - w->ends.sampled[2 * r];
    }
    return grown;
}

/* Functions worth a look, in order: a deep framework has thousands of parents,
   and sums over all points are made for those only. */
static bool choose(const struct judge *j, const struct heap_work *w,
                   struct vec_u32 *funcs, struct err *err)
{
    const uint32_t n = series_n_funcs(j->s);
    for (uint32_t f = 0; f < n; f++) {
        if (w->row_off[f] < w->row_off[f + 1] &&
            grown_below(w, f) >= parent_samples_min && !has_strong_site(w, f) &&
            !vec_u32_push(funcs, f)) {
            return err_nomem(err, "parents");
        }
    }
    return true;
}

/* Sums of the chosen: group i of w->parents is funcs[i]. */
static bool sum_parents(const struct judge *j, struct heap_work *w,
                        const struct vec_u32 *funcs, struct err *err)
{
    const uint32_t n = w->off[j->n_rows];
    uint32_t *group =
        malloc(((size_t)series_n_funcs(j->s) + 1) * sizeof *group);
    uint32_t *off = calloc((size_t)j->n_rows + 2, sizeof *off);
    uint32_t *ids = calloc((size_t)n + 1, sizeof *ids);
    bool ok = (group && off && ids) || err_nomem(err, "parents");
    if (ok) {
        memset(group, 0xff, (size_t)series_n_funcs(j->s) * sizeof *group);
        for (size_t i = 0; i < funcs->n; i++) {
            group[funcs->items[i]] = (uint32_t)i;
        }
        uint32_t at = 0;
        for (uint32_t r = 0; r < j->n_rows; r++) {
            off[r] = at;
            for (uint32_t m = w->off[r]; m < w->off[r + 1]; m++) {
                if (group[w->ids[m]] != SERIES_NO_GROUP) {
                    ids[at++] = group[w->ids[m]];
                }
            }
        }
        off[j->n_rows] = at;
        const struct series_grouping g = {funcs->n, off, ids};
        ok = series_accumulate(j->s, PLANE_HEAP, &g, &w->parents, err);
    }
    free(group);
    free(off);
    free(ids);
    return ok;
}

/* `group` is the function's in w->parents. */
static bool try_parent(struct judge *j, struct heap_work *w, uint32_t func,
                       size_t group, double *gained, struct err *err)
{
    struct trend t;
    bool has_moved = false;
    if (heap_z(j, &w->parents, group) < parent_z_min) {
        return true;
    }
    if (!heap_measure(j, w, &w->parents, group, &t, err)) {
        return false;
    }
    if (t.p > parent_p_max) {
        return true;
    }
    if (!heap_total_contradicts(w, &t, &has_moved, err)) {
        return false;
    }
    if (has_moved) {
        return true;
    }
    gain_below(w, func, gained);
    if (backed_share(w, gained) < parent_leaves_share) {
        return true;
    }
    if (!heap_sites(j, w, err)) {
        return false;
    }
    if (is_once_each(w, gained)) {
        return true;
    }
    struct unit *u = judge_unit(j, PLANE_HEAP, EVIDENCE_HEAP, err);
    if (!u) {
        return false;
    }
    u->trend = t;
    u->func = func;
    u->has_site = u->is_user = u->is_parent = true;
    return add_parent_rows(w, u, err);
}

static bool try_parents(struct judge *j, struct heap_work *w, double *gained,
                        struct err *err)
{
    struct vec_u32 funcs = {0};
    bool ok = choose(j, w, &funcs, err) &&
              (funcs.n == 0 || sum_parents(j, w, &funcs, err));
    for (size_t i = 0; ok && i < funcs.n; i++) {
        ok = try_parent(j, w, funcs.items[i], i, gained, err);
    }
    vec_u32_release(&funcs);
    return ok;
}

/* Is `inner` on every row of `outer` that matters? The deepest of nested
   parents is kept: it has the fewest rows. */
static bool is_within(const struct unit *inner, const struct unit *outer)
{
    if (inner->rows.n > outer->rows.n) {
        return false;
    }
    size_t k = 0;
    for (size_t i = 0; i < inner->rows.n; i++) {
        const uint32_t row = inner->rows.items[i];
        while (k < outer->rows.n && outer->rows.items[k] < row) {
            k++;
        }
        if (k == outer->rows.n || outer->rows.items[k] != row) {
            return false;
        }
    }
    return true;
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
        gain_below(w, p->func, gained);
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

/* Sites that came to a level have spoken: what a parent gained without them
   must be enough by itself. */
static void heed_levels(const struct heap_work *w, struct unit *parent)
{
    double left = 0;
    for (uint32_t m = w->row_off[parent->func];
         m < w->row_off[parent->func + 1]; m++) {
        const size_t r = w->row_ids[m];
        left += w->is_level[w->site_of[r]]
                    ? 0
                    : w->ends.sampled[2 * r + 1] - w->ends.sampled[2 * r];
    }
    if (left < parent_samples_min) {
        parent->grade = GRADE_INFO;
        parent->faults |= FAULT_SHARED;
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

/* The way back: function -> rows, in order of rows. */
static bool invert(struct judge *j, struct heap_work *w, struct err *err)
{
    const size_t n_funcs = series_n_funcs(j->s);
    const uint32_t n = w->off[j->n_rows];
    w->row_off = calloc(n_funcs + 2, sizeof *w->row_off);
    w->row_ids = calloc((size_t)n + 1, sizeof *w->row_ids);
    if (!w->row_off || !w->row_ids) {
        return err_nomem(err, "parents");
    }
    for (uint32_t m = 0; m < n; m++) {
        w->row_off[w->ids[m] + 2]++;
    }
    for (size_t f = 2; f < n_funcs + 2; f++) {
        w->row_off[f] += w->row_off[f - 1];
    }
    for (uint32_t r = 0; r < j->n_rows; r++) {
        for (uint32_t m = w->off[r]; m < w->off[r + 1]; m++) {
            w->row_ids[w->row_off[w->ids[m] + 1]++] = r;
        }
    }
    return true;
}

bool judge_parents(struct judge *j, struct heap_work *w, struct err *err)
{
    if (!group_parents(j, w, err) || !invert(j, w, err) ||
        !mark_sites(j, w, err)) {
        return false;
    }
    double *gained = calloc(w->n_sites + 1, sizeof *gained);
    bool ok = gained != NULL || err_nomem(err, "parents");
    const size_t first = j->units.n;
    ok = ok && try_parents(j, w, gained, err);
    const size_t n = j->units.n - first;
    if (!ok || n == 0) {
        free(gained);
        return ok;
    }
    struct unit **parents = j->units.items + first;
    ok = judge_q(parents, n, err);
    for (size_t i = 0; ok && i < n; i++) {
        gate_heap(j, parents[i]);
        heed_levels(w, parents[i]);
        if (parents[i]->grade < GRADE_STRONG) {
            parents[i]->grade = GRADE_INFO; /* its sites speak for it */
        }
    }
    keep_deepest(parents, n);
    hand_down(j, w, gained);
    free(gained);
    return ok;
}
