/*
 * Inside of paths: a search collects candidates in the order of trust; the
 * first that the repository has is the path.
 */
#ifndef SEEP_REVIEW_PATHS_PRIVATE_H
#define SEEP_REVIEW_PATHS_PRIVATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/intern.h"
#include "base/vec.h"
#include "review/go_module_private.h"
#include "review/paths.h"
#include "review/source_index_private.h"

struct repository_module {
    struct span name;
    struct span folder; /* from the root; empty: there */
};
VEC_TYPE(repository_modules, struct repository_module)

/* What is known of one frame. */
struct place {
    const char *path, *module; /* in the arena of paths; NULL none */
    bool is_generated;
    bool is_candidate; /* a rule fits, whether or not the file is there */
};
VEC_TYPE(places, struct place)

struct paths {
    struct paths_options o;
    struct repository_modules modules;
    bool was_searched; /* for modules below the root */
    struct intern frames;
    struct places places; /* by id of the frame */
    struct source_index sources;
    const char **by_name; /* files, by base name; NULL: not asked for yet */
    size_t n_by_name;
    struct intern unmapped, absent, stale; /* what was missed */
    bool has_mapped;                       /* anything at all */
    struct arena arena;
};

/* One frame that is looked for. */
struct search {
    struct paths *paths;
    const struct frame *frame;
    struct span file;     /* with '/' */
    struct span package;  /* unescaped */
    struct buf candidate; /* the path, once found */
    bool is_found, is_candidate;
    bool is_of_past; /* what is not there any more is no miss */
};

/* Memory that was out while a name was made is an error in the end. */
static inline void paths_check(struct paths *p, const struct buf *name)
{
    p->arena.has_failed = p->arena.has_failed || name->failed_memory;
}

/* Is FOLDER/REST (either may be empty) in the repository? Then it is what was
   searched. Names that lead out of the root never are. */
bool search_try(struct search *s, struct span folder, struct span rest);

/* The module of the repository that owns the package; NULL: none, or several
   that cannot be told apart. */
const struct repository_module *
paths_module(struct paths *p, struct span package, struct span base);

/* The module that a path of the repository lies in, of those known by now. */
struct span paths_module_around(const struct paths *p, struct span path);

/* The one file with the longest common end, if it declares the function. */
bool search_by_end(struct search *s, struct err *err);

/* Is `name` that of a file that the build made? */
bool paths_is_made(struct span name);

#endif
