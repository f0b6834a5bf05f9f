/* select{} off the main goroutine: it cannot end, by the language. */
#include "rules/match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->primitive != PRIMITIVE_SELECT_EMPTY) {
        return false;
    }
    return match_goroutines(e, out, "stand in select{} and cannot end");
}

const struct rule rule_goroutine_select_empty = {
    .id = "goroutine-select-empty",
    .title = "Goroutines blocked for ever in select{}",
    .headline = "goroutines block in select{}",
    .what = "Goroutines, other than main, in a select without cases.",
    .why = "select{} has no case that could come, so the goroutine stays until "
           "the process ends, with all it refers to.",
    .infers = "Nothing: runtime.block at the leaf, or \"select (no cases)\" in "
              "a dump, is proof by itself.",
    .decides = "Already decided.",
    .alternatives = {"one goroutine parked on purpose until the process ends"},
    .fix = "Wait for something that comes: <-ctx.Done() in place of select{}, "
           "or let the goroutine return; only main may block for ever.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (the "
               "state of each)",
    .leaking = "func serve(c *Conn) {\n"
               "    c.OnMessage(handle)\n"
               "    select {} // one goroutine per connection, for ever\n"
               "}\n",
    .mended = "func serve(ctx context.Context, c *Conn) {\n"
              "    defer c.Close()\n"
              "    c.OnMessage(handle)\n"
              "    <-ctx.Done()\n"
              "}\n",
    .worst = GRADE_PROVEN,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_DUMP_STATE) | RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
