/*
 * The series of one process: what is asked for when, what becomes of each
 * answer, and what is said of it. Who cannot be asked at all is given up at
 * once; who was well and fails later is asked again until the end, because a
 * series with a hole is worth more than none. Nothing here waits: many runs go
 * through one pool.
 */
#ifndef SEEP_CMD_FETCH_RUN_H
#define SEEP_CMD_FETCH_RUN_H

#include "fetch_answer.h"
#include "fetch_manifest.h"
#include "fetch_place.h"
#include "fetch_plan.h"

#include "cmd.h"

enum fetch_step { FETCH_DUE, FETCH_ASKED, FETCH_ENDED };

struct fetch_run {
    /* Set before fetch_run_open(). */
    struct session *session;
    struct fetch_pool *pool;
    struct fetch_plan plan;
    struct buf directory;
    bool is_one_of_many;

    struct fetch_place place;
    struct fetch_manifest *manifest;

    /* What comes next: profile `i` of snapshot `nth`. */
    enum fetch_step step;
    int64_t due_ns, begun_ns; /* of the monotonic clock; this snapshot's */
    uint64_t nth;
    size_t i;
    unsigned attempt;
    bool is_second; /* the first answer was only to make it complete */

    /* The request under way. */
    struct fetch_answer *answer;
    struct buf path, url;
    int64_t asked_ns, asked_unix_ns;
    struct buf line; /* what is said of the snapshot */

    uint64_t n_before, n_missed_before, n_files_before; /* of earlier runs */
    uint64_t n_saved, n_missed, n_files, n_in_a_row;
    bool has_answered; /* some request, whatever it said */
    bool has_failed;   /* for good, and said so */
    int status;        /* when it has */
    struct err last;   /* why the last snapshot was missed */
};

/* Makes the directory, or finds out what is there already. On failure nothing
   was made. */
bool fetch_run_open(struct fetch_run *r, bool resume, struct err *err) MUST_USE;

/* Asks for what is due. */
void fetch_run_step(struct fetch_run *r, int64_t now_ns);

/* When there is something to do; INT64_MAX: when an answer comes, or never. */
int64_t fetch_run_due_ns(const struct fetch_run *r);

/* Are --count snapshots behind it? Else it was given up when it ended. */
bool fetch_run_is_over(const struct fetch_run *r);

/* Snapshots that are behind it, earlier runs' among them. */
uint64_t fetch_run_done(const struct fetch_run *r);

/* What ends all runs: fetching itself has failed. */
void fetch_run_fail(struct fetch_run *r, const struct err *err);

/* As if it had not been opened; of a run that was asked for nothing. */
void fetch_run_abandon(struct fetch_run *r);

/* After the pool is gone: what is half-written is removed, what became of the
   run is said. `signal` is what ended it, or 0. Returns its exit status. */
int fetch_run_close(struct fetch_run *r, int signal);
void fetch_run_release(struct fetch_run *r);

#endif
