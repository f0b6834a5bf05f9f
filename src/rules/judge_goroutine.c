/*
 * Goroutines. The key is (what it waits in, innermost user function); stacks
 * without a user frame are keyed by the function they were started with. A
 * site where healthy and leaked goroutines mix is tested line by line too:
 * the leaked ones wait at one line.
 */
#include "base/sort.h"
#include "rules/judge_private.h"

#include <math.h>
#include <string.h>

/* A line is one of several chances: more is asked of it. */
static const double line_z_min = 4;

struct keyed_row {
    uint32_t func, line, row;
    uint8_t primitive;
    bool is_std;
};
VEC_TYPE(keyed_rows, struct keyed_row)

static int compare_keys(const struct keyed_row *a, const struct keyed_row *b)
{
    if (a->is_std != b->is_std) {
        return a->is_std ? 1 : -1;
    }
    if (a->func != b->func) {
        return a->func < b->func ? -1 : 1;
    }
    if (a->primitive != b->primitive) {
        return a->primitive < b->primitive ? -1 : 1;
    }
    return (a->line > b->line) - (a->line < b->line);
}

static int by_key(const void *pa, const void *pb, const void *ctx)
{
    (void)ctx;
    const struct keyed_row *a = pa;
    const struct keyed_row *b = pb;
    const int c = compare_keys(a, b);
    return c ? c : (a->row > b->row) - (a->row < b->row);
}

/* Which rows some point of the plane holds. */
static bool mark_rows(const struct judge *j, uint8_t *seen)
{
    bool any = false;
    for (size_t i = 0; i < series_n_points(j->s, PLANE_GOROUTINE); i++) {
        size_t n = 0;
        const struct series_cell *c =
            series_cells(j->s, PLANE_GOROUTINE, i, &n);
        for (size_t k = 0; k < n; k++) {
            seen[c[k].row] = 1;
            any = true;
        }
    }
    return any;
}

static bool collect(struct judge *j, bool by_line, struct keyed_rows *out,
                    struct err *err)
{
    uint8_t *seen = calloc((size_t)j->n_rows + 1, 1);
    if (!seen) {
        return err_nomem(err, "grouping goroutines");
    }
    mark_rows(j, seen);
    bool ok = true;
    for (uint32_t r = 0; ok && r < j->n_rows; r++) {
        const struct row_facts *f = &j->rows[r];
        if (!seen[r] || (f->is_baseline && !f->is_listener) || f->is_profiler ||
            f->outermost == NO_FUNC) {
            continue;
        }
        const bool is_std = f->site == NO_FUNC;
        const struct keyed_row k = {is_std ? f->outermost : f->site,
                                    by_line ? f->site_line : 0, r, f->primitive,
                                    is_std};
        ok = keyed_rows_push(out, k) || err_nomem(err, "grouping goroutines");
    }
    free(seen);
    if (ok && out->n > 0) {
        sort_items(out->items, out->n, sizeof *out->items, by_key, NULL);
    }
    return ok;
}

/* Fully where the growth is worth it. The values stay the matrix's. */
static bool measure(const struct judge *j, const struct series_matrix *m,
                    size_t group, struct trend *t, struct err *err)
{
    const size_t k = m->n_points;
    const double *seconds = series_seconds(j->s, PLANE_GOROUTINE);
    *t = (struct trend){.n = k,
                        .seconds = seconds,
                        .clock = seconds,
                        .load = j->load,
                        .value = m->value + group * k,
                        .has_times = series_about(j->s)->has_times};
    trend_measure_ends(t);
    return gate_is_small_goroutine(t) || trend_measure(t, 0) ||
           err_nomem(err, "measuring");
}

/* Whose number peers bound: not that of connections which came with an
   http.Transport each, since no pool has more than one. */
static void look_at_pool(const struct judge *j, struct unit *u)
{
    size_t pool = 0;
    size_t idle = 0;
    for (size_t i = 0; i < u->rows.n; i++) {
        pool += j->rows[u->rows.items[i]].is_pool;
        idle += j->rows[u->rows.items[i]].is_idle_client;
    }
    u->is_idle_client = idle * 2 > u->rows.n;
    u->is_pool = pool * 2 > u->rows.n &&
                 !(u->is_idle_client && judge_has_transport_each(j, &u->trend));
}

/* One unit for the keyed rows [begin, end), which share a key. */
static bool add_unit(struct judge *j, const struct keyed_row *rows, size_t n,
                     const struct series_matrix *m, size_t group,
                     struct err *err)
{
    struct unit *u = judge_unit(j, PLANE_GOROUTINE, EVIDENCE_GOROUTINE, err);
    if (!u || !measure(j, m, group, &u->trend, err)) {
        return false;
    }
    const struct row_facts *f = &j->rows[rows[0].row];
    u->func = rows[0].func;
    u->line = rows[0].line;
    u->primitive = (enum primitive)rows[0].primitive;
    u->is_std = rows[0].is_std;
    u->has_site = !u->is_std;
    u->is_user = f->is_user;
    u->operation = f->operation;
    for (size_t i = 0; i < n; i++) {
        if (!unit_rows_push(&u->rows, rows[i].row)) {
            return err_nomem(err, "grouping goroutines");
        }
    }
    look_at_pool(j, u);
    return true;
}

