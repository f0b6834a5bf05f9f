/* The two clocks: one that only goes forward, and the one on the wall. */
#ifndef SEEP_CMD_WATCH_CLOCK_H
#define SEEP_CMD_WATCH_CLOCK_H

#include <stdint.h>

struct watch_clock {
    int64_t mono_ns, wall_nanos;
};
struct watch_clock watch_clock_now(void);

#endif
