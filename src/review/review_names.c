/*
 * Findings under the names that functions had before. What the patch renamed
 * is known for each frame. Without it, a finding is one of the baseline when
 * their stacks are one but for a word that changed, the source of the function
 * is the same but for that word, and neither could be any other's.
 */
#include "review/baseline_private.h"
#include "review/review_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static bool nomem(const struct reviewing *r)
{
    return err_nomem(r->err, "names of functions");
}

/* --- by the patch --- */

bool review_naming(const struct review_options *o, const struct frame *f,
                   enum patch_naming *out, struct buf *old, struct err *err)
{
    struct arena scratch = {0};
    struct frame_mark mark = {0};
    *out = PATCH_NAME_UNSAID;
    if (o->patch == NULL || o->paths == NULL) {
        return true;
    }
    const bool ok = paths_mark(o->paths, f, &mark, &scratch, err);
    if (ok) {
        *out = patch_naming(o->patch, mark.path, f->function, old);
    }
    arena_release(&scratch);
    return ok && (!old->failed_memory || err_nomem(err, "names of functions"));
}

static bool has_id(const struct findings *f, const struct finding *but)
{
    for (size_t i = 0; i < f->n; i++) {
        if (&f->items[i] != but && strcmp(f->items[i].id, but->id) == 0) {
            return true;
        }
    }
    return false;
}

/* Two of one id would be one to whoever follows them. */
static void keep_apart(struct findings *f, struct finding *it)
{
    if (it->renamed != NULL && has_id(f, it)) {
        memcpy(it->id, it->renamed->id, sizeof(it->id));
        memcpy(it->loose_id, it->renamed->loose_id, sizeof(it->loose_id));
        it->renamed = NULL;
    }
}

bool review_take_names(struct reviewing *r)
{
    struct findings *f = r->f;
    for (size_t i = 0; i < f->n; i++) {
        struct finding *it = &f->items[i];
        if (it->renamed != NULL) {
            continue; /* a comparison knew */
        }
        if (!finding_take_past_ids(it, "patch", &f->arena, r->err)) {
            return false;
        }
        keep_apart(f, it);
    }
    return true;
}

/* --- by the source --- */

/* The finding as it would be with names that changed so; `frames` has room for
   its stack. */
static bool undo_names(const struct finding *f, const struct name_change *c,
                       struct frame *frames, struct finding *out,
                       struct arena *a)
{
    *out = *f;
    out->stack = frames;
    for (size_t i = 0; i <= f->n_stack; i++) {
        struct frame *to = i < f->n_stack ? &frames[i] : &out->site;
        struct buf now = BUF_LIMIT(64 << 10);
        struct buf old = BUF_LIMIT(64 << 10);
        *to = i < f->n_stack ? f->stack[i] : f->site;
        name_identity(&now, span_of(to->function));
        if (to->was == NULL && buf_ok(&now) &&
            name_change_undo(c, buf_view(&now), &old) && buf_ok(&old)) {
            to->was = arena_strdup(a, buf_view(&old));
            a->has_failed |= to->was == NULL;
        }
        a->has_failed |= now.failed_memory || old.failed_memory;
        buf_release(&now);
        buf_release(&old);
    }
    return !a->has_failed;
}

/* Are both ids those of the entry, under the names that it has? */
static bool has_ids_of(const struct reviewing *r, const struct finding *f,
                       const struct baseline_entry *e,
                       const struct name_change *c, bool *out)
{
    struct arena a = {0};
    struct finding before;
    struct finding_ids ids;
    struct frame *frames = arena_new(&a, struct frame, f->n_stack + 1);
    bool ok =
        (frames != NULL && undo_names(f, c, frames, &before, &a)) || nomem(r);
    ok = ok && finding_identify(&before, true, &ids, r->err);
    *out = ok && strcmp(ids.id, e->id) == 0 &&
           strcmp(ids.loose_id, e->loose_id) == 0;
    arena_release(&a);
    return ok;
}

/* Is the name gone that is said to have been its? Copies and twins have the
   same source. */
static bool is_gone(const struct reviewing *r, const struct finding *f,
                    const struct baseline_entry *e, bool *out)
{
    const struct frame past = {.function = e->function,
                               .file = e->file,
                               .package = "",
                               .line = e->line,
                               .origin = f->site.origin};
    const bool is_here = span_eq(name_package(span_of(e->function)),
                                 name_package(span_of(f->site.function)));
    bool is_there = false;
    const bool ok =
        paths_declares(r->o->paths, &past, is_here ? f->site.mark->path : NULL,
                       &is_there, r->err);
    *out = !is_there;
    return ok;
}

