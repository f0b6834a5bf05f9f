/*
 * What a profile is about, from what it measures. The first sample type
 * decides; only heap and allocs, and block and mutex, need a second look.
 */
#include "profile/kind.h"

#include "profile/model.h"

/* By the name of a sample type, most telling first. */
static const struct {
    const char *type;
    const char *unit; /* NULL: any */
    enum profile_kind kind;
} types[] = {
    {"inuse_space",   "bytes", KIND_HEAP         },
    {"inuse_objects", "count", KIND_HEAP         },
    {"alloc_space",   "bytes", KIND_ALLOCS       },
    {"alloc_objects", "count", KIND_ALLOCS       },
    {"goroutineleak", NULL,    KIND_GOROUTINELEAK},
    {"goroutine",     NULL,    KIND_GOROUTINE    },
    {"threadcreate",  NULL,    KIND_THREADCREATE },
    {"contentions",   NULL,    KIND_BLOCK        },
    {"cpu",           NULL,    KIND_CPU          },
};
enum { N_TYPES = sizeof(types) / sizeof(types[0]) };

/* Who appears at the leaf when a mutex is let go, the moment a mutex profile
   records; a block profile records who got it. */
static const char *const unlockers[] = {
    "sync.(*Mutex).Unlock",
    "sync.(*RWMutex).Unlock",
    "sync.(*RWMutex).RUnlock",
    "internal/sync.(*Mutex).Unlock",
    "sync.(*Mutex).unlockSlow",
    "sync.(*RWMutex).rUnlockSlow",
    "internal/sync.(*Mutex).unlockSlow",
    "runtime.unlock",
    "runtime.unlock2",
    "runtime._LostContendedRuntimeLock",
    "runtime._LostContendedLock",
};
enum { N_UNLOCKERS = sizeof(unlockers) / sizeof(unlockers[0]) };

static const char *const names[] = {
#define X(name, text) text,
    PROFILE_KINDS(X)
#undef X
};
_Static_assert(sizeof(names) / sizeof(names[0]) == N_PROFILE_KINDS,
               "name every kind");

const char *profile_kind_name(enum profile_kind kind)
{
    return names[kind];
}

static bool is_unlocker(struct span function)
{
    for (unsigned i = 0; i < N_UNLOCKERS; i++) {
        if (span_is(function, unlockers[i])) {
            return true;
        }
    }
    return false;
}

/* Is a frame of sample `s`'s leaf location an unlocking function? */
static bool leaf_unlocks(const struct profile *p, uint32_t s)
{
    if (p->sample_off[s] == p->sample_off[s + 1]) {
        return false;
    }
    const struct profile_location *l =
        &p->locations[p->sample_locs[p->sample_off[s]]];
    for (uint32_t i = 0; i < l->n_lines; i++) {
        const uint32_t f = p->lines[l->first_line + i].function;
        if (f != PROFILE_NONE &&
            is_unlocker(profile_span(p, p->functions[f].name))) {
            return true;
        }
    }
    return false;
}

static enum profile_kind contention_kind(const struct profile *p)
{
    for (uint32_t s = 0; s < p->n_samples; s++) {
        if (leaf_unlocks(p, s)) {
            return KIND_MUTEX;
        }
    }
    return KIND_BLOCK;
}

static bool has_type(const struct profile *p, const char *type,
                     const char *unit)
{
    const int i = profile_type_index(p, type);
    return i >= 0 &&
           (unit == NULL || span_is(profile_span(p, p->types[i].unit), unit));
}

enum profile_kind profile_kind(const struct profile *p)
{
    if (p->n_types == 0) {
        return KIND_UNKNOWN;
    }
    enum profile_kind kind = KIND_OTHER;
    for (unsigned i = 0; i < N_TYPES && kind == KIND_OTHER; i++) {
        if (has_type(p, types[i].type, types[i].unit)) {
            kind = types[i].kind;
        }
    }
    if (kind == KIND_HEAP &&
        span_starts(profile_span(p, p->default_type), "alloc_")) {
        return KIND_ALLOCS;
    }
    return kind == KIND_BLOCK ? contention_kind(p) : kind;
}
