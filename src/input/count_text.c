/*
 * Go's profiles that only count, as text (debug=1): goroutine, goroutineleak,
 * threadcreate and those a program makes itself. The `#` lines leave out
 * leading runtime frames, so the wait a goroutine is in is not named here; a
 * proto or a dump of the moment knows it. Like pprof, comments may stand in
 * front and a memory map behind; unlike it, labels are read.
 */
#include "input/format_private.h"
#include "input/legacy_private.h"
#include "input/lines_private.h"
#include "input/memory_map_private.h"
#include "input/quoted_private.h"
#include "input/record_private.h"
#include "input/scan_private.h"

#include <inttypes.h>
#include <stdlib.h>

static const char title[] = "goroutine profile text";

VEC_TYPE(count_labels, struct profile_label)

enum section { SECTION_HEADER, SECTION_RECORDS, SECTION_OTHER, SECTION_MAP };

struct count_text {
    struct lines lines;
    enum section section;
    struct profile_builder *builder;
    bool is_like_pprof;
    uint64_t total, sum;
    bool is_open;
    int64_t n;
    struct record record;
    struct count_labels labels;
    struct label_cursor cursor;
    struct memory_map map;
};

static bool close_record(struct count_text *t, struct err *err)
{
    if (!t->is_open) {
        return true;
    }
    t->is_open = false;
    if (!record_locate(&t->record, t->builder, err) ||
        !legacy_check_size(t->builder, title, err)) {
        return false;
    }
    profile_builder_sample(t->builder, t->record.locations.items,
                           t->record.locations.n, &t->n, 1, t->labels.items,
                           t->labels.n);
    return true;
}

/* "72 @ 0x477eee 0x40b3bc" */
static bool open_record(struct count_text *t, const struct text_line *line,
                        struct err *err)
{
    if (!close_record(t, err)) {
        return false;
    }
    struct span rest = line->text;
    if (!take_i64(&rest, &t->n) || t->n < 0 || !take_text(&rest, " @")) {
        return line_error(err, title, line, "not a record \"count @ ...\"");
    }
    record_clear(&t->record);
    t->labels.n = 0;
    if (!record_addresses(&t->record, rest, title, line, err)) {
        return false;
    }
    t->sum += (uint64_t)t->n;
    t->is_open = true;
    return true;
}

/* `{"key":"value"}`; where that is only a comment, what is none is ignored. */
static bool take_labels(struct count_text *t, const struct text_line *line,
                        struct span set, struct err *err)
{
    label_begin(&t->cursor, set);
    struct label_pair pair;
    while (label_next(&t->cursor, &pair)) {
        const struct profile_label label = {
            .key = profile_builder_string(t->builder, pair.key),
            .str = profile_builder_string(t->builder, pair.value)};
        if (!count_labels_push(&t->labels, label)) {
            return err_nomem(err, title);
        }
    }
    if (t->cursor.is_out_of_memory) {
        return err_nomem(err, title);
    }
    return !t->cursor.failed || t->is_like_pprof ||
           line_error(err, title, line, "bad labels");
}

static bool take_comment(struct count_text *t, const struct text_line *line,
                         struct err *err)
{
    struct span rest = line->text;
    if (span_starts(rest, "#\t0x") && t->is_like_pprof) {
        return record_symbol_if_any(t->is_open ? &t->record : NULL, line, err);
    }
    if (span_starts(rest, "#\t0x")) {
        return t->is_open
                   ? record_symbol(&t->record, title, line, err)
                   : line_error(err, title, line, "frame outside a record");
    }
    if (t->is_open && take_text(&rest, "# labels: ")) {
        return take_labels(t, line, rest, err);
    }
    return true;
}

