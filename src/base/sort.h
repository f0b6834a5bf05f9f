/*
 * Sorting with a context for the comparison, in place and without memory, so
 * that it cannot fail. Not stable: a comparison must order equal keys too
 * (value first, then name), which keeps output deterministic.
 */
#ifndef SEEP_BASE_SORT_H
#define SEEP_BASE_SORT_H

#include <stddef.h>

/* Below 0: `a` comes first. */
typedef int sort_compare_fn(const void *a, const void *b, const void *ctx);

/* Orders `n` items of `unit` bytes. n log n comparisons at worst. */
void sort_items(void *items, size_t n, size_t unit, sort_compare_fn *compare,
                const void *ctx);

#endif
