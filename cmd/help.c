#include "help.h"

#include <string.h>

enum { WIDTH = 80, OPTION_COLUMN = 24 };

void help_wrap(struct buf *out, const char *text, size_t column, size_t indent)
{
    bool is_first = true;
    while (*text != '\0') {
        const size_t word = strcspn(text, " \n");
        if (!is_first && column + 1 + word > WIDTH) {
            buf_char(out, '\n');
            buf_repeat(out, ' ', indent);
            column = indent;
        } else if (!is_first) {
            buf_char(out, ' ');
            column++;
        }
        buf_add(out, text, word);
        column += word;
        text += word;
        text += strspn(text, " \n");
        is_first = false;
    }
    buf_char(out, '\n');
}

void help_row(struct buf *out, size_t start, const char *text)
{
    size_t column = out->len - start;
    if (column + 2 > OPTION_COLUMN) {
        buf_char(out, '\n');
        column = 0;
    }
    buf_repeat(out, ' ', OPTION_COLUMN - column);
    help_wrap(out, text, OPTION_COLUMN, OPTION_COLUMN);
}

static void option_line(struct buf *out, const struct option_row *row)
{
    const size_t start = out->len;
    if (row->short_name != 0) {
        buf_printf(out, "  -%c, --%s", row->short_name, row->name);
    } else {
        buf_printf(out, "  --%s", row->name);
    }
    if (row->arg != NULL) {
        buf_printf(out, " %s", row->arg);
    }
    help_row(out, start, row->help);
}

static void option_lines(struct buf *out, const char *title,
                         const struct option_row *rows, size_t n)
{
    buf_printf(out, "\n%s:\n", title);
    for (size_t i = 0; i < n; i++) {
        option_line(out, &rows[i]);
    }
}

void help_command(struct buf *out, const struct cmd *c)
{
    buf_printf(out, "seep %s: %s\n\n", c->name, c->summary);
    for (size_t i = 0; i < c->n_examples; i++) {
        buf_printf(out, "  $ %s\n", c->examples[i].line);
        buf_str(out, "      ");
        help_wrap(out, c->examples[i].what, 6, 6);
    }
    buf_printf(out, "\nusage: seep %s [options] %s\n", c->name, c->usage);
    if (c->about != NULL) {
        buf_char(out, '\n');
        help_wrap(out, c->about, 0, 0);
    }
    if (c->help_options != NULL) {
        c->help_options(out);
        return;
    }
    if (c->n_options > 0) {
        option_lines(out, "options", c->options, c->n_options);
    }
    option_lines(out, "common options", common_options, n_common_options);
}

void help_overview(struct buf *out)
{
    size_t n = 0;
    const struct cmd *const *all = cmds_all(&n);
    buf_str(out, "seep: finds leaks in Go programs from their profiles\n\n");
    for (size_t i = 0; i < n; i++) {
        if (all[i]->n_examples > 0) {
            buf_printf(out, "  $ %s\n      ", all[i]->examples[0].line);
            help_wrap(out, all[i]->examples[0].what, 6, 6);
        }
    }
    buf_str(out, "\nusage: seep COMMAND [options] [arguments]\n\ncommands:\n");
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "  %-12s", all[i]->name);
        help_wrap(out, all[i]->summary, 14, 14);
    }
    buf_str(out, "  help COMMAND, COMMAND --help, --version\n");
    option_lines(out, "common options", common_options, n_common_options);
    buf_str(out, "\n"
                 "exit status:\n"
                 "  0    nothing at or above --fail-on\n"
                 "  1    findings at or above --fail-on\n"
                 "  2    wrong usage, unreadable or invalid input, output not "
                 "written\n"
                 "  3    inconclusive: too little data, or an input lost\n"
                 "  130  interrupted (143: terminated)\n");
}

/* --- pages about one thing --- */

void help_paragraph(struct buf *out, const char *title, const char *text)
{
    enum { COLUMN = 14 };
    if (text == NULL || *text == '\0') {
        return;
    }
    const size_t start = out->len;
    buf_printf(out, "%-*s", COLUMN, title);
    help_wrap(out, text, out->len - start, COLUMN);
}

void help_code(struct buf *out, const char *title, const char *code)
{
    struct span rest = span_of(code);
    struct span line;
    if (rest.len == 0) {
        return;
    }
    buf_printf(out, "\n%s\n", title);
    while (span_line(&rest, &line)) {
        buf_str(out, line.len > 0 ? "    " : "");
        for (size_t i = 0; i < line.len; i++) {
            /* Four columns a tab keep Go within 80. */
            buf_str(out, line.p[i] == '\t' ? "    " : "");
            if (line.p[i] != '\t') {
                buf_char(out, line.p[i]);
            }
        }
        buf_char(out, '\n');
    }
}
