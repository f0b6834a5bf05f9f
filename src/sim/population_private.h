/* Between world.c and what a population is made of. */
#ifndef SEEP_SIM_POPULATION_PRIVATE_H
#define SEEP_SIM_POPULATION_PRIVATE_H

#include "sim/world_private.h"

/* Entries present at time 0. */
bool sim_population_start(struct sim_world *w, struct sim_population *p,
                          struct err *err) MUST_USE;

/* Arrivals per second at `t_s` of the process, present noise included. */
double sim_population_per_s(const struct sim_world *w,
                            const struct sim_population *p, double t_s);

/* Lets the backing array grow to the entries; false when a bucket could not
   be had (w->err says why). container.c. */
bool sim_container_fit(struct sim_world *w, struct sim_population *p) MUST_USE;

#endif
