/* Built without libgit2: revisions of a repository cannot be compared. */
#include "review/patch.h"

bool patch_between(const char *root, const char *revisions, struct patch **out,
                   struct err *err)
{
    (void)root;
    (void)revisions;
    *out = NULL;
    return err_set(err, ERR_USAGE,
                   "this seep was built without libgit2; pipe git diff into "
                   "--patch - instead");
}
