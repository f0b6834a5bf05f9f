/*
 * Regular expressions in Go's syntax (RE2's), matched by PCRE2. A pattern is
 * read and rewritten first, so that what Go refuses is refused in Go's words,
 * and what means something else to PCRE2 (\v, \s, $) means what Go says.
 * Backtracking is bounded by limits, as Go's engine is by design.
 */
#ifndef SEEP_BASE_REGEX_H
#define SEEP_BASE_REGEX_H

#include "base/err.h"
#include "base/span.h"

/* One compiled pattern; not to be used by two threads at once. */
struct regex;

/* ERR_USAGE with Go's text when the pattern is not one. */
bool regex_new(struct span pattern, struct regex **out,
               struct err *err) MUST_USE;
void regex_free(struct regex *re);

/* Does the pattern occur anywhere in `text`? ERR_LIMIT when it takes more
   backtracking than is sensible. */
bool regex_match(struct regex *re, struct span text, bool *matched,
                 struct err *err) MUST_USE;

/* The same, with where the leftmost match lies (when there is one). */
bool regex_find(struct regex *re, struct span text, bool *matched,
                struct span *where, struct err *err) MUST_USE;

/* `text` as a pattern that matches only itself, like Go's QuoteMeta. */
struct buf;
void regex_quote(struct span text, struct buf *out);

/* The rewriting alone: Go's syntax in, PCRE2's out. */
bool regex_from_go(struct span pattern, struct buf *out,
                   struct err *err) MUST_USE;

#endif
