/*
 * Inside of a patch: files with the lines that changed. Readers (patch_text.c,
 * patch_git.c) add lines in rising order; who knows the text of a version asks
 * for its functions.
 */
#ifndef SEEP_REVIEW_PATCH_PRIVATE_H
#define SEEP_REVIEW_PATCH_PRIVATE_H

#include "base/arena.h"
#include "base/vec.h"
#include "review/go_source_private.h"
#include "review/patch.h"
#include "review/patch_renames_private.h"

/* Lines first..last. */
struct line_run {
    uint32_t first, last;
};
VEC_TYPE(line_runs, struct line_run)

/* A function with a changed line. Its lines are those of the new version, 0
   where they are not known. */
VEC_TYPE(touched_functions, struct go_function)

struct patch_file {
    const char *name;     /* from the root */
    const char *old_name; /* the same, unless the file was renamed */
    bool is_deleted;
    bool is_unfit;            /* the source is neither version */
    struct line_runs added;   /* in the new version */
    struct line_runs deleted; /* in the old version */
    struct touched_functions functions;
};
VEC_TYPE(patch_files, struct patch_file)

struct patch {
    struct patch_files files;
    uint32_t *by_name; /* indices of files, sorted by their names */
    struct patch_unfit unfit;
    struct patch_renames renames;
    bool takes_back;    /* commits that only the first revision has */
    struct arena arena; /* names */
};

struct patch *patch_new(void);
/* `old_name` is empty unless the file was renamed. */
struct patch_file *patch_add_file(struct patch *p, struct span name,
                                  struct span old_name, struct err *err);

/* A line as a diff shows it: '+' or '-', with its number in its own version. */
bool patch_add_line(struct patch_file *f, char sign, uint32_t line,
                    struct err *err) MUST_USE;

/* Adds the functions that the lines lie in, by the texts of both versions. */
bool patch_add_functions(struct patch *p, struct patch_file *f,
                         struct span old_text, struct span new_text,
                         struct err *err) MUST_USE;

/* One function more, by the line that declares it. Names are copied. */
bool patch_add_function(struct patch *p, struct patch_file *f,
                        const struct go_function *function,
                        struct err *err) MUST_USE;

/* The file of that name; NULL: the patch does not touch it. */
const struct patch_file *patch_file_find(const struct patch *p,
                                         const char *path);

/* Once all files are there. */
bool patch_finish(struct patch *p, struct err *err) MUST_USE;

#endif
