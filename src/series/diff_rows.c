/*
 * The rows of each site. Many sites may be asked for theirs, and a large
 * profile has a million rows: they are counted into places once.
 */
#include "series/diff_private.h"

#include <stdlib.h>

bool diff_rows_init(struct diff_site_rows *r, const struct diff_layer *l,
                    struct err *err)
{
    const struct vec_u32 *sites = &l->row_site;
    const size_t n = (size_t)l->n_sites + 1;
    r->end = calloc(n + 1, sizeof *r->end);
    r->rows = calloc(sites->n + 1, sizeof *r->rows);
    if (!r->end || !r->rows) {
        return err_nomem(err, "sites of profiles");
    }
    /* Where the rows of each begin, which moves on to where they end. */
    for (size_t row = 0; row < sites->n; row++) {
        if (sites->items[row] != DIFF_NO_SITE) {
            r->end[sites->items[row] + 1]++;
        }
    }
    for (size_t id = 0; id < n; id++) {
        r->end[id + 1] += r->end[id];
    }
    for (size_t row = 0; row < sites->n; row++) {
        if (sites->items[row] != DIFF_NO_SITE) {
            r->rows[r->end[sites->items[row]]++] = (uint32_t)row;
        }
    }
    return true;
}

void diff_rows_release(struct diff_site_rows *r)
{
    free(r->end);
    free(r->rows);
    *r = (struct diff_site_rows){0};
}

const uint32_t *diff_rows_of(const struct diff_site_rows *r, uint32_t site,
                             size_t *n)
{
    const uint32_t first = site > 0 ? r->end[site - 1] : 0;
    *n = r->end[site] - first;
    return r->rows + first;
}
