/*
 * The runtime's own figures, where heap profiles in text form carry them.
 * They name no line and swing with the phase of the collector: only a trend
 * over enough points is told, and never as more than a suspicion.
 */
#include "rules/judge_private.h"

#include <math.h>

enum { POINTS_MIN = 5 };

static const double growth_share_min = 0.2;
static const double p_max = 0.01;

static const struct {
    enum memstats_field field;
    const char *name;
} figures[] = {
    {MEMSTATS_HeapAlloc,   "HeapAlloc"  },
    {MEMSTATS_HeapObjects, "HeapObjects"},
    {MEMSTATS_Stack,       "Stack"      },
};

static bool add_figure(struct judge *j, const struct series_memstats *m,
                       size_t n, size_t which, struct err *err)
{
    double *value = arena_new(&j->work, double, n);
    double *seconds = arena_new(&j->work, double, n);
    if (!value || !seconds) {
        return err_nomem(err, "reading MemStats");
    }
    for (size_t i = 0; i < n; i++) {
        value[i] = (double)m[i].stats.v[figures[which].field];
        seconds[i] = m[i].seconds - m[0].seconds;
    }
    struct unit *u = judge_unit(j, PLANE_HEAP, EVIDENCE_MEMSTATS, err);
    if (!u) {
        return false;
    }
    u->memstat = figures[which].name;
    u->trend = (struct trend){.n = n,
                              .seconds = seconds,
                              .clock = seconds,
                              .value = value,
                              .has_times = series_about(j->s)->has_times};
    if (!trend_measure(&u->trend, 0)) {
        return err_nomem(err, "reading MemStats");
    }
    const struct trend *t = &u->trend;
    u->grade = t->p <= p_max && t->delta >= growth_share_min * t->first &&
                       t->pace[0] >= 0.35
                   ? GRADE_SUSPECT
                   : GRADE_INFO;
    return true;
}

bool judge_memstats(struct judge *j, struct err *err)
{
    size_t n = 0;
    const struct series_memstats *m = series_memstats(j->s, &n);
    if (n < POINTS_MIN) {
        return true;
    }
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        if (!add_figure(j, m, n, i, err)) {
            return false;
        }
    }
    return true;
}
