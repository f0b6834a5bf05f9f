/*
 * One observation of a process, whatever its form: what input/ hands to
 * series/. Exactly one of `profile` and `dump` is set, or none for kinds that
 * take no part (a heap dump in a folder of profiles).
 */
#ifndef SEEP_PROFILE_SNAPSHOT_H
#define SEEP_PROFILE_SNAPSHOT_H

#include "profile/kind.h"

#include <stdbool.h>
#include <stdint.h>

struct profile;
struct goroutine_dump;

enum snapshot_form {
    FORM_PROTO,
    FORM_TEXT, /* debug=1 */
    FORM_DUMP, /* debug=2, crash output */
    FORM_OTHER
};

struct snapshot {
    const char *source; /* as the user named it; borrowed */
    enum profile_kind kind;
    enum snapshot_form form;
    int64_t time_nanos; /* its own time; 0 when it says none */
    bool is_collected;  /* heap: whoever took it had garbage collected first */
    struct profile *profile;
    struct goroutine_dump *dump;
};

/* Frees what it points to and forgets it; `source` is borrowed. */
void snapshot_release(struct snapshot *s);

#endif
