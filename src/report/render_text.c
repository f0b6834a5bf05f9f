/*
 * The report in a terminal: the verdict first, then each finding in the few
 * lines a busy person reads. Prose fits the terminal (a name too long for it
 * stays whole, tables keep their names readable), no control character comes
 * from an input, colour stands only beside words that say the same.
 */
#include "base/num.h"
#include "report/plain.h"
#include "report/report.h"
#include "report/spark.h"
#include "report/summary.h"

#include <string.h>

#include "base/banned.h"

enum {
    INDENT = 3, /* of the lines of a finding */
    LABEL = 7,  /* "unless " */
    SPARK = 24, /* columns of a sparkline, at most */
    LINE_MAX_BYTES = 1 << 20
};

#define BOLD   "\x1b[1m"
#define RED    "\x1b[1;31m"
#define YELLOW "\x1b[1;33m"
#define BLUE   "\x1b[1;34m"
#define DIM    "\x1b[2m"
#define PLAIN  "\x1b[0m"

struct text {
    const struct report *report;
    const struct render_options *options;
    size_t columns;
    struct buf *out;
    struct buf line; /* scratch */
};

static void paint(struct text *t, const char *color, const char *word)
{
    buf_str(t->out, t->options->color ? color : "");
    buf_str(t->out, word);
    buf_str(t->out, t->options->color ? PLAIN : "");
}

static const char *const verdict_colors[] = {
    [VERDICT_CLEAN] = BLUE,
    [VERDICT_INCONCLUSIVE] = BOLD,
    [VERDICT_GROWTH] = YELLOW,
    [VERDICT_LEAK] = RED,
};

static const char *const grade_colors[N_GRADES] = {
    [GRADE_INFO] = DIM,   [GRADE_GROWTH] = YELLOW, [GRADE_SUSPECT] = YELLOW,
    [GRADE_STRONG] = RED, [GRADE_PROVEN] = RED,
};

/* Starts a scratch line and returns it, empty. Clearing forgets a failure, so
   it is noted first. */
static struct buf *scratch(struct text *t)
{
    t->out->failed_memory |= t->line.failed_memory;
    buf_clear(&t->line);
    return &t->line;
}

/* The scratch line, wrapped, after what already stands in this line. */
static void wrap_scratch(struct text *t, size_t used, size_t indent)
{
    plain_wrap(t->out, buf_view(&t->line), used, indent, t->columns);
    buf_char(t->out, '\n');
}

static void verdict_line(struct text *t)
{
    const enum verdict v = t->report->findings->verdict;
    const char *word = summary_report_word(t->report);
    paint(t, verdict_colors[v], word);
    buf_str(t->out, "  ");
    struct buf *line = scratch(t);
    summary_verdict(line, t->report);
    const size_t start = line->len;
    buf_str(line, "  (");
    summary_about(line, t->report);
    size_t used = strlen(word) + 2;
    if (line->len == start + 3) {
        line->len = start;
        wrap_scratch(t, used, 2);
        return;
    }
    buf_char(line, ')');
    const struct span all = buf_view(line);
    if (used + plain_width(all) <= t->columns) {
        buf_span(t->out, all);
        buf_char(t->out, '\n');
        return;
    }
    plain_wrap(t->out, span_first(all, start), used, 2, t->columns);
    buf_str(t->out, "\n  ");
    plain_wrap(t->out, span_from(all, start + 2), 2, 2, t->columns);
    buf_char(t->out, '\n');
}

