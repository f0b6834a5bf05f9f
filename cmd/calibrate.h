/*
 * The noise floor of growth: what sites of healthy runs of the same build gain
 * in an hour. A finding that grows no faster does not fail a run.
 */
#ifndef SEEP_CMD_CALIBRATE_H
#define SEEP_CMD_CALIBRATE_H

#include "cmd.h"
#include "rules/rules.h"

struct analysis;

struct calibrate {
    const struct words *runs; /* each a directory of snapshots of one run */
    /* What is judged, which is no calibration run of its own; NULL: no files */
    const struct analysis *judged;
    const char *module;
    bool skip_bad;
};

/* Reads the runs and marks findings; says in the notes how many runs there
   were and what their noise was. Nothing to do without runs. ERR_MISMATCH when
   what is judged is among them; runs of another program are said and not used.
 */
struct calibrated {
    bool has_lost;         /* an input was skipped */
    const char *undecided; /* why the runs leave it open; NULL */
    const char *where;     /* what an error speaks of; NULL */
};
bool calibrate_growth(struct session *s, const struct calibrate *c,
                      struct findings *f, struct calibrated *out,
                      struct err *err) MUST_USE;

#endif
