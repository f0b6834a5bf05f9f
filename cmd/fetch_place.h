/*
 * The directory of one run of `seep fetch`: it holds no other run's snapshots,
 * since two processes mixed up would look like one that jumps, and it is gone
 * again when nothing was saved.
 */
#ifndef SEEP_CMD_FETCH_PLACE_H
#define SEEP_CMD_FETCH_PLACE_H

#include "base/err.h"

#include <stddef.h>

struct fetch_place {
    const char *path;  /* borrowed */
    size_t made_bytes; /* length of the first directory made; 0: none was */
};

/* ERR_USAGE when snapshots are there, unless they are to `resume`. */
bool fetch_place_open(const char *path, bool resume, struct fetch_place *place,
                      struct err *err) MUST_USE;

/* ERR_USAGE when snapshots are there. */
bool fetch_place_check_free(const char *path, bool can_resume,
                            struct err *err) MUST_USE;

/* Removes what a run that was killed left half-written. */
void fetch_place_tidy(const char *path);

/* Removes what fetch_place_open() made, as far as it is empty. */
void fetch_place_undo(const struct fetch_place *place);

#endif
