/*
 * Findings of heap dumps: what was found out about a dump, and the pure steps
 * from one dump, or two of one service, to findings. One dump alone shows what
 * is large, not what grows: but for proof, nothing there is more than suspect.
 *
 * Findings borrow names from the dump and its view: both must live as long.
 */
#ifndef SEEP_RULES_DUMP_RULES_H
#define SEEP_RULES_DUMP_RULES_H

#include "base/err.h"
#include "rules/finding.h"

struct heap_facts;
struct heap_view;

/* All of it borrowed. */
struct dump_evidence {
    const struct heap_facts *facts; /* graph, dominators, types, binary */
    struct heap_view *view;         /* of them */
};

/* What counts. Zero takes the default. */
struct dump_options {
    double min_share;      /* of what is live, that one holder keeps (0.10) */
    double min_bytes;      /* and in bytes; of two dumps, of growth (8 MiB) */
    double min_goroutines; /* that wait alike; of two dumps, more (50) */
};

bool rules_judge_dump(const struct dump_evidence *e,
                      const struct dump_options *options, struct findings *out,
                      struct err *err) MUST_USE;

/* What `after` holds more than `before`: at most growth, but for proof. */
bool rules_judge_dump_growth(const struct dump_evidence *before,
                             const struct dump_evidence *after,
                             const struct dump_options *options,
                             struct findings *out, struct err *err) MUST_USE;

/* Do these dumps and profiles come from one run of one program? Another build
   is of another run, too. */
enum dump_fit {
    DUMP_FITS,
    DUMP_OTHER_PROGRAM,
    DUMP_OTHER_BUILD,
    DUMP_OTHER_RUN
};
struct series;
bool rules_dump_fit(const struct dump_evidence *e, const struct series *s,
                    enum dump_fit *out, struct err *err) MUST_USE;

/* Are two dumps of programs that have hardly a variable in common? */
bool rules_dumps_differ(const struct dump_evidence *before,
                        const struct dump_evidence *after, bool *out,
                        struct err *err) MUST_USE;

/* Says for each finding of profiles what holds the objects that its site
   allocated, and which of its goroutines nothing can wake: a dump of the same
   process. What it proves that profiles did not show is added. */
bool rules_join_dump(const struct dump_evidence *e,
                     const struct dump_options *options,
                     struct findings *findings, struct err *err) MUST_USE;

/* The share of the heap that the runtime counted and the dump has lost; 0 where
   that is next to nothing, or garbage that was freed as the dump began. */
struct heap_about;
double rules_dump_missing(const struct heap_about *a);

/* Else what its missing parts held is not known. */
bool rules_dump_is_whole(const struct dump_evidence *e);

/* Where not all of the dump is there, what was not found in it says nothing:
   such findings are no pass. */
void rules_see_damage(const struct dump_evidence *e, struct findings *f);

struct heap_bucket;
struct heap_call;
/* The call of an allocation that is to blame: the innermost of the user's, else
   of a dependency, else of the standard library; NULL none. */
const struct heap_call *rules_dump_site(const struct heap_bucket *b);

#endif
