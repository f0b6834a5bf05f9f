/* Dates and moments from text, as num_rfc3339() writes them. */
#ifndef SEEP_BASE_DATES_H
#define SEEP_BASE_DATES_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* "2026-12-31", a day that exists, to days since 1970. */
bool date_parse(struct span s, int64_t *days);

/* "2026-12-31T23:59:59Z", with or without a fraction of a second, to
   nanoseconds since 1970. UTC only: seep writes no other. */
bool date_parse_moment(struct span s, int64_t *unix_ns);

#endif
