/*
 * Who waited for locks, as text: Go's block and mutex profiles (debug=1) and
 * contentionz of C++ servers. Delays are in cycles there and become
 * nanoseconds; of every so many contentions one was noted. Unlike pprof we
 * read the `#` lines that name Go's frames.
 */
#include "base/measure.h"
#include "base/num.h"
#include "input/format_private.h"
#include "input/java_private.h"
#include "input/legacy_private.h"
#include "input/lines_private.h"
#include "input/memory_map_private.h"
#include "input/record_private.h"
#include "input/scan_private.h"

#include <stdlib.h>

static const char what[] = "contention profile text";

enum section {
    SECTION_HEADER,
    SECTION_ATTRIBUTES,
    SECTION_RECORDS,
    SECTION_OTHER, /* what is neither */
    SECTION_MAP
};

/* Go says which of its two profiles it is; others have only one. */
struct writer {
    const char *prefix;
    enum profile_kind kind; /* KIND_UNKNOWN: look at the profile */
};

static const struct writer writers[] = {
    {"--- contention:",  KIND_BLOCK  },
    {"--- mutex:",       KIND_MUTEX  },
    {"--- contentionz ", KIND_UNKNOWN},
};

struct contention_text {
    struct lines lines;
    enum section section;
    struct profile_builder *builder;
    const struct writer *writer;
    bool is_like_pprof;
    int64_t cycles_per_second, period, duration_ms;
    bool is_open;
    int64_t delay, count;
    struct record record;
    struct memory_map map;
};

/* --- attributes --- */

/* "cycles/second=3201000000": numbers that are used, and one that is not. */
struct attribute {
    const char *name;
    size_t at; /* in contention_text */
};

static const struct attribute attributes[] = {
    {"cycles/second",   offsetof(struct contention_text, cycles_per_second)},
    {"sampling period", offsetof(struct contention_text, period)           },
    {"ms since reset",  offsetof(struct contention_text, duration_ms)      },
};

static const char ignored_attribute[] = "discarded samples";

static bool take_attribute(struct contention_text *t,
                           const struct text_line *line, size_t equals,
                           struct err *err)
{
    const struct span name = scan_trim(span_first(line->text, equals));
    const struct span text = scan_trim(span_from(line->text, equals + 1));
    if (span_is(name, ignored_attribute)) {
        return true;
    }
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        if (!span_is(name, attributes[i].name)) {
            continue;
        }
        int64_t v;
        if (!scan_literal(text, &v)) {
            return line_error(err, what, line, "not a number");
        }
        memcpy((char *)t + attributes[i].at, &v, sizeof(v));
        return true;
    }
    return line_error(err, what, line, "unknown attribute");
}

/* --- records --- */

static bool close_record(struct contention_text *t, struct err *err)
{
    if (!t->is_open) {
        return true;
    }
    t->is_open = false;
    if (!record_locate(&t->record, t->builder, err) ||
        !legacy_check_size(t->builder, what, err)) {
        return false;
    }
    int64_t values[] = {t->count, t->delay};
    if (t->period > 0) {
        values[0] = legacy_times(t->count, t->period);
    }
    if (t->period > 0 && t->cycles_per_second > 0) {
        const double cycles_per_ns = (double)t->cycles_per_second / 1e9;
        values[1] = measure_truncate((double)t->delay * (double)t->period /
                                     cycles_per_ns);
    }
    profile_builder_sample(t->builder, t->record.locations.items,
                           t->record.locations.n, values, 2, NULL, 0);
    return true;
}

struct numbers {
    struct span delay, count;
    size_t end; /* behind the `@` */
};

static bool is_at(struct span s, size_t at)
{
    return scan_has(s, at, ' ') && scan_has(s, at + 1, '@');
}

/* The first "delay count @". Blanks between the two numbers may be missing:
   then the last digit is the count. */
static bool find_numbers(struct span s, struct numbers *out)
{
    for (size_t begin = 0; begin < s.len; begin++) {
        if (!scan_is_digit(s.p[begin])) {
            continue;
        }
        const size_t end = scan_digits(s, begin);
        const size_t count = scan_blanks(s, end);
        const size_t count_end = scan_digits(s, count);
        if (count_end > count && is_at(s, count_end)) {
            *out =
                (struct numbers){scan_cut(s, begin, end),
                                 scan_cut(s, count, count_end), count_end + 2};
            return true;
        }
        if (end - begin > 1 && is_at(s, end)) {
            *out = (struct numbers){scan_cut(s, begin, end - 1),
                                    scan_cut(s, end - 1, end), end + 2};
            return true;
        }
        begin = end;
    }
    return false;
}

