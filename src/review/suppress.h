/*
 * Findings that are accepted with a reason, up to a level: growth beyond it
 * still counts. And the built-in list of background goroutines of well-known
 * packages that are healthy by design (known_healthy.def, versioned).
 */
#ifndef SEEP_REVIEW_SUPPRESS_H
#define SEEP_REVIEW_SUPPRESS_H

#include "base/err.h"
#include "rules/rules.h"

/* All that is set must match (and at least one of the first six is set). Names
   are function names as profiles have them, as goleak takes them, or with `*`
   for any run of characters. */
struct suppression {
    const char *rule;         /* "goroutine-chan-receive" */
    const char *id;           /* a finding's id or loose_id */
    const char *top;          /* the leaf frame, or the site */
    const char *any;          /* any frame of the stack */
    const char *created_by;   /* who started the goroutine */
    const char *const *stack; /* frames leaf first, "..." for any number */
    size_t n_stack;
    const char *target;
    double max_bytes, max_goroutines; /* accepted level; NAN any */
    const char *reason;               /* never NULL */
    const char *issue;                /* where it is followed up; or NULL */
    const char *expires;              /* "YYYY-MM-DD", NULL never */
    int64_t expires_day;              /* since 1970, the last on which it
                                         accepts; 0 never ends */
    const char *place;                /* ".seep.yml:12" */
};

struct suppressions {
    const struct suppression *items;
    size_t n;
};

/* One more row for a person to paste into .seep.yml: a block of YAML that
   accepts this finding near its present level. */
bool suppression_block(const struct finding *f, struct buf *out,
                       struct err *err) MUST_USE;

#endif
