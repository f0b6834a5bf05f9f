/* `seep heap diff BEFORE AFTER`: two dumps of one service. */
#ifndef SEEP_CMD_HEAP_COMPARE_H
#define SEEP_CMD_HEAP_COMPARE_H

#include "cmd.h"
#include "heap_load.h"
#include "output.h"
#include "verdict.h"

#include "rules/rules.h"

struct heap_compare_options {
    struct heap_load_options before, after;
    struct dump_options judge;
    size_t n_max;
    enum fail_on fail_on;
    const struct outputs *outputs;
};

/* Exit status; errors were printed by then. */
int heap_compare_run(struct session *s, const struct heap_compare_options *o);

#endif
