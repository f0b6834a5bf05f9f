/*
 * What a repository adds to findings, from options: --baseline, --only-new,
 * --patch or --rev, --repo, --path-map, --config. Everything is read before
 * the profiles, so that a mistake in it is told at once.
 */
#ifndef SEEP_CMD_REVIEW_OPTIONS_H
#define SEEP_CMD_REVIEW_OPTIONS_H

#include "cmd.h"
#include "review/review.h"

/* Field of a command's options that REVIEW_ROWS fill. */
struct review_settings {
    const char *baseline;   /* FILE; default: the one .seep.yml names */
    bool only_new;          /* only states new, worse and unknown count */
    const char *patch;      /* FILE or "-" */
    const char *revisions;  /* A..B */
    const char *repository; /* root; default: the one around the current
                               folder, found by .git or go.mod */
    const char *config;     /* default: .seep.yml at the root, if any */
    bool no_config, no_known;
    struct words path_maps; /* FROM=TO */
};

/* What was read. NULL is a review of nothing. */
struct review;

bool review_load(const struct review_settings *s, struct session *session,
                 struct review **out, struct err *err) MUST_USE;

/* The configuration; never NULL for a loaded review (all unset without a
   file). */
const struct config *review_config(const struct review *r);

/* Does only what is new or worse count? By the option, else by .seep.yml. */
bool review_only_new(const struct review *r);

/* review_apply with all that was read. */
bool review_mark(struct review *r, struct findings *f, const char *target,
                 struct err *err) MUST_USE;
void review_free(struct review *r);

#endif
