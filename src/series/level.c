/*
 * Growth that takes only a part of the window. A line and a level meet at a
 * change point: after it nothing grows any more (a pool, a cache, a start-up
 * at its bound), or before it nothing grew yet (work that has just begun).
 *
 * The change point is the one with the least squares of residuals about both
 * (Hinkley 1971: two-phase regression). That a part is level is then asked as
 * a test with power, for silence alone is no evidence:
 *   g  growth within the level part, e what its length would have brought at
 *   the pace of the other part; V = max(variance of g at steady state, phi e),
 *   phi the clumping of the other part (e arrivals in clumps: variance phi e)
 *   1. g is no significant growth: z(g) < 1.645, one side of 5 %
 *   2. e would have been seen: (e - g) / sqrt(V) >= 4. The best of many change
 *      points looks better than it is, and what is called level by mistake
 *      may hide a leak: more is asked than of growth
 * Growth that comes in bursts has a large phi: a pause between two of them
 * then has no power, and the part is not called level.
 */
#include "series/trend.h"

#include <math.h>

static const double level_z_max = 1.645;
static const double power_z_min = 4;

/* A line through two points has no residual: of three it can be wrong. */
enum { PART_MIN = 3 };

static const double *stock(const struct trend *t)
{
    return t->sampled ? t->sampled : t->value;
}

static const double *exposure(const struct trend *t)
{
    return t->load ? t->load : t->clock;
}

/* Sums of a part's points: all that its two fits need. */
struct sums {
    double n, c, x, cc, cx, xx;
};

static void add(struct sums *s, double c, double x)
{
    s->n += 1;
    s->c += c;
    s->x += x;
    s->cc += c * c;
    s->cx += c * x;
    s->xx += x * x;
}

static struct sums rest(const struct sums *all, const struct sums *part)
{
    return (struct sums){all->n - part->n,   all->c - part->c,
                         all->x - part->x,   all->cc - part->cc,
                         all->cx - part->cx, all->xx - part->xx};
}

/* Per whole window. */
static double slope(const struct sums *s)
{
    const double cc = s->cc - s->c * s->c / s->n;
    const double cx = s->cx - s->c * s->x / s->n;
    return cc > 1e-12 ? cx / cc : 0; /* the clock is 0..1 */
}

static double off_level(const struct sums *s)
{
    return fmax(s->xx - s->x * s->x / s->n, 0);
}

static double off_line(const struct sums *s)
{
    const double cx = s->cx - s->c * s->x / s->n;
    return fmax(off_level(s) - slope(s) * cx, 0);
}

/* `at` is the first point of the second part. */
struct split {
    size_t at;
    double corner; /* where line and level meet, a share of the window */
    double pace;   /* of the line, in a whole window */
};

/* Where the line reaches the level, between the points beside the split. */
static double corner_of(const struct sums *line, const struct sums *level,
                        double before, double after)
{
    const double pace = slope(line);
    const double start = (line->x - pace * line->c) / line->n;
    const double meet =
        pace > 0 ? (level->x / level->n - start) / pace : before;
    return fmin(fmax(meet, before), after);
}

/* Clock as 0..1, stock from its first value: sums of squares keep their
   digits. */
static struct split best_split(const struct trend *t, bool rises_first)
{
    const double *c = exposure(t);
    const double *x = stock(t);
    const double length = c[t->n - 1] - c[0];
    struct sums all = {0};
    for (size_t i = 0; i < t->n; i++) {
        add(&all, (c[i] - c[0]) / length, x[i] - x[0]);
    }
    struct split best = {0, 0, 0};
    struct sums first = {0};
    double least = INFINITY;
    for (size_t i = 0; i + PART_MIN < t->n; i++) {
        add(&first, (c[i] - c[0]) / length, x[i] - x[0]);
        const struct sums second = rest(&all, &first);
        const struct sums *line = rises_first ? &first : &second;
        const struct sums *level = rises_first ? &second : &first;
        const double off = off_line(line) + off_level(level);
        if (i + 1 >= PART_MIN && off < least) {
            least = off;
            best = (struct split){i + 1,
                                  corner_of(line, level, (c[i] - c[0]) / length,
                                            (c[i + 1] - c[0]) / length),
                                  slope(line)};
        }
    }
    return best;
}

/* Points [begin, end) as a trend of their own. */
static struct trend part_of(const struct trend *t, size_t begin, size_t end)
{
    struct trend p = {.n = end - begin,
                      .seconds = t->seconds + begin,
                      .value = t->value + begin};
    if (t->sampled) {
        p.sampled = t->sampled + begin;
        p.born = t->born + begin;
    }
    trend_measure_noise(&p);
    return p;
}

/* Share of the window that is level beside what rises; 0: it is not, or could
   not be seen to be. */
static double level_share(const struct trend *level, const struct trend *rise,
                          double pace, double share)
{
    const double expected = pace * share;
    const double least = trend_clumping(rise) * expected;
    const double var = level->noise > least ? level->noise : least;
    const bool has_power =
        expected > 0 && expected - level->growth >= power_z_min * sqrt(var);
    return has_power && level->z < level_z_max ? share : 0;
}

void trend_measure_levels(struct trend *t)
{
    t->level_before = t->level_after = 0;
    t->level_from = 0;
    const double *c = exposure(t);
    if (t->n < (size_t)2 * PART_MIN || t->growth <= 0 ||
        !(c[t->n - 1] > c[0])) {
        return;
    }
    const struct split late = best_split(t, false);
    const struct split early = best_split(t, true);
    struct trend first = part_of(t, 0, late.at);
    struct trend second = part_of(t, late.at, t->n);
    t->level_before = level_share(&first, &second, late.pace, late.corner);
    first = part_of(t, 0, early.at);
    second = part_of(t, early.at, t->n);
    t->level_after = level_share(&second, &first, early.pace, 1 - early.corner);
    t->level_from = t->level_after > 0 ? early.at : 0;
}
