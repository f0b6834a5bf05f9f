/*
 * Which findings somebody accepts, and up to which level; and what is to be
 * said of suppressions that do nothing, no longer, or not enough.
 */
#include "base/num.h"
#include "review/review_private.h"
#include "review/suppress_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Lines of one sort; a file with a thousand stale rows needs no thousand. */
enum { NOTES_MAX = 20 };

struct use {
    size_t n_accepted;
    size_t n_beyond; /* grew beyond the accepted level */
    size_t n_ended;  /* would be accepted if it had not expired */
};

static bool is_expired(const struct suppression *s, int64_t today)
{
    return s->expires_day != 0 && today != 0 && today > s->expires_day;
}

/* The level of the finding that the limit speaks of; NAN none. */
static double level_in(const struct finding *f, bool is_bytes)
{
    for (size_t i = 0; i < f->n_metrics; i++) {
        const struct metric *m = &f->metrics[i];
        if (is_bytes ? strcmp(m->unit, "bytes") == 0
                     : strcmp(m->name, "goroutines") == 0) {
            return m->last;
        }
    }
    return NAN;
}

/* A limit in a figure that the finding does not have limits nothing; but one
   of those that are set must speak of it. */
static bool is_within(const struct suppression *s, const struct finding *f)
{
    const double bytes = level_in(f, true);
    const double goroutines = level_in(f, false);
    const bool has_bytes = !isnan(s->max_bytes) && !isnan(bytes);
    const bool has_goroutines = !isnan(s->max_goroutines) && !isnan(goroutines);
    const bool is_limited = !isnan(s->max_bytes) || !isnan(s->max_goroutines);
    return !(has_bytes && bytes > s->max_bytes) &&
           !(has_goroutines && goroutines > s->max_goroutines) &&
           (!is_limited || has_bytes || has_goroutines);
}

static const char *name_of(const struct finding *f)
{
    return f->has_site ? f->site.function : f->rule->title;
}

static void add_level(struct buf *b, double level, bool is_bytes)
{
    if (is_bytes) {
        num_bytes(b, level);
    } else {
        num_count(b, (int64_t)level);
        buf_str(b, " goroutines");
    }
}

static void note_beyond(struct reviewing *r, const struct suppression *s,
                        const struct finding *f)
{
    struct buf b = BUF_LIMIT(1 << 16);
    const bool is_bytes = !isnan(level_in(f, true));
    const double most = is_bytes ? s->max_bytes : s->max_goroutines;
    const double level = level_in(f, is_bytes);
    buf_printf(&b, "%s: %s ", s->place, name_of(f));
    if (isnan(most) || isnan(level)) {
        buf_str(&b, "is not accepted: its level is in another unit");
    } else {
        buf_str(&b, "grew beyond its accepted level: ");
        add_level(&b, level, is_bytes);
        buf_str(&b, ", accepted up to ");
        add_level(&b, most, is_bytes);
    }
    review_note(r,
                buf_ok(&b) ? arena_strdup(&r->f->arena, buf_view(&b)) : NULL);
    buf_release(&b);
}

static bool accept(struct reviewing *r, struct finding *f,
                   const struct suppression *s)
{
    struct finding_acceptance *a =
        arena_new(&r->f->arena, struct finding_acceptance, 1);
    if (a == NULL) {
        return err_nomem(r->err, "suppressions");
    }
    *a = (struct finding_acceptance){
        .by = s->place, .reason = s->reason, .expires = s->expires};
    if (s->issue != NULL) {
        a->reason = arena_printf(&r->f->arena, "%s (%s)", s->reason, s->issue);
        r->f->arena.has_failed |= a->reason == NULL;
    }
    f->accepted = a->reason != NULL ? a : NULL;
    return true;
}

/* The rows with their patterns spelled. */
static const struct suppression *spell_all(const struct suppressions *all,
                                           struct arena *a)
{
    struct suppression *rows = arena_new(a, struct suppression, all->n + 1);
    for (size_t i = 0; rows != NULL && i < all->n; i++) {
        if (!suppression_spell(&all->items[i], a, &rows[i])) {
            return NULL;
        }
    }
    return rows;
}

/* What accepting needs beside the findings. */
struct accepting {
    struct reviewing *r;
    const struct suppression *patterns; /* of the rows, spelled */
    struct spelled_names names;         /* of the finding */
    struct arena arena;
    struct use *uses;
    size_t n_beyond;
};

/* The first row that accepts it. All rows are asked, since the others may be
   out of use. */
static bool accept_one(struct accepting *by, struct finding *f)
{
    struct reviewing *r = by->r;
    struct use *uses = by->uses;
    const struct suppressions *all = r->o->suppressions;
    const struct suppression *beyond = NULL;
    for (size_t i = 0; i < all->n; i++) {
        const struct suppression *s = &all->items[i];
        if (!suppression_matches(&by->patterns[i], f, &by->names,
                                 r->o->target)) {
            continue;
        }
        if (is_expired(s, r->o->today)) {
            uses[i].n_ended++;
        } else if (!is_within(s, f)) {
            uses[i].n_beyond++;
            beyond = beyond != NULL ? beyond : s;
        } else {
            uses[i].n_accepted++;
            if (f->accepted == NULL && !accept(r, f, s)) {
                return false;
            }
        }
    }
    if (f->accepted == NULL && beyond != NULL && by->n_beyond++ < NOTES_MAX) {
        note_beyond(r, beyond, f);
    }
    return true;
}

