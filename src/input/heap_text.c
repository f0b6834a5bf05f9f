/*
 * Go's heap profile as text (debug=1). Numbers are raw samples there and
 * estimates in pprof's format; they are scaled as runtime/pprof does, so that
 * a text and a proto of one moment say the same. Unlike pprof we read the `#`
 * lines, without which a text has no names at all, and the MemStats block.
 */
#include "base/limits.h"
#include "base/num.h"
#include "input/format_private.h"
#include "input/lines_private.h"
#include "input/record_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static const char what[] = "heap profile text";

/* Numbers of a record, in the order they are printed. */
enum { IN_USE_OBJECTS, IN_USE_BYTES, ALLOC_OBJECTS, ALLOC_BYTES, N_NUMBERS };

struct numbers {
    int64_t v[N_NUMBERS];
};

enum section { SECTION_HEADER, SECTION_RECORDS, SECTION_MEMSTATS };

struct heap_text {
    struct lines lines;
    enum section section;
    struct profile_builder *builder;
    str_id bytes_key;
    int64_t rate; /* mean bytes between samples; 0 or 1: nothing to scale */
    struct numbers header;
    uint64_t sum[N_NUMBERS]; /* modulo 2^64, like Go's own sums */
    bool is_open;            /* a record waits for its end */
    struct numbers numbers;
    struct record record;
    struct memstats memstats;
};

/* --- numbers --- */

/* "1: 8 [12: 96] @" */
static bool take_numbers(struct span *rest, struct numbers *out)
{
    *rest = span_trim(*rest);
    return take_i64(rest, &out->v[IN_USE_OBJECTS]) && take_text(rest, ": ") &&
           take_i64(rest, &out->v[IN_USE_BYTES]) && take_text(rest, " [") &&
           take_i64(rest, &out->v[ALLOC_OBJECTS]) && take_text(rest, ": ") &&
           take_i64(rest, &out->v[ALLOC_BYTES]) && take_text(rest, "] @");
}

static int64_t i64_from_double(double v)
{
    /* 2^63, the first double beyond int64. */
    static const double end = 9223372036854775808.0;
    if (isnan(v)) {
        return 0;
    }
    if (v >= end) {
        return INT64_MAX;
    }
    return v < -end ? INT64_MIN : (int64_t)v;
}

/* An allocation of s bytes is sampled with probability 1 - exp(-s / rate). */
static void scale(int64_t rate, int64_t *objects, int64_t *n_bytes)
{
    if (*objects == 0 || *n_bytes == 0) {
        *objects = 0;
        *n_bytes = 0;
        return;
    }
    if (rate <= 1) {
        return;
    }
    const double count = (double)*objects;
    const double total = (double)*n_bytes;
    const double factor = 1 / (1 - exp(-(total / count) / (double)rate));
    *objects = i64_from_double(count * factor);
    *n_bytes = i64_from_double(total * factor);
}

/* --- records --- */

static bool close_record(struct heap_text *t, struct err *err)
{
    if (!t->is_open) {
        return true;
    }
    t->is_open = false;
    if (!record_locate(&t->record, t->builder, err)) {
        return false;
    }
    const struct numbers *const raw = &t->numbers;
    int64_t values[] = {raw->v[ALLOC_OBJECTS], raw->v[ALLOC_BYTES],
                        raw->v[IN_USE_OBJECTS], raw->v[IN_USE_BYTES]};
    scale(t->rate, &values[0], &values[1]);
    scale(t->rate, &values[2], &values[3]);
    struct profile_label block_bytes = {.key = t->bytes_key, .is_num = true};
    if (raw->v[ALLOC_OBJECTS] > 0) {
        block_bytes.num = raw->v[ALLOC_BYTES] / raw->v[ALLOC_OBJECTS];
    }
    profile_builder_sample(t->builder, t->record.locations.items,
                           t->record.locations.n, values,
                           sizeof(values) / sizeof(values[0]), &block_bytes,
                           block_bytes.num != 0 ? 1 : 0);
    return true;
}

static bool open_record(struct heap_text *t, const struct text_line *line,
                        struct err *err)
{
    if (!close_record(t, err)) {
        return false;
    }
    struct span rest = line->text;
    if (!take_numbers(&rest, &t->numbers)) {
        return line_error(err, what, line,
                          "not a record \"objects: bytes [objects: bytes] @\"");
    }
    record_clear(&t->record);
    if (!record_addresses(&t->record, rest, what, line, err)) {
        return false;
    }
    for (size_t i = 0; i < N_NUMBERS; i++) {
        t->sum[i] += (uint64_t)t->numbers.v[i];
    }
    t->is_open = true;
    return true;
}

static bool take_record_line(struct heap_text *t, const struct text_line *line,
                             struct err *err)
{
    if (span_is(line->text, "# runtime.MemStats")) {
        t->section = SECTION_MEMSTATS;
        t->memstats.present = true;
        return close_record(t, err);
    }
    if (!line->is_complete) {
        return line_error(err, what, line, "cut off in the middle of a line");
    }
    if (line->text.len == 0) {
        return close_record(t, err);
    }
    if (span_starts(line->text, "#\t0x")) {
        return t->is_open
                   ? record_symbol(&t->record, what, line, err)
                   : line_error(err, what, line, "frame outside a record");
    }
    if (line->text.p[0] == '#') {
        return true;
    }
    return open_record(t, line, err);
}

/* --- MemStats --- */

