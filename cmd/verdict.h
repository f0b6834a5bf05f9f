/* From findings to an exit status, and `--fail-on`. */
#ifndef SEEP_CMD_VERDICT_H
#define SEEP_CMD_VERDICT_H

#include "rules/rules.h"

/* Choices of --fail-on, in the order of fail_on_words. */
enum fail_on {
    FAIL_ON_PROVEN,
    FAIL_ON_STRONG,
    FAIL_ON_SUSPECT,
    FAIL_ON_GROWTH,
    FAIL_ON_NEVER,
    N_FAIL_ON
};
extern const char *const fail_on_words[];

/* Least grade that fails; above all grades for "never". */
enum grade verdict_grade(enum fail_on fail_on);

/* 1 before 3 before 0 (DESIGN section 1). */
int verdict_status(const struct findings *f, enum fail_on fail_on,
                   bool has_lost);

#endif
