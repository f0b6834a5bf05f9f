#include "watch_clock.h"

#include <time.h>

static int64_t nanos_of(clockid_t clock)
{
    struct timespec t = {0};
    (void)clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t watch_clock_cpu_ns(void)
{
    return nanos_of(CLOCK_THREAD_CPUTIME_ID);
}

int64_t watch_clock_process_cpu_ns(void)
{
    return nanos_of(CLOCK_PROCESS_CPUTIME_ID);
}

struct watch_clock watch_clock_now(void)
{
    return (struct watch_clock){nanos_of(CLOCK_MONOTONIC),
                                nanos_of(CLOCK_REALTIME)};
}
