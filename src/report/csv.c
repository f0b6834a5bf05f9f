/* Quoted only where it must be: most names are written as they are. */
#include "report/csv_private.h"

#include "base/banned.h"

static bool needs_quotes(struct span field)
{
    for (size_t i = 0; i < field.len; i++) {
        const char c = field.p[i];
        if (c == ',' || c == '"' || c == '\n' || c == '\r') {
            return true;
        }
    }
    return false;
}

void csv_text(struct buf *out, struct span field)
{
    if (!needs_quotes(field)) {
        buf_span(out, field);
        return;
    }
    buf_char(out, '"');
    while (field.len > 0) {
        const size_t quote = span_find_char(field, '"');
        buf_span(out, span_first(field, quote));
        if (quote < field.len) {
            buf_add(out, "\"\"", 2);
        }
        field = span_from(field, quote + 1);
    }
    buf_char(out, '"');
}
