/* States of findings against a baseline, and what of it is gone. */
#include "base/num.h"
#include "review/baseline_private.h"
#include "review/review_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static bool nomem(const struct reviewing *r)
{
    return err_nomem(r->err, "comparing with the baseline");
}

static const char *copy(struct reviewing *r, const char *text)
{
    const char *out = arena_strdup(&r->f->arena, span_of(text));
    r->f->arena.has_failed |= out == NULL;
    return out != NULL ? out : "";
}

/* --- what is still there --- */

/* What the entry was called, unless that is what the site is called now. */
static const char *past_name(struct reviewing *r, const struct finding *f,
                             const struct baseline_entry *e)
{
    struct buf old = BUF_LIMIT(64 << 10);
    struct buf now = BUF_LIMIT(64 << 10);
    name_identity(&old, span_of(e->function));
    name_identity(&now, span_of(f->has_site ? f->site.function : ""));
    const bool is_same = span_eq(buf_view(&old), buf_view(&now));
    const char *name =
        is_same || old.len == 0 || !buf_ok(&old) ? NULL : copy(r, old.data);
    r->f->arena.has_failed |= old.failed_memory || now.failed_memory;
    buf_release(&old);
    buf_release(&now);
    return name;
}

/* It keeps the ids that the baseline has of it. */
static bool fill_renamed(struct reviewing *r, struct finding *f,
                         const struct baseline_state *s)
{
    const struct baseline_entry *e = s->past;
    struct finding_rename *to =
        arena_new(&r->f->arena, struct finding_rename, 1);
    if (to == NULL) {
        return nomem(r);
    }
    *to = (struct finding_rename){.from = past_name(r, f, e),
                                  .by = s->renamed_by};
    memcpy(to->id, f->renamed != NULL ? f->renamed->id : f->id, sizeof(to->id));
    memcpy(to->loose_id,
           f->renamed != NULL ? f->renamed->loose_id : f->loose_id,
           sizeof(to->loose_id));
    memcpy(f->id, e->id, sizeof(f->id));
    memcpy(f->loose_id, e->loose_id, sizeof(f->loose_id));
    f->renamed = strcmp(f->id, to->id) != 0 ? to : NULL;
    return true;
}

static bool fill_past(struct reviewing *r, struct finding *f,
                      const struct baseline_state *s)
{
    struct finding_past *past = arena_new(&r->f->arena, struct finding_past, 1);
    if (past == NULL) {
        return nomem(r);
    }
    *past = (struct finding_past){.level = s->past->level,
                                  .per_hour = s->past->per_hour};
    if (s->is_moved) {
        past->moved_from = copy(r, s->past->id);
    }
    f->past = past;
    f->first_seen_nanos = s->past->first_seen_nanos;
    return s->renamed_by == NULL || fill_renamed(r, f, s);
}

/* What a comparison calls fixed stays so, whatever the baseline has. */
static bool fill_state(struct reviewing *r, struct finding *f,
                       const struct baseline_entry *now,
                       const struct baseline_state *s)
{
    if (!now->is_fixed) {
        f->state = s->past == NULL ? "new" : s->is_worse ? "worse" : "existing";
    }
    return s->past == NULL || fill_past(r, f, s);
}

/* --- what is gone --- */

static bool fill_metric(struct reviewing *r, const struct baseline_entry *e,
                        struct finding *f)
{
    struct metric *m = arena_new(&r->f->arena, struct metric, 1);
    if (m == NULL) {
        return nomem(r);
    }
    *m = (struct metric){.name = copy(r, e->metric),
                         .unit = copy(r, e->unit),
                         .first = e->level,
                         .last = NAN,
                         .delta = NAN,
                         .per_hour = NAN,
                         .per_hour_low = NAN,
                         .per_hour_high = NAN};
    f->metrics = m;
    f->n_metrics = 1;
    return true;
}

