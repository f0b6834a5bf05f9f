/*
 * Open addressing over ids; the hash of each entry is kept, so growing does
 * not touch the text again and most misses end at the hash.
 */
#include "base/intern.h"

#include <assert.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { INTERN_FIRST_SLOTS = 64 };

static uint32_t hash_of(struct span text)
{
    const uint64_t h = XXH3_64bits(text.len ? text.p : "", text.len);
    return (uint32_t)(h ^ (h >> 32));
}

static bool is_entry(const struct intern_entry *e, struct span text,
                     uint32_t hash)
{
    return e->hash == hash && span_eq((struct span){e->p, e->len}, text);
}

/* Slot of `text`, or the free slot where it belongs. */
static uint32_t slot_of(const struct intern *t, struct span text, uint32_t hash)
{
    const uint32_t mask = t->n_slots - 1;
    uint32_t at = hash & mask;
    while (t->slots[at] != 0 &&
           !is_entry(&t->entries.items[t->slots[at] - 1], text, hash)) {
        at = (at + 1) & mask;
    }
    return at;
}

static bool grow(struct intern *t)
{
    const uint32_t n = t->n_slots ? t->n_slots * 2 : INTERN_FIRST_SLOTS;
    if (n < t->n_slots) {
        return false;
    }
    uint32_t *slots = calloc(n, sizeof(*slots));
    if (!slots) {
        return false;
    }
    for (size_t i = 0; i < t->entries.n; i++) {
        uint32_t at = t->entries.items[i].hash & (n - 1);
        while (slots[at] != 0) {
            at = (at + 1) & (n - 1);
        }
        slots[at] = (uint32_t)i + 1;
    }
    free(t->slots);
    t->slots = slots;
    t->n_slots = n;
    return true;
}

bool intern_add(struct intern *t, struct span text, uint32_t *id,
                struct err *err)
{
    if (text.len > UINT32_MAX) {
        return err_set(err, ERR_LIMIT, "text of %zu bytes", text.len);
    }
    /* At most three slots in four are taken. */
    if (t->entries.n >= t->n_slots - t->n_slots / 4 && !grow(t)) {
        return err_nomem(err, "names");
    }
    const uint32_t hash = hash_of(text);
    const uint32_t at = slot_of(t, text, hash);
    if (t->slots[at] != 0) {
        *id = t->slots[at] - 1;
        return true;
    }
    const char *p = arena_strdup(&t->arena, text);
    const struct intern_entry entry = {p, (uint32_t)text.len, hash};
    if (!p || !intern_entries_push(&t->entries, entry)) {
        return err_nomem(err, "names");
    }
    *id = (uint32_t)(t->entries.n - 1);
    t->slots[at] = *id + 1;
    return true;
}

bool intern_find(const struct intern *t, struct span text, uint32_t *id)
{
    if (t->n_slots == 0) {
        return false;
    }
    const uint32_t at = slot_of(t, text, hash_of(text));
    if (t->slots[at] == 0) {
        return false;
    }
    *id = t->slots[at] - 1;
    return true;
}

const char *intern_text(const struct intern *t, uint32_t id)
{
    assert(id < t->entries.n);
    return t->entries.items[id].p;
}

struct span intern_span(const struct intern *t, uint32_t id)
{
    assert(id < t->entries.n);
    return (struct span){t->entries.items[id].p, t->entries.items[id].len};
}

void intern_release(struct intern *t)
{
    arena_release(&t->arena);
    intern_entries_release(&t->entries);
    free(t->slots);
    *t = (struct intern){0};
}
