/*
 * The rows of .seep.yml that accept a finding. Texts come from profiles: they
 * are quoted as YAML wants them, and cut where a line would be no line.
 */
#include "base/num.h"
#include "review/suppress.h"

#include <math.h>
#include <string.h>
#include <utf8proc.h>

#include "base/banned.h"

/* The level may rise by as much as runs of one build differ: a quarter. */
static const double headroom = 1.25;

/* "306" of 247: two digits, rounded up, so that the row reads as a decision
   and not as a measurement. */
static double round_up(double v)
{
    const double most = ceil(v * headroom);
    const double unit = most > 100 ? pow(10, floor(log10(most)) - 1) : 1;
    return ceil(most / unit) * unit;
}

/* May YAML have it in quotes? No control characters, nor what YAML takes for
   the end of a line, nor what is no character. */
static bool is_plain(utf8proc_int32_t c)
{
    return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != 0x2028 &&
           c != 0x2029 && c != 0xfeff && c != 0xfffe && c != 0xffff;
}

/* In single quotes, where only the quote itself is doubled. What cannot be
   written, and the end of a name longer than any, becomes a star. */
static void add_quoted(struct buf *out, struct span text)
{
    enum { TEXT_MAX = 1000 }; /* with a star, what config.c takes */
    size_t at = 0;
    buf_char(out, '\'');
    while (at < text.len && at < TEXT_MAX) {
        utf8proc_int32_t c = -1;
        const utf8proc_ssize_t n =
            utf8proc_iterate((const utf8proc_uint8_t *)text.p + at,
                             (utf8proc_ssize_t)(text.len - at), &c);
        const size_t width = n > 0 ? (size_t)n : 1;
        if (n > 0 && is_plain(c)) {
            buf_add(out, text.p + at, width);
        } else {
            buf_char(out, '*');
        }
        if (c == '\'') {
            buf_char(out, '\'');
        }
        at += width;
    }
    buf_str(out, at < text.len ? "*'" : "'");
}

static void add_name(struct buf *out, const char *key, const char *function)
{
    struct buf name = BUF_LIMIT(1 << 16);
    name_identity(&name, span_of(function));
    buf_printf(out, "    %s: ", key);
    add_quoted(out, buf_ok(&name) ? buf_view(&name) : span_of(function));
    buf_char(out, '\n');
    out->failed_memory |= name.failed_memory;
    buf_release(&name);
}

/* The level in whole bytes, so that it reads back as the same number. */
static void add_level(struct buf *out, const struct metric *m)
{
    const double level = isfinite(m->last) && m->last > 0 ? m->last : 0;
    const double most = round_up(level);
    if (strcmp(m->unit, "bytes") == 0) {
        const double mib = ceil(level * headroom / (1 << 20));
        buf_printf(out, "    max_bytes: %.0fMiB  # now ", mib);
        num_bytes(out, level);
        buf_char(out, '\n');
    } else if (strcmp(m->name, "goroutines") == 0) {
        buf_printf(out, "    max_goroutines: %.0f  # now %.0f\n", most, level);
    }
}

bool suppression_block(const struct finding *f, struct buf *out,
                       struct err *err)
{
    buf_printf(out, "  - rule: %s\n", f->rule->id);
    if (f->has_site) {
        add_name(out, "top", f->site.function);
    } else {
        buf_printf(out, "    id: '%s'\n", f->id);
    }
    if (f->has_creator) {
        add_name(out, "created_by", f->creator.function);
    }
    if (f->n_metrics > 0) {
        add_level(out, &f->metrics[0]);
    }
    buf_str(out, "    reason: why this is acceptable\n");
    return buf_check(out, "suppression", err);
}
