#include "verdict.h"

#include "cmd.h"

#include <assert.h>

const char *const fail_on_words[] = {
    [FAIL_ON_PROVEN] = "proven",   [FAIL_ON_STRONG] = "strong",
    [FAIL_ON_SUSPECT] = "suspect", [FAIL_ON_GROWTH] = "growth",
    [FAIL_ON_NEVER] = "never",     [N_FAIL_ON] = NULL,
};

static const enum grade least_grade[] = {
    [FAIL_ON_PROVEN] = GRADE_PROVEN,   [FAIL_ON_STRONG] = GRADE_STRONG,
    [FAIL_ON_SUSPECT] = GRADE_SUSPECT, [FAIL_ON_GROWTH] = GRADE_GROWTH,
    [FAIL_ON_NEVER] = N_GRADES,
};
static_assert(sizeof(least_grade) / sizeof(least_grade[0]) == N_FAIL_ON,
              "a grade for every choice");

enum grade verdict_grade(enum fail_on fail_on)
{
    return least_grade[fail_on];
}

int verdict_status(const struct findings *f, enum fail_on fail_on,
                   bool has_lost)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->items[i].grade >= least_grade[fail_on]) {
            return STATUS_FOUND;
        }
    }
    return f->verdict == VERDICT_INCONCLUSIVE || has_lost ? STATUS_UNSURE
                                                          : STATUS_OK;
}
