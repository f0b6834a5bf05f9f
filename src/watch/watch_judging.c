/*
 * When a target is judged, and what has changed by it. Judging costs twenty
 * times what adding a moment does (1.5 ms against 0.07), so it is done where it
 * can change something: often at first, then ever less; at each moment while
 * something is suspected and nothing confirmed; at once where Go itself says
 * that goroutines leaked. And in a fleet it is rationed: each moment that is
 * taken earns a part of a judgement, and who is due waits in line, the
 * undecided in front.
 */
#include "watch/watcher_private.h"

#include <string.h>

#include "base/banned.h"

/* Below, nothing is decided without proof. */
enum { JUDGED_FROM = 5, JUDGED_SHARE = 8 };

enum grade judging_grade(const struct watched *t)
{
    enum grade best = GRADE_INFO;
    for (size_t i = 0; i < t->findings.n; i++) {
        const enum grade g = t->findings.items[i].grade;
        best = g > best ? g : best;
    }
    return best;
}

/* --- one judgement --- */

static bool judge(struct watcher *w, const struct watched *t,
                  struct findings *out, struct err *err)
{
    const struct series_options options = {.module = w->o.module,
                                           .table = w->table};
    struct rules_options rules =
        w->o.rules ? *w->o.rules : (struct rules_options){0};
    struct series *s = NULL;
    rules.memory = w->memory;
    if (!history_series(t->history, w->table, &options, &s, err)) {
        return false;
    }
    struct findings judged = {0};
    const bool ok = rules_judge(s, &rules, &judged, err) &&
                    findings_copy(&judged, out, err);
    findings_release(&judged);
    series_free(s);
    return ok;
}

/* An eighth more moments than now. */
static void plan_next(struct watched *t, uint64_t n)
{
    const uint64_t more = n / JUDGED_SHARE;
    t->judge_at = n + (more > 0 ? more : 1);
}

/* What cannot be judged is said, and is no failure of ours. */
static bool say_unjudged(struct watcher *w, const struct watched *t,
                         struct err *err)
{
    if (err->code == ERR_NOMEM) {
        return false;
    }
    (void)err_wrap(err, "not judged");
    watcher_say(w, t,
                (struct watch_event){.kind = WATCH_HINT, .text = err->text});
    err_clear(err);
    return true;
}

bool judging_now(struct watcher *w, struct watched *t, struct err *err)
{
    struct findings now = {0};
    plan_next(t, history_about(t->history).n_moments);
    t->has_unjudged = false;
    w->counts.n_judgements++;
    const bool ok = judge(w, t, &now, err) ? comparing_replace(w, t, &now, err)
                                           : say_unjudged(w, t, err);
    findings_release(&now);
    return ok;
}

/* --- rations --- */

enum {
    EARNED_BY = 16,        /* moments earn one judgement: 0.1 ms each */
    EARNED_AT_FIRST = 512, /* few targets never notice a ration */
    JUDGED_A_TURN = 8      /* 12 ms, so that the schedule is kept */
};

/* In line by when they came, counted in moments. Who is undecided goes in front
   of those of the last two rounds, and not of all: many who are suspected must
   not keep others from ever being judged. */
static int64_t place_in_line(const struct watcher *w, bool is_undecided)
{
    const int64_t came = (int64_t)w->counts.n_moments;
    return is_undecided ? came - 2 * (int64_t)w->counts.n_targets : came;
}

void judging_init(struct watcher *w)
{
    w->earned = (int64_t)EARNED_AT_FIRST * EARNED_BY;
}

bool judging_after_moment(struct watcher *w, struct watched *t, bool has_proof,
                          struct err *err)
{
    const uint64_t n = history_about(t->history).n_moments;
    const bool is_undecided =
        judging_grade(t) >= GRADE_SUSPECT && !known_has_confirmed(&t->known);
    w->earned++;
    if (has_proof) {
        due_heap_remove(&w->judgements, t->id);
        w->earned -= EARNED_BY; /* a debt, if need be */
        return judging_now(w, t, err);
    }
    if (n < JUDGED_FROM || (n < t->judge_at && !is_undecided) ||
        due_heap_has(&w->judgements, t->id)) {
        return true;
    }
    return due_heap_put(&w->judgements, t->id,
                        place_in_line(w, is_undecided)) ||
           err_nomem(err, "judgements");
}

bool judging_is_due(const struct watcher *w)
{
    return !w->is_draining && w->earned >= EARNED_BY &&
           due_heap_first(&w->judgements);
}

static bool judge_next(struct watcher *w, struct err *err)
{
    struct watched *t = w->items[due_heap_first(&w->judgements)->id];
    due_heap_remove(&w->judgements, t->id);
    w->earned -= EARNED_BY;
    return judging_now(w, t, err) || err_wrap(err, "%.80s", t->target.shown);
}

bool judging_turn(struct watcher *w, struct err *err)
{
    for (int i = 0; i < JUDGED_A_TURN && judging_is_due(w); i++) {
        if (!judge_next(w, err)) {
            return false;
        }
    }
    return true;
}
