/*
 * Folded stacks, the input of flame graph tools: a line "root;frame;leaf 42"
 * for each distinct stack, in order of first sight. One value fits a line:
 * that of the chosen column; stacks where it is zero are left out. How names
 * are escaped is said in stack_set_private.h.
 */
#include "report/export.h"
#include "report/pprof_private.h"
#include "report/stack_set_private.h"

#include "base/banned.h"

static bool write_folded(struct profile *p, const struct export_options *o,
                         struct buf *out, struct err *err)
{
    struct stack_set set = {0};
    struct arena arena = {0};
    bool ok = stack_set_build(&set, p, STACK_BY_NAME, err);
    struct span *names = ok ? stack_folded_names(&set, &arena) : NULL;
    if (ok && !names) {
        ok = err_nomem(err, "folded stacks");
    }
    for (size_t i = 0; ok && i < set.samples.n && buf_ok(out); i++) {
        const int64_t sum = stack_sum(&set, i, o->value_column);
        if (sum != 0) {
            stack_fold(out, &set, i, names);
            buf_char(out, ' ');
            pprof_int(out, sum);
            buf_char(out, '\n');
        }
    }
    stack_set_release(&set);
    arena_release(&arena);
    return ok && buf_check(out, "folded stacks", err);
}

const struct export_format export_folded = {
    .name = "folded",
    .ending = ".folded",
    .summary = "a line for each stack and its value, for flame graphs",
    .write = write_folded,
};
