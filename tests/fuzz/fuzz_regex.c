/*
 * A pattern and, after the first newline, a text: no crash; every pattern
 * that our reading of Go's syntax accepts is one that PCRE2 can compile or
 * refuses for a stated reason; a quoted text always matches itself.
 */
#include "base/buf.h"
#include "base/regex.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match_itself(struct span text)
{
    struct buf quoted = BUF_LIMIT(1 << 20);
    regex_quote(text, &quoted);
    struct regex *re = NULL;
    struct err err = {0};
    if (regex_new(buf_view(&quoted), &re, &err)) {
        bool matched = false;
        if (regex_match(re, text, &matched, &err) && !matched) {
            abort();
        }
        regex_free(re);
    }
    buf_release(&quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span all = {(const char *)data, size};
    const size_t cut = span_find_char(all, '\n');
    const struct span pattern = span_first(all, cut);
    const struct span text = span_from(all, cut + 1);
    struct regex *re = NULL;
    struct err err = {0};
    if (regex_new(pattern, &re, &err)) {
        bool matched = false;
        struct span where = {0};
        if (regex_find(re, text, &matched, &where, &err) && matched &&
            (where.p < text.p || where.len > text.len)) {
            abort();
        }
        regex_free(re);
    } else if (err.code == ERR_NONE || err.text[0] == '\0') {
        abort();
    }
    match_itself(text);
    return 0;
}
