/* What the files of the baseline share. */
#ifndef SEEP_REVIEW_BASELINE_PRIVATE_H
#define SEEP_REVIEW_BASELINE_PRIVATE_H

#include "review/baseline.h"

/* Kinds of profile that findings may have. */
extern const enum profile_kind baseline_kinds[];
extern const size_t baseline_n_kinds;

/* Brings the entries into their order; of those with the same id one stays. */
void baseline_sort(struct baseline *b);

/* Within twice of each other: one leak under two names hardly moves by more. */
bool baseline_is_like_level(const struct baseline_entry *past,
                            const struct baseline_entry *now);

/* Says that now[i], which is new, is the entry at[k], which is fixed, under
   another name. */
void baseline_take_renamed(const struct baseline *past, size_t k,
                           const struct baseline_entry *now, size_t i,
                           double worse_ratio, struct baseline_states *s);

/* What a baseline keeps of a finding; texts are borrowed from it. */
struct baseline_entry baseline_entry_of(const struct finding *f);

#endif