/* " 1 strong  goroutines wait ...        24 -> 306   +45k/h" */
static void headline(struct text *t, const struct finding *f, size_t number)
{
    const size_t before = t->out->len;
    buf_printf(t->out, "%2zu ", number);
    size_t used = t->out->len - before;
    paint(t, grade_colors[f->grade], grade_name(f->grade));
    buf_str(t->out, "  ");
    used += strlen(grade_name(f->grade)) + 2;
    struct buf *line = scratch(t);
    plain_clean(line, summary_headline(f));
    const struct span words = buf_view(line);
    const size_t room = t->columns > used + 8 ? t->columns - used : 8;
    const size_t taken = t->out->len;
    plain_elide(t->out, words, room, t->options->ascii);
    used +=
        plain_width((struct span){t->out->data + taken, t->out->len - taken});
    if (f->n_metrics == 0) {
        buf_char(t->out, '\n');
        return;
    }
    line = scratch(t);
    summary_change(line, &f->metrics[0]);
    const size_t start = line->len;
    buf_str(line, "   ");
    summary_per_hour(line, &f->metrics[0]);
    line->len = line->len == start + 3 ? start : line->len;
    const size_t width = plain_width(buf_view(line));
    if (used + 2 + width > t->columns) {
        buf_char(t->out, '\n');
        used = 0;
    }
    if (used + width < t->columns) {
        buf_repeat(t->out, ' ', t->columns - used - width);
    }
    buf_span(t->out, buf_view(line));
    buf_char(t->out, '\n');
}

/* "acme.dev/a/session.(*T[acme.dev/b.U]).F" -> "session.(*T[acme.dev/b.U]).F":
   the import path goes, slashes in type arguments do not count. */
static struct span without_path(struct span name)
{
    size_t end = 0;
    while (end < name.len && name.p[end] != '[' && name.p[end] != '(') {
        end++;
    }
    const size_t slash = span_rfind_char(span_first(name, end), '/');
    return slash < end ? span_from(name, slash + 1) : name;
}

/* A name of more columns is no name of a person's. */
enum { WHOLE_MAX = 240 };

/* Appends name and position to the scratch line, cut to `room` columns: the
   import path goes first, then the middle of the name. */
static void add_frame(struct text *t, const struct frame *f, size_t room)
{
    struct buf name = BUF_LIMIT(LINE_MAX_BYTES);
    struct buf place = BUF_LIMIT(LINE_MAX_BYTES);
    plain_clean(&name, f->function);
    summary_position(&place, f);
    struct span shown = buf_view(&name);
    size_t place_width = plain_width(buf_view(&place));
    if (t->options->columns == 0) {
        room = WHOLE_MAX; /* no terminal: whole, for people and tools */
    }
    place_width = place_width < room / 2 ? place_width : room / 2;
    const size_t name_room = room - place_width - 2;
    if (plain_width(shown) > name_room) {
        shown = without_path(shown);
    }
    plain_elide(&t->line, shown, name_room, t->options->ascii);
    if (place.len > 0) {
        buf_str(&t->line, "  ");
        plain_elide(&t->line, buf_view(&place), place_width, t->options->ascii);
    }
    plain_drop(&name, t->out);
    plain_drop(&place, t->out);
}

static void site_line(struct text *t, const struct finding *f)
{
    struct buf *line = scratch(t);
    const char *rule = f->rule->id;
    const size_t room = t->columns - INDENT - 3 - strlen(rule);
    const struct frame *place = summary_place(f);
    if (place) {
        add_frame(t, place, room);
    } else if (f->holder) {
        plain_clean(line, f->holder->name);
    } else {
        buf_str(line, "(the whole process)");
    }
    buf_repeat(t->out, ' ', INDENT);
    buf_span(t->out, buf_view(line));
    if (plain_width(buf_view(line)) > room) {
        buf_char(t->out, '\n');
        buf_repeat(t->out, ' ', INDENT);
    } else {
        buf_str(t->out, "   ");
    }
    paint(t, DIM, rule);
    buf_char(t->out, '\n');
}

