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
    const char *dump, *exe; /* NULL: there is none */
    struct heap_loaded loaded;
    struct heap_view *view;
    bool is_joined;    /* with any run */
    enum dump_fit fit; /* with the last one asked about */
};

/* Nothing without a dump (NULL), now and below. */
bool heap_join_load(struct analysis *a, const char *dump, const char *exe,
                    struct heap_join *out, struct err *err) MUST_USE;

/* Tells the findings of one run what the dump says of them, where it is of that
   run. A dump of another program is an error. */
bool heap_join_run(struct session *session, struct heap_join *j,
                   const struct series *series, struct findings *findings,
                   struct err *err) MUST_USE;

/* A dump of none of the runs was not joined, which a note says. */
bool heap_join_note(struct analysis *a, const struct heap_join *j,
                    struct err *err) MUST_USE;
void heap_join_release(struct heap_join *j);

#endif
