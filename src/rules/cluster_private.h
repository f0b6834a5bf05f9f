/* What the files that make one finding of one leak share. */
#ifndef SEEP_RULES_CLUSTER_PRIVATE_H
#define SEEP_RULES_CLUSTER_PRIVATE_H

#include "rules/judge_private.h"

/* Share of a heap unit's growth that belongs to goroutines, from which on it
   is theirs. */
extern const double cluster_through_min;

/* Worth telling, and by no other unit. */
bool cluster_is_live(const struct unit *u);
bool cluster_is_goroutine(const struct unit *u);

/* `minor` becomes a companion of `major`. */
void cluster_explain(struct unit *minor, struct unit *major);

/* Growth of goroutines of `minor` that `major` does not count already: what is
   proven is a part of what all profiles of goroutines show at its site. */
double cluster_more(const struct unit *minor, const struct unit *major);

/* Share of a heap unit's growth on stacks that fit; each in j->frames when it
   is asked about. */
typedef bool cluster_stack_fn(const struct judge *j, const void *ctx);
bool cluster_share_of(struct judge *j, const struct unit *heap,
                      cluster_stack_fn *fits, const void *ctx, double *share,
                      struct err *err) MUST_USE;

/* cluster_openers.c: finds the user's code behind goroutines of std, and gives
   them the heap that it allocated there. */
bool cluster_openers(struct judge *j, struct err *err) MUST_USE;

#endif
