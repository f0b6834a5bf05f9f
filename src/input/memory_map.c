/*
 * Lines are cut by hand as google/pprof's two expressions would cut them,
 * which is more forgiving than it looks: an address may be split to get two.
 * Locations are looked up in a tree over the ends of all mappings, because a
 * hostile file may have a million of each, and mappings may overlap, in which
 * case the first one wins.
 */
#include "input/memory_map_private.h"

#include "base/limits.h"
#include "base/num.h"
#include "input/cover_private.h"
#include "input/lines_private.h"
#include "input/scan_private.h"

#include <string.h>

static const char what[] = "memory map";

enum {
    /* Linux gives a process 65,530 mappings unless told otherwise. */
    MAPPINGS_MAX = 1 << 20,

    /* One or two are usual. */
    ATTRIBUTES_MAX = 64,

    /* What a dollar sign costs beside the bytes that are looked at: a million
       of them are allowed. */
    DOLLAR_BYTES = 256
};

void memory_map_init(struct memory_map *m)
{
    *m = (struct memory_map){.text = BUF_LIMIT((size_t)LIMIT_TEXT_BYTES),
                             .line = BUF_LIMIT(LINE_MAX_BYTES)};
}

void memory_map_release(struct memory_map *m)
{
    map_rows_release(&m->rows);
    map_attributes_release(&m->attributes);
    buf_release(&m->text);
    buf_release(&m->line);
}

bool memory_map_begins(struct span line)
{
    return span_has(line, "--- Memory map: ---") ||
           span_has(line, "MAPPED_LIBRARIES:");
}

/* --- text that is kept --- */

static struct map_text keep(struct memory_map *m, struct span text)
{
    const struct map_text place = {m->text.len, text.len};
    buf_span(&m->text, text);
    return place;
}

static struct span text_at(const struct memory_map *m, struct map_text place)
{
    return place.n ? (struct span){m->text.data + place.at, place.n}
                   : (struct span){"", 0};
}

/* --- one line --- */

struct map_parts {
    struct span start, limit, permissions, offset, file, build_id;
};

static bool has_prefix_0x(struct span s, size_t at)
{
    return scan_has(s, at, '0') && scan_has(s, at + 1, 'x') && at + 2 < s.len &&
           scan_is_hex(s.p[at + 2]);
}

/* An expression tries these one after the other: two addresses; one whose
   last digit begins the other by "0x"; one whose last digit is the other. */
enum range_way { TWO_ADDRESSES, SPLIT_AT_0X, SPLIT_AT_END, N_RANGE_WAYS };

/* The addresses in front, and where they end. */
static bool take_range(struct span s, enum range_way way,
                       struct map_parts *parts, size_t *at)
{
    size_t begin = scan_spaces(s, 0);
    begin += has_prefix_0x(s, begin) ? 2 : 0;
    size_t end = scan_hex(s, begin);
    size_t next = end;
    if (way == TWO_ADDRESSES) {
        const bool has_separator =
            next < s.len && (s.p[next] == '-' || scan_is_space(s.p[next]));
        next = scan_spaces(s, next + (has_separator ? 1 : 0));
    } else if (end - begin < 2) {
        return false;
    } else {
        next = --end;
    }
    const bool has_prefix = way != SPLIT_AT_END && has_prefix_0x(s, next);
    next += has_prefix ? 2 : 0;
    *at = scan_hex(s, next);
    if (end == begin || *at == next || (way == SPLIT_AT_0X && !has_prefix)) {
        return false;
    }
    parts->start = scan_cut(s, begin, end);
    parts->limit = scan_cut(s, next, *at);
    return true;
}

static size_t skip_colon(struct span s, size_t at)
{
    return at + (scan_has(s, at, ':') ? 1 : 0);
}

/* " r-xp": letters only, whatever follows them. */
static void take_permissions(struct span s, size_t *at, struct map_parts *parts)
{
    static const struct span letters = {"-rwxp", 5};
    const size_t begin = scan_spaces(s, *at);
    size_t end = begin;
    while (begin > *at && end < s.len &&
           span_find_char(letters, s.p[end]) < letters.len) {
        end++;
    }
    if (end > begin) {
        parts->permissions = scan_cut(s, begin, end);
        *at = end;
    }
}

/* White space and a run of hex digits behind it. */
static bool take_hex(struct span s, size_t *at, struct span *out)
{
    const size_t begin = scan_spaces(s, *at);
    const size_t end = scan_hex(s, begin);
    if (begin == *at || end == begin) {
        return false;
    }
    *out = scan_cut(s, begin, end);
    *at = end;
    return true;
}

