/* Goroutines behind a mutex that is never unlocked. */
#include "rules/match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->primitive != PRIMITIVE_MUTEX) {
        return false;
    }
    if (evidence_has_frame(e, "sync.(*Once).*")) {
        match_evidence(out, "they wait in a sync.Once whose function has not "
                            "returned");
    }
    return match_goroutines(e, out, "wait for a mutex");
}

const struct rule rule_goroutine_mutex = {
    .id = "goroutine-mutex",
    .title = "Goroutines wait for a mutex",
    .headline = "goroutines wait for a mutex",
    .what = "Goroutines that queue up in sync.Mutex.Lock.",
    .why = "Somebody holds the lock and does not let go: a return without "
           "Unlock, two locks taken in opposite orders, or a holder that is "
           "blocked itself. Everyone behind it waits for ever.",
    .infers = "From the frames of sync.(*Mutex).Lock and a count that only "
              "rises. The holder is not on these stacks; it may be another "
              "goroutine of the same package, or have returned.",
    .decides = "A goroutine dump (debug=2): find the goroutine past this Lock, "
               "or two that each wait for the other's. A mutex profile shows "
               "plain contention.",
    .alternatives = {"contention: the lock is held long but is handed on",
                     "a holder that waits for slow I/O"},
    .fix = "Unlock on every path (defer mu.Unlock() right after Lock), take "
           "several locks in one fixed order, and do not call out or do I/O "
           "while holding one.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (who holds it)",
    .leaking = "func (s *Store) Put(k string, v []byte) error {\n"
               "    s.mu.Lock()\n"
               "    if len(v) > maxLen {\n"
               "        return errTooLong // still locked\n"
               "    }\n"
               "    s.m[k] = v\n"
               "    s.mu.Unlock()\n"
               "    return nil\n"
               "}\n",
    .mended = "    s.mu.Lock()\n"
              "    defer s.mu.Unlock()\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
