/*
 * What one thing (a site, a goroutine key, the total) did over the points of
 * a series, and the tests made on it. Plain data; arrays are borrowed.
 */
#ifndef SEEP_SERIES_TREND_H
#define SEEP_SERIES_TREND_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the window is split to compare the pace before and after. */
enum { TREND_SPLITS = 3 };

/* Arrays have n elements, one a point, oldest first. Heap trends: `value` is
   bytes in use, `objects` objects in use (both estimated by Go's scaling),
   `sampled` and `born` raw sampled counts. Goroutine trends: `value` is the
   count, the others NULL. */
struct trend {
    size_t n;
    const double *seconds; /* since the first point; index when no times */
    const double *clock;   /* what the pace is measured against */
    const double *load;    /* what a leak would have followed; NULL: clock */
    const double *value;
    const double *objects;
    const double *sampled; /* sampled objects in use, exact small integers */
    const double *born;    /* sampled objects ever allocated */
    bool has_times;

    double first, last, delta; /* of value */
    double growth;             /* in samples (heap) or goroutines */
    double births, deaths;     /* sampled, over the window; heap only */
    double retention;          /* growth / births, 0..1; NAN unknown */
    double noise;              /* variance of growth at steady state */
    double z;                  /* growth over its noise at steady state */
    double p, q;               /* Mann-Kendall, Benjamini-Hochberg; 1 none */
    double p_residence;        /* Mann-Kendall on the residence time */
    double p_late;             /* Mann-Kendall on the second half */
    double pace[TREND_SPLITS]; /* rate after over rate before, at 1/2, 2/3,
                                  3/4 of the clock */
    double pace_high[TREND_SPLITS]; /* its upper 95 % bound */
    double events;       /* intervals the growth is spread over (effective) */
    double idle_share;   /* intervals since it last grew / longest pause before
                            that; > 1 means it has paused longer than ever */
    double drawdown;     /* largest fall from a peak / growth */
    double level_before; /* share of the window before it rose, if level... */
    double level_after;  /* ...after it rose; 0 = not, or nothing shows it */
    size_t level_from;   /* first point of the latter; 0 none */
    double birth_ratio, level_ratio;        /* last third over first third */
    double p_births;                        /* Mann-Kendall on births */
    double per_second;                      /* of value; NAN without times */
    double per_second_low, per_second_high; /* 95 % interval */
    double relative_error; /* sampling error of `last`, 0 = exact */
};

/* Only first, last, delta and growth; what is tested says nothing then. */
void trend_measure_ends(struct trend *t);

/* These, births, deaths, retention and z; no test is made. */
void trend_measure_noise(struct trend *t);

/* Computes everything behind `has_times` from the arrays before it; q is left
   at 1 (it needs all tests). False when memory is out. */
bool trend_measure(struct trend *t, int64_t period_bytes) MUST_USE;

/* level.c: level_before, level_after, level_from. Needs growth. */
void trend_measure_levels(struct trend *t);

/* Variance of the increments over their mean, at least 1: how clumped growth
   arrives. */
double trend_clumping(const struct trend *t);

/* Last third of the increments over the first third: how a flow changed. */
double trend_flow_ratio(const double *cumulative, size_t n);

#endif
