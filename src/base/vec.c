/* Growth by doubling; the first allocation is worth a cache line or more. */
#include "base/vec.h"

enum { VEC_FIRST_ITEMS = 8 };

bool vec_grow(void **items, size_t *cap, size_t need, size_t unit)
{
    size_t grown = *cap ? *cap : VEC_FIRST_ITEMS;
    while (grown < need) {
        if (grown > SIZE_MAX / 2) {
            return false;
        }
        grown *= 2;
    }
    if (grown > SIZE_MAX / unit) {
        return false;
    }
    void *p = realloc(*items, grown * unit);
    if (!p) {
        return false;
    }
    *items = p;
    *cap = grown;
    return true;
}
