/* The order of a review's parts, and the order of findings behind it. */
#include "base/sort.h"
#include "review/review_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static bool nomem(struct err *err)
{
    return err_nomem(err, "reviewing findings");
}

void review_note(struct reviewing *r, const char *text)
{
    if (text == NULL || !review_notes_push(&r->notes, text)) {
        r->f->arena.has_failed = true;
    }
}

/* --- what counts --- */

/* A reader's order: what is new comes first. */
enum rank { RANK_NEW, RANK_WORSE, RANK_EXISTING, RANK_FIXED };

static enum rank rank_of(const struct finding *f)
{
    static const char *const states[] = {
        [RANK_WORSE] = "worse",
        [RANK_EXISTING] = "existing",
        [RANK_FIXED] = "fixed",
    };
    for (int i = RANK_WORSE; f->state != NULL && i <= RANK_FIXED; i++) {
        if (strcmp(f->state, states[i]) == 0) {
            return (enum rank)i;
        }
    }
    return RANK_NEW;
}

bool review_counts(const struct finding *f, bool only_new)
{
    const enum rank rank = rank_of(f);
    return f->accepted == NULL && rank != RANK_FIXED &&
           !(only_new && rank == RANK_EXISTING);
}

/* --- order --- */

struct place {
    const struct finding *f;
    size_t before; /* its place until now */
};

static enum frame_touch touch_of(const struct finding *f)
{
    return f->patched != NULL && f->patched->mark != NULL
               ? f->patched->mark->touch
               : TOUCH_NONE;
}

static int by_place(const void *pa, const void *pb, const void *ctx)
{
    const struct place *a = pa;
    const struct place *b = pb;
    (void)ctx;
    const int counts =
        (int)review_counts(b->f, false) - (int)review_counts(a->f, false);
    if (counts != 0) {
        return counts;
    }
    const int rank = (int)rank_of(a->f) - (int)rank_of(b->f);
    if (rank != 0) {
        return rank;
    }
    const int touch = (int)touch_of(b->f) - (int)touch_of(a->f);
    if (touch != 0) {
        return touch;
    }
    return (a->before > b->before) - (a->before < b->before);
}

static bool sort_findings(struct findings *f, struct err *err)
{
    struct place *places = calloc(f->n + 1, sizeof(*places));
    struct finding *items = arena_new(&f->arena, struct finding, f->n + 1);
    const bool ok = places != NULL && items != NULL;
    for (size_t i = 0; ok && i < f->n; i++) {
        places[i] = (struct place){&f->items[i], i};
    }
    if (ok) {
        sort_items(places, f->n, sizeof(*places), by_place, NULL);
    }
    for (size_t i = 0; ok && i < f->n; i++) {
        items[i] = *places[i].f;
        /* `primary` and `patched` may point to the finding itself. */
        const struct finding *from = places[i].f;
        const struct frame **const to[] = {&items[i].primary,
                                           &items[i].patched};
        for (size_t k = 0; k < sizeof(to) / sizeof(*to); k++) {
            if (*to[k] == &from->site) {
                *to[k] = &items[i].site;
            } else if (*to[k] == &from->creator) {
                *to[k] = &items[i].creator;
            }
        }
    }
    if (ok) {
        f->items = items;
    }
    free(places);
    return ok || nomem(err);
}

/* --- the verdict --- */

/* Of what nobody accepts; too few points stay too few. */
static enum verdict verdict_of(const struct findings *f)
{
    enum grade best = GRADE_INFO;
    for (size_t i = 0; i < f->n; i++) {
        const struct finding *one = &f->items[i];
        if (review_counts(one, false) && one->grade > best) {
            best = one->grade;
        }
    }
    const bool is_inconclusive =
        f->verdict == VERDICT_INCONCLUSIVE ||
        (isnan(f->limits.heap_bytes) && isnan(f->limits.goroutines) &&
         !(f->kinds & PROFILE_BIT(KIND_HEAPDUMP)));
    if (best >= GRADE_STRONG) {
        return VERDICT_LEAK;
    }
    if (is_inconclusive) {
        return VERDICT_INCONCLUSIVE;
    }
    if (best >= GRADE_GROWTH) {
        return VERDICT_GROWTH;
    }
    return f->is_open ? VERDICT_INCONCLUSIVE : VERDICT_CLEAN;
}

