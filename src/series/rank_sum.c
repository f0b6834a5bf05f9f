/*
 * The permutation distribution of the rank sum, counted instead of drawn: of
 * all ways to choose n_high of the N ranks, how many sum to at least what was
 * seen? Ranks are doubled so that shared ones stay integers.
 */
#include "series/rank_sum_private.h"

#include "series/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ranked {
    double value;
    bool is_high;
    uint32_t rank; /* doubled */
};

static int by_value(const void *pa, const void *pb)
{
    const struct ranked *a = pa;
    const struct ranked *b = pb;
    return (a->value > b->value) - (a->value < b->value);
}

/* Returns the sum of t^3 - t over groups of t equal values. */
static double give_ranks(struct ranked *r, size_t n)
{
    double ties = 0;
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && r[end].value == r[i].value) {
            end++;
        }
        const double t = (double)(end - i);
        ties += t * t * t - t;
        for (size_t k = i; k < end; k++) {
            r[k].rank = (uint32_t)(i + 1 + end);
        }
        i = end;
    }
    return ties;
}

/* share[k][s]: of the subsets of k ranks, how many sum to s; in doubles, which
   hold the counts of up to 40 values exactly. */
static double exact_p(const struct ranked *r, size_t n, size_t n_high,
                      size_t seen)
{
    const size_t most = n * (n + 1); /* all doubled ranks together */
    double *ways = calloc((n_high + 1) * (most + 1), sizeof *ways);
    if (!ways) {
        return 1;
    }
    ways[0] = 1;
    for (size_t i = 0; i < n; i++) {
        const size_t rank = r[i].rank;
        for (size_t k = n_high < i + 1 ? n_high : i + 1; k > 0; k--) {
            double *to = ways + k * (most + 1);
            const double *from = to - (most + 1);
            for (size_t s = rank; s <= most; s++) {
                to[s] += from[s - rank];
            }
        }
    }
    double all = 0;
    double above = 0;
    const double *last = ways + n_high * (most + 1);
    for (size_t s = 0; s <= most; s++) {
        all += last[s];
        above += s >= seen ? last[s] : 0;
    }
    free(ways);
    return above / all;
}

static double normal_p(size_t n_low, size_t n_high, size_t seen, double ties)
{
    const double a = (double)n_low;
    const double b = (double)n_high;
    const double n = a + b;
    const double mean = b * (n + 1) / 2;
    const double variance = a * b / 12 * (n + 1 - ties / (n * (n - 1)));
    return variance > 0 ? stat_normal_upper(((double)seen / 2 - mean - 0.5) /
                                            sqrt(variance))
                        : 1;
}

double rank_sum_p(const double *low, size_t n_low, const double *high,
                  size_t n_high)
{
    const size_t n = n_low + n_high;
    if (n_low == 0 || n_high == 0) {
        return 1;
    }
    struct ranked *r = calloc(n, sizeof *r);
    if (!r) {
        return 1;
    }
    for (size_t i = 0; i < n; i++) {
        r[i].is_high = i >= n_low;
        r[i].value = r[i].is_high ? high[i - n_low] : low[i];
    }
    qsort(r, n, sizeof *r, by_value);
    const double ties = give_ranks(r, n);
    size_t seen = 0;
    for (size_t i = 0; i < n; i++) {
        seen += r[i].is_high ? r[i].rank : 0;
    }
    const double p = r[0].value == r[n - 1].value ? 1
                     : n <= RANK_SUM_EXACT_MAX
                         ? exact_p(r, n, n_high, seen)
                         : normal_p(n_low, n_high, seen, ties);
    free(r);
    return p;
}
