/* Escapes of Markdown as GitHub and GitLab read it. */
#include "report/markdown_private.h"
#include "report/plain.h"

#include <string.h>

#include "base/banned.h"

/* Puts a comment between what would call a person, an issue or a page. */
#define APART "<!-- -->"

static void escape_char(struct buf *out, struct span s, size_t i)
{
    const char c = s.p[i];
    switch (c) {
    case '&':
        buf_str(out, "&amp;");
        break;
    case '<':
        buf_str(out, "&lt;");
        break;
    case '>':
        buf_str(out, i == 0 ? "&gt;" : ">"); /* a quotation at the start */
        break;
    case '@':
        buf_str(out, "@" APART);
        break;
    case '#':
        buf_str(out, "\\#" APART);
        break;
    case ':':
        buf_str(out, i + 1 < s.len && s.p[i + 1] == '/' ? ":" APART : ":");
        break;
    default:
        if (strchr("\\`*_[]|~!$", c)) {
            buf_char(out, '\\');
        }
        buf_char(out, c);
    }
}

void markdown_prose_span(struct markdown *p, struct span clean)
{
    for (size_t i = 0; i < clean.len; i++) {
        escape_char(p->out, clean, i);
    }
}

/* Clearing forgets a failure, so it is noted first. */
struct buf *markdown_scratch(struct markdown *p)
{
    p->out->failed_memory |= p->scratch->failed_memory;
    buf_clear(p->scratch);
    return p->scratch;
}

void markdown_prose_scratch(struct markdown *p)
{
    struct buf cut = BUF_LIMIT(MARKDOWN_PIECE);
    plain_elide(&cut, buf_view(p->scratch), MARKDOWN_PROSE_COLUMNS, false);
    markdown_prose_span(p, buf_view(&cut));
    plain_drop(&cut, p->out);
}

void markdown_prose(struct markdown *p, const char *text)
{
    plain_clean(markdown_scratch(p), text);
    markdown_prose_scratch(p);
}

static char no_backtick(char c)
{
    if (c == '`') {
        return '\'';
    }
    return c;
}

/* A name in a code span, where only backticks and bars mean something. */
void markdown_code_scratch(struct markdown *p)
{
    struct buf cut = BUF_LIMIT(MARKDOWN_PIECE);
    plain_elide(&cut, buf_view(p->scratch), MARKDOWN_NAME_COLUMNS, false);
    const struct span s = buf_view(&cut);
    buf_char(p->out, '`');
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '|') {
            buf_str(p->out, "\xc2\xa6"); /* a bar would end the cell */
        } else {
            buf_char(p->out, no_backtick(s.p[i]));
        }
    }
    buf_str(p->out, s.len > 0 ? "`" : " `");
    plain_drop(&cut, p->out);
}

void markdown_code(struct markdown *p, const char *text)
{
    plain_clean(markdown_scratch(p), text);
    markdown_code_scratch(p);
}

/* A line of a fenced block: nothing but the fence could end it. */
void markdown_fenced(struct markdown *p, const char *text)
{
    struct buf cut = BUF_LIMIT(MARKDOWN_PIECE);
    plain_clean(markdown_scratch(p), text);
    plain_elide(&cut, buf_view(p->scratch), MARKDOWN_NAME_COLUMNS, false);
    const struct span s = buf_view(&cut);
    for (size_t i = 0; i < s.len; i++) {
        buf_char(p->out, no_backtick(s.p[i]));
    }
    plain_drop(&cut, p->out);
}

static size_t longest_run(const char *text, char c)
{
    size_t longest = 0;
    size_t run = 0;
    for (; *text; text++) {
        run = *text == c ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/* One line out of many, cleaned: its end is the buffer's. */
static void block_line(struct markdown *p, struct span line, size_t columns)
{
    struct buf raw = BUF_LIMIT(MARKDOWN_PIECE);
    struct buf cut = BUF_LIMIT(MARKDOWN_PIECE);
    buf_span(&raw, line);
    plain_clean(markdown_scratch(p), raw.data);
    plain_elide(&cut, buf_view(p->scratch), columns, false);
    buf_span(p->out, buf_view(&cut));
    buf_char(p->out, '\n');
    plain_drop(&cut, p->out);
    plain_drop(&raw, p->out);
}

void markdown_block(struct markdown *p, const char *language, const char *text,
                    size_t columns)
{
    const size_t run = longest_run(text, '`');
    const size_t fence = run < 3 ? 3 : run + 1;
    buf_repeat(p->out, '`', fence);
    buf_printf(p->out, "%s\n", language);
    for (struct span rest = span_of(text), line; span_line(&rest, &line);) {
        block_line(p, line, columns);
    }
    buf_repeat(p->out, '`', fence);
    buf_char(p->out, '\n');
}

/* Inside <summary> only HTML counts. */
void markdown_html(struct markdown *p, const char *text)
{
    struct buf cut = BUF_LIMIT(MARKDOWN_PIECE);
    plain_clean(markdown_scratch(p), text);
    plain_elide(&cut, buf_view(p->scratch), MARKDOWN_NAME_COLUMNS, false);
    const struct span s = buf_view(&cut);
    for (size_t i = 0; i < s.len; i++) {
        switch (s.p[i]) {
        case '&':
            buf_str(p->out, "&amp;");
            break;
        case '<':
            buf_str(p->out, "&lt;");
            break;
        case '>':
            buf_str(p->out, "&gt;");
            break;
        case '@':
            buf_str(p->out, "@" APART);
            break;
        default:
            buf_char(p->out, s.p[i]);
        }
    }
    plain_drop(&cut, p->out);
}
