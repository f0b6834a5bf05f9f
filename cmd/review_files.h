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

/* The root of the repository around `folder`: the nearest folder upwards with
   .git, else the nearest with go.mod; NULL when there is neither. In `arena`.
 */
const char *review_files_around(const char *folder, struct arena *arena);

#endif
