/*
 * What a repository adds to findings, from options: --baseline, --only-new,
 * --patch or --rev, --repo, --path-map, --config. Everything is read before
 * the profiles, so that a mistake in it is told at once.
 */
#ifndef SEEP_CMD_REVIEW_OPTIONS_H
#define SEEP_CMD_REVIEW_OPTIONS_H

#include "cmd.h"
#include "review/review.h"
#include "series/series.h"

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
    bool no_baseline; /* only its name is asked for, with review_baseline_path
                       */
    struct words path_maps; /* FROM=TO */
};

#define REVIEW_FIELD(type, field, member)                                      \
    (offsetof(type, field) + offsetof(struct review_settings, member))

/* Rows for a command's table; `field` is its struct review_settings. */
/* clang-format off */
#define REVIEW_ROWS(type, field)                                               \
    {.name = "baseline", .arg = "FILE", .kind = OPTION_TEXT,                   \
     .offset = REVIEW_FIELD(type, field, baseline),                            \
     .help = "findings accepted for now, from seep baseline save: says new, existing, worse, fixed"}, \
    {.name = "only-new", .kind = OPTION_FLAG,                                  \
     .offset = REVIEW_FIELD(type, field, only_new),                            \
     .help = "only what is new or worse than the baseline counts for --fail-on"}, \
    {.name = "patch", .arg = "FILE", .kind = OPTION_TEXT,                      \
     .offset = REVIEW_FIELD(type, field, patch),                               \
     .help = "unified diff of the change (- is stdin): marks the lines and functions it touches"}, \
    {.name = "rev", .arg = "A...B", .kind = OPTION_TEXT,                        \
     .offset = REVIEW_FIELD(type, field, revisions),                           \
     .help = "the same from git: A...B from their merge base, A..B, or A to the working tree"}, \
    {.name = "repo", .arg = "DIR", .kind = OPTION_TEXT,                        \
     .offset = REVIEW_FIELD(type, field, repository),                          \
     .help = "root of the sources (default: around the current folder, by .git or go.mod)"}, \
    {.name = "path-map", .arg = "FROM=TO", .kind = OPTION_WORDS,               \
     .offset = REVIEW_FIELD(type, field, path_maps),                           \
     .help = "files below FROM in profiles lie below TO in the repository; may be repeated"}, \
    {.name = "config", .arg = "FILE", .kind = OPTION_TEXT,                     \
     .offset = REVIEW_FIELD(type, field, config),                              \
     .help = "thresholds and suppressions (default: .seep.yml at the root)"},  \
    {.name = "no-config", .kind = OPTION_FLAG,                                 \
     .offset = REVIEW_FIELD(type, field, no_config),                           \
     .help = "read no .seep.yml"},                                             \
    {.name = "no-known", .kind = OPTION_FLAG,                                  \
     .offset = REVIEW_FIELD(type, field, no_known),                            \
     .help = "count goroutines too that are known to be healthy"}
/* clang-format on */

/* Standard input is read once: not for the patch and for a profile ("-" among
   the arguments) too. ERR_USAGE. */
bool review_check_arguments(const struct review_settings *s,
                            const struct words *args, struct err *err) MUST_USE;

/* What was read. NULL is a review of nothing. */
struct review;

bool review_load(const struct review_settings *s, struct session *session,
                 struct review **out, struct err *err) MUST_USE;

/* The configuration; never NULL for a loaded review (all unset without a
   file). */
const struct config *review_config(const struct review *r);

/* The baseline's file, of the option or of .seep.yml, which may not be there
   yet; NULL: neither names one. Lives as long as the session. */
const char *review_baseline_path(const struct review *r);

/* The go.mod that stands for what has no place in the repository: the first
   one, where the root has none; NULL: that of the root, or unknown. */
const char *review_anchor(struct review *r);

/* Does only what is new or worse count? By the option, else by .seep.yml. */
bool review_only_new(const struct review *r);

/* What the change says of names of head, for a comparison. Lives as long as
   the review. */
struct diff_changes review_changes(struct review *r);

/* A baseline that the caller has read, for a review with `no_baseline`. */
void review_lend_baseline(struct review *r, const struct baseline *b);

/* review_apply with all that was read. */
bool review_mark(struct review *r, struct findings *f, const char *target,
                 struct err *err) MUST_USE;
void review_free(struct review *r);

#endif