static void figures_line(struct text *t, const struct finding *f)
{
    struct buf *line = scratch(t);
    if (f->n_metrics > 0) {
        const struct metric *m = &f->metrics[0];
        if (m->n_series > 2) {
            spark(line, m->series, m->n_series, SPARK, t->options->ascii);
            buf_str(line, "  ");
        }
        summary_pace(line, m);
    }
    const size_t start = line->len;
    const bool has_before = start > 0 && line->data[start - 1] != ' ';
    buf_str(line, has_before ? ", " : "");
    const size_t from = line->len;
    summary_statistics(line, f);
    line->len = line->len == from ? start : line->len;
    if (line->len > 0) {
        buf_repeat(t->out, ' ', INDENT);
        wrap_scratch(t, INDENT, INDENT);
    }
}

static void label(struct text *t, const char *word)
{
    buf_repeat(t->out, ' ', INDENT);
    paint(t, DIM, word);
    const size_t n = strlen(word);
    buf_repeat(t->out, ' ', n < LABEL ? LABEL - n : 1);
}

/* The scratch line behind a label, when there is something to say. */
static void labelled_scratch(struct text *t, const char *word)
{
    if (t->line.len > 0) {
        label(t, word);
        wrap_scratch(t, INDENT + LABEL, INDENT + LABEL);
    }
}

static void labelled(struct text *t, const char *word, const char *text)
{
    plain_clean(scratch(t), text);
    labelled_scratch(t, word);
}

/* Most findings carry two or three; the rest is for --verbose. */
enum { EVIDENCE_SHOWN = 3, ALTERNATIVES_SHOWN = 2 };

static void evidence_lines(struct text *t, const struct finding *f)
{
    for (size_t i = 0; i < f->n_evidence; i++) {
        if (i >= EVIDENCE_SHOWN && !t->options->verbose) {
            break;
        }
        labelled(t, i == 0 ? "seen" : "", f->evidence[i]);
    }
}

static void from_line(struct text *t, const struct finding *f)
{
    const size_t room = t->columns - INDENT - LABEL;
    if (f->has_creator) {
        scratch(t);
        add_frame(t, &f->creator, room);
        labelled_scratch(t, "from");
    } else if (f->operation &&
               (!f->has_site || strcmp(f->operation, f->site.function) != 0)) {
        labelled(t, "from", f->operation);
    }
}

/* Long enough for any path through one's own code. */
enum { STACK_SHOWN = 32 };

static void stack_lines(struct text *t, const struct finding *f)
{
    for (size_t i = 0; i < f->n_stack && i < STACK_SHOWN; i++) {
        scratch(t);
        add_frame(t, &f->stack[i], t->columns - INDENT - LABEL);
        labelled_scratch(t, i == 0 ? "stack" : "");
    }
    if (f->n_stack > STACK_SHOWN) {
        buf_printf(scratch(t), "... %zu more frames", f->n_stack - STACK_SHOWN);
        labelled_scratch(t, "");
    }
}

static void finding_block(struct text *t, const struct finding *f,
                          size_t number)
{
    buf_char(t->out, '\n');
    headline(t, f, number);
    site_line(t, f);
    figures_line(t, f);
    summary_replicas(scratch(t), f);
    labelled_scratch(t, "fleet");
    summary_run(scratch(t), f);
    labelled_scratch(t, "run");
    summary_held(scratch(t), f);
    labelled_scratch(t, "held");
    if (f->holder && f->holder->path) {
        labelled(t, "path", f->holder->path);
    }
    summary_why(scratch(t), f);
    labelled_scratch(t, "why");
    evidence_lines(t, f);
    labelled(t, "fix", summary_fix(f));
    from_line(t, f);
    summary_unless(scratch(t), f,
                   t->options->verbose ? SIZE_MAX : ALTERNATIVES_SHOWN);
    labelled_scratch(t, "unless");
    labelled(t, "check", summary_confirm(f));
    summary_state(scratch(t), f);
    labelled_scratch(t, "state");
    summary_renamed(scratch(t), f);
    labelled_scratch(t, "name");
    summary_touched(scratch(t), f);
    labelled_scratch(t, "patch");
    summary_uncounted(scratch(t), f);
    labelled_scratch(t, "gate");
    summary_accepted(scratch(t), f);
    labelled_scratch(t, "accept");
    if (f->first_seen_nanos != 0) {
        num_rfc3339(scratch(t), f->first_seen_nanos);
        labelled_scratch(t, "found");
    }
    if (t->options->verbose) {
        labelled(t, "id", f->id);
        stack_lines(t, f);
    }
}

