/* What waits in the buffer of a channel. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->dump->what != DUMP_HELD || e->dump->container != CONTAINER_CHANNEL) {
        return false;
    }
    return dump_match_held(e, out, "sent, and received by nobody yet");
}

const struct rule rule_dump_channel = {
    .id = "dump-channel",
    .title = "Values that wait in a channel",
    .headline = "values wait in a channel",
    .what = "Elements in the buffers of channels, with what they hold.",
    .why = "What was sent stays in the buffer until somebody receives it. "
           "When the receiver is gone or too slow, a buffer that is large "
           "enough never makes the sender notice.",
    .infers = "From the channel's buffer on the way to what is held.",
    .decides = "A second dump: the same values still wait.",
    .alternatives = {"a queue that works off a burst",
                     "a buffer that is meant to be full"},
    .fix = "Let the receiver drain the channel before it leaves, or the "
           "sender stop with it; a small buffer shows the problem early.",
    .confirm = "seep heap DUMP --exe BINARY --view dominators",
    .leaking = "events := make(chan Event, 1<<20)\n"
               "go forward(events) // returns at the first error\n",
    .mended = "case events <- e:\n"
              "case <-forwarderGone:\n",
    .worst = GRADE_SUSPECT,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
