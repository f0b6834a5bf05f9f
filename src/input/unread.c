/*
 * Content that is recognised and takes no part in a verdict: its kind is the
 * whole result, so that a folder may hold it and its report list it.
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

static bool sniff(struct span head)
{
    return span_starts(head, "go1.7 heap dump\n");
}

static bool end(void *decoder, struct snapshot *out, struct err *err)
{
    (void)decoder;
    (void)err;
    out->kind = KIND_HEAPDUMP;
    out->form = FORM_OTHER;
    return true;
}

const struct input_format input_heap_dump = {
    .name = "Go heap dump",
    .sniff = sniff,
    .open = open_nothing,
    .write = write_nothing,
    .end = end,
    .close = close_nothing,
    .is_unread = true,
};
