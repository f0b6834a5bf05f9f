/*
 * One regular expression over the strings of one profile. Each string is tried
 * at most once and only when it is asked for; failure is sticky.
 */
#ifndef SEEP_PROFILE_TEXT_MATCH_PRIVATE_H
#define SEEP_PROFILE_TEXT_MATCH_PRIVATE_H

#include "base/err.h"
#include "base/regex.h"
#include "profile/model.h"

enum text_verdict { TEXT_UNKNOWN, TEXT_DIFFERS, TEXT_MATCHES };

struct text_match {
    const struct profile *p;
    struct regex *re;  /* NULL: not to be asked */
    uint8_t *verdicts; /* enum text_verdict per str_id */
    struct err *err;
    bool has_failed;
};

/* `re` and `err` stay borrowed. */
bool text_match_init(struct text_match *m, const struct profile *p,
                     struct regex *re, struct err *err) MUST_USE;
void text_match_release(struct text_match *m);

bool text_match_try(struct text_match *m, str_id s);

/* False as well once something failed. */
static inline bool text_matches(struct text_match *m, str_id s)
{
    const uint8_t known = m->verdicts[s.i];
    return known != TEXT_UNKNOWN ? known == TEXT_MATCHES : text_match_try(m, s);
}

/* By name or file. */
static inline bool function_matches(struct text_match *m, uint32_t function)
{
    if (function == PROFILE_NONE) {
        return false;
    }
    const struct profile_function *f = &m->p->functions[function];
    return text_matches(m, f->name) || text_matches(m, f->file);
}

static inline bool mapping_matches(struct text_match *m, uint32_t mapping)
{
    return mapping != PROFILE_NONE &&
           text_matches(m, m->p->mappings[mapping].file);
}

#endif
