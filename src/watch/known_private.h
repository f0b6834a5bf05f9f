/*
 * What is remembered of a target's findings beyond the last judgement: since
 * when each is known, and whether it was ever confirmed, so that a leak that
 * comes and goes is confirmed once.
 */
#ifndef SEEP_WATCH_KNOWN_PRIVATE_H
#define SEEP_WATCH_KNOWN_PRIVATE_H

#include "base/vec.h"
#include "rules/rules.h"

struct known_finding {
    char id[17];
    bool is_open;      /* seen at the last judgement */
    bool is_confirmed; /* ever */
    enum grade grade, worst;
    enum profile_kind profile;
    uint64_t strong_since; /* moments of the run, at each judgement from then
                              on; 0 it is not. Stored, as a resume must not
                              begin the waiting anew */
    int64_t first_seen_nanos;
};
VEC_TYPE(known_findings, struct known_finding)

struct known_finding *known_find(const struct known_findings *k,
                                 const char *id);
/* NULL: out of memory, or more than a target can have. */
struct known_finding *known_add(struct known_findings *k, const char *id,
                                int64_t now_nanos);

/* Is one that was confirmed seen now? */
bool known_has_confirmed(const struct known_findings *k);

/* Of one target: they are sorted, so that the gravest stay. A program that
   shows more has another problem, or means us ill. */
enum { FINDINGS_KEPT_MAX = 1024 };

/* A copy of the findings, of so many at most, that takes no more memory than
   it needs. */
bool findings_copy(const struct findings *from, struct findings *out,
                   struct err *err) MUST_USE;
/* One of them, into an arena that may hold others. */
bool finding_copy(const struct finding *from, struct arena *arena,
                  struct finding *out);

#endif
