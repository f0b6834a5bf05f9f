/* Goroutines that sleep, wake, and sleep again without an end. */
#include "rules/match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->primitive != PRIMITIVE_SLEEP) {
        return false;
    }
    return match_goroutines(e, out, "are in time.Sleep");
}

const struct rule rule_goroutine_sleep = {
    .id = "goroutine-sleep",
    .title = "Goroutines loop on time.Sleep",
    .headline = "goroutines loop on time.Sleep",
    .what = "Goroutines in time.Sleep, more and more of them.",
    .why = "Each sleeps, does a little and sleeps again: a polling or retry "
           "loop without a way out. time.Sleep does not notice a cancelled "
           "context.",
    .infers = "From time.Sleep at the leaf and a count that only rises. "
              "Whether it is one long sleep or a loop is not visible.",
    .decides = "Two goroutine dumps (debug=2) further apart than the longest "
               "sleep: the same ids mean a loop without end.",
    .alternatives = {"one long sleep that will end",
                     "retries that pile up while something else is down"},
    .fix = "End the loop with the work it serves: select on ctx.Done() and a "
           "timer in place of time.Sleep, and bound the number of retries.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (same "
               "ids later?)",
    .leaking = "go func() {\n"
               "    for !ready() {\n"
               "        time.Sleep(time.Second) // for ever, if never ready\n"
               "    }\n"
               "}()\n",
    .mended = "for !ready() {\n"
              "    select {\n"
              "    case <-ctx.Done():\n"
              "        return ctx.Err()\n"
              "    case <-time.After(time.Second):\n"
              "    }\n"
              "}\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
