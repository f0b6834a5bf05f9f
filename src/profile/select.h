/*
 * What of a profile a report is about: google/pprof's filters and
 * granularities, applied in place. Regular expressions match anywhere in a
 * text. None of these re-numbers ids; samples, frames and labels leave.
 */
#ifndef SEEP_PROFILE_SELECT_H
#define SEEP_PROFILE_SELECT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/regex.h"
#include "profile/model.h"

/* -focus, -ignore, -hide, -show: NULL = not asked. Matched per location, on
   function names, file names and the mapping's file. */
struct frame_filter {
    struct regex *focus, *ignore, *hide, *show;
};

/* Whether each of them matched anything. */
struct frame_matches {
    bool focus, ignore, hide, show;
};

bool profile_filter_frames(struct profile *p, const struct frame_filter *f,
                           struct frame_matches *matched,
                           struct err *err) MUST_USE;

/* -show_from: frames above the outermost match leave, samples without any
   too. `re` may be NULL: nothing changes, nothing matched. */
bool profile_show_from(struct profile *p, struct regex *re, bool *matched,
                       struct err *err) MUST_USE;

/* -prune_from: frames below the innermost match leave, the match stays. By
   function names without arguments. `re` may be NULL: nothing changes. */
bool profile_prune_from(struct profile *p, struct regex *re,
                        struct err *err) MUST_USE;

/* --- Labels --- */

/* The unit of each numeric label key, as google/pprof infers them: the first
   that is said, else "bytes" for some names, else the key itself. */
struct label_unit {
    str_id key;
    struct span unit; /* borrowed from the profile or static */
};
struct label_units {
    struct label_unit *items; /* by key */
    size_t n;
};

/* `notes` (may be NULL) gets one line for each key that says several units,
   in pprof's words. */
bool label_units_find(const struct profile *p, struct label_units *out,
                      struct buf *notes, struct err *err) MUST_USE;
void label_units_release(struct label_units *u);

/* Empty when the key has none. */
struct span label_units_get(const struct profile *p,
                            const struct label_units *u, struct span key);

/* One -tagfocus or -tagignore: `[key=]value`, a numeric range or expressions.
   `name` is the flag's, for errors. `notes` (may be NULL) gets pprof's line
   when it was taken for a range. No filter (NULL) for the empty text. */
struct tag_filter;
bool tag_filter_new(struct span name, struct span text, struct tag_filter **out,
                    struct buf *notes, struct err *err) MUST_USE;
void tag_filter_free(struct tag_filter *f);

/* Either filter may be NULL. */
bool profile_filter_tags(struct profile *p, const struct label_units *units,
                         const struct tag_filter *focus,
                         const struct tag_filter *ignore, bool *focus_matched,
                         bool *ignore_matched, struct err *err) MUST_USE;

/* -tagshow, -taghide: labels by key. Either may be NULL. */
bool profile_filter_label_keys(struct profile *p, struct regex *show,
                               struct regex *hide, bool *show_matched,
                               bool *hide_matched, struct err *err) MUST_USE;

/* -tagroot, -tagleaf: comma-separated keys whose values become frames at the
   root or the leaf of every sample; values scaled to `output_unit`. */
bool profile_add_label_frames(struct profile *p, struct span roots,
                              struct span leaves, struct span output_unit,
                              bool *root_matched, bool *leaf_matched,
                              struct err *err) MUST_USE;

/* Sets the string label `key` of every sample from `first_sample` on to the one
   value `value`. */
bool profile_set_label(struct profile *p, uint32_t first_sample,
                       struct span key, struct span value,
                       struct err *err) MUST_USE;

/* --- Granularity --- */

/* What frames keep; the rest is blanked. */
enum profile_keep {
    KEEP_INLINES = 1, /* else only a location's outermost line stays */
    KEEP_FUNCTION = 2,
    KEEP_FILE = 4,
    KEEP_LINE = 8,
    KEEP_COLUMN = 16, /* only with KEEP_LINE */
    KEEP_ADDRESS = 32
};
void profile_aggregate(struct profile *p, unsigned keep);

/* --- Several profiles --- */

/* Makes the sample types of all of them the same, as google/pprof does before
   it merges: the types that all have, in the order of the first, and each in
   the finest unit. ERR_MISMATCH when there is none in common. */
bool profile_unify_types(struct profile *const *in, size_t n,
                         struct err *err) MUST_USE;

/* Which column `index` names: a number, a type, or "" for the default. As in
   pprof "inuse_X" also finds the type X. ERR_USAGE in pprof's words. */
bool profile_sample_index(const struct profile *p, struct span index,
                          uint32_t *column, struct err *err) MUST_USE;

/* A profile without mappings gets an empty one that all locations have, as
   pprof gives it. */
bool profile_add_mapping(struct profile *p, struct err *err) MUST_USE;

#endif
