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

bool judge_tickers(struct judge *j, struct err *err)
{
    const size_t k = series_n_points(j->s, PLANE_HEAP);
    if (k < 2) {
        return true;
    }
    uint32_t *group = calloc((size_t)j->n_rows + 1, sizeof *group);
    if (!group) {
        return err_nomem(err, "counting tickers");
    }
    for (uint32_t r = 0; r < j->n_rows; r++) {
        group[r] = judge_is_ticker_row(j, r) ? 0 : SERIES_NO_GROUP;
    }
    const struct series_grouping g = {1, NULL, group};
    struct series_matrix m = {0};
    const bool ok = series_accumulate(j->s, PLANE_HEAP, &g, &m, err);
    if (ok) {
        j->ticker_growth = (m.objects[k - 1] - m.objects[0]) / TICKER_PARTS;
    }
    series_matrix_release(&m);
    free(group);
    return ok;
}
