/* Small changes to a profile that was read: what a command line says of it. */
#ifndef SEEP_PROFILE_EDIT_H
#define SEEP_PROFILE_EDIT_H

#include "base/err.h"
#include "profile/model.h"

/* File and build id of mapping `i`; what is empty stays as it is. */
bool profile_set_mapping(struct profile *p, uint32_t i, struct span file,
                         struct span build_id, struct err *err) MUST_USE;

/* A mapping without build id whose file reads as an absolute URL ("http://x",
   "socket:[7]") is not one of a file: it loses the name, as in pprof. */
void profile_forget_urls(struct profile *p);

/* One more comment, the last one. */
bool profile_add_comment(struct profile *p, struct span text,
                         struct err *err) MUST_USE;

/* Forgets which frames profile_prune() should drop. Never fails. */
void profile_keep_frames(struct profile *p);

#endif
