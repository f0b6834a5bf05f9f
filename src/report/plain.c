/* Safe text; utf8proc knows what is valid and how wide it is. */
#include "report/plain.h"

#include <string.h>
#include <utf8proc.h>

#include "base/banned.h"

static utf8proc_ssize_t next_char(const char *p, size_t left,
                                  utf8proc_int32_t *c)
{
    const size_t n = left < 8 ? left : 8;
    return utf8proc_iterate((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n,
                            c);
}

struct range {
    utf8proc_int32_t first, last;
};

/* Controls, marks that turn or hide text, and code points that are none. */
static const struct range unsafe[] = {
    {0x00,    0x1f   },
    {0x7f,    0x9f   },
    {0x061c,  0x061c },
    {0x200b,  0x200f },
    {0x2028,  0x202e },
    {0x2060,  0x206f },
    {0xfeff,  0xfeff },
    {0xfff9,  0xfffb },
    {0xe0000, 0xe007f},
};

static bool is_unsafe(utf8proc_int32_t c)
{
    for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++) {
        if (c >= unsafe[i].first && c <= unsafe[i].last) {
            return true;
        }
    }
    return false;
}

static void add_escape(struct buf *out, utf8proc_int32_t c)
{
    if (c == '\n') {
        buf_str(out, "\\n");
    } else if (c == '\t') {
        buf_str(out, "\\t");
    } else if (c < 0x100) {
        buf_printf(out, "\\x%02x", (unsigned)c);
    } else {
        buf_printf(out, "\\u%04x", (unsigned)c);
    }
}

#define REPLACEMENT "\xef\xbf\xbd"

/* Marks without width in a row: more than any script needs would make text of
   no width and any length. */
enum { MARKS_MAX = 4 };

static void add_text(struct buf *out, const char *s, size_t left, bool escapes)
{
    size_t n_marks = 0;
    while (left > 0) {
        utf8proc_int32_t c = 0;
        const utf8proc_ssize_t n = next_char(s, left, &c);
        if (n <= 0) {
            buf_str(out, REPLACEMENT);
            s++;
            left--;
            continue;
        }
        n_marks = utf8proc_charwidth(c) > 0 ? 0 : n_marks + 1;
        if (escapes && (is_unsafe(c) || n_marks > MARKS_MAX)) {
            add_escape(out, c);
        } else {
            buf_add(out, s, (size_t)n);
        }
        s += n;
        left -= (size_t)n;
    }
}

/* Nobody reads more; nobody should wait for more to be measured. */
enum { CLEAN_BYTES_MAX = 8192 };

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

void plain_clean(struct buf *out, const char *s)
{
    const size_t n = s ? strlen(s) : 0;
    if (n <= CLEAN_BYTES_MAX) {
        add_text(out, s, n, true);
        return;
    }
    size_t head = CLEAN_BYTES_MAX / 2;
    size_t tail = n - CLEAN_BYTES_MAX / 2;
    for (size_t i = 0; i < 3 && is_continuation(s[head]); i++) {
        head--;
    }
    for (size_t i = 0; i < 3 && is_continuation(s[tail]); i++) {
        tail++;
    }
    add_text(out, s, head, true);
    buf_str(out, "...");
    add_text(out, s + tail, n - tail, true);
}

void plain_utf8(struct buf *out, const char *s)
{
    add_text(out, s, s ? strlen(s) : 0, false);
}

void plain_drop(struct buf *part, struct buf *into)
{
    into->failed_memory |= part->failed_memory;
    buf_release(part);
}

static size_t char_width(utf8proc_int32_t c)
{
    const int w = utf8proc_charwidth(c);
    return w > 0 ? (size_t)w : 0;
}

/* Length in bytes of the longest front part of at most `columns`. */
static size_t fitting(struct span s, size_t columns, size_t *width)
{
    size_t at = 0;
    *width = 0;
    while (at < s.len) {
        utf8proc_int32_t c = 0;
        const utf8proc_ssize_t n = next_char(s.p + at, s.len - at, &c);
        const size_t step = n > 0 ? (size_t)n : 1;
        const size_t w = n > 0 ? char_width(c) : 1;
        if (*width + w > columns) {
            break;
        }
        *width += w;
        at += step;
    }
    return at;
}

size_t plain_width(struct span clean)
{
    size_t width;
    fitting(clean, SIZE_MAX, &width);
    return width;
}

