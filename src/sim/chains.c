/*
 * Stacks of the standard library that a version of Go always shows the same:
 * how a goroutine waits, where fmt or encoding/json allocate, what serves an
 * HTTP request.
 */
#include "sim/code_private.h"

#include <string.h>

#include "base/banned.h"

enum { CHAIN_FRAMES_MAX = 28 };

/* Holds from a version on, until the next row of the same name. */
struct chain {
    const char *name;
    enum sim_go from;
    const char *frames[CHAIN_FRAMES_MAX + 1]; /* NULL ends */
};

/* clang-format off */
#define CHAIN(name, from, ...) {name, SIM_GO_##from, {__VA_ARGS__, NULL}},
static const struct chain chains[] = {
#include "sim/chains.def"
};
#undef CHAIN
/* clang-format on */

enum { N_CHAINS = sizeof(chains) / sizeof(chains[0]) };

/* Index of the first row of `name`, or of where it would be. */
static size_t lower_bound(const char *name)
{
    size_t low = 0;
    size_t high = N_CHAINS;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(chains[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const char *const *sim_chain_find(enum sim_go go, const char *name, size_t *n)
{
    const char *const bare = name[0] == '@' ? name + 1 : name;
    const struct chain *found = NULL;
    for (size_t i = lower_bound(bare);
         i < N_CHAINS && strcmp(chains[i].name, bare) == 0; i++) {
        if (!found || chains[i].from <= go) {
            found = &chains[i];
        }
    }
    if (!found) {
        return NULL;
    }
    for (*n = 0; found->frames[*n]; (*n)++) {
    }
    return found->frames;
}
