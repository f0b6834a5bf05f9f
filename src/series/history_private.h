/* What history.c (moments, runs, thinning) and track.c (the points of one kind)
   share. */
#ifndef SEEP_SERIES_HISTORY_PRIVATE_H
#define SEEP_SERIES_HISTORY_PRIVATE_H

#include "series/flow_private.h"
#include "series/history.h"

enum kept_flag {
    KEPT_IS_TRUNCATED = 1,
    KEPT_HAS_MORE = 2, /* memstats or goroutines stand before the cells */
    KEPT_HAS_PROGRAM = 4,
    KEPT_HAS_BUILD_ID = 8,
    KEPT_IS_COLLECTED = 16
};

/* One point. Its bytes end where those of the next begin. */
struct kept {
    uint64_t moment;
    int64_t time_nanos, period_bytes;
    double total; /* bytes in use, or goroutines */
    uint32_t begin;
    uint8_t flags; /* enum kept_flag */
};
VEC_TYPE(kepts, struct kept)

/* Points of one kind and form, oldest first. The latest is kept whole, each
   other as what has to be added to the one after it: stacks that stay as they
   are cost nothing, and what comes and goes is at the end. */
struct track {
    enum profile_kind kind;
    enum snapshot_form form;
    bool is_delta;
    struct kepts kept;
    uint8_t *bytes;
    uint32_t n_bytes, cap_bytes;
};
void track_release(struct track *k);
size_t track_bytes(const struct track *k);

/* What each row holds at one moment, as a history and as a series have it. */
struct track_state {
    struct flows flows;
    struct series_cells_vec cells; /* of the same rows */
    struct flows missing;          /* scratch: rows that older points have */
    struct memstats memstats;
};
void track_state_release(struct track_state *s);

/* The latest state; empty before the first point. */
bool track_latest(const struct track *k, struct stack_table *t,
                  struct track_state *out, struct err *err) MUST_USE;

/* Appends a point; `latest` is what track_latest() gave, and that point goes
   when `drops`. */
bool track_add(struct track *k, const struct stack_table *t,
               const struct series_point *p, const struct track_state *latest,
               uint64_t moment, bool drops, struct err *err) MUST_USE;

/* Keeps moments that are multiples of `stride`, and the latest. */
bool track_thin(struct track *k, uint64_t stride, struct err *err) MUST_USE;

/* What a point of this run says of its binary, where it says something. */
struct track_names {
    const char *program, *build_id;
};

/* Calls `take` with every point, latest first; it owns the point then. */
bool track_each(const struct track *k, struct stack_table *t,
                const struct track_names *names,
                bool (*take)(void *ctx, const struct kept *kept,
                             struct series_point *p, struct err *err),
                void *ctx, struct err *err) MUST_USE;

#endif
