/* More goroutines, and no sign of the kind of wait: the honest rest. */
#include "rules/match_private.h"

#include "base/banned.h"

/* Waits that no rule of their own names, with what ends them. */
static const char *advice(enum primitive p)
{
    switch (p) {
    case PRIMITIVE_SYSCALL:
        return "They are in a system call or in C code: give the call a "
               "timeout, close the file or pipe it reads, or wait for the "
               "child process and close its pipes.";
    case PRIMITIVE_COROUTINE:
        return match_fix_of(p);
    case PRIMITIVE_OTHER:
    case PRIMITIVE_CHAN_RECEIVE:
    case PRIMITIVE_CHAN_SEND:
    case PRIMITIVE_NIL_CHAN:
    case PRIMITIVE_SELECT:
    case PRIMITIVE_SELECT_EMPTY:
    case PRIMITIVE_MUTEX:
    case PRIMITIVE_RWMUTEX:
    case PRIMITIVE_WAITGROUP:
    case PRIMITIVE_COND:
    case PRIMITIVE_SLEEP:
    case PRIMITIVE_IO_WAIT:
    case N_PRIMITIVES:
        break;
    }
    return NULL;
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    out->fix = advice(e->primitive);
    if (e->primitive == PRIMITIVE_SYSCALL) {
        return match_goroutines(e, out, "are in a system call or C code");
    }
    if (e->primitive == PRIMITIVE_COROUTINE) {
        return match_goroutines(e, out, "belong to iterators not stopped");
    }
    return match_goroutines(e, out, "are here, more at every snapshot");
}

const struct rule rule_goroutine_growth = {
    .id = "goroutine-growth",
    .title = "A group of goroutines that only grows",
    .headline = "goroutines only grow",
    .what = "Goroutines with a common stack whose number keeps rising, waiting "
            "in a way no other rule names.",
    .why = "They are started faster than they end. Each keeps at least 2 KB of "
           "stack and all it refers to.",
    .infers = "Only that the number grows; not what they wait for.",
    .decides = "A goroutine dump (debug=2): state and minutes of each.",
    .alternatives = {"load that rose during the window",
                     "a worker pool on its way to its size"},
    .fix = "Give every goroutine an end: find who starts it, and let it return "
           "on ctx.Done() or on a done channel that the owner closes.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (what "
               "each waits for)",
    .leaking = "func handle(w http.ResponseWriter, r *http.Request) {\n"
               "    go track(r) // never returns\n"
               "}\n",
    .mended = "func handle(w http.ResponseWriter, r *http.Request) {\n"
              "    ctx, cancel := context.WithTimeout(r.Context(), limit)\n"
              "    defer cancel()\n"
              "    track(ctx, r)\n"
              "}\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
