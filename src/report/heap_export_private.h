/* The drawing, apart from the profiles. */
#ifndef SEEP_REPORT_HEAP_EXPORT_PRIVATE_H
#define SEEP_REPORT_HEAP_EXPORT_PRIVATE_H

#include "report/heap_export.h"

bool heap_export_dot(struct heap_view *v, const struct heap_facts *facts,
                     const struct heap_export_options *o, struct buf *out,
                     struct err *err) MUST_USE;

#endif