/* Start of the shortest rest that is at most `columns` wide. */
static size_t rest_start(struct span s, size_t total, size_t columns)
{
    size_t width;
    size_t at = fitting(s, total - columns, &width);
    while (width < total - columns && at < s.len) {
        size_t w;
        at += fitting(span_from(s, at), 2, &w); /* a wide one in the way */
        width += w;
    }
    return at;
}

static bool is_digit_or_comma(char c)
{
    return (c >= '0' && c <= '9') || c == ',';
}

/* A part of a number, "40" of "40,000", would be another one. */
static bool is_in_number(struct span s, size_t at)
{
    return at > 0 && is_digit_or_comma(s.p[at - 1]) &&
           is_digit_or_comma(s.p[at]);
}

void plain_elide(struct buf *out, struct span clean, size_t columns, bool ascii)
{
    const size_t total = plain_width(clean);
    const char *dots = ascii ? "..." : "\xe2\x80\xa6";
    const size_t n_dots = ascii ? 3 : 1;
    if (total <= columns) {
        buf_span(out, clean);
        return;
    }
    if (columns <= n_dots) {
        buf_repeat(out, '.', columns);
        return;
    }
    /* The end of a Go name, its method, says more than its front. */
    const size_t tail = (columns - n_dots) * 2 / 3;
    const size_t head = columns - n_dots - tail;
    size_t width;
    size_t end = fitting(clean, head, &width);
    size_t start = rest_start(clean, total, tail);
    while (end > 0 && end < clean.len && is_in_number(clean, end)) {
        end--;
    }
    while (start < clean.len && is_in_number(clean, start)) {
        start++;
    }
    buf_span(out, span_first(clean, end));
    buf_str(out, dots);
    buf_span(out, span_from(clean, start));
}

static struct span next_word(struct span *rest, size_t *n_blanks)
{
    size_t start = 0;
    while (start < rest->len && rest->p[start] == ' ') {
        start++;
    }
    *n_blanks = start;
    struct span word = span_from(*rest, start);
    word.len = span_find_char(word, ' ');
    *rest = span_from(*rest, start + word.len);
    return word;
}

static void new_line(struct buf *out, size_t indent, size_t *column)
{
    buf_char(out, '\n');
    buf_repeat(out, ' ', indent);
    *column = indent;
}

/* A name is worth more than the margin: a broken one cannot be searched. */
enum { WORD_WHOLE_MAX = 120 };

/* A word that no line can hold is cut hard when it is longer than a name. */
static void add_word(struct buf *out, struct span word, size_t indent,
                     size_t columns, size_t *column)
{
    const size_t whole = plain_width(word);
    if (whole <= WORD_WHOLE_MAX) {
        buf_span(out, word);
        *column = *column + whole < columns ? *column + whole : columns;
        return;
    }
    while (word.len > 0) {
        size_t width;
        size_t n = fitting(word, columns - *column, &width);
        if (n == 0 && *column > indent) {
            new_line(out, indent, column);
            continue;
        }
        n = n > 0 ? n : word.len;
        buf_span(out, span_first(word, n));
        *column += width;
        word = span_from(word, n);
        if (word.len > 0) {
            new_line(out, indent, column);
        }
    }
}

void plain_wrap(struct buf *out, struct span clean, size_t used, size_t indent,
                size_t columns)
{
    size_t column = used;
    bool is_first = true;
    columns = columns > indent + 8 ? columns : indent + 8;
    column = column < columns ? column : columns;
    for (struct span rest = clean; rest.len > 0;) {
        size_t n_blanks;
        const struct span word = next_word(&rest, &n_blanks);
        if (word.len == 0) {
            break;
        }
        const size_t gap = is_first ? 0 : n_blanks;
        const size_t width = plain_width(word);
        if (column + gap + width > columns && !(is_first && used <= indent)) {
            new_line(out, indent, &column);
        } else {
            buf_repeat(out, ' ', gap);
            column += gap;
        }
        add_word(out, word, indent, columns, &column);
        is_first = false;
    }
}

void plain_pad(struct buf *out, struct span clean, size_t columns,
               bool to_right)
{
    const size_t width = plain_width(clean);
    const size_t blanks = width < columns ? columns - width : 0;
    if (to_right) {
        buf_repeat(out, ' ', blanks);
    }
    buf_span(out, clean);
    if (!to_right) {
        buf_repeat(out, ' ', blanks);
    }
}
