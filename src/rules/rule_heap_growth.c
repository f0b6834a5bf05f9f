/* Memory that stays, and no sign of what keeps it: the honest rest. */
#include "rules/match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    const char *callee = evidence_callee(e);
    if (callee) {
        match_evidence(out, "the line calls %s", callee);
    }
    return match_heap(e, out, "allocated here are still in use");
}

const struct rule rule_heap_growth = {
    .id = "heap-growth",
    .title = "Memory allocated here is not freed",
    .headline = "memory allocated here stays in use",
    .what = "Objects allocated at one place that stay in use, more and more of "
            "them.",
    .why = "Something still refers to them: a map, a slice, a channel, a "
           "goroutine or a package variable. What is referred to is never "
           "freed.",
    .infers = "Only that they stay. A profile says who allocated, never who "
              "holds.",
    .decides = "A heap dump names the holder: the path from a "
               "package variable or a goroutine.",
    .alternatives =
        {"growth by design (an index, an in-memory store), bounded by "
         "compaction or retention you know of", "a cache on its way to its bound: look again after a longer window",
                       "more load at the end of the window than at its start"},
    .fix = "Find where the result of this line is stored, and give that place "
           "an end: delete or expire entries (LRU, TTL), cut the slice, set "
           "the field to nil.",
    .confirm = "debug.WriteHeapDump(fd)   (who holds them)",
    .leaking = "func (s *Server) handle(r *Request) {\n"
               "    s.seen = append(s.seen, r) // nobody removes it\n"
               "}\n",
    .mended = "func (s *Server) handle(r *Request) {\n"
              "    s.seen.Add(r.ID) // an LRU of fixed size\n"
              "}\n",
    .worst = GRADE_STRONG,
    .needs = NEED_HEAP,
    .kinds = RULE_KIND(EVIDENCE_HEAP),
    .check = check,
};
