/*
 * What `seep baseline` is given: findings documents (`--format json`), or
 * snapshots that are judged as `seep leaks` judges them.
 */
#ifndef SEEP_CMD_BASELINE_INPUTS_H
#define SEEP_CMD_BASELINE_INPUTS_H

#include "cmd.h"
#include "review/review.h"

struct baseline_inputs {
    struct baseline *items; /* one for each document; one for all snapshots */
    const char **names;
    size_t n;
};

struct review;
struct baseline_how {
    bool skip_bad;
    const char *module;
    /* What it accepts needs no baseline; against the one that was lent to it
       snapshots keep the ids of functions that were renamed. */
    struct review *review;
};

/* A baseline or findings document; `*is_there` false: no such file, which is
   no error when it is asked for (not NULL). */
bool baseline_load(const char *path, struct baseline *out, bool *is_there,
                   struct err *err) MUST_USE;

/* Documents and snapshots are not mixed. */
bool baseline_inputs_read(struct session *s, const struct baseline_how *how,
                          const char *const *args, size_t n,
                          struct baseline_inputs *out,
                          struct err *err) MUST_USE;
void baseline_inputs_release(struct baseline_inputs *in);

#endif
