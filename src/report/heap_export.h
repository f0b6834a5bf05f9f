/*
 * A heap dump in other tools' forms: profiles that `go tool pprof` shows as
 * flame graphs, and a drawing of the top of the dominator tree.
 */
#ifndef SEEP_REPORT_HEAP_EXPORT_H
#define SEEP_REPORT_HEAP_EXPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "heap/heap.h"

struct heap_export_options {
    double share;         /* dot: leave out what retains less of all */
    size_t n_max;         /* dot: nodes */
    uint64_t sample_rate; /* sites: MemProfileRate as it was; 0 infer it */
};

struct heap_export {
    const char *name; /* "pprof" */
    const char *summary;
    bool (*write)(struct heap_view *v, const struct heap_facts *facts,
                  const struct heap_export_options *o, struct buf *out,
                  struct err *err);
};

const struct heap_export *heap_exports(size_t *n);
const struct heap_export *heap_export_find(struct span name);

#endif
