/* Heapsort: no bad inputs for an attacker to choose, no memory, no recursion.
 */
#include "base/sort.h"

#include <string.h>

struct heap_view {
    char *items;
    size_t unit;
    sort_compare_fn *compare;
    const void *ctx;
};

static void swap_items(char *a, char *b, size_t unit)
{
    char kept[64];
    while (unit > 0) {
        const size_t n = unit < sizeof(kept) ? unit : sizeof(kept);
        memcpy(kept, a, n);
        memcpy(a, b, n);
        memcpy(b, kept, n);
        a += n;
        b += n;
        unit -= n;
    }
}

static char *item(const struct heap_view *h, size_t i)
{
    return h->items + i * h->unit;
}

/* Lets item `at` sink until no child of it comes later. */
static void sift_down(const struct heap_view *h, size_t at, size_t n)
{
    size_t child = 2 * at + 1;
    while (child < n) {
        if (child + 1 < n &&
            h->compare(item(h, child), item(h, child + 1), h->ctx) < 0) {
            child++;
        }
        if (h->compare(item(h, at), item(h, child), h->ctx) >= 0) {
            return;
        }
        swap_items(item(h, at), item(h, child), h->unit);
        at = child;
        child = 2 * at + 1;
    }
}

void sort_items(void *items, size_t n, size_t unit, sort_compare_fn *compare,
                const void *ctx)
{
    const struct heap_view h = {items, unit, compare, ctx};
    for (size_t i = n / 2; i > 0; i--) {
        sift_down(&h, i - 1, n);
    }
    for (size_t end = n; end > 1; end--) {
        swap_items(item(&h, 0), item(&h, end - 1), unit);
        sift_down(&h, 0, end - 1);
    }
}