/* "fixed  goroutines wait on a channel receive at main.await  a.go:12" */
static void fixed_line(struct text *t, const struct finding *f)
{
    const struct frame *place = summary_place(f);
    struct buf *line = scratch(t);
    plain_clean(line, summary_headline(f));
    if (place) {
        buf_str(line, " at ");
        add_frame(t, place, t->columns);
    }
    paint(t, BLUE, "fixed");
    buf_str(t->out, "  ");
    wrap_scratch(t, 7, 7);
}

enum { FIXED_SHOWN = 10 };

/* What is gone is good news, and short. */
static void add_fixed(struct text *t)
{
    const struct findings *f = t->report->findings;
    size_t n = 0;
    for (size_t i = 0; i < f->n && buf_ok(t->out); i++) {
        if (summary_group(&f->items[i]) != GROUP_FIXED) {
            continue;
        }
        buf_str(t->out, n == 0 ? "\n" : "");
        if (n++ < FIXED_SHOWN || t->options->verbose) {
            fixed_line(t, &f->items[i]);
        }
    }
    if (n > FIXED_SHOWN && !t->options->verbose) {
        buf_printf(t->out, "... %zu more fixed\n", n - FIXED_SHOWN);
    }
}

/* Those that are not shown unless asked for. */
struct hidden {
    size_t n_info, n_accepted;
};

static bool is_hidden(struct text *t, const struct finding *f,
                      struct hidden *hidden)
{
    const bool is_accepted = summary_group(f) == GROUP_ACCEPTED;
    if (t->options->verbose || (!is_accepted && f->grade != GRADE_INFO)) {
        return false;
    }
    *(is_accepted ? &hidden->n_accepted : &hidden->n_info) += 1;
    return true;
}

static void say_hidden(struct text *t, const struct hidden *hidden)
{
    struct buf *line = scratch(t);
    if (hidden->n_info > 0) {
        buf_printf(line, "%zu more of grade info", hidden->n_info);
    }
    if (hidden->n_accepted > 0) {
        buf_printf(line, "%s%zu accepted", line->len > 0 ? ", " : "",
                   hidden->n_accepted);
    }
    if (line->len > 0) {
        const bool is_one = hidden->n_info + hidden->n_accepted == 1;
        buf_printf(line, "; --verbose shows %s.", is_one ? "it" : "them");
        buf_char(t->out, '\n');
        wrap_scratch(t, 0, 0);
    }
}

static void add_findings(struct text *t)
{
    const struct findings *f = t->report->findings;
    struct hidden hidden = {0};
    size_t number = 0;
    for (size_t i = 0; i < f->n && buf_ok(t->out); i++) {
        const struct finding *at = &f->items[i];
        if (summary_group(at) != GROUP_FIXED && !is_hidden(t, at, &hidden)) {
            finding_block(t, at, ++number);
        }
    }
    add_fixed(t);
    say_hidden(t, &hidden);
}

/* --- tables --- */

enum { TABLE_COLUMNS_MAX = 16, TEXT_CELL_MIN = 48, TEXT_CELLS_MIN = 28 };

/* A column without a title is for programs. */
static bool is_shown(const struct report_column *column)
{
    return *column->title != '\0';
}

/* The last column that is shown; a name there is not padded. */
static size_t last_shown(const struct report_table *table, size_t n_columns)
{
    size_t last = 0;
    for (size_t c = 0; c < n_columns; c++) {
        last = is_shown(&table->columns[c]) ? c : last;
    }
    return last;
}

static const struct report_cell *cell_at(const struct report_table *table,
                                         size_t row, size_t column)
{
    return &table->cells[row * table->n_columns + column];
}

