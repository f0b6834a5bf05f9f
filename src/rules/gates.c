/*
 * From a measured trend to a grade. A test alone is never enough: stocks are
 * autocorrelated (a healthy ring passes Mann-Kendall at 1e-6), warm-up passes
 * everything but the pace tests, load passes everything but the load tests.
 * Each gate is one reason to doubt; strong means no reason is left, suspect
 * means one.
 *
 * Thresholds and where they come from:
 *   9 samples       z = sqrt(9) = 3 for a pure accumulator: fewer cannot be
 *                   told from sampling noise
 *   2 % of heap     smaller growth is not material within the window
 *   z >= 3          one in 740 by chance, on top of the trend test
 *   retention 0.3   less and most births are freed: then residence must rise
 *   pace            at half time at least 0.35 of the early pace; its upper
 *                   95 % bound at least 0.85 at every split
 *   3 events        growth spread over three intervals; fewer are steps
 *   8 points        1/8! = 2.5e-5 survives some hundred tests; 5 to 7 need
 *                   more of everything, below 5 nothing is strong
 *   level 1/3       a part of the window that counts (series/level.c says when
 *                   it is level): after growth that slowed down, a shorter one
 *                   may be a rest of a leak. Before growth, memory must have
 *                   risen for twice as long as it was level: what one piece of
 *                   work holds piles up until the work is done. Goroutines that
 *                   pile up wait for something, so half as long is enough
 */
#include "rules/judge_private.h"

#include <math.h>

static const double heap_share_min = 0.02;
static const double exact_bytes_min = 65536; /* rate 1: no sampling noise */
static const double goroutines_min = 10;
static const double q_max = 0.05;
static const double z_min = 3;
static const double retention_min = 0.3;
static const double pace_half_min = 0.35;
static const double pace_late_min = 0.05;
static const double pace_high_min = 0.85;
static const double events_min = 3;
static const double events_few = 4.5;
static const double fall_max = 0.3;
static const double load_p_max = 0.02;
static const double blurred_load_p_max = 0.15;
static const double level_min = 1.0 / 3;
static const size_t points_full = 8;
static const size_t points_min = 5;

/* Does growth slow down? Counts guard the ratio at half time, its bound kills
   decelerating growth as soon as counts allow. */
static bool is_slowing(const struct trend *t)
{
    if (t->pace[0] < pace_half_min || t->pace[1] < pace_late_min) {
        return true;
    }
    for (int i = 0; i < TREND_SPLITS; i++) {
        if (t->pace_high[i] < pace_high_min) {
            return true;
        }
    }
    return t->n >= points_full && t->p_late > 0.25 && t->events >= events_few;
}

/* Few steps: they may be the last ones. More must have come, and the last
   pause must not be longer than those before it. */
static bool is_burst(const struct trend *t)
{
    return t->events < events_min ||
           (t->events < events_few && t->idle_share > 1.5);
}

static bool follows_load(double load, double level, double p, double p_max)
{
    return load >= 1.2 && load - 1 >= 0.4 * (level - 1) && p <= p_max;
}

/* Goroutines in flight follow the program's load, which the heap's births
   tell. Where collections are so rare that some looks saw no new state, births
   are dealt to the wrong intervals and a rise of the load looks less steady
   than it was. */
static bool follows_program(const struct judge *j, const struct trend *t)
{
    const bool is_blurred = j->n_loads + 1 < t->n;
    return follows_load(j->load_ratio, t->level_ratio, j->p_load,
                        is_blurred ? blurred_load_p_max : load_p_max);
}

/* Most of what is born there dies, so growth could be load: residence must
   rise, or births must not. */
static bool is_freed(const struct trend *t)
{
    return t->retention < retention_min && t->p_residence >= 0.05 &&
           t->birth_ratio - 1 > 0.25 * (t->level_ratio - 1);
}

/* The doubts that the parts of a window leave; asked last, of what has no other
   doubt. Did growth slow down because it ended? What was level before it rose
   as well came in one step, and another may come. */
static void gate_levels(struct unit *u, double level_before_max)
{
    const struct trend *t = &u->trend;
    if (u->faults == FAULT_SLOWING && t->level_after >= level_min &&
        t->level_before <= 0) {
        u->faults |= FAULT_LEVEL;
    } else if (u->faults == 0 && t->level_before > level_before_max) {
        u->faults |= FAULT_LATE;
    }
}

