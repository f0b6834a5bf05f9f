/*
 * Contents that are recognised and take no part in a verdict: their kind is
 * the whole result, so that a folder may hold them and its report list them.
 */
#include "input/format_private.h"

#include <stdlib.h>

/* There is no state; the byte only says that opening did not fail. */
static void *open_nothing(const struct input_limits *limits)
{
    (void)limits;
    return malloc(1);
}

static bool write_nothing(void *decoder, const uint8_t *p, size_t n,
                          struct err *err)
{
    (void)decoder;
    (void)p;
    (void)n;
    (void)err;
    return true;
}

static void close_nothing(void *decoder)
{
    free(decoder);
}

#define UNREAD_FORMAT(row, title, prefix, what, shape)                         \
    static bool row##_sniff(struct span head)                                  \
    {                                                                          \
        return span_starts(head, (prefix));                                    \
    }                                                                          \
    static bool row##_end(void *decoder, struct snapshot *out,                 \
                          struct err *err)                                     \
    {                                                                          \
        (void)decoder;                                                         \
        (void)err;                                                             \
        out->kind = (what);                                                    \
        out->form = (shape);                                                   \
        return true;                                                           \
    }                                                                          \
    const struct input_format input_##row = {                                  \
        .name = (title),                                                       \
        .sniff = row##_sniff,                                                  \
        .open = open_nothing,                                                  \
        .write = write_nothing,                                                \
        .end = row##_end,                                                      \
        .close = close_nothing,                                                \
        .is_unread = true,                                                     \
    };

UNREAD_FORMAT(heap_dump, "Go heap dump", "go1.7 heap dump\n", KIND_HEAPDUMP,
              FORM_OTHER)
UNREAD_FORMAT(contention_text, "block profile text",
              "--- contention:", KIND_BLOCK, FORM_TEXT)
UNREAD_FORMAT(mutex_text, "mutex profile text", "--- mutex:", KIND_MUTEX,
              FORM_TEXT)
