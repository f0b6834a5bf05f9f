/*
 * How one name became another. A rename changes one word of a program: a
 * function's name, a type's (and so that of its methods) or a package's (and
 * so that of all in it). Two names that differ in more have nothing in common
 * that could be told from chance.
 */
#ifndef SEEP_PROFILE_NAME_CHANGE_H
#define SEEP_PROFILE_NAME_CHANGE_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>

enum { NAME_CHANGE_PACKAGE = -1 };

struct name_change {
    int part; /* which of the parts behind the package; or the package */
    struct span package;  /* as it is now */
    struct span before;   /* parts before the changed one, with their dots */
    struct span old, now; /* what changed */
    bool is_type;
};

/* Of two names as name_identity() spells them, which lend their texts. False
   unless they differ in one word. */
bool name_change_between(struct span old, struct span now,
                         struct name_change *out);

/* Are levels of before and after within twice of each other? One leak under two
   names hardly moves by more. Never where one is unknown (NAN). */
bool name_change_keeps_level(double old, double now);

/* Appends what `now`, an identity too, was called before. False (and nothing)
   when the change is not about it. */
bool name_change_undo(const struct name_change *c, struct span now,
                      struct buf *out);

/* Appends a text that two identities share when they differ in this part alone,
   or not at all: what may be each other is found by it. False where the name
   has no such part. */
enum { NAME_CHANGE_PARTS_MAX = 6 };
bool name_change_key(struct span name, int part, struct buf *out);

#endif
