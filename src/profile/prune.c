/*
 * Frames a profile itself declares uninteresting (drop_frames, but not
 * keep_frames): a frame that matches leaves together with everything it
 * called. What stands before the first frame that does not match, seen from
 * the root, stays, so that no sample loses all of its stack.
 */
#include "profile/merge.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/regex.h"
#include "profile/simple_name_private.h"

enum cut { CUT_NOTHING, CUT_BELOW, CUT_ALL };

struct pruner {
    struct profile *p;
    struct regex *drop, *keep; /* keep may be NULL */
    uint8_t *is_dropped;       /* per function */
    uint8_t *cut;              /* enum cut per location */
};

static bool matches(struct regex *re, struct span name, bool *matched,
                    struct err *err)
{
    *matched = false;
    return re == NULL || regex_match(re, name, matched, err);
}

static bool judge_functions(struct pruner *r, struct err *err)
{
    for (uint32_t i = 0; i < r->p->n_functions; i++) {
        const struct span full = profile_span(r->p, r->p->functions[i].name);
        const struct span name = simple_name(full);
        bool is_dropped = false;
        bool is_kept = false;
        if (full.len == 0) {
            continue;
        }
        if (!matches(r->drop, name, &is_dropped, err) ||
            (is_dropped && !matches(r->keep, name, &is_kept, err))) {
            return false;
        }
        r->is_dropped[i] = is_dropped && !is_kept;
    }
    return true;
}

/* The outermost dropped line of each location: it goes with the lines that
   were inlined into it. */
static void judge_locations(struct pruner *r)
{
    for (uint32_t i = 0; i < r->p->n_locations; i++) {
        struct profile_location *l = &r->p->locations[i];
        uint32_t n = l->n_lines;
        if (n == 0) {
            continue;
        }
        const struct profile_line *lines = r->p->lines + l->first_line;
        while (n > 0 && (lines[n - 1].function == PROFILE_NONE ||
                         !r->is_dropped[lines[n - 1].function])) {
            n--;
        }
        if (n == 0) {
            continue;
        }
        r->cut[i] = n == l->n_lines ? CUT_ALL : CUT_BELOW;
        if (r->cut[i] == CUT_BELOW) {
            l->first_line += n;
            l->n_lines -= n;
        }
    }
}

/* The first location that stays, of the stack at locs[0..n), leaf first. */
static uint32_t first_kept(const struct pruner *r, const uint32_t *locs,
                           uint32_t n)
{
    bool found_user = false;
    for (uint32_t i = n; i > 0; i--) {
        const uint8_t cut = r->cut[locs[i - 1]];
        if (cut == CUT_NOTHING) {
            found_user = true;
        } else if (found_user) {
            return cut == CUT_ALL ? i : i - 1;
        }
    }
    return 0;
}

static void cut_samples(struct pruner *r)
{
    struct profile *p = r->p;
    uint32_t first = 0;
    uint32_t n_kept = 0;
    for (uint32_t s = 0; s < p->n_samples; s++) {
        const uint32_t end = p->sample_off[s + 1];
        if (first < end) {
            first += first_kept(r, p->sample_locs + first, end - first);
        }
        for (; first < end; first++) {
            p->sample_locs[n_kept++] = p->sample_locs[first];
        }
        p->sample_off[s + 1] = n_kept;
    }
}

/* Frame expressions match whole names. */
static bool whole_regex(struct span text, struct regex **out, struct err *err)
{
    if (text.len == 0) {
        return true;
    }
    struct buf pattern = BUF_LIMIT(LIMIT_TEXT_BYTES);
    buf_str(&pattern, "^(");
    buf_span(&pattern, text);
    buf_str(&pattern, ")$");
    const bool ok = buf_check(&pattern, "frame expression", err) &&
                    regex_new(buf_view(&pattern), out, err);
    buf_release(&pattern);
    return ok;
}

bool profile_prune(struct profile *p, struct err *err)
{
    if (profile_span(p, p->drop_frames).len == 0) {
        return true;
    }
    struct pruner r = {.p = p};
    bool ok = false;
    r.is_dropped = calloc((size_t)p->n_functions + 1, 1);
    r.cut = calloc((size_t)p->n_locations + 1, 1);
    if (r.is_dropped == NULL || r.cut == NULL) {
        (void)err_nomem(err, "prune frames");
        goto out;
    }
    if (!whole_regex(profile_span(p, p->drop_frames), &r.drop, err) ||
        !whole_regex(profile_span(p, p->keep_frames), &r.keep, err) ||
        !judge_functions(&r, err)) {
        (void)err_wrap(err, "drop_frames");
        goto out;
    }
    judge_locations(&r);
    cut_samples(&r);
    ok = true;
out:
    regex_free(r.drop);
    regex_free(r.keep);
    free(r.is_dropped);
    free(r.cut);
    return ok;
}
