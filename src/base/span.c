/* The parts of spans that are too long to be inline. */
#include "base/span.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

size_t span_find(struct span a, const char *needle)
{
    const size_t n = strlen(needle);
    if (n == 0) {
        return 0;
    }
    size_t at = 0;
    while (a.len - at >= n) {
        /* A match can only start where its last byte still fits. */
        const char *hit = memchr(a.p + at, needle[0], a.len - at - n + 1);
        if (!hit) {
            break;
        }
        if (memcmp(hit, needle, n) == 0) {
            return (size_t)(hit - a.p);
        }
        at = (size_t)(hit - a.p) + 1;
    }
    return a.len;
}

struct span span_base_name(struct span path)
{
    if (path.len == 0) {
        return SPAN_LIT(".");
    }
    while (path.len > 1 && path.p[path.len - 1] == '/') {
        path.len--;
    }
    const size_t slash = span_rfind_char(path, '/');
    return slash == path.len || path.len == 1 ? path
                                              : span_from(path, slash + 1);
}

const char *text_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

struct span span_trim(struct span a)
{
    while (a.len > 0 && is_blank(a.p[a.len - 1])) {
        a.len--;
    }
    while (a.len > 0 && is_blank(a.p[0])) {
        a.p++;
        a.len--;
    }
    return a;
}

bool span_line(struct span *rest, struct span *line)
{
    if (rest->len == 0) {
        return false;
    }
    const size_t n = span_find_char(*rest, '\n');
    *line = span_first(*rest, n);
    *rest = span_from(*rest, n + 1);
    return true;
}
