/*
 * What needs no statistics: goroutines in Go's goroutineleak profile,
 * goroutines in a state nothing can end (nil channel, select without cases,
 * off main), and goids of three dumps that never went away.
 */
#include "base/sort.h"
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

/* Whole-function trends of goroutines, by function. */
struct twin {
    uint32_t func;
    size_t at; /* in judge.units */
};
struct proof {
    struct judge *j;
    struct twin *twins; /* sorted */
    size_t n_twins;
};

static int by_func(const void *pa, const void *pb, const void *ctx)
{
    (void)ctx;
    const struct twin *a = pa;
    const struct twin *b = pb;
    if (a->func != b->func) {
        return a->func < b->func ? -1 : 1;
    }
    return (a->at > b->at) - (a->at < b->at);
}

static bool index_twins(struct proof *p, struct err *err)
{
    const struct units *units = &p->j->units;
    p->twins = calloc(units->n + 1, sizeof *p->twins);
    if (!p->twins) {
        return err_nomem(err, "reading proof");
    }
    for (size_t i = 0; i < units->n; i++) {
        const struct unit *u = units->items[i];
        if (u->kind == EVIDENCE_GOROUTINE && u->line == 0) {
            p->twins[p->n_twins++] = (struct twin){u->func, i};
        }
    }
    sort_items(p->twins, p->n_twins, sizeof *p->twins, by_func, NULL);
    return true;
}

/* The trend of the same goroutines in the series, for its figures. */
static const struct unit *trend_twin(const struct proof *p,
                                     const struct unit *u)
{
    size_t low = 0;
    for (size_t high = p->n_twins; low < high;) {
        const size_t middle = low + (high - low) / 2;
        if (p->twins[middle].func < u->func) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < p->n_twins && p->twins[low].func == u->func; low++) {
        const struct unit *t = p->j->units.items[p->twins[low].at];
        if (t->primitive == u->primitive ||
            u->primitive == PRIMITIVE_NIL_CHAN) {
            return t;
        }
    }
    return NULL;
}

