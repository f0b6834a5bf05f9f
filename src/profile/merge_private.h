/* What summing (merge.c) and appending (append.c) agree on. */
#ifndef SEEP_PROFILE_MERGE_PRIVATE_H
#define SEEP_PROFILE_MERGE_PRIVATE_H

#include "base/err.h"
#include "profile/model.h"

/* Are the types the same, by name and unit? ERR_MISMATCH when not. */
bool merge_check(const struct profile *p, const struct profile *other,
                 struct err *err) MUST_USE;

/* Size of a mapping in whole pages, by which (and its offset and name) it is
   known wherever it was loaded. */
static inline uint64_t merge_mapping_bytes(const struct profile_mapping *m)
{
    const uint64_t page = 4096;
    const uint64_t size = m->limit - m->start + page - 1;
    return size - size % page;
}

#endif