static bool take_word(struct span s, size_t *at, struct span *out)
{
    const size_t begin = scan_spaces(s, *at);
    const size_t end = scan_word(s, begin);
    if (begin == *at || end == begin) {
        return false;
    }
    *out = scan_cut(s, begin, end);
    *at = end;
    return true;
}

/* " r-xp 00001000 08:01 131102 /usr/bin/app", as the kernel writes it. */
static bool take_proc_rest(struct span s, size_t at, struct map_parts *parts)
{
    at = skip_colon(s, at);
    take_permissions(s, &at, parts);
    struct span device;
    if (!take_hex(s, &at, &device)) {
        return false;
    }
    if (!scan_has(s, at, ':')) {
        parts->offset = device;
        if (!take_hex(s, &at, &device) || !scan_has(s, at, ':')) {
            return false;
        }
    }
    const size_t minor = at + 1;
    at = scan_hex(s, minor);
    const size_t inode = scan_spaces(s, at);
    const size_t end = scan_digits(s, inode);
    if (at == minor || inode == at || end == inode) {
        return false;
    }
    at = end;
    (void)take_word(s, &at, &parts->file);
    return true;
}

/* " r-xp /usr/bin/app (@1000) buildid": any of it may be missing. */
static void take_brief_rest(struct span s, size_t at, struct map_parts *parts)
{
    at = skip_colon(s, at);
    take_permissions(s, &at, parts);
    (void)take_word(s, &at, &parts->file);
    const size_t begin = scan_spaces(s, at);
    if (begin > at && scan_has(s, begin, '(') && scan_has(s, begin + 1, '@')) {
        const size_t end = scan_hex(s, begin + 2);
        if (end > begin + 2 && scan_has(s, end, ')')) {
            parts->offset = scan_cut(s, begin + 2, end);
            at = end + 1;
        }
    }
    (void)take_hex(s, &at, &parts->build_id);
}

static bool parse_parts(struct span s, struct map_parts *out)
{
    size_t at = 0;
    for (unsigned way = 0; way < N_RANGE_WAYS; way++) {
        struct map_parts parts = {0};
        if (take_range(s, (enum range_way)way, &parts, &at) &&
            take_proc_rest(s, at, &parts)) {
            *out = parts;
            return true;
        }
    }
    for (unsigned way = 0; way < N_RANGE_WAYS; way++) {
        struct map_parts parts = {0};
        if (take_range(s, (enum range_way)way, &parts, &at)) {
            take_brief_rest(s, at, &parts);
            *out = parts;
            return true;
        }
    }
    return false;
}

/* Behind what a logger put in front: "I0102 main.cc:17] ". */
static struct span without_log_prefix(struct span s)
{
    size_t end = 0;
    while (end < s.len && s.p[end] != '[' && s.p[end] != ']') {
        end++;
    }
    size_t digits = end;
    while (digits > 0 && scan_is_digit(s.p[digits - 1])) {
        digits--;
    }
    const bool is_prefix = scan_has(s, end, ']') && end + 1 < s.len &&
                           scan_is_space(s.p[end + 1]) && digits < end &&
                           digits > 1 && s.p[digits - 1] == ':';
    return is_prefix ? span_from(s, end + 2) : s;
}

/* --- attributes --- */

static const struct map_attribute *find_attribute(const struct memory_map *m,
                                                  struct span behind_dollar)
{
    for (size_t i = 0; i < m->attributes.n; i++) {
        const struct span name = text_at(m, m->attributes.items[i].name);
        if (span_eq(span_first(behind_dollar, name.len), name)) {
            return &m->attributes.items[i];
        }
    }
    return NULL;
}

/* The line with values in place of $names. */
static bool put_attributes_in(struct memory_map *m, struct span *line,
                              struct err *err)
{
    if (m->attributes.n == 0 || span_find_char(*line, '$') == line->len) {
        return true;
    }
    struct span rest = *line;
    buf_clear(&m->line);
    while (rest.len > 0) {
        const size_t n = span_find_char(rest, '$');
        buf_span(&m->line, span_first(rest, n));
        rest = span_from(rest, n);
        if (rest.len == 0) {
            break;
        }
        const struct map_attribute *const a =
            find_attribute(m, span_from(rest, 1));
        m->spent_bytes += DOLLAR_BYTES + m->name_bytes + (a ? a->value.n : 0);
        if (m->spent_bytes > LIMIT_TEXT_BYTES) {
            return err_set(err, ERR_LIMIT, "%s: too many values put in", what);
        }
        buf_span(&m->line, a ? text_at(m, a->value) : SPAN_LIT("$"));
        rest = span_from(rest, 1 + (a ? a->name.n : 0));
    }
    *line = buf_view(&m->line);
    return buf_check(&m->line, what, err);
}

