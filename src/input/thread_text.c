/*
 * threadz: the stack of every thread of a server in C++, as text. A thread
 * that says "same as previous thread", or nothing, counts with the one before.
 * The leaf is where the thread is, the others are return addresses.
 */
#include "input/format_private.h"
#include "input/legacy_private.h"
#include "input/lines_private.h"
#include "input/memory_map_private.h"
#include "input/scan_private.h"

#include <stdlib.h>

static const char what[] = "thread text";

enum section {
    SECTION_HEADER,
    SECTION_INTRODUCTION, /* whatever stands in front of the first thread */
    SECTION_THREAD,
    SECTION_OTHER, /* behind the last thread */
    SECTION_MAP
};

struct thread_text {
    struct lines lines;
    enum section section;
    struct profile_builder *builder;
    struct vec_u64 addresses; /* of the thread being read */
    bool is_as_previous;
    struct vec_u32 locations; /* of the stack that is not added yet */
    int64_t n_threads;        /* that have it */
    struct memory_map map;
};

/* --- what lines look like --- */

/* "--- threadz 1 ---" */
static bool is_header(struct span line)
{
    static const char front[] = "--- threadz ";
    for (size_t at; (at = span_find(line, front)) < line.len;) {
        line = span_from(line, at + sizeof(front) - 1);
        const size_t n = scan_digits(line, 0);
        if (n > 0 && span_starts(span_from(line, n), " ---")) {
            return true;
        }
    }
    return false;
}

/* "main/14748) stack: ---" */
static bool has_number_at_end(struct span line)
{
    static const char back[] = ") stack: ---";
    for (size_t at = 0; at < line.len;) {
        at += span_find(span_from(line, at), back);
        size_t begin = at;
        while (begin > 0 && scan_is_digit(line.p[begin - 1])) {
            begin--;
        }
        if (at < line.len && begin < at && begin > 0 &&
            line.p[begin - 1] == '/') {
            return true;
        }
        at++;
    }
    return false;
}

/* "--- Thread 7f794ab90940 (name: main/14748) stack: ---" */
static bool is_thread(struct span line)
{
    static const char front[] = "--- Thread ";
    static const char middle[] = " (name: ";
    for (size_t at; (at = span_find(line, front)) < line.len;) {
        line = span_from(line, at + sizeof(front) - 1);
        const size_t n = scan_hex(line, 0);
        if (n > 0 && span_starts(span_from(line, n), middle)) {
            return has_number_at_end(span_from(line, n + sizeof(middle) - 1));
        }
    }
    return false;
}

/* --- threads --- */

static void add_pending(struct thread_text *t)
{
    if (t->n_threads > 0) {
        legacy_drop_repeated_leaf(t->builder, &t->locations);
        profile_builder_sample(t->builder, t->locations.items, t->locations.n,
                               &t->n_threads, 1, NULL, 0);
    }
    t->n_threads = 0;
    t->locations.n = 0;
}

static bool close_thread(struct thread_text *t, struct err *err)
{
    if (t->is_as_previous || t->addresses.n == 0) {
        t->n_threads += t->n_threads > 0;
        return true;
    }
    add_pending(t);
    for (size_t i = 0; i < t->addresses.n; i++) {
        const uint64_t address = t->addresses.items[i] - (i > 0 ? 1 : 0);
        const uint32_t location = profile_builder_location(
            t->builder, address, PROFILE_NONE, NULL, 0);
        if (!vec_u32_push(&t->locations, location)) {
            return err_nomem(err, what);
        }
    }
    t->n_threads = 1;
    return legacy_check_size(t->builder, what, err);
}

/* A line that begins with dashes. */
static bool open_thread(struct thread_text *t, const struct text_line *line,
                        struct err *err)
{
    if (memory_map_begins(line->text)) {
        t->section = SECTION_MAP;
        return true;
    }
    if (span_starts(line->text, "---- no stack trace for")) {
        t->section = SECTION_OTHER;
        return true;
    }
    if (!is_thread(line->text)) {
        return line_error(err, what, line, "not a thread");
    }
    t->section = SECTION_THREAD;
    t->addresses.n = 0;
    t->is_as_previous = false;
    return true;
}

