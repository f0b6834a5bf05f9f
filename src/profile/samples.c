/*
 * The columns of samples lie behind each other, so what stays moves to the
 * front over what left; offsets are rewritten behind the point that is read.
 */
#include "profile/samples_private.h"

struct compaction {
    uint32_t n_samples, n_locs, n_labels;
};

static void move_sample(struct profile *p, struct compaction *to,
                        const struct sample *s)
{
    const size_t n_types = p->n_types;
    if (n_types != 0 && s->values != p->values + to->n_samples * n_types) {
        memmove(p->values + to->n_samples * n_types, s->values,
                n_types * sizeof(*p->values));
    }
    if (s->n_locs != 0 && s->locs != p->sample_locs + to->n_locs) {
        memmove(p->sample_locs + to->n_locs, s->locs,
                s->n_locs * sizeof(*s->locs));
    }
    if (s->n_labels != 0 && s->labels != p->labels + to->n_labels) {
        memmove(p->labels + to->n_labels, s->labels,
                s->n_labels * sizeof(*s->labels));
    }
    to->n_samples++;
    to->n_locs += s->n_locs;
    to->n_labels += s->n_labels;
    p->sample_off[to->n_samples] = to->n_locs;
    if (p->label_off != NULL) {
        p->label_off[to->n_samples] = to->n_labels;
    }
}

void samples_filter(struct profile *p, sample_keep_fn *keep, void *ctx)
{
    struct compaction to = {0};
    uint32_t loc = 0;
    uint32_t label = 0;
    for (uint32_t i = 0; i < p->n_samples; i++) {
        const uint32_t loc_end = p->sample_off[i + 1];
        const uint32_t label_end = p->label_off ? p->label_off[i + 1] : 0;
        struct sample s = {.n_locs = loc_end - loc,
                           .n_labels = label_end - label};
        s.values = p->n_types != 0 ? p->values + (size_t)i * p->n_types : NULL;
        s.locs = s.n_locs != 0 ? p->sample_locs + loc : NULL;
        s.labels = s.n_labels != 0 ? p->labels + label : NULL;
        if (keep(ctx, &s)) {
            move_sample(p, &to, &s);
        }
        loc = loc_end;
        label = label_end;
    }
    p->n_samples = to.n_samples;
    p->n_labels = to.n_labels;
}

static bool has_value(void *ctx, struct sample *s)
{
    const uint32_t *n_types = ctx;
    for (uint32_t i = 0; i < *n_types; i++) {
        if (s->values[i] != 0) {
            return true;
        }
    }
    return false;
}

void samples_drop_zero(struct profile *p)
{
    samples_filter(p, has_value, &p->n_types);
}
