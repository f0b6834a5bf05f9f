/*
 * What goroutine dumps (debug=2) add. Goids are never reused, so the first
 * and the last dump tell which goroutines stayed; and they are handed out in
 * order, so that one dump tells, against the first one's highest goid, when
 * each of its goroutines was born.
 */
#include "rules/judge_private.h"

#include <math.h>
#include <string.h>

/* Grown goroutines that were born before this share of the window... */
static const double age_old_share = 0.6;
/* ...must be at least this share of the growth, else all of it is young and
   may be work in flight. */
static const double age_old_min = 0.1;

struct id_at {
    uint64_t id;
    size_t at;
};

struct dump_view {
    const struct series_dump *dump;
    struct id_at *by_id; /* sorted */
    uint64_t max_id;
};

static int compare_ids(const void *pa, const void *pb)
{
    const struct id_at *a = pa;
    const struct id_at *b = pb;
    return (a->id > b->id) - (a->id < b->id);
}

static bool sort_ids(struct dump_view *v)
{
    v->by_id = calloc(v->dump->n + 1, sizeof *v->by_id);
    for (size_t i = 0; v->by_id && i < v->dump->n; i++) {
        v->by_id[i] = (struct id_at){v->dump->items[i].id, i};
    }
    if (v->by_id) {
        qsort(v->by_id, v->dump->n, sizeof *v->by_id, compare_ids);
    }
    return v->by_id != NULL;
}

static bool view_init(const struct series_dump *d, struct dump_view *v,
                      struct err *err)
{
    *v = (struct dump_view){.dump = d};
    for (size_t i = 0; i < d->n; i++) {
        v->max_id = d->items[i].id > v->max_id ? d->items[i].id : v->max_id;
    }
    return sort_ids(v) || err_nomem(err, "reading dumps");
}

static bool is_of(const struct judge *j, const struct dump_view *v, size_t i,
                  const struct unit *u)
{
    const struct row_facts *f = &j->rows[v->dump->items[i].row];
    enum primitive p = (enum primitive)f->primitive;
    if (p == PRIMITIVE_NIL_CHAN && u->primitive != p) {
        p = strstr(v->dump->items[i].status, "send") ? PRIMITIVE_CHAN_SEND
                                                     : PRIMITIVE_CHAN_RECEIVE;
    }
    /* Text profiles hide the frames that tell: the dump says what it is. */
    if (p != u->primitive && u->primitive != PRIMITIVE_OTHER) {
        return false;
    }
    if (u->is_std) {
        return f->site == NO_FUNC && f->outermost == u->func;
    }
    return f->site == u->func && (u->line == 0 || f->site_line == u->line);
}

static bool has_id(const struct dump_view *v, const struct judge *j,
                   const struct unit *u, uint64_t id)
{
    const struct id_at key = {id, 0};
    const struct id_at *hit =
        bsearch(&key, v->by_id, v->dump->n, sizeof key, compare_ids);
    return hit && is_of(j, v, hit->at, u);
}

/* State and creator as the last dump (else the first) has them for most. */
static void describe(const struct judge *j, const struct dump_view *v,
                     struct unit *u)
{
    const struct series_goroutine *best = NULL;
    for (size_t i = v->dump->n; i-- > 0;) {
        if (is_of(j, v, i, u)) {
            const struct series_goroutine *g = &v->dump->items[i];
            best = !best || (!best->has_creator && g->has_creator) ? g : best;
        }
    }
    if (!best) {
        return;
    }
    u->wait_status = best->status;
    if (u->primitive == PRIMITIVE_OTHER) {
        u->primitive = (enum primitive)j->rows[best->row].primitive;
    }
    if (best->has_creator) {
        u->has_creator = true;
        u->creator = best->creator;
    }
}