static bool fill_trend(const struct proof *p, struct unit *u, double count,
                       struct err *err)
{
    const struct unit *twin = trend_twin(p, u);
    if (twin && twin->trend.last >= count) {
        u->trend = twin->trend; /* small ones were not tested yet */
        return !(twin->faults & FAULT_SMALL) || trend_measure(&u->trend, 0) ||
               err_nomem(err, "reading proof");
    }
    double *value = arena_new(&p->j->work, double, 2);
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

static void describe_unit(const struct judge *j, uint32_t row, struct unit *u)
{
    const struct row_facts *f = &j->rows[row];
    u->func = key_of(f);
    u->operation = f->operation;
    u->has_site = f->site != NO_FUNC;
    u->is_std = !u->has_site;
    u->is_user = f->is_user;
}

/* A row with a count, and the first row that shares its key. */
struct counted_row {
    uint32_t first, key, row;
    uint8_t primitive;
};

/* Until `first` is known it is 0 in all rows: order by key. Then by `first`,
   which keeps units in order of rows. */
static int by_group(const void *pa, const void *pb, const void *ctx)
{
    (void)ctx;
    const struct counted_row *a = pa;
    const struct counted_row *b = pb;
    if (a->first != b->first) {
        return a->first < b->first ? -1 : 1;
    }
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    if (a->primitive != b->primitive) {
        return a->primitive < b->primitive ? -1 : 1;
    }
    return (a->row > b->row) - (a->row < b->row);
}

/* Rows with a count, those of one group together; the caller frees them. */
static struct counted_row *grouped_rows(const struct judge *j,
                                        const struct row_counts *c, size_t *n)
{
    struct counted_row *rows = calloc((size_t)j->n_rows + 1, sizeof *rows);
    *n = 0;
    for (uint32_t r = 0; rows && r < j->n_rows; r++) {
        if (c->n[r] > 0) {
            rows[(*n)++] = (struct counted_row){0, key_of(&j->rows[r]), r,
                                                c->primitive[r]};
        }
    }
    if (!rows) {
        return NULL;
    }
    sort_items(rows, *n, sizeof *rows, by_group, NULL);
    for (size_t i = 0; i < *n; i++) {
        const bool is_same = i > 0 && rows[i].key == rows[i - 1].key &&
                             rows[i].primitive == rows[i - 1].primitive;
        rows[i].first = is_same ? rows[i - 1].first : rows[i].row;
    }
    sort_items(rows, *n, sizeof *rows, by_group, NULL);
    return rows;
}

/* Groups rows with a count by (primitive, site) into proven units. */
static bool add_units(const struct proof *p, const struct row_counts *c,
                      enum evidence_kind kind, struct err *err)
{
    size_t n = 0;
    struct counted_row *rows = grouped_rows(p->j, c, &n);
    bool ok = rows != NULL || err_nomem(err, "reading proof");
    for (size_t i = 0; ok && i < n;) {
        struct unit *u = judge_unit(p->j, PLANE_GOROUTINE, kind, err);
        ok = u != NULL;
        if (!ok) {
            break;
        }
        describe_unit(p->j, rows[i].row, u);
        u->primitive = (enum primitive)rows[i].primitive;
        u->grade = GRADE_PROVEN;
        const uint32_t first = rows[i].first;
        double count = 0;
        for (; ok && i < n && rows[i].first == first; i++) {
            ok = unit_rows_push(&u->rows, rows[i].row) ||
                 err_nomem(err, "reading proof");
            count += c->n[rows[i].row];
        }
        ok = ok && fill_trend(p, u, count, err);
    }
    free(rows);
    return ok;
}

/* A first fetch may be incomplete: of several profiles the most of each. */
static bool leak_profiles(const struct proof *p, struct err *err)
{
    const struct judge *j = p->j;
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
    ok = ok && add_units(p, &c, EVIDENCE_LEAK_PROFILE, err);
    counts_release(&c);
    return ok;
}

static bool is_main(const struct judge *j, uint32_t row)
{
    const char *name = series_func_name(j->s, j->rows[row].outermost);
    return strcmp(name, "runtime.main") == 0 || strcmp(name, "main.main") == 0;
}

/* select {} shows in profiles too; nil channels in dumps only. */
static bool permanent_states(const struct proof *proof, struct err *err)
{
    const struct judge *j = proof->j;
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
    ok = ok && add_units(proof, &c, EVIDENCE_DUMP_STATE, err);
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

/* What the three dumps say of the goroutines of one key. */
struct cohort {
    uint32_t born; /* between the first and the second dump */
    uint32_t left; /* of them, in the third */
    bool is_done;
    size_t begin, end; /* its run in cohorts.waiting */
};

struct waiting {
    uint32_t key;
    bool is_baseline;
    double minutes;
};

struct cohorts {
    struct series_dump dumps[3];
    uint64_t *ids[3];
    struct cohort *of;       /* per function */
    struct waiting *waiting; /* of the third dump, by key */
    double *minutes;         /* of the third dump but the baseline, sorted */
    size_t n_minutes;
    double *scratch;
};

static void cohorts_release(struct cohorts *c)
{
    for (int i = 0; i < 3; i++) {
        free(c->ids[i]);
    }
    free(c->of);
    free(c->waiting);
    free(c->minutes);
    free(c->scratch);
}

static int by_minutes(const void *pa, const void *pb, const void *ctx)
{
    (void)ctx;
    const double a = *(const double *)pa;
    const double b = *(const double *)pb;
    return (a > b) - (a < b);
}

static int by_wait(const void *pa, const void *pb, const void *ctx)
{
    const struct waiting *a = pa;
    const struct waiting *b = pb;
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    if (a->is_baseline != b->is_baseline) {
        return a->is_baseline ? 1 : -1;
    }
    return by_minutes(&a->minutes, &b->minutes, ctx);
}

static void count_born(const struct judge *j, struct cohorts *c)
{
    const struct series_dump *d = c->dumps;
    for (size_t i = 0; i < d[1].n; i++) {
        const uint32_t key = key_of(&j->rows[d[1].items[i].row]);
        const uint64_t id = d[1].items[i].id;
        if (key != NO_FUNC && !has_id(c->ids[0], d[0].n, id)) {
            c->of[key].born++;
            c->of[key].left += has_id(c->ids[2], d[2].n, id);
        }
    }
}

/* What every healthy program has (main, accept loops) waits since the start
   and would hide any cohort: `minutes` leaves it out. */
static void sort_waits(const struct judge *j, struct cohorts *c)
{
    const struct series_dump *d = &c->dumps[2];
    for (size_t i = 0; i < d->n; i++) {
        const struct row_facts *f = &j->rows[d->items[i].row];
        const int64_t m = d->items[i].wait_minutes;
        c->waiting[i] =
            (struct waiting){key_of(f), f->is_baseline, m > 0 ? (double)m : 0};
        if (!f->is_baseline) {
            c->minutes[c->n_minutes++] = c->waiting[i].minutes;
        }
    }
    sort_items(c->waiting, d->n, sizeof *c->waiting, by_wait, NULL);
    sort_items(c->minutes, c->n_minutes, sizeof *c->minutes, by_minutes, NULL);
    for (size_t begin = 0; begin < d->n;) {
        const uint32_t key = c->waiting[begin].key;
        size_t end = begin + 1;
        while (end < d->n && c->waiting[end].key == key) {
            end++;
        }
        if (key != NO_FUNC) {
            c->of[key].begin = begin;
            c->of[key].end = end;
        }
        begin = end;
    }
}

/* Finds the dumps, the first, middle and last of the complete ones: what a
   truncated one lacks would look newborn, or ended. */
static bool find_dumps(const struct judge *j, struct cohorts *c)
{
    size_t n = 0;
    size_t n_complete = 0;
    const struct series_dump *all = series_dumps(j->s, &n);
    for (size_t i = 0; i < n; i++) {
        n_complete += !all[i].is_truncated;
    }
    if (n_complete < 3) {
        return false;
    }
    for (size_t i = 0, at = 0; i < n; i++) {
        if (all[i].is_truncated) {
            continue;
        }
        if (at == 0 || at == n_complete / 2 || at == n_complete - 1) {
            c->dumps[at == 0 ? 0 : at == n_complete - 1 ? 2 : 1] = all[i];
        }
        at++;
    }
    return true;
}

static bool cohorts_init(const struct judge *j, struct cohorts *c,
                         struct err *err)
{
    const size_t n = c->dumps[2].n + 1;
    for (int i = 0; i < 3; i++) {
        c->ids[i] = ids_of(&c->dumps[i]);
    }
    c->of = calloc((size_t)series_n_funcs(j->s) + 1, sizeof *c->of);
    c->waiting = calloc(n, sizeof *c->waiting);
    c->minutes = calloc(n, sizeof *c->minutes);
    c->scratch = calloc(n, sizeof *c->scratch);
    if (!c->ids[0] || !c->ids[1] || !c->ids[2] || !c->of || !c->waiting ||
        !c->minutes || !c->scratch) {
        return err_nomem(err, "reading dumps");
    }
    count_born(j, c);
    sort_waits(j, c);
    return true;
}

/* The `rank`th of all sorted minutes once those of `own`, sorted too, are
   taken away. */
static double rank_without(const struct cohorts *c, const struct waiting *own,
                           size_t n_own, size_t rank)
{
    for (size_t i = 0; i < n_own && own[i].minutes <= c->minutes[rank]; i++) {
        rank++;
    }
    return c->minutes[rank];
}

static void measure_waits(const struct judge *j, const struct cohorts *c,
                          struct unit *u)
{
    const struct cohort *k = &c->of[u->func];
    const struct waiting *own = c->waiting + k->begin;
    const size_t n = k->end - k->begin;
    size_t n_own = 0; /* without the baseline, which comes last */
    for (size_t i = 0; i < n; i++) {
        c->scratch[i] = own[i].minutes;
        n_own += !own[i].is_baseline;
    }
    u->wait_minutes = stat_median(c->scratch, n);
    j->arena->has_failed |= n > 0 && isnan(u->wait_minutes);
    const size_t others = c->n_minutes - n_own;
    u->wait_minutes_others =
        others > 0 ? (rank_without(c, own, n_own, (others - 1) / 2) +
                      rank_without(c, own, n_own, others / 2)) /
                         2
                   : NAN;
}

static bool add_cohort(const struct proof *p, const struct cohorts *c,
                       const struct series_goroutine *g, struct err *err)
{
    struct unit *u = judge_unit(p->j, PLANE_GOROUTINE, EVIDENCE_COHORT, err);
    if (!u) {
        return false;
    }
    describe_unit(p->j, g->row, u);
    u->primitive = primitive_of_status(g->status, NULL, 0);
    u->cohort_first = c->of[u->func].born;
    u->cohort_left = c->of[u->func].left;
    u->grade = GRADE_STRONG;
    measure_waits(p->j, c, u);
    return fill_trend(p, u, u->cohort_left, err) &&
           (unit_rows_push(&u->rows, g->row) || err_nomem(err, "dumps"));
}

/* One unit per site of the last dump where several were born; the rule's own
   parameters decide. */
static bool cohorts(const struct proof *p, struct err *err)
{
    struct cohorts c = {0};
    if (!find_dumps(p->j, &c)) {
        return true;
    }
    bool ok = cohorts_init(p->j, &c, err);
    for (size_t i = 0; ok && i < c.dumps[2].n; i++) {
        const struct series_goroutine *g = &c.dumps[2].items[i];
        const struct row_facts *f = &p->j->rows[g->row];
        const uint32_t key = key_of(f);
        if (key == NO_FUNC || f->is_baseline || c.of[key].is_done ||
            c.of[key].born < 2) {
            continue;
        }
        c.of[key].is_done = true;
        ok = add_cohort(p, &c, g, err);
    }
    cohorts_release(&c);
    return ok;
}

bool judge_proof(struct judge *j, struct err *err)
{
    struct proof p = {.j = j};
    const bool ok = index_twins(&p, err) && leak_profiles(&p, err) &&
                    permanent_states(&p, err) && cohorts(&p, err);
    free(p.twins);
    return ok;
}
