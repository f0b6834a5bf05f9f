/*
 * Names of files in a diff: quoted as C strings or not, behind prefixes such as
 * "a/" and "b/" or not, before a time or not.
 */
#ifndef SEEP_REVIEW_DIFF_NAMES_PRIVATE_H
#define SEEP_REVIEW_DIFF_NAMES_PRIVATE_H

#include "base/buf.h"
#include "base/span.h"

/* What the lines above the first hunk of a file say; empty: no such line. */
struct diff_names {
    struct span git;         /* behind "diff --git " */
    struct span old_name;    /* behind "--- " */
    struct span new_name;    /* behind "+++ " */
    struct span rename_from; /* behind "rename from " or "copy from " */
    struct span rename_to;
    bool is_copy; /* so that the old one is there too */
};

/* Appends the file's name from the root, the new one unless it is deleted (then
   `*is_deleted`). False: no line says it. */
bool diff_names_resolve(const struct diff_names *n, struct buf *out,
                        bool *is_deleted);

/* Appends the name that a renamed file had; nothing for others. */
void diff_names_before(const struct diff_names *n, struct buf *out);

#endif
