/*
 * What `seep fetch` asks one process for: the URL, its query and the options
 * made into one plan. What contradicts itself is refused here, before anything
 * is asked.
 */
#ifndef SEEP_CMD_FETCH_PLAN_H
#define SEEP_CMD_FETCH_PLAN_H

#include "target_options.h"

#include "base/buf.h"
#include "profile/profile.h"

enum { FETCH_PROFILES_MAX = 16, FETCH_NAME_BYTES_MAX = 32 };

/* `debug` of fetch_options when nobody said one. */
#define FETCH_DEBUG_UNSAID UINT64_MAX

struct fetch_options {
    uint64_t count;      /* 0: by what is fetched */
    int64_t interval_ns; /* 0: the usual */
    const char *directory;
    const char *profiles; /* NULL: by the URL */
    uint64_t debug;
    uint64_t seconds; /* 0: as the process likes */
    bool no_gc, gc;
    bool resume;
    struct target_options target;
};

/* Zero before fetch_plan_make(). */
struct fetch_plan {
    struct buf base;  /* ".../debug/pprof/" */
    struct buf shown; /* the same for people */
    struct buf label; /* "localhost:6060": shown, in short */
    struct buf more;  /* "&token=x": sent with each request, never shown */
    char names[FETCH_PROFILES_MAX][FETCH_NAME_BYTES_MAX + 1];
    size_t n;
    uint64_t count; /* of snapshots */
    int64_t interval_ns;
    unsigned debug;   /* 0: protobuf, else texts */
    uint64_t seconds; /* of timed profiles; 0: it says none */
    bool collects;    /* garbage, before a heap profile */
    int width;        /* of NN */

    /* What was said must not be another thing when a series goes on. */
    bool says_profiles, says_count, says_interval, says_debug, says_gc,
        says_seconds;
};

/* ERR_USAGE for what cannot be or contradicts itself. */
bool fetch_plan_make(const struct fetch_options *o, const char *url,
                     struct fetch_plan *plan, struct err *err) MUST_USE;
void fetch_plan_release(struct fetch_plan *plan);

/* How a series was begun that is to go on. */
struct fetch_begun {
    const char *target;       /* as shown */
    const char *const *names; /* of the profiles */
    size_t n;
    uint64_t count, debug, seconds;
    int64_t interval_ns;
    bool collects;
};

/* What was not said is as it was; what was said must be, but for count and
   interval. ERR_USAGE. */
bool fetch_plan_resume(struct fetch_plan *plan, const struct fetch_begun *b,
                       struct err *err) MUST_USE;

/* The whole URL of profile i; holds secrets. */
void fetch_plan_url(const struct fetch_plan *plan, size_t i, struct buf *out);

/* "07.heap.pb.gz" of the snapshot nth, counted from 0. */
void fetch_plan_file(const struct fetch_plan *plan, size_t i, uint64_t nth,
                     struct buf *out);

/* "localhost_6060": a directory for this target among others. */
void fetch_plan_directory(const struct fetch_plan *plan, struct buf *out);

/* How long the process takes for profile i because it was asked to. */
int64_t fetch_plan_lasts_ns(const struct fetch_plan *plan, size_t i);

/* An execution trace, which is no profile. */
bool fetch_plan_is_trace(const struct fetch_plan *plan, size_t i);

/* Go's proof of leaks: not every process has it, and the first answer may be
   incomplete. */
bool fetch_plan_is_proof(const struct fetch_plan *plan, size_t i);

/* Leaves profile i out of what is still asked for. */
void fetch_plan_drop(struct fetch_plan *plan, size_t i);

/* Whether the URLs hold something that must not be shown. */
bool fetch_plan_has_secrets(const struct fetch_plan *plan);

/* Whether what is fetched is a series that `seep leaks` judges. */
bool fetch_plan_is_judged(const struct fetch_plan *plan);

#endif
