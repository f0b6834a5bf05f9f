/*
 * A row of input_format[]: what one kind of content looks like and how it is
 * decoded. A new format is one file that defines such a row, and one line in
 * input.c.
 */
#ifndef SEEP_INPUT_FORMAT_PRIVATE_H
#define SEEP_INPUT_FORMAT_PRIVATE_H

#include "base/err.h"
#include "base/span.h"
#include "profile/profile.h"

struct input_limits {
    uint64_t text_bytes;    /* of a text format, inflated */
    uint64_t profile_bytes; /* memory of the decoded profile */
    bool is_like_pprof;     /* see input_options */
};

struct input_format {
    const char *name; /* "heap profile text" */

    /* `head` is the first INPUT_HEAD_BYTES of the content, or all of it when
       there is less. */
    bool (*sniff)(struct span head);

    /* A decoder of this content; NULL when memory is out. */
    void *(*open)(const struct input_limits *limits);
    bool (*write)(void *decoder, const uint8_t *p, size_t n, struct err *err);

    /* No more bytes: fills kind, form, time and what was decoded. */
    bool (*end)(void *decoder, struct snapshot *out, struct err *err);
    void (*close)(void *decoder);

    /* Of compressed content: bytes before inflating, so far. May be NULL. */
    void (*stored)(void *decoder, uint64_t n_bytes);

    /* Memory that the decoder holds, about. May be NULL. */
    uint64_t (*held)(const void *decoder);

    /* Nothing of the content is wanted: reading may stop. */
    bool is_unread;
};

/* Enough to see past a banner, and little to wait for on a slow pipe. */
enum { INPUT_HEAD_BYTES = 4096 };

/* Is every byte one that text has? Bytes above 127 pass: logs have them. */
bool input_is_text(struct span head);

/* Sets ERR_UNKNOWN with what `head` looks like: an HTML page, JSON, an ELF
   binary, nothing at all, text. `wrapper` is "gzip", "zstd" or NULL. Always
   returns false. */
bool input_set_unknown(struct span head, const char *wrapper, struct err *err);

extern const struct input_format input_pprof;
extern const struct input_format input_heap_text;
extern const struct input_format input_count_text;
extern const struct input_format input_goroutine_dump;
extern const struct input_format input_heap_dump;
extern const struct input_format input_contention_text;
extern const struct input_format input_thread_text;
extern const struct input_format input_java_text;
extern const struct input_format input_cpu_binary;
extern const struct input_format input_folded;

#endif