static struct frame site_of(struct reviewing *r, const struct baseline_entry *e)
{
    const char *function = copy(r, e->function);
    const char *package =
        arena_strdup(&r->f->arena, name_package(span_of(function)));
    r->f->arena.has_failed |= package == NULL;
    return (struct frame){.function = function,
                          .file = copy(r, e->file),
                          .package = package != NULL ? package : "",
                          .line = e->line,
                          .origin = ORIGIN_USER};
}

/* A finding that says: it was here. */
static bool make_fixed(struct reviewing *r, const struct baseline_entry *e,
                       const struct rule *rule, struct finding *f)
{
    struct finding_past *past = arena_new(&r->f->arena, struct finding_past, 1);
    if (past == NULL) {
        return nomem(r);
    }
    *past = (struct finding_past){.level = e->level, .per_hour = e->per_hour};
    *f = (struct finding){
        .rule = rule,
        .grade = GRADE_INFO,
        .profile = e->profile,
        .state = "fixed",
        .first_seen_nanos = e->first_seen_nanos,
        .has_site = *e->function != '\0',
        .statistics = {.p = NAN,
                       .q = NAN,
                       .retention = NAN,
                       .z = NAN,
                       .sampled = NAN,
                       .relative_error = NAN},
        .headline =
            *e->headline != '\0' ? copy(r, e->headline) : rule->headline,
        .cause = "The baseline has it, and these profiles, which could have "
                 "shown it, do not.",
        .fix = "Take it out of the baseline: seep baseline prune",
        .past = past
    };
    memcpy(f->id, e->id, sizeof(f->id));
    memcpy(f->loose_id, e->loose_id, sizeof(f->loose_id));
    if (f->has_site) {
        f->site = site_of(r, e);
    }
    return fill_metric(r, e, f);
}

/* How many findings of a rule came and went. */
struct rule_changes {
    const struct rule *rule;
    size_t n_gone, n_new;
    const struct finding *last; /* of the new ones */
};
VEC_TYPE(rules_changes, struct rule_changes)

/* Of the few rules that there are. NULL: no memory. */
static struct rule_changes *changes_of(struct rules_changes *all,
                                       const struct rule *rule)
{
    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->items[i].rule->id, rule->id) == 0) {
            return &all->items[i];
        }
    }
    return rules_changes_push(all, (struct rule_changes){.rule = rule})
               ? &all->items[all->n - 1]
               : NULL;
}

static bool count_changes(const struct reviewing *r,
                          const struct baseline_states *s,
                          struct rules_changes *out)
{
    const struct baseline *b = r->o->baseline;
    for (size_t i = 0; i < b->n; i++) {
        const struct rule *rule = rules_find(b->items[i].rule);
        if (s->past[i] == BASELINE_FIXED && rule != NULL) {
            struct rule_changes *c = changes_of(out, rule);
            if (c == NULL) {
                return nomem(r);
            }
            c->n_gone++;
        }
    }
    for (size_t i = 0; i < r->f->n; i++) {
        const struct finding *f = &r->f->items[i];
        if (f->state != NULL && strcmp(f->state, "new") == 0) {
            struct rule_changes *c = changes_of(out, f->rule);
            if (c == NULL) {
                return nomem(r);
            }
            c->n_new++;
            c->last = f;
        }
    }
    return true;
}

/* Of one rule one finding came and one went, at a like level: a function that
   was renamed looks so. NULL: it does not. */
static const struct finding *find_renamed(const struct rules_changes *all,
                                          const struct baseline_entry *e,
                                          const struct rule *rule)
{
    for (size_t i = 0; i < all->n; i++) {
        const struct rule_changes *c = &all->items[i];
        if (strcmp(c->rule->id, rule->id) == 0 && c->n_gone == 1 &&
            c->n_new == 1 && c->last->has_site && *e->function != '\0') {
            const struct baseline_entry now = baseline_entry_of(c->last);
            return baseline_is_like_level(e, &now) ? c->last : NULL;
        }
    }
    return NULL;
}

