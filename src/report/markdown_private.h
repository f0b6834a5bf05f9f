/*
 * Text of others inside Markdown: nothing in a name, a path or a command may
 * become markup, a link, a mention or the end of a block. All of it is cleaned
 * (plain.h) and cut first.
 */
#ifndef SEEP_REPORT_MARKDOWN_PRIVATE_H
#define SEEP_REPORT_MARKDOWN_PRIVATE_H

#include "report/report.h"

enum {
    MARKDOWN_PIECE = 64000,      /* one finding's part, before it is measured */
    MARKDOWN_NAME_COLUMNS = 160, /* of one function name */
    MARKDOWN_PROSE_COLUMNS = 600 /* of one sentence */
};

struct markdown {
    struct buf *out;
    struct buf *scratch;
};

/* The scratch text, empty; a failure so far is kept in `out`. */
struct buf *markdown_scratch(struct markdown *p);

/* Prose in which nothing is Markdown; of clean text, of the scratch text
   (shortened), of any text. */
void markdown_prose_span(struct markdown *p, struct span clean);
void markdown_prose_scratch(struct markdown *p);
void markdown_prose(struct markdown *p, const char *text);

/* A name in a code span. */
void markdown_code_scratch(struct markdown *p);
void markdown_code(struct markdown *p, const char *text);

/* A line of a fenced block of ours; backticks become apostrophes. */
void markdown_fenced(struct markdown *p, const char *text);

/* A whole fenced block of lines that people copy: kept as they are but for
   control characters, the fence longer than any in it. */
void markdown_block(struct markdown *p, const char *language, const char *text,
                    size_t columns);

/* Inside HTML, as in <summary>. */
void markdown_html(struct markdown *p, const char *text);

/* --- parts of the document --- */

/* What the table of findings has beside its fixed columns. */
struct markdown_columns {
    bool has_state, has_patch;
    bool is_one_dump; /* sizes: with that nothing was compared */
};

void markdown_table_head(struct buf *out, const struct markdown_columns *c);

/* `number` 0: none, for what is gone. */
void markdown_row(struct markdown *p, const struct finding *f, size_t number,
                  const struct markdown_columns *c);

/* The folded part of one finding; a huge one is told briefly. */
void markdown_details(struct markdown *p, const struct finding *f,
                      size_t number, bool is_brief);

/* The growth of the first findings, as Mermaid charts: one for each unit.
   `number` is the finding's in the table. Nothing for those without series. */
struct markdown_curve {
    const struct finding *finding;
    size_t number;
};
void markdown_charts(struct markdown *p, const struct markdown_curve *curves,
                     size_t n, const struct series_about *about);

#endif
