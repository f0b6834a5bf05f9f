/* Go's quoted strings, and the label sets both text forms print with them. */
#ifndef SEEP_INPUT_QUOTED_PRIVATE_H
#define SEEP_INPUT_QUOTED_PRIVATE_H

#include "base/buf.h"
#include "base/span.h"

/* Cuts a quoted string off the front of `rest` and appends its value to
   `out`. False when there is none or it does not end. */
bool quoted_take(struct span *rest, struct buf *out);

/* One key and value of a label set; each lies in `text` of label_cursor. */
struct label_pair {
    struct span key, value;
};

/* Walks `{"k":"v", "k2": "v2"}`. Zero before first use. */
struct label_cursor {
    struct span rest;
    struct buf key, value; /* of the pair given last */
    bool has_begun;
    bool failed; /* it is no label set */
    bool is_out_of_memory;
};

/* `set` begins at the brace. */
void label_begin(struct label_cursor *c, struct span set);

/* False at the end of the set, then `failed` says whether it was well formed
   and `rest` is what follows the closing brace. */
bool label_next(struct label_cursor *c, struct label_pair *out);
void label_cursor_release(struct label_cursor *c);

#endif
