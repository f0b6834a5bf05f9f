/*
 * Heap profiles as text: Go's (debug=1) and those of gperftools and its kin,
 * growth and fragmentation among them. Numbers are raw samples there and
 * estimates in pprof's format; they are scaled as runtime/pprof and pprof do,
 * so that a text and a proto of one moment say the same. Unlike pprof we read
 * the `#` lines, without which a text has no names at all, and the MemStats
 * block.
 *
 * A series wants every heap profile in the same columns and none that was cut
 * off; pprof gives what was never freed only two columns, and takes anything.
 */
#include "base/limits.h"
#include "base/num.h"
#include "input/format_private.h"
#include "input/legacy_private.h"
#include "input/lines_private.h"
#include "input/memory_map_private.h"
#include "input/record_private.h"
#include "input/scan_private.h"

#include <inttypes.h>
#include <stdlib.h>

static const char what[] = "heap profile text";

/* Numbers of a record, in the order they are printed. */
enum { IN_USE_OBJECTS, IN_USE_BYTES, ALLOC_OBJECTS, ALLOC_BYTES, N_NUMBERS };

struct numbers {
    int64_t v[N_NUMBERS];
};

enum section { SECTION_HEADER, SECTION_RECORDS, SECTION_MEMSTATS, SECTION_MAP };

/* Who wrote it, as the header names them behind the `@`. */
struct writer {
    const char *name;
    bool is_prefix;      /* the name may go on */
    bool is_sampled;     /* the number behind the name is the rate */
    bool is_go;          /* the header adds up what the records hold */
    int64_t rate_factor; /* Go doubles its rate for the sake of old readers */
};

static const struct writer writers[] = {
    {"heap",          false, true,  true,  2},
    {"heap_v2",       false, true,  false, 1},
    {"heapz_v2",      false, true,  false, 1},
    {"heapprofile",   false, false, false, 1},
    {"growth",        true,  false, false, 1},
    {"fragmentation", true,  false, false, 1},
};

struct heap_text {
    struct lines lines;
    enum section section;
    struct profile_builder *builder;
    str_id bytes_key;
    const struct writer *writer;
    int64_t rate; /* mean bytes between samples; 0 or 1: nothing to scale */
    bool is_like_pprof;
    bool has_alloc; /* four columns, not two */
    struct numbers header;
    uint64_t sum[N_NUMBERS]; /* modulo 2^64, like Go's own sums */
    bool is_open;            /* a record waits for its end */
    struct numbers numbers;
    struct record record;
    struct memory_map map;
    struct memstats memstats;
};

/* --- numbers --- */

/* "1: 8 [12: 96]" as text, and what is behind the bracket. */
struct quad {
    struct span text[N_NUMBERS];
    size_t end;
};

static bool take_quad(struct span s, size_t at, struct quad *q)
{
    static const char behind[] = ":[:]";
    for (unsigned i = 0; i < N_NUMBERS; i++) {
        const size_t begin = at;
        at += i < ALLOC_OBJECTS && scan_has(s, at, '-') ? 1 : 0;
        const size_t end = scan_digits(s, at);
        if (end == at) {
            return false;
        }
        q->text[i] = scan_cut(s, begin, end);
        at = behind[i] == ':' ? end : scan_blanks(s, end);
        if (!scan_has(s, at, behind[i])) {
            return false;
        }
        at = i + 1 < N_NUMBERS ? scan_blanks(s, at + 1) : at + 1;
    }
    q->end = at;
    return true;
}

static bool parse_quad(const struct quad *q, struct numbers *out)
{
    for (unsigned i = 0; i < N_NUMBERS; i++) {
        if (!num_parse_i64(q->text[i], &out->v[i])) {
            return false;
        }
    }
    return true;
}

/* The first place in `s` where the numbers of a record stand. */
static bool find_record(struct span s, struct quad *q, size_t *begin)
{
    for (size_t at = 0; at < s.len; at++) {
        if (!scan_is_digit(s.p[at])) {
            continue;
        }
        *begin = at > 0 && s.p[at - 1] == '-' ? at - 1 : at;
        if (take_quad(s, *begin, q) && scan_has(s, q->end, ' ') &&
            scan_has(s, q->end + 1, '@')) {
            return true;
        }
        at = scan_digits(s, at);
    }
    return false;
}

/* Wraps around where C does not say what happens. */
static int64_t quotient(int64_t a, int64_t b)
{
    return b == -1 ? legacy_times(a, -1) : a / b;
}

/* --- records --- */

/* Bytes of one object. Where objects of several sizes share a record, a proto
   of Go's has the mean of all, pprof that of those in use. */
