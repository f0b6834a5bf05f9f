/* A byte for each string says what the expression said of it. */
#include "profile/text_match_private.h"

#include <stdlib.h>

bool text_match_init(struct text_match *m, const struct profile *p,
                     struct regex *re, struct err *err)
{
    *m = (struct text_match){.p = p, .re = re, .err = err};
    if (re == NULL) {
        return true;
    }
    m->verdicts = calloc((size_t)p->n_strings + 1, 1);
    return m->verdicts != NULL || err_nomem(err, "match texts");
}

void text_match_release(struct text_match *m)
{
    free(m->verdicts);
    *m = (struct text_match){0};
}

bool text_match_try(struct text_match *m, str_id s)
{
    bool matched = false;
    if (m->has_failed ||
        !regex_match(m->re, profile_span(m->p, s), &matched, m->err)) {
        m->has_failed = true;
        return false;
    }
    m->verdicts[s.i] = matched ? TEXT_MATCHES : TEXT_DIFFERS;
    return matched;
}
