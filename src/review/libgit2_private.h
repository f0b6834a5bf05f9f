/* The functions of libgit2 that comparing revisions takes, loaded with it. */
#ifndef SEEP_REVIEW_LIBGIT2_PRIVATE_H
#define SEEP_REVIEW_LIBGIT2_PRIVATE_H

#include <git2.h>

/* Its interface changes with its version: the one that was compiled against. */
#define LIBGIT2_LIBRARY "libgit2.so." LIBGIT2_SOVERSION

#define LIBGIT2_FUNCTIONS(X)                                                   \
    X(libgit2_init)                                                            \
    X(libgit2_shutdown)                                                        \
    X(libgit2_opts)                                                            \
    X(error_last)                                                              \
    X(repository_open_ext)                                                     \
    X(repository_free)                                                         \
    X(repository_workdir)                                                      \
    X(revparse_single)                                                         \
    X(object_lookup)                                                           \
    X(object_peel)                                                             \
    X(object_id)                                                               \
    X(object_free)                                                             \
    X(merge_base)                                                              \
    X(diff_options_init)                                                       \
    X(diff_find_options_init)                                                  \
    X(diff_tree_to_tree)                                                       \
    X(diff_tree_to_workdir_with_index)                                         \
    X(diff_find_similar)                                                       \
    X(diff_num_deltas)                                                         \
    X(diff_get_delta)                                                          \
    X(diff_free)                                                               \
    X(patch_from_diff)                                                         \
    X(patch_num_hunks)                                                         \
    X(patch_num_lines_in_hunk)                                                 \
    X(patch_get_line_in_hunk)                                                  \
    X(patch_free)

struct libgit2 {
#define X(name) __typeof__(git_##name) *(name);
    LIBGIT2_FUNCTIONS(X)
#undef X
};

#endif
