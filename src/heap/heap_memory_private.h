/*
 * Columns of millions of entries, read at random: on huge pages where the
 * system has them, since the misses of small ones' addresses cost as much as
 * those of the data.
 */
#ifndef SEEP_HEAP_HEAP_MEMORY_PRIVATE_H
#define SEEP_HEAP_HEAP_MEMORY_PRIVATE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Not zeroed; free() it. NULL when memory is out or n * unit overflows. */
void *heap_memory(size_t n, size_t unit);

/* The same, zeroed. */
void *heap_zeroed_memory(size_t n, size_t unit);
/* What grew to `n` and stays: moves to where it is read fast, with nothing
   spare behind it; stays where there is no room for a copy. `p` itself when
   memory is out. */
void *heap_settle_memory(void *p, size_t n, size_t unit, uint64_t room_bytes);

/* To the system what was freed: it is the process's until then, and a limit is
   of what the process has. */
void heap_return_memory(void);

#define heap_column(type, n) ((type *)heap_memory((n), sizeof(type)))
#define heap_zeroed_column(type, n)                                            \
    ((type *)heap_zeroed_memory((n), sizeof(type)))

/* --- the limit --- */

struct heap_graph;
struct heap_graph_options;

/* Large memory of what is made of a graph counts together with the graph's:
   `bytes` more of `what` ("dominators"). The limit is that of `o`, of the
   graph when `o` is NULL or has none. ERR_LIMIT. */
bool heap_spend(const struct heap_graph *g, const struct heap_graph_options *o,
                uint64_t bytes, const char *what, struct err *err) MUST_USE;
void heap_give_back(const struct heap_graph *g, uint64_t bytes);
/* Bytes until the limit; UINT64_MAX without one. */
uint64_t heap_room(const struct heap_graph *g,
                   const struct heap_graph_options *o);

/* Begins to load what will be needed soon. The empty asm is a side effect: GCC
   takes functions that only load ahead for pure, and drops calls of them. */
#if defined(__GNUC__)
#define HEAP_PREFETCH(p)                                                       \
    do {                                                                       \
        __builtin_prefetch(p);                                                 \
        __asm__ volatile("");                                                  \
    } while (0)
#else
#define HEAP_PREFETCH(p) ((void)(p))
#endif

#endif
