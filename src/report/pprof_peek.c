/* -peek: the tree around the functions that match. */
#include "report/pprof_private.h"

#include "base/banned.h"

const struct pprof_report pprof_report_peek = {
    .name = "peek",
    .summary = "callers and callees of the functions that match",
    .has_argument = true,
    .print = pprof_print_tree,
};
