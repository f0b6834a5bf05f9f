/* Which column of the values a report is about. */
#include <inttypes.h>

#include "base/num.h"
#include "profile/select.h"

enum { SAMPLE_INDEX_TEXT_BYTES = 1 << 20 };

static bool find_type(const struct profile *p, struct span type,
                      uint32_t *column)
{
    for (uint32_t i = 0; i < p->n_types; i++) {
        if (span_eq(profile_span(p, p->types[i].type), type)) {
            *column = i;
            return true;
        }
    }
    return false;
}

/* Like Go's %q, for what a command line holds. */
static void put_quoted(struct buf *out, struct span s)
{
    static const char named[] = "\aa\bb\ff\nn\rr\tt\vv\"\"\\\\";
    buf_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.p[i];
        const char *name = NULL;
        for (size_t k = 0; k + 1 < sizeof(named); k += 2) {
            name = named[k] == c ? &named[k + 1] : name;
        }
        if (name != NULL) {
            buf_char(out, '\\');
            buf_char(out, *name);
        } else if ((unsigned char)c < ' ' || c == 0x7f) {
            buf_printf(out, "\\x%02x", (unsigned)(unsigned char)c);
        } else {
            buf_char(out, c);
        }
    }
    buf_char(out, '"');
}

static bool no_such_type(const struct profile *p, struct span index,
                         struct err *err)
{
    struct buf text = BUF_LIMIT(SAMPLE_INDEX_TEXT_BYTES);
    buf_str(&text, "sample_index ");
    put_quoted(&text, index);
    buf_str(&text, " must be one of: [");
    for (uint32_t i = 0; i < p->n_types; i++) {
        buf_str(&text, i != 0 ? " " : "");
        buf_span(&text, profile_span(p, p->types[i].type));
    }
    buf_char(&text, ']');
    if (text.failed_memory) {
        (void)err_nomem(err, "sample index");
    } else {
        (void)err_set(err, ERR_USAGE, "%s", text.data);
    }
    buf_release(&text);
    return false;
}

bool profile_sample_index(const struct profile *p, struct span index,
                          uint32_t *column, struct err *err)
{
    int64_t number = 0;
    if (p->n_types == 0) {
        return err_set(err, ERR_USAGE, "profile has no samples");
    }
    if (index.len == 0) {
        const struct span type = profile_span(p, p->default_type);
        *column = p->n_types - 1;
        (void)(type.len != 0 && find_type(p, type, column));
        return true;
    }
    if (num_parse_i64(index, &number)) {
        if (number < 0 || number >= p->n_types) {
            return err_set(err, ERR_USAGE,
                           "sample_index %.*s is outside the range [0..%" PRIu32
                           "]",
                           (int)index.len, index.p, p->n_types - 1);
        }
        *column = (uint32_t)number;
        return true;
    }
    /* Either may come first: the first column that has one of both names. */
    const struct span bare = span_starts(index, "inuse_")
                                 ? span_from(index, sizeof("inuse_") - 1)
                                 : index;
    uint32_t exact = UINT32_MAX;
    uint32_t short_name = UINT32_MAX;
    (void)find_type(p, index, &exact);
    (void)find_type(p, bare, &short_name);
    if (exact == UINT32_MAX && short_name == UINT32_MAX) {
        return no_such_type(p, index, err);
    }
    *column = exact < short_name ? exact : short_name;
    return true;
}
