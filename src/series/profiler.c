/* The profiler's own work: stacks below runtime/pprof and net/http/pprof. A
   small heap profile is 10-13 % profiler (compress/flate writers, its own
   buffers), and grows with every fetch: never a finding. */
#include "series/series.h"

#include <string.h>

static const char *const prefixes[] = {
    "net/http/pprof.",
    "runtime/pprof.(*Profile).WriteTo",
    "runtime/pprof.(*profileBuilder)",
    "runtime/pprof.write",
    "runtime/pprof.WriteHeapProfile",
    "runtime/pprof.newProfileBuilder",
    "runtime/pprof.StartCPUProfile",
    "runtime/pprof.profileWriter",
};

bool series_is_profiler_function(const char *function)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(function, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}