/* Is the function's source what it was, and the only one of its file that is?
 */
static bool is_same_text(const struct reviewing *r, const struct finding *f,
                         const struct baseline_entry *e, bool *out)
{
    const struct frame_mark *mark = f->site.mark;
    size_t n = 0;
    *out = false;
    if (r->o->paths == NULL || mark == NULL || mark->path == NULL ||
        e->text == 0 || mark->text != e->text) {
        return true;
    }
    const bool ok =
        paths_with_text(r->o->paths, mark->path, e->text, &n, r->err);
    *out = ok && n == 1;
    return ok;
}

/* A function that the patch declares anew is new, whatever stacks say; and one
   that was beside the old one until the patch deleted that is another. */
static bool is_other_in_patch(const struct reviewing *r,
                              const struct finding *f,
                              const struct baseline_entry *e, bool *out)
{
    struct buf old = BUF_LIMIT(64 << 10);
    enum patch_naming naming = PATCH_NAME_UNSAID;
    const bool ok = review_naming(r->o, &f->site, &naming, &old, r->err);
    buf_release(&old);
    *out =
        naming == PATCH_NAME_NEW || naming == PATCH_NAME_CHANGED ||
        (naming == PATCH_NAME_KEPT && patch_deletes(r->o->patch, e->function));
    return ok;
}

static bool change_of(const struct reviewing *r, const struct finding *f,
                      const struct baseline_entry *e, bool *out)
{
    struct buf old = BUF_LIMIT(64 << 10);
    struct buf now = BUF_LIMIT(64 << 10);
    struct name_change c;
    name_identity(&old, span_of(e->function));
    name_identity(&now, span_of(f->site.function));
    bool ok = (!old.failed_memory && !now.failed_memory) || nomem(r);
    *out = buf_ok(&old) && buf_ok(&now) &&
           name_change_between(buf_view(&old), buf_view(&now), &c);
    if (*out) {
        ok = has_ids_of(r, f, e, &c, out);
    }
    buf_release(&old);
    buf_release(&now);
    return ok;
}

/* Could the finding be the entry, which is gone? */
static bool is_renamed(const struct reviewing *r, const struct finding *f,
                       const struct baseline_entry *e, bool *out)
{
    bool is_other = false;
    *out = false;
    if (f->n_metrics == 0 || !f->has_site || f->profile != e->profile) {
        return true;
    }
    if (!is_same_text(r, f, e, out) || (*out && !change_of(r, f, e, out)) ||
        (*out && !is_gone(r, f, e, out)) ||
        (*out && !is_other_in_patch(r, f, e, &is_other))) {
        return false;
    }
    *out = *out && !is_other;
    return true;
}

/* How many could be each, and the last of them. */
struct partners {
    size_t *n_of_past, *n_of_now, *past_of_now;
};

static bool count_partners(const struct reviewing *r,
                           const struct baseline_states *s, size_t n,
                           const struct partners *p)
{
    const struct baseline *b = r->o->baseline;
    for (size_t i = 0; i < n; i++) {
        if (s->now[i].past != NULL) {
            continue;
        }
        for (size_t k = 0; k < b->n; k++) {
            bool is_pair = false;
            if (s->past[k] != BASELINE_FIXED) {
                continue;
            }
            if (!is_renamed(r, &r->f->items[i], &b->items[k], &is_pair)) {
                return false;
            }
            if (is_pair) {
                p->n_of_past[k]++;
                p->n_of_now[i]++;
                p->past_of_now[i] = k;
            }
        }
    }
    return true;
}

bool review_match_by_text(struct reviewing *r, const struct baseline_entry *now,
                          size_t n, struct baseline_states *s)
{
    const struct baseline *b = r->o->baseline;
    size_t *counts = calloc(b->n + 2 * n + 1, sizeof(*counts));
    const struct partners p = {counts, counts + b->n, counts + b->n + n};
    const bool ok = (counts != NULL || nomem(r)) && count_partners(r, s, n, &p);
    for (size_t i = 0; ok && i < n; i++) {
        const size_t k = p.past_of_now[i];
        if (p.n_of_now[i] == 1 && p.n_of_past[k] == 1 &&
            baseline_is_like_level(&b->items[k], &now[i])) {
            baseline_take_renamed(b, k, now, i, r->o->worse_ratio, s);
        }
    }
    free(counts);
    return ok;
}
