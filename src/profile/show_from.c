/*
 * Frames above the outermost match leave: callers that every stack shares and
 * nobody wants to see. A match by the mapping keeps all lines of a location.
 */
#include <stdlib.h>

#include "profile/samples_private.h"
#include "profile/select.h"
#include "profile/text_match_private.h"

/* Does it match? Lines above the outermost match leave. */
static bool cut_above(struct text_match *m, struct profile_location *l)
{
    if (mapping_matches(m, l->mapping)) {
        return true;
    }
    const struct profile_line *lines = m->p->lines + l->first_line;
    for (uint32_t n = l->n_lines; n > 0; n--) {
        if (function_matches(m, lines[n - 1].function)) {
            l->n_lines = n;
            return true;
        }
    }
    return false;
}

static bool keep_sample(void *ctx, struct sample *s)
{
    const uint8_t *is_match = ctx;
    while (s->n_locs > 0 && !is_match[s->locs[s->n_locs - 1]]) {
        s->n_locs--;
    }
    return s->n_locs != 0;
}

bool profile_show_from(struct profile *p, struct regex *re, bool *matched,
                       struct err *err)
{
    *matched = false;
    if (re == NULL) {
        return true;
    }
    struct text_match m = {0};
    uint8_t *is_match = calloc((size_t)p->n_locations + 1, 1);
    bool ok = false;
    if (is_match == NULL) {
        (void)err_nomem(err, "show frames");
        goto out;
    }
    if (!text_match_init(&m, p, re, err)) {
        goto out;
    }
    for (uint32_t i = 0; i < p->n_locations && !m.has_failed; i++) {
        is_match[i] = cut_above(&m, &p->locations[i]);
        *matched = *matched || is_match[i];
    }
    if (m.has_failed) {
        goto out;
    }
    samples_filter(p, keep_sample, is_match);
    ok = true;
out:
    text_match_release(&m);
    free(is_match);
    return ok;
}
