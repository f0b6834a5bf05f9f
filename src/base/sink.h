/*
 * Where bytes are pushed: fetch/ pushes, inflate passes on, a decoder takes.
 * `write` returns false with `err` set to stop the flow; `end` says that no
 * more bytes will come (not called after a failure).
 */
#ifndef SEEP_BASE_SINK_H
#define SEEP_BASE_SINK_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct sink {
    void *ctx;
    bool (*write)(void *ctx, const uint8_t *p, size_t n, struct err *err);
    bool (*end)(void *ctx, struct err *err);
};

#endif
