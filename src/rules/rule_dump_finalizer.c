/* What waits for its finalizer, or will never get it: a cycle. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

static const struct root_group *group_of(const struct dump_candidate *c)
{
    const struct dump_row *top = dump_top(c);
    return !top || top->is_object || top->branch->sample == 0
               ? NULL
               : heap_group(c->dump->facts->graph, top->branch->sample - 1);
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    const struct dump_candidate *c = e->dump;
    const struct root_group *g = group_of(c);
    if (!g || g->kind != ROOT_FINALIZER) {
        return false;
    }
    /* Who has a finalizer and is reached by its own fields only. */
    const bool is_cycle = span_starts(span_of(g->name), "object 0x");
    const char *doing =
        is_cycle ? "what has a finalizer and refers to itself is never freed"
        : span_starts(span_of(g->name), "finalizer of")
            ? "a finalizer's function keeps what it captured"
            : "finalizers run one after another, and this one is behind";
    return dump_match_held(e, out, doing);
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
