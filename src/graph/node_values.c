/*
 * What every node of a graph weighs: one pass over the samples, in which a
 * node remembers the sample that counted it last, so that recursion counts
 * once without anything to clear between samples.
 */
#include "graph/graph_private.h"

#include "base/banned.h"

static inline void count_node(struct node_sum *s, uint32_t mark, int64_t w)
{
    if (s->mark != mark) {
        s->mark = mark;
        s->cum = wrap_add(s->cum, w);
    }
}

/* The location of a range is in one more sample. Sums that would wrap stay at
   the top: they are bounds. False: out of memory. */
static inline bool count_range(struct graph_build *b, const uint32_t *loc,
                               int64_t w)
{
    const uint32_t code = b->table.frames.codes[*loc];
    uint64_t *sum = &b->range_weights[code & ~FRAMES_SEVERAL];
    const uint64_t size = (uint64_t)wrap_abs(w);
    *sum = *sum + size < size ? UINT64_MAX : *sum + size;
    return !b->has_negative || b->o->edges != GRAPH_EDGES_INLINE ||
           vec_u32_push(&b->several, (uint32_t)(loc - b->p->sample_locs));
}

/* Without a divisor, which is nearly always. */
static bool sum_samples(struct graph_build *b)
{
    const struct profile *p = b->p;
    const struct frame_table *frames = &b->table.frames;
    const int64_t *value = p->values + b->o->value_column;
    for (uint32_t s = 0; s < p->n_samples; s++, value += p->n_types) {
        const uint32_t *loc = p->sample_locs + p->sample_off[s];
        const uint32_t *end = p->sample_locs + p->sample_off[s + 1];
        const int64_t w = *value;
        if (w == 0 || loc == end) {
            continue;
        }
        const uint32_t leaf = frames_at(frames, *loc).nodes[0];
        b->flat[leaf] = wrap_add(b->flat[leaf], w);
        for (; loc < end; loc++) {
            const uint32_t code = frames->codes[*loc];
            if ((code & FRAMES_SEVERAL) == 0) {
                count_node(&b->sums[code], s + 1, w);
                continue;
            }
            if (!count_range(b, loc, w)) {
                return false;
            }
            const struct frame_list f = frames_at(frames, *loc);
            for (uint32_t k = 0; k < f.n; k++) {
                count_node(&b->sums[f.nodes[k]], s + 1, w);
            }
        }
    }
    return true;
}

static bool count_frames(struct graph_build *b, uint32_t s, int64_t w,
                         int64_t div)
{
    const struct profile *p = b->p;
    for (uint32_t i = p->sample_off[s]; i < p->sample_off[s + 1]; i++) {
        const uint32_t code = b->table.frames.codes[p->sample_locs[i]];
        const struct frame_list f =
            frames_at(&b->table.frames, p->sample_locs[i]);
        if ((code & FRAMES_SEVERAL) != 0 &&
            !count_range(b, p->sample_locs + i, w)) {
            return false;
        }
        for (uint32_t k = 0; k < f.n; k++) {
            struct node_sum *sum = &b->sums[f.nodes[k]];
            if (sum->mark != s + 1) {
                b->cum_div[f.nodes[k]] = wrap_add(b->cum_div[f.nodes[k]], div);
            }
            count_node(sum, s + 1, w);
        }
    }
    return true;
}

static bool sum_samples_and_divisors(struct graph_build *b)
{
    const struct profile *p = b->p;
    for (uint32_t s = 0; s < p->n_samples; s++) {
        int64_t w = 0;
        int64_t div = 0;
        if (!sample_value(b, s, &w, &div) ||
            p->sample_off[s] == p->sample_off[s + 1]) {
            continue;
        }
        const uint32_t leaf_location = p->sample_locs[p->sample_off[s]];
        const uint32_t leaf =
            frames_at(&b->table.frames, leaf_location).nodes[0];
        b->flat[leaf] = wrap_add(b->flat[leaf], w);
        b->flat_div[leaf] = wrap_add(b->flat_div[leaf], div);
        if (!count_frames(b, s, w, div)) {
            return false;
        }
    }
    return true;
}

bool alloc_values(struct graph_build *b)
{
    const size_t n = (size_t)b->n_nodes + 1;
    b->sums = calloc(n, sizeof(*b->sums));
    b->flat = calloc(n, sizeof(*b->flat));
    b->range_weights =
        calloc((size_t)b->table.frames.n_ranges + 1, sizeof(*b->range_weights));
    if (!b->sums || !b->flat || !b->range_weights || !b->o->has_mean) {
        return b->sums && b->flat && b->range_weights;
    }
    b->cum_div = calloc(n, sizeof(*b->cum_div));
    b->flat_div = calloc(n, sizeof(*b->flat_div));
    return b->cum_div && b->flat_div;
}

void release_values(struct graph_build *b)
{
    free(b->sums);
    free(b->flat);
    free(b->cum_div);
    free(b->flat_div);
    free(b->range_weights);
    vec_u32_release(&b->several);
    b->range_weights = NULL;
    b->sums = NULL;
    b->flat = NULL;
    b->cum_div = NULL;
    b->flat_div = NULL;
}

static bool has_negative(const struct graph_build *b)
{
    const struct profile *p = b->p;
    const int64_t *value = p->values + b->o->value_column;
    for (uint32_t s = 0; s < p->n_samples; s++, value += p->n_types) {
        if (*value < 0) {
            return true;
        }
    }
    return false;
}

bool build_values(struct graph_build *b, struct err *err)
{
    b->n_nodes = (uint32_t)b->table.keys.n;
    b->has_negative = has_negative(b);
    const bool ok =
        alloc_values(b) &&
        (b->o->has_mean ? sum_samples_and_divisors(b) : sum_samples(b));
    return ok || err_nomem(err, "graph");
}
