/*
 * Text from inputs made safe to print: valid UTF-8 without control or
 * direction characters, measured in terminal columns.
 */
#ifndef SEEP_REPORT_PLAIN_H
#define SEEP_REPORT_PLAIN_H

#include "base/buf.h"

/* Appends `s` with escapes ("\x1b", "\u202e") for what a terminal would act
   on, and U+FFFD for bytes that are not UTF-8. Text above 8 KiB loses its
   middle. `s` may be NULL. */
void plain_clean(struct buf *out, const char *s);

/* Appends `s` as valid UTF-8, everything else kept: for JSON. */
void plain_utf8(struct buf *out, const char *s);

/* Columns that clean text takes. */
size_t plain_width(struct span clean);

/* Appends clean text, cut in the middle to at most `columns`. */
void plain_elide(struct buf *out, struct span clean, size_t columns,
                 bool ascii);

/* Appends clean text in lines of at most `columns`; the first one starts at
   column `used`, the others after `indent` blanks. Blanks inside a line are
   kept. No newline at the end. */
void plain_wrap(struct buf *out, struct span clean, size_t used, size_t indent,
                size_t columns);

/* Appends clean text padded with blanks to `columns`. */
void plain_pad(struct buf *out, struct span clean, size_t columns,
               bool to_right);

/* Releases a scratch buffer; that memory ran out in it is kept in `into`. */
void plain_drop(struct buf *part, struct buf *into);

#endif
