/*
 * `seep leaks --store`: the history that a watch stored, as the series that
 * the same snapshots as files would be.
 */
#ifndef SEEP_CMD_LEAKS_STORE_H
#define SEEP_CMD_LEAKS_STORE_H

#include "cmd.h"
#include "report/report.h"
#include "series/series.h"

struct leaks_store_options {
    const char *path;   /* NULL: no store is asked for */
    const char *target; /* its name or part of it; NULL: the only one */
    int64_t since_ns;   /* before now; 0: all */
};

/* What was read, beside the series. Strings live in the session's arena. */
struct leaks_store_history {
    const char *target;
    struct report_label *labels; /* sorted by name */
    size_t n_labels;
    const char *note; /* NULL, or what was left out */
};

/* Adds the points of one target to the series, whose table is `t`. ERR_USAGE
   when it cannot be told which target is meant: the text lists them. */
bool leaks_store_read(struct session *session,
                      const struct leaks_store_options *o,
                      struct stack_table *t, struct series *series,
                      struct leaks_store_history *out,
                      struct err *err) MUST_USE;

#endif
