/*
 * Front header of review/: what a repository adds to findings. It marks them
 * and reads nothing by itself: texts (go.mod, .seep.yml, the baseline, the
 * patch) and the sources of the repository come from the caller, who alone
 * knows files and the date. Marks never change a grade; what is accepted, and
 * the states "existing" and "fixed", change what counts (findings_count).
 *
 * Order: paths (where is each frame in the repository?), patch (did it touch
 * it, or rename it?), suppressions and the known, baseline; then the findings
 * are sorted for a reader: what counts first, then state (new, worse, existing,
 * fixed), then what the patch touched, then as before.
 */
#ifndef SEEP_REVIEW_REVIEW_H
#define SEEP_REVIEW_REVIEW_H

#include "base/err.h"
#include "review/baseline.h" /* IWYU pragma: export */
#include "review/config.h"   /* IWYU pragma: export */
#include "review/patch.h"    /* IWYU pragma: export */
#include "review/paths.h"    /* IWYU pragma: export */
#include "review/suppress.h" /* IWYU pragma: export */
#include "rules/rules.h"

/* All may be NULL or zero: that part is not asked for. */
struct review_options {
    struct paths *paths; /* keeps what it was asked */
    const struct patch *patch;
    const struct suppressions *suppressions;
    const struct baseline *baseline;
    const char *target; /* what suppressions may name; NULL unknown */
    int64_t today;      /* days since 1970, for `expires`; 0: never expires */
    bool no_known;      /* without the built-in list of healthy goroutines */
    double worse_ratio; /* growth over the baseline that is worse; 0: 1.25 */
};

/* Marks all findings in place (strings in their arena); adds findings of state
   "fixed" at the end; the verdict becomes that of what is not accepted. Lines
   for people (unused and expired suppressions, wrong mappings, what the
   baseline could not be compared with, counts of the known) go to
   findings.notes. */
bool review_apply(struct findings *f, const struct review_options *o,
                  struct err *err) MUST_USE;

/* What the patch says of a function's name; see patch_naming(). UNSAID without
   a patch, and of what has no place in the repository. */
bool review_naming(const struct review_options *o, const struct frame *f,
                   enum patch_naming *out, struct buf *old,
                   struct err *err) MUST_USE;

/* Does the finding count for an exit status? Not when it is accepted or fixed;
   with `only_new`, only when its state is "new", "worse" or unknown. */
bool review_counts(const struct finding *f, bool only_new);

#endif
