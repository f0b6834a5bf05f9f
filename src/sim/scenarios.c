/* The list of scenarios, expanded from scenarios.def. */
#include "sim/sim.h"

#include <string.h>

#include "base/banned.h"

#define SCENARIO(name) extern const struct sim_scenario sim_scenario_##name;
#include "sim/scenarios.def"
#undef SCENARIO

static const struct sim_scenario *const scenarios[] = {
#define SCENARIO(name) &sim_scenario_##name,
#include "sim/scenarios.def"
#undef SCENARIO
};

const struct sim_scenario *const *sim_scenarios(size_t *n)
{
    *n = sizeof(scenarios) / sizeof(scenarios[0]);
    return scenarios;
}

const struct sim_scenario *sim_scenario_find(const char *name)
{
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (strcmp(scenarios[i]->name, name) == 0) {
            return scenarios[i];
        }
    }
    return NULL;
}
