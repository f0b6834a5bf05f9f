/*
 * Timers and tickers that stay. Since Go 1.23 a timer nobody refers to is
 * collected, so there growth means that something still does.
 */
#include "rules/match_private.h"

#include "base/banned.h"

static const struct match_name rows[] = {
    {"time.NewTicker", "time.NewTicker"},
    {"time.Tick",      "time.Tick"     },
    {"time.NewTimer",  "time.NewTimer" },
    {"time.AfterFunc", "time.AfterFunc"},
    {"time.After",     "time.After"    },
};

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    const struct match_name *row =
        match_called(e, rows, COUNT_OF(rows), params[0]);
    if (!row) {
        return false;
    }
    match_evidence(out, "allocated in %s", row->what);
    match_evidence(out, "before Go 1.23 a timer stays until it fires and a "
                        "ticker until Stop; since then only while "
                        "something refers to it");
    return match_heap(e, out, "are timers still in use");
}

static const struct rule_param params_rows[] = {
    {"min-share", "ratio", 0.5, 0.05, 1,
     "share of the growth that time's constructors allocated"},
};

const struct rule rule_heap_timer = {
    .id = "heap-timer",
    .title = "Timers or tickers that are never stopped",
    .headline = "timers are never stopped",
    .what = "What time.NewTimer, NewTicker, AfterFunc, After and Tick "
            "allocate.",
    .why = "A running timer and what its function refers to stay until it "
           "fires, a ticker until Stop. In a loop with long timeouts they add "
           "up.",
    .infers = "From time's constructors called by the growing line.",
    .decides = "The go line of go.mod (1.23 changed timers) and a heap dump: "
               "A heap dump shows who refers to them.",
    .alternatives = {"long timers that have yet to fire"},
    .fix = "defer t.Stop() where the timer is made; in a loop reuse one timer "
           "(Reset) in place of time.After; use time.Tick only for what lives "
           "as long as the program.",
    .confirm = "debug.WriteHeapDump(fd)   (who refers to the timers)",
    .leaking = "for {\n"
               "    select {\n"
               "    case m := <-in:\n"
               "        handle(m)\n"
               "    case <-time.After(time.Hour): // one per message\n"
               "        return\n"
               "    }\n"
               "}\n",
    .mended = "idle := time.NewTimer(time.Hour)\n"
              "defer idle.Stop()\n"
              "for {\n"
              "    idle.Reset(time.Hour)\n"
              "    select {\n"
              "    case m := <-in:\n"
              "        handle(m)\n"
              "    case <-idle.C:\n"
              "        return\n"
              "    }\n"
              "}\n",
    .worst = GRADE_STRONG,
    .needs = NEED_HEAP,
    .kinds = RULE_KIND(EVIDENCE_HEAP),
    .params = params_rows,
    .n_params = COUNT_OF(params_rows),
    .check = check,
};