/* The widest text columns give up what is too much, but keep TEXT_CELL_MIN, or
   where there are several TEXT_CELLS_MIN: a name nobody can read is worse than
   a long line. */
static void narrow(const struct report_table *table, size_t n_columns,
                   size_t excess, size_t *widths)
{
    size_t n_texts = 0;
    for (size_t c = 0; c < n_columns; c++) {
        const bool is_text = table->columns[c].type == CELL_TEXT;
        n_texts += is_text && widths[c] > TEXT_CELLS_MIN;
    }
    const size_t least = n_texts > 1 ? TEXT_CELLS_MIN : TEXT_CELL_MIN;
    for (; excess > 0; excess--) {
        size_t widest = n_columns;
        for (size_t c = 0; c < n_columns; c++) {
            if (table->columns[c].type == CELL_TEXT && widths[c] > least &&
                (widest == n_columns || widths[c] > widths[widest])) {
                widest = c;
            }
        }
        if (widest == n_columns) {
            return;
        }
        widths[widest]--;
    }
}

/* Natural widths, made narrower where the terminal is. */
static void column_widths(struct text *t, const struct report_table *table,
                          size_t n_columns, size_t *widths)
{
    size_t sum = 0;
    for (size_t c = 0; c < n_columns; c++) {
        const struct report_column *column = &table->columns[c];
        if (!is_shown(column)) {
            continue;
        }
        plain_clean(scratch(t), column->title);
        widths[c] = plain_width(buf_view(&t->line));
        for (size_t i = 0; i < table->n_rows; i++) {
            summary_cell(scratch(t), column, cell_at(table, i, c));
            const size_t w = plain_width(buf_view(&t->line));
            widths[c] = w > widths[c] ? w : widths[c];
        }
        sum += widths[c] + 2;
    }
    const size_t room = t->columns + 2;
    if (sum > room) {
        narrow(table, n_columns, sum - room, widths);
    }
}

static void table_cell(struct text *t, const struct report_column *column,
                       size_t width, bool is_last)
{
    struct buf shown = BUF_LIMIT(LINE_MAX_BYTES);
    plain_elide(&shown, buf_view(&t->line), width, t->options->ascii);
    const bool is_text = column->type == CELL_TEXT;
    if (is_last && is_text) {
        buf_span(t->out, buf_view(&shown));
    } else {
        plain_pad(t->out, buf_view(&shown), width, !is_text);
    }
    buf_str(t->out, is_last ? "\n" : "  ");
    plain_drop(&shown, t->out);
}

static void table_row(struct text *t, const struct report_table *table,
                      size_t row, const size_t *widths, size_t n_columns)
{
    const size_t last = last_shown(table, n_columns);
    for (size_t c = 0; c < n_columns; c++) {
        if (is_shown(&table->columns[c])) {
            summary_cell(scratch(t), &table->columns[c],
                         cell_at(table, row, c));
            table_cell(t, &table->columns[c], widths[c], c == last);
        }
    }
}

static void table_head(struct text *t, const struct report_table *table,
                       const size_t *widths, size_t n_columns)
{
    const size_t last = last_shown(table, n_columns);
    for (size_t c = 0; c < n_columns; c++) {
        if (is_shown(&table->columns[c])) {
            plain_clean(scratch(t), table->columns[c].title);
            table_cell(t, &table->columns[c], widths[c], c == last);
        }
    }
}

static void rows_left_out(struct text *t, const struct report_table *table)
{
    if (table->n_rows_left_out > 0) {
        buf_str(t->out, "... ");
        num_count(t->out, (int64_t)table->n_rows_left_out);
        buf_str(t->out, " more\n");
    }
}

