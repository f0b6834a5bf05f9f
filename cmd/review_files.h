/*
 * The repository on disk as review/ sees it: which files it has and what is in
 * them. Names come from profiles and patches, so that none may lead out of the
 * root, not even by a symbolic link.
 */
#ifndef SEEP_CMD_REVIEW_FILES_H
#define SEEP_CMD_REVIEW_FILES_H

#include "base/err.h"
#include "review/review.h"

struct review_files;

/* ERR_IO when there is no such folder. */
bool review_files_new(const char *root, struct review_files **out,
                      struct err *err) MUST_USE;
void review_files_free(struct review_files *f);

/* Absolute, without symbolic links. */
const char *review_files_root(const struct review_files *f);

/* Borrowed; valid as long as `f`. */
struct paths_files review_files_view(struct review_files *f);

/* Where `path` leads, when that is a regular file below the folder; NULL else.
   In `arena`. For names that a file of the repository gives: it may be of
   whoever opened the pull request. */
const char *review_files_below(const char *folder, const char *path,
                               struct arena *arena);

/* Is `path` a symbolic link in the repository that leads out of it, or to no
   file? */
bool review_files_lead_out(const struct review_files *f, const char *path);

/* The root of the repository around `folder`: the nearest folder upwards with
   .git, else the nearest with go.mod; NULL when there is neither. In `arena`.
 */
const char *review_files_around(const char *folder, struct arena *arena);

#endif
