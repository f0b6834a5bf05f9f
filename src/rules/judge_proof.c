/*
 * What needs no statistics: goroutines in Go's goroutineleak profile,
 * goroutines in a state nothing can end (nil channel, select without cases,
 * off main), and goids of three dumps that never went away.
 */
#include "rules/judge_private.h"

#include <math.h>
#include <string.h>

/* Counts per row, of one profile or dump. */
struct row_counts {
    double *n;          /* per row */
    uint8_t *primitive; /* per row */
};

static bool counts_init(const struct judge *j, struct row_counts *c,
                        struct err *err)
{
    c->n = calloc((size_t)j->n_rows + 1, sizeof *c->n);
    c->primitive = calloc((size_t)j->n_rows + 1, 1);
    return (c->n && c->primitive) || err_nomem(err, "reading proof");
}

static void counts_release(struct row_counts *c)
{
    free(c->n);
    free(c->primitive);
}

static uint32_t key_of(const struct row_facts *f)
{
    return f->site != NO_FUNC ? f->site : f->outermost;
}

/* The trend of the same goroutines in the series, for its figures. */
static const struct unit *trend_twin(const struct judge *j,
                                     const struct unit *u)
{
    for (size_t i = 0; i < j->units.n; i++) {
        const struct unit *t = j->units.items[i];
        if (t->kind == EVIDENCE_GOROUTINE && t->line == 0 &&
            t->func == u->func &&
            (t->primitive == u->primitive ||
             u->primitive == PRIMITIVE_NIL_CHAN)) {
            return t;
        }
    }
    return NULL;
}

static bool fill_trend(struct judge *j, struct unit *u, double count,
                       struct err *err)
{
    const struct unit *twin = trend_twin(j, u);
    if (twin && twin->trend.last >= count) {
        u->trend = twin->trend;
        return true;
    }
    double *value = arena_new(j->arena, double, 2);
    if (!value) {
        return err_nomem(err, "reading proof");
    }
    value[0] = count;
    u->trend = (struct trend){
        .n = 1, .seconds = value + 1, .clock = value + 1, .value = value};
    if (!trend_measure(&u->trend, 0)) {
        return err_nomem(err, "reading proof");
    }
    u->trend.per_second = u->trend.per_second_low = u->trend.per_second_high =
        NAN;
    return true;
}

/* Groups rows with a count by (primitive, site) into proven units. */
static bool add_units(struct judge *j, struct row_counts *c,
                      enum evidence_kind kind, struct err *err)
{
    for (uint32_t r = 0; r < j->n_rows; r++) {
        if (c->n[r] <= 0) {
            continue;
        }
        const struct row_facts *f = &j->rows[r];
        struct unit *u = judge_unit(j, PLANE_GOROUTINE, kind, err);
        if (!u) {
            return false;
        }
        u->func = key_of(f);
        u->operation = f->operation;
        u->has_site = f->site != NO_FUNC;
        u->is_std = !u->has_site;
        u->is_user = f->is_user;
        u->primitive = (enum primitive)c->primitive[r];
        u->grade = GRADE_PROVEN;
        double count = 0;
        for (uint32_t k = r; k < j->n_rows; k++) {
            if (c->n[k] > 0 && key_of(&j->rows[k]) == u->func &&
                c->primitive[k] == c->primitive[r]) {
                if (!unit_rows_push(&u->rows, k)) {
                    return err_nomem(err, "reading proof");
                }
                count += c->n[k];
                c->n[k] = k == r ? c->n[k] : 0;
            }
        }
        c->n[r] = 0;
        if (!fill_trend(j, u, count, err)) {
            return false;
        }
    }
    return true;
}

