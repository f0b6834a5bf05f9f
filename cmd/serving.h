/*
 * `seep sim SCENARIO --serve ADDR`: simulated services behind HTTP until
 * SIGINT or SIGTERM, which end it cleanly.
 */
#ifndef SEEP_CMD_SERVING_H
#define SEEP_CMD_SERVING_H

#include "sim_modes.h"

/* Exit status; errors were printed by then. */
int serve_scenarios(struct session *s, const struct sim_cmd_options *o,
                    const struct words *names);

#endif
