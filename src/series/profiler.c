/* See profiler_private.h. A small heap profile is 10-13 % profiler
   (compress/flate writers, its own buffers), and grows with every fetch: never
   a finding. */
#include "series/profiler_private.h"

#include "series/points_private.h"

#include <string.h>

static const char *const prefixes[] = {
    "net/http/pprof.",
    "runtime/pprof.(*Profile).WriteTo",
    "runtime/pprof.(*profileBuilder)",
    "runtime/pprof.write",
    "runtime/pprof.WriteHeapProfile",
    "runtime/pprof.newProfileBuilder",
    "runtime/pprof.StartCPUProfile",
    "runtime/pprof.profileWriter",
};

bool series_is_profiler_function(const char *function)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(function, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

bool series_profiler_rows(const struct series *s, uint8_t **out,
                          struct err *err)
{
    const struct stacks *t = &s->stacks;
    uint8_t *func = calloc(intern_count(&t->funcs) + 1, 1);
    uint8_t *loc = calloc(t->locs.n + 1, 1);
    uint8_t *row = calloc(t->rows.n + 1, 1);
    if (!func || !loc || !row) {
        free(func);
        free(loc);
        free(row);
        return err_nomem(err, "setting the profiler apart");
    }
    for (uint32_t i = 0; i < intern_count(&t->funcs); i++) {
        func[i] = series_is_profiler_function(intern_text(&t->funcs, i));
    }
    for (size_t i = 0; i < t->locs.n; i++) {
        const struct stack_loc l = t->locs.items[i];
        for (uint32_t k = 0; k < l.n; k++) {
            loc[i] |= func[t->frames.items[l.first + k].func];
        }
    }
    for (size_t i = 0; i < t->rows.n; i++) {
        const struct stack_row *r = &t->rows.items[i];
        for (uint32_t k = 0; k < r->n_locs; k++) {
            row[i] |= loc[t->keys.items[r->key + k]];
        }
    }
    free(func);
    free(loc);
    *out = row;
    return true;
}
