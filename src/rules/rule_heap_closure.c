/*
 * A closure and what it captured: at one function, a small block (the closure)
 * and a larger one (the captured variable) grow in equal numbers, and a name
 * nearby says function. Either sign alone is common among plain structs.
 */
#include "rules/match_private.h"

#include <string.h>

#include "base/banned.h"

enum { MAX_CLOSURE, MIN_CAPTURED, MAX_DIFFERENCE, MIN_OBJECTS, N_PARAMS };

static const struct rule_param params_rows[N_PARAMS] = {
    [MAX_CLOSURE] = {"max-closure",    "bytes",   64,  16, 512,
                     "largest block taken for a closure"            },
    [MIN_CAPTURED] = {"min-captured",   "bytes",   128, 16, 1e9,
                     "smallest block taken for what it captured"    },
    [MAX_DIFFERENCE] = {"max-difference", "ratio",   0.3, 0,  0.9,
                     "how far the numbers of both may differ"       },
    [MIN_OBJECTS] = {"min-objects",    "objects", 50,  2,  1e9,
                     "fewest pairs, so that equality is no accident"},
};

static const char *const words[] = {"Callback", "Handler", "Hook",  "Func",
                                    "Closure",  "Defer",   "Lazy",  "Thunk",
                                    "Once",     "Retry",   "Finish"};

static double grown(const struct evidence_size *s)
{
    return s->objects_last - s->objects_first;
}

/* "main.(*T).run.func2" or "main.outer.inner.func1.1" */
static bool is_closure_name(const char *function)
{
    const char *at = strstr(function, ".func");
    return at && at[5] >= '0' && at[5] <= '9';
}

static bool has_function_name(const struct evidence *e)
{
    return (e->has_site && is_closure_name(e->site.function)) ||
           match_word(e, words, COUNT_OF(words), 1, NULL) != NULL;
}

static const struct evidence_size *captured_by(const struct evidence *e,
                                               const struct evidence_size *c,
                                               const double *params)
{
    for (size_t i = 0; i < e->n_sizes; i++) {
        const struct evidence_size *s = &e->sizes[i];
        const double gap =
            grown(s) > grown(c) ? grown(s) - grown(c) : grown(c) - grown(s);
        if (s->block_bytes >= params[MIN_CAPTURED] &&
            grown(s) >= params[MIN_OBJECTS] &&
            gap <= params[MAX_DIFFERENCE] * grown(s)) {
            return s;
        }
    }
    return NULL;
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    if (!e->is_leaf_site || !has_function_name(e)) {
        return false;
    }
    for (size_t i = 0; i < e->n_sizes; i++) {
        const struct evidence_size *c = &e->sizes[i];
        if (c->block_bytes > params[MAX_CLOSURE] ||
            grown(c) < params[MIN_OBJECTS]) {
            continue;
        }
        const struct evidence_size *s = captured_by(e, c, params);
        if (s) {
            match_evidence(out,
                           "blocks of %s and of %s grow here in equal numbers "
                           "(about %s): closure and captured variable?",
                           match_bytes(out, c->block_bytes),
                           match_bytes(out, s->block_bytes),
                           match_count(out, grown(s)));
            return match_heap(e, out, "seem to be kept by closures");
        }
    }
    return false;
}

const struct rule rule_heap_closure = {
    .id = "heap-closure",
    .title = "Closures that keep what they captured",
    .headline = "closures keep what they captured",
    .what = "Function values that are kept, with the variables they use.",
    .why = "A closure keeps every variable it mentions, whole, for as long as "
           "the function value is kept in a list, a timer or a goroutine.",
    .infers = "From pairs of a small and a larger block in equal numbers at "
              "one function whose name says closure or callback. Which "
              "variable is captured is not in a profile.",
    .decides = "A heap dump names the closure and the "
               "captured variable.",
    .alternatives = {"a small struct that points to a larger one (same pairs)",
                     "callbacks of live work, by design"},
    .fix = "Capture a copy of the one field you need, set large variables to "
           "nil after use, and drop the function value when it is done.",
    .confirm = "debug.WriteHeapDump(fd)   (closure and captured "
               "variable)",
    .leaking = "big := load()\n"
               "hooks = append(hooks, func() {\n"
               "    log.Println(big.Name) // keeps all of big\n"
               "})\n",
    .mended = "name := load().Name\n"
              "hooks = append(hooks, func() {\n"
              "    log.Println(name)\n"
              "})\n",
    .worst = GRADE_STRONG,
    .needs = NEED_HEAP,
    .kinds = RULE_KIND(EVIDENCE_HEAP),
    .params = params_rows,
    .n_params = N_PARAMS,
    .check = check,
};