/* Median of wait minutes; `inside` the unit or outside of it. */
static double median_wait(const struct judge *j, const struct dump_view *v,
                          const struct unit *u, bool inside, double *most)
{
    double *x = calloc(v->dump->n + 1, sizeof *x);
    size_t n = 0;
    for (size_t i = 0; x && i < v->dump->n; i++) {
        const int64_t m = v->dump->items[i].wait_minutes;
        if (is_of(j, v, i, u) == inside) {
            x[n++] = m > 0 ? (double)m : 0;
            *most = *most < x[n - 1] ? x[n - 1] : *most;
        }
    }
    const double median = x ? stat_median(x, n) : NAN;
    j->arena->has_failed |= !x || (n > 0 && isnan(median));
    free(x);
    return median;
}

static void measure_waits(const struct judge *j, const struct dump_view *last,
                          struct unit *u)
{
    double most = 0;
    double ignored = 0;
    u->wait_minutes = median_wait(j, last, u, true, &most);
    u->wait_minutes_others = median_wait(j, last, u, false, &ignored);
    u->wait_minutes_max = isnan(u->wait_minutes) ? NAN : most;
}

static void measure_cohort(const struct judge *j, const struct dump_view *first,
                           const struct dump_view *last, struct unit *u)
{
    u->cohort_first = u->cohort_left = 0;
    for (size_t i = 0; i < first->dump->n; i++) {
        if (is_of(j, first, i, u)) {
            u->cohort_first++;
            u->cohort_left += has_id(last, j, u, first->dump->items[i].id);
        }
    }
}

/* Were the goroutines that grew born all over the window? */
static void measure_age(const struct judge *j, const struct dump_view *first,
                        const struct dump_view *last, struct unit *u)
{
    if (last->max_id <= first->max_id || last->dump->is_truncated) {
        return;
    }
    const double span = (double)(last->max_id - first->max_id);
    double born = 0;
    double old = 0;
    for (size_t i = 0; i < last->dump->n; i++) {
        const uint64_t id = last->dump->items[i].id;
        if (id > first->max_id && is_of(j, last, i, u)) {
            born++;
            old += (double)(id - first->max_id) / span < age_old_share;
        }
    }
    if (born < u->trend.growth / 2) {
        return; /* the dump shows another moment than the profiles */
    }
    if (old < age_old_min * u->trend.growth) {
        u->faults |= FAULT_AGE;
    }
}

static void look(struct judge *j, const struct dump_view *views, size_t n,
                 struct unit *u)
{
    const struct dump_view *first = &views[0];
    const struct dump_view *last = &views[n - 1];
    describe(j, last, u);
    if (!u->wait_status) {
        describe(j, first, u);
    }
    if (u->kind == EVIDENCE_COHORT) {
        return; /* counts other goroutines: those born after the first dump */
    }
    measure_waits(j, last, u);
    const struct trend *t = &u->trend;
    const double window = t->n > 1 ? t->seconds[t->n - 1] - t->seconds[0] : 0;
    if (n < 2 || last->dump->seconds - first->dump->seconds < window / 2) {
        return;
    }
    measure_cohort(j, first, last, u);
    measure_age(j, first, last, u);
    if (u->faults & FAULT_AGE && u->grade > GRADE_SUSPECT) {
        u->grade = GRADE_SUSPECT;
    }
}

bool judge_dumps(struct judge *j, struct err *err)
{
    size_t n = 0;
    const struct series_dump *dumps = series_dumps(j->s, &n);
    if (n == 0) {
        return true;
    }
    struct dump_view views[2] = {{0}};
    bool ok = view_init(&dumps[0], &views[0], err) &&
              view_init(&dumps[n - 1], &views[1], err);
    /* Each look reads the dumps again: what has thousands of suspects is no
       program, and must not take minutes. */
    enum { LOOKS_MAX = 500 };
    size_t looks = 0;
    for (size_t i = 0; ok && i < j->units.n && looks < LOOKS_MAX; i++) {
        struct unit *u = j->units.items[i];
        if (u->plane == PLANE_GOROUTINE && u->grade >= GRADE_SUSPECT) {
            looks++;
            look(j, n > 1 ? views : views + 1, n > 1 ? 2 : 1, u);
        }
    }
    for (int i = 0; i < 2; i++) {
        free(views[i].by_id);
    }
    return ok;
}