static bool take_attribute(struct memory_map *m, struct span line,
                           struct err *err)
{
    const size_t equals = span_find_char(line, '=');
    if (equals == line.len) {
        return true;
    }
    if (m->attributes.n == ATTRIBUTES_MAX) {
        return err_set(err, ERR_LIMIT, "%s: more than %d names with values",
                       what, ATTRIBUTES_MAX);
    }
    const struct map_attribute a = {
        .name = keep(m, scan_trim(span_first(line, equals))),
        .value = keep(m, scan_trim(span_from(line, equals + 1)))};
    m->name_bytes += a.name.n;
    return buf_check(&m->text, what, err) &&
           (map_attributes_push(&m->attributes, a) || err_nomem(err, what));
}

bool memory_map_line(struct memory_map *m, struct span line, struct err *err)
{
    line = without_log_prefix(line);
    if (!put_attributes_in(m, &line, err)) {
        return false;
    }
    struct map_parts parts;
    if (!parse_parts(line, &parts)) {
        return take_attribute(m, line, err);
    }
    if (parts.permissions.len > 0 &&
        span_find_char(parts.permissions, 'x') == parts.permissions.len) {
        return true;
    }
    struct map_row row = {0};
    if (!num_parse_hex(parts.start, &row.start) ||
        !num_parse_hex(parts.limit, &row.limit) ||
        (parts.offset.len > 0 && !num_parse_hex(parts.offset, &row.offset))) {
        return take_attribute(m, line, err);
    }
    if (m->rows.n == MAPPINGS_MAX) {
        return err_set(err, ERR_LIMIT, "%s: more than %d mappings", what,
                       MAPPINGS_MAX);
    }
    row.file = keep(m, parts.file);
    row.build_id = keep(m, parts.build_id);
    return buf_check(&m->text, what, err) &&
           (map_rows_push(&m->rows, row) || err_nomem(err, what));
}

/* --- the whole --- */

static bool may_be_same(const struct memory_map *m, struct map_text a,
                        struct map_text b)
{
    return a.n == 0 || b.n == 0 || span_eq(text_at(m, a), text_at(m, b));
}

/* Is `b` the second half of a mapping that was split after `a`? */
static bool is_continued(const struct memory_map *m, const struct map_row *a,
                         const struct map_row *b)
{
    return may_be_same(m, a->file, b->file) &&
           may_be_same(m, a->build_id, b->build_id) && a->limit == b->start &&
           (a->offset == 0 || b->offset == 0 ||
            a->offset + (a->limit - a->start) == b->offset);
}

static void join_halves(struct memory_map *m)
{
    struct map_row *const rows = m->rows.items;
    size_t n = 0;
    for (size_t i = 0; i < m->rows.n; i++) {
        if (n == 0 || !is_continued(m, &rows[n - 1], &rows[i])) {
            rows[n++] = rows[i];
            continue;
        }
        struct map_row *const whole = &rows[n - 1];
        whole->limit = rows[i].limit;
        whole->file = rows[i].file.n ? rows[i].file : whole->file;
        whole->build_id =
            rows[i].build_id.n ? rows[i].build_id : whole->build_id;
    }
    m->rows.n = n;
}

/* "libc.so", "libc.so.6", "libc.so_1". */
static bool is_library(struct span file)
{
    for (size_t i = 0; i + 3 <= file.len; i++) {
        const struct span rest = span_from(file, i);
        if (span_is(rest, ".so") ||
            ((span_starts(rest, ".so.") || span_starts(rest, ".so_")) &&
             rest.len > 4 && scan_is_digit(rest.p[4]))) {
            return true;
        }
    }
    return false;
}

static bool may_be_program(struct span file)
{
    static const char deleted[] = "(deleted)";
    if (span_ends(file, deleted)) {
        file = scan_trim(span_first(file, file.len - (sizeof(deleted) - 1)));
    }
    return file.len > 0 && file.p[0] != '[' && !is_library(file);
}

/* What seems to be the program changes places with the first one. */
static void put_program_first(struct memory_map *m)
{
    struct map_row *const rows = m->rows.items;
    for (size_t i = 0; i < m->rows.n; i++) {
        if (may_be_program(text_at(m, rows[i].file))) {
            const struct map_row program = rows[i];
            rows[i] = rows[0];
            rows[0] = program;
            return;
        }
    }
}

