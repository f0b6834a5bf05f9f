/*
 * Of which run is what was taken after the last heap profile of one and before
 * the first of the next? The process restarted at some moment in between, which
 * only heap profiles show. One point of another process ends a trend, so that a
 * leak falls to nothing and is none; one point less costs little. So a point is
 * of the run whose heap profile it was taken with, and else of neither.
 */
#include "base/num.h"
#include "series/points_private.h"

#include <math.h>

/* So many times nearer to one than to the other: of restarts, which may be at
   any moment between the two, one in ten at most comes between it and that. */
static const double times_nearer = 10;

static double away(const struct point *a, const struct point *b)
{
    return fabs((double)sub_sat_i64(a->time_nanos, b->time_nanos));
}

/* Is no other profile of its kind nearer to that heap profile? A moment has one
   of a kind: where goroutines are counted every second, most are of no heap
   profile's moment. */
static bool is_closest(const struct series *s, uint32_t at, uint32_t heap)
{
    const struct point *all = s->all.items;
    const double limit = away(&all[at], &all[heap]);
    const uint32_t step = heap < at ? UINT32_MAX : 1; /* towards it, and on */
    for (uint32_t i = at + step; i < s->all.n; i += step) {
        if (all[i].time_nanos == 0) {
            continue;
        }
        const double d = away(&all[i], &all[heap]);
        if (d > limit) {
            return true;
        }
        if (d < limit && all[i].kind == all[at].kind &&
            all[i].form == all[at].form) {
            return false;
        }
    }
    return true;
}

static uint32_t run_of(const struct series *s, uint32_t at, uint32_t last,
                       uint32_t first, uint32_t run)
{
    const struct point *pt = &s->all.items[at];
    const struct point *old = &s->all.items[last];
    const struct point *new = &s->all.items[first];
    const bool is_olds = points_are_of_a_moment(pt, old);
    if (is_olds != points_are_of_a_moment(pt, new)) {
        return is_olds ? run : run + 1;
    }
    if (pt->time_nanos == 0 || old->time_nanos == 0 || new->time_nanos == 0) {
        return 0;
    }
    const double from_old = away(pt, old);
    const double from_new = away(pt, new);
    if (from_old * times_nearer <= from_new) {
        return is_closest(s, at, last) ? run : 0;
    }
    return from_new * times_nearer <= from_old && is_closest(s, at, first)
               ? run + 1
               : 0;
}

void series_number_between(struct series *s, uint32_t last, uint32_t first,
                           uint32_t run)
{
    for (uint32_t i = last + 1; i < first; i++) {
        s->inputs.items[s->all.items[i].input].run =
            run_of(s, i, last, first, run);
    }
}
