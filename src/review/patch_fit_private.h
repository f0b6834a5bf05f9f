/*
 * Functions of a diff: by the repository's text, when that is the version after
 * or before it, else by what the hunks show.
 */
#ifndef SEEP_REVIEW_PATCH_FIT_PRIVATE_H
#define SEEP_REVIEW_PATCH_FIT_PRIVATE_H

#include "base/buf.h"
#include "review/diff_hunk_private.h"
#include "review/patch_private.h"

enum patch_fit { PATCH_FITS_NOT, PATCH_FITS_NEW, PATCH_FITS_OLD };
enum patch_fit patch_fit(struct span text, const struct diff_hunks *hunks);

/* Appends the other version of a text that fits: the old one of the new one
   when `is_new`, else the new one of the old one. */
void patch_apply(struct span text, const struct diff_hunks *hunks, bool is_new,
                 struct buf *out);

/* Adds the functions that changed lines are in by the headings of the hunks and
   the declarations among their lines. */
bool patch_add_shown(struct patch *p, struct patch_file *f,
                     const struct diff_hunks *hunks, struct err *err) MUST_USE;

#endif
