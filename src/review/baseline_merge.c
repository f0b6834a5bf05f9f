/* Baselines from findings and from each other. */
#include "review/baseline_private.h"

#include <assert.h>
#include <string.h>

#include "base/banned.h"

static const char *copy(struct arena *a, const char *text)
{
    const char *out = arena_strdup(a, span_of(text != NULL ? text : ""));
    a->has_failed |= out == NULL;
    return out;
}

/* The entry with texts of its own. */
static struct baseline_entry own(struct arena *a, struct baseline_entry e)
{
    e.rule = copy(a, e.rule);
    e.function = copy(a, e.function);
    e.file = copy(a, e.file);
    e.metric = copy(a, e.metric);
    e.unit = copy(a, e.unit);
    e.headline = copy(a, e.headline);
    e.program = copy(a, e.program);
    return e;
}

bool baseline_of_findings(const struct findings *f, struct baseline *out,
                          struct err *err)
{
    *out = (struct baseline){
        .is_document = true,
        .window = {.kinds = f->kinds,
                   .heap_bytes = f->limits.heap_bytes,
                   .goroutines = f->limits.goroutines,
                   .seconds = f->window_seconds,
                   .is_inconclusive =
                       f->verdict == VERDICT_INCONCLUSIVE || f->is_open,
                   .has_lost = f->has_lost,
                   .is_comparison = f->is_comparison}
    };
    out->window.program = copy(&out->arena, f->program);
    out->items = arena_new(&out->arena, struct baseline_entry, f->n + 1);
    for (size_t i = 0; out->items != NULL && i < f->n; i++) {
        struct baseline_entry e = baseline_entry_of(&f->items[i]);
        const struct finding_run *run = f->items[i].run;
        e.seconds = run != NULL ? run->seconds : f->window_seconds;
        e.program = f->program;
        if (!e.is_fixed || f->is_comparison) {
            out->items[out->n++] = own(&out->arena, e);
        }
    }
    if (out->items == NULL || out->arena.has_failed) {
        baseline_release(out);
        return err_nomem(err, "baseline");
    }
    baseline_sort(out);
    return true;
}

static int64_t earlier(int64_t a, int64_t b)
{
    if (a == 0 || b == 0) {
        return a != 0 ? a : b;
    }
    return a < b ? a : b;
}

/* Of one that either has or both have. */
static struct baseline_entry merged(struct arena *a,
                                    const struct baseline_entry *mine,
                                    const struct baseline_entry *theirs)
{
    assert(mine != NULL || theirs != NULL);
    if (theirs == NULL) {
        return *mine;
    }
    if (mine == NULL) {
        return own(a, *theirs);
    }
    struct baseline_entry e =
        theirs->level > mine->level ? own(a, *theirs) : *mine;
    if (*e.own_id == '\0') { /* one of them may know it by both names */
        const struct baseline_entry *other =
            theirs->level > mine->level ? mine : theirs;
        memcpy(e.own_id, other->own_id, sizeof(e.own_id));
        memcpy(e.own_loose_id, other->own_loose_id, sizeof(e.own_loose_id));
    }
    e.first_seen_nanos =
        earlier(mine->first_seen_nanos, theirs->first_seen_nanos);
    return e;
}

bool baseline_merge(struct baseline *into, const struct baseline *from,
                    struct err *err)
{
    struct arena *a = &into->arena;
    struct baseline_entry *items =
        arena_new(a, struct baseline_entry, into->n + from->n + 1);
    size_t n = 0;
    size_t i = 0;
    size_t k = 0;
    if (items == NULL) {
        return err_nomem(err, "baseline");
    }
    while (i < into->n || k < from->n) {
        const int order = i == into->n ? 1
                          : k == from->n
                              ? -1
                              : strcmp(into->items[i].id, from->items[k].id);
        const struct baseline_entry *mine =
            order <= 0 ? &into->items[i++] : NULL;
        const struct baseline_entry *theirs =
            order >= 0 ? &from->items[k++] : NULL;
        const bool is_kept =
            theirs != NULL && !theirs->is_aside && !theirs->is_fixed;
        if (mine != NULL || is_kept) {
            items[n++] = merged(a, mine, is_kept ? theirs : NULL);
        }
    }
    into->items = items;
    into->n = n;
    return !a->has_failed || err_nomem(err, "baseline");
}