static int64_t block_bytes(const struct heap_text *t)
{
    const int64_t *const v = t->numbers.v;
    if (!t->is_like_pprof) {
        return v[ALLOC_OBJECTS] > 0 ? v[ALLOC_BYTES] / v[ALLOC_OBJECTS] : 0;
    }
    if (v[IN_USE_OBJECTS] != 0) {
        return quotient(v[IN_USE_BYTES], v[IN_USE_OBJECTS]);
    }
    return t->has_alloc && v[ALLOC_OBJECTS] != 0
               ? v[ALLOC_BYTES] / v[ALLOC_OBJECTS]
               : 0;
}

static bool close_record(struct heap_text *t, struct err *err)
{
    if (!t->is_open) {
        return true;
    }
    t->is_open = false;
    if (!record_locate(&t->record, t->builder, err) ||
        !legacy_check_size(t->builder, what, err)) {
        return false;
    }
    const int64_t *const raw = t->numbers.v;
    int64_t values[] = {raw[ALLOC_OBJECTS], raw[ALLOC_BYTES],
                        raw[IN_USE_OBJECTS], raw[IN_USE_BYTES]};
    if (t->writer->is_sampled) {
        legacy_unsample(t->rate, &values[0], &values[1]);
        legacy_unsample(t->rate, &values[2], &values[3]);
    }
    const struct profile_label label = {
        .key = t->bytes_key, .is_num = true, .num = block_bytes(t)};
    const bool has_label = t->is_like_pprof || label.num != 0;
    profile_builder_sample(t->builder, t->record.locations.items,
                           t->record.locations.n,
                           t->has_alloc ? values : values + 2,
                           t->has_alloc ? 4 : 2, &label, has_label ? 1 : 0);
    return true;
}

/* Bytes of no objects: pprof refuses them too. */
static bool is_impossible(const struct heap_text *t)
{
    const int64_t *const v = t->numbers.v;
    return t->is_like_pprof &&
           ((v[IN_USE_OBJECTS] == 0 && v[IN_USE_BYTES] != 0) ||
            (t->has_alloc && v[ALLOC_OBJECTS] == 0 && v[ALLOC_BYTES] != 0));
}

static bool open_record(struct heap_text *t, const struct text_line *line,
                        struct err *err)
{
    if (!close_record(t, err)) {
        return false;
    }
    const struct span text = scan_trim(line->text);
    struct quad q;
    size_t begin;
    if (!find_record(text, &q, &begin) || !parse_quad(&q, &t->numbers) ||
        (begin > 0 && !t->is_like_pprof)) {
        return line_error(err, what, line,
                          "not a record \"objects: bytes [objects: bytes] @\"");
    }
    if (is_impossible(t)) {
        return line_error(err, what, line, "bytes of no objects");
    }
    record_clear(&t->record);
    const struct span behind = span_from(text, q.end + 2);
    const bool ok =
        t->is_like_pprof
            ? legacy_addresses(&t->record.pcs,
                               span_first(behind, scan_address_text(behind, 0)),
                               what, line, err)
            : record_addresses(&t->record, behind, what, line, err);
    for (size_t i = 0; i < N_NUMBERS; i++) {
        t->sum[i] += (uint64_t)t->numbers.v[i];
    }
    t->is_open = true;
    return ok;
}

static bool take_symbol(struct heap_text *t, const struct text_line *line,
                        struct err *err)
{
    if (t->is_like_pprof) {
        return record_symbol_if_any(t->is_open ? &t->record : NULL, line, err);
    }
    return t->is_open ? record_symbol(&t->record, what, line, err)
                      : line_error(err, what, line, "frame outside a record");
}

static bool take_record_line(struct heap_text *t, const struct text_line *line,
                             struct err *err)
{
    if (span_is(line->text, "# runtime.MemStats")) {
        t->section = SECTION_MEMSTATS;
        t->memstats.present = true;
        return close_record(t, err);
    }
    if (!line->is_complete && !t->is_like_pprof) {
        return line_error(err, what, line, "cut off in the middle of a line");
    }
    if (span_starts(line->text, "#\t0x")) {
        return take_symbol(t, line, err);
    }
    if (scan_is_comment(line->text)) {
        return span_starts(scan_trim(line->text), "#") || close_record(t, err);
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

/* What stands behind the bracket of the header: "@ heap/1048576". */
static const struct writer *find_writer(struct span s, size_t at,
                                        struct span *rate)
{
    at = scan_blanks(s, at);
    if (!scan_has(s, at, '@')) {
        return NULL;
    }
    const size_t begin = scan_blanks(s, at + 1);
    size_t end = begin;
    while (end < s.len && (scan_is_digit(s.p[end]) || s.p[end] == '_' ||
                           (s.p[end] >= 'a' && s.p[end] <= 'z'))) {
        end++;
    }
    const struct span name = scan_cut(s, begin, end);
    const size_t digits = end + (scan_has(s, end, '/') ? 1 : 0);
    *rate = scan_cut(s, digits, scan_digits(s, digits));
    for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
        const struct writer *const w = &writers[i];
        if (span_is(name, w->name) ||
            (w->is_prefix && span_starts(name, w->name))) {
            return w;
        }
    }
    return NULL;
}

struct header {
    struct quad quad;
    const struct writer *writer;
    int64_t rate;
};

static bool parse_header(struct span s, struct header *h)
{
    static const char title[] = "heap profile:";
    for (size_t at; (at = span_find(s, title)) < s.len;) {
        s = span_from(s, at + sizeof(title) - 1);
        struct span rate;
        if (!take_quad(s, scan_blanks(s, 0), &h->quad) ||
            !(h->writer = find_writer(s, h->quad.end, &rate))) {
            continue;
        }
        h->rate = 0;
        if (h->writer->is_sampled) {
            return rate.len == 0 || num_parse_i64(rate, &h->rate);
        }
        h->rate = 1;
        return true;
    }
    return false;
}

/* pprof looks at how the header is spelt: were more allocated than are in
   use? */
static bool has_more_allocated(const struct quad *q)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct span allocated = q->text[ALLOC_OBJECTS + i];
        if (!span_eq(allocated, q->text[i]) && !span_is(allocated, "0")) {
            return true;
        }
    }
    return false;
}