/* Then nobody should take it for mended. */
static void doubt_fixed(struct reviewing *r, const struct finding *renamed,
                        struct finding *f)
{
    struct arena *a = &r->f->arena;
    f->cause = "The baseline has it, and these profiles do not; but one that "
               "is new grows at a like level, so perhaps it was renamed.";
    f->fix = "Look whether it is the same code. If so: seep baseline save.";
    review_note(r, arena_printf(a,
                                "perhaps not fixed but renamed: %s of the "
                                "baseline, for %s is new at a like level",
                                f->site.function, renamed->site.function));
}

static bool add_one_fixed(struct reviewing *r, const struct baseline_entry *e,
                          const struct rules_changes *changes,
                          struct finding *items, size_t *n)
{
    const struct rule *rule = rules_find(e->rule);
    if (rule == NULL) {
        review_note(r, arena_printf(&r->f->arena,
                                    "fixed: %s of the baseline, by a rule "
                                    "this seep does not know: %s",
                                    e->id, e->rule));
        return true;
    }
    const struct finding *renamed = find_renamed(changes, e, rule);
    if (!make_fixed(r, e, rule, &items[*n])) {
        return false;
    }
    if (renamed != NULL) {
        doubt_fixed(r, renamed, &items[*n]);
    }
    (*n)++;
    return true;
}

static bool add_fixed(struct reviewing *r, const struct baseline_states *s)
{
    const struct baseline *b = r->o->baseline;
    struct findings *f = r->f;
    struct rules_changes changes = {.n = 0};
    struct finding *items = arena_new(&f->arena, struct finding, f->n + b->n);
    size_t n = f->n;
    bool ok = (items != NULL || nomem(r)) && count_changes(r, s, &changes);
    if (ok && n > 0) {
        memcpy(items, f->items, n * sizeof(*items));
    }
    for (size_t i = 0; ok && i < b->n; i++) {
        ok = s->past[i] != BASELINE_FIXED ||
             add_one_fixed(r, &b->items[i], &changes, items, &n);
    }
    if (ok) {
        f->items = items;
        f->n = n;
    }
    rules_changes_release(&changes);
    return ok;
}

/* --- what cannot be said --- */

static const char *findings_word(size_t n)
{
    return n == 1 ? "finding" : "findings";
}

/* Profiles of the kind; "heap profiles". */
static const struct {
    enum profile_kind kind;
    const char *what;
} kind_rows[] = {
    {KIND_HEAP,          "heap profiles"        },
    {KIND_GOROUTINE,     "goroutine profiles"   },
    {KIND_GOROUTINELEAK, "goroutineleak profile"},
    {KIND_HEAPDUMP,      "heap dump"            },
};

/* The first reason why a pass would be none. */
static void set_unchecked(struct reviewing *r, const char *why)
{
    r->f->arena.has_failed |= why == NULL;
    r->f->unchecked = r->f->unchecked != NULL ? r->f->unchecked : why;
}

static void note_other(struct reviewing *r, const struct baseline_states *s)
{
    const struct baseline *b = r->o->baseline;
    const char *other = NULL;
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (s->past[i] == BASELINE_UNCHECKED &&
            baseline_is_of_other(&b->items[i], r->f->program)) {
            other = b->items[i].program;
            n++;
        }
    }
    if (n > 0) {
        const char *text = arena_printf(
            &r->f->arena,
            "%zu accepted %s could not be checked: the baseline has %s of "
            "%.80s, these profiles are of %.80s",
            n, findings_word(n), n == 1 ? "it" : "them", other, r->f->program);
        review_note(r, text);
        set_unchecked(r, text);
    }
}

static const char *why_unchecked(const struct baseline_window *w, size_t k)
{
    if (!(w->kinds & PROFILE_BIT(kind_rows[k].kind))) {
        return "no ";
    }
    if (w->has_lost) {
        return "an input was lost, of ";
    }
    if (w->is_inconclusive) {
        return "nothing could be decided by the ";
    }
    if (kind_rows[k].kind == KIND_HEAPDUMP &&
        w->kinds != PROFILE_BIT(KIND_HEAPDUMP)) {
        return "beside profiles nothing but proof is looked for in the ";
    }
    return kind_rows[k].kind == KIND_HEAPDUMP
               ? "no program (--exe), here or in the baseline, of the "
               : "too few, or too short a window, of ";
}