static bool open_record(struct contention_text *t, const struct text_line *line,
                        struct err *err)
{
    struct numbers n;
    const struct span text = scan_trim(line->text);
    if (!close_record(t, err)) {
        return false;
    }
    if (!find_numbers(text, &n) || !num_parse_i64(n.delay, &t->delay) ||
        !num_parse_i64(n.count, &t->count)) {
        return line_error(err, what, line, "not a record \"delay count @\"");
    }
    record_clear(&t->record);
    t->is_open = true;
    const struct span behind = span_from(text, n.end);
    return legacy_addresses(&t->record.pcs,
                            span_first(behind, scan_address_text(behind, 0)),
                            what, line, err);
}

static bool take_record_line(struct contention_text *t,
                             const struct text_line *line, struct err *err)
{
    if (!line->is_complete && !t->is_like_pprof) {
        return line_error(err, what, line, "cut off in the middle of a line");
    }
    if (span_starts(line->text, "#\t0x")) {
        return record_symbol_if_any(t->is_open ? &t->record : NULL, line, err);
    }
    if (scan_is_comment(line->text)) {
        return span_starts(scan_trim(line->text), "#") || close_record(t, err);
    }
    return open_record(t, line, err);
}

/* --- the whole --- */

static const struct writer *find_writer(struct span head)
{
    for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
        if (span_starts(head, writers[i].prefix)) {
            return &writers[i];
        }
    }
    return NULL;
}

/* What begins with dashes ends attributes and records. */
static bool end_records(struct contention_text *t, struct span line,
                        struct err *err)
{
    t->section = memory_map_begins(line) ? SECTION_MAP : SECTION_OTHER;
    return close_record(t, err);
}

static bool take_line(void *ctx, const struct text_line *line, struct err *err)
{
    struct contention_text *const t = ctx;
    const struct span text = scan_trim(line->text);
    const size_t equals = span_find_char(line->text, '=');
    switch (t->section) {
    case SECTION_HEADER:
        t->writer = find_writer(line->text);
        t->section = SECTION_ATTRIBUTES;
        return true;
    case SECTION_OTHER:
        if (memory_map_begins(line->text)) {
            t->section = SECTION_MAP;
        }
        return true;
    case SECTION_MAP:
        return memory_map_line(&t->map, line->text, err);
    case SECTION_ATTRIBUTES:
    case SECTION_RECORDS:
        break;
    }
    if (span_starts(text, "---")) {
        return end_records(t, text, err);
    }
    if (t->section == SECTION_ATTRIBUTES && scan_is_comment(text)) {
        return true;
    }
    if (t->section == SECTION_ATTRIBUTES && equals < line->text.len) {
        return take_attribute(t, line, equals, err);
    }
    t->section = SECTION_RECORDS;
    return take_record_line(t, line, err);
}

static bool sniff(struct span head)
{
    return find_writer(head) && !java_text_begins(head);
}

static void close_text(void *decoder)
{
    struct contention_text *const t = decoder;
    lines_release(&t->lines);
    record_release(&t->record);
    memory_map_release(&t->map);
    profile_builder_free(t->builder);
    free(t);
}

static void *open_text(const struct input_limits *limits)
{
    struct contention_text *const t = calloc(1, sizeof(*t));
    if (!t) {
        return NULL;
    }
    lines_init(&t->lines, limits->text_bytes, take_line, t);
    record_init(&t->record);
    memory_map_init(&t->map);
    t->is_like_pprof = limits->is_like_pprof;
    t->period = 1;
    t->builder = profile_builder_new();
    if (!t->builder) {
        close_text(t);
        return NULL;
    }
    profile_builder_type(t->builder, "contentions", "count");
    profile_builder_type(t->builder, "delay", "nanoseconds");
    return t;
}

static bool write_text(void *decoder, const uint8_t *p, size_t n,
                       struct err *err)
{
    struct contention_text *const t = decoder;
    return lines_write(&t->lines, p, n, err);
}

static bool end_text(void *decoder, struct snapshot *out, struct err *err)
{
    struct contention_text *const t = decoder;
    if (!lines_end(&t->lines, err) || !close_record(t, err) ||
        !memory_map_apply(&t->map, t->builder, t->record.has_names, err)) {
        return false;
    }
    legacy_set_frames(t->builder, FRAMES_OF_LOCKS);
    profile_builder_period(t->builder, "contentions", "count", t->period);
    profile_builder_profile(t->builder)->duration_nanos =
        legacy_times(t->duration_ms, 1000000);
    struct profile_builder *const builder = t->builder;
    t->builder = NULL;
    if (!legacy_finish(builder, what, out, err)) {
        return false;
    }
    if (t->writer && t->writer->kind != KIND_UNKNOWN) {
        out->kind = t->writer->kind;
    }
    return true;
}

const struct input_format input_contention_text = {
    .name = what,
    .sniff = sniff,
    .open = open_text,
    .write = write_text,
    .end = end_text,
    .close = close_text,
};
