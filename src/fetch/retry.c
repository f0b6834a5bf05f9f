#include "fetch/retry.h"

#include "base/banned.h"

bool fetch_retry_is_worth(enum fetch_failure failure, bool has_answered_before)
{
    switch (failure) {
    case FETCH_FAILURE_BROKEN:
    case FETCH_FAILURE_SERVER:
        return true;
    case FETCH_FAILURE_CONNECT:
        return has_answered_before;
    case FETCH_FAILURE_NONE:
    case FETCH_FAILURE_TLS:
    case FETCH_FAILURE_SLOW:
    case FETCH_FAILURE_REFUSED:
    case FETCH_FAILURE_REDIRECT:
    case FETCH_FAILURE_ANSWER:
    case FETCH_FAILURE_LIMIT:
    case FETCH_FAILURE_HERE:
    case FETCH_N_FAILURES:
        break;
    }
    return false;
}

/* The first step doubled attempt - 1 times, at most `max_ns`. */
static int64_t step_ns(const struct fetch_retry *r, unsigned attempt)
{
    const int64_t max_ns = r->max_ns > 0 ? r->max_ns : INT64_MAX;
    int64_t step = r->first_ns > 0 ? r->first_ns : 0;
    for (unsigned i = 1; i < attempt && step > 0 && step < max_ns; i++) {
        step = step > max_ns / 2 ? max_ns : 2 * step;
    }
    return step < max_ns ? step : max_ns;
}

int64_t fetch_retry_delay_ns(const struct fetch_retry *r, unsigned attempt,
                             uint64_t random)
{
    const int64_t step = step_ns(r, attempt);
    const int64_t half = step / 2;
    return step - half + (int64_t)(random % ((uint64_t)half + 1));
}
