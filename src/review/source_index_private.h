/* Sources of the repository by their path, with the functions they have. */
#ifndef SEEP_REVIEW_SOURCE_INDEX_PRIVATE_H
#define SEEP_REVIEW_SOURCE_INDEX_PRIVATE_H

#include "base/intern.h"
#include "base/vec.h"
#include "review/go_source_private.h"
#include "review/paths.h"

VEC_TYPE(go_functions, struct go_function)

struct source {
    bool has_text; /* else the file cannot be read, and nothing is known */
    bool is_generated;
    struct span text;              /* borrowed from paths_files */
    struct go_functions functions; /* in order of lines */
    struct vec_u64 digests;        /* of them; see source_digests() */
};
VEC_TYPE(sources, struct source)

/* Zero is a valid, empty index. */
struct source_index {
    struct intern names;
    struct sources sources; /* by id of the name */
};

/* Read when first asked for. NULL only when memory is out; valid until the next
   call. */
struct source *source_index_get(struct source_index *x,
                                const struct paths_files *files,
                                struct span path, struct err *err);

/* The function around a line; NULL none. */
const struct go_function *source_function_at(const struct source *s,
                                             int64_t line);

/* Fills `digests`, when first asked to. */
bool source_digests(struct source *s, struct err *err) MUST_USE;

/* Has it the function of a profile, or the one a closure is in? */
bool source_declares(const struct source *s, struct span symbol);

void source_index_release(struct source_index *x);

#endif