static bool add_level(struct judge *j, bool by_line, struct err *err)
{
    struct keyed_rows rows = {0};
    struct series_matrix *m = &j->goroutines[by_line];
    uint32_t *group = calloc((size_t)j->n_rows + 1, sizeof *group);
    bool ok = group != NULL || err_nomem(err, "grouping goroutines");
    ok = ok && collect(j, by_line, &rows, err);
    size_t groups = 0;
    if (ok) {
        memset(group, 0xff, ((size_t)j->n_rows + 1) * sizeof *group);
        for (size_t i = 0; i < rows.n; i++) {
            groups +=
                i == 0 || compare_keys(&rows.items[i - 1], &rows.items[i]);
            group[rows.items[i].row] = (uint32_t)groups - 1;
        }
        const struct series_grouping g = {groups, NULL, group};
        ok = series_accumulate(j->s, PLANE_GOROUTINE, &g, m, err);
    }
    for (size_t begin = 0; ok && begin < rows.n;) {
        size_t end = begin + 1;
        while (end < rows.n &&
               compare_keys(&rows.items[begin], &rows.items[end]) == 0) {
            end++;
        }
        ok = add_unit(j, rows.items + begin, end - begin, m,
                      group[rows.items[begin].row], err);
        begin = end;
    }
    keyed_rows_release(&rows);
    free(group);
    return ok;
}

static bool grade_units(struct judge *j, size_t first, struct err *err)
{
    const size_t n = j->units.n - first;
    if (n == 0) {
        return true;
    }
    struct unit **units = j->units.items + first;
    for (size_t i = 0; i < n; i++) {
        if (gate_is_small_goroutine(&units[i]->trend)) {
            units[i]->faults = FAULT_SMALL;
        }
    }
    if (!judge_q(units, n, err)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!(units[i]->faults & FAULT_SMALL)) {
            if (units[i]->line != 0 && units[i]->trend.z < line_z_min) {
                units[i]->faults |= FAULT_NOISE;
            }
            gate_goroutine(j, units[i]);
        }
    }
    return true;
}

/* Does the function as a whole stay flat while one line of it gains? Then its
   goroutines moved on to that line. Contradiction only, as for the heap: a
   noisy whole is no veto. */
static bool has_moved(struct judge *j, const struct trend *line,
                      const struct trend *whole)
{
    double high = 0;
    const double slope =
        stat_theil_sen(line->clock, line->value, line->n, 1.645, NULL, NULL);
    const double total = stat_theil_sen(whole->clock, whole->value, whole->n,
                                        1.2816, NULL, &high);
    j->arena->has_failed |= isnan(slope) || isnan(total);
    return high < slope / 2;
}

/* Order of units as add_level() makes them, lines of one function equal. */
static int compare_units(const struct unit *a, const struct unit *b)
{
    const struct keyed_row x = {a->func, 0, 0, (uint8_t)a->primitive,
                                a->is_std};
    const struct keyed_row y = {b->func, 0, 0, (uint8_t)b->primitive,
                                b->is_std};
    return compare_keys(&x, &y);
}

/* A line speaks only where its function as a whole is not strong, and then
   instead of it. Both levels are in the same order: one walk finds each
   line's whole. */
static void settle_lines(struct judge *j, size_t first, size_t lines)
{
    struct unit *const *units = j->units.items;
    size_t k = first;
    for (size_t i = lines; i < j->units.n; i++) {
        struct unit *line = units[i];
        while (k < lines && compare_units(units[k], line) < 0) {
            k++;
        }
        struct unit *whole =
            k < lines && compare_units(units[k], line) == 0 ? units[k] : NULL;
        if (line->grade < GRADE_STRONG || !whole ||
            whole->grade >= GRADE_STRONG) {
            line->grade = GRADE_INFO;
            line->faults |= FAULT_SHARED;
        } else if (has_moved(j, &line->trend, &whole->trend)) {
            line->grade = GRADE_INFO;
            line->faults |= FAULT_MIGRATION;
        } else {
            whole->grade = GRADE_INFO;
            whole->faults |= FAULT_SHARED;
        }
    }
}

bool judge_goroutines(struct judge *j, struct err *err)
{
    const size_t k = series_n_points(j->s, PLANE_GOROUTINE);
    if (k < 2) {
        return true;
    }
    const size_t first = j->units.n;
    if (!add_level(j, false, err) || !grade_units(j, first, err)) {
        return false;
    }
    for (size_t i = first; i < j->units.n; i++) {
        j->total_goroutine_growth += j->units.items[i]->trend.delta;
    }
    const size_t lines = j->units.n;
    if (!add_level(j, true, err) || !grade_units(j, lines, err)) {
        return false;
    }
    settle_lines(j, first, lines);
    return true;
}
