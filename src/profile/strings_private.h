/* Strings that a finished profile gets later. */
#ifndef SEEP_PROFILE_STRINGS_PRIVATE_H
#define SEEP_PROFILE_STRINGS_PRIVATE_H

#include "base/err.h"
#include "base/intern.h"
#include "profile/model.h"

/* The string `text` of `p`, added when there is none. Looks at all of them:
   for a few strings only. */
bool strings_add(struct profile *p, struct span text, str_id *out,
                 struct err *err) MUST_USE;

/* The strings of `p` that have the texts of `texts`, added where there are
   none: ids[i] for the text i. */
bool strings_add_all(struct profile *p, const struct intern *texts, str_id *ids,
                     struct err *err) MUST_USE;

#endif
