/* What waits for its finalizer, or will never get it: a cycle. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

static const struct {
    const char *headline, *doing, *fix;
} texts[] = {
    [FINALIZER_NONE] = {NULL,                                       NULL,       NULL },
    [FINALIZER_QUEUE] =
        {"finalizers are behind",
                        "finalizers run one after another, and the one that runs "
         "now holds up all others",                                             "Find what the running finalizer waits for (its "
         "goroutine is in --view goroutines): one that may block "
         "has to start a goroutine of its own. Better an explicit "
         "Close, or runtime.AddCleanup (Go 1.24)."},
    [FINALIZER_CYCLE] =
        {"a finalizer in a cycle is never run",
                        "what has a finalizer and refers to itself is never "
         "freed",                                                               "Break the cycle, or put the finalizer on a small object "
         "that refers to nothing; better an explicit Close, or "
         "runtime.AddCleanup (Go 1.24)."                            },
    [FINALIZER_CLOSURE] = {NULL,
                        "a finalizer's function keeps what it captured",        NULL },
    [FINALIZER_NEXT] = {"finalizers run after the next collection",
                        "nothing else holds it, so that the next collection "
                        "queues its finalizer and the one after that frees it", NULL },
};

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    const struct dump_candidate *c = e->dump;
    if (c->finalizer == FINALIZER_NONE) {
        return false;
    }
    out->headline = texts[c->finalizer].headline;
    out->fix = texts[c->finalizer].fix;
    return dump_match_held(e, out, texts[c->finalizer].doing);
}

const struct rule rule_dump_finalizer = {
    .id = "dump-finalizer",
    .title = "Memory that waits for finalizers",
    .headline = "finalizers keep memory",
    .what = "Objects with a finalizer that are in a cycle, that queue for "
            "it, or whose finalizer holds something else.",
    .why = "A finalizer runs when its object is unreachable, but what the "
           "object refers to stays until then. In a cycle the object is "
           "reachable from itself, so it is never run; behind a slow "
           "finalizer all others wait.",
    .infers = "From the records of finalizers in the dump: nothing but them "
              "holds this memory.",
    .decides = "Nothing more for cycles. A queue that is shorter in the next "
               "dump was a burst.",
    .alternatives = {"a burst of objects whose finalizers run soon",
                     "a finalizer for each file or connection, as os and net "
                     "set"},
    .fix = "Break the cycle, or put the finalizer on a small object that "
           "refers to nothing; better an explicit Close, or "
           "runtime.AddCleanup (Go 1.24).",
    .confirm = "seep heap DUMP --exe BINARY --view dominators",
    .leaking = "s.dec.owner = s // a cycle\n"
               "runtime.SetFinalizer(s, (*Stream).Close)\n",
    .mended = "runtime.AddCleanup(s, closeHandle, s.handle)\n",
    .worst = GRADE_SUSPECT,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
