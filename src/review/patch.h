/*
 * What a change touches: the lines that it adds or alters in each file, in the
 * numbers of the new version, and the functions around them. From a unified
 * diff (git's or plain), or from two revisions of a git repository, which
 * libgit2 reads.
 */
#ifndef SEEP_REVIEW_PATCH_H
#define SEEP_REVIEW_PATCH_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "review/paths.h"

struct patch;

/* A diff as `git diff`, `git show`, `git format-patch` or `diff -u` write it;
   nothing at all is a change of nothing. `files`, which may be NULL, has the
   sources: a function is touched when the patch changes or deletes a line of
   its body, by the extents of functions in the text where that is the version
   before or after the patch, else by the names that the patch's own hunks show.
   ERR_FORMAT names the first bad line. */
bool patch_read(struct span diff, const struct paths_files *files,
                struct patch **out, struct err *err) MUST_USE;

/* `revisions` is "A..B", "A...B" (from their merge base) or "A" (to the
   working tree). `root` is a folder of the repository; paths are from it, what
   lies outside of it is left out. */
bool patch_between(const char *root, const char *revisions, struct patch **out,
                   struct err *err) MUST_USE;
void patch_free(struct patch *p);

/* Files with changed lines or another name; and their names, each once, in the
   patch's order (the new ones, the old ones of deleted files). */
size_t patch_n_files(const struct patch *p);
const char *patch_file(const struct patch *p, size_t i);

/* Is any line added, altered or deleted? Else it only renames, at most. */
bool patch_has_lines(const struct patch *p);

/* Sources that are the version neither before nor after the patch, for a note:
   their functions are known by the hunks alone. */
struct patch_unfit {
    size_t n;
    const char *first; /* "api/db.go"; NULL none */
};
struct patch_unfit patch_unfit(const struct patch *p);

/* Of "A..B": has A commits that B lacks, so that what they changed is in it? */
bool patch_takes_back(const struct patch *p);

/* Does it change sources of Go, none of which are in the repository? Then it is
   of another one, or of another folder of it. Deleted files say nothing. */
bool patch_is_foreign(const struct patch *p, const struct paths_files *files);

/* What the patch says of the name of a function: nothing, since it has no path;
   that it was there before under this name; that it declares a new one, or may,
   where it is too large to be read as a whole; that it was called otherwise. */
enum patch_naming {
    PATCH_NAME_UNSAID,
    PATCH_NAME_KEPT,
    PATCH_NAME_NEW,
    PATCH_NAME_CHANGED
};

/* Of a function in a file of the new version; `path` NULL: it is in none. When
   it was called otherwise, the identity (name_identity) that it had is appended
   to `old`. */
enum patch_naming patch_naming(const struct patch *p, const char *path,
                               const char *function, struct buf *old);

/* Does it take the declaration of a function of the past away? Then one that it
   keeps was another. */
bool patch_deletes(const struct patch *p, const char *function);

/* Touched? `path` is the frame's in the repository; NULL is touched by
   nothing. */
enum frame_touch patch_touch(const struct patch *p, const char *path,
                             const char *function, int64_t line);

#endif