static void note_expired(struct reviewing *r, const struct suppression *s,
                         const struct use *use)
{
    struct arena *a = &r->f->arena;
    review_note(r,
                use->n_ended == 0
                    ? arena_printf(a,
                                   "%s: expired on %s, and matches "
                                   "nothing: remove it",
                                   s->place, s->expires)
                    : arena_printf(a,
                                   "%s: expired on %s: %zu %s it accepted "
                                   "%s again",
                                   s->place, s->expires, use->n_ended,
                                   use->n_ended == 1 ? "finding" : "findings",
                                   use->n_ended == 1 ? "counts" : "count"));
}

/* "any: main.f, target: orders": which row it is, for whoever has many. */
static void describe(struct buf *b, const struct suppression *s)
{
    enum { STACK = 5 };
    const struct {
        const char *key, *value;
    } parts[] = {
        {"rule",       s->rule                            },
        {"id",         s->id                              },
        {"top",        s->top                             },
        {"any",        s->any                             },
        {"created_by", s->created_by                      },
        {"stack",      s->n_stack > 0 ? s->stack[0] : NULL},
        {"target",     s->target                          },
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        if (parts[i].value != NULL) {
            buf_printf(b, "%s%s: %.200s%s", b->len > 0 ? ", " : "",
                       parts[i].key, parts[i].value,
                       i == STACK && s->n_stack > 1 ? "; ..." : "");
        }
    }
}

static bool has_creators(const struct findings *f)
{
    bool has = false;
    for (size_t i = 0; i < f->n; i++) {
        has |= f->items[i].has_creator;
    }
    return has;
}

/* Why it could not have matched, where that is known; "" else. */
static const char *why_unused(const struct reviewing *r,
                              const struct suppression *s)
{
    if (s->target != NULL && r->o->target == NULL) {
        return ": files have no target; it is for seep leaks --store and seep "
               "watch";
    }
    return s->created_by != NULL && !has_creators(r->f)
               ? ": nothing here says who started a goroutine; profiles in "
                 "text with debug=2 do"
               : "";
}

static void note_unused(struct reviewing *r, const struct suppression *s)
{
    struct buf what = BUF_LIMIT(1 << 13);
    describe(&what, s);
    review_note(r, buf_ok(&what)
                       ? arena_printf(&r->f->arena,
                                      "%s: suppression matched "
                                      "nothing (%s)%s",
                                      s->place, what.data, why_unused(r, s))
                       : NULL);
    buf_release(&what);
}

static void note_uses(struct reviewing *r, const struct use *uses)
{
    const struct suppressions *all = r->o->suppressions;
    size_t n_notes = 0;
    for (size_t i = 0; i < all->n; i++) {
        const struct suppression *s = &all->items[i];
        const bool is_ended = is_expired(s, r->o->today);
        /* A row for another target is not out of use; but without one to ask
           for it would never match, and nobody would know. */
        const bool is_unused =
            uses[i].n_accepted + uses[i].n_beyond == 0 &&
            (r->o->target == NULL || suppression_is_for(s, r->o->target));
        if ((!is_ended && !is_unused) || n_notes++ >= NOTES_MAX) {
            continue;
        }
        if (is_ended) {
            note_expired(r, s, &uses[i]);
        } else {
            note_unused(r, s);
        }
    }
    if (n_notes > NOTES_MAX) {
        review_note(r, arena_printf(&r->f->arena,
                                    "%zu more suppressions are expired or "
                                    "matched nothing",
                                    n_notes - NOTES_MAX));
    }
}

static bool accept_all(struct reviewing *r)
{
    const struct suppressions *all = r->o->suppressions;
    struct accepting by = {.r = r,
                           .uses = calloc(all->n + 1, sizeof(*by.uses))};
    by.patterns = spell_all(all, &by.arena);
    bool ok = (by.uses != NULL && by.patterns != NULL) ||
              err_nomem(r->err, "suppressions");
    for (size_t i = 0; ok && i < r->f->n; i++) {
        ok = (spelled_names_fill(&by.names, &r->f->items[i]) ||
              err_nomem(r->err, "suppressions")) &&
             accept_one(&by, &r->f->items[i]);
    }
    if (ok) {
        note_uses(r, by.uses);
    }
    arena_release(&by.names.arena);
    arena_release(&by.arena);
    free(by.uses);
    return ok;
}

bool review_accept(struct reviewing *r)
{
    if (r->o->suppressions != NULL && r->o->suppressions->n > 0 &&
        !accept_all(r)) {
        return false;
    }
    return r->o->no_known || review_accept_known(r);
}
