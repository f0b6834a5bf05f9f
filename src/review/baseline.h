/*
 * `.seep-baseline.json`: findings that are accepted for now, with their level
 * and the day they were first seen. A finding is found again by its id (that of
 * the names that its functions had, too), else by its loose_id when exactly one
 * on each side has it ("moved").
 */
#ifndef SEEP_REVIEW_BASELINE_H
#define SEEP_REVIEW_BASELINE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "rules/rules.h"

/* One metric's level; figures are NAN where they are unknown, per_hour ones
   where there was no series. */
struct baseline_entry {
    char id[17], loose_id[17];
    /* By the names of now, when functions were renamed since it got its ids; ""
       else. */
    char own_id[17], own_loose_id[17];
    const char *rule; /* its id; may be one this version does not know */
    enum grade grade;
    enum profile_kind profile;
    const char *function, *file; /* of the site; "" unknown */
    int64_t line;
    uint64_t text;             /* digest of the function's source; 0 unknown */
    const char *metric, *unit; /* of the metric that ranks */
    double level;              /* its last value */
    double delta;              /* its growth in the window */
    double noise;              /* standard error of delta */
    double per_hour, per_hour_low, per_hour_high;
    double seconds;           /* the window of all of these; 0 unknown */
    int64_t first_seen_nanos; /* since 1970; 0 unknown */
    const char *headline;
    const char *program; /* base name of the binary; "" unknown */
    /* Of a run, never of a baseline. Aside: it is there, but nothing to accept,
       by other means accepted or of grade info. Fixed: a comparison saw it
       fall. */
    bool is_aside, is_fixed;
};

/* What a run could have found; all zero: unknown. */
struct baseline_window {
    unsigned kinds;                /* PROFILE_BITs of what was judged */
    double heap_bytes, goroutines; /* smallest leak it could show; NAN none */
    double seconds;                /* 0 unknown */
    int64_t last_nanos;            /* its end; 0 unknown */
    const char *program;           /* NULL or "" unknown */
    bool is_inconclusive;
    bool has_lost;      /* an input was skipped: nothing is known to be gone */
    bool is_comparison; /* does not show what both of its sides have */
};

struct baseline {
    struct baseline_entry *items; /* sorted by id */
    size_t n;
    const char *tool_version;
    bool is_document; /* it was a findings document: `window` says of what */
    struct baseline_window window;
    struct arena arena;
};

/* Of a baseline file, or of a findings document (`--format json`), which is
   what `seep baseline save` is given. Of a document, what is fixed is left out
   unless a comparison says so. Unknown keys are passed over;
   another schema, or another version of ids, is an error that says what to
   do. */
bool baseline_read(struct span json, const char *name, struct baseline *out,
                   struct err *err) MUST_USE;
bool baseline_write(const struct baseline *b, struct buf *out,
                    struct err *err) MUST_USE;
void baseline_release(struct baseline *b);

/* The same as baseline_read() of findings that were just judged. */
bool baseline_of_findings(const struct findings *f, struct baseline *out,
                          struct err *err) MUST_USE;

/* Adds to `into` what `from` has and it has not; of what both have, the larger
   level and the earlier day stay. What is aside or fixed is not added. */
bool baseline_merge(struct baseline *into, const struct baseline *from,
                    struct err *err) MUST_USE;

/* What became of an accepted finding. UNCHECKED: this run had too little data
   of that kind to show it, could not decide or lost an input, is of another
   program, or compares two sides that may both have it. */
enum baseline_fate { BASELINE_FOUND, BASELINE_FIXED, BASELINE_UNCHECKED };

/* What a finding of now is, against the baseline. */
struct baseline_state {
    const struct baseline_entry *past; /* NULL: new */
    bool is_moved;                     /* by loose_id alone */
    const char *renamed_by; /* how it is known that functions had other names;
                               NULL: they had not */
    bool is_worse;
    bool is_incomparable; /* neither growth nor level can be compared */
};

/* Each has as many elements as there are entries. */
struct baseline_states {
    struct baseline_state *now; /* of each of `now` */
    enum baseline_fate *past;   /* of each of the baseline */
};

/* `worse_ratio` 0: 1.25. */
bool baseline_compare(const struct baseline *past,
                      const struct baseline_entry *now, size_t n,
                      const struct baseline_window *window, double worse_ratio,
                      struct baseline_states *out, struct err *err) MUST_USE;
void baseline_states_release(struct baseline_states *s);

/* Had the run nothing to look for it in, neither profiles of its kind nor any
   of its program? A comparison looks at growth alone, so it is not asked. */
bool baseline_is_blind(const struct baseline_entry *e,
                       const struct baseline_window *w);
bool baseline_is_of_other(const struct baseline_entry *e, const char *program);

/* Of a heap dump: do both sides say that they are of one program? Without the
   binary neither a dump nor its entry says any. */
bool baseline_is_of_program(const struct baseline_entry *e,
                            const char *program);

#endif
