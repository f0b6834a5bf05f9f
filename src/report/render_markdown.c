/*
 * The report as a comment on a pull request: a hidden marker to find it again,
 * the verdict, one table a busy reviewer reads, the rest folded. Forges cut
 * comments at 64 KiB, so it stays below 60 kB and is cut by whole findings.
 */
#include "base/num.h"
#include "report/markdown_private.h"
#include "report/plain.h"

#include <ctype.h>

#include "base/banned.h"

enum {
    DOCUMENT_BYTES = 60000,
    TAIL_BYTES = 12000,    /* kept free for tables, notes and the footer */
    CHART_BYTES = 4000,    /* kept free for charts */
    ACCEPTED_BYTES = 5000, /* of the rows of what is accepted */
    COMMAND_BYTES = 4000,
    FINDING_BYTES = 16000, /* above, evidence and stack are dropped */
    COMMAND_COLUMNS = 1000,
    NOTE_COLUMNS = 300,
    NOTES_SHOWN = 8,
    CURVES_MAX = 6
};

/* Letters, digits, dots and single dashes: "--" would end the comment. */
static void marker(struct markdown *p, const struct report *r)
{
    const char *name = summary_program(r);
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

static void summary_lines(struct markdown *p, const struct report *r)
{
    for (size_t i = 0; i < r->n_summary; i++) {
        markdown_prose(p, r->summary[i]);
        buf_char(p->out, '\n');
    }
}

static void opening(struct markdown *p, const struct report *r)
{
    marker(p, r);
    if (!r->findings) {
        buf_str(p->out, "### ");
        summary_lines(p, r);
        return;
    }
    struct buf *out = p->out;
    buf_printf(out, "### %s: ", summary_report_word(r));
    summary_states(markdown_scratch(p), r->findings);
    const bool has_states = p->scratch->len > 0;
    markdown_prose_scratch(p);
    buf_str(out, has_states ? "\n" : "");
    summary_verdict(markdown_scratch(p), r);
    markdown_prose_scratch(p);
    summary_about(markdown_scratch(p), r);
    if (p->scratch->len > 0) {
        buf_str(out, has_states ? " (" : "\n");
        markdown_prose_scratch(p);
        buf_str(out, has_states ? ")" : "");
    }
    buf_char(out, '\n');
    summary_lines(p, r);
}

/* --- findings --- */

/* The document's order: what a reviewer must act on, what is mended, what was
   there before. Numbers are of those that are there. */
struct listing {
    const struct report *report;
    struct markdown_columns columns;
    struct buf rows, folds, charts;
    struct buf *word;
    struct markdown_curve curves[CURVES_MAX];
    size_t n_curves;
    size_t n_numbered, n_shown, n_left;
    size_t room;
    bool is_full;
};

static void find_columns(struct listing *l)
{
    const struct findings *f = l->report->findings;
    l->columns.has_patch = l->report->has_patch;
    l->columns.is_one_dump = summary_is_one_dump(l->report);
    for (size_t i = 0; i < f->n; i++) {
        l->columns.has_state |= summary_group(&f->items[i]) != GROUP_PLAIN;
        l->columns.has_patch |= f->items[i].patched != NULL;
    }
}

/* The folded part; a huge finding is told briefly. */
static void fold_finding(struct buf *fold, struct buf *word,
                         const struct finding *f, size_t number)
{
    *fold = BUF_LIMIT(MARKDOWN_PIECE);
    markdown_details(&(struct markdown){fold, word}, f, number, false);
    if (!buf_ok(fold) || fold->len > FINDING_BYTES) {
        const bool failed = fold->failed_memory;
        buf_release(fold);
        *fold = BUF_LIMIT(MARKDOWN_PIECE);
        fold->failed_memory = failed;
        markdown_details(&(struct markdown){fold, word}, f, number, true);
    }
}

/* Row and folded part, or neither. */
static void list_finding(struct listing *l, const struct finding *f)
{
    const bool is_gone = summary_group(f) == GROUP_FIXED;
    const size_t number = is_gone ? 0 : l->n_numbered + 1;
    struct buf row = BUF_LIMIT(MARKDOWN_PIECE);
    struct buf fold = BUF_LIMIT(MARKDOWN_PIECE);
    markdown_row(&(struct markdown){&row, l->word}, f, number, &l->columns);
    if (!is_gone) {
        fold_finding(&fold, l->word, f, number);
    }
    l->is_full = !buf_ok(&row) || !buf_ok(&fold) ||
                 l->rows.len + l->folds.len + row.len + fold.len > l->room;
    if (l->is_full) {
        l->n_left++;
    } else {
        buf_span(&l->rows, buf_view(&row));
        buf_span(&l->folds, buf_view(&fold));
        l->n_numbered += is_gone ? 0 : 1;
        l->n_shown++;
    }
    if (!l->is_full && !is_gone && l->n_curves < CURVES_MAX) {
        l->curves[l->n_curves++] = (struct markdown_curve){f, number};
    }
    plain_drop(&row, &l->rows);
    plain_drop(&fold, &l->rows);
}

/* Rows and folded parts grow side by side until the next finding would not
   fit. */
static void list_findings(struct listing *l)
{
    const struct findings *f = l->report->findings;
    for (int g = 0; g < GROUP_ACCEPTED; g++) {
        for (size_t i = 0; i < f->n; i++) {
            if ((int)summary_group(&f->items[i]) != g) {
                continue;
            }
            if (l->is_full) {
                l->n_left++;
            } else {
                list_finding(l, &f->items[i]);
            }
        }
    }
}

static void add_findings(struct markdown *p, const struct report *r,
                         size_t reserved)
{
    struct listing l = {
        .report = r,
        .rows = BUF_LIMIT(DOCUMENT_BYTES),
        .folds = BUF_LIMIT(DOCUMENT_BYTES),
        .charts = BUF_LIMIT(MARKDOWN_PIECE),
        .word = p->scratch,
        .room =
            DOCUMENT_BYTES - TAIL_BYTES - CHART_BYTES - reserved - p->out->len,
    };
    find_columns(&l);
    list_findings(&l);
    markdown_charts(&(struct markdown){&l.charts, p->scratch}, l.curves,
                    l.n_curves, r->about);
    if (l.n_shown > 0) {
        markdown_table_head(p->out, &l.columns);
        buf_span(p->out, buf_view(&l.rows));
        if (buf_ok(&l.charts) && l.charts.len <= CHART_BYTES) {
            buf_span(p->out, buf_view(&l.charts));
        }
        buf_span(p->out, buf_view(&l.folds));
    }
    if (l.n_left > 0) {
        buf_printf(p->out, "\n%zu more finding%s left out for length.\n",
                   l.n_left, l.n_left == 1 ? "" : "s");
    }
    plain_drop(&l.rows, p->out);
    plain_drop(&l.folds, p->out);
    plain_drop(&l.charts, p->out);
}

/* --- what is accepted, and how to get this again --- */

static void accepted_row(struct markdown *p, const struct finding *f)
{
    buf_str(p->out, "| ");
    markdown_prose(p, summary_headline(f));
    buf_str(p->out, " | ");
    const struct frame *at = summary_place(f);
    if (at) {
        markdown_code(p, at->function);
    }
    buf_str(p->out, " | ");
    if (f->n_metrics > 0) {
        summary_change(markdown_scratch(p), &f->metrics[0]);
        markdown_prose_scratch(p);
    }
    buf_str(p->out, " | ");
    summary_accepted(markdown_scratch(p), f);
    markdown_prose_scratch(p);
    buf_str(p->out, " |\n");
}

/* Whole rows, as many as fit into ACCEPTED_BYTES. */
static void add_accepted(struct buf *out, struct buf *word,
                         const struct findings *f)
{
    struct buf rows = BUF_LIMIT(ACCEPTED_BYTES);
    size_t n = 0;
    size_t n_shown = 0;
    bool is_full = false;
    for (size_t i = 0; i < f->n; i++) {
        if (summary_group(&f->items[i]) != GROUP_ACCEPTED) {
            continue;
        }
        n++;
        struct buf row = BUF_LIMIT(MARKDOWN_PIECE);
        if (!is_full) {
            accepted_row(&(struct markdown){&row, word}, &f->items[i]);
            is_full = !buf_ok(&row) || rows.len + row.len > ACCEPTED_BYTES;
        }
        if (!is_full) {
            buf_span(&rows, buf_view(&row));
            n_shown++;
        }
        plain_drop(&row, out);
    }
    if (n > 0) {
        buf_printf(out,
                   "\n<details><summary>%zu accepted</summary>\n\n"
                   "| what | where | level | accepted |\n|---|---|--:|---|\n",
                   n);
        buf_span(out, buf_view(&rows));
        if (n > n_shown) {
            buf_printf(out, "\n%zu more accepted.\n", n - n_shown);
        }
        buf_str(out, "\n</details>\n");
    }
    plain_drop(&rows, out);
}

static void add_reproduce(struct buf *out, struct buf *word,
                          const struct report *r)
{
    if (!r->reproduce) {
        return;
    }
    struct markdown p = {out, word};
    buf_str(out, "\n<details><summary>How to reproduce</summary>\n\n");
    markdown_block(&p, "sh", r->reproduce, COMMAND_COLUMNS);
    buf_str(out, "\n</details>\n");
}

/* Both, made before the findings are, which get the room that is left. A part
   that is absurdly long is left out. */
static void make_rest(struct buf *rest, struct buf *word,
                      const struct report *r)
{
    add_accepted(rest, word, r->findings);
    struct buf command = BUF_LIMIT(COMMAND_BYTES);
    add_reproduce(&command, word, r);
    if (buf_ok(&command)) {
        buf_span(rest, buf_view(&command));
    }
    plain_drop(&command, rest);
}

/* One row of a table of the report; returns its text in `row`. */
static void data_row(struct markdown *p, const struct report_table *t, size_t i)
{
    buf_str(p->out, "|");
    for (size_t c = 0; c < t->n_columns; c++) {
        const struct report_column *column = &t->columns[c];
        if (*column->title == '\0') {
            continue;
        }
        buf_char(p->out, ' ');
        summary_cell(markdown_scratch(p), column,
                     &t->cells[i * t->n_columns + c]);
        markdown_prose_scratch(p);
        buf_str(p->out, " |");
    }
    buf_char(p->out, '\n');
}

static void table_opening(struct markdown *p, const struct report_table *t,
                          bool is_open)
{
    buf_str(p->out,
            is_open ? "\n<details open><summary>" : "\n<details><summary>");
    markdown_html(p, t->title);
    buf_str(p->out, "</summary>\n\n|");
    for (size_t c = 0; c < t->n_columns; c++) {
        if (*t->columns[c].title != '\0') {
            buf_char(p->out, ' ');
            markdown_prose(p, t->columns[c].title);
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
    struct buf row = BUF_LIMIT(MARKDOWN_PIECE);
    size_t n_shown = 0;
    struct buf head = BUF_LIMIT(MARKDOWN_PIECE);
    table_opening(&(struct markdown){&head, word}, t, is_open);
    if (out->len + head.len + 200 < limit) {
        buf_span(out, buf_view(&head));
        while (n_shown < t->n_rows) {
            buf_clear(&row);
            data_row(&(struct markdown){&row, word}, t, n_shown);
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

static void add_note(struct markdown *p, const char *text)
{
    buf_str(p->out, "- ");
    plain_clean(markdown_scratch(p), text);
    struct buf cut = BUF_LIMIT(MARKDOWN_PIECE);
    plain_elide(&cut, buf_view(p->scratch), NOTE_COLUMNS, false);
    markdown_prose_span(p, buf_view(&cut));
    plain_drop(&cut, p->out);
    buf_char(p->out, '\n');
}

static void add_notes(struct markdown *p, const struct report *r)
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

/* "Window 2025-11-23T12:13:20Z to ...; a heap sample every 512 KB; go1.23." */
static void add_circumstances(struct buf *out, const struct report *r)
{
    const struct series_about none = {0};
    const struct series_about *a = r->about ? r->about : &none;
    const char *before = out->len > 0 ? " " : "";
    if (a->first_nanos != 0 && a->last_nanos != 0) {
        buf_printf(out, "%sWindow ", before);
        num_rfc3339(out, a->first_nanos);
        buf_str(out, " to ");
        num_rfc3339(out, a->last_nanos);
        buf_char(out, '.');
        before = " ";
    }
    if (a->heap_period_bytes > 0) {
        buf_printf(out, "%sA heap sample every ", before);
        num_bytes(out, (double)a->heap_period_bytes);
        buf_char(out, '.');
        before = " ";
    }
    if (r->go_version) {
        buf_str(out, before);
        plain_clean(out, r->go_version);
        buf_char(out, '.');
    }
}

static void closing(struct markdown *p, const struct report *r)
{
    add_notes(p, r);
    markdown_scratch(p);
    if (r->findings) {
        summary_memory(p->scratch, r->findings);
    }
    if (p->scratch->len > 0) {
        buf_char(p->out, '\n');
        markdown_prose_scratch(p);
        buf_char(p->out, '\n');
    }
    buf_str(p->out, "\n<sub>");
    markdown_scratch(p);
    if (r->findings) {
        summary_footer(p->scratch, r);
    }
    add_circumstances(p->scratch, r);
    markdown_prose_scratch(p);
    buf_printf(p->out, "%sseep ", p->scratch->len > 0 ? " " : "");
    markdown_prose(p, r->tool_version);
    buf_str(p->out, "</sub>\n");
}

static bool render(const struct report *r, const struct render_options *o,
                   struct buf *out, struct err *err)
{
    (void)o;
    struct buf word = BUF_LIMIT(16u << 20);
    struct buf doc = BUF_LIMIT(DOCUMENT_BYTES);
    struct buf rest = BUF_LIMIT(DOCUMENT_BYTES);
    struct markdown p = {&doc, &word};
    opening(&p, r);
    if (r->findings) {
        make_rest(&rest, &word, r);
        add_findings(&p, r, rest.len);
        buf_span(&doc, buf_view(&rest));
    }
    /* What follows: at most 8 notes of 300 columns, and the footer. */
    for (size_t i = 0; i < r->n_tables; i++) {
        add_table(&doc, &word, &r->tables[i], !r->findings,
                  DOCUMENT_BYTES - TAIL_BYTES);
    }
    closing(&p, r);
    buf_span(out, buf_view(&doc));
    const bool ok = buf_check(&word, "markdown text", err) &&
                    buf_check(&rest, "markdown report", err) &&
                    buf_check(&doc, "markdown report", err) &&
                    buf_check(out, "markdown report", err);
    buf_release(&word);
    buf_release(&rest);
    buf_release(&doc);
    return ok;
}

const struct renderer renderer_markdown = {
    .name = "markdown",
    .media_type = "text/markdown",
    .summary = "for a comment on a pull request",
    .has_tables = true,
    .render = render,
};
