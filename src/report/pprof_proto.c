/* -proto: the profile as it came out of merging and filters. */
#include "report/pprof_private.h"

#include "base/banned.h"

static bool print(struct profile *p, const struct pprof_options *o,
                  struct buf *out, struct err *err)
{
    const size_t n = (size_t)p->n_samples * p->n_types;
    for (size_t i = 0; i < n; i++) {
        p->values[i] = pprof_by_ratio(o->ratio, p->values[i]);
    }
    return profile_encode(p, out, err);
}

const struct pprof_report pprof_report_proto = {
    .name = "proto",
    .summary = "the profile itself, gzipped",
    .print = print,
};
