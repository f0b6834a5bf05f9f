/*
 * Whether and when to ask again: exponential backoff with full jitter (each
 * delay is uniform between half of and the whole doubled step), bounded in
 * number. Pure: the dice are the caller's.
 */
#ifndef SEEP_FETCH_RETRY_H
#define SEEP_FETCH_RETRY_H

#include "fetch/http.h"

struct fetch_retry {
    unsigned tries_max;       /* requests in all; 0 and 1: never again */
    int64_t first_ns, max_ns; /* of the delays */
};

/* What may be well a moment later: broken answers, 5xx, 429, and of a target
   that has answered before, a refused connection. Never what says that the
   question was wrong, and never a timeout: who is slow is not helped by
   more. */
bool fetch_retry_is_worth(enum fetch_failure failure, bool has_answered_before);

/* Before try number `attempt` (1 is the first retry). `random` is uniform over
   all 64 bits. */
int64_t fetch_retry_delay_ns(const struct fetch_retry *r, unsigned attempt,
                             uint64_t random);

#endif
