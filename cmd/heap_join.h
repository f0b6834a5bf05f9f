/* `--heap DUMP` of leaks: findings of profiles, with what a dump of the same
   process says of them. */
#ifndef SEEP_CMD_HEAP_JOIN_H
#define SEEP_CMD_HEAP_JOIN_H

#include "analysis.h"
#include "heap_load.h"
#include "rules/rules.h"

struct series;

/* Findings borrow from it; zero is empty. */
struct heap_join {
    struct heap_loaded loaded;
    struct heap_view *view;
};

/* Nothing without a dump (NULL). A dump of another program is an error; one of
   another run is not joined, which a note says. */
bool heap_join_run(struct analysis *a, const struct series *series,
                   const char *dump, const char *exe, struct heap_join *out,
                   struct findings *findings, struct err *err) MUST_USE;
void heap_join_release(struct heap_join *j);

#endif
