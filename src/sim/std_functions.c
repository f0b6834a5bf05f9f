/*
 * Functions of Go's standard library, found by bisection in a table that is
 * sorted by name.
 */
#include "sim/code_private.h"

#include <string.h>

#include "base/banned.h"

/* Versions whose lines are known; later ones than the last are told alike. */
enum family { GO_1_19, GO_1_21, GO_1_23, GO_1_24, N_FAMILIES };

struct place {
    int start_line, line;
};

struct std_function {
    const char *name, *file;
    struct place places[N_FAMILIES]; /* line 0: not there, or not known */
};

/* clang-format off */
#define STD(name, file, s19, l19, s21, l21, s23, l23, s24, l24) \
    {name, file, {{s19, l19}, {s21, l21}, {s23, l23}, {s24, l24}}},
static const struct std_function table[] = {
#include "sim/std_functions.def"
};
#undef STD
/* clang-format on */

enum { N_TABLE = sizeof(table) / sizeof(table[0]) };

static const enum family family_of[N_SIM_GOS] = {
    [SIM_GO_1_19] = GO_1_19, [SIM_GO_1_21] = GO_1_21, [SIM_GO_1_23] = GO_1_23,
    [SIM_GO_1_24] = GO_1_24, [SIM_GO_1_25] = GO_1_24, [SIM_GO_1_26] = GO_1_24,
    [SIM_GO_1_27] = GO_1_24};

/* Index of the first row of `name`, or of where it would be. */
static size_t lower_bound(const char *name)
{
    size_t low = 0;
    size_t high = N_TABLE;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(table[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The row of `name` that knows the family, or NULL. */
static const struct std_function *row_of(const char *name, enum family f)
{
    for (size_t i = lower_bound(name);
         i < N_TABLE && strcmp(table[i].name, name) == 0; i++) {
        if (table[i].places[f].line != 0) {
            return &table[i];
        }
    }
    return NULL;
}

bool sim_std_find(enum sim_go go, const char *name, const char **file,
                  int *start_line, int *line)
{
    const int family = (int)family_of[go];
    /* Nearest older first, then the newer ones. */
    for (int step = 0; step < N_FAMILIES; step++) {
        const int f = step <= family ? family - step : step;
        const struct std_function *row = row_of(name, (enum family)f);
        if (row) {
            *file = row->file;
            *start_line = row->places[f].start_line;
            *line = row->places[f].line;
            return true;
        }
    }
    return false;
}
