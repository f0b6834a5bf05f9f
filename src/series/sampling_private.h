/*
 * Go scales what it sampled: a stored count is v = floor(n / p),
 * p = 1 - exp(-size / rate), so the raw count is n = ceil(v * p - 1e-9),
 * exactly (p <= 1 makes it unique; the small number keeps an exact product
 * from being rounded up).
 */
#ifndef SEEP_SERIES_SAMPLING_PRIVATE_H
#define SEEP_SERIES_SAMPLING_PRIVATE_H

#include <math.h>
#include <stdint.h>

/* The chance that a block is sampled; 1 when size or rate are unknown. */
static inline double series_chance(double block_bytes, double period_bytes)
{
    if (period_bytes <= 1 || block_bytes <= 0) {
        return 1;
    }
    return -expm1(-block_bytes / period_bytes);
}

/* Nothing was sampled fewer than 0 times, whatever a profile says. */
static inline double series_raw_count(int64_t scaled, double chance)
{
    return scaled > 0 ? ceil((double)scaled * chance - 1e-9) : 0;
}

#endif