/* A first fetch may be incomplete: of several profiles the most of each. */
static bool leak_profiles(struct judge *j, struct err *err)
{
    struct row_counts c = {0};
    bool ok = counts_init(j, &c, err);
    for (size_t i = 0; ok && i < series_n_points(j->s, PLANE_LEAK); i++) {
        size_t n = 0;
        const struct series_cell *cells = series_cells(j->s, PLANE_LEAK, i, &n);
        for (size_t k = 0; k < n; k++) {
            const uint32_t r = cells[k].row;
            const double v = (double)cells[k].in_use;
            c.n[r] = v > c.n[r] ? v : c.n[r];
            c.primitive[r] = j->rows[r].primitive;
        }
    }
    ok = ok && add_units(j, &c, EVIDENCE_LEAK_PROFILE, err);
    counts_release(&c);
    return ok;
}

static bool is_main(const struct judge *j, uint32_t row)
{
    const char *name = series_func_name(j->s, j->rows[row].outermost);
    return strcmp(name, "runtime.main") == 0 || strcmp(name, "main.main") == 0;
}

/* select {} shows in profiles too; nil channels in dumps only. */
static bool permanent_states(struct judge *j, struct err *err)
{
    size_t n_dumps = 0;
    const struct series_dump *dumps = series_dumps(j->s, &n_dumps);
    struct row_counts c = {0};
    bool ok = counts_init(j, &c, err);
    if (ok && n_dumps > 0) {
        const struct series_dump *d = &dumps[n_dumps - 1];
        for (size_t i = 0; i < d->n; i++) {
            const uint32_t r = d->items[i].row;
            const enum primitive p =
                primitive_of_status(d->items[i].status, NULL, 0);
            const bool is_permanent =
                p == PRIMITIVE_NIL_CHAN || p == PRIMITIVE_SELECT_EMPTY;
            if ((is_permanent || d->items[i].is_leaked) && !is_main(j, r) &&
                j->rows[r].outermost != NO_FUNC && d->items[i].id != 1) {
                c.n[r]++;
                c.primitive[r] =
                    (uint8_t)(is_permanent ? (int)p : j->rows[r].primitive);
            }
        }
    } else if (ok && series_n_points(j->s, PLANE_GOROUTINE) > 0) {
        size_t n = 0;
        const struct series_cell *cells =
            series_cells(j->s, PLANE_GOROUTINE,
                         series_n_points(j->s, PLANE_GOROUTINE) - 1, &n);
        for (size_t k = 0; k < n; k++) {
            const uint32_t r = cells[k].row;
            if (j->rows[r].primitive == PRIMITIVE_SELECT_EMPTY &&
                !is_main(j, r)) {
                c.n[r] += (double)cells[k].in_use;
                c.primitive[r] = PRIMITIVE_SELECT_EMPTY;
            }
        }
    }
    ok = ok && add_units(j, &c, EVIDENCE_DUMP_STATE, err);
    counts_release(&c);
    return ok;
}

/* --- cohorts of three dumps --- */

static int by_id(const void *pa, const void *pb)
{
    const uint64_t a = *(const uint64_t *)pa;
    const uint64_t b = *(const uint64_t *)pb;
    return (a > b) - (a < b);
}

/* Sorted goids of a dump; the caller frees them. */
static uint64_t *ids_of(const struct series_dump *d)
{
    uint64_t *ids = calloc(d->n + 1, sizeof *ids);
    for (size_t i = 0; ids && i < d->n; i++) {
        ids[i] = d->items[i].id;
    }
    if (ids) {
        qsort(ids, d->n, sizeof *ids, by_id);
    }
    return ids;
}

static bool has_id(const uint64_t *ids, size_t n, uint64_t id)
{
    return bsearch(&id, ids, n, sizeof *ids, by_id) != NULL;
}

/* Fills cohort figures of the unit for goroutines of `key` born between the
   first and second dump. */
