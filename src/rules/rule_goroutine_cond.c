/* Goroutines in Cond.Wait that nobody signals. */
#include "rules/match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->primitive != PRIMITIVE_COND) {
        return false;
    }
    return match_goroutines(e, out, "wait for a signal on a sync.Cond");
}

const struct rule rule_goroutine_cond = {
    .id = "goroutine-cond",
    .title = "Goroutines wait on a sync.Cond",
    .headline = "goroutines wait on a sync.Cond",
    .what = "Goroutines that stay in sync.Cond.Wait.",
    .why = "Wait returns only after Signal or Broadcast. When the condition "
           "changed before the Wait, or one Signal was meant for many, those "
           "left behind wait for ever.",
    .infers = "From the frames of sync.(*Cond).Wait and a count that only "
              "rises. Who should signal is not on the stack. Buffers of "
              "HTTP/2 and gRPC wait this way, too.",
    .decides = "Two goroutine dumps (debug=2) with the same ids, or the "
               "goroutineleak profile.",
    .alternatives = {"one waiting goroutine per live stream or connection",
                     "a pool of workers that grew with load and idles"},
    .fix = "Test the condition in a loop under the lock, Broadcast when more "
           "than one may wait, and Broadcast on shutdown with a closed flag in "
           "the condition.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (how "
               "long each waited)",
    .leaking = "func (q *Queue) Pop() Item {\n"
               "    q.mu.Lock()\n"
               "    defer q.mu.Unlock()\n"
               "    for len(q.items) == 0 {\n"
               "        q.cond.Wait() // Close() never wakes it\n"
               "    }\n"
               "    return q.take()\n"
               "}\n",
    .mended = "    for len(q.items) == 0 && !q.closed {\n"
              "        q.cond.Wait()\n"
              "    }\n"
              "// Close: q.closed = true; q.cond.Broadcast()\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
