/* Goroutines in a select none of whose cases comes. */
#include "rules/match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->primitive != PRIMITIVE_SELECT) {
        return false;
    }
    if (evidence_has_frame(e, "io.(*pipe).*")) {
        match_evidence(out, "they wait inside an io.Pipe: the other end was "
                            "neither read, written nor closed");
        out->fix = "Close both ends of the io.Pipe on every path "
                   "(defer pr.Close(), defer pw.CloseWithError(err)).";
    }
    if (evidence_has_frame(e, "context.(*cancelCtx).propagateCancel*") ||
        evidence_has_frame(e, "context.propagateCancel*")) {
        match_evidence(out, "Go's context package started them to watch a "
                            "custom parent context that is never done");
        out->fix = "Call cancel on every path (defer cancel()): that ends the "
                   "watcher, too.";
    }
    return match_goroutines(e, out, "wait in a select");
}

const struct rule rule_goroutine_select = {
    .id = "goroutine-select",
    .title = "Goroutines wait in a select",
    .headline = "goroutines wait in a select",
    .what = "Goroutines in a select statement, more and more of them.",
    .why = "A select ends when one of its cases can go on. When no sender is "
           "left, nothing is closed and no context is cancelled, it never "
           "does.",
    .infers = "From the blocking frame (runtime.selectgo) and a count that "
              "only rises. A profile does not show the cases: a timer or a "
              "done channel among them may still end it.",
    .decides = "Two goroutine dumps (debug=2) further apart than any timeout "
               "in the code, or the goroutineleak profile.",
    .alternatives = {"one select loop per live client or worker, by design",
                     "a case with a timer longer than the window", "work that is slow and will finish"},
    .fix = "Give the select a case that surely comes: ctx.Done(), or a done "
           "channel that the owner closes in its Stop or Close; then check "
           "that Stop is called on every path.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (how "
               "long each waited)",
    .leaking = "func (w *Worker) loop() {\n"
               "    for {\n"
               "        select {\n"
               "        case job := <-w.jobs:\n"
               "            job.Run()\n"
               "        case <-w.stop: // Stop is never called\n"
               "            return\n"
               "        }\n"
               "    }\n"
               "}\n",
    .mended = "    w := NewWorker()\n"
              "    defer w.Stop() // closes w.stop on every path\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
