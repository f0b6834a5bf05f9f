/*
 * Which saved heap profiles show what a collection left: the manifest that
 * `seep fetch` wrote beside them says whether it asked for one. A file of
 * another size than the manifest says, or without a line in it, says nothing,
 * and neither does a manifest that cannot be read: then nothing was collected.
 */
#ifndef SEEP_CMD_COLLECTED_H
#define SEEP_CMD_COLLECTED_H

#include "base/err.h"

struct collected;

/* NULL when there is no memory. */
struct collected *collected_new(void);
void collected_free(struct collected *c);

/* Was garbage collected for the profile of this path? Each directory's manifest
   is read once when paths come directory by directory. Fails for want of memory
   only. */
bool collected_find(struct collected *c, const char *path, bool *out,
                    struct err *err) MUST_USE;

#endif
