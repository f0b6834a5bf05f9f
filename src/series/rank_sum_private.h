/* Wilcoxon's rank-sum test: do the values of one group lie above another's? */
#ifndef SEEP_SERIES_RANK_SUM_H
#define SEEP_SERIES_RANK_SUM_H

#include <stddef.h>

/* Exact up to this many values in both groups, then a normal approximation. */
enum { RANK_SUM_EXACT_MAX = 40 };

/* One-sided p of `high` lying above `low`; ties share ranks. 1 when a group
   is empty, all values are equal, or memory is out. */
double rank_sum_p(const double *low, size_t n_low, const double *high,
                  size_t n_high);

#endif
