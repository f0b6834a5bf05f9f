/* What the files of the baseline share. */
#ifndef SEEP_REVIEW_BASELINE_PRIVATE_H
#define SEEP_REVIEW_BASELINE_PRIVATE_H

#include "review/baseline.h"

/* Kinds of profile that findings may have. */
extern const enum profile_kind baseline_kinds[];
extern const size_t baseline_n_kinds;

/* Brings the entries into their order; of those with the same id one stays. */
void baseline_sort(struct baseline *b);

/* What a baseline keeps of a finding; texts are borrowed from it. */
struct baseline_entry baseline_entry_of(const struct finding *f);

#endif
