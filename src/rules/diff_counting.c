/*
 * Which sites of a comparison count. Sampling noise, the limits, the spread of
 * the runs of a side and the noise of calibration runs must all be exceeded;
 * the first that is not is the reason why a site does not count.
 */
#include "rules/diff_judge_private.h"

#include <math.h>
#include <stdlib.h>

static bool nomem(struct err *err)
{
    return err_nomem(err, "findings");
}

double diff_least_growth(const struct diff_judge *j, enum diff_plane plane)
{
    return plane == DIFF_HEAP ? j->options->min_bytes
                              : j->options->min_goroutines;
}

/* Adjusts p values. Only the sites are tested that differ enough between any
   two profiles to count, whichever way: the many small ones only cost power. */
static bool adjust(struct diff_judge *j, enum diff_plane plane, bool of_runs,
                   double **out)
{
    size_t n = 0;
    size_t n_tested = 0;
    const double least = diff_least_growth(j, plane);
    const struct diff_site *sites = series_diff_sites(j->diff, plane, &n);
    double *q = arena_new(&j->out->arena, double, n + 1);
    double *p = calloc(2 * n + 1, sizeof *p);
    bool ok = q && p;
    for (size_t i = 0; ok && i < n; i++) {
        const double of_site = of_runs ? sites[i].p_runs : sites[i].p;
        q[i] = NAN;
        if (!isnan(of_site) && sites[i].spread >= least) {
            p[n_tested++] = of_site;
        }
    }
    ok = ok && stat_benjamini_hochberg(p, n_tested, p + n);
    for (size_t i = 0, k = 0; ok && i < n; i++) {
        const double of_site = of_runs ? sites[i].p_runs : sites[i].p;
        if (!isnan(of_site) && sites[i].spread >= least) {
            q[i] = p[n + k++];
        }
    }
    free(p);
    *out = q;
    return ok || nomem(j->err);
}

/* Could this site have counted? By what both sides hold together, not by how
   they share it, and by what calibration runs had: choosing sites by their
   change would make the promised risk that of fewer sites than were looked at.
 */
static bool is_candidate(const struct diff_site *s,
                         const struct diff_total *total, double least)
{
    const double n_base = (double)total->n[DIFF_BASE];
    const double n_head = (double)total->n[DIFF_HEAD];
    return n_base * s->base + n_head * s->head >= n_head * least ||
           s->noise.highest >= least;
}

/* The risk is shared among the sites that could count. */
static bool find_floors(struct diff_judge *j, enum diff_plane plane)
{
    size_t n = 0;
    size_t n_candidates = 0;
    const double least = diff_least_growth(j, plane);
    const struct diff_site *sites = series_diff_sites(j->diff, plane, &n);
    const struct diff_total *total = series_diff_total(j->diff, plane);
    double *floors = arena_new(&j->out->arena, double, n + 1);
    if (!floors) {
        return nomem(j->err);
    }
    for (size_t i = 0; i < n; i++) {
        n_candidates += is_candidate(&sites[i], total, least);
    }
    const double risk = DIFF_NOISE_RISK / fmax((double)n_candidates, 1);
    for (size_t i = 0; i < n; i++) {
        const struct diff_noise *noise = &sites[i].noise;
        floors[i] =
            noise->n == 0
                ? NAN
                : fmax(diff_noise_floor(noise, total->n[DIFF_BASE],
                                        total->n[DIFF_HEAD], risk),
                       diff_burst_floor(total, &sites[i], DIFF_NOISE_RISK));
    }
    j->floor[plane] = floors;
    return true;
}

size_t diff_site_index(const struct diff_judge *j, enum diff_plane plane,
                       const struct diff_site *s)
{
    size_t n = 0;
    return (size_t)(s - series_diff_sites(j->diff, plane, &n));
}

double diff_q(const struct diff_judge *j, enum diff_plane plane,
              const struct diff_site *s)
{
    return j->q[plane][diff_site_index(j, plane, s)];
}

bool diff_has_few_runs(const struct diff_judge *j, enum diff_plane plane)
{
    const struct diff_total *t = series_diff_total(j->diff, plane);
    return t->n[DIFF_BASE] < RUNS_FEW && t->n[DIFF_HEAD] < RUNS_FEW;
}

/* `delta` is the change in the direction that is asked about. */
enum diff_reason diff_reason(const struct diff_judge *j, enum diff_plane plane,
                             const struct diff_site *s)
{
    const size_t i = diff_site_index(j, plane, s);
    if (plane == DIFF_LEAK) {
        return s->head > 0 ? COUNTS : NOISE;
    }
    if (s->delta <= 0 || s->z < j->options->min_z) {
        return NOISE;
    }
    if (s->delta < diff_least_growth(j, plane) ||
        s->delta < j->options->min_growth * s->base) {
        return BELOW_LIMITS;
    }
    if (diff_has_few_runs(j, plane) && s->delta <= s->stray) {
        return BELOW_STRAY;
    }
    if (!isnan(s->p_runs) && !(j->q_runs[plane][i] <= DIFF_GROUP_Q)) {
        return BELOW_SPREAD;
    }
    return s->delta <= j->floor[plane][i] ? BELOW_FLOOR : COUNTS;
}

