/*
 * How much a node matters to a picture: google/pprof's entropy score. A node
 * that only passes a call on says little; one where calls meet or part says
 * more, in proportion to what it weighs.
 */
#include "graph/graph_private.h"

#include "base/measure.h"

#include <math.h>

#include "base/banned.h"

/* The edges on one side of a node. */
struct side {
    int64_t total;
    double entropy;
    bool has_edges;
};

/* Exact for powers of two, in the steps of Go's math.Log2. */
static double log2_as_go(double v)
{
    int exponent = 0;
    const double fraction = frexp(v, &exponent);
    if (fraction == 0.5) {
        return (double)(exponent - 1);
    }
    return log(fraction) * (1 / 0.693147180559945309417232121458176568) +
           (double)exponent;
}

static void add_weight(struct side *s, int64_t weight)
{
    s->has_edges = true;
    if (weight > 0) {
        s->total = wrap_add(s->total, weight);
    }
}

static void add_entropy(struct side *s, int64_t weight)
{
    if (s->total != 0) {
        const double share = (double)wrap_abs(weight) / (double)s->total;
        s->entropy += -share * log2_as_go(share);
    }
}

static int64_t score(const struct side *in, const struct side *out,
                     int64_t flat, int64_t cum)
{
    /* Where calls begin and end always matters. */
    double sum = in->has_edges ? in->entropy : 1;
    sum += out->has_edges ? out->entropy : 1;
    return wrap_add(measure_truncate(sum * (double)cum), flat);
}

bool score_nodes(const struct graph_build *b, int64_t *scores)
{
    struct side *in = calloc((size_t)b->n_nodes + 1, sizeof(*in));
    struct side *out = calloc((size_t)b->n_nodes + 1, sizeof(*out));
    const bool ok = in && out;
    for (uint32_t i = 0; ok && i < b->n_nodes; i++) {
        out[i].total = b->flat[i];
    }
    for (size_t i = 0; ok && i < b->edges.n; i++) {
        const struct edge *e = &b->edges.items[i];
        if (!e->is_removed) {
            add_weight(&in[e->dest], e->weight);
            add_weight(&out[e->src], e->weight);
        }
    }
    for (size_t i = 0; ok && i < b->edges.n; i++) {
        const struct edge *e = &b->edges.items[i];
        if (!e->is_removed) {
            add_entropy(&in[e->dest], e->weight);
            add_entropy(&out[e->src], e->weight);
        }
    }
    for (uint32_t i = 0; ok && i < b->n_nodes; i++) {
        if (b->flat[i] > 0) {
            add_entropy(&out[i], b->flat[i]);
        }
        scores[i] = score(&in[i], &out[i], b->flat[i], b->sums[i].cum);
    }
    free(in);
    free(out);
    return ok;
}
