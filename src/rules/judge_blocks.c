/*
 * One large block is one sample, whatever it holds: a slice, a buffer or a
 * table that is only appended to is copied into a larger one, and counts of
 * samples stay where they are. But what is larger than some sampling periods is
 * always sampled, so its bytes have no noise and may be read as they are. Steps
 * tell less than a count that rises: never more than a suspicion, and of one or
 * two steps, which every table that is built makes, a note.
 */
#include "rules/judge_heap_private.h"

#include "base/num.h"

#include <math.h>

/* exp(-4) = 2 % of such blocks are not sampled. */
static const double block_periods_min = 4;
/* Go's default: of what is sampled more finely, only this much matters. */
static const double period_least_bytes = 524288;
/* Slices grow by a quarter at least, buffers and small slices twofold. */
static const double step_ratio_min = 1.15;
static const double share_min = 0.02; /* of the heap, as for all growth */
static const double stays_min = 0.9;

enum { POINTS_MIN = 5, STEPS_MIN = 3 };

static double period_of(const struct judge *j)
{
    return fmax((double)series_about(j->s)->heap_period_bytes,
                period_least_bytes);
}

/* More bytes in no more blocks, which are large. */
static bool is_larger(const struct judge *j, const struct heap_ends *e)
{
    const double delta = e->value[1] - e->value[0];
    return heap_grown(e) <= 1 && delta >= HEAP_SAMPLES_MIN * period_of(j) &&
           delta >= share_min * series_about(j->s)->live_heap_bytes &&
           e->value[1] >= block_periods_min * period_of(j) * e->sampled[1];
}

struct steps {
    size_t n, last;
    bool is_rising;  /* in steps alone, and never back */
    bool has_stayed; /* for two points: no block in flight */
};

/* Until the next collection the old block is there beside the new one, and
   what is in flight is seen once: the lower of two looks has neither. */
static double settled(const double *x, size_t i, size_t n)
{
    return i + 1 < n ? fmin(x[i], x[i + 1]) : x[i];
}

static struct steps steps_of(const double *x, size_t n, double least)
{
    const double delta = x[n - 1] - x[0];
    const double slack = (1 - stays_min) * delta;
    struct steps s = {.is_rising = true,
                      .has_stayed = x[n - 2] - x[0] >= stays_min * delta};
    double up = 0;
    for (size_t i = 1; i < n; i++) {
        const double before = settled(x, i - 1, n);
        const double d = settled(x, i, n) - before;
        s.is_rising &= d >= -slack;
        if (d >= least && before + d >= step_ratio_min * before) {
            s.n++;
            s.last = i;
            up += d;
        }
    }
    s.is_rising &= up >= stays_min * delta;
    return s;
}

/* What is built reaches its size early; what goes on growing had its last step
   not long ago, for each takes at most twice as long as all before it. */
static bool goes_on(const struct steps *s, const double *seconds, size_t n)
{
    return s->n >= STEPS_MIN && s->is_rising &&
           seconds[s->last] - seconds[0] >= (seconds[n - 1] - seconds[0]) / 2;
}

static bool add_block(struct judge *j, struct heap_work *w, size_t group,
                      size_t n_steps, struct err *err)
{
    struct trend t;
    bool has_moved = false;
    if (!heap_measure(j, w, &w->sites, group, &t, err) ||
        !heap_total_contradicts(w, &t, &has_moved, err)) {
        return false;
    }
    struct unit *u =
        has_moved ? NULL : judge_unit(j, PLANE_HEAP, EVIDENCE_HEAP, err);
    if (!u) {
        return has_moved;
    }
    t.p = t.q = 1; /* no test was made, and no pace is known */
    t.retention = NAN;
    u->trend = t;
    u->func = w->func_of_group[group];
    u->has_site = true;
    u->faults = FAULT_BLOCK;
    u->grade = GRADE_SUSPECT;
    u->note = arena_printf(j->arena,
                           "it grew in %zu steps, each into a larger "
                           "block: something is only appended to",
                           n_steps);
    for (uint32_t r = 0; r < j->n_rows; r++) {
        if (w->site_of[r] == group) {
            u->is_user = j->rows[r].is_user;
            if (!unit_rows_push(&u->rows, r)) {
                return err_nomem(err, "judging");
            }
        }
    }
    return u->note || err_nomem(err, "judging");
}

static void add_note(struct judge *j, uint32_t func, double delta,
                     size_t n_steps)
{
    struct buf b = BUF_LIMIT(1024);
    buf_printf(&b, "%s holds ", series_func_name(j->s, func));
    num_bytes(&b, delta);
    buf_printf(&b,
               " more, in %s block: what is built once does that, and what "
               "is only appended to; a longer window tells",
               n_steps == 1 ? "one large" : "a larger");
    j->block_note = buf_ok(&b) ? arena_strdup(j->arena, buf_view(&b)) : NULL;
    j->arena->has_failed |= b.failed_memory;
    buf_release(&b);
}

bool judge_blocks(struct judge *j, struct heap_work *w, struct err *err)
{
    const size_t n = series_n_points(j->s, PLANE_HEAP);
    double noted = 0;
    for (size_t g = 0; n >= POINTS_MIN && g < w->n_sites; g++) {
        const struct heap_ends *e = &w->site_ends[g];
        if (!is_larger(j, e)) {
            continue;
        }
        if (!heap_sites(j, w, err)) {
            return false;
        }
        const struct steps s =
            steps_of(w->sites.value + g * n, n, 2 * period_of(j));
        const double delta = e->value[1] - e->value[0];
        if (goes_on(&s, series_seconds(j->s, PLANE_HEAP), n)) {
            if (!add_block(j, w, g, s.n, err)) {
                return false;
            }
        } else if (s.has_stayed && s.is_rising && delta > noted) {
            noted = delta;
            add_note(j, w->func_of_group[g], delta, s.n);
        } else {
            continue;
        }
        j->n_within_noise -= heap_grown(e) > 0; /* no noise about it */
    }
    return true;
}
