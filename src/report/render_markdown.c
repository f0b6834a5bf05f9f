/*
 * The report as a comment on a pull request: a hidden marker to find it again,
 * the verdict, one table a busy reviewer reads, the rest folded. Forges cut
 * comments at 64 KiB, so it stays below 60 kB and is cut by whole findings.
 */
#include "base/num.h"
#include "report/plain.h"
#include "report/report.h"
#include "report/spark.h"
#include "report/summary.h"

#include <ctype.h>
#include <string.h>

#include "base/banned.h"

enum {
    DOCUMENT_BYTES = 60000,
    TAIL_BYTES = 10000,    /* kept free for tables, notes and the footer */
    PIECE_BYTES = 64000,   /* one finding's part, before it is measured */
    FINDING_BYTES = 16000, /* above, evidence and stack are dropped */
    NAME_COLUMNS = 160,    /* of one function name */
    NOTE_COLUMNS = 100,
    PROSE_COLUMNS = 600, /* of one sentence */
    STACK_SHOWN = 40,
    NOTES_SHOWN = 8,
    SPARK = 24
};

struct piece {
    struct buf *out;
    struct buf *scratch;
};

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

/* Clean prose in which nothing is Markdown. */
static void prose_span(struct piece *p, struct span clean)
{
    for (size_t i = 0; i < clean.len; i++) {
        escape_char(p->out, clean, i);
    }
}

/* Clearing forgets a failure, so it is noted first. */
static struct buf *scratch(struct piece *p)
{
    p->out->failed_memory |= p->scratch->failed_memory;
    buf_clear(p->scratch);
    return p->scratch;
}

/* The scratch text, shortened. */
static void prose_scratch(struct piece *p)
{
    struct buf cut = BUF_LIMIT(PIECE_BYTES);
    plain_elide(&cut, buf_view(p->scratch), PROSE_COLUMNS, false);
    prose_span(p, buf_view(&cut));
    plain_drop(&cut, p->out);
}

static void prose(struct piece *p, const char *text)
{
    plain_clean(scratch(p), text);
    prose_scratch(p);
}

static char no_backtick(char c)
{
    if (c == '`') {
        return '\'';
    }
    return c;
}

/* A name in a code span, where only backticks and bars mean something. */
static void code_scratch(struct piece *p)
{
    struct buf cut = BUF_LIMIT(PIECE_BYTES);
    plain_elide(&cut, buf_view(p->scratch), NAME_COLUMNS, false);
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

static void code(struct piece *p, const char *text)
{
    plain_clean(scratch(p), text);
    code_scratch(p);
}

/* A line of a fenced block: nothing but the fence could end it. */
static void fenced(struct piece *p, const char *text)
{
    struct buf cut = BUF_LIMIT(PIECE_BYTES);
    plain_clean(scratch(p), text);
    plain_elide(&cut, buf_view(p->scratch), NAME_COLUMNS, false);
    const struct span s = buf_view(&cut);
    for (size_t i = 0; i < s.len; i++) {
        buf_char(p->out, no_backtick(s.p[i]));
    }
    plain_drop(&cut, p->out);
}

/* Inside <summary> only HTML counts. */
static void html(struct piece *p, const char *text)
{
    struct buf cut = BUF_LIMIT(PIECE_BYTES);
    plain_clean(scratch(p), text);
    plain_elide(&cut, buf_view(p->scratch), NAME_COLUMNS, false);
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
        default:
            buf_char(p->out, s.p[i]);
        }
    }
    plain_drop(&cut, p->out);
}

/* Letters, digits, dots and single dashes: "--" would end the comment. */
static void marker(struct piece *p, const struct report *r)
{
    const char *name =
        r->about && r->about->program ? r->about->program : r->target;
    buf_printf(p->out, "<!-- seep:%s:", r->command ? r->command : "report");
    bool was_dash = true;
    for (size_t i = 0; name && name[i] && i < 80; i++) {
        const char c = name[i];
        const bool is_plain = isalnum((unsigned char)c) || c == '.' || c == '_';
        if (is_plain) {
            buf_char(p->out, c);
        } else if (!was_dash) {
            buf_char(p->out, '-');
        }
        was_dash = !is_plain;
    }
    buf_str(p->out, " -->\n");
}

static void summary_lines(struct piece *p, const struct report *r)
{
    for (size_t i = 0; i < r->n_summary; i++) {
        prose(p, r->summary[i]);
        buf_char(p->out, '\n');
    }
}

