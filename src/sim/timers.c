/* A binary heap of pointers into what waits: each knows its place, so that
   one that need not wait any longer leaves at once. */
#include "base/vec.h"
#include "sim/serve_private.h"

#include "base/banned.h"

/* Children of i are 2i and 2i + 1; items[0] is place 1. */
static void put(struct sim_timers *q, size_t place, struct sim_timer *t)
{
    q->items[place - 1] = t;
    t->place = place;
}

static bool is_sooner(const struct sim_timers *q, size_t a, size_t b)
{
    return q->items[a - 1]->due_ns < q->items[b - 1]->due_ns;
}

static void swap(struct sim_timers *q, size_t a, size_t b)
{
    struct sim_timer *first = q->items[a - 1];
    put(q, a, q->items[b - 1]);
    put(q, b, first);
}

static void move_up(struct sim_timers *q, size_t place)
{
    while (place > 1 && is_sooner(q, place, place / 2)) {
        swap(q, place, place / 2);
        place /= 2;
    }
}

static void move_down(struct sim_timers *q, size_t place)
{
    for (;;) {
        size_t least = place;
        for (size_t child = 2 * place; child <= 2 * place + 1; child++) {
            if (child <= q->n && is_sooner(q, child, least)) {
                least = child;
            }
        }
        if (least == place) {
            return;
        }
        swap(q, place, least);
        place = least;
    }
}

bool sim_timers_add(struct sim_timers *q, struct sim_timer *t)
{
    void *items = q->items;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): of a pointer, indeed. */
    const size_t unit = sizeof(*q->items);
    if (q->n == q->cap && !vec_grow(&items, &q->cap, q->n + 1, unit)) {
        return false;
    }
    q->items = items;
    put(q, ++q->n, t);
    move_up(q, q->n);
    return true;
}

void sim_timers_remove(struct sim_timers *q, struct sim_timer *t)
{
    const size_t place = t->place;
    if (place == 0) {
        return;
    }
    struct sim_timer *last = q->items[--q->n];
    t->place = 0;
    if (last == t) {
        return;
    }
    put(q, place, last);
    move_up(q, place);
    move_down(q, last->place);
}

struct sim_timer *sim_timers_due(struct sim_timers *q, int64_t now_ns)
{
    if (q->n == 0 || q->items[0]->due_ns > now_ns) {
        return NULL;
    }
    struct sim_timer *first = q->items[0];
    sim_timers_remove(q, first);
    return first;
}

int64_t sim_timers_next_ns(const struct sim_timers *q)
{
    return q->n > 0 ? q->items[0]->due_ns : INT64_MAX;
}

void sim_timers_release(struct sim_timers *q)
{
    free(q->items);
    *q = (struct sim_timers){0};
}
