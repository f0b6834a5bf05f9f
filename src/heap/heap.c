/* Names of what a heap dump consists of. */
#include "heap/heap.h"

#include <assert.h>

#include "base/banned.h"

const char *heap_tag_text(enum heap_tag tag)
{
    static const char *const texts[] = {
#define X(name, number, text) [number] = (text),
        HEAP_TAGS(X)
#undef X
    };
    static_assert(sizeof texts / sizeof texts[0] == N_HEAP_TAGS,
                  "name every kind of record");
    assert(tag < N_HEAP_TAGS);
    return texts[tag];
}
