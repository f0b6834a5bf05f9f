/*
 * Versions of Go by name.
 */
#include "sim/sim.h"

#include "base/banned.h"

const char *const sim_go_names[] = {
#define X(name, text, full) text,
    SIM_GOS(X)
#undef X
        NULL};

const char *sim_go_text(enum sim_go go)
{
    return sim_go_names[go];
}

const char *sim_go_full(enum sim_go go)
{
    static const char *const full_names[N_SIM_GOS] = {
#define X(name, text, full) [SIM_GO_##name] = (full),
        SIM_GOS(X)
#undef X
    };
    return full_names[go];
}
