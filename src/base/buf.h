/*
 * A growable byte buffer with a limit and sticky failure: once an append did
 * not fit the limit or memory ran out, later appends are ignored and buf_ok()
 * says false. Writers check once, at the end.
 */
#ifndef SEEP_BASE_BUF_H
#define SEEP_BASE_BUF_H

#include "base/err.h"
#include "base/span.h"

#include <stdarg.h>

/* `limit_bytes` must be set before the first append; 0 allows nothing. The
   data is NUL-terminated whenever `data` is not NULL. */
struct buf {
    char *data;
    size_t len;
    size_t cap;
    size_t limit_bytes;
    bool failed_limit;
    bool failed_memory;
};

#define BUF_LIMIT(bytes) ((struct buf){.limit_bytes = (bytes)})

void buf_add(struct buf *b, const void *p, size_t n);
void buf_span(struct buf *b, struct span s);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_repeat(struct buf *b, char c, size_t n);
void buf_printf(struct buf *b, const char *fmt, ...) ERR_PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) ERR_PRINTF(2, 0);

static inline bool buf_ok(const struct buf *b)
{
    return !b->failed_limit && !b->failed_memory;
}

/* Turns a sticky failure into an error; true when there is none. */
bool buf_check(const struct buf *b, const char *what, struct err *err) MUST_USE;

static inline struct span buf_view(const struct buf *b)
{
    return (struct span){b->data, b->len};
}

/* Empty again, memory and limit kept. */
void buf_clear(struct buf *b);
void buf_release(struct buf *b);

#endif
