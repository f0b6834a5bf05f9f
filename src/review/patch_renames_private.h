/*
 * What a patch renamed: functions that only one version declares, and which of
 * the old ones each new one was.
 */
#ifndef SEEP_REVIEW_PATCH_RENAMES_PRIVATE_H
#define SEEP_REVIEW_PATCH_RENAMES_PRIVATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/vec.h"

/* A function that one version of a file declares and the other does not. Its
   looks are hashes of each three tokens in a row, sorted. */
struct declared {
    const char *file; /* from the root, in its own version */
    struct span receiver, name;
    uint32_t first_look, n_looks;
    uint32_t partner; /* in `items`; DECLARED_NONE */
    bool is_new;
};
#define DECLARED_NONE UINT32_MAX
VEC_TYPE(declared_functions, struct declared)

/* Zero is valid: of no patch. */
struct patch_renames {
    struct declared_functions items; /* by file once resolved */
    struct vec_u32 looks;
    bool is_cut; /* the patch has more than are looked at: nothing is renamed */
};
void patch_renames_release(struct patch_renames *r);

/* Takes what each version declares alone. Texts may be parts of the versions,
   such as a hunk has. Files are borrowed, names are copied to `arena`. */
bool patch_renames_add(struct patch_renames *r, const char *old_file,
                       const char *new_file, struct span old_text,
                       struct span new_text, struct arena *arena,
                       struct err *err) MUST_USE;

/* Once all are there: finds the partners. */
bool patch_renames_resolve(struct patch_renames *r, struct err *err) MUST_USE;

/* "api" of "api/db.go"; empty: the root. */
struct span patch_folder(const char *file);

/* The function of a new file that an identity (name_identity) without its
   package names; NULL: both versions declare it, or neither. */
const struct declared *patch_renames_find(const struct patch_renames *r,
                                          const char *file, struct span local);

/* Does the old version alone declare it, in any file? It may when the patch is
   cut. */
bool patch_renames_deletes(const struct patch_renames *r, struct span local);

#endif
