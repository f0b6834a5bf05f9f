/*
 * The statistics of series, as pure functions over arrays of double. Sources
 * of formulas are named; tables they are tested against: tests/series.
 */
#ifndef SEEP_SERIES_STATS_H
#define SEEP_SERIES_STATS_H

#include <stdbool.h>
#include <stddef.h>

/* One-sided p of Mann and Kendall's test for a rising series. Exact (the
   distribution of inversions of a multiset, a product of Gaussian binomials,
   kept as probabilities: nothing overflows) up to STAT_EXACT_MAX points,
   beyond by the normal approximation with tie and continuity correction.
   1 when n < 2 or all values are equal; NAN when memory is out. */
enum { STAT_EXACT_MAX = 80 };
double stat_mann_kendall(const double *x, size_t n);

/* Median of the pairwise slopes (Theil, Sen); 0 when n < 2, NAN when memory is
   out. With `low` and `high` the pairwise slopes at the ranks of Kendall's S at
   +-`z_quantile` standard deviations (Sen 1968). Of longer series every k-th
   point is used: pairs grow with the square. */
enum { STAT_SLOPE_POINTS_MAX = 400 };
double stat_theil_sen(const double *t, const double *x, size_t n,
                      double z_quantile, double *low, double *high);

/* Upper bound (one-sided `confidence`) of a share of which k of n were seen
   (Clopper and Pearson 1934). k and n may be fractional: counts divided by
   their dispersion. 1 when n is 0. */
double stat_share_upper(double k, double n, double confidence);

/* Regularised incomplete beta function (continued fraction, Lentz). */
double stat_beta(double a, double b, double x);

/* Benjamini and Hochberg's adjusted p-values, in the order of p. False when
   memory is out. */
bool stat_benjamini_hochberg(const double *p, size_t n, double *q);

/* NAN for none, and when memory is out. */
double stat_median(const double *x, size_t n);

/* 97.5 % quantile of Student's t with `df` >= 1 degrees of freedom. */
double stat_t975(double df);

/* Student's t with `df` > 0 degrees of freedom: upper tail probability, and the
   value whose upper tail is `tail` (0 < tail < 0.5), at most a million. */
double stat_t_upper(double t, double df);
double stat_t_quantile(double tail, double df);

/* Standard normal: upper tail probability, and the value whose upper tail is
   `tail` (0 < tail <= 0.5), at most 38. */
double stat_normal_upper(double z);
double stat_normal_quantile(double tail);

/* Variance of successive differences over twice their mean level: the
   dispersion of a stock without its slow trend; 1 is Poisson. At least 1. */
double stat_dispersion(const double *x, size_t n);

/* x at clock value c: linear between points; clock rises. */
double stat_interpolate(const double *clock, const double *x, size_t n,
                        double c);

#endif
