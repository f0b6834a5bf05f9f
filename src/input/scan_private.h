/*
 * Reading lines the way pprof's expressions for its older formats do: they
 * match anywhere in a line, take what they can and ignore the rest. A scan
 * function gives the index of the first byte from `at` on that is not of its
 * class.
 */
#ifndef SEEP_INPUT_SCAN_PRIVATE_H
#define SEEP_INPUT_SCAN_PRIVATE_H

#include "base/span.h"

/* What \s means to Go. */
static inline bool scan_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static inline bool scan_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool scan_is_hex(char c)
{
    return scan_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static inline bool scan_is_lower_hex(char c)
{
    return scan_is_digit(c) || (c >= 'a' && c <= 'f');
}

/* The characters of "0x47 0x11". */
static inline bool scan_is_address_text(char c)
{
    return scan_is_lower_hex(c) || c == ' ' || c == 'x';
}

#define SCAN_WHILE(name, condition)                                            \
    static inline size_t scan_##name(struct span s, size_t at)                 \
    {                                                                          \
        while (at < s.len) {                                                   \
            const char c = s.p[at];                                            \
            if (!(condition)) {                                                \
                break;                                                         \
            }                                                                  \
            at++;                                                              \
        }                                                                      \
        return at;                                                             \
    }

SCAN_WHILE(spaces, scan_is_space(c))
SCAN_WHILE(blanks, c == ' ')
SCAN_WHILE(digits, scan_is_digit(c))
SCAN_WHILE(hex, scan_is_hex(c))
SCAN_WHILE(lower_hex, scan_is_lower_hex(c))
SCAN_WHILE(word, !scan_is_space(c))
SCAN_WHILE(address_text, scan_is_address_text(c))

static inline bool scan_has(struct span s, size_t at, char c)
{
    return at < s.len && s.p[at] == c;
}

static inline struct span scan_cut(struct span s, size_t from, size_t to)
{
    return (struct span){s.p + from, to - from};
}

/* Without the white space around it. */
static inline struct span scan_trim(struct span s)
{
    while (s.len > 0 && (scan_is_space(s.p[0]) || s.p[0] == '\v')) {
        s = span_from(s, 1);
    }
    while (s.len > 0 &&
           (scan_is_space(s.p[s.len - 1]) || s.p[s.len - 1] == '\v')) {
        s.len--;
    }
    return s;
}

/* Blank, or a comment. */
static inline bool scan_is_comment(struct span line)
{
    const struct span text = scan_trim(line);
    return text.len == 0 || text.p[0] == '#';
}

/* A whole number as Go's literals write it: 0x1f, 0b11, 017 and 15. */
bool scan_literal(struct span text, int64_t *out);

/* The next "0x..." at or after *at, which moves behind it. False when there
   is none. `fits` says whether it fits 64 bits. */
bool scan_address(struct span s, size_t *at, uint64_t *out, bool *fits);

#endif
