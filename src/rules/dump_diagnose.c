/*
 * A profile knows the line that allocates, and its rules what that looks like;
 * a dump sees the container and what keeps it. Where the profile's rule is one
 * of the honest rest, the dump's cause and fix are better.
 */
#include "rules/dump_private.h"

#include "rules/compose_private.h"

#include <string.h>

#include "base/banned.h"

/* Of the profile's bytes so many must be of what the dump speaks of. */
static const double most = 0.5;

static bool is_one_of(const struct rule *r, const char *const *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(r->id, ids[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* They say what grew, not why. */
static bool knows_no_cause(const struct rule *r)
{
    static const char *const ids[] = {"heap-growth", "heap-large-object"};
    return is_one_of(r, ids, sizeof ids / sizeof ids[0]);
}

static bool is_cause(const struct rule *r)
{
    static const char *const ids[] = {
        "dump-substring", "dump-finalizer", "dump-context", "dump-timer",
        "dump-pool",      "dump-listener",  "dump-closure", "dump-channel",
        "dump-map",       "dump-slice"};
    return is_one_of(r, ids, sizeof ids / sizeof ids[0]);
}

static bool is_most_of(const struct dump_candidate *c, const struct finding *f)
{
    return f->n_metrics > 0 && c->retained_bytes >= most * f->metrics[0].last;
}

/* Large arrays of this site that a small part keeps; NULL none. */
static const struct dump_candidate *find_pinned(struct dump_judge *j,
                                                const struct finding *f)
{
    for (size_t i = 0; i < j->candidates.n; i++) {
        const struct dump_candidate *c = &j->candidates.items[i];
        if (c->what == DUMP_PINNED && c->allocation.bucket &&
            dump_is_allocated_at(j, c->allocation.bucket, f) &&
            is_most_of(c, f)) {
            return c;
        }
    }
    return NULL;
}

/* The dump's words, and behind the profile's evidence what it saw. */
static bool take_words(struct dump_judge *j, const struct finding *from,
                       struct finding *to, struct err *err)
{
    const char **lines = arena_new(j->arena, const char *, to->n_evidence + 1);
    if (!lines) {
        return err_nomem(err, "evidence");
    }
    lines[0] = arena_printf(j->arena, "in the heap dump: %s", from->cause);
    if (to->n_evidence > 0) {
        memcpy(lines + 1, to->evidence, to->n_evidence * sizeof *lines);
    }
    to->evidence = lines;
    to->n_evidence++;
    to->headline = from->headline;
    to->why = from->why ? from->why : from->rule->why;
    to->fix = from->fix;
    to->alternatives = from->alternatives;
    to->n_alternatives = from->n_alternatives;
    return true;
}

bool dump_diagnose(struct dump_judge *j, const struct dump_candidate *holder,
                   struct finding *f, struct err *err)
{
    struct finding d;
    /* What ended has no cause to be mended. */
    const bool is_open = knows_no_cause(f->rule) && !f->has_ended;
    const struct dump_candidate *pinned = is_open ? find_pinned(j, f) : NULL;
    const struct dump_candidate *c = pinned ? pinned : holder;
    if (!is_open || !c->is_growing || !is_most_of(c, f)) {
        return true;
    }
    return dump_finding_of(j, c, &d, err) &&
           (!d.rule || !is_cause(d.rule) || take_words(j, &d, f, err));
}