/* "goroutine profile: total 7" */
static bool take_header(struct count_text *t, const struct text_line *line,
                        struct err *err)
{
    static const char middle[] = " profile: total ";
    const size_t n = span_find(line->text, middle);
    struct span rest = span_from(line->text, n + sizeof(middle) - 1);
    int64_t total;
    if ((!line->is_complete && !t->is_like_pprof) || n == 0 ||
        !take_i64(&rest, &total) || total < 0) {
        return line_error(err, title, line, "bad header");
    }
    struct buf name = BUF_LIMIT(INPUT_HEAD_BYTES);
    buf_span(&name, span_first(line->text, n));
    const bool ok = buf_check(&name, title, err);
    if (ok) {
        profile_builder_type(t->builder, name.data, "count");
        profile_builder_period(t->builder, name.data, "count", 1);
    }
    buf_release(&name);
    t->total = (uint64_t)total;
    t->section = SECTION_RECORDS;
    return ok;
}

static bool take_record_line(struct count_text *t, const struct text_line *line,
                             struct err *err)
{
    if (!line->is_complete && !t->is_like_pprof) {
        return line_error(err, title, line, "cut off in the middle of a line");
    }
    if (line->text.len == 0) {
        return close_record(t, err);
    }
    if (line->text.p[0] == '#') {
        return take_comment(t, line, err);
    }
    if (span_starts(line->text, "---")) {
        t->section = SECTION_OTHER;
        return close_record(t, err);
    }
    return scan_is_comment(line->text) || open_record(t, line, err);
}

static bool take_line(void *ctx, const struct text_line *line, struct err *err)
{
    struct count_text *const t = ctx;
    switch (t->section) {
    case SECTION_HEADER:
        return scan_is_comment(line->text) || take_header(t, line, err);
    case SECTION_MAP:
        return memory_map_line(&t->map, line->text, err);
    case SECTION_RECORDS:
    case SECTION_OTHER:
        break;
    }
    if (memory_map_begins(line->text) &&
        (t->section == SECTION_OTHER || span_starts(line->text, "---"))) {
        t->section = SECTION_MAP;
        return close_record(t, err);
    }
    return t->section == SECTION_OTHER || take_record_line(t, line, err);
}

/* A first line "<name> profile: total <n>", comments in front left out. */
static bool sniff(struct span head)
{
    struct span line;
    while (span_line(&head, &line)) {
        if (!scan_is_comment(line)) {
            const size_t n = span_find(line, " profile: total ");
            return n > 0 && n < line.len && input_is_text(line);
        }
    }
    return false;
}

static void close_text(void *decoder)
{
    struct count_text *const t = decoder;
    lines_release(&t->lines);
    record_release(&t->record);
    count_labels_release(&t->labels);
    label_cursor_release(&t->cursor);
    memory_map_release(&t->map);
    profile_builder_free(t->builder);
    free(t);
}

static void *open_text(const struct input_limits *limits)
{
    struct count_text *const t = calloc(1, sizeof(*t));
    if (!t) {
        return NULL;
    }
    lines_init(&t->lines, limits->text_bytes, take_line, t);
    record_init(&t->record);
    memory_map_init(&t->map);
    t->is_like_pprof = limits->is_like_pprof;
    t->builder = profile_builder_new();
    if (!t->builder) {
        close_text(t);
        return NULL;
    }
    return t;
}

static bool write_text(void *decoder, const uint8_t *p, size_t n,
                       struct err *err)
{
    struct count_text *const t = decoder;
    return lines_write(&t->lines, p, n, err);
}

static bool end_text(void *decoder, struct snapshot *out, struct err *err)
{
    struct count_text *const t = decoder;
    if (!lines_end(&t->lines, err) || !close_record(t, err)) {
        return false;
    }
    if (t->sum != t->total && !t->is_like_pprof) {
        return err_set_at(err, ERR_FORMAT, t->lines.total_bytes,
                          "%s: cut off or altered, records add up to "
                          "%" PRIu64 " of the header's %" PRIu64,
                          title, t->sum, t->total);
    }
    if (!memory_map_apply(&t->map, t->builder, t->record.has_names, err)) {
        return false;
    }
    legacy_set_frames(t->builder, FRAMES_OF_CPU);
    struct profile_builder *const builder = t->builder;
    t->builder = NULL;
    return legacy_finish(builder, title, out, err);
}

const struct input_format input_count_text = {
    .name = title,
    .sniff = sniff,
    .open = open_text,
    .write = write_text,
    .end = end_text,
    .close = close_text,
};
