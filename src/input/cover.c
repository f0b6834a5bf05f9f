/*
 * A tree over the segments between all bounds, bottom up in one array. A
 * range is noted at the few nodes that are its segments exactly; an address
 * asks every node above its own segment.
 */
#include "input/cover_private.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    uint64_t x;
    uint64_t y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

bool cover_init(struct cover *c, const uint64_t *bounds, size_t n)
{
    *c = (struct cover){0};
    if (n == 0) {
        return true;
    }
    if (n > INT32_MAX) {
        return false;
    }
    c->bounds = malloc(n * sizeof(*c->bounds));
    c->least = malloc(2 * n * sizeof(*c->least));
    if (!c->bounds || !c->least) {
        cover_release(c);
        return false;
    }
    memcpy(c->bounds, bounds, n * sizeof(*bounds));
    qsort(c->bounds, n, sizeof(*c->bounds), compare);
    for (size_t i = 0; i < n; i++) {
        if (c->n == 0 || c->bounds[i] != c->bounds[c->n - 1]) {
            c->bounds[c->n++] = c->bounds[i];
        }
    }
    for (uint32_t i = 0; i < 2 * c->n; i++) {
        c->least[i] = COVER_NONE;
    }
    return true;
}

void cover_release(struct cover *c)
{
    free(c->bounds);
    free(c->least);
    *c = (struct cover){0};
}

/* How many bounds are not above `address`. */
static uint32_t count_up_to(const struct cover *c, uint64_t address)
{
    uint32_t low = 0;
    uint32_t high = c->n;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (c->bounds[middle] <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void note(struct cover *c, uint32_t node, uint32_t id)
{
    if (id < c->least[node]) {
        c->least[node] = id;
    }
}

void cover_add(struct cover *c, uint64_t start, uint64_t limit, uint32_t id)
{
    if (start >= limit) {
        return;
    }
    /* Both are bounds, so the segment that begins with one is its index. */
    uint32_t from = count_up_to(c, start) - 1 + c->n;
    uint32_t to = count_up_to(c, limit) - 1 + c->n;
    for (; from < to; from /= 2, to /= 2) {
        if (from % 2 != 0) {
            note(c, from++, id);
        }
        if (to % 2 != 0) {
            note(c, --to, id);
        }
    }
}

uint32_t cover_find(const struct cover *c, uint64_t address)
{
    const uint32_t up_to = count_up_to(c, address);
    uint32_t least = COVER_NONE;
    if (up_to == 0) {
        return least;
    }
    for (uint32_t node = up_to - 1 + c->n; node > 0; node /= 2) {
        if (c->least[node] < least) {
            least = c->least[node];
        }
    }
    return least;
}
