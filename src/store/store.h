/*
 * Front header of store/: history of targets and findings in one file, behind
 * an interface small enough for a distributed log and database to stand here
 * later: append snapshot, read series, put/get state, upsert finding. Written
 * to by one process at a time, read by any number. What was committed survives
 * kill -9.
 *
 * Snapshots are stored as points over stacks that the store keeps once. Times
 * are wall clock, nanoseconds since 1970, and the caller's.
 */
#ifndef SEEP_STORE_STORE_H
#define SEEP_STORE_STORE_H

#include "base/err.h"
#include "base/span.h"
#include "rules/rules.h"
#include "series/series.h"

struct store;
struct stack_table;
struct series_point;

struct store_options {
    bool is_read_only; /* must exist; takes no lock */
    /* Moments older than this are thinned, step by step, and gone at eight
       times the age; 0 none. */
    int64_t age_max_ns;
    /* Of the file, roughly; beyond it all targets are thinned evenly, the
       oldest moments first; 0 none. */
    uint64_t bytes_max;
};

/* Opens or makes it. ERR_MISMATCH: another process writes to it (says which),
   or a later version made it. ERR_FORMAT: not a store, or damaged. */
bool store_open(const char *path, const struct store_options *o,
                struct store **out, struct err *err) MUST_USE;
/* Commits nothing: what is not committed is lost, as by kill -9. */
void store_close(struct store *s);

/* What happens between the two is there whole or not at all: after the first
   write that fails, all since store_begin() is undone, and store_commit() fails
   too. Writes outside of them are whole by themselves. */
bool store_begin(struct store *s, struct err *err) MUST_USE;
bool store_commit(struct store *s, struct err *err) MUST_USE;

/* --- targets --- */

typedef struct {
    int64_t i;
} store_target;

struct store_target_about {
    store_target id;
    const char *name;   /* the URL as shown, without secrets */
    const char *labels; /* JSON object, "{}" */
    uint64_t n_snapshots;
    int64_t first_nanos, last_nanos; /* of its snapshots; 0 none */
};

/* The target of that name, added when new; its labels are replaced. */
bool store_target_open(struct store *s, const char *name, const char *labels,
                       store_target *out, struct err *err) MUST_USE;
bool store_each_target(struct store *s,
                       bool (*take)(void *ctx,
                                    const struct store_target_about *a,
                                    struct err *err),
                       void *ctx, struct err *err) MUST_USE;

/* --- append snapshot, read series --- */

/* `moment` rises by one from snapshot set to snapshot set of a target, and
   never starts anew. The point's rows are `t`'s; the same table must be used
   for the whole life of the store. */
bool store_append(struct store *s, store_target target, uint64_t moment,
                  int64_t taken_nanos, const struct stack_table *t,
                  const struct series_point *p, struct err *err) MUST_USE;

/* One more than the latest moment of a target that is there; 0 none is. */
bool store_next_moment(struct store *s, store_target target, uint64_t *out,
                       struct err *err) MUST_USE;

struct store_point {
    uint64_t moment;
    int64_t taken_nanos;
    const struct series_point *point; /* lent */
};

/* Points of the moments from the first one taken at or after `since_nanos` on,
   oldest first; the visitor is given one at a time, and begins no other walk
   of this kind. ERR_FORMAT names target and moment of what is damaged. */
bool store_each_point(struct store *s, store_target target, int64_t since_nanos,
                      struct stack_table *t,
                      bool (*take)(void *ctx, const struct store_point *p,
                                   struct err *err),
                      void *ctx, struct err *err) MUST_USE;

/* How many that would be. */
bool store_count_points(struct store *s, store_target target,
                        int64_t since_nanos, uint64_t *out,
                        struct err *err) MUST_USE;

/* --- state: whatever bytes a target's analysis wants to find again --- */

bool store_put_state(struct store *s, store_target target, struct span state,
                     struct err *err) MUST_USE;
/* Empty when there is none; `out` is cleared first. */
struct buf;
bool store_get_state(struct store *s, store_target target, struct buf *out,
                     struct err *err) MUST_USE;

/* --- findings --- */

struct store_finding {
    const char *id; /* 16 hex digits */
    const char *rule;
    enum grade grade;       /* the latest */
    enum grade grade_worst; /* ever */
    bool is_open;           /* seen at the last judgement */
    int64_t first_seen_nanos, last_seen_nanos;
    const char *document; /* the finding as JSON, latest */
};

/* Of one judgement of a target: those given are inserted or updated (first
   seen stays), those not given are closed. */
bool store_put_findings(struct store *s, store_target target, int64_t now_nanos,
                        const struct store_finding *items, size_t n,
                        struct err *err) MUST_USE;
bool store_each_finding(struct store *s, store_target target,
                        bool (*take)(void *ctx, const struct store_finding *f,
                                     struct err *err),
                        void *ctx, struct err *err) MUST_USE;

/* --- keeping it small --- */

/* Thins and drops what retention says, at most a bounded piece of work a call;
   `*more` when there is more to do. Not within store_begin(). */
bool store_prune(struct store *s, int64_t now_nanos, bool *more,
                 struct err *err) MUST_USE;
uint64_t store_bytes(struct store *s);

#endif