static void note_kind(struct reviewing *r, const struct baseline_window *w,
                      const struct baseline_states *s, size_t k)
{
    const struct baseline *b = r->o->baseline;
    bool is_blind = false;
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct baseline_entry *e = &b->items[i];
        if (s->past[i] == BASELINE_UNCHECKED &&
            e->profile == kind_rows[k].kind &&
            !baseline_is_of_other(e, r->f->program)) {
            n++;
            is_blind |= baseline_is_blind(e, w);
        }
    }
    if (n > 0) {
        const char *text = arena_printf(
            &r->f->arena, "%zu accepted %s could not be checked: %s%s", n,
            findings_word(n), why_unchecked(w, k), kind_rows[k].what);
        review_note(r, text);
        if (is_blind) {
            set_unchecked(r, text);
        }
    }
}

/* Of a comparison there is nothing to say: it is asked what grew. */
static void note_unchecked(struct reviewing *r, const struct baseline_window *w,
                           const struct baseline_states *s)
{
    note_other(r, s);
    for (size_t k = 0;
         !w->is_comparison && k < sizeof(kind_rows) / sizeof(kind_rows[0]);
         k++) {
        note_kind(r, w, s, k);
    }
}

static void note_incomparable(struct reviewing *r,
                              const struct baseline_states *s, size_t n)
{
    size_t n_incomparable = 0;
    for (size_t i = 0; i < n; i++) {
        n_incomparable +=
            s->now[i].is_incomparable && review_counts(&r->f->items[i], false);
    }
    if (n_incomparable > 0) {
        const char *text = arena_printf(
            &r->f->arena,
            "the growth of %zu accepted %s could not be compared: the baseline "
            "knows no such figure of %s",
            n_incomparable, findings_word(n_incomparable),
            n_incomparable == 1 ? "it" : "them");
        review_note(r, text);
        set_unchecked(r, text);
    }
}

static bool is_open(const struct findings *f)
{
    return f->verdict == VERDICT_INCONCLUSIVE || f->is_open;
}

static bool fill_all(struct reviewing *r, const struct baseline_entry *now)
{
    struct findings *f = r->f;
    const size_t n = f->n;
    const struct baseline_window window = {.kinds = f->kinds,
                                           .heap_bytes = f->limits.heap_bytes,
                                           .goroutines = f->limits.goroutines,
                                           .seconds = f->window_seconds,
                                           .program = f->program,
                                           .is_inconclusive = is_open(f),
                                           .has_lost = f->has_lost,
                                           .is_comparison = f->is_comparison};
    struct baseline_states states;
    if (!baseline_compare(r->o->baseline, now, n, &window, r->o->worse_ratio,
                          &states, r->err)) {
        return false;
    }
    bool ok = review_match_by_text(r, now, n, &states);
    for (size_t i = 0; ok && i < n; i++) {
        ok = fill_state(r, &f->items[i], &now[i], &states.now[i]);
    }
    /* A comparison has said itself what is gone. */
    ok = ok && (f->is_comparison || add_fixed(r, &states));
    if (ok) {
        note_unchecked(r, &window, &states);
        note_incomparable(r, &states, n);
    }
    baseline_states_release(&states);
    return ok;
}

bool review_fill_states(struct reviewing *r)
{
    if (r->o->baseline == NULL) {
        return true;
    }
    struct baseline_entry *now = calloc(r->f->n + 1, sizeof(*now));
    if (now == NULL) {
        return nomem(r);
    }
    for (size_t i = 0; i < r->f->n; i++) {
        now[i] = baseline_entry_of(&r->f->items[i]);
    }
    const bool ok = fill_all(r, now);
    free(now);
    return ok;
}