static bool take_thread_line(struct thread_text *t,
                             const struct text_line *line, struct err *err)
{
    const struct text_line trimmed = {.text = scan_trim(line->text),
                                      .offset = line->offset,
                                      .number = line->number,
                                      .is_complete = line->is_complete};
    if (span_starts(trimmed.text, "---")) {
        return close_thread(t, err) && open_thread(t, &trimmed, err);
    }
    if (span_has(trimmed.text, "same as previous thread")) {
        t->is_as_previous = true;
        return true;
    }
    return legacy_addresses(&t->addresses, trimmed.text, what, line, err);
}

static bool take_header(struct thread_text *t, const struct text_line *line,
                        struct err *err)
{
    if (scan_is_comment(line->text)) {
        return true;
    }
    if (is_header(line->text)) {
        t->section = SECTION_INTRODUCTION;
        return true;
    }
    return open_thread(t, line, err);
}

static bool take_line(void *ctx, const struct text_line *line, struct err *err)
{
    struct thread_text *const t = ctx;
    switch (t->section) {
    case SECTION_HEADER:
        return take_header(t, line, err);
    case SECTION_INTRODUCTION:
        return (!memory_map_begins(line->text) &&
                !span_starts(line->text, "-")) ||
               open_thread(t, line, err);
    case SECTION_THREAD:
        return take_thread_line(t, line, err);
    case SECTION_OTHER:
        if (memory_map_begins(line->text)) {
            t->section = SECTION_MAP;
        }
        return true;
    case SECTION_MAP:
        return memory_map_line(&t->map, line->text, err);
    }
    return true;
}

/* --- the whole --- */

static bool sniff(struct span head)
{
    struct span line;
    while (span_line(&head, &line)) {
        if (!scan_is_comment(line)) {
            return is_header(line) || is_thread(line);
        }
    }
    return false;
}

static void close_text(void *decoder)
{
    struct thread_text *const t = decoder;
    lines_release(&t->lines);
    vec_u64_release(&t->addresses);
    vec_u32_release(&t->locations);
    memory_map_release(&t->map);
    profile_builder_free(t->builder);
    free(t);
}

static void *open_text(const struct input_limits *limits)
{
    struct thread_text *const t = calloc(1, sizeof(*t));
    if (!t) {
        return NULL;
    }
    lines_init(&t->lines, limits->text_bytes, take_line, t);
    memory_map_init(&t->map);
    t->builder = profile_builder_new();
    if (!t->builder) {
        close_text(t);
        return NULL;
    }
    profile_builder_type(t->builder, "thread", "count");
    profile_builder_period(t->builder, "thread", "count", 1);
    return t;
}

static bool write_text(void *decoder, const uint8_t *p, size_t n,
                       struct err *err)
{
    struct thread_text *const t = decoder;
    return lines_write(&t->lines, p, n, err);
}

static bool end_text(void *decoder, struct snapshot *out, struct err *err)
{
    struct thread_text *const t = decoder;
    if (!lines_end(&t->lines, err) ||
        (t->section == SECTION_THREAD && !close_thread(t, err))) {
        return false;
    }
    if (t->section == SECTION_INTRODUCTION || t->section == SECTION_HEADER) {
        return err_set_at(err, ERR_FORMAT, t->lines.total_bytes,
                          "%s: no thread in it", what);
    }
    add_pending(t);
    if (!memory_map_apply(&t->map, t->builder, false, err)) {
        return false;
    }
    legacy_set_frames(t->builder, FRAMES_OF_CPU);
    struct profile_builder *const builder = t->builder;
    t->builder = NULL;
    return legacy_finish(builder, what, out, err);
}

const struct input_format input_thread_text = {
    .name = what,
    .sniff = sniff,
    .open = open_text,
    .write = write_text,
    .end = end_text,
    .close = close_text,
};
