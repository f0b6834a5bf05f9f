/* Samples leave, or lose locations or labels, in one pass and in place. */
#ifndef SEEP_PROFILE_SAMPLES_PRIVATE_H
#define SEEP_PROFILE_SAMPLES_PRIVATE_H

#include "profile/model.h"

/* One sample, borrowed from the profile's columns. */
struct sample {
    int64_t *values; /* n_types of the profile */
    uint32_t *locs;
    uint32_t n_locs;
    struct profile_label *labels;
    uint32_t n_labels;
};

/* Does the sample stay? May change its values, and shorten its locations and
   labels: within their own range, by new contents, a later start or a smaller
   number. */
typedef bool sample_keep_fn(void *ctx, struct sample *s);

void samples_filter(struct profile *p, sample_keep_fn *keep, void *ctx);

/* Those whose values are all 0 leave. */
void samples_drop_zero(struct profile *p);

#endif
