/*
 * Columns of millions of entries, read at random: on huge pages where the
 * system has them, since the misses of small ones' addresses cost as much as
 * those of the data.
 */
#ifndef SEEP_HEAP_HEAP_MEMORY_PRIVATE_H
#define SEEP_HEAP_HEAP_MEMORY_PRIVATE_H

#include <stddef.h>

/* Not zeroed; free() it. NULL when memory is out or n * unit overflows. */
void *heap_memory(size_t n, size_t unit);

#define heap_column(type, n) ((type *)heap_memory((n), sizeof(type)))

/* Begins to load what will be needed soon. */
#if defined(__GNUC__)
#define HEAP_PREFETCH(p) __builtin_prefetch(p)
#else
#define HEAP_PREFETCH(p) ((void)(p))
#endif

#endif
