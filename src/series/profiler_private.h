/* The profiler's own work: stacks below runtime/pprof and net/http/pprof. */
#ifndef SEEP_SERIES_PROFILER_PRIVATE_H
#define SEEP_SERIES_PROFILER_PRIVATE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct series;

/* One flag a row; the caller frees `*out`. */
bool series_profiler_rows(const struct series *s, uint8_t **out,
                          struct err *err) MUST_USE;

#endif
