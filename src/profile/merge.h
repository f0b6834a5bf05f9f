/* Sums profiles by google/pprof's keys; prunes frames by its rules. */
#ifndef SEEP_PROFILE_MERGE_H
#define SEEP_PROFILE_MERGE_H

#include "base/err.h"
#include "profile/model.h"

/* New profile with the samples of all of `in`; equal stacks and labels are
   summed. Types must match. Samples that are all zero are dropped. */
bool profile_merge(const struct profile *const *in, size_t n,
                   struct profile **out, struct err *err) MUST_USE;

/* The same with one source in memory at a time. */
struct profile_merger;
struct profile_merger *profile_merger_new(void); /* NULL: out of memory */
void profile_merger_free(struct profile_merger *m);

/* `p` is not kept. ERR_MISMATCH: its types are not those of the first one; the
   sum is as before. After any other error nothing more can be done with it. */
bool profile_merger_add(struct profile_merger *m, const struct profile *p,
                        struct err *err) MUST_USE;

/* At least one source must have been added. */
bool profile_merger_finish(struct profile_merger *m, struct profile **out,
                           struct err *err) MUST_USE;

/* May samples that are equal stand apart, for those who only sum them? Not
   where values are negative, for some could cancel, nor where a profile has one
   mapping at two places. */
bool profile_can_append(const struct profile *p, const struct profile *more);

/* The samples of `more` behind those of `p`, whose header becomes that of the
   sum. Nothing is compared but mappings, so it costs a fraction of a merge: for
   differences of profiles that profile_can_append(). Ids are numbered anew;
   all-zero samples leave, those of `more` too. ERR_MISMATCH, with `p` as it
   was: types differ; after other errors `p` can only be freed. */
bool profile_append(struct profile *p, struct profile *more,
                    struct err *err) MUST_USE;

/* Multiplies every value, rounding half away from zero; drops samples that
   become all zero. */
void profile_scale(struct profile *p, double factor);

/* The same with one factor a sample type. As in google/pprof a column with the
   factor 1 does not keep a sample that is otherwise zero. */
void profile_scale_types(struct profile *p, const double *factors);

/* Scales each column so that its sum becomes that of `base`; a column that
   sums to 0 becomes all zero. Types must match. */
bool profile_normalise(struct profile *p, const struct profile *base,
                       struct err *err) MUST_USE;

/* Applies drop_frames / keep_frames in place (a regular expression; see
   pprof.md 3.5). Needs base/regex. */
bool profile_prune(struct profile *p, struct err *err) MUST_USE;

#endif
