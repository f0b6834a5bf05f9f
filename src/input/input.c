/*
 * From bytes to a snapshot: first what wraps them (gzip, zstd, nothing), then
 * what they are (rows of formats[]), then that row's decoder, all while they
 * stream. Only the first 4 KiB are ever held back. A wrapper inside a wrapper
 * is not followed: profiles never have one, bombs do.
 */
#include "input/input.h"

#include "base/buf.h"
#include "base/gz.h"
#include "base/limits.h"
#include "base/zst.h"
#include "input/format_private.h"

#include <stdlib.h>

/* In order of trying: what is certain from a signature first, then pprof's
   wire format, which has none, then texts that only look like something, the
   last of them dumps, which may hide behind any amount of log text. pprof
   tries its wire format first and these signatures when that fails; none of
   them can be the beginning of a valid message. */
static const struct input_format *const formats[] = {
    &input_heap_text,       &input_count_text,  &input_heap_dump,
    &input_contention_text, &input_thread_text, &input_java_text,
    &input_cpu_binary,      &input_pprof,       &input_folded,
    &input_goroutine_dump,
};

/* What a stream may be wrapped in. */
struct wrapper {
    const char *name;
    bool (*is_magic)(const uint8_t *p, size_t n);
    void *(*open)(struct sink content, uint64_t limit_bytes);
    bool (*write)(void *reader, const uint8_t *p, size_t n, struct err *err);
    bool (*end)(void *reader, struct err *err);
    void (*close)(void *reader);
};

#define WRAPPER_FUNCTIONS(kind)                                                \
    static void *kind##_open(struct sink content, uint64_t limit_bytes)        \
    {                                                                          \
        return kind##_reader_new(content, limit_bytes);                        \
    }                                                                          \
    static bool kind##_write(void *reader, const uint8_t *p, size_t n,         \
                             struct err *err)                                  \
    {                                                                          \
        return kind##_reader_write(reader, p, n, err);                         \
    }                                                                          \
    static bool kind##_end(void *reader, struct err *err)                      \
    {                                                                          \
        return kind##_reader_end(reader, err);                                 \
    }                                                                          \
    static void kind##_close(void *reader)                                     \
    {                                                                          \
        kind##_reader_free(reader);                                            \
    }

#define WRAPPER(kind, title)                                                   \
    {                                                                          \
        title, kind##_is_magic, kind##_open, kind##_write, kind##_end,         \
            kind##_close                                                       \
    }

WRAPPER_FUNCTIONS(gz)
WRAPPER_FUNCTIONS(zst)

static const struct wrapper wrappers[] = {
    WRAPPER(gz, "gzip"),
    WRAPPER(zst, "zstd"),
};

/* Bytes that tell a wrapper. */
enum { MAGIC_BYTES = 4 };

struct input {
    struct input_options options;
    struct err failure; /* the first one, told again by input_finish() */
    bool is_ended;

    uint8_t magic[MAGIC_BYTES];
    size_t n_magic;
    bool is_wrapper_known;
    const struct wrapper *wrapper; /* NULL when there is none */
    void *reader;
    uint64_t stored_bytes; /* taken so far, wrapped */

    struct buf head; /* kept for the message when it is no profile */
    const struct input_format *format;
    void *decoder;
    struct snapshot result;
};

static const char *wrapper_name(const struct input *in)
{
    return in->wrapper ? in->wrapper->name : NULL;
}

static struct span head_of(const struct input *in)
{
    return in->head.len ? buf_view(&in->head) : SPAN_LIT("");
}

/* --- content --- */

static const struct input_format *find_format(struct span head)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (formats[i]->sniff(head)) {
            return formats[i];
        }
    }
    return NULL;
}

/* Passes a decoder's failure on; what proved to be no known kind is named by
   how it began. */
static bool blame(const struct input *in, bool is_fine, struct err *err)
{
    if (is_fine) {
        return true;
    }
    return err->code == ERR_UNKNOWN
               ? input_set_unknown(head_of(in), wrapper_name(in), err)
               : false;
}

/* Knows enough of the content to choose a decoder, and feeds it the head. */
static bool open_content(struct input *in, struct err *err)
{
    const struct span head = head_of(in);
    in->format = head.len > 0 ? find_format(head) : NULL;
    if (!in->format) {
        return input_set_unknown(head, wrapper_name(in), err);
    }
    if (in->options.is_proto_only && in->format != &input_pprof) {
        return err_set_at(err, ERR_UNKNOWN, 0,
                          "not a profile in pprof's format: %s",
                          in->format->name);
    }
    const struct input_limits limits = {.text_bytes = LIMIT_TEXT_BYTES,
                                        .profile_bytes = LIMIT_PROFILE_BYTES,
                                        .is_like_pprof =
                                            in->options.is_like_pprof};
    in->decoder = in->format->open(&limits);
    if (!in->decoder) {
        return err_nomem(err, in->format->name);
    }
    if (in->wrapper && in->format->stored) {
        in->format->stored(in->decoder, in->stored_bytes);
    }
    return blame(
        in,
        in->format->write(in->decoder, (const uint8_t *)head.p, head.len, err),
        err);
}

