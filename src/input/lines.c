/* Lines out of blocks; see lines_private.h for what is copied and what is not.
 */
#include "input/lines_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

void lines_init(struct lines *l, uint64_t limit_bytes,
                bool (*take)(void *ctx, const struct text_line *line,
                             struct err *err),
                void *ctx)
{
    *l = (struct lines){.take = take,
                        .ctx = ctx,
                        .limit_bytes = limit_bytes,
                        .carry = BUF_LIMIT(LINE_MAX_BYTES)};
}

/* Keeps the front of a line that is longer than the limit. */
static bool carry_add(struct lines *l, const char *p, size_t n, struct err *err)
{
    const size_t room = LINE_MAX_BYTES - l->carry.len;
    buf_add(&l->carry, p, n < room ? n : room);
    return buf_check(&l->carry, "text line", err);
}

static bool pass_on(struct lines *l, struct span text, bool is_complete,
                    struct err *err)
{
    if (text.len > 0 && text.p[text.len - 1] == '\r') {
        text.len--;
    }
    l->n_lines++;
    const struct text_line line = {.text = span_first(text, LINE_MAX_BYTES),
                                   .offset = l->line_offset,
                                   .number = l->n_lines,
                                   .is_complete = is_complete};
    return l->take(l->ctx, &line, err);
}

/* `n` bytes ended by a newline. */
static bool end_line(struct lines *l, const char *p, size_t n, struct err *err)
{
    struct span text = {p, n};
    if (l->carry.len > 0) {
        if (!carry_add(l, p, n, err)) {
            return false;
        }
        text = buf_view(&l->carry);
    }
    if (!pass_on(l, text, true, err)) {
        return false;
    }
    buf_clear(&l->carry);
    return true;
}

bool lines_write(struct lines *l, const uint8_t *p, size_t n, struct err *err)
{
    if (n > l->limit_bytes - l->total_bytes) {
        return err_set_at(err, ERR_LIMIT, l->limit_bytes,
                          "text is longer than %" PRIu64 " MiB",
                          l->limit_bytes >> 20);
    }
    const char *at = (const char *)p;
    const char *const end = at + n;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline) {
            l->total_bytes += (uint64_t)(end - at);
            return carry_add(l, at, (size_t)(end - at), err);
        }
        if (!end_line(l, at, (size_t)(newline - at), err)) {
            return false;
        }
        l->total_bytes += (uint64_t)(newline + 1 - at);
        l->line_offset = l->total_bytes;
        at = newline + 1;
    }
    return true;
}

bool lines_end(struct lines *l, struct err *err)
{
    if (l->total_bytes == l->line_offset) {
        return true;
    }
    return pass_on(l, buf_view(&l->carry), false, err);
}

void lines_release(struct lines *l)
{
    buf_release(&l->carry);
}

bool line_error(struct err *err, const char *what, const struct text_line *line,
                const char *fmt, ...)
{
    struct buf b = BUF_LIMIT(ERR_TEXT_MAX);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    err_set_at(err, ERR_FORMAT, line->offset, "%s, line %" PRIu64 ": %s", what,
               line->number, b.data ? b.data : fmt);
    buf_release(&b);
    return false;
}
