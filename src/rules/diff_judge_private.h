/* Shared by judge_diff.c (findings), diff_counting.c, diff_limits.c and
   diff_notes.c. */
#ifndef SEEP_RULES_DIFF_JUDGE_PRIVATE_H
#define SEEP_RULES_DIFF_JUDGE_PRIVATE_H

#include "base/buf.h"
#include "rules/rules.h"

/* Chance that the noise of calibration runs alone makes any site count. */
#define DIFF_NOISE_RISK 0.01

/* Share of false findings among those of a group test. Complete separation at
   3 a side is 1/20 exactly, which rounding must not lose. */
#define DIFF_GROUP_Q (0.05 + 1e-9)

struct diff_judge {
    const struct series_diff *diff;
    const struct rules_diff_options *options;
    struct findings *out;
    size_t cap;
    struct err *err;
    /* Of the sites of each plane; NAN = not tested: of the group test that may
       be strong, and of the one that says head is above the spread of runs. */
    double *q[N_DIFF_PLANES], *q_runs[N_DIFF_PLANES];
    double *floor[N_DIFF_PLANES]; /* noise of calibration runs; NAN none */
};

/* Why a site does not count, the first reason that holds. */
enum diff_reason {
    COUNTS,
    NOISE,
    BELOW_LIMITS,
    BELOW_STRAY,
    BELOW_SPREAD,
    BELOW_FLOOR
};

/* Adjusts p values and finds noise floors, before anything is asked. */
bool diff_prepare(struct diff_judge *j) MUST_USE;

/* Least growth of a site that counts, by --min-bytes and --min-goroutines. */
double diff_least_growth(const struct diff_judge *j, enum diff_plane plane);

/* Of one of the plane's sites. */
size_t diff_site_index(const struct diff_judge *j, enum diff_plane plane,
                       const struct diff_site *s);
double diff_q(const struct diff_judge *j, enum diff_plane plane,
              const struct diff_site *s);
enum diff_reason diff_reason(const struct diff_judge *j, enum diff_plane plane,
                             const struct diff_site *s);
/* Fewer runs on both sides say little of how much runs differ. */
enum { RUNS_FEW = 3, CALIBRATIONS_FEW = 4 };

/* Where runs cannot tell how much they differ, their profiles must: at least by
   so much as one process does. */
bool diff_has_few_runs(const struct diff_judge *j, enum diff_plane plane);

/* What a leak must gain to count in four of five such pairs. */
struct diff_limit {
    double least;        /* at a site that base does not have; NAN: nothing
                            would */
    double most;         /* at the site where it takes most; `least` of none */
    const char *most_at; /* its function, NULL none */
};
struct diff_limit diff_limit_of(const struct diff_judge *j,
                                enum diff_plane plane);

/* What would tell whether growth that does not count is noise, of which there
   were too few runs to say so: more runs of a side, or of calibration. NULL:
   nothing has to. */
const char *diff_open_advice(const struct diff_judge *j, enum diff_plane plane,
                             const struct diff_site *s);
bool diff_is_fixed(const struct diff_judge *j, enum diff_plane plane,
                   const struct diff_site *s);

/* Of one that counts. */
enum grade diff_grade(const struct diff_judge *j, enum diff_plane plane,
                      const struct diff_site *s);

/* "8.0 MB", or a number of goroutines. */
void diff_put_amount(struct buf *out, enum diff_plane plane, double v);

bool diff_add_notes(struct diff_judge *j) MUST_USE;

#endif
