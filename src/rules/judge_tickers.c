/*
 * Tickers on the heap. A goroutine that waits for a tick looks like any other
 * receive; that tickers grew in step with it is the only sign a profile has.
 */
#include "rules/judge_private.h"

/* A ticker is a channel and a timer of this size or more in every version of
   Go; the small Ticker struct itself would add noise. */
enum { TICKER_PART_BYTES = 64, TICKER_PARTS = 2 };

bool judge_is_ticker_row(const struct judge *j, uint32_t row)
{
    return j->rows[row].is_ticker && j->rows[row].site != NO_FUNC &&
           series_row_block_bytes(j->s, row) >= TICKER_PART_BYTES;
}

/* Objects on ticker rows in one point. */
static double count_tickers(const struct judge *j, size_t point)
{
    size_t n = 0;
    double objects = 0;
    const struct series_cell *c = series_cells(j->s, PLANE_HEAP, point, &n);
    for (size_t i = 0; i < n; i++) {
        if (judge_is_ticker_row(j, c[i].row)) {
            objects += (double)c[i].in_use;
        }
    }
    return objects;
}

void judge_tickers(struct judge *j)
{
    const size_t k = series_n_points(j->s, PLANE_HEAP);
    if (k >= 2) {
        j->ticker_growth =
            (count_tickers(j, k - 1) - count_tickers(j, 0)) / TICKER_PARTS;
    }
}
