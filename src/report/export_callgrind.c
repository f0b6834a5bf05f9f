/* The format of valgrind's callgrind, as pprof writes it: costs of lines and
   calls in one value, nothing trimmed. */
#include "report/export.h"
#include "report/pprof.h"

#include "base/banned.h"

extern const struct pprof_report pprof_report_callgrind;

static bool write_callgrind(struct profile *p, const struct export_options *o,
                            struct buf *out, struct err *err)
{
    struct profile_value_type type = {0};
    if (o->value_column < p->n_types) {
        type = p->types[o->value_column];
    }
    const struct pprof_options options = {
        .ratio = 1,
        .value_column = o->value_column,
        .sample_type = profile_span(p, type.type),
        .sample_unit = profile_span(p, type.unit),
        .output_unit = SPAN_LIT("minimum"),
        .total = pprof_total(p, o->value_column, false),
    };
    return pprof_report_callgrind.print(p, &options, out, err);
}

const struct export_format export_callgrind = {
    .name = "callgrind",
    .ending = ".callgrind.out",
    .summary = "costs of lines and calls, for KCachegrind",
    .write = write_callgrind,
};