/* The program's own text may have been moved to huge pages, and a mapping of
   its second half may look like one at an odd address. */
static void mend_first(struct memory_map *m)
{
    static const uint64_t usual_start = 0x400000;
    struct map_row *const rows = m->rows.items;
    if (m->rows.n > 1 &&
        span_starts(text_at(m, rows[0].file), "/anon_hugepage") &&
        rows[0].limit == rows[1].start) {
        m->rows.n--;
        memmove(rows, rows + 1, m->rows.n * sizeof(*rows));
    }
    if (m->rows.n > 0 && rows[0].start - rows[0].offset == usual_start) {
        rows[0].start = usual_start;
        rows[0].offset = 0;
    }
}

/* Which mapping has an address: the first that covers it; else the first
   whose beginning was left out and would; from then on it is covered. */
struct finder {
    struct memory_map *map;
    struct cover covered, left_out;
};

static bool finder_init(struct finder *f, struct memory_map *m, struct err *err)
{
    *f = (struct finder){.map = m};
    struct vec_u64 bounds = {0};
    bool ok = vec_u64_reserve(&bounds, 3 * m->rows.n);
    for (size_t i = 0; ok && i < m->rows.n; i++) {
        const struct map_row *const row = &m->rows.items[i];
        bounds.items[bounds.n++] = row->start;
        bounds.items[bounds.n++] = row->limit;
        bounds.items[bounds.n++] = row->start - row->offset;
    }
    ok = ok && cover_init(&f->covered, bounds.items, bounds.n) &&
         cover_init(&f->left_out, bounds.items, bounds.n);
    for (uint32_t i = 0; ok && i < m->rows.n; i++) {
        const struct map_row *const row = &m->rows.items[i];
        cover_add(&f->covered, row->start, row->limit, i);
        if (row->offset != 0) {
            cover_add(&f->left_out, row->start - row->offset, row->start, i);
        }
    }
    vec_u64_release(&bounds);
    return ok || err_nomem(err, what);
}

static void finder_release(struct finder *f)
{
    cover_release(&f->covered);
    cover_release(&f->left_out);
}

static uint32_t find_row(struct finder *f, uint64_t address, bool has_rest)
{
    uint32_t i = cover_find(&f->covered, address);
    if (i != COVER_NONE || has_rest) {
        return i;
    }
    i = cover_find(&f->left_out, address);
    if (i != COVER_NONE) {
        struct map_row *const row = &f->map->rows.items[i];
        const uint64_t start = row->start - row->offset;
        cover_add(&f->covered, start, row->start, i);
        row->start = start;
        row->offset = 0;
    }
    return i;
}

/* The index a row will have among the mappings is its own; the one for what
   lies nowhere comes last. */
static bool place_locations(struct finder *f, struct profile_builder *b)
{
    const uint32_t rest = (uint32_t)f->map->rows.n;
    bool has_rest = false;
    for (uint32_t i = 0; i < profile_builder_n_locations(b); i++) {
        const uint64_t address = profile_builder_address(b, i);
        if (address == 0) {
            continue;
        }
        uint32_t mapping = find_row(f, address, has_rest);
        if (mapping == COVER_NONE) {
            mapping = rest;
            has_rest = true;
        }
        profile_builder_place(b, i, address, mapping);
    }
    return has_rest;
}

static void add_mapping(struct profile_builder *b, struct profile_mapping m,
                        bool has_names)
{
    m.has_functions = has_names;
    m.has_filenames = has_names;
    m.has_line_numbers = has_names;
    m.has_inline_frames = has_names;
    (void)profile_builder_next_mapping(b, &m);
}

bool memory_map_apply(struct memory_map *m, struct profile_builder *b,
                      bool has_names, struct err *err)
{
    join_halves(m);
    put_program_first(m);
    mend_first(m);
    struct finder f;
    const bool ok = finder_init(&f, m, err);
    const bool has_rest = ok && place_locations(&f, b);
    finder_release(&f);
    for (size_t i = 0; ok && i < m->rows.n; i++) {
        const struct map_row *const row = &m->rows.items[i];
        add_mapping(b,
                    (struct profile_mapping){.start = row->start,
                                             .limit = row->limit,
                                             .offset = row->offset,
                                             .file = profile_builder_string(
                                                 b, text_at(m, row->file)),
                                             .build_id = profile_builder_string(
                                                 b, text_at(m, row->build_id))},
                    has_names);
    }
    if (has_rest) {
        add_mapping(b, (struct profile_mapping){.limit = UINT64_MAX},
                    has_names);
    }
    return ok;
}
