/* -top: the other name of -text. */
#include "report/pprof_private.h"

#include "base/banned.h"

const struct pprof_report pprof_report_top = {
    .name = "top",
    .summary = "the same as -text",
    .print = pprof_print_text,
};