static void opening(struct piece *p, const struct report *r)
{
    marker(p, r);
    if (!r->findings) {
        buf_str(p->out, "### ");
        summary_lines(p, r);
        return;
    }
    buf_printf(p->out, "### %s: ", summary_report_word(r));
    summary_verdict(scratch(p), r);
    prose_scratch(p);
    buf_char(p->out, '\n');
    summary_about(scratch(p), r);
    if (p->scratch->len > 0) {
        prose_scratch(p);
        buf_char(p->out, '\n');
    }
    summary_lines(p, r);
}

static void add_table_head(struct buf *out, const struct report *r)
{
    /* One dump has sizes; with that nothing was compared. */
    buf_printf(out,
               "\n| | grade | what | %s | per hour | where | rule |\n"
               "|--:|---|---|--:|--:|---|---|\n",
               summary_is_one_dump(r) ? "size" : "change");
}

static void place(struct piece *p, const struct frame *f)
{
    code(p, f->function);
    summary_position(scratch(p), f);
    if (p->scratch->len > 0) {
        buf_char(p->out, ' ');
        prose_scratch(p);
    }
}

static void table_row(struct piece *p, const struct finding *f, size_t number)
{
    buf_printf(p->out, "| %zu | **%s** | ", number, grade_name(f->grade));
    prose(p, summary_headline(f));
    buf_str(p->out, " | ");
    if (f->n_metrics > 0) {
        summary_change(scratch(p), &f->metrics[0]);
        prose_scratch(p);
        buf_str(p->out, " | ");
        summary_per_hour(scratch(p), &f->metrics[0]);
        prose_scratch(p);
    } else {
        buf_str(p->out, " | ");
    }
    buf_str(p->out, " | ");
    const struct frame *where = summary_place(f);
    if (where) {
        place(p, where);
    } else if (f->holder) {
        code(p, f->holder->name);
    } else {
        buf_str(p->out, "the whole process");
    }
    buf_printf(p->out, " | %s |\n", f->rule->id);
}

static void item(struct piece *p, const char *word)
{
    buf_printf(p->out, "- **%s** ", word);
}

static void figures(struct piece *p, const struct finding *f)
{
    struct buf *line = scratch(p);
    if (f->n_metrics > 0) {
        const struct metric *m = &f->metrics[0];
        if (m->n_series > 2) {
            spark(p->out, m->series, m->n_series, SPARK, false);
            buf_str(p->out, " ");
        }
        summary_pace(line, m);
    }
    const size_t start = line->len;
    buf_str(line, start > 0 ? ", " : "");
    const size_t from = line->len;
    summary_statistics(line, f);
    line->len = line->len == from ? start : line->len;
    prose_scratch(p);
    buf_str(p->out, "\n\n");
}

static void fleet_items(struct piece *p, const struct finding *f)
{
    summary_replicas(scratch(p), f);
    if (p->scratch->len > 0) {
        item(p, "fleet");
        prose_scratch(p);
        buf_char(p->out, '\n');
    }
    if (f->first_seen_nanos != 0) {
        item(p, "since");
        num_rfc3339(scratch(p), f->first_seen_nanos);
        prose_scratch(p);
        buf_char(p->out, '\n');
    }
}

static void items(struct piece *p, const struct finding *f, bool is_brief)
{
    fleet_items(p, f);
    summary_held(scratch(p), f);
    if (p->scratch->len > 0) {
        item(p, "held");
        prose_scratch(p);
        buf_char(p->out, '\n');
    }
    if (f->holder && f->holder->path) {
        item(p, "path");
        prose(p, f->holder->path);
        buf_char(p->out, '\n');
    }
    item(p, "why");
    summary_why(scratch(p), f);
    prose_scratch(p);
    buf_char(p->out, '\n');
    for (size_t i = 0; i < f->n_evidence && !is_brief; i++) {
        item(p, "seen");
        prose(p, f->evidence[i]);
        buf_char(p->out, '\n');
    }
    item(p, "fix");
    prose(p, summary_fix(f));
    buf_char(p->out, '\n');
    if (f->has_creator) {
        item(p, "from");
        place(p, &f->creator);
        buf_char(p->out, '\n');
    }
    summary_unless(scratch(p), f, SIZE_MAX);
    if (p->scratch->len > 0) {
        item(p, "unless");
        prose_scratch(p);
        buf_char(p->out, '\n');
    }
    item(p, "check");
    prose(p, summary_confirm(f));
    buf_printf(p->out, "\n- **id** %s\n", f->id);
}

