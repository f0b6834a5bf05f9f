/*
 * Shorter spellings of functions for pictures. google/pprof has five regular
 * expressions for it; these are the same languages by hand, because a picture
 * asks once a node and none of them needs to go back.
 */
#include "graph/graph.h"

#include "base/banned.h"

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_lower(c) || is_upper(c) || is_digit(c) || c == '_';
}

/* The character at `i`, NUL behind the end. */
static char at(struct span s, size_t i)
{
    if (i >= s.len) {
        return '\0';
    }
    return s.p[i];
}

/* Where the word characters from `i` on end. */
static size_t skip_word(struct span s, size_t i)
{
    while (i < s.len && is_word(s.p[i])) {
        i++;
    }
    return i;
}

/* Word characters and dollar signs. */
static size_t skip_java_word(struct span s, size_t i)
{
    while (i < s.len && (is_word(s.p[i]) || s.p[i] == '$')) {
        i++;
    }
    return i;
}

static struct span part(struct span s, size_t from, size_t to)
{
    return span_first(span_from(s, from), to - from);
}

/* --- Go --- */

/* Length of a major version, "/v2" and up, before a dot or a slash; else 0. */
static size_t version_length(struct span s)
{
    if (!span_starts(s, "/v")) {
        return 0;
    }
    size_t i = 2;
    while (is_digit(at(s, i))) {
        i++;
    }
    const bool is_version = i > 2 && s.p[2] != '0' && (i > 3 || s.p[2] != '1');
    return is_version && (at(s, i) == '.' || at(s, i) == '/') ? i : 0;
}

/* Finds the first version; false when there is none. */
static bool find_version(struct span name, size_t *from, size_t *to)
{
    if (span_find_char(name, '\n') != name.len) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        const size_t n = version_length(span_from(name, i));
        if (n != 0) {
            *from = i;
            *to = i + n;
            return true;
        }
    }
    return false;
}

/* "package.function" behind as many path elements as there are, and one at
   least. The dot is looked for once, however many slashes are in front. */
static bool match_go(struct span name, struct span *out)
{
    size_t from = 0;
    size_t dot = 0;   /* the first one from `from` on */
    size_t begin = 0; /* of the package, behind the last slash that leaves one;
                         0 = none */
    size_t package_dot = 0;
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.p[i];
        if (c == '/' && i > from) {
            from = i + 1;
            dot = dot < from ? from + span_find_char(span_from(name, from), '.')
                             : dot;
            if (dot > from && dot + 1 < name.len && name.p[dot + 1] != '\n') {
                begin = from;
                package_dot = dot;
            }
        } else if (!is_word(c) && c != '-' && c != '.') {
            break;
        }
    }
    const struct span function = span_from(name, package_dot);
    const size_t end = package_dot + span_find_char(function, '\n');
    *out = begin > 0 ? part(name, begin, end) : *out;
    return begin > 0;
}

/* --- Java --- */

static bool match_java(struct span name, struct span *out)
{
    size_t i = 0;
    while (is_lower(at(name, i))) {
        i = skip_word(name, i);
        if (at(name, i) != '.') {
            return false;
        }
        i++;
    }
    if (!is_upper(at(name, i))) {
        return false;
    }
    const size_t dot = skip_java_word(name, i);
    if (at(name, dot) != '.') {
        return false;
    }
    size_t end = dot + 1;
    if (span_starts(span_from(name, end), "<init>")) {
        end += sizeof("<init>") - 1;
    } else if (is_lower(at(name, end))) {
        end = skip_java_word(name, end);
    } else {
        return false;
    }
    *out = part(name, i, end);
    return end == name.len || name.p[end] == '(';
}

/* --- C++ --- */

/* Where the identifier at `i` ends, or `i` when there is none. */
static size_t skip_identifier(struct span s, size_t i)
{
    return is_digit(at(s, i)) ? i : skip_word(s, i);
}

/* Underscores and then a capital. */
static bool is_class(struct span s, size_t i)
{
    while (at(s, i) == '_') {
        i++;
    }
    return is_upper(at(s, i));
}

/* The end of the method at `i`, template arguments included; 0 = none. */
static size_t method_end(struct span s, size_t i)
{
    const size_t from = at(s, i) == '~' ? i + 1 : i;
    const size_t end = skip_identifier(s, from);
    if (end == from) {
        return 0;
    }
    if (at(s, end) == '<') {
        struct span line = span_from(s, end);
        line = span_first(line, span_find_char(line, '\n'));
        const size_t close = span_rfind_char(line, '>');
        return close < line.len ? end + close + 1 : end;
    }
    return end;
}

/* The last class with a method behind it and a namespace in front of it. */
static bool match_cpp(struct span name, struct span *out)
{
    bool is_found = false;
    size_t from = 0;
    for (;;) {
        const size_t end = skip_identifier(name, from);
        if (end == from || at(name, end) != ':' || at(name, end + 1) != ':') {
            return is_found;
        }
        const size_t method = end + 2;
        const size_t to =
            from > 0 && is_class(name, from) ? method_end(name, method) : 0;
        if (to != 0) {
            *out = part(name, from, to);
            is_found = true;
        }
        from = method;
    }
}

/* --- All of them --- */

void graph_short_name(struct buf *out, struct span name)
{
    static const char anonymous[] = "(anonymous namespace)::";
    if (span_starts(name, anonymous)) {
        name = span_from(name, sizeof(anonymous) - 1);
    }
    struct buf joined = BUF_LIMIT(SIZE_MAX / 4); /* shorter than `name` */
    size_t from = 0;
    size_t to = 0;
    if (find_version(name, &from, &to)) {
        buf_span(&joined, span_first(name, from));
        buf_span(&joined, span_from(name, to));
        name = buf_view(&joined);
    }
    struct span shorter = name;
    if (!match_go(name, &shorter) && !match_java(name, &shorter) &&
        !match_cpp(name, &shorter)) {
        shorter = name;
    }
    buf_span(out, shorter);
    out->failed_memory = out->failed_memory || joined.failed_memory;
    buf_release(&joined);
}
