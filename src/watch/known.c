#include "watch/known_private.h"

#include <assert.h>
#include <string.h>

#include "base/banned.h"

/* Rules name at most some dozens of leaks in a program; ids beyond come from
   code that is changed all the time. */
enum { KNOWN_MAX = 4096 };
static_assert((int)KNOWN_MAX > (int)FINDINGS_KEPT_MAX,
              "one that is closed is there to make room");

struct known_finding *known_find(const struct known_findings *k, const char *id)
{
    for (size_t i = 0; i < k->n; i++) {
        if (strcmp(k->items[i].id, id) == 0) {
            return &k->items[i];
        }
    }
    return NULL;
}

/* The one that was seen last the longest ago goes: the first that is closed. */
static bool make_room(struct known_findings *k)
{
    if (k->n < KNOWN_MAX) {
        return known_findings_reserve(k, k->n + 1);
    }
    for (size_t i = 0; i < k->n; i++) {
        if (!k->items[i].is_open) {
            memmove(&k->items[i], &k->items[i + 1],
                    (k->n - i - 1) * sizeof(*k->items));
            k->n--;
            return true;
        }
    }
    return false;
}

struct known_finding *known_add(struct known_findings *k, const char *id,
                                int64_t now_nanos)
{
    if (!make_room(k)) {
        return NULL;
    }
    struct known_finding *f = &k->items[k->n++];
    *f = (struct known_finding){.first_seen_nanos = now_nanos};
    assert(strlen(id) < sizeof(f->id));
    memcpy(f->id, id, strlen(id) + 1);
    return f;
}

bool known_has_confirmed(const struct known_findings *k)
{
    for (size_t i = 0; i < k->n; i++) {
        if (k->items[i].is_confirmed && k->items[i].is_open) {
            return true;
        }
    }
    return false;
}
