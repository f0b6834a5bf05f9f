/*
 * `.seep-baseline.json`: findings that are accepted for now, with their level
 * and the day they were first seen. A finding is found again by its id, else
 * by its loose_id when exactly one on each side has it ("moved").
 */
#ifndef SEEP_REVIEW_BASELINE_H
#define SEEP_REVIEW_BASELINE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "rules/rules.h"

/* One metric's level; per_hour figures are NAN where there was no series. */
struct baseline_entry {
    char id[17], loose_id[17];
    const char *rule; /* its id; may be one this version does not know */
    enum grade grade;
    enum profile_kind profile;
    const char *function, *file; /* of the site; "" unknown */
    int64_t line;
    const char *metric, *unit; /* of the metric that ranks */
    double level;              /* its last value */
    double delta;              /* its growth in the window */
    double per_hour, per_hour_low, per_hour_high;
    int64_t first_seen_nanos; /* since 1970 */
    const char *headline;
};

struct baseline {
    struct baseline_entry *items; /* sorted by id */
    size_t n;
    const char *tool_version;
    struct arena arena;
};

/* Of a baseline file, or of a findings document (`--format json`), which is
   what `seep baseline save` is given. Unknown keys are passed over; another
   schema or version is an error that names it. */
bool baseline_read(struct span json, const char *name, struct baseline *out,
                   struct err *err) MUST_USE;
bool baseline_write(const struct baseline *b, struct buf *out,
                    struct err *err) MUST_USE;
void baseline_release(struct baseline *b);

#endif
