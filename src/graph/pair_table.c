/* Open addressing; the key is the entry, so growing needs nothing else. */
#include "graph/graph_private.h"

#include <assert.h>

#include "base/banned.h"

enum { PAIR_FIRST_SLOTS = 64 };

static bool grow(struct pair_table *t)
{
    if (t->n_slots >= UINT32_C(1) << 31) {
        return false;
    }
    struct pair_table bigger = {.n_slots = t->n_slots != 0 ? t->n_slots * 2
                                                           : PAIR_FIRST_SLOTS,
                                .n = t->n};
    bigger.slots = calloc(bigger.n_slots, sizeof(*bigger.slots));
    if (!bigger.slots) {
        return false;
    }
    bigger.seed = pair_seed(bigger.slots);
    for (uint32_t i = 0; i < t->n_slots; i++) {
        if (t->slots[i].id != 0) {
            *pair_table_slot(&bigger, t->slots[i].key) = t->slots[i];
        }
    }
    free(t->slots);
    *t = bigger;
    return true;
}

bool pair_table_put(struct pair_table *t, uint64_t key, uint32_t id,
                    uint32_t *found)
{
    if (t->n >= t->n_slots / 2 && !grow(t)) {
        return false;
    }
    struct pair_slot *slot = pair_table_slot(t, key);
    if (slot->id == 0) {
        *slot = (struct pair_slot){key, id + 1};
        t->n++;
    }
    *found = slot->id - 1;
    return true;
}

void pair_table_set(struct pair_table *t, uint64_t key, uint32_t id)
{
    struct pair_slot *slot = pair_table_slot(t, key);
    assert(slot->id != 0);
    slot->id = id + 1;
}

void pair_table_release(struct pair_table *t)
{
    free(t->slots);
    *t = (struct pair_table){0};
}
