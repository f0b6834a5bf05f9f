/*
 * `seep sim --evaluate`: the detector against the simulator. Every scenario
 * is run with many seeds, judged as `seep leaks` would, and compared with the
 * truth of the model.
 */
#ifndef SEEP_CMD_EVALUATE_H
#define SEEP_CMD_EVALUATE_H

#include "cmd.h"
#include "output.h"
#include "sim/sim.h"

struct evaluate_options {
    struct words names; /* scenarios; none: all */
    unsigned n_seeds;
    struct sim_options model; /* of the base; its seed is the first one */
    bool collects;            /* before each snapshot, as ?gc=1 does */
    bool is_full;             /* also other rates, backgrounds, longer series */
    unsigned n_jobs;          /* processes; 0 = one a core */
    const char *results;      /* a line of JSON a run; NULL: none kept */
    struct outputs outputs;
};

/* Exit status; errors were printed by then. */
int evaluate_run(struct session *s, const struct evaluate_options *o);

#endif
