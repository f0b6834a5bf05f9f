/* Which release of Go made a dump or a binary. */
#ifndef SEEP_HEAP_BUILD_MINOR_PRIVATE_H
#define SEEP_HEAP_BUILD_MINOR_PRIVATE_H

#include "base/span.h"

/* 23 of "go1.23.5", 27 of "devel go1.27-d8e47e2"; 0 unknown. */
unsigned go_minor(struct span build);

#endif