static void stack(struct piece *p, const struct finding *f)
{
    if (f->n_stack == 0) {
        return;
    }
    buf_str(p->out, "\n```text\n");
    for (size_t i = 0; i < f->n_stack && i < STACK_SHOWN; i++) {
        const struct frame *at = &f->stack[i];
        fenced(p, at->function);
        if (at->file && *at->file) {
            buf_str(p->out, "  ");
            struct buf where = BUF_LIMIT(PIECE_BYTES);
            summary_position(&where, at);
            fenced(p, where.data ? where.data : "");
            plain_drop(&where, p->out);
        }
        buf_char(p->out, '\n');
    }
    if (f->n_stack > STACK_SHOWN) {
        buf_printf(p->out, "... %zu more frames\n", f->n_stack - STACK_SHOWN);
    }
    buf_str(p->out, "```\n");
}

static void details(struct piece *p, const struct finding *f, size_t number,
                    bool is_brief)
{
    buf_printf(p->out, "\n<details><summary>%zu. %s: ", number,
               grade_name(f->grade));
    html(p, summary_headline(f));
    if (f->has_site) {
        buf_str(p->out, ", <code>");
        html(p, f->site.function);
        buf_str(p->out, "</code>");
    }
    buf_str(p->out, "</summary>\n\n");
    figures(p, f);
    items(p, f, is_brief);
    if (!is_brief) {
        stack(p, f);
    }
    buf_str(p->out, "\n</details>\n");
}

/* Row and details of one finding; a huge one is told briefly. */
static bool finding_pieces(struct buf *row, struct buf *fold, struct buf *word,
                           const struct finding *f, size_t number)
{
    buf_release(row);
    buf_release(fold);
    *row = BUF_LIMIT(PIECE_BYTES);
    *fold = BUF_LIMIT(PIECE_BYTES);
    table_row(&(struct piece){row, word}, f, number);
    details(&(struct piece){fold, word}, f, number, false);
    if (!buf_ok(fold) || fold->len > FINDING_BYTES) {
        plain_drop(fold, row);
        *fold = BUF_LIMIT(PIECE_BYTES);
        details(&(struct piece){fold, word}, f, number, true);
    }
    return buf_ok(row) && buf_ok(fold);
}

/* Rows and details grow side by side until the next finding would not fit. */
static size_t add_findings(struct buf *out, struct buf *word,
                           const struct report *r)
{
    const struct findings *f = r->findings;
    struct buf rows = BUF_LIMIT(DOCUMENT_BYTES);
    struct buf folded = BUF_LIMIT(DOCUMENT_BYTES);
    struct buf row = BUF_LIMIT(PIECE_BYTES);
    struct buf fold = BUF_LIMIT(PIECE_BYTES);
    const size_t room = DOCUMENT_BYTES - TAIL_BYTES - out->len;
    size_t n_shown = 0;
    while (n_shown < f->n) {
        if (!finding_pieces(&row, &fold, word, &f->items[n_shown],
                            n_shown + 1) ||
            rows.len + folded.len + row.len + fold.len > room) {
            break;
        }
        buf_span(&rows, buf_view(&row));
        buf_span(&folded, buf_view(&fold));
        n_shown++;
    }
    if (n_shown > 0) {
        add_table_head(out, r);
        buf_span(out, buf_view(&rows));
        buf_span(out, buf_view(&folded));
    }
    out->failed_memory |= row.failed_memory || fold.failed_memory ||
                          rows.failed_memory || folded.failed_memory;
    buf_release(&rows);
    buf_release(&folded);
    buf_release(&row);
    buf_release(&fold);
    return n_shown;
}

/* One row of a table of the report; returns its text in `row`. */
static void data_row(struct piece *p, const struct report_table *t, size_t i)
{
    buf_str(p->out, "|");
    for (size_t c = 0; c < t->n_columns; c++) {
        const struct report_column *column = &t->columns[c];
        if (*column->title == '\0') {
            continue;
        }
        buf_char(p->out, ' ');
        summary_cell(scratch(p), column, &t->cells[i * t->n_columns + c]);
        prose_scratch(p);
        buf_str(p->out, " |");
    }
    buf_char(p->out, '\n');
}

static void table_opening(struct piece *p, const struct report_table *t,
                          bool is_open)
{
    buf_str(p->out,
            is_open ? "\n<details open><summary>" : "\n<details><summary>");
    html(p, t->title);
    buf_str(p->out, "</summary>\n\n|");
    for (size_t c = 0; c < t->n_columns; c++) {
        if (*t->columns[c].title != '\0') {
            buf_char(p->out, ' ');
            prose(p, t->columns[c].title);
            buf_str(p->out, " |");
        }
    }
    buf_str(p->out, "\n|");
    for (size_t c = 0; c < t->n_columns; c++) {
        if (*t->columns[c].title != '\0') {
            buf_str(p->out, t->columns[c].type == CELL_TEXT ? "---|" : "--:|");
        }
    }
    buf_char(p->out, '\n');
}

