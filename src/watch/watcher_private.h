/*
 * Inside the watch. A target has at most one moment under way: its requests
 * follow each other on one connection, so that a service never serves two
 * profiles at once for us. What came becomes history, store and events when
 * the last request has ended.
 */
#ifndef SEEP_WATCH_WATCHER_PRIVATE_H
#define SEEP_WATCH_WATCHER_PRIVATE_H

#include "base/intern.h"
#include "input/input.h"
#include "watch/due_heap_private.h"
#include "watch/known_private.h"
#include "watch/schedule.h"
#include "watch/slots_private.h"
#include "watch/watcher.h"

/* What a moment asks for, in this order. goroutineleak is asked twice: the
   first answer may miss what the collection it starts will find. */
enum step { STEP_HEAP, STEP_GOROUTINE, STEP_LEAK_FIRST, STEP_LEAK, N_STEPS };

struct watched;

/* A moment that is being taken. */
struct moment {
    struct watcher *w;
    struct watched *t;
    int64_t due_ns;
    unsigned todo; /* bit per step */
    enum step step;
    unsigned n_tries; /* of this step */
    bool is_begun;
    int64_t asked_ns; /* of the request under way */
    struct input *input;
    struct series_point points[N_STEPS];
    size_t n_points;
    /* The first thing that failed. */
    enum fetch_failure failure;
    enum step failed_step;
    struct err err;
    /* Why the step is asked again. */
    enum fetch_failure retried;
    struct err retried_err;
};

enum leak_profile { LEAK_UNKNOWN, LEAK_ABSENT, LEAK_PRESENT };

struct watched {
    struct watch_target target; /* in `texts` */
    char *texts;
    uint32_t id;
    uint32_t program;          /* of the watch's programs; UINT32_MAX unknown */
    struct slot_waiter waiter; /* in line for a request */
    uint64_t answer_bytes;     /* memory of its largest answer, this moment */
    struct moment *moment;     /* under way; NULL none */
    struct history *history;
    struct findings findings; /* of the last judgement */
    struct known_findings known;
    char *failure_text; /* NULL none */
    enum fetch_failure failure;
    bool is_gone, is_ended, is_failing, was_missed;
    bool is_resumed, has_findings;
    bool is_unstored;        /* its past cannot be read: not written either */
    uint64_t store_epoch;    /* that `stored` is of; 0 none yet */
    uint64_t findings_epoch; /* in which its findings were stored last */
    enum leak_profile leak_profile;
    unsigned n_leak_empty, n_leak_rested;
    store_target stored;
    uint64_t next_moment;            /* of the store: never starts anew */
    int64_t replay_from, mark_nanos; /* see watch_storing.c */
    uint32_t n_since_mark;
    uint64_t judge_at; /* moments of the run */
    bool has_unjudged; /* moments since the last judgement */
    int64_t last_nanos;
    uint64_t n_moments, n_missed, n_skipped, n_repeats;
    double heap_bytes, goroutines, heap_first_bytes, goroutines_first;
    size_t state_bytes; /* as counted in the whole's */
};

/* A request beside the schedule. */
struct ask;

/* How the store does. */
struct storing {
    uint64_t epoch;   /* from 1; rises when something was undone */
    uint64_t n_begun; /* moments in what is not committed yet */
    bool is_failing;
    int64_t retry_ns;                               /* when it is tried again */
    char first[ERR_TEXT_MAX], latest[ERR_TEXT_MAX]; /* what was wrong; "" */
};

struct watcher {
    struct watch_options o;
    watch_on_event on_event;
    void *ctx;
    struct fetch_pool *pool;
    struct schedule *schedule;
    struct slots slots;
    struct due_heap retries;
    struct due_heap judgements; /* who waits to be judged, in what order */
    int64_t earned;             /* parts of judgements */
    struct stack_table *table;
    struct rules_memory *memory; /* what its stacks say */
    struct intern names;         /* ids are those of targets */
    struct intern programs;
    struct watched **items;
    size_t n, cap;
    struct ask *asks;
    size_t n_asks, n_running;
    int64_t now_ns, wall_nanos;
    int64_t prune_at_ns, write_since_ns;
    uint64_t dice;
    bool is_draining, has_hinted, is_writing;
    struct storing storing;
    bool has_failed; /* of this machine: `failure` says why */
    struct err failure;
    struct watch_counts counts; /* what is counted as it happens */
};

