/*
 * Hunks of a unified diff: "@@ -3,7 +3,9 @@ func A() {" and the lines below it.
 * Their text is borrowed; lines are read again each time they are asked for.
 */
#ifndef SEEP_REVIEW_DIFF_HUNK_PRIVATE_H
#define SEEP_REVIEW_DIFF_HUNK_PRIVATE_H

#include "base/err.h"
#include "base/span.h"
#include "base/vec.h"

struct diff_hunk {
    uint32_t old_first, new_first; /* of the first line on each side */
    uint32_t n_old, n_new;
    struct span heading; /* what follows the second @@ */
    struct span body;
};
VEC_TYPE(diff_hunks, struct diff_hunk)

struct hunk_line {
    char sign; /* ' ', '+' or '-' */
    struct span text;
    uint32_t old_line, new_line; /* its own, or the next one of that side */
};

struct hunk_walk {
    struct span rest;
    uint32_t old_line, new_line;
};

/* The header alone; false: it is none. */
bool diff_hunk_parse(struct span line, struct diff_hunk *out);

/* Cuts the lines of the hunk off the front of `rest` and counts them in
   `*line_number`, that of the header before. ERR_FORMAT with the line. */
bool diff_hunk_cut(struct diff_hunk *h, struct span *rest, size_t *line_number,
                   struct err *err) MUST_USE;

void hunk_walk_begin(struct hunk_walk *w, const struct diff_hunk *h);
bool hunk_walk_next(struct hunk_walk *w, struct hunk_line *out);

#endif
