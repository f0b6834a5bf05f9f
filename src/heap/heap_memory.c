#define _DEFAULT_SOURCE /* madvise; NOLINT(bugprone-reserved-identifier) */

#include "heap/heap_memory_private.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* A huge page is worth it when half of it is filled: what is not used of it
   costs less than the small pages that it would be. */
enum { HUGE_BYTES = 2 << 20, HUGE_FROM_BYTES = HUGE_BYTES / 2 };

static void *huge_memory(size_t bytes)
{
    const size_t whole = (bytes + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
    if (whole < bytes) {
        return NULL;
    }
    void *p = aligned_alloc(HUGE_BYTES, whole);
#ifdef MADV_HUGEPAGE
    const bool is_last_filled = whole - bytes <= HUGE_BYTES - HUGE_FROM_BYTES;
    if (p) {
        /* A wish: what becomes of it makes no difference but in time. */
        (void)madvise(p, is_last_filled ? whole : whole - HUGE_BYTES,
                      MADV_HUGEPAGE);
    }
#endif
    return p;
}

void heap_return_memory(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

void *heap_memory(size_t n, size_t unit)
{
    if (unit && n > SIZE_MAX / unit) {
        return NULL;
    }
    const size_t bytes = n * unit;
    return bytes >= HUGE_FROM_BYTES ? huge_memory(bytes)
                                    : malloc(bytes ? bytes : 1);
}

void *heap_zeroed_memory(size_t n, size_t unit)
{
    void *p = heap_memory(n, unit);
    if (p) {
        memset(p, 0, n * unit);
    }
    return p;
}

void *heap_settle_memory(void *p, size_t n, size_t unit, uint64_t room_bytes)
{
    /* Both are there while it is copied. */
    if (n * unit < HUGE_FROM_BYTES || n * unit > room_bytes) {
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
