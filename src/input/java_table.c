/*
 * Lines of the table are cut as google/pprof's expressions would: from the
 * right, because names of functions hold anything. A function is known by its
 * name alone; the file it was first seen with is its file.
 */
#include "input/java_private.h"

#include "base/num.h"
#include "input/scan_private.h"

/* Each takes some 200 bytes. */
enum { LOCATIONS_MAX = 8 << 20 };

void java_table_release(struct java_table *t)
{
    intern_release(&t->numbers);
    java_locations_release(&t->locations);
    intern_release(&t->functions);
    intern_release(&t->files);
    vec_u32_release(&t->function_files);
}

bool java_table_index(struct java_table *t, uint64_t number, uint32_t *index,
                      struct err *err)
{
    const struct span key = {(const char *)&number, sizeof(number)};
    if (!intern_add(&t->numbers, key, index, err)) {
        return false;
    }
    if (*index >= LOCATIONS_MAX) {
        return err_set(err, ERR_LIMIT, "more than %d locations", LOCATIONS_MAX);
    }
    return *index < t->locations.n ||
           java_locations_push(&t->locations, (struct java_location){0}) ||
           err_nomem(err, "locations");
}

/* --- a line --- */

struct java_frame {
    struct span function, file;
    int64_t line;
};

/* The last opening bracket before `end` that has white space in front, or
   text.len. */
static size_t find_bracket(struct span text, size_t end)
{
    for (size_t i = end; i > 1; i--) {
        if (text.p[i - 1] == '(' && scan_is_space(text.p[i - 2])) {
            return i - 1;
        }
    }
    return text.len;
}

/* "Class.method (File.java:12)" */
static bool parse_file_line(struct span text, struct java_frame *out)
{
    const size_t colon = span_rfind_char(text, ':');
    const size_t sign = colon + (scan_has(text, colon + 1, '-') ? 1 : 0);
    const size_t digits = scan_digits(text, sign + 1);
    const size_t bracket = find_bracket(text, colon > 0 ? colon - 1 : 0);
    if (colon == text.len || digits == sign + 1 || digits + 1 != text.len ||
        text.p[digits] != ')' || bracket == text.len) {
        return false;
    }
    out->function = span_first(text, bracket - 1);
    out->file = scan_cut(text, bracket + 1, colon);
    int64_t line;
    if (num_parse_i64(scan_cut(text, colon + 1, digits), &line) && line > 0) {
        out->line = line;
    }
    return true;
}

/* "memcpy (/lib/libc.so)" */
static bool parse_path(struct span text, struct java_frame *out)
{
    const size_t bracket = find_bracket(text, text.len);
    if (!span_ends(text, ")") || bracket == text.len) {
        return false;
    }
    out->function = span_first(text, bracket - 1);
    out->file = span_base_name(scan_cut(text, bracket + 1, text.len - 1));
    return true;
}

static struct java_frame parse_frame(struct span text)
{
    struct java_frame frame = {0};
    if (!parse_file_line(text, &frame) && !parse_path(text, &frame)) {
        frame.function =
            span_has(text, "generated stub/JIT") ? SPAN_LIT("STUB") : text;
    }
    return frame;
}

/* Number of the function, added when it is new. */
static bool find_function(struct java_table *t, const struct java_frame *frame,
                          uint32_t *function, struct err *err)
{
    uint32_t file;
    if (!intern_add(&t->functions, frame->function, function, err) ||
        !intern_add(&t->files, frame->file, &file, err)) {
        return false;
    }
    return *function < t->function_files.n ||
           vec_u32_push(&t->function_files, file) ||
           err_nomem(err, "functions");
}

bool java_table_line(struct java_table *t, struct span line, struct err *err)
{
    const struct span text = scan_trim(line);
    if (!span_starts(text, "0x")) {
        return true;
    }
    const size_t end = scan_hex(text, 2);
    const size_t name = scan_spaces(text, end);
    uint64_t number;
    if (end == 2 || name == end) {
        return true;
    }
    if (!num_parse_hex(scan_cut(text, 2, end), &number)) {
        return err_set(err, ERR_FORMAT, "location beyond 64 bits");
    }
    const struct span key = {(const char *)&number, sizeof(number)};
    uint32_t i;
    if (!intern_find(&t->numbers, key, &i)) {
        return true;
    }
    const struct java_frame frame = parse_frame(span_from(text, name));
    struct java_location location = {.has_name = true, .line = frame.line};
    if (!find_function(t, &frame, &location.function, err)) {
        return false;
    }
    t->locations.items[i] = location;
    return true;
}

/* --- the whole --- */

/* What has no name lies in a mapping of everything, as a number that was
   taken for an address; what has one, and the number 0, lies nowhere. */
static uint32_t mapping_of(const struct java_location *l, uint64_t number)
{
    return l->has_name || number == 0 ? PROFILE_NONE : 0;
}

void java_table_apply(const struct java_table *t, struct profile_builder *b)
{
    bool has_mapping = false;
    for (uint32_t i = 0; i < t->locations.n; i++) {
        const struct java_location *const l = &t->locations.items[i];
        uint64_t number;
        memcpy(&number, intern_text(&t->numbers, i), sizeof(number));
        struct builder_frame frame = {.line = l->line};
        if (l->has_name) {
            frame.function = intern_span(&t->functions, l->function);
            frame.file =
                intern_span(&t->files, t->function_files.items[l->function]);
        }
        has_mapping = has_mapping || mapping_of(l, number) != PROFILE_NONE;
        (void)profile_builder_location(b, number, PROFILE_NONE, &frame,
                                       l->has_name ? 1 : 0);
    }
    for (uint32_t i = 0; i < profile_builder_n_locations(b); i++) {
        uint64_t number;
        memcpy(&number, intern_text(&t->numbers, i), sizeof(number));
        profile_builder_place(b, i, 0,
                              mapping_of(&t->locations.items[i], number));
    }
    if (has_mapping) {
        const struct profile_mapping all = {.limit = UINT64_MAX};
        (void)profile_builder_next_mapping(b, &all);
    }
}
