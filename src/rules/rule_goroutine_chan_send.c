/* Goroutines that send to a channel whose receiver has gone. */
#include "rules/match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->primitive != PRIMITIVE_CHAN_SEND) {
        return false;
    }
    return match_goroutines(e, out, "wait to send to a channel");
}

const struct rule rule_goroutine_chan_send = {
    .id = "goroutine-chan-send",
    .title = "Goroutines wait on a channel send",
    .headline = "goroutines wait on a channel send",
    .what = "Goroutines that try to hand over a value and find no receiver.",
    .why = "A send on an unbuffered or full channel waits for a receiver. When "
           "the receiver returned early (timeout, error, first result wins), "
           "the sender waits for ever and keeps the value with it. So do all "
           "who want a slot of a semaphore when a path did not give its own "
           "back.",
    .infers = "From the blocking frames (runtime.chansend) and a count that "
              "only rises. The receiver is not on the stack: look for where "
              "the creator stops reading.",
    .decides = "Two goroutine dumps (debug=2) with the same ids, or the "
               "goroutineleak profile.",
    .alternatives = {"a receiver that is slow and will catch up",
                     "back-pressure by design: producers are meant to wait"},
    .fix = "Give the channel room for every send (make(chan T, 1)), or select "
           "on ctx.Done() beside the send, or let the receiver drain the "
           "channel before it returns. Of a semaphore, give the slot back in "
           "a defer.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (how "
               "long each waited)",
    .leaking = "func first(ctx context.Context) (Answer, error) {\n"
               "    ch := make(chan Answer)\n"
               "    go func() { ch <- slow() }() // stuck after a timeout\n"
               "    select {\n"
               "    case a := <-ch:\n"
               "        return a, nil\n"
               "    case <-ctx.Done():\n"
               "        return Answer{}, ctx.Err()\n"
               "    }\n"
               "}\n",
    .mended = "    ch := make(chan Answer, 1) // the send never waits\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
