/*
 * Focus, ignore, hide, show and show_from are judged per location, not per
 * frame of a sample: a location is told apart once, then samples are looked
 * at through one byte for each of their locations.
 */
#include "profile/select.h"

#include <stdlib.h>

#include "profile/samples_private.h"
#include "profile/text_match_private.h"

enum fate { FATE_FOCUSED = 1, FATE_IGNORED = 2, FATE_HIDDEN = 4 };

struct filtering {
    struct profile *p;
    struct text_match focus, ignore, hide, show;
    struct frame_matches matched;
    uint8_t *fates; /* enum fate, or'ed, per location */
};

static bool location_matches(struct text_match *m,
                             const struct profile_location *l)
{
    const struct profile_line *lines = m->p->lines + l->first_line;
    for (uint32_t i = 0; i < l->n_lines; i++) {
        if (function_matches(m, lines[i].function)) {
            return true;
        }
    }
    return mapping_matches(m, l->mapping);
}

/* Leaves the lines of `l` that match, or those that do not; a line that has no
   function stays either way. */
static void leave_lines(struct profile *p, struct text_match *m,
                        struct profile_location *l, bool matching)
{
    if (mapping_matches(m, l->mapping)) {
        l->n_lines = matching ? l->n_lines : 0;
        return;
    }
    struct profile_line *lines = p->lines + l->first_line;
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n_lines; i++) {
        if (lines[i].function == PROFILE_NONE ||
            function_matches(m, lines[i].function) == matching) {
            lines[n++] = lines[i];
        }
    }
    l->n_lines = n;
}

/* Focus and ignore see the lines that hide and show then take away. */
static uint8_t judge_location(struct filtering *f, struct profile_location *l)
{
    unsigned fate = 0;
    if (f->ignore.re != NULL && location_matches(&f->ignore, l)) {
        f->matched.ignore = true;
        fate = FATE_IGNORED;
    } else if (f->focus.re == NULL || location_matches(&f->focus, l)) {
        f->matched.focus = true;
        fate = FATE_FOCUSED;
    }
    if (f->hide.re != NULL && location_matches(&f->hide, l)) {
        f->matched.hide = true;
        leave_lines(f->p, &f->hide, l, false);
        fate |= l->n_lines == 0 ? FATE_HIDDEN : 0U;
    }
    if (f->show.re != NULL) {
        leave_lines(f->p, &f->show, l, true);
        fate |= l->n_lines == 0 ? FATE_HIDDEN : 0U;
        f->matched.show = f->matched.show || l->n_lines != 0;
    }
    return (uint8_t)fate;
}

static bool keep_sample(void *ctx, struct sample *s)
{
    const struct filtering *f = ctx;
    unsigned seen = 0;
    for (uint32_t i = 0; i < s->n_locs; i++) {
        seen |= f->fates[s->locs[i]];
    }
    if ((seen & FATE_IGNORED) != 0 || (seen & FATE_FOCUSED) == 0) {
        return false;
    }
    if ((seen & FATE_HIDDEN) == 0) {
        return true;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n_locs; i++) {
        if ((f->fates[s->locs[i]] & FATE_HIDDEN) == 0) {
            s->locs[n++] = s->locs[i];
        }
    }
    s->n_locs = n;
    return n != 0;
}

static bool init(struct filtering *f, const struct frame_filter *filter,
                 struct err *err)
{
    const bool ok = text_match_init(&f->focus, f->p, filter->focus, err) &&
                    text_match_init(&f->ignore, f->p, filter->ignore, err) &&
                    text_match_init(&f->hide, f->p, filter->hide, err) &&
                    text_match_init(&f->show, f->p, filter->show, err);
    f->fates = ok ? calloc((size_t)f->p->n_locations + 1, 1) : NULL;
    return f->fates != NULL || err_nomem(err, "filter frames");
}

static void release(struct filtering *f)
{
    text_match_release(&f->focus);
    text_match_release(&f->ignore);
    text_match_release(&f->hide);
    text_match_release(&f->show);
    free(f->fates);
}

static bool has_failed(const struct filtering *f)
{
    return f->focus.has_failed || f->ignore.has_failed || f->hide.has_failed ||
           f->show.has_failed;
}

bool profile_filter_frames(struct profile *p, const struct frame_filter *filter,
                           struct frame_matches *matched, struct err *err)
{
    *matched = (struct frame_matches){0};
    if (!filter->focus && !filter->ignore && !filter->hide && !filter->show) {
        matched->focus = true; /* what is not asked for is there */
        return true;
    }
    struct filtering f = {.p = p};
    bool ok = false;
    if (!init(&f, filter, err)) {
        goto out;
    }
    for (uint32_t i = 0; i < p->n_locations && !has_failed(&f); i++) {
        f.fates[i] = judge_location(&f, &p->locations[i]);
    }
    if (has_failed(&f)) {
        goto out;
    }
    samples_filter(p, keep_sample, &f);
    *matched = f.matched;
    ok = true;
out:
    release(&f);
    return ok;
}
