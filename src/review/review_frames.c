/*
 * What the repository says of each frame, and which one a forge should show.
 * The line that leaks is often not the line that changed: of the frames of a
 * finding, one that the patch touched is where its author looks.
 */
#include "review/review_private.h"

#include <string.h>

#include "base/banned.h"

static bool mark_name(struct reviewing *r, struct frame *f)
{
    struct buf old = BUF_LIMIT(64 << 10);
    enum patch_naming naming = PATCH_NAME_UNSAID;
    bool ok = f->was != NULL || review_naming(r->o, f, &naming, &old, r->err);
    if (ok && naming == PATCH_NAME_CHANGED && buf_ok(&old)) {
        f->was = arena_strdup(&r->f->arena, buf_view(&old));
        ok = f->was != NULL || err_nomem(r->err, "marking frames");
    }
    buf_release(&old);
    return ok;
}

static bool mark_frame(struct reviewing *r, struct frame *f)
{
    struct arena *a = &r->f->arena;
    struct frame_mark *mark = arena_new(a, struct frame_mark, 1);
    if (mark == NULL) {
        return err_nomem(r->err, "marking frames");
    }
    if (!paths_mark(r->o->paths, f, mark, a, r->err)) {
        return false;
    }
    if (r->o->patch != NULL && mark->path != NULL) {
        mark->touch =
            patch_touch(r->o->patch, mark->path, f->function, f->line);
    }
    f->mark = mark;
    return mark_name(r, f);
}

/* What the site's function looks like, whatever it is called. */
static bool mark_text(struct reviewing *r, struct finding *f)
{
    const char *path = f->site.mark != NULL ? f->site.mark->path : NULL;
    struct frame_mark *mark = arena_new(&r->f->arena, struct frame_mark, 1);
    if (mark == NULL) {
        return err_nomem(r->err, "marking frames");
    }
    if (path == NULL) {
        return true;
    }
    *mark = *f->site.mark;
    f->site.mark = mark;
    return paths_text(r->o->paths, path, &f->site, &mark->text, r->err);
}

/* The stack in frames of its own, since marks are written into it. */
static bool mark_stack(struct reviewing *r, struct finding *f)
{
    if (f->n_stack == 0) {
        return true;
    }
    struct frame *stack = arena_new(&r->f->arena, struct frame, f->n_stack);
    if (stack == NULL) {
        return err_nomem(r->err, "marking frames");
    }
    memcpy(stack, f->stack, f->n_stack * sizeof(*stack));
    f->stack = stack;
    for (size_t i = 0; i < f->n_stack; i++) {
        if (!mark_frame(r, &stack[i])) {
            return false;
        }
    }
    return true;
}

/* The frames in the order in which a reader meets them: the stack from the
   leaf, the site where it is not on the stack, who started the goroutine. */
static const struct frame *frame_at(const struct finding *f, size_t i)
{
    if (i < f->n_stack) {
        return &f->stack[i];
    }
    i -= f->n_stack;
    if (f->has_site && i == 0) {
        return &f->site;
    }
    return f->has_creator && i == (size_t)f->has_site ? &f->creator : NULL;
}

static const struct frame *first_touched(const struct finding *f,
                                         enum frame_touch touch)
{
    const struct frame *at = NULL;
    for (size_t i = 0; (at = frame_at(f, i)) != NULL; i++) {
        if (at->mark != NULL && at->mark->touch == touch) {
            return at;
        }
    }
    return NULL;
}

static bool is_in_repository(const struct frame *f, bool is_users)
{
    return f->mark != NULL && f->mark->path != NULL &&
           (!is_users || f->origin == ORIGIN_USER);
}

/* The site before others, and the user's code before vendored copies. */
static const struct frame *first_of_repository(const struct finding *f)
{
    if (f->has_site && is_in_repository(&f->site, true)) {
        return &f->site;
    }
    for (int users = 1; users >= 0; users--) {
        const struct frame *at = NULL;
        for (size_t i = 0; (at = frame_at(f, i)) != NULL; i++) {
            if (is_in_repository(at, users == 1)) {
                return at;
            }
        }
    }
    return NULL;
}

static void choose(struct finding *f)
{
    f->patched = first_touched(f, TOUCH_LINE);
    if (f->patched == NULL) {
        f->patched = first_touched(f, TOUCH_FUNCTION);
    }
    f->primary = f->patched != NULL ? f->patched : first_of_repository(f);
}

bool review_mark_frames(struct reviewing *r)
{
    for (size_t i = 0; r->o->paths != NULL && i < r->f->n; i++) {
        struct finding *f = &r->f->items[i];
        if (!mark_stack(r, f) ||
            (f->has_site && (!mark_frame(r, &f->site) || !mark_text(r, f))) ||
            (f->has_creator && !mark_frame(r, &f->creator))) {
            return false;
        }
        choose(f);
    }
    return true;
}
