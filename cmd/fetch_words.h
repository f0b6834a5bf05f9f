/* What a run of `seep fetch` says: a line a snapshot, and one at the end. */
#ifndef SEEP_CMD_FETCH_WORDS_H
#define SEEP_CMD_FETCH_WORDS_H

#include "fetch_run.h"

/* Which Go has the profile that is missing. */
#define FETCH_PROOF_HINT                                                       \
    "Go 1.27 serves it, and 1.26 when built with "                             \
    "GOEXPERIMENT=goroutineleakprofile"

/* ", heap 12.3 MB" behind what has been said of the snapshot. */
void fetch_describe(const struct snapshot *s, const char *name,
                    struct buf *line);
void fetch_describe_trace(uint64_t n_bytes, struct buf *line);

/* That a series goes on. */
void fetch_say_resumed(const struct fetch_run *r);

/* Of the snapshot that has just been counted. */
void fetch_say_snapshot(const struct fetch_run *r, bool is_saved);

/* That profile i is not served, and that the others go on. */
void fetch_say_absent(const struct fetch_run *r, size_t i);

/* How the run ended. Returns the word for the manifest. */
const char *fetch_say_end(const struct fetch_run *r);

#endif
