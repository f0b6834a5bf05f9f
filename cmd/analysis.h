/*
 * From arguments to snapshots: what is read, what is left out, and what ends
 * the run. One snapshot is in memory at a time. The table of broken, unknown
 * and unused inputs (DESIGN section 1) is here and nowhere else.
 */
#ifndef SEEP_CMD_ANALYSIS_H
#define SEEP_CMD_ANALYSIS_H

#include "base/vec.h"
#include "cmd.h"
#include "output.h"
#include "profile/profile.h"

#include <sys/types.h>

struct source {
    const char *path;
    unsigned group; /* diff: base 0, head 1 */
    bool is_named;  /* on the command line, not found in a directory */
    bool is_again;  /* the same file came before */
    bool has_identity;
    dev_t device;
    ino_t inode;
    uint64_t digest[2]; /* of the stored bytes; 0 = not read */
};
VEC_TYPE(source_list, struct source)
VEC_TYPE(text_list, const char *)

/* Who takes the snapshots. */
struct visitor {
    void *ctx;
    bool (*snapshot)(void *ctx, unsigned group, const struct snapshot *s,
                     struct err *err);
    /* A file that takes no part, with the reason. */
    bool (*left_out)(void *ctx, unsigned group, const char *source,
                     enum profile_kind kind, const char *why, struct err *err);
};

struct analysis {
    struct session *session;
    bool skip_bad;
    bool groups_differ; /* the same bytes in two groups are an error */
    bool has_digests;   /* digests are wanted even so */

    struct source_list sources;
    struct text_list notes;
    const char *first_arg;
    struct collected *collected; /* while it reads */
    const char *where;           /* the source an error speaks of; NULL none */
    bool has_directory;          /* one was named */
    bool has_lost;               /* an input was skipped */
    size_t n_read;
};

/* Adds a file, "-", or the files of a directory. */
bool analysis_add(struct analysis *a, const char *arg, unsigned group,
                  struct err *err) MUST_USE;

/* An output must not take the place of what is read. */
bool analysis_check_outputs(struct analysis *a, const struct outputs *o,
                            struct err *err) MUST_USE;

/* Reads all that was added. */
bool analysis_read(struct analysis *a, const struct visitor *v,
                   struct err *err) MUST_USE;

/* A line for people; `text` lives as long as the session. */
bool analysis_note(struct analysis *a, const char *text,
                   struct err *err) MUST_USE;

/* One line on profiles of kinds that no verdict is made from. */
struct series_input;
bool analysis_note_unused(struct analysis *a, const struct series_input *inputs,
                          size_t n, struct err *err) MUST_USE;

/* Prints the error with the source it speaks of; returns the exit status. */
int analysis_fail(const struct analysis *a, const struct err *err);
void analysis_release(struct analysis *a);

#endif
