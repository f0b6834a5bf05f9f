/*
 * Goroutines that serve a ticker for ever. A receive from t.C looks like any
 * other receive, so this rule asks for a sign: the ticker's allocations grew
 * in step, a well-known loop helper, or a name that says tick.
 */
#include "rules/match_private.h"

#include "base/banned.h"

static const struct match_name helpers[] = {
    {"k8s.io/apimachinery/pkg/util/wait.Until*",        "wait.Until"       },
    {"k8s.io/apimachinery/pkg/util/wait.JitterUntil*",  "wait.JitterUntil" },
    {"k8s.io/apimachinery/pkg/util/wait.BackoffUntil*", "wait.BackoffUntil"},
    {"k8s.io/apimachinery/pkg/util/wait.Forever*",      "wait.Forever"     },
};

static const char *const words[] = {"tick", "ticks", "ticker", "ticking"};

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    if (e->primitive != PRIMITIVE_CHAN_RECEIVE &&
        e->primitive != PRIMITIVE_SELECT) {
        return false;
    }
    const char *word = NULL;
    const char *named = match_word(e, words, COUNT_OF(words), 1, &word);
    const struct match_name *helper =
        match_any_frame(e, helpers, COUNT_OF(helpers));
    /* Many more tickers than goroutines belong to something else. */
    const bool allocated =
        e->trend.delta > 0 &&
        e->ticker_objects_growth >= params[0] * e->trend.delta &&
        e->ticker_objects_growth * params[0] <= e->trend.delta;
    if (allocated) {
        match_evidence(out, "the heap holds %s more tickers than at first",
                       match_count(out, e->ticker_objects_growth));
    } else if (helper) {
        match_evidence(out, "the loop runs in %s", helper->what);
    } else if (named) {
        match_evidence(out,
                       "inferred from the name %s alone: a profile cannot tell "
                       "a ticker's channel from another",
                       match_short_name(named));
    } else {
        return false;
    }
    return match_goroutines(e, out, "wait for the next tick, with no end");
}

static const struct rule_param params_rows[] = {
    {"min-tickers", "ratio", 0.5, 0.01, 10,
     "growth of allocated tickers over growth of goroutines"},
};

const struct rule rule_goroutine_ticker = {
    .id = "goroutine-ticker",
    .title = "Goroutines serve tickers that are never stopped",
    .headline = "goroutines serve tickers without end",
    .what = "Goroutines that loop on a time.Ticker.",
    .why = "Stop does not close t.C, so `for range t.C` never ends by itself; "
           "the goroutine, the ticker and all they refer to stay.",
    .infers = "From tickers that grow in step in the heap, from a known loop "
              "helper, or from a name that says tick. In the profile a "
              "ticker's channel looks like any other.",
    .decides =
        "The source line; a heap dump (debug.WriteHeapDump) names the timer "
        "behind the channel.",
    .alternatives = {"one ticker loop per live client, by design",
                     "another channel than a ticker's"},
    .fix = "Loop in a select with <-t.C and <-ctx.Done() (or a done channel), "
           "and defer t.Stop(). Since Go 1.23 a forgotten ticker alone is "
           "collected, but not while a goroutine waits on it.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   "
               "(created by whom)",
    .leaking = "go func() {\n"
               "    t := time.NewTicker(time.Second)\n"
               "    for range t.C { // never ends, even after t.Stop()\n"
               "        c.ping()\n"
               "    }\n"
               "}()\n",
    .mended = "t := time.NewTicker(time.Second)\n"
              "defer t.Stop()\n"
              "for {\n"
              "    select {\n"
              "    case <-t.C:\n"
              "        c.ping()\n"
              "    case <-ctx.Done():\n"
              "        return\n"
              "    }\n"
              "}\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .params = params_rows,
    .n_params = COUNT_OF(params_rows),
    .check = check,
};
