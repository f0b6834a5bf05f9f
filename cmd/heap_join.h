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

/* What was judged with a dump that is not whole is no pass where nothing
   fails. */
void heap_join_mark(const struct heap_join *j, struct findings *findings);

/* The dump as one more of the inputs, in the session's arena. */
bool heap_join_inputs(struct session *session, const struct heap_join *j,
                      const struct series_input **inputs, size_t *n,
                      struct err *err) MUST_USE;

/* Notes on what of the dump is missing; a dump of none of the runs was not
   joined. */
bool heap_join_note(struct analysis *a, const struct heap_join *j,
                    struct err *err) MUST_USE;
void heap_join_release(struct heap_join *j);

#endif
