/*
 * The text is cut into cells first. A column stays open from line to line
 * while there are cells for it, and gets its width when it ends: two passes
 * over the cells in all. Vertical tabs, form feeds and text between two bytes
 * 0xff (which may hold tabs and newlines) mean what they mean to Go, since
 * labels may hold anything.
 */
#include "report/tab_columns_private.h"

#include "base/vec.h"
#include "report/pprof_private.h"

#include "base/banned.h"

struct cell {
    size_t start, len; /* in the text */
    size_t width;      /* characters */
    size_t pad;        /* blanks in front of it */
};
VEC_TYPE(cells, struct cell)

struct line {
    size_t first, n; /* cells; the last one is in no column */
    bool ends_block; /* the next line begins new columns */
};
VEC_TYPE(lines, struct line)

/* A column that may go on. */
struct column {
    size_t first_line, width;
};
VEC_TYPE(columns_open, struct column)

struct layout {
    struct span text;
    struct cells cells;
    struct lines lines;
    struct columns_open open;
    size_t first;     /* cell of the line at hand */
    size_t start;     /* of the cell at hand */
    size_t n_escapes; /* bytes 0xff in it: they take no room */
};

/* --- Cells --- */

static bool end_cell(struct layout *l, size_t end)
{
    struct cell c = {.start = l->start, .len = end - l->start};
    const struct span text = span_first(span_from(l->text, c.start), c.len);
    c.width = pprof_characters(text) - l->n_escapes;
    l->start = end + 1;
    l->n_escapes = 0;
    return cells_push(&l->cells, c);
}

static bool end_line(struct layout *l, bool ends_block)
{
    const struct line line = {l->first, l->cells.n - l->first, ends_block};
    l->first = l->cells.n;
    return lines_push(&l->lines, line);
}

static bool split(struct layout *l)
{
    bool is_escaped = false;
    bool ok = true;
    for (size_t i = 0; ok && i < l->text.len; i++) {
        const char c = l->text.p[i];
        if (c == '\xff') {
            is_escaped = !is_escaped;
            l->n_escapes++;
        } else if (!is_escaped && (c == '\t' || c == '\v')) {
            ok = end_cell(l, i);
        } else if (!is_escaped && (c == '\n' || c == '\f')) {
            ok = end_cell(l, i) && end_line(l, c == '\f');
        }
    }
    /* An empty cell at the end is none; the one in front is the last. */
    const bool has_rest = l->start < l->text.len;
    return ok && (!has_rest || end_cell(l, l->text.len)) && end_line(l, true);
}

/* --- Columns --- */

/* Columns from `n` on end in front of line `end`. */
static void close_columns(struct layout *l, size_t n, size_t end)
{
    while (l->open.n > n) {
        const size_t k = --l->open.n;
        const struct column *c = &l->open.items[k];
        for (size_t i = c->first_line; i < end; i++) {
            struct cell *cell = &l->cells.items[l->lines.items[i].first + k];
            cell->pad = c->width - cell->width;
        }
    }
}

static bool measure_columns(struct layout *l)
{
    for (size_t i = 0; i < l->lines.n; i++) {
        const struct line *line = &l->lines.items[i];
        close_columns(l, line->n > 0 ? line->n - 1 : 0, i);
        for (size_t k = 0; k + 1 < line->n; k++) {
            const struct column none = {.first_line = i};
            if (k == l->open.n && !columns_open_push(&l->open, none)) {
                return false;
            }
            struct column *c = &l->open.items[k];
            const size_t width = l->cells.items[line->first + k].width + 1;
            c->width = width > c->width ? width : c->width;
        }
        if (line->ends_block) {
            close_columns(l, 0, i + 1);
        }
    }
    return true;
}

static void write_lines(const struct layout *l, struct buf *out)
{
    for (size_t i = 0; i < l->lines.n; i++) {
        const struct line *line = &l->lines.items[i];
        for (size_t k = 0; k < line->n; k++) {
            const struct cell *c = &l->cells.items[line->first + k];
            buf_repeat(out, ' ', c->pad);
            buf_span(out, span_first(span_from(l->text, c->start), c->len));
        }
        if (i + 1 < l->lines.n) {
            buf_char(out, '\n');
        }
    }
}

bool tab_columns(struct span text, struct buf *out, struct err *err)
{
    struct layout l = {.text = text};
    const bool ok = split(&l) && measure_columns(&l);
    if (ok) {
        write_lines(&l, out);
    }
    cells_release(&l.cells);
    lines_release(&l.lines);
    columns_open_release(&l.open);
    return ok ? buf_check(out, "columns", err) : err_nomem(err, "columns");
}