/* Whole rows only, as many as fit before `limit`. */
static void add_table(struct buf *out, struct buf *word,
                      const struct report_table *t, bool is_open, size_t limit)
{
    struct buf row = BUF_LIMIT(PIECE_BYTES);
    size_t n_shown = 0;
    struct buf head = BUF_LIMIT(PIECE_BYTES);
    table_opening(&(struct piece){&head, word}, t, is_open);
    if (out->len + head.len + 200 < limit) {
        buf_span(out, buf_view(&head));
        while (n_shown < t->n_rows) {
            buf_clear(&row);
            data_row(&(struct piece){&row, word}, t, n_shown);
            if (!buf_ok(&row) || out->len + row.len + 200 > limit) {
                break;
            }
            buf_span(out, buf_view(&row));
            n_shown++;
        }
        const size_t n_left = t->n_rows - n_shown + t->n_rows_left_out;
        if (n_left > 0) {
            buf_printf(out, "\n%zu more rows left out.\n", n_left);
        }
        buf_str(out, "\n</details>\n");
    }
    out->failed_memory |= row.failed_memory || head.failed_memory;
    buf_release(&row);
    buf_release(&head);
}

static void add_note(struct piece *p, const char *text)
{
    buf_str(p->out, "- ");
    plain_clean(scratch(p), text);
    struct buf cut = BUF_LIMIT(PIECE_BYTES);
    plain_elide(&cut, buf_view(p->scratch), NOTE_COLUMNS, false);
    prose_span(p, buf_view(&cut));
    plain_drop(&cut, p->out);
    buf_char(p->out, '\n');
}

static void add_notes(struct piece *p, const struct report *r)
{
    const size_t n = r->n_notes + (r->findings ? r->findings->n_notes : 0);
    buf_str(p->out, n > 0 ? "\n" : "");
    for (size_t i = 0; i < n && i < NOTES_SHOWN; i++) {
        add_note(p, i < r->n_notes ? r->notes[i]
                                   : r->findings->notes[i - r->n_notes]);
    }
    if (n > NOTES_SHOWN) {
        buf_printf(p->out, "- %zu more notes\n", n - NOTES_SHOWN);
    }
}

static void closing(struct piece *p, const struct report *r)
{
    add_notes(p, r);
    scratch(p);
    if (r->findings) {
        summary_memory(p->scratch, r->findings);
    }
    if (p->scratch->len > 0) {
        buf_char(p->out, '\n');
        prose_scratch(p);
        buf_char(p->out, '\n');
    }
    buf_str(p->out, "\n<sub>");
    scratch(p);
    if (r->findings) {
        summary_footer(p->scratch, r);
    }
    prose_scratch(p);
    buf_printf(p->out, "%sseep ", p->scratch->len > 0 ? " " : "");
    prose(p, r->tool_version);
    buf_str(p->out, "</sub>\n");
}

static bool render(const struct report *r, const struct render_options *o,
                   struct buf *out, struct err *err)
{
    (void)o;
    struct buf word = BUF_LIMIT(16u << 20);
    struct buf doc = BUF_LIMIT(DOCUMENT_BYTES);
    struct piece p = {&doc, &word};
    opening(&p, r);
    const size_t n_left =
        r->findings ? r->findings->n - add_findings(&doc, &word, r) : 0;
    if (n_left > 0) {
        buf_printf(&doc, "\n%zu more finding%s left out for length.\n", n_left,
                   n_left == 1 ? "" : "s");
    }
    /* What follows: at most 8 notes of 100 columns, and the footer. */
    for (size_t i = 0; i < r->n_tables; i++) {
        add_table(&doc, &word, &r->tables[i], !r->findings,
                  DOCUMENT_BYTES - TAIL_BYTES);
    }
    closing(&p, r);
    buf_span(out, buf_view(&doc));
    const bool ok = buf_check(&word, "markdown text", err) &&
                    buf_check(&doc, "markdown report", err) &&
                    buf_check(out, "markdown report", err);
    buf_release(&word);
    buf_release(&doc);
    return ok;
}

const struct renderer renderer_markdown = {
    .name = "markdown",
    .media_type = "text/markdown",
    .summary = "for a comment on a pull request",
    .render = render,
};