static bool content_write(void *ctx, const uint8_t *p, size_t n,
                          struct err *err)
{
    struct input *const in = ctx;
    if (!in->format) {
        const size_t room = INPUT_HEAD_BYTES - in->head.len;
        const size_t taken = n < room ? n : room;
        buf_add(&in->head, p, taken);
        if (!buf_check(&in->head, "start of input", err)) {
            return false;
        }
        p += taken;
        n -= taken;
        if (in->head.len < INPUT_HEAD_BYTES) {
            return true;
        }
        if (!open_content(in, err)) {
            return false;
        }
    }
    return n == 0 || blame(in, in->format->write(in->decoder, p, n, err), err);
}

static bool content_end(void *ctx, struct err *err)
{
    struct input *const in = ctx;
    if (!in->format && !open_content(in, err)) {
        return false;
    }
    return blame(in, in->format->end(in->decoder, &in->result, err), err);
}

/* --- wrapper --- */

static bool is_unread(const struct input *in)
{
    return in->format && in->format->is_unread;
}

static uint64_t inflated_limit(const struct input *in)
{
    return in->options.limit_inflated_bytes ? in->options.limit_inflated_bytes
                                            : LIMIT_INFLATED_BYTES;
}

static bool wrapped_write(struct input *in, const uint8_t *p, size_t n,
                          struct err *err)
{
    if (n == 0 || is_unread(in)) {
        return true;
    }
    if (!in->wrapper) {
        const unsigned long long limit = inflated_limit(in);
        return in->stored_bytes > limit
                   ? err_set_at(err, ERR_LIMIT, in->stored_bytes,
                                "content of more than %llu bytes", limit)
                   : content_write(in, p, n, err);
    }
    if (in->decoder && in->format->stored) {
        in->format->stored(in->decoder, in->stored_bytes);
    }
    return in->wrapper->write(in->reader, p, n, err);
}

/* Knows the first bytes, or that there are no more. */
static bool open_wrapper(struct input *in, struct err *err)
{
    in->is_wrapper_known = true;
    for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
        if (wrappers[i].is_magic(in->magic, in->n_magic)) {
            in->wrapper = &wrappers[i];
        }
    }
    if (in->wrapper) {
        const struct sink content = {in, content_write, content_end};
        in->reader = in->wrapper->open(content, inflated_limit(in));
        if (!in->reader) {
            return err_nomem(err, in->wrapper->name);
        }
    }
    return wrapped_write(in, in->magic, in->n_magic, err);
}

static bool take_bytes(struct input *in, const uint8_t *p, size_t n,
                       struct err *err)
{
    in->stored_bytes += n;
    if (!in->is_wrapper_known) {
        while (n > 0 && in->n_magic < MAGIC_BYTES) {
            in->magic[in->n_magic++] = *p++;
            n--;
        }
        if (in->n_magic < MAGIC_BYTES) {
            return true;
        }
        if (!open_wrapper(in, err)) {
            return false;
        }
    }
    return wrapped_write(in, p, n, err);
}

static bool end_bytes(struct input *in, struct err *err)
{
    if (!in->is_wrapper_known && !open_wrapper(in, err)) {
        return false;
    }
    if (in->wrapper && !is_unread(in)) {
        return in->wrapper->end(in->reader, err);
    }
    return content_end(in, err);
}

/* --- the sink --- */

/* Failure is sticky, and told to whoever asks: the sink's caller, and
   input_finish() when the former went on. */
static bool settle(struct input *in, bool is_fine, struct err *err)
{
    if (is_fine) {
        return true;
    }
    if (err) {
        *err = in->failure;
    }
    return false;
}

static bool sink_write(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct input *const in = ctx;
    return settle(
        in, in->failure.code == ERR_NONE && take_bytes(in, p, n, &in->failure),
        err);
}

static bool sink_end(void *ctx, struct err *err)
{
    struct input *const in = ctx;
    in->is_ended = in->failure.code == ERR_NONE && end_bytes(in, &in->failure);
    return settle(in, in->is_ended, err);
}

struct input *input_new(const struct input_options *options)
{
    struct input *const in = calloc(1, sizeof(*in));
    if (!in) {
        return NULL;
    }
    if (options) {
        in->options = *options;
    }
    in->head = BUF_LIMIT(INPUT_HEAD_BYTES);
    return in;
}

struct sink input_sink(struct input *in)
{
    return (struct sink){in, sink_write, sink_end};
}

uint64_t input_bytes(const struct input *in)
{
    const bool says = in->decoder && in->format->held;
    return in->head.cap + (says ? in->format->held(in->decoder) : 0);
}

bool input_finish(struct input *in, struct snapshot *out, struct err *err)
{
    if (in->failure.code != ERR_NONE) {
        return settle(in, false, err);
    }
    if (!in->is_ended) {
        return err_set(err, ERR_INTERNAL, "input was not read to its end");
    }
    *out = in->result;
    in->result = (struct snapshot){0};
    return true;
}

void input_free(struct input *in)
{
    if (!in) {
        return;
    }
    if (in->decoder) {
        in->format->close(in->decoder);
    }
    if (in->reader) {
        in->wrapper->close(in->reader);
    }
    buf_release(&in->head);
    snapshot_release(&in->result);
    free(in);
}

bool input_decode(struct span bytes, const struct input_options *options,
                  struct snapshot *out, struct err *err)
{
    struct input *const in = input_new(options);
    if (!in) {
        return err_nomem(err, "input");
    }
    const struct sink sink = input_sink(in);
    const bool ok =
        sink.write(sink.ctx, (const uint8_t *)bytes.p, bytes.len, err) &&
        sink.end(sink.ctx, err) && input_finish(in, out, err);
    input_free(in);
    return ok;
}
