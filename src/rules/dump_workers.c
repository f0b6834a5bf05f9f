/*
 * Workers in a heap dump: many goroutines that wait for work on few channels,
 * or conditions, are a pool. Those that leak wait each for a channel of its
 * own, or for a signal.
 */
#include "rules/dump_private.h"

#include "base/sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum carried {
    CARRIES_UNKNOWN,
    CARRIES_SIGNALS,
    CARRIES_TIMES,
    CARRIES_VALUES
};

/* An element without bytes is a signal, no work, and a time comes from a
   timer. */
static enum carried carried_by(const struct dump_judge *j, object_id channel)
{
    const struct heap_facts *f = j->e->facts;
    if (!f->types || !f->binary) {
        return CARRIES_UNKNOWN;
    }
    const struct object_type t = heap_type_of(f->types, channel);
    const struct go_type *c =
        t.type.i != TYPE_NONE.i ? binary_type(f->binary, t.type) : NULL;
    if (!c || c->kind != GO_CHAN || c->element.i == TYPE_NONE.i) {
        return CARRIES_UNKNOWN;
    }
    const struct go_type *e = binary_type(f->binary, c->element);
    return !e                                  ? CARRIES_UNKNOWN
           : e->bytes == 0                     ? CARRIES_SIGNALS
           : strcmp(e->name, "time.Time") == 0 ? CARRIES_TIMES
                                               : CARRIES_VALUES;
}

/* --- waits, by goroutine --- */

struct dump_waits {
    size_t *begins; /* by goroutine, and one more */
    uint32_t *objects;
};

void dump_waits_free(struct dump_waits *w)
{
    if (w) {
        free(w->begins);
        free(w->objects);
        free(w);
    }
}

static struct dump_waits *new_waits(size_t n_goroutines, size_t n)
{
    struct dump_waits *w = calloc(1, sizeof *w);
    if (!w) {
        return NULL;
    }
    w->begins = calloc(n_goroutines + 2, sizeof *w->begins);
    w->objects = calloc(n + 1, sizeof *w->objects);
    if (!w->begins || !w->objects) {
        dump_waits_free(w);
        return NULL;
    }
    return w;
}

/* Sorted by counting. */
static bool list_waits(struct dump_judge *j, struct err *err)
{
    const struct heap_blocked *b = j->blocked;
    const size_t n = heap_blocked_n_waits(b);
    const size_t n_goroutines = heap_n_goroutines(j->e->facts->graph);
    uint32_t goroutine = 0;
    if (j->waits) {
        return true;
    }
    struct dump_waits *w = new_waits(n_goroutines, n);
    if (!w) {
        return err_nomem(err, "goroutines of a heap dump");
    }
    j->waits = w;
    for (size_t i = 0; i < n; i++) {
        (void)heap_blocked_wait_at(b, i, &goroutine);
        w->begins[goroutine + 2]++;
    }
    for (size_t i = 2; i < n_goroutines + 2; i++) {
        w->begins[i] += w->begins[i - 1];
    }
    for (size_t i = 0; i < n; i++) {
        const object_id o = heap_blocked_wait_at(b, i, &goroutine);
        w->objects[w->begins[goroutine + 1]++] = o.i;
    }
    return true;
}

/* --- channels --- */

/* What a group of goroutines waits for. */
struct waited {
    size_t n_values, n_channels; /* waits for values; channels of them */
    size_t n_times, n_all;
};

static int by_number(const void *pa, const void *pb, const void *ctx)
{
    const uint64_t *a = pa;
    const uint64_t *b = pb;
    (void)ctx;
    return (*a > *b) - (*a < *b);
}

static size_t count_different(uint64_t *items, size_t n)
{
    size_t n_different = 0;
    sort_items(items, n, sizeof *items, by_number, NULL);
    for (size_t i = 0; i < n; i++) {
        n_different += i == 0 || items[i] != items[i - 1];
    }
    return n_different;
}

static size_t count_waits(const struct dump_judge *j,
                          const struct dump_candidate *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_goroutines; i++) {
        const size_t *begin = &j->waits->begins[c->goroutines[i]];
        n += begin[1] - begin[0];
    }
    return n;
}

static bool list_waited(struct dump_judge *j, const struct dump_candidate *c,
                        struct waited *out, struct err *err)
{
    *out = (struct waited){.n_all = count_waits(j, c)};
    uint64_t *channels = calloc(out->n_all + 1, sizeof *channels);
    if (!channels) {
        return err_nomem(err, "goroutines of a heap dump");
    }
    for (size_t i = 0; i < c->n_goroutines; i++) {
        const uint32_t goroutine = c->goroutines[i];
        for (size_t k = j->waits->begins[goroutine];
             k < j->waits->begins[goroutine + 1]; k++) {
            const object_id o = {j->waits->objects[k]};
            const enum carried what = carried_by(j, o);
            out->n_times += what == CARRIES_TIMES;
            if (what == CARRIES_VALUES) {
                channels[out->n_values++] = o.i;
            }
        }
    }
    out->n_channels = count_different(channels, out->n_values);
    free(channels);
    return true;
}

enum { WORKERS_OF_ONE = 8 };

/* They receive values from channels that many of them share. */
static bool look_at_channels(struct dump_judge *j, struct dump_candidate *c,
                             struct err *err)
{
    struct waited w;
    if (strcmp(c->wait_reason, "chan send") == 0) {
        return true;
    }
    if (!list_waits(j, err) || !list_waited(j, c, &w, err)) {
        return false;
    }
    c->waits_for_time = w.n_times > 0 && w.n_times == w.n_all;
    c->is_pool = !c->usual && w.n_channels > 0 &&
                 w.n_values >= c->n_goroutines &&
                 w.n_values >= WORKERS_OF_ONE * w.n_channels;
    c->usual = c->is_pool ? "workers that wait for work on a channel they share"
                          : c->usual;
    return true;
}

/* --- conditions --- */

/* The same with those. A lock that many wait for is held too long, and who
   waits for a group waits for its end: neither is a pool. */
static bool look_at_conditions(struct dump_judge *j, struct dump_candidate *c,
                               struct err *err)
{
    if (c->usual || strcmp(c->wait_reason, "sync.Cond.Wait") != 0) {
        return true;
    }
    uint64_t *targets = calloc(c->n_goroutines + 1, sizeof *targets);
    if (!targets) {
        return err_nomem(err, "goroutines of a heap dump");
    }
    size_t n_known = 0;
    for (size_t i = 0; i < c->n_goroutines; i++) {
        targets[i] = heap_blocked_at(j->blocked, c->goroutines[i])->target;
        n_known += targets[i] != 0;
    }
    const size_t n_conditions = count_different(targets, c->n_goroutines);
    free(targets);
    c->is_pool = n_known == c->n_goroutines &&
                 c->n_goroutines >= WORKERS_OF_ONE * n_conditions;
    c->usual = c->is_pool
                   ? "workers that wait for work on a condition they share"
                   : NULL;
    return true;
}

bool dump_look_at_workers(struct dump_judge *j, struct dump_candidate *c,
                          struct err *err)
{
    if (c->n_goroutines < WORKERS_OF_ONE) {
        return true;
    }
    return c->on == BLOCKED_CHANNEL ? look_at_channels(j, c, err)
           : c->on == BLOCKED_SYNC  ? look_at_conditions(j, c, err)
                                    : true;
}
