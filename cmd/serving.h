/*
 * `seep sim SCENARIO... --serve ADDR`: simulated services behind HTTP until
 * SIGINT or SIGTERM. Either is how it is meant to end: the exit status is 0
 * then, and 2 when it could not serve.
 *
 * One service for every scenario named, or with `--targets N` N in all, dealt
 * round over the scenarios: those of one scenario differ by their seeds.
 */
#ifndef SEEP_CMD_SERVING_H
#define SEEP_CMD_SERVING_H

#include "sim_modes.h"

/* Exit status as above; errors were printed by then. */
int serve_scenarios(struct session *s, const struct sim_cmd_options *o,
                    const struct words *names);

#endif
