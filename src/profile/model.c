#include "profile/model.h"

#include <stdlib.h>

void profile_free(struct profile *p)
{
    if (p == NULL) {
        return;
    }
    free(p->strings);
    free(p->types);
    free(p->comments);
    free(p->mappings);
    free(p->functions);
    free(p->locations);
    free(p->lines);
    free(p->sample_off);
    free(p->sample_locs);
    free(p->values);
    free(p->label_off);
    free(p->labels);
    arena_release(&p->arena);
    free(p);
}

int profile_type_index(const struct profile *p, const char *type)
{
    for (uint32_t i = 0; i < p->n_types; i++) {
        if (span_is(profile_span(p, p->types[i].type), type)) {
            return (int)i;
        }
    }
    return -1;
}

uint64_t profile_bytes(const struct profile *p)
{
    const uint64_t n_samples = p->n_samples;
    const uint64_t n_locs = p->sample_off ? p->sample_off[n_samples] : 0;
    uint64_t bytes = sizeof(*p) + p->arena.block_bytes;
    bytes += p->n_strings * (uint64_t)sizeof(*p->strings);
    bytes += p->n_types * (uint64_t)sizeof(*p->types);
    bytes += p->n_comments * (uint64_t)sizeof(*p->comments);
    bytes += p->n_mappings * (uint64_t)sizeof(*p->mappings);
    bytes += p->n_functions * (uint64_t)sizeof(*p->functions);
    bytes += p->n_locations * (uint64_t)sizeof(*p->locations);
    bytes += p->n_lines * (uint64_t)sizeof(*p->lines);
    bytes += p->n_labels * (uint64_t)sizeof(*p->labels);
    bytes += n_locs * sizeof(*p->sample_locs);
    bytes += n_samples * p->n_types * sizeof(*p->values);
    bytes += (n_samples + 1) * sizeof(*p->sample_off) *
             (p->label_off != NULL ? 2 : 1);
    return bytes;
}
