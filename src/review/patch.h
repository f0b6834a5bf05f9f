/*
 * What a change touches: the lines that it adds or alters in each file, in the
 * numbers of the new version, and the functions around them. From a unified
 * diff or from two revisions of a git repository, read by libgit2.
 */
#ifndef SEEP_REVIEW_PATCH_H
#define SEEP_REVIEW_PATCH_H

#include "base/err.h"
#include "base/span.h"
#include "review/paths.h"

struct patch;

/* ERR_FORMAT with the place of the first bad line. */
struct patch *patch_read(struct span diff, struct err *err) MUST_USE;

/* `revisions` is "A..B", "A...B" (from their merge base) or "A" (to the
   working tree). `root` is a folder of the repository. */
struct patch *patch_between(const char *root, const char *revisions,
                            struct err *err) MUST_USE;
void patch_free(struct patch *p);

size_t patch_n_files(const struct patch *p);

/* Touched? `path` is the frame's in the repository. A function is touched when
   the patch changes a line of its body: by the extents of functions in the
   new version's text where `files` has it, else by the names that the
   patch's own hunks show. Deleted lines touch the function they were in. */
enum frame_touch patch_touch(const struct patch *p, const char *path,
                             const char *function, int64_t line,
                             const struct paths_files *files);

#endif
