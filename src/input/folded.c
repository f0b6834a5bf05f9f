/*
 * Folded stacks, the input of flame graph tools: "root;frame;leaf 42". There
 * is no signature, so a text is taken for this only when every line that can
 * be seen looks so and at least one has a semicolon. What a frame is called is
 * all that is known of it. The escapes are those of our own export.
 */
#include "base/num.h"
#include "input/format_private.h"
#include "input/legacy_private.h"
#include "input/lines_private.h"
#include "input/scan_private.h"

#include <stdlib.h>

static const char what[] = "folded stacks";

struct folded {
    struct lines lines;
    struct profile_builder *builder;
    struct intern names; /* of frames; the number is that of the location */
    struct buf name;     /* scratch: one that had escapes */
    struct vec_u32 locations;
};

/* "main;run 42": the number is behind the last blank. */
static bool parse_line(struct span text, struct span *stack, int64_t *count)
{
    const size_t blank = span_rfind_char(text, ' ');
    const struct span number = span_from(text, blank + 1);
    *stack = scan_trim(span_first(text, blank));
    return stack->len > 0 && !span_starts(number, "+") &&
           num_parse_i64(number, count);
}

/* --- frames --- */

/* "\x3b" is a semicolon: what may not stand in a name as it is. */
static const struct {
    const char *text;
    char c;
} escapes[] = {
    {"\\x3b", ';' },
    {"\\x0a", '\n'},
    {"\\x0d", '\r'},
    {"\\x5c", '\\'},
};

/* Bytes of the escape that `text` begins with, 0 when it is none. */
static size_t take_escape(struct span text, struct buf *out)
{
    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        if (span_starts(text, escapes[i].text)) {
            buf_char(out, escapes[i].c);
            return strlen(escapes[i].text);
        }
    }
    return 0;
}

static struct span unescape(struct folded *f, struct span name)
{
    if (span_find_char(name, '\\') == name.len) {
        return name;
    }
    buf_clear(&f->name);
    while (name.len > 0) {
        size_t n = take_escape(name, &f->name);
        if (n == 0) {
            buf_char(&f->name, name.p[0]);
            n = 1;
        }
        name = span_from(name, n);
    }
    return buf_view(&f->name);
}

static bool add_frame(struct folded *f, struct span name, struct err *err)
{
    uint32_t location;
    const struct span plain = unescape(f, name);
    if (!buf_check(&f->name, what, err) ||
        !intern_add(&f->names, plain, &location, err)) {
        return false;
    }
    return vec_u32_push(&f->locations, location) || err_nomem(err, what);
}

static void turn_around(struct vec_u32 *v)
{
    for (size_t i = 0; i + 1 < v->n - i; i++) {
        const uint32_t item = v->items[i];
        v->items[i] = v->items[v->n - 1 - i];
        v->items[v->n - 1 - i] = item;
    }
}

static bool take_line(void *ctx, const struct text_line *line, struct err *err)
{
    struct folded *const f = ctx;
    const struct span text = scan_trim(line->text);
    struct span rest;
    int64_t count;
    if (text.len == 0) {
        return true;
    }
    if (!parse_line(text, &rest, &count)) {
        return line_error(err, what, line, "not \"frame;frame count\"");
    }
    f->locations.n = 0;
    for (;;) {
        const size_t n = span_find_char(rest, ';');
        if (!add_frame(f, span_first(rest, n), err)) {
            return false;
        }
        if (n == rest.len) {
            break;
        }
        rest = span_from(rest, n + 1);
    }
    turn_around(&f->locations);
    profile_builder_sample(f->builder, f->locations.items, f->locations.n,
                           &count, 1, NULL, 0);
    return true;
}

/* --- the format --- */

/* A stack so deep that its line goes on behind the head. */
static bool is_long_stack(struct span line)
{
    enum { SEMICOLONS_MIN = 4 };
    size_t n = 0;
    for (size_t i = 0; i + 1 < line.len; i++) {
        if (line.p[i] == ';') {
            if (line.p[i + 1] == ' ') {
                return false; /* prose, or a program */
            }
            n++;
        }
    }
    return n >= SEMICOLONS_MIN;
}

static bool sniff(struct span head)
{
    const bool may_be_cut = head.len >= INPUT_HEAD_BYTES;
    if (!input_is_text(head)) {
        return false;
    }
    if (may_be_cut && span_find_char(head, '\n') == head.len) {
        return is_long_stack(head);
    }
    bool has_semicolon = false;
    while (head.len > 0) {
        const size_t end = span_find_char(head, '\n');
        if (may_be_cut && end == head.len) {
            break;
        }
        const struct span text = scan_trim(span_first(head, end));
        struct span stack;
        int64_t count;
        if (text.len > 0 && !parse_line(text, &stack, &count)) {
            return false;
        }
        has_semicolon = has_semicolon || span_find_char(text, ';') < text.len;
        head = span_from(head, end + 1);
    }
    return has_semicolon;
}

static void close_text(void *decoder)
{
    struct folded *const f = decoder;
    lines_release(&f->lines);
    intern_release(&f->names);
    buf_release(&f->name);
    vec_u32_release(&f->locations);
    profile_builder_free(f->builder);
    free(f);
}

static void *open_text(const struct input_limits *limits)
{
    struct folded *const f = calloc(1, sizeof(*f));
    if (!f) {
        return NULL;
    }
    lines_init(&f->lines, limits->text_bytes, take_line, f);
    f->name = BUF_LIMIT(LINE_MAX_BYTES);
    f->builder = profile_builder_new();
    if (!f->builder) {
        close_text(f);
        return NULL;
    }
    profile_builder_type(f->builder, "samples", "count");
    profile_builder_period(f->builder, "samples", "count", 1);
    return f;
}

static bool write_text(void *decoder, const uint8_t *p, size_t n,
                       struct err *err)
{
    struct folded *const f = decoder;
    return lines_write(&f->lines, p, n, err);
}

static void make_locations(struct folded *f)
{
    for (uint32_t i = 0; i < intern_count(&f->names); i++) {
        const struct builder_frame frame = {.function =
                                                intern_span(&f->names, i)};
        (void)profile_builder_location(f->builder, 0, PROFILE_NONE, &frame, 1);
    }
}

static bool end_text(void *decoder, struct snapshot *out, struct err *err)
{
    struct folded *const f = decoder;
    if (!lines_end(&f->lines, err)) {
        return false;
    }
    make_locations(f);
    struct profile_builder *const builder = f->builder;
    f->builder = NULL;
    return legacy_finish(builder, what, out, err);
}

const struct input_format input_folded = {
    .name = what,
    .sniff = sniff,
    .open = open_text,
    .write = write_text,
    .end = end_text,
    .close = close_text,
};
