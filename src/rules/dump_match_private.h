/* What the rules of heap dumps share: questions about a candidate, and the
   sentences that all of them write. */
#ifndef SEEP_RULES_DUMP_MATCH_PRIVATE_H
#define SEEP_RULES_DUMP_MATCH_PRIVATE_H

#include "rules/dump_private.h"
#include "rules/match_private.h"

/* Does a type on the way, from the container on, have this name or, ending in
   '*', this prefix? Pointers, slices and maps of it count. */
bool dump_match_type(const struct dump_candidate *c, const char *pattern);
/* The first of them, or NULL. */
const char *dump_match_types(const struct dump_candidate *c,
                             const char *const *patterns, size_t n);

/* Has what the field or variable that holds is called this word
   ("bus.listeners")? Not where that is: "http.Server.Handler.cache" is a cache.
   With `is_part` it must have more than that ("handlerList"). */
bool dump_match_name(const struct dump_candidate *c, const char *word,
                     bool is_part);
/* The same of its type and those of its entries ("map[int]*main.listener"), not
   of their packages. */
bool dump_match_type_name(const struct dump_candidate *c, const char *word);

/* Was hardly anything of it ever freed, or is it growing between two dumps?
   Else one dump cannot know whether it will be. */
bool dump_match_stays(const struct dump_candidate *c);

/* Goroutines of a library: headline, evidence, fix and alternatives of the rule
   that knows them in profiles, where there is one; else false. */
bool dump_match_library(const struct evidence *e, struct rule_match *m);

/* Cause and evidence of something held: "main.userCache (map[int]*main.User)
   holds 12.6 MB, 72% of what is live; <doing>". Always true. */
bool dump_match_held(const struct evidence *e, struct rule_match *m,
                     const char *doing);

#endif
