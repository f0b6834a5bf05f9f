/*
 * http.Transports on the heap. An idle connection looks the same whether one
 * Transport keeps them all, up to its bound, or each was left behind with a
 * Transport of its own; that Transports grew with the connections tells.
 */
#include "rules/judge_private.h"

/* What a Transport makes at its first use takes 640 bytes or more in every
   version of Go: an HTTP/2 transport with its pool, the configuration of TLS.
   Of it this much for each connection is asked, since samples are few. */
static const double transport_bytes = 128;

/* Of one shared Transport one sample is rare, of two it would be chance in a
   hundred thousand programs. A sample stands for a little more than the
   period. */
static const double samples_min = 1.5;

static double sum_transports(const struct judge *j, size_t point)
{
    size_t n = 0;
    double bytes = 0;
    const struct series_cell *c = series_cells(j->s, PLANE_HEAP, point, &n);
    for (size_t i = 0; i < n; i++) {
        if (j->rows[c[i].row].is_transport) {
            bytes += (double)c[i].in_use_bytes;
        }
    }
    return bytes;
}

void judge_transports(struct judge *j)
{
    const size_t k = series_n_points(j->s, PLANE_HEAP);
    if (k >= 2) {
        j->transport_growth = sum_transports(j, k - 1) - sum_transports(j, 0);
    }
}

bool judge_has_transport_each(const struct judge *j, const struct trend *t)
{
    const double period = (double)series_about(j->s)->heap_period_bytes;
    return t->delta > 0 && j->transport_growth > samples_min * period &&
           j->transport_growth >= transport_bytes * t->delta;
}
