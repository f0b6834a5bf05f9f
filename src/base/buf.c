/* Appends check the limit first, then grow; either failure sticks. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum { BUF_FIRST_BYTES = 64 };

/* Room for `n` more bytes and the NUL. */
static bool make_room(struct buf *b, size_t n)
{
    if (!buf_ok(b)) {
        return false;
    }
    if (n > b->limit_bytes || b->len > b->limit_bytes - n) {
        b->failed_limit = true;
        return false;
    }
    /* len + n + 1 cannot wrap for a limit below SIZE_MAX. */
    if (b->len + n >= SIZE_MAX / 2) {
        b->failed_memory = true;
        return false;
    }
    const size_t need = b->len + n + 1;
    if (need <= b->cap) {
        return true;
    }
    size_t cap = b->cap ? b->cap : BUF_FIRST_BYTES;
    while (cap < need) {
        cap *= 2;
    }
    char *data = realloc(b->data, cap);
    if (!data) {
        b->failed_memory = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    if (!make_room(b, n)) {
        return;
    }
    if (n > 0) {
        memcpy(b->data + b->len, p, n);
    }
    b->len += n;
    b->data[b->len] = '\0';
}

void buf_span(struct buf *b, struct span s)
{
    buf_add(b, s.p, s.len);
}

void buf_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_repeat(struct buf *b, char c, size_t n)
{
    if (!make_room(b, n)) {
        return;
    }
    memset(b->data + b->len, c, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    const int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0) {
        b->failed_memory = true;
    } else if (make_room(b, (size_t)n)) {
        (void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

bool buf_check(const struct buf *b, const char *what, struct err *err)
{
    if (b->failed_memory) {
        return err_nomem(err, what);
    }
    if (b->failed_limit) {
        return err_set(err, ERR_LIMIT, "%s: more than %zu bytes", what,
                       b->limit_bytes);
    }
    return true;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed_limit = false;
    b->failed_memory = false;
    if (b->data) {
        b->data[0] = '\0';
    }
}

void buf_release(struct buf *b)
{
    free(b->data);
    *b = BUF_LIMIT(b->limit_bytes);
}
