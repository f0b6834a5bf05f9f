/*
 * Parts of review_apply(), each in a file of its own. All strings they make
 * live in the findings' arena; what cannot be had there makes it
 * `has_failed`, which review_apply() asks once.
 */
#ifndef SEEP_REVIEW_REVIEW_PRIVATE_H
#define SEEP_REVIEW_REVIEW_PRIVATE_H

#include "base/vec.h"
#include "review/review.h"

VEC_TYPE(review_notes, const char *)

/* One review under way. */
struct reviewing {
    struct findings *f;
    const struct review_options *o;
    struct review_notes notes; /* behind those of the findings */
    struct err *err;
};

/* Adds a line for people; NULL makes the arena `has_failed`. */
void review_note(struct reviewing *r, const char *text);

/* Marks of all frames, `primary` and `patched` (review_frames.c). */
bool review_mark_frames(struct reviewing *r) MUST_USE;

/* The ids that findings had before the patch, which frames know by now
   (review_names.c). */
bool review_take_names(struct reviewing *r) MUST_USE;

/* Of what is new and what is fixed, takes as renamed what stacks and sources
   show to be one. */
bool review_match_by_text(struct reviewing *r, const struct baseline_entry *now,
                          size_t n, struct baseline_states *s) MUST_USE;

/* `accepted` by suppressions and by the known (review_accept.c). */
bool review_accept(struct reviewing *r) MUST_USE;

/* `accepted` of goroutines known to be healthy (known_healthy.c). */
bool review_accept_known(struct reviewing *r) MUST_USE;

/* `state`, `past`, and findings that are fixed (review_states.c). */
bool review_fill_states(struct reviewing *r) MUST_USE;

#endif
