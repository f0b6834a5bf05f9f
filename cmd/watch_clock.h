/* The two clocks: one that only goes forward, and the one on the wall. */
#ifndef SEEP_CMD_WATCH_CLOCK_H
#define SEEP_CMD_WATCH_CLOCK_H

#include <stdint.h>

struct watch_clock {
    int64_t mono_ns, wall_nanos;
};
struct watch_clock watch_clock_now(void);

/* CPU time of this thread, and of the whole process. */
int64_t watch_clock_cpu_ns(void);
int64_t watch_clock_process_cpu_ns(void);

#endif