/* Too few points: no trend test can be passed, no pace is known. */
static void gate_points(struct unit *u, bool is_enough)
{
    if (u->trend.n < points_min) {
        u->faults &= ~(unsigned)(FAULT_TREND | FAULT_BURST);
        u->faults |= FAULT_SHORT;
        if (u->trend.pace[0] < 0.5) {
            u->faults |= FAULT_SLOWING;
        }
    } else if (u->trend.n < points_full && !is_enough) {
        u->faults |= FAULT_SHORT;
    }
}

static enum grade grade_of(const struct unit *u)
{
    const unsigned soft = FAULT_NOISE | FAULT_FREED | FAULT_SLOWING |
                          FAULT_BURST | FAULT_FALLS | FAULT_SHORT | FAULT_POOL |
                          FAULT_NO_GC | FAULT_AGE | FAULT_LOAD | FAULT_LATE;
    const unsigned f = u->faults;
    if (f == 0) {
        return GRADE_STRONG;
    }
    const bool is_one = (f & (f - 1)) == 0;
    if ((f & ~soft) == 0 && is_one) {
        return GRADE_SUSPECT;
    }
    /* A short window fails several tests for one reason. */
    const unsigned brief = FAULT_SHORT | FAULT_TREND;
    if ((f & FAULT_SHORT) && (f & ~brief) == 0 && u->trend.p <= q_max) {
        return GRADE_SUSPECT;
    }
    return GRADE_INFO;
}

bool gate_is_small_heap(const struct judge *j, const struct trend *t)
{
    const double live = series_about(j->s)->live_heap_bytes;
    const bool is_exact = series_about(j->s)->heap_period_bytes <= 1;
    return t->growth < HEAP_SAMPLES_MIN || t->delta < heap_share_min * live ||
           (is_exact && t->delta < exact_bytes_min);
}

bool gate_is_small_goroutine(const struct trend *t)
{
    return t->growth < goroutines_min;
}

void gate_heap(const struct judge *j, struct unit *u)
{
    const struct trend *t = &u->trend;
    if (gate_is_small_heap(j, t)) {
        u->faults |= FAULT_SMALL;
    }
    if (t->q > q_max) {
        u->faults |= FAULT_TREND;
    }
    if (t->z < z_min) {
        u->faults |= FAULT_NOISE;
    }
    if (is_freed(t)) {
        u->faults |= FAULT_FREED;
    }
    if (t->retention < 0.5 &&
        follows_load(t->birth_ratio, t->level_ratio, t->p_births, load_p_max)) {
        u->faults |= FAULT_LOAD;
    }
    if (is_slowing(t)) {
        u->faults |= FAULT_SLOWING;
    }
    if (is_burst(t)) {
        u->faults |= FAULT_BURST;
    }
    gate_points(u, t->z >= 4 && t->retention >= 0.5 && t->pace[0] >= 0.5);
    if (j->no_gc) {
        u->faults |= FAULT_NO_GC;
    }
    gate_levels(u, level_min);
    u->grade = u->faults & FAULT_SMALL ? GRADE_INFO : grade_of(u);
}

void gate_goroutine(const struct judge *j, struct unit *u)
{
    const struct trend *t = &u->trend;
    if (gate_is_small_goroutine(t)) {
        u->faults |= FAULT_SMALL;
    }
    if (t->q > q_max) {
        u->faults |= FAULT_TREND;
    }
    if (t->z < z_min) {
        u->faults |= FAULT_NOISE;
    }
    if (t->drawdown > fall_max && t->z < 2 * z_min) {
        u->faults |= FAULT_FALLS;
    }
    if (follows_program(j, t)) {
        u->faults |= FAULT_LOAD;
    }
    if (is_slowing(t)) {
        u->faults |= FAULT_SLOWING;
    }
    if (is_burst(t)) {
        u->faults |= FAULT_BURST;
    }
    gate_points(u, t->z >= 5 && t->pace[0] >= 0.5);
    if (u->is_pool) {
        u->faults |= FAULT_POOL;
    }
    gate_levels(u, 2 * level_min);
    u->grade = u->faults & FAULT_SMALL ? GRADE_INFO : grade_of(u);
}
