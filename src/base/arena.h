/*
 * One arena per loaded thing. Blocks double up to a cap; memory is zeroed;
 * nothing in it is freed alone, arena_release() frees all of it.
 */
#ifndef SEEP_BASE_ARENA_H
#define SEEP_BASE_ARENA_H

#include "base/span.h"

#include <stddef.h>

struct arena_block;

/* Zero is a valid, empty arena. */
struct arena {
    struct arena_block *head;
    size_t used_bytes;  /* handed out, padding included */
    size_t block_bytes; /* taken from malloc */
    bool has_failed;    /* sticky: something could not be had, here or by
                           those who write into it; asked once at the end */
};

/* Zeroed memory aligned to `align` (a power of two), or NULL when memory is
   out or n * unit overflows. */
void *arena_alloc(struct arena *a, size_t n, size_t unit, size_t align);

#define arena_new(a, type, n)                                                  \
    ((type *)arena_alloc((a), (n), sizeof(type), _Alignof(type)))

/* NUL-terminated copy; NULL when memory is out. */
char *arena_strdup(struct arena *a, struct span text);

/* printf into the arena; NULL when memory is out. */
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void arena_release(struct arena *a);

#endif