static void cohort(const struct judge *j, const struct series_dump *d,
                   uint64_t *const ids[3], uint32_t key, struct unit *u)
{
    double waits[512];
    size_t n_waits = 0;
    u->cohort_first = u->cohort_left = 0;
    for (size_t i = 0; i < d[1].n; i++) {
        const struct series_goroutine *g = &d[1].items[i];
        if (key_of(&j->rows[g->row]) != key || has_id(ids[0], d[0].n, g->id)) {
            continue;
        }
        u->cohort_first++;
        u->cohort_left += has_id(ids[2], d[2].n, g->id);
    }
    for (size_t i = 0; i < d[2].n; i++) {
        const struct series_goroutine *g = &d[2].items[i];
        if (key_of(&j->rows[g->row]) == key && n_waits < 512) {
            waits[n_waits++] =
                g->wait_minutes > 0 ? (double)g->wait_minutes : 0;
        }
    }
    u->wait_minutes = stat_median(waits, n_waits);
    j->arena->has_failed |= n_waits > 0 && isnan(u->wait_minutes);
}

/* What every healthy program has (main, accept loops) waits since the start
   and would hide any cohort. */
static double median_of_others(const struct judge *j,
                               const struct series_dump *d, uint32_t key)
{
    double *waits = calloc(d->n + 1, sizeof *waits);
    size_t n = 0;
    for (size_t i = 0; waits && i < d->n; i++) {
        const struct row_facts *f = &j->rows[d->items[i].row];
        if (key_of(f) != key && !f->is_baseline) {
            waits[n++] = d->items[i].wait_minutes > 0
                             ? (double)d->items[i].wait_minutes
                             : 0;
        }
    }
    const double median = waits ? stat_median(waits, n) : NAN;
    j->arena->has_failed |= !waits || (n > 0 && isnan(median));
    free(waits);
    return median;
}

/* One unit per site of the second dump; the rule's own parameters decide. */
static bool add_cohorts(struct judge *j, const struct series_dump *d,
                        uint64_t *const ids[3], struct err *err)
{
    uint8_t *done = calloc((size_t)series_n_funcs(j->s) + 1, 1);
    bool ok = done != NULL || err_nomem(err, "reading dumps");
    for (size_t i = 0; ok && i < d[2].n; i++) {
        const uint32_t r = d[2].items[i].row;
        const uint32_t key = key_of(&j->rows[r]);
        if (key == NO_FUNC || done[key] || j->rows[r].is_baseline) {
            continue;
        }
        done[key] = 1;
        struct unit *u = judge_unit(j, PLANE_GOROUTINE, EVIDENCE_COHORT, err);
        ok = u != NULL;
        if (ok) {
            u->func = key;
            u->operation = j->rows[r].operation;
            u->has_site = j->rows[r].site != NO_FUNC;
            u->is_std = !u->has_site;
            u->is_user = j->rows[r].is_user;
            u->primitive = primitive_of_status(d[2].items[i].status, NULL, 0);
            cohort(j, d, ids, key, u);
            u->wait_minutes_others = median_of_others(j, &d[2], key);
            u->grade = u->cohort_first >= 2 ? GRADE_STRONG : GRADE_INFO;
            ok = fill_trend(j, u, u->cohort_left, err) &&
                 (unit_rows_push(&u->rows, r) || err_nomem(err, "dumps"));
        }
    }
    free(done);
    return ok;
}

static bool cohorts(struct judge *j, struct err *err)
{
    size_t n = 0;
    const struct series_dump *all = series_dumps(j->s, &n);
    if (n < 3) {
        return true;
    }
    const struct series_dump d[3] = {all[0], all[n / 2], all[n - 1]};
    uint64_t *ids[3] = {ids_of(&d[0]), ids_of(&d[1]), ids_of(&d[2])};
    bool ok = (ids[0] && ids[1] && ids[2]) || err_nomem(err, "reading dumps");
    ok = ok && add_cohorts(j, d, ids, err);
    for (int i = 0; i < 3; i++) {
        free(ids[i]);
    }
    return ok;
}

bool judge_proof(struct judge *j, struct err *err)
{
    return leak_profiles(j, err) && permanent_states(j, err) && cohorts(j, err);
}
