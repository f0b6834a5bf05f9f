#include "store/id_table_private.h"

#include <assert.h>
#include <stdlib.h>

enum { SLOTS_MIN = 64 };

/* The slot of `key`, or the free one where it belongs. */
static size_t slot_of(const struct id_table *t, uint32_t key)
{
    /* Knuth's multiplier: ids of a store are consecutive. */
    size_t at = (key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (t->n_slots - 1);
    while (t->keys[at] != 0 && t->keys[at] != key) {
        at = (at + 1) & (t->n_slots - 1);
    }
    return at;
}

uint32_t *id_table_find(const struct id_table *t, uint32_t key)
{
    if (t->n_slots == 0 || key == 0) {
        return NULL;
    }
    const size_t at = slot_of(t, key);
    return t->keys[at] == key ? &t->values[at] : NULL;
}

static bool grow(struct id_table *t)
{
    const size_t n = t->n_slots > 0 ? t->n_slots * 2 : SLOTS_MIN;
    struct id_table next = {.keys = calloc(n, sizeof *next.keys),
                            .values = calloc(n, sizeof *next.values),
                            .n_slots = n,
                            .n_used = t->n_used};
    if (next.keys == NULL || next.values == NULL) {
        id_table_release(&next);
        return false;
    }
    for (size_t i = 0; i < t->n_slots; i++) {
        if (t->keys[i] != 0) {
            const size_t at = slot_of(&next, t->keys[i]);
            next.keys[at] = t->keys[i];
            next.values[at] = t->values[i];
        }
    }
    struct id_table old = *t;
    *t = next;
    id_table_release(&old);
    return true;
}

bool id_table_put(struct id_table *t, uint32_t key, uint32_t value)
{
    assert(key != 0);
    if ((t->n_used + 1) * 2 > t->n_slots && !grow(t)) {
        return false;
    }
    const size_t at = slot_of(t, key);
    if (t->keys[at] == 0) {
        t->keys[at] = key;
        t->n_used++;
    }
    t->values[at] = value;
    return true;
}

void id_table_release(struct id_table *t)
{
    free(t->keys);
    free(t->values);
    *t = (struct id_table){0};
}
