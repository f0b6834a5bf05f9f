/*
 * Targets that come and go. A name keeps its number for the life of the watch,
 * so that who left and comes back is the same target.
 */
#include "watch/watcher_private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* More than these are resumed when each is first due. */
enum { RESUMED_AT_ONCE = 64 };

static size_t text_bytes(const struct watch_target *t)
{
    size_t n = strlen(t->base) + strlen(t->query) + strlen(t->shown) +
               strlen(t->host) + 4;
    for (size_t i = 0; i < t->n_labels; i++) {
        n += strlen(t->labels[i].name) + strlen(t->labels[i].value) + 2;
    }
    return n;
}

static const char *put_text(char **at, const char *text)
{
    char *copy = *at;
    const size_t n = strlen(text) + 1;
    memcpy(copy, text, n);
    *at += n;
    return copy;
}

/* Labels and texts in one block. */
static bool copy_target(struct watched *t, const struct watch_target *from,
                        struct err *err)
{
    const size_t n_labels = from->n_labels * sizeof(struct watch_label);
    char *block = malloc(n_labels + text_bytes(from));
    if (!block) {
        return err_nomem(err, "target");
    }
    struct watch_label *labels = (void *)block;
    char *at = block + n_labels;
    t->target = (struct watch_target){
        .base = put_text(&at, from->base),
        .query = put_text(&at, from->query),
        .shown = put_text(&at, from->shown),
        .host = put_text(&at, from->host),
        .labels = labels,
        .n_labels = from->n_labels,
    };
    for (size_t i = 0; i < from->n_labels; i++) {
        labels[i].name = put_text(&at, from->labels[i].name);
        labels[i].value = put_text(&at, from->labels[i].value);
    }
    free(t->texts);
    t->texts = block;
    return true;
}

static bool is_same_target(const struct watch_target *a,
                           const struct watch_target *b)
{
    if (strcmp(a->base, b->base) != 0 || strcmp(a->query, b->query) != 0 ||
        a->n_labels != b->n_labels) {
        return false;
    }
    for (size_t i = 0; i < a->n_labels; i++) {
        if (strcmp(a->labels[i].name, b->labels[i].name) != 0 ||
            strcmp(a->labels[i].value, b->labels[i].value) != 0) {
            return false;
        }
    }
    return true;
}

static bool make_room(struct watcher *w)
{
    void *items = w->items;
    if (w->n < w->cap) {
        return true;
    }
    if (!vec_grow(&items, &w->cap, w->n + 1, sizeof(void *))) {
        return false;
    }
    w->items = items;
    return true;
}

static void forget_values(struct watched *t)
{
    t->heap_bytes = NAN;
    t->goroutines = NAN;
    t->heap_first_bytes = NAN;
    t->goroutines_first = NAN;
}

/* A place in the list for a name seen for the first time. */
static bool add_place(struct watcher *w, uint32_t id, struct err *err)
{
    struct watched *t = make_room(w) ? calloc(1, sizeof(*t)) : NULL;
    if (!t) {
        return err_nomem(err, "target");
    }
    assert(id == w->n);
    t->id = id;
    t->program = UINT32_MAX;
    t->is_gone = true; /* until it joins */
    t->waiter.owner = t;
    forget_values(t);
    w->items[w->n++] = t;
    return true;
}

static bool join(struct watcher *w, struct watched *t, struct err *err)
{
    t->history = history_new(w->o.moments_max);
    if (!t->history || !schedule_add(w->schedule, t->id, t->target.shown,
                                     w->now_ns, w->o.begins_at_once)) {
        return err_nomem(err, "target");
    }
    t->is_gone = false;
    t->is_ended = false;
    t->is_resumed = false;
    t->is_unstored = false;
    t->store_epoch = 0;
    t->leak_profile = LEAK_UNKNOWN;
    t->judge_at = 0;
    t->mark_nanos = 0;
    t->n_since_mark = 0;
    forget_values(t);
    w->counts.n_targets++;
    counts_findings(w, &t->findings, 1);
    counts_resize(w, t);
    watcher_say(w, t, (struct watch_event){.kind = WATCH_ADDED});
    return true;
}

/* What it was found to leak stays; what it was found by goes. */
static bool leave(struct watcher *w, struct watched *t, struct err *err)
{
    const bool is_judged = !t->has_unjudged || judging_now(w, t, err);
    schedule_remove(w->schedule, t->id);
    due_heap_remove(&w->judgements, t->id);
    t->is_gone = true;
    w->counts.n_targets--;
    counts_findings(w, &t->findings, -1); /* kept, and not open */
    w->counts.n_failing -= t->is_failing ? 1 : 0;
    t->is_failing = false;
    history_free(t->history);
    t->history = NULL;
    counts_resize(w, t);
    watcher_say(w, t, (struct watch_event){.kind = WATCH_REMOVED});
    return is_judged;
}

/* The target of a name, joined and with its present URL and labels. */
static bool take_target(struct watcher *w, const struct watch_target *from,
                        bool resumes, uint32_t *id, struct err *err)
{
    if (!intern_add(&w->names, span_of(from->shown), id, err) ||
        (*id >= w->n && !add_place(w, *id, err))) {
        return false;
    }
    struct watched *t = w->items[*id];
    if (!t->texts || !is_same_target(&t->target, from)) {
        if (!copy_target(t, from, err)) {
            return false;
        }
        t->is_resumed = t->is_resumed && !t->is_gone;
    }
    /* A moment under way holds a slot of the host it was begun at. */
    if (!t->moment &&
        !slots_host(&w->slots, t->target.host, &t->waiter.host, err)) {
        return false;
    }
    return !t->is_gone ||
           (join(w, t, err) && (!resumes || storing_resume(w, t, err)));
}

bool watcher_set_targets(struct watcher *w, const struct watch_targets *t,
                         int64_t mono_ns, int64_t wall_nanos, struct err *err)
{
    w->now_ns = mono_ns;
    w->wall_nanos = wall_nanos;
    bool *is_here = calloc(w->n + t->n + 1, sizeof(*is_here));
    if (!is_here) {
        return err_nomem(err, "targets");
    }
    bool ok = true;
    for (size_t i = 0; ok && i < t->n; i++) {
        uint32_t id = 0;
        ok = take_target(w, &t->items[i], t->n <= RESUMED_AT_ONCE, &id, err);
        if (ok) {
            is_here[id] = true;
        }
    }
    for (size_t i = 0; ok && i < w->n; i++) {
        ok = is_here[i] || w->items[i]->is_gone || leave(w, w->items[i], err);
    }
    free(is_here);
    return ok && storing_commit(w, err) && !watcher_has_failed(w, err);
}
