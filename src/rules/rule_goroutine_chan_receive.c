/* Goroutines that receive from a channel which nobody serves or closes. */
#include "rules/match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)params;
    if (e->primitive != PRIMITIVE_CHAN_RECEIVE) {
        return false;
    }
    if (evidence_has_frame(e, "runtime.chanrecv2")) {
        match_evidence(
            out,
            "they range over the channel (or use the two-value receive): only "
            "close() ends such a loop, and a ticker's channel is never closed");
        match_alternative(out, self->alternatives[2]);
        match_alternative(out, self->alternatives[0]);
        match_alternative(out, self->alternatives[1]);
    }
    return match_goroutines(e, out, "wait to receive from a channel");
}

const struct rule rule_goroutine_chan_receive = {
    .id = "goroutine-chan-receive",
    .title = "Goroutines wait on a channel receive",
    .headline = "goroutines wait on a channel receive",
    .what = "Goroutines that wait for a value from a channel, more and more of "
            "them.",
    .why = "A goroutine that waits can never be freed, nor can its stack and "
           "whatever it refers to. It ends only when somebody sends or closes "
           "the channel.",
    .infers = "From the blocking frames (runtime.chanrecv) and a count that "
              "only rises. A profile does not show the channel, so a slow "
              "sender looks the same while the window lasts.",
    .decides = "Two goroutine dumps (debug=2): the same goroutine ids, minutes "
               "rising. Go 1.27's goroutineleak profile proves it.",
    .alternatives = {"a slow or bursty sender that will catch up",
                     "one waiting goroutine per live client, by design", "a ticker that is never stopped (for range t.C looks the "
                     "same)"},
    .fix = "Let the sender, who owns the channel, close it on every path "
           "(defer close(ch)), or select on ctx.Done() beside the receive so "
           "that the goroutine has an end.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (how "
               "long each waited)",
    .leaking = "func watch(ch chan Event) {\n"
               "    go func() {\n"
               "        for ev := range ch { // nobody closes ch\n"
               "            handle(ev)\n"
               "        }\n"
               "    }()\n"
               "}\n",
    .mended = "func watch(ctx context.Context, ch chan Event) {\n"
              "    go func() {\n"
              "        for {\n"
              "            select {\n"
              "            case ev, ok := <-ch:\n"
              "                if !ok {\n"
              "                    return\n"
              "                }\n"
              "                handle(ev)\n"
              "            case <-ctx.Done():\n"
              "                return\n"
              "            }\n"
              "        }\n"
              "    }()\n"
              "}\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
