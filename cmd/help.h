/* Help and version, printed from the same rows that parse. */
#ifndef SEEP_CMD_HELP_H
#define SEEP_CMD_HELP_H

#include "base/buf.h"
#include "cmd.h"

void help_overview(struct buf *out);
void help_command(struct buf *out, const struct cmd *c);

/* Appends `text` wrapped at 80 columns; lines after the first are indented.
   `column` is where the first line stands. */
void help_wrap(struct buf *out, const char *text, size_t column, size_t indent);

/* The text of an option in its column; what was appended since out->len was
   `start` names it. */
void help_row(struct buf *out, size_t start, const char *text);

/* For pages about one thing: a titled paragraph, and a block of Go. Nothing
   for an absent or empty text. */
void help_paragraph(struct buf *out, const char *title, const char *text);
void help_code(struct buf *out, const char *title, const char *code);

#endif
