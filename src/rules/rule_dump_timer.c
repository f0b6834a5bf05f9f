/* Timers and tickers that nobody stopped. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

static const char *const types[] = {"time.Timer", "time.Ticker",
                                    "runtime.timer", "runtime.timeTimer",
                                    "runtime.timerWhen"};

/* The first on the way that is of the program's own. */
static const struct view_branch *what_they_hold(const struct dump_candidate *c)
{
    static const char *const runtimes[] = {
        "runtime.", "*runtime.", "[]runtime.", "time.",      "[]time.",
        "[]*time.", "*time.",    "unknown",    "chan time.", "timer"};
    for (size_t i = c->at + 1; i < c->way.n; i++) {
        const struct view_branch *b = c->way.rows[i]->branch;
        bool is_theirs = c->way.rows[i]->is_object;
        for (size_t k = 0; k < COUNT_OF(runtimes); k++) {
            is_theirs =
                is_theirs && !span_starts(span_of(b->class_name), runtimes[k]);
        }
        if (is_theirs) {
            return b;
        }
    }
    return NULL;
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->dump->what != DUMP_HELD ||
        !dump_match_types(e->dump, types, COUNT_OF(types))) {
        return false;
    }
    if (dump_match_stays(e->dump)) {
        out->headline = "timers are never stopped";
    }
    const struct view_branch *theirs = what_they_hold(e->dump);
    if (theirs) {
        match_evidence(out, "the timers hold %s x %s",
                       match_count(out, theirs->n_nodes), theirs->class_name);
        out->confirm = arena_printf(
            out->arena, "seep heap DUMP --exe BINARY --paths-to '%s'",
            theirs->class_name);
    }
    return dump_match_held(e, out,
                           "a timer stays until it fires or is stopped");
}

const struct rule rule_dump_timer = {
    .id = "dump-timer",
    .title = "Timers or tickers that were not stopped",
    .headline = "timers that were not stopped pile up",
    .what = "Timers and tickers, with what their functions and channels hold.",
    .why = "A running ticker, and before Go 1.23 any timer, is held by the "
           "runtime until Stop is called; AfterFunc holds its closure until "
           "it fires.",
    .infers = "From the types of time and runtime among what is held.",
    .decides = "A second dump: tickers of things that are gone are still "
               "there.",
    .alternatives = {"timeouts of requests in flight",
                     "one ticker for each long-lived connection"},
    .fix = "defer t.Stop() where it is made; one timer with Reset in a loop "
           "instead of time.After in it.",
    .confirm = "seep heap DUMP --exe BINARY --view dominators",
    .leaking = "t := time.NewTicker(time.Second)\n"
               "go func() {\n"
               "    for range t.C { // no Stop, no way out\n"
               "        ping(c)\n"
               "    }\n"
               "}()\n",
    .mended = "defer t.Stop()\n"
              "for {\n"
              "    select {\n"
              "    case <-t.C:\n"
              "        ping(c)\n"
              "    case <-c.done:\n"
              "        return\n"
              "    }\n"
              "}\n",
    .worst = GRADE_SUSPECT,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