static bool has_accepted(const struct findings *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->items[i].accepted != NULL) {
            return true;
        }
    }
    return false;
}

/* --- notes --- */

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void note_paths(struct reviewing *r)
{
    const struct paths_missed m = paths_missed(r->o->paths);
    struct arena *a = &r->f->arena;
    if (m.n_unmapped > 0) {
        review_note(r, arena_printf(a,
                                    "%zu file%s of your code %s no place in "
                                    "the repository, such as %s: --path-map "
                                    "FROM=TO says where they are",
                                    m.n_unmapped, plural(m.n_unmapped),
                                    m.n_unmapped == 1 ? "has" : "have",
                                    m.unmapped));
    }
    if (m.n_absent > 0) {
        review_note(r,
                    arena_printf(a,
                                 "%zu file%s not in the repository, such "
                                 "as %s: is it the commit that was built?",
                                 m.n_absent, m.n_absent == 1 ? " is" : "s are",
                                 m.absent));
    }
}

static void note_stale(struct reviewing *r)
{
    const struct paths_missed m = paths_missed(r->o->paths);
    struct arena *a = &r->f->arena;
    if (m.n_stale > 0) {
        review_note(
            r, arena_printf(a,
                            "%zu frame%s not where the repository has "
                            "%s, such as %s: is it the commit that was "
                            "built?",
                            m.n_stale, m.n_stale == 1 ? " is" : "s are",
                            m.n_stale == 1 ? "its function" : "their functions",
                            m.stale));
    }
    if (r->o->patch != NULL && patch_takes_back(r->o->patch)) {
        review_note(r, "--rev A..B: A has commits that B lacks, and what they "
                       "changed counts as touched; A...B leaves it out");
    }
    if (r->o->patch != NULL && patch_unfit(r->o->patch).n > 0) {
        review_note(
            r, arena_printf(a,
                            "%zu file%s of the patch, such as %s, %s "
                            "in the repository neither as before nor "
                            "as after it",
                            patch_unfit(r->o->patch).n,
                            plural(patch_unfit(r->o->patch).n),
                            patch_unfit(r->o->patch).first,
                            patch_unfit(r->o->patch).n == 1 ? "is" : "are"));
    }
}

static bool add_notes(struct reviewing *r)
{
    struct findings *f = r->f;
    if (r->notes.n == 0) {
        return true;
    }
    const char **notes =
        arena_new(&f->arena, const char *, f->n_notes + r->notes.n);
    if (notes == NULL) {
        return nomem(r->err);
    }
    for (size_t i = 0; i < f->n_notes; i++) {
        notes[i] = f->notes[i];
    }
    memcpy(notes + f->n_notes, r->notes.items,
           r->notes.n * sizeof(*r->notes.items));
    f->notes = notes;
    f->n_notes += r->notes.n;
    return true;
}

static bool apply(struct reviewing *r)
{
    if (!review_mark_frames(r) || !review_take_names(r) || !review_accept(r) ||
        !review_fill_states(r)) {
        return false;
    }
    if (r->o->patch != NULL && r->o->paths == NULL) {
        review_note(r, "the patch marks nothing: no repository around the "
                       "current folder; name it with --repo");
    }
    if (r->o->paths != NULL) {
        note_paths(r);
        note_stale(r);
    }
    if (has_accepted(r->f)) {
        r->f->verdict = verdict_of(r->f);
    }
    if (!sort_findings(r->f, r->err) || !add_notes(r)) {
        return false;
    }
    return !r->f->arena.has_failed || nomem(r->err);
}

bool review_apply(struct findings *f, const struct review_options *o,
                  struct err *err)
{
    struct reviewing r = {.f = f, .o = o, .err = err};
    const bool ok = apply(&r);
    review_notes_release(&r.notes);
    return ok;
}
