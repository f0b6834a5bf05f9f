/*
 * Heap and contention profiles of Java programs as text: attributes, samples
 * with the two numbers the other way round than elsewhere, and the table that
 * names locations.
 */
#include "base/num.h"
#include "input/format_private.h"
#include "input/java_private.h"
#include "input/legacy_private.h"
#include "input/lines_private.h"
#include "input/scan_private.h"

#include <stdlib.h>

static const char what[] = "Java profile text";

/* Java's agent samples every so many bytes. */
enum { SAMPLING_BYTES = 524288 };

enum section {
    SECTION_HEADER,
    SECTION_ATTRIBUTES,
    SECTION_SAMPLES,
    SECTION_LOCATIONS
};

struct java_text {
    struct lines lines;
    enum section section;
    struct profile_builder *builder;
    bool is_heap;
    bool has_types;
    int64_t period, duration_ms;
    struct buf unit; /* of the second number, with a NUL */
    str_id bytes_key;
    struct vec_u64 numbers; /* of a sample */
    struct vec_u32 locations;
    struct java_table table;
};

/* --- attributes --- */

static bool is_attribute_text(char c)
{
    return scan_is_digit(c) || c == '_' || c == ' ' || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

struct attribute {
    struct span name, text;
};

/* The first "name = text" in a line. */
static bool find_attribute(struct span s, struct attribute *out)
{
    for (size_t i = 1; i + 1 < s.len; i++) {
        if (s.p[i] != '=' || !is_attribute_text(s.p[i - 1]) ||
            !is_attribute_text(s.p[i + 1])) {
            continue;
        }
        size_t begin = i;
        while (begin > 0 && is_attribute_text(s.p[begin - 1])) {
            begin--;
        }
        size_t end = i + 1;
        while (end < s.len && is_attribute_text(s.p[end])) {
            end++;
        }
        *out = (struct attribute){scan_trim(scan_cut(s, begin, i)),
                                  scan_trim(scan_cut(s, i + 1, end))};
        return true;
    }
    return false;
}

/* The last of several units counts. */
static bool set_unit(struct java_text *t, struct span unit, struct err *err)
{
    buf_clear(&t->unit);
    buf_span(&t->unit, unit);
    buf_char(&t->unit, '\0');
    return buf_check(&t->unit, what, err);
}

/* Behind the attributes. Without a unit there are no types. */
static void add_types(struct java_text *t)
{
    if (t->has_types || t->unit.len == 0) {
        return;
    }
    profile_builder_type(t->builder,
                         t->is_heap ? "inuse_objects" : "contentions", "count");
    profile_builder_type(t->builder, t->is_heap ? "inuse_space" : "delay",
                         t->unit.data);
    t->has_types = true;
}

static bool set_number(int64_t *out, struct span text,
                       const struct text_line *line, struct err *err)
{
    return scan_literal(text, out) ||
           line_error(err, what, line, "not a number");
}

static bool take_attribute(struct java_text *t, const struct attribute *a,
                           const struct text_line *line, struct err *err)
{
    if (span_is(a->name, "format")) {
        return span_is(a->text, "java") ||
               line_error(err, what, line, "a format other than java");
    }
    if (span_is(a->name, "resolution")) {
        return set_unit(t, a->text, err);
    }
    if (!t->is_heap && span_is(a->name, "sampling period")) {
        profile_builder_period(t->builder, "contentions", "count", 0);
        return set_number(&t->period, a->text, line, err);
    }
    if (!t->is_heap && span_is(a->name, "ms since reset")) {
        return set_number(&t->duration_ms, a->text, line, err);
    }
    return line_error(err, what, line, "unknown attribute");
}

/* --- samples --- */

struct sample {
    struct span first, second;
    size_t end; /* behind the `@` and the blanks that follow */
};

/* The first "bytes objects @ ": blanks may not be missing. */
static bool find_sample(struct span s, struct sample *out)
{
    for (size_t begin = 0; begin < s.len; begin++) {
        if (!scan_is_digit(s.p[begin])) {
            continue;
        }
        const size_t end = scan_digits(s, begin);
        const size_t second = scan_blanks(s, end);
        const size_t second_end = scan_digits(s, second);
        const size_t at = scan_blanks(s, second_end);
        if (second > end && second_end > second && at > second_end &&
            scan_has(s, at, '@') && scan_has(s, at + 1, ' ')) {
            *out = (struct sample){scan_cut(s, begin, end),
                                   scan_cut(s, second, second_end),
                                   scan_blanks(s, at + 1)};
            return true;
        }
        begin = end;
    }
    return false;
}

static bool locate(struct java_text *t, struct span behind,
                   const struct text_line *line, struct err *err)
{
    t->numbers.n = 0;
    t->locations.n = 0;
    if (!legacy_addresses(&t->numbers,
                          span_first(behind, scan_address_text(behind, 0)),
                          what, line, err)) {
        return false;
    }
    for (size_t i = 0; i < t->numbers.n; i++) {
        uint32_t location;
        if (!java_table_index(&t->table, t->numbers.items[i], &location, err)) {
            return false;
        }
        if (!vec_u32_push(&t->locations, location)) {
            return err_nomem(err, what);
        }
    }
    return true;
}

static bool add_sample(struct java_text *t, const struct sample *s,
                       const struct text_line *line, struct err *err)
{
    int64_t count;
    int64_t amount;
    if (!scan_literal(s->second, &count) || !scan_literal(s->first, &amount)) {
        return line_error(err, what, line, "not a number");
    }
    add_types(t);
    if (!t->has_types) {
        return line_error(err, what, line, "sample without a resolution");
    }
    struct profile_label label = {.key = t->bytes_key, .is_num = true};
    if (t->is_heap) {
        if (count == 0) {
            return line_error(err, what, line, "bytes of no objects");
        }
        label.num = amount / count;
        legacy_unsample(SAMPLING_BYTES, &count, &amount);
    } else if (t->period != 0) {
        count = legacy_times(count, t->period);
        amount = legacy_times(amount, t->period);
    }
    const int64_t values[] = {count, amount};
    profile_builder_sample(t->builder, t->locations.items, t->locations.n,
                           values, 2, &label, t->is_heap ? 1 : 0);
    return true;
}

/* --- the whole --- */

static bool is_heap_header(struct span line)
{
    return span_is(scan_trim(line), "--- heapz 1 ---");
}

static bool is_contention_header(struct span line)
{
    return span_is(scan_trim(line), "--- contentionz 1 ---");
}

bool java_text_begins(struct span head)
{
    struct span line;
    if (!span_line(&head, &line)) {
        return false;
    }
    if (is_heap_header(line)) {
        return true;
    }
    if (!is_contention_header(line)) {
        return false;
    }
    while (span_line(&head, &line)) {
        struct attribute a = {0};
        const struct span text = scan_trim(line);
        if (span_starts(text, "---") ||
            (text.len > 0 && !find_attribute(text, &a))) {
            return false;
        }
        const struct span name = a.name;
        if (span_is(name, "format") || span_is(name, "resolution")) {
            return true;
        }
    }
    return false;
}

/* Attributes and samples are whole lines; what a text ends with instead can
   only be the last line of the table. */
static bool take_text_line(struct java_text *t, const struct text_line *line,
                           struct err *err)
{
    const struct span text = scan_trim(line->text);
    struct attribute a;
    struct sample s;
    if (text.len == 0) {
        return true;
    }
    if (t->section == SECTION_ATTRIBUTES && line->is_complete &&
        find_attribute(text, &a)) {
        return take_attribute(t, &a, line, err);
    }
    if (t->section != SECTION_LOCATIONS && line->is_complete &&
        find_sample(text, &s)) {
        t->section = SECTION_SAMPLES;
        return locate(t, span_from(text, s.end), line, err) &&
               add_sample(t, &s, line, err);
    }
    t->section = SECTION_LOCATIONS;
    return java_table_line(&t->table, text, err) || err_wrap(err, "%s", what);
}

static bool take_line(void *ctx, const struct text_line *line, struct err *err)
{
    struct java_text *const t = ctx;
    if (t->section != SECTION_HEADER) {
        return take_text_line(t, line, err);
    }
    t->is_heap = is_heap_header(line->text);
    t->section = SECTION_ATTRIBUTES;
    return true;
}

static void close_text(void *decoder)
{
    struct java_text *const t = decoder;
    lines_release(&t->lines);
    buf_release(&t->unit);
    vec_u64_release(&t->numbers);
    vec_u32_release(&t->locations);
    java_table_release(&t->table);
    profile_builder_free(t->builder);
    free(t);
}

static void *open_text(const struct input_limits *limits)
{
    struct java_text *const t = calloc(1, sizeof(*t));
    if (!t) {
        return NULL;
    }
    lines_init(&t->lines, limits->text_bytes, take_line, t);
    t->unit = BUF_LIMIT(LINE_MAX_BYTES);
    t->builder = profile_builder_new();
    if (!t->builder) {
        close_text(t);
        return NULL;
    }
    t->bytes_key = profile_builder_string(t->builder, SPAN_LIT("bytes"));
    return t;
}

static bool write_text(void *decoder, const uint8_t *p, size_t n,
                       struct err *err)
{
    struct java_text *const t = decoder;
    return lines_write(&t->lines, p, n, err);
}

static bool end_text(void *decoder, struct snapshot *out, struct err *err)
{
    struct java_text *const t = decoder;
    if (!lines_end(&t->lines, err)) {
        return false;
    }
    add_types(t);
    java_table_apply(&t->table, t->builder);
    legacy_set_frames(t->builder, !t->has_types ? FRAMES_OF_CPU
                                  : t->is_heap  ? FRAMES_OF_HEAP
                                                : FRAMES_OF_LOCKS);
    struct profile *const p = profile_builder_profile(t->builder);
    p->period = t->period;
    p->duration_nanos = legacy_times(t->duration_ms, 1000000);
    struct profile_builder *const builder = t->builder;
    t->builder = NULL;
    return legacy_finish(builder, what, out, err);
}

const struct input_format input_java_text = {
    .name = what,
    .sniff = java_text_begins,
    .open = open_text,
    .write = write_text,
    .end = end_text,
    .close = close_text,
};