/* Grew by more than any calibration run? */
static bool is_above_calibration(const struct diff_judge *j,
                                 enum diff_plane plane,
                                 const struct diff_site *s)
{
    /* With even odds no bound is left, only what the runs showed. */
    static const double even = 0.5;
    const struct diff_total *total = series_diff_total(j->diff, plane);
    return s->delta > fmax(diff_noise_floor(&s->noise, total->n[DIFF_BASE],
                                            total->n[DIFF_HEAD], even),
                           diff_burst_floor(total, s, even));
}

const char *diff_open_advice(const struct diff_judge *j, enum diff_plane plane,
                             const struct diff_site *s)
{
    const enum diff_reason reason = diff_reason(j, plane, s);
    if (reason == BELOW_SPREAD && diff_has_few_runs(j, plane)) {
        return "give three runs or more a side";
    }
    if (reason == BELOW_FLOOR && s->noise.n < CALIBRATIONS_FEW &&
        is_above_calibration(j, plane, s)) {
        return "give five calibration runs or more";
    }
    return NULL;
}

/* Fell by as much as growth would have to be to count, and by half at least:
   what is left of a leak that was mended is small. One process that is seen
   twice only freed something; a younger one has less; and where base and head
   may not be what they are said to be, nothing is claimed. */
bool diff_is_fixed(const struct diff_judge *j, enum diff_plane plane,
                   const struct diff_site *s)
{
    const struct diff_total *heap = series_diff_total(j->diff, DIFF_HEAP);
    if (series_diff_warning(j->diff) || heap->is_one_process ||
        (series_diff_has(j->diff, DIFF_HEAP) &&
         heap->length_ratio * DIFF_LENGTH_RATIO <= 1)) {
        return false;
    }
    if (plane == DIFF_LEAK) {
        return s->head <= 0 && s->base > 0;
    }
    return -s->delta >= diff_least_growth(j, plane) && s->head <= s->base / 2 &&
           -s->z >= j->options->min_z &&
           !(diff_has_few_runs(j, plane) && -s->delta <= s->stray) &&
           (isnan(s->p_fell) || s->p_fell <= DIFF_GROUP_Q) &&
           !(-s->delta <= j->floor[plane][diff_site_index(j, plane, s)]);
}

/* Goroutine profiles cannot tell whether they are of independent processes; the
   heap profiles beside them may. */
static enum diff_replicas replicas_of(const struct diff_judge *j,
                                      enum diff_plane plane)
{
    const struct diff_total *own = series_diff_total(j->diff, plane);
    const struct diff_total *heap = series_diff_total(j->diff, DIFF_HEAP);
    const bool is_beside = own->n[DIFF_BASE] == heap->n[DIFF_BASE] &&
                           own->n[DIFF_HEAD] == heap->n[DIFF_HEAD];
    if (own->replicas == DIFF_TOO_FEW) {
        return DIFF_TOO_FEW;
    }
    if (heap->replicas == DIFF_ONE_PROCESS || heap->replicas == DIFF_LONGER) {
        return heap->replicas;
    }
    return own->replicas == DIFF_UNKNOWN && is_beside ? heap->replicas
                                                      : own->replicas;
}

enum grade diff_grade(const struct diff_judge *j, enum diff_plane plane,
                      const struct diff_site *s)
{
    if (plane == DIFF_LEAK) {
        return GRADE_PROVEN;
    }
    if (!(diff_q(j, plane, s) <= DIFF_GROUP_Q)) {
        return GRADE_GROWTH;
    }
    switch (replicas_of(j, plane)) {
    case DIFF_INDEPENDENT:
        return GRADE_STRONG;
    case DIFF_UNKNOWN:
        return GRADE_SUSPECT;
    case DIFF_TOO_FEW:
    case DIFF_ONE_PROCESS:
    case DIFF_LONGER:
        break;
    }
    return GRADE_GROWTH;
}

bool diff_prepare(struct diff_judge *j)
{
    for (int k = 0; k < N_DIFF_PLANES; k++) {
        const enum diff_plane plane = (enum diff_plane)k;
        if (series_diff_has(j->diff, plane) &&
            (!adjust(j, plane, false, &j->q[k]) ||
             !adjust(j, plane, true, &j->q_runs[k]) ||
             !find_floors(j, plane))) {
            return false;
        }
    }
    return true;
}
