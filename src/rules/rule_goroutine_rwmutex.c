/* Goroutines behind a read-write lock. */
#include "rules/match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->primitive != PRIMITIVE_RWMUTEX) {
        return false;
    }
    const bool reads = evidence_has_frame(e, "sync.(*RWMutex).RLock");
    if (reads) {
        match_evidence(out, "they are readers: a writer holds the lock or "
                            "stands in the queue before them");
    }
    return match_goroutines(e, out,
                            reads ? "wait for the read side of an RWMutex"
                                  : "wait for the write side of an RWMutex");
}

const struct rule rule_goroutine_rwmutex = {
    .id = "goroutine-rwmutex",
    .title = "Goroutines wait for an RWMutex",
    .headline = "goroutines wait for an RWMutex",
    .what = "Goroutines that queue up in sync.RWMutex.Lock or RLock.",
    .why = "A holder does not let go. One waiting writer also stops every new "
           "reader, so a reader that takes RLock twice can lock itself out.",
    .infers = "From the frames of sync.(*RWMutex) and a count that only "
              "rises. The holder is not on these stacks.",
    .decides = "A goroutine dump (debug=2): find who is past the lock; look "
               "for RLock called again while RLock is held.",
    .alternatives = {"contention: the lock is held long but is handed on",
                     "a holder that waits for slow I/O"},
    .fix = "Pair every RLock with defer RUnlock and every Lock with defer "
           "Unlock, never take RLock twice in one call chain, and do no I/O "
           "while holding it.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (who holds it)",
    .leaking = "func (c *Cache) Get(k string) V {\n"
               "    c.mu.RLock()\n"
               "    v, ok := c.m[k]\n"
               "    if !ok {\n"
               "        return c.load(k) // still read-locked\n"
               "    }\n"
               "    c.mu.RUnlock()\n"
               "    return v\n"
               "}\n",
    .mended = "    c.mu.RLock()\n"
              "    v, ok := c.m[k]\n"
              "    c.mu.RUnlock() // before anything that may lock again\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
