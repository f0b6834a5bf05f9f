#define _DEFAULT_SOURCE /* madvise; NOLINT(bugprone-reserved-identifier) */

#include "heap/heap_memory_private.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Twice a huge page, so that at least one lies within. */
enum { HUGE_FROM_BYTES = 4 << 20, PAGE_BYTES = 4096 };

static void ask_for_huge_pages(void *p, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    const size_t over = (uintptr_t)p % PAGE_BYTES;
    const size_t skip = over ? PAGE_BYTES - over : 0;
    const size_t whole = (bytes - skip) / PAGE_BYTES * PAGE_BYTES;
    /* A wish: what becomes of it makes no difference but in time. */
    (void)madvise((uint8_t *)p + skip, whole, MADV_HUGEPAGE);
#else
    (void)p;
    (void)bytes;
#endif
}

void *heap_memory(size_t n, size_t unit)
{
    if (unit && n > SIZE_MAX / unit) {
        return NULL;
    }
    const size_t bytes = n * unit;
    void *p = malloc(bytes ? bytes : 1);
    if (p && bytes >= HUGE_FROM_BYTES) {
        ask_for_huge_pages(p, bytes);
    }
    return p;
}
