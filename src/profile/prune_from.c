/*
 * Frames below the innermost match leave, the match stays: what a function
 * calls is added to it. Names are compared without their arguments.
 */
#include <stdlib.h>

#include "profile/samples_private.h"
#include "profile/select.h"
#include "profile/simple_name_private.h"

static bool judge_functions(const struct profile *p, struct regex *re,
                            uint8_t *is_match, struct err *err)
{
    for (uint32_t i = 0; i < p->n_functions; i++) {
        const struct span name = profile_span(p, p->functions[i].name);
        bool matched = false;
        if (name.len != 0 &&
            !regex_match(re, simple_name(name), &matched, err)) {
            return false;
        }
        is_match[i] = matched;
    }
    return true;
}

/* Does it match? Lines inlined into the innermost match leave. */
static bool cut_below(const struct profile *p, const uint8_t *is_match,
                      struct profile_location *l)
{
    const struct profile_line *lines = p->lines + l->first_line;
    for (uint32_t i = 0; i < l->n_lines; i++) {
        const uint32_t f = lines[i].function;
        if (f != PROFILE_NONE && is_match[f]) {
            l->first_line += i;
            l->n_lines -= i;
            return true;
        }
    }
    return false;
}

static bool keep_sample(void *ctx, struct sample *s)
{
    const uint8_t *is_match = ctx;
    uint32_t i = 0;
    while (i < s->n_locs && !is_match[s->locs[i]]) {
        i++;
    }
    if (i < s->n_locs) {
        s->locs += i;
        s->n_locs -= i;
    }
    return true;
}

bool profile_prune_from(struct profile *p, struct regex *re, struct err *err)
{
    if (re == NULL) {
        return true;
    }
    uint8_t *functions = calloc((size_t)p->n_functions + 1, 1);
    uint8_t *locations = calloc((size_t)p->n_locations + 1, 1);
    bool ok = false;
    if (functions == NULL || locations == NULL) {
        (void)err_nomem(err, "prune frames");
        goto out;
    }
    if (!judge_functions(p, re, functions, err)) {
        goto out;
    }
    for (uint32_t i = 0; i < p->n_locations; i++) {
        locations[i] = cut_below(p, functions, &p->locations[i]);
    }
    samples_filter(p, keep_sample, locations);
    ok = true;
out:
    free(functions);
    free(locations);
    return ok;
}
