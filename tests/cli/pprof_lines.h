/* A report's lines whatever their order. */
#ifndef SEEP_TESTS_PPROF_LINES_H
#define SEEP_TESTS_PPROF_LINES_H

#include "process.h"

enum lines_of { LINES_TEXT, LINES_CALLGRIND, LINES_RAW };

/* The text's lines without what says where they stand, sorted, as a text. */
struct bytes lines_sorted(struct bytes text, enum lines_of of);

#endif
