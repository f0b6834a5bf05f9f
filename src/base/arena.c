/*
 * Blocks come from calloc, which gives large ones as untouched zero pages; so
 * a big column costs nothing until it is written.
 */
#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

struct arena_block {
    struct arena_block *next;
    size_t used_bytes;
    size_t room_bytes;
    max_align_t data[];
};

enum {
    ARENA_FIRST_BYTES = 4 << 10,
    /* 1 MiB: at most that much of an arena is unused. */
    ARENA_BLOCK_BYTES = 1 << 20,
};

/* Bytes to skip so that the next piece of `block` is aligned. */
static size_t padding(const struct arena_block *block, size_t align)
{
    const uintptr_t at = (uintptr_t)block->data + block->used_bytes;
    return (size_t)(-at & (align - 1));
}

static bool fits(const struct arena_block *block, size_t bytes, size_t align)
{
    const size_t left = block->room_bytes - block->used_bytes;
    const size_t pad = padding(block, align);
    return pad <= left && bytes <= left - pad;
}

static size_t next_room(const struct arena *a)
{
    const size_t doubled = a->head ? a->head->room_bytes * 2 : 0;
    if (doubled > ARENA_BLOCK_BYTES) {
        return ARENA_BLOCK_BYTES;
    }
    return doubled > ARENA_FIRST_BYTES ? doubled : ARENA_FIRST_BYTES;
}

/* A block that holds `bytes`; a big one goes behind the head, whose rest
   stays in use. NULL when memory is out. */
static struct arena_block *add_block(struct arena *a, size_t bytes)
{
    const size_t usual = next_room(a);
    const bool is_big = bytes > usual / 2 && a->head;
    const size_t room = bytes > usual / 2 ? bytes : usual;
    if (room > SIZE_MAX - sizeof(struct arena_block)) {
        return NULL;
    }
    struct arena_block *block = calloc(1, sizeof(*block) + room);
    if (!block) {
        return NULL;
    }
    block->room_bytes = room;
    a->block_bytes += sizeof(*block) + room;
    if (is_big) {
        block->next = a->head->next;
        a->head->next = block;
    } else {
        block->next = a->head;
        a->head = block;
    }
    return block;
}

void *arena_alloc(struct arena *a, size_t n, size_t unit, size_t align)
{
    assert(align != 0 && (align & (align - 1)) == 0);
    if (unit != 0 && n > SIZE_MAX / 2 / unit) {
        a->has_failed = true;
        return NULL;
    }
    size_t bytes = n * unit;
    if (bytes == 0) {
        bytes = 1; /* NULL must only mean that memory is out */
    }
    struct arena_block *block = a->head;
    if (!block || !fits(block, bytes, align)) {
        /* calloc aligns for every type; more is bought with slack. */
        const size_t slack = align > _Alignof(max_align_t) ? align : 0;
        block = add_block(a, bytes + slack);
        if (!block) {
            a->has_failed = true;
            return NULL;
        }
    }
    const size_t pad = padding(block, align);
    char *p = (char *)block->data + block->used_bytes + pad;
    block->used_bytes += pad + bytes;
    a->used_bytes += pad + bytes;
    return p;
}

char *arena_strdup(struct arena *a, struct span text)
{
    if (text.len == SIZE_MAX) {
        return NULL;
    }
    char *p = arena_alloc(a, text.len + 1, 1, 1);
    if (p && text.len > 0) {
        memcpy(p, text.p, text.len);
    }
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        return NULL;
    }
    char *p = arena_alloc(a, (size_t)n + 1, 1, 1);
    if (p) {
        va_start(ap, fmt);
        (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    return p;
}

void arena_release(struct arena *a)
{
    struct arena_block *block = a->head;
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    *a = (struct arena){0};
}