static bool take_header(struct heap_text *t, const struct text_line *line,
                        struct err *err)
{
    struct header h;
    if (!parse_header(line->text, &h) ||
        (!t->is_like_pprof &&
         (!line->is_complete || !parse_quad(&h.quad, &t->header)))) {
        return line_error(err, what, line, "bad header");
    }
    t->writer = h.writer;
    t->rate = h.rate / h.writer->rate_factor;
    t->section = SECTION_RECORDS;
    t->has_alloc =
        t->is_like_pprof ? has_more_allocated(&h.quad) : !h.writer->is_prefix;
    if (h.writer->is_prefix) {
        t->has_alloc = false;
    }
    if (t->has_alloc) {
        profile_builder_type(t->builder, "alloc_objects", "count");
        profile_builder_type(t->builder, "alloc_space", "bytes");
        profile_builder_type(t->builder, "inuse_objects", "count");
        profile_builder_type(t->builder, "inuse_space", "bytes");
    } else {
        profile_builder_type(t->builder, "objects", "count");
        profile_builder_type(t->builder, "space", "bytes");
    }
    profile_builder_period(t->builder, "space", "bytes", t->rate);
    t->bytes_key = profile_builder_string(t->builder, SPAN_LIT("bytes"));
    return true;
}

static bool take_line(void *ctx, const struct text_line *line, struct err *err)
{
    struct heap_text *const t = ctx;
    if (t->section == SECTION_HEADER) {
        return take_header(t, line, err);
    }
    if (t->section == SECTION_MAP) {
        return memory_map_line(&t->map, line->text, err);
    }
    const bool is_comment = scan_is_comment(line->text);
    if (!is_comment && memory_map_begins(line->text)) {
        t->section = SECTION_MAP;
        return close_record(t, err);
    }
    if (t->section == SECTION_RECORDS || (t->is_like_pprof && !is_comment)) {
        return take_record_line(t, line, err);
    }
    /* Half a line is half a number. */
    if (line->is_complete) {
        take_memstats_line(&t->memstats, line->text);
    }
    return true;
}

/* What only pprof would take for a header must be one from end to end. */
static bool sniff(struct span head)
{
    struct header h;
    return span_starts(head, "heap profile: ") ||
           parse_header(span_first(head, span_find_char(head, '\n')), &h);
}

static void close_text(void *decoder)
{
    struct heap_text *const t = decoder;
    lines_release(&t->lines);
    record_release(&t->record);
    memory_map_release(&t->map);
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
    struct heap_text *const t = decoder;
    return lines_write(&t->lines, p, n, err);
}

/* The header counts what the records hold: less is a text cut off between
   two of them, which would pass for a smaller heap. */
static bool check_sums(const struct heap_text *t, struct err *err)
{
    static const unsigned checked[] = {IN_USE_OBJECTS, IN_USE_BYTES,
                                       ALLOC_OBJECTS};
    if (t->is_like_pprof || !t->writer->is_go) {
        return true;
    }
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
        !check_sums(t, err) ||
        !memory_map_apply(&t->map, t->builder, t->record.has_names, err)) {
        return false;
    }
    legacy_set_frames(t->builder, FRAMES_OF_HEAP);
    profile_builder_profile(t->builder)->memstats = t->memstats;
    struct profile_builder *const builder = t->builder;
    t->builder = NULL;
    return legacy_finish(builder, what, out, err);
}

const struct input_format input_heap_text = {
    .name = what,
    .sniff = sniff,
    .open = open_text,
    .write = write_text,
    .end = end_text,
    .close = close_text,
};
