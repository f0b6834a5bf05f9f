/*
 * Names are spelled once: a pattern for all findings, a finding's frames for
 * all patterns.
 */
#ifndef SEEP_REVIEW_SUPPRESS_PRIVATE_H
#define SEEP_REVIEW_SUPPRESS_PRIVATE_H

#include "review/suppress.h"

/* The two spellings that are common to builds (profile/names.h). */
struct spelled_name {
    const char *normal, *identity;
};

/* Those of a finding; zero is valid and empty. The arena owns them. */
struct spelled_names {
    const struct spelled_name *stack;
    struct spelled_name site, creator;
    struct arena arena;
};

/* Forgets what was there. False: out of memory. */
bool spelled_names_fill(struct spelled_names *n,
                        const struct finding *f) MUST_USE;

/* Patterns in the first spelling; what cannot be had makes the arena
   `has_failed`. */
const char *suppression_pattern(struct arena *a, const char *pattern);
bool suppression_spell(const struct suppression *s, struct arena *a,
                       struct suppression *out) MUST_USE;

/* Is the row for this target, whatever else it says? */
bool suppression_is_for(const struct suppression *s, const char *target);

/* Of what was spelled: does the name, or all that the row sets, fit, levels and
   days aside? Either spelling may, of which "main.run.func*" is each closure of
   run, inlined or not. `*` stands for any run of characters, but for that of a
   receiver, "(*T)". */
bool spelled_name_fits(const char *pattern, const struct spelled_name *name);
bool suppression_matches(const struct suppression *s, const struct finding *f,
                         const struct spelled_names *names, const char *target);

#endif
