/*
 * What `seep fetch` asks for: the URL, its query and the options made into one
 * plan. What contradicts itself is refused here, before anything is asked.
 */
#ifndef SEEP_CMD_FETCH_PLAN_H
#define SEEP_CMD_FETCH_PLAN_H

#include "options.h"

#include "base/buf.h"
#include "profile/profile.h"

enum { FETCH_PROFILES_MAX = 16, FETCH_NAME_BYTES_MAX = 32 };

/* `debug` of fetch_options when nobody said one. */
#define FETCH_DEBUG_UNSAID UINT64_MAX

struct fetch_options {
    uint64_t count; /* 0: by what is fetched */
    int64_t interval_ns, timeout_ns;
    const char *directory;
    const char *profiles; /* NULL: by the URL */
    uint64_t debug;
    bool no_gc, gc;
};

/* Zero before fetch_plan_make(). */
struct fetch_plan {
    struct buf base;  /* ".../debug/pprof/" */
    struct buf shown; /* the same for people */
    struct buf more;  /* "&token=x": sent with each request, never shown */
    char names[FETCH_PROFILES_MAX][FETCH_NAME_BYTES_MAX + 1];
    size_t n;
    uint64_t count;   /* of snapshots */
    unsigned debug;   /* 0: protobuf, else texts */
    uint64_t seconds; /* of the URL; 0: it says none */
    bool collects;    /* garbage, before a heap profile */
    int width;        /* of NN */
};

/* ERR_USAGE for what cannot be or contradicts itself. */
bool fetch_plan_make(const struct fetch_options *o, const struct words *args,
                     struct fetch_plan *plan, struct err *err) MUST_USE;
void fetch_plan_release(struct fetch_plan *plan);

/* The whole URL of profile i; holds secrets. */
void fetch_plan_url(const struct fetch_plan *plan, size_t i, struct buf *out);

/* "07.heap.pb.gz" of the snapshot nth, counted from 0. */
void fetch_plan_file(const struct fetch_plan *plan, size_t i, uint64_t nth,
                     struct buf *out);

/* How long the process takes for profile i because it was asked to. */
int64_t fetch_plan_lasts_ns(const struct fetch_plan *plan, size_t i);

/* Whether a snapshot is what profile i is; ERR_MISMATCH says what else. */
bool fetch_plan_check(const struct fetch_plan *plan, size_t i,
                      const struct snapshot *s, struct err *err) MUST_USE;

/* Whether the URLs hold something that must not be shown. */
bool fetch_plan_has_secrets(const struct fetch_plan *plan);

/* Whether what is fetched is a series that `seep leaks` judges. */
bool fetch_plan_is_judged(const struct fetch_plan *plan);

#endif
