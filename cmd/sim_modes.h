/*
 * What `seep sim` can be asked for, beside the options that all its modes
 * share. One file a mode.
 */
#ifndef SEEP_CMD_SIM_MODES_H
#define SEEP_CMD_SIM_MODES_H

#include "cmd.h"
#include "output.h"

#include "sim/sim.h"

struct sim_cmd_options {
    /* which mode */
    bool lists, evaluates;
    const char *explain;
    const char *serve; /* address */
    uint64_t scale;    /* samples, or objects with `shape` */

    /* the model */
    uint64_t snapshots, seed, build, rate_bytes, background;
    int64_t interval_ns;
    int go;
    int load; /* N_SIM_LOADS: as the scenario has it */
    double noise, gogc;

    /* a saved series */
    bool heap_dump, collects;

    /* scale */
    int layout;
    bool is_goroutine;
    const char *shape;

    /* a live service */
    double speed;
    uint64_t targets;
    bool one_port_each;
    const char *faults;

    /* evaluation */
    bool is_full;
    uint64_t seeds, jobs;
    const char *results;

    struct outputs outputs;
};

/* The model's part, for one scenario. */
void sim_cmd_model(const struct sim_cmd_options *o,
                   const struct sim_scenario *scenario,
                   struct sim_options *out);

/* The scenario of that name, or an error that names the nearest. */
bool sim_cmd_scenario(const char *name, const struct sim_scenario **out,
                      struct err *err) MUST_USE;

/* Of lists and evaluations; NULL behind the last. */
extern const char *const sim_formats[];
extern const size_t n_sim_formats;

/* The words of --shape, for completion. */
bool sim_sized_offer(size_t i, struct option_offer *out);

/* -o, or NULL when it was not given. */
const char *sim_cmd_place(const struct sim_cmd_options *o);

/* The modes; exit status, errors printed by then. */
int sim_list(struct session *s, const struct sim_cmd_options *o);
int sim_explain(struct session *s, const struct sim_cmd_options *o);
int sim_save(struct session *s, const struct sim_cmd_options *o,
             const struct words *names);
int sim_sized(struct session *s, const struct sim_cmd_options *o);

#endif
