#define _DEFAULT_SOURCE /* madvise; NOLINT(bugprone-reserved-identifier) */

#include "heap/heap_memory_private.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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

void *heap_zeroed_memory(size_t n, size_t unit)
{
    /* So much is new to the process, and zeroed when it is first touched. */
    void *p = calloc(n ? n : 1, unit);
    if (p && n * unit >= HUGE_FROM_BYTES) {
        ask_for_huge_pages(p, n * unit);
    }
    return p;
}

void *heap_settle_memory(void *p, size_t n, size_t unit)
{
    if (n * unit < HUGE_FROM_BYTES) {
        void *shorter = realloc(p, n ? n * unit : 1);
        return shorter ? shorter : p;
    }
    void *copy = heap_memory(n, unit);
    if (!copy) {
        return p;
    }
    memcpy(copy, p, n * unit);
    free(p);
    return copy;
}
