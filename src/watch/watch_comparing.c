/* What a judgement changes, and when a leak counts as confirmed. */
#include "watch/watcher_private.h"

#include <string.h>

#include "base/banned.h"

static void say_finding(struct watcher *w, const struct watched *t,
                        enum watch_event_kind kind, const struct finding *f,
                        enum grade before)
{
    watcher_say(w, t,
                (struct watch_event){.kind = kind,
                                     .profile = profile_kind_name(f->profile),
                                     .finding = f,
                                     .before = before});
}

static const struct finding *find(const struct findings *f, const char *id)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->items[i].id, id) == 0) {
            return &f->items[i];
        }
    }
    return NULL;
}

/* --- confirmed --- */

/*
 * A watch looks again and again, and who looks often sees chance more often: a
 * cache that fills and a pool that grows pass every test once or twice. So what
 * is strong is confirmed when it still is in a window twice as long, or longer
 * by ten moments, as many as `seep leaks URL` takes. Of the 18 healthy
 * scenarios of the simulator, 54 runs over 40 moments, 16 were strong at some
 * time, and 2 for so long; every leak was.
 */
enum { MORE_MOMENTS_MAX = 10 };

static bool is_long_strong(const struct known_finding *k, uint64_t n)
{
    const uint64_t more =
        k->strong_since < MORE_MOMENTS_MAX ? k->strong_since : MORE_MOMENTS_MAX;
    return n >= k->strong_since + more;
}

/* One leak may be named after the line that grew most, and that may change:
   another name takes over since when the first was strong, unless that was
   confirmed. */
static uint64_t strong_before(const struct watched *t,
                              const struct findings *now,
                              enum profile_kind profile, uint64_t n)
{
    uint64_t since = n;
    for (size_t i = 0; i < t->known.n; i++) {
        const struct known_finding *k = &t->known.items[i];
        if (k->strong_since > 0 && k->strong_since < since &&
            !k->is_confirmed && k->profile == profile) {
            const struct finding *f = find(now, k->id);
            since = f && f->grade >= GRADE_STRONG ? since : k->strong_since;
        }
    }
    return since;
}

/* Notes since when it is strong; true when that confirms it for the first
   time. */
static bool confirms(const struct watched *t, struct known_finding *k,
                     const struct finding *f, uint64_t n)
{
    k->profile = f->profile;
    if (f->grade < GRADE_STRONG) {
        return false; /* forgotten when all have been looked at */
    }
    if (k->strong_since == 0 || k->strong_since > n) {
        k->strong_since = strong_before(t, &t->findings, f->profile, n);
    }
    if (k->is_confirmed || (f->grade < GRADE_PROVEN && !is_long_strong(k, n))) {
        return false;
    }
    k->is_confirmed = true;
    return true;
}

static bool forget_weak(struct watched *t)
{
    bool is_news = false;
    for (size_t i = 0; i < t->known.n; i++) {
        struct known_finding *k = &t->known.items[i];
        const struct finding *f = find(&t->findings, k->id);
        if (!f || f->grade < GRADE_STRONG) {
            is_news |= k->strong_since > 0;
            k->strong_since = 0;
        }
    }
    return is_news;
}

/* --- what has changed --- */

/* What is of grade info is harmless, and so no news unless it was more. True:
   there is something that must outlast us. */
static bool compare_one(struct watcher *w, struct watched *t,
                        struct known_finding *k, const struct finding *f,
                        uint64_t n)
{
    const enum grade before = k->is_open ? k->grade : GRADE_INFO;
    const uint64_t since = k->strong_since;
    const bool is_confirmed = confirms(t, k, f, n);
    k->is_open = true;
    k->grade = f->grade;
    k->worst = f->grade > k->worst ? f->grade : k->worst;
    if (f->grade != before) {
        say_finding(w, t, WATCH_FINDING, f, before);
    }
    if (is_confirmed) {
        say_finding(w, t, WATCH_CONFIRMED, f, before);
    }
    return is_confirmed || k->strong_since != since;
}

static void say_gone(struct watcher *w, struct watched *t,
                     const struct findings *before, struct findings *now)
{
    for (size_t i = 0; i < t->known.n; i++) {
        struct known_finding *k = &t->known.items[i];
        if (!k->is_open || find(now, k->id)) {
            continue;
        }
        const struct finding *old = find(before, k->id);
        k->is_open = false;
        if (old && k->grade > GRADE_INFO) {
            say_finding(w, t, WATCH_GONE, old, k->grade);
        }
    }
}

static bool know(struct watcher *w, struct watched *t, struct findings *now,
                 struct err *err)
{
    for (size_t i = 0; i < now->n; i++) {
        struct finding *f = &now->items[i];
        struct known_finding *k = known_find(&t->known, f->id);
        k = k ? k : known_add(&t->known, f->id, w->wall_nanos);
        if (!k) {
            return err_nomem(err, "findings");
        }
        f->first_seen_nanos = k->first_seen_nanos;
    }
    return true;
}

static bool compare_all(struct watcher *w, struct watched *t)
{
    const uint64_t n = history_about(t->history).n_moments;
    bool is_news = false;
    for (size_t i = 0; i < t->findings.n; i++) {
        struct finding *f = &t->findings.items[i];
        struct known_finding *k = known_find(&t->known, f->id);
        is_news |= k && compare_one(w, t, k, f, n);
    }
    return forget_weak(t) || is_news;
}

/* Events are said when all is in place, so that who hears them sees the new
   state. */
bool comparing_replace(struct watcher *w, struct watched *t,
                       struct findings *now, struct err *err)
{
    if (!know(w, t, now, err)) {
        return false;
    }
    struct findings before = t->findings;
    counts_findings(w, &before, -1);
    counts_findings(w, now, 1);
    t->findings = *now;
    *now = (struct findings){0};
    t->has_findings = true;
    counts_resize(w, t);
    const bool is_news = compare_all(w, t);
    say_gone(w, t, &before, &t->findings);
    findings_release(&before);
    return storing_findings(w, t, is_news, err);
}
