/* Borrowed bytes and borrowed text: a pointer and a length, never freed. */
#ifndef SEEP_BASE_SPAN_H
#define SEEP_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes or UTF-8 text; `p` may be NULL when `len` is 0. Not NUL-terminated. */
struct span {
    const char *p;
    size_t len;
};

#define SPAN_LIT(s) ((struct span){(s), sizeof(s) - 1})

static inline struct span span_of(const char *s)
{
    return (struct span){s, s ? strlen(s) : 0};
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* Bytes first, then length, as Go compares strings. */
static inline int span_compare(struct span a, struct span b)
{
    const size_t n = a.len < b.len ? a.len : b.len;
    const int order = n != 0 ? memcmp(a.p, b.p, n) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool span_is(struct span a, const char *s)
{
    return span_eq(a, span_of(s));
}

/* Does `a` begin with `prefix`? */
static inline bool span_starts(struct span a, const char *prefix)
{
    const size_t n = strlen(prefix);
    return a.len >= n && memcmp(a.p, prefix, n) == 0;
}

static inline bool span_ends(struct span a, const char *suffix)
{
    const size_t n = strlen(suffix);
    return a.len >= n && memcmp(a.p + a.len - n, suffix, n) == 0;
}

static inline struct span span_from(struct span a, size_t start)
{
    if (start > a.len) {
        start = a.len;
    }
    /* NULL + 0 is undefined, and an empty span may be NULL. */
    return (struct span){start ? a.p + start : a.p, a.len - start};
}

static inline struct span span_first(struct span a, size_t n)
{
    return (struct span){a.p, n < a.len ? n : a.len};
}

/* Index of the first `c`, or a.len when absent. */
static inline size_t span_find_char(struct span a, char c)
{
    const char *hit = a.len ? memchr(a.p, c, a.len) : NULL;
    return hit ? (size_t)(hit - a.p) : a.len;
}

/* Index of the last `c`, or a.len when absent. */
static inline size_t span_rfind_char(struct span a, char c)
{
    for (size_t i = a.len; i > 0; i--) {
        if (a.p[i - 1] == c) {
            return i - 1;
        }
    }
    return a.len;
}

/* Index of the first `needle`, or a.len when absent. */
size_t span_find(struct span a, const char *needle);

static inline bool span_has(struct span a, const char *needle)
{
    return span_find(a, needle) != a.len || *needle == '\0';
}

/* The last element of a path, as Go's filepath.Base has it: slashes at the end
   do not count, "" is "." and only slashes are "/". */
struct span span_base_name(struct span path);

/* What follows the last slash, all of it where there is none: "" of "a/".
   Borrowed from the text. */
const char *text_base_name(const char *path);

/* Without leading and trailing blanks, tabs and carriage returns. */
struct span span_trim(struct span a);

/* Cuts the next line (without its newline) off the front of `rest`. False
   when nothing is left. */
bool span_line(struct span *rest, struct span *line);

#endif
