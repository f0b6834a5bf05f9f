/*
 * Text interned to dense u32 ids, 0, 1, 2, ... in order of first sight.
 * Equal text, equal id. Bytes live in the table's own arena, NUL-terminated.
 */
#ifndef SEEP_BASE_INTERN_H
#define SEEP_BASE_INTERN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

struct intern_entry {
    const char *p;
    uint32_t len;
    uint32_t hash;
};
VEC_TYPE(intern_entries, struct intern_entry)

/* Zero is a valid, empty table. */
struct intern {
    struct arena arena;
    struct intern_entries entries;
    uint32_t *slots; /* id + 1, 0 = free; open addressing */
    uint32_t n_slots;
};

/* Id of `text`, added when new. False only when memory is out. */
bool intern_add(struct intern *t, struct span text, uint32_t *id,
                struct err *err) MUST_USE;

/* Finds without adding. */
bool intern_find(const struct intern *t, struct span text, uint32_t *id);

static inline size_t intern_count(const struct intern *t)
{
    return t->entries.n;
}

/* Borrowed from the table; NUL-terminated. `id` must be one of its ids. */
const char *intern_text(const struct intern *t, uint32_t id);
struct span intern_span(const struct intern *t, uint32_t id);

void intern_release(struct intern *t);

#endif
