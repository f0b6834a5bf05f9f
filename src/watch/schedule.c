#include "watch/schedule.h"

#include "watch/due_heap_private.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

#include "base/banned.h"

struct place {
    uint64_t hash;    /* of the name */
    int64_t start_ns; /* tick 0 without jitter */
    int64_t tick;     /* the next one */
};
VEC_TYPE(places, struct place)

struct schedule {
    int64_t interval_ns;
    int64_t jitter_ns; /* ticks are this much later at most */
    uint64_t seed;
    struct places places; /* by id */
    struct due_heap heap;
};

struct schedule *schedule_new(int64_t interval_ns, double jitter, uint64_t seed)
{
    assert(interval_ns > 0 && jitter >= 0 && jitter <= 0.5);
    struct schedule *s = calloc(1, sizeof(*s));
    if (s) {
        s->interval_ns = interval_ns;
        s->jitter_ns = (int64_t)((double)interval_ns * jitter);
        s->seed = seed;
    }
    return s;
}

void schedule_free(struct schedule *s)
{
    if (s) {
        places_release(&s->places);
        due_heap_release(&s->heap);
        free(s);
    }
}

/* When a tick is due. Another hash each tick: shaken anew, and the same for
   the same seed. */
static int64_t tick_ns(const struct schedule *s, const struct place *p)
{
    int64_t shake = 0;
    if (s->jitter_ns > 0 && p->tick > 0) {
        const uint64_t dice =
            XXH3_64bits_withSeed(&p->tick, sizeof(p->tick), s->seed ^ p->hash);
        shake = (int64_t)(dice % (uint64_t)s->jitter_ns);
    }
    return p->start_ns + p->tick * s->interval_ns + shake;
}

/* The first moment from `now_ns` on that lies `hash` into an interval. */
static int64_t first_ns(const struct schedule *s, uint64_t hash, int64_t now_ns)
{
    const int64_t place = (int64_t)(hash % (uint64_t)s->interval_ns);
    const int64_t begun = now_ns - now_ns % s->interval_ns;
    const int64_t at = begun + place;
    return at >= now_ns ? at : at + s->interval_ns;
}

bool schedule_add(struct schedule *s, uint32_t id, const char *name,
                  int64_t now_ns, bool is_now)
{
    while (s->places.n <= id) {
        if (!places_push(&s->places, (struct place){0})) {
            return false;
        }
    }
    struct place *p = &s->places.items[id];
    p->hash = XXH3_64bits(name, strlen(name));
    p->start_ns = is_now ? now_ns : first_ns(s, p->hash, now_ns);
    p->tick = 0;
    return due_heap_put(&s->heap, id, tick_ns(s, p));
}

void schedule_remove(struct schedule *s, uint32_t id)
{
    due_heap_remove(&s->heap, id);
}

bool schedule_take(struct schedule *s, int64_t now_ns, uint32_t *id,
                   int64_t *due_ns, uint64_t *n_skipped)
{
    const struct due *first = due_heap_first(&s->heap);
    if (!first || first->at_ns > now_ns) {
        return false;
    }
    *id = first->id;
    *due_ns = first->at_ns;
    struct place *p = &s->places.items[*id];
    const int64_t next = (now_ns - p->start_ns) / s->interval_ns + 1;
    const int64_t usual = p->tick + 1;
    *n_skipped = next > usual ? (uint64_t)(next - usual) : 0;
    p->tick = next > usual ? next : usual;
    const bool is_put = due_heap_put(&s->heap, *id, tick_ns(s, p));
    assert(is_put); /* it was in it */
    (void)is_put;
    return true;
}

int64_t schedule_next_ns(const struct schedule *s)
{
    const struct due *first = due_heap_first(&s->heap);
    return first ? first->at_ns : INT64_MAX;
}
