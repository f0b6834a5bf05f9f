/* Goroutines in WaitGroup.Wait whose counter never reaches zero. */
#include "rules/match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->primitive != PRIMITIVE_WAITGROUP) {
        return false;
    }
    if (evidence_has_frame(e, "golang.org/x/sync/errgroup.(*Group).Wait")) {
        match_evidence(out, "they wait in errgroup.Group.Wait: one of the "
                            "group's functions has not returned");
    }
    return match_goroutines(e, out, "wait for a WaitGroup");
}

const struct rule rule_goroutine_waitgroup = {
    .id = "goroutine-waitgroup",
    .title = "Goroutines wait for a WaitGroup",
    .headline = "goroutines wait for a WaitGroup",
    .what = "Goroutines that stay in sync.WaitGroup.Wait.",
    .why = "Wait ends when the counter is zero. A path without Done, an Add "
           "too many, or a worker that is blocked itself keeps it above zero "
           "for ever.",
    .infers = "From the frames of sync.(*WaitGroup).Wait and a count that only "
              "rises. Whether a Done is missing or a worker still runs is not "
              "visible here.",
    .decides = "A goroutine dump (debug=2): when no worker of the same group "
               "is left, a Done is missing; else see what that worker waits "
               "for.",
    .alternatives = {"workers that are slow and will finish",
                     "a worker blocked elsewhere: then that one is the leak"},
    .fix = "Call wg.Add before the go statement and defer wg.Done() as the "
           "worker's first line (or wg.Go since Go 1.25), so that error paths "
           "count too.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (are "
               "workers left?)",
    .leaking = "for _, job := range jobs {\n"
               "    wg.Add(1)\n"
               "    go func() {\n"
               "        if err := job.Run(); err != nil {\n"
               "            return // no Done\n"
               "        }\n"
               "        wg.Done()\n"
               "    }()\n"
               "}\n"
               "go func() { wg.Wait(); close(results) }()\n",
    .mended = "    go func() {\n"
              "        defer wg.Done()\n"
              "        job.Run()\n"
              "    }()\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