/* --- watch_fetching.c --- */

/* A tick of the target is due. */
void fetching_begin(struct watcher *w, struct watched *t, int64_t due_ns);
/* Whoever waits for a retry or a slot and can have it. */
void fetching_continue(struct watcher *w);
/* Nobody who waits is served any more. */
void fetching_drop_waiting(struct watcher *w);
/* Forgets what is under way; the pool is gone. */
void fetching_forget(struct watcher *w, struct watched *t);
void fetching_forget_asks(struct watcher *w);
bool fetching_url(const struct watched *t, const char *profile,
                  const char *parameters, struct buf *out,
                  struct err *err) MUST_USE;

bool fetching_has_secrets(const struct watched *t);
const char *step_profile(enum step step); /* "heap" */

/* --- watch_taking.c --- */

/* All requests of the moment have ended: what came is taken, what failed is
   said. Frees nothing of the moment but its points. */
void taking_finish(struct watcher *w, struct moment *m);

/* --- watch_judging.c --- */

void judging_init(struct watcher *w);
/* Now where there is proof; else in line, when it is time. */
bool judging_after_moment(struct watcher *w, struct watched *t, bool has_proof,
                          struct err *err) MUST_USE;
/* A few of those in line. */
bool judging_turn(struct watcher *w, struct err *err) MUST_USE;
bool judging_is_due(const struct watcher *w);
bool judging_now(struct watcher *w, struct watched *t,
                 struct err *err) MUST_USE;
enum grade judging_grade(const struct watched *t);

/* --- watch_comparing.c --- */

/* Takes the findings of a new judgement over and says what has changed. */
bool comparing_replace(struct watcher *w, struct watched *t,
                       struct findings *now, struct err *err) MUST_USE;

/* --- watch_storing.c --- */

/* All of these fail for lack of memory only. What the store cannot do is kept
   in w->storing and counted: the watch goes on. */
bool storing_commit(struct watcher *w, struct err *err) MUST_USE;
/* The same at the end of a turn, when it is time, and thinning. */
bool storing_turn(struct watcher *w, struct err *err) MUST_USE;
int64_t storing_next_ns(const struct watcher *w);
/* Once per target, before its first moment: what the store knows of it. */
bool storing_resume(struct watcher *w, struct watched *t,
                    struct err *err) MUST_USE;
bool storing_append(struct watcher *w, struct watched *t,
                    const struct series_point *points, size_t n,
                    bool begins_run, struct err *err) MUST_USE;
/* `is_news`: one was confirmed, or is strong since now or no longer, which must
   outlast us too. */
bool storing_findings(struct watcher *w, struct watched *t, bool is_news,
                      struct err *err) MUST_USE;
/* At the end: findings that were undone, or came while it did not work. */
bool storing_findings_again(struct watcher *w, struct watched *t,
                            struct err *err) MUST_USE;

/* --- watch_counts.c --- */

void counts_observe(uint64_t *buckets, double *sum, int64_t ns);
/* They are open from now on (sign 1), or no longer (-1). */
void counts_findings(struct watcher *w, const struct findings *f, int sign);
/* After anything that changed the size of a target's state. */
void counts_resize(struct watcher *w, struct watched *t);

/* --- watcher.c --- */

void watcher_say(struct watcher *w, const struct watched *t,
                 struct watch_event e);
/* Something of this machine failed: watcher_run() ends with it. */
void watcher_fail(struct watcher *w, const struct err *err);
bool watcher_has_failed(const struct watcher *w, struct err *err);
/* What a run's points said, or a moment's: last values, and the first. */
void watched_take_totals(struct watched *t, const struct series_point *points,
                         size_t n, bool begins_run);
bool watched_take_program(struct watcher *w, struct watched *t,
                          const struct series_point *points, size_t n,
                          struct err *err) MUST_USE;

#endif