static void add_table(struct text *t, const struct report_table *table)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    const size_t n = table->n_columns < TABLE_COLUMNS_MAX ? table->n_columns
                                                          : TABLE_COLUMNS_MAX;
    column_widths(t, table, n, widths);
    buf_char(t->out, '\n');
    plain_clean(scratch(t), table->title);
    wrap_scratch(t, 0, 0);
    table_head(t, table, widths, n);
    for (size_t i = 0; i < table->n_rows && buf_ok(t->out); i++) {
        table_row(t, table, i, widths, n);
    }
    rows_left_out(t, table);
}

/* Each row as a block of labelled lines. */
static void add_blocks(struct text *t, const struct report_table *table)
{
    for (size_t i = 0; i < table->n_rows && buf_ok(t->out); i++) {
        buf_printf(t->out, "\n%2zu ", i + 1);
        plain_clean(scratch(t), cell_at(table, i, 0)->text);
        wrap_scratch(t, INDENT, INDENT);
        for (size_t c = 1; c < table->n_columns; c++) {
            const struct report_column *column = &table->columns[c];
            if (is_shown(column)) {
                summary_cell(scratch(t), column, cell_at(table, i, c));
                labelled_scratch(t, column->title);
            }
        }
    }
    if (table->n_rows_left_out > 0) {
        buf_char(t->out, '\n');
    }
    rows_left_out(t, table);
}

static void note_line(struct text *t, const char *text)
{
    buf_str(t->out, "note: ");
    plain_clean(scratch(t), text);
    wrap_scratch(t, 6, 6);
}

static void add_footer(struct text *t)
{
    const struct report *r = t->report;
    buf_str(t->out, r->findings || r->n_notes > 0 ? "\n" : "");
    if (r->findings) {
        summary_memory(scratch(t), r->findings);
        if (t->line.len > 0) {
            wrap_scratch(t, 0, 0);
        }
        summary_footer(scratch(t), r);
        if (t->line.len > 0) {
            wrap_scratch(t, 0, 0);
        }
    }
    for (size_t i = 0; i < r->n_notes; i++) {
        note_line(t, r->notes[i]);
    }
    for (size_t i = 0; r->findings && i < r->findings->n_notes; i++) {
        note_line(t, r->findings->notes[i]);
    }
}

static void add_summary(struct text *t)
{
    if (t->report->findings) {
        summary_states(scratch(t), t->report->findings);
        if (t->line.len > 0) {
            wrap_scratch(t, 0, 2);
        }
    }
    for (size_t i = 0; i < t->report->n_summary; i++) {
        plain_clean(scratch(t), t->report->summary[i]);
        wrap_scratch(t, 0, 2);
    }
}

/* Below, the columns of a finding do not fit side by side. */
enum { COLUMNS_MIN = 60, COLUMNS_DEFAULT = 80, COLUMNS_MAX = 160 };

static size_t usable_columns(unsigned asked)
{
    const size_t n = asked > 0 ? asked : COLUMNS_DEFAULT;
    if (n < COLUMNS_MIN) {
        return COLUMNS_MIN;
    }
    return n < COLUMNS_MAX ? n : COLUMNS_MAX;
}

static bool render(const struct report *r, const struct render_options *o,
                   struct buf *out, struct err *err)
{
    struct text t = {
        .report = r,
        .options = o,
        .columns = usable_columns(o->columns),
        .out = out,
        .line = BUF_LIMIT(LINE_MAX_BYTES),
    };
    if (r->findings) {
        verdict_line(&t);
    }
    add_summary(&t);
    if (r->findings) {
        add_findings(&t);
    }
    for (size_t i = 0; i < r->n_tables; i++) {
        (r->tables[i].is_blocks ? add_blocks : add_table)(&t, &r->tables[i]);
    }
    add_footer(&t);
    const bool ok = buf_check(&t.line, "text line", err) &&
                    buf_check(out, "text report", err);
    buf_release(&t.line);
    return ok;
}

const struct renderer renderer_text = {
    .name = "text",
    .media_type = "text/plain",
    .summary = "for people, in a terminal",
    .has_tables = true,
    .render = render,
};