static const char *const memstats_names[] = {
#define X(name) #name,
    MEMSTATS_FIELDS(X)
#undef X
};

static void set_memstat(struct memstats *m, enum memstats_field field,
                        struct span text)
{
    uint64_t v;
    if (num_parse_u64(span_trim(text), &v)) {
        m->v[field] = v;
        m->has |= UINT32_C(1) << (unsigned)field;
    }
}

/* "# Stack = 688128 / 688128": in use, and taken from the system. */
static void take_memstats_line(struct memstats *m, struct span line)
{
    if (!take_text(&line, "# ")) {
        return;
    }
    const size_t equals = span_find(line, " = ");
    const struct span name = span_first(line, equals);
    const struct span text = span_from(line, equals + 3);
    const size_t slash = span_find(text, " / ");
    if (span_is(name, "Stack")) {
        set_memstat(m, MEMSTATS_StackSys, span_from(text, slash + 3));
    }
    for (unsigned i = 0; i < MEMSTATS_N; i++) {
        if (span_is(name, memstats_names[i])) {
            set_memstat(m, (enum memstats_field)i, span_first(text, slash));
            return;
        }
    }
}

/* --- the whole --- */

/* Rates as writers print them: Go doubles its own for the sake of old
   readers. */
struct rate_form {
    const char *prefix;
    int64_t divisor;
};

static const struct rate_form rate_forms[] = {
    {" heap/",     2},
    {" heap_v2/",  1},
    {" heapz_v2/", 1}
};

static int64_t parse_rate(struct span text)
{
    for (size_t i = 0; i < sizeof(rate_forms) / sizeof(rate_forms[0]); i++) {
        struct span rest = text;
        int64_t rate;
        if (take_text(&rest, rate_forms[i].prefix) && take_i64(&rest, &rate)) {
            return rate / rate_forms[i].divisor;
        }
    }
    return 1;
}

static bool take_header(struct heap_text *t, const struct text_line *line,
                        struct err *err)
{
    struct span rest = line->text;
    if (!line->is_complete || !take_text(&rest, "heap profile: ") ||
        !take_numbers(&rest, &t->header)) {
        return line_error(err, what, line, "bad header");
    }
    t->rate = parse_rate(rest);
    t->section = SECTION_RECORDS;
    profile_builder_type(t->builder, "alloc_objects", "count");
    profile_builder_type(t->builder, "alloc_space", "bytes");
    profile_builder_type(t->builder, "inuse_objects", "count");
    profile_builder_type(t->builder, "inuse_space", "bytes");
    profile_builder_period(t->builder, "space", "bytes", t->rate);
    t->bytes_key = profile_builder_string(t->builder, SPAN_LIT("bytes"));
    return true;
}

static bool take_line(void *ctx, const struct text_line *line, struct err *err)
{
    struct heap_text *const t = ctx;
    switch (t->section) {
    case SECTION_HEADER:
        return take_header(t, line, err);
    case SECTION_RECORDS:
        return take_record_line(t, line, err);
    case SECTION_MEMSTATS:
        /* Half a line is half a number. */
        if (line->is_complete) {
            take_memstats_line(&t->memstats, line->text);
        }
        return true;
    }
    return true;
}

static bool sniff(struct span head)
{
    return span_starts(head, "heap profile: ");
}

static void close_text(void *decoder)
{
    struct heap_text *const t = decoder;
    lines_release(&t->lines);
    record_release(&t->record);
    profile_builder_free(t->builder);
    free(t);
}

static void *open_text(const struct input_limits *limits)
{
    struct heap_text *const t = calloc(1, sizeof(*t));
    if (!t) {
        return NULL;
    }
    lines_init(&t->lines, limits->text_bytes, take_line, t);
    record_init(&t->record);
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
    struct heap_text *const t = decoder;
    return lines_write(&t->lines, p, n, err);
}

/* The header counts what the records hold: less is a text cut off between
   two of them, which would pass for a smaller heap. */
static bool check_sums(const struct heap_text *t, struct err *err)
{
    static const unsigned checked[] = {IN_USE_OBJECTS, IN_USE_BYTES,
                                       ALLOC_OBJECTS};
    for (size_t i = 0; i < sizeof(checked) / sizeof(checked[0]); i++) {
        const uint64_t said = (uint64_t)t->header.v[checked[i]];
        const uint64_t found = t->sum[checked[i]];
        if (said != found) {
            return err_set_at(err, ERR_FORMAT, t->lines.total_bytes,
                              "%s: cut off or altered, records add up to "
                              "%" PRIu64 " of the header's %" PRIu64,
                              what, found, said);
        }
    }
    return true;
}

static bool end_text(void *decoder, struct snapshot *out, struct err *err)
{
    struct heap_text *const t = decoder;
    if (!lines_end(&t->lines, err) || !close_record(t, err) ||
        !check_sums(t, err)) {
        return false;
    }
    profile_builder_profile(t->builder)->memstats = t->memstats;
    struct profile_builder *const builder = t->builder;
    t->builder = NULL;
    if (!profile_builder_finish(builder, &out->profile, err)) {
        return err_wrap(err, "%s", what);
    }
    out->form = FORM_TEXT;
    out->kind = profile_kind(out->profile);
    return true;
}

const struct input_format input_heap_text = {
    .name = what,
    .sniff = sniff,
    .open = open_text,
    .write = write_text,
    .end = end_text,
    .close = close_text,
};
