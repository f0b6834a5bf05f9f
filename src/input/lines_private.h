/*
 * Cuts a stream of bytes into lines. A line that came whole in one block is
 * borrowed from it; only what straddles blocks is copied, so a text of any
 * length is read in constant memory.
 */
#ifndef SEEP_INPUT_LINES_PRIVATE_H
#define SEEP_INPUT_LINES_PRIVATE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/* Longer lines are cut here: Go's longest, PauseNs, has 6 KiB; log lines in
   front of a crash may have any length and are skipped anyway. */
#define LINE_MAX_BYTES ((size_t)1 << 20)

struct text_line {
    struct span text; /* without newline and carriage return; borrowed */
    uint64_t offset;  /* of its first byte */
    uint64_t number;  /* from 1 */
    bool is_complete; /* a newline ended it */
};

struct lines {
    bool (*take)(void *ctx, const struct text_line *line, struct err *err);
    void *ctx;
    uint64_t limit_bytes;
    struct buf carry;
    uint64_t line_offset; /* where the line being read begins */
    uint64_t total_bytes; /* seen so far */
    uint64_t n_lines;
};

void lines_init(struct lines *l, uint64_t limit_bytes,
                bool (*take)(void *ctx, const struct text_line *line,
                             struct err *err),
                void *ctx);
bool lines_write(struct lines *l, const uint8_t *p, size_t n,
                 struct err *err) MUST_USE;

/* Passes on a last line without newline, when there is one. */
bool lines_end(struct lines *l, struct err *err) MUST_USE;
void lines_release(struct lines *l);

/* ERR_FORMAT at the line: "<what>, line 5: <printf>". Returns false. */
bool line_error(struct err *err, const char *what, const struct text_line *line,
                const char *fmt, ...) ERR_PRINTF(4, 5);

#endif
