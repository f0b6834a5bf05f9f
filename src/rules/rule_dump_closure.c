/* Functions that keep what they captured. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

/* "closure main.load.func1", or values of a function type. */
static bool has_closure(const struct dump_candidate *c)
{
    for (size_t i = c->at; i < c->way.n; i++) {
        const char *name = c->way.rows[i]->branch->name;
        if (c->way.rows[i]->form == FORM_CLOSURE ||
            span_starts(span_of(name), "closure") ||
            span_starts(span_of(name), "[]func(")) {
            return true;
        }
    }
    return c->holder.type && span_starts(span_of(c->holder.type), "[]func(");
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->dump->what != DUMP_HELD || !has_closure(e->dump)) {
        return false;
    }
    return dump_match_held(e, out,
                           "functions keep all variables that they captured");
}

const struct rule rule_dump_closure = {
    .id = "dump-closure",
    .title = "Functions kept with what they captured",
    .headline = "kept functions hold what they captured",
    .what = "Closures in a list, a map or a field that lives on, and the "
            "variables they captured.",
    .why = "A closure refers to its captured variables as a whole: a "
           "function that needs one number may hold the request it came from.",
    .infers = "From the types: function values, and the objects behind them.",
    .decides = "A second dump: more of the same closures.",
    .alternatives = {"functions that run soon, in a queue",
                     "handlers registered once, at start"},
    .fix = "Capture only what the function needs (copy the field first); "
           "drop the function when it has run.",
    .confirm = "seep heap DUMP --exe BINARY --view dominators",
    .leaking =
        "atExit = append(atExit, func() { log(img.Name) }) // keeps img\n",
    .mended = "name := img.Name\n"
              "atExit = append(atExit, func() { log(name) })\n",
    .worst = GRADE_SUSPECT,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
