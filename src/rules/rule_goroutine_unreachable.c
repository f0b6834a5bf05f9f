/* Go's own collector found them: blocked, and nothing alive can wake them. */
#include "rules/match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    out->fix = match_fix_of(e->primitive);
    match_evidence(out, "listed in the goroutineleak profile, which has no "
                        "false positives by design");
    const char *doing =
        e->primitive == PRIMITIVE_OTHER
            ? "are blocked and nothing that runs can reach what they wait for"
            : arena_printf(out->arena,
                           "are blocked (%s) and nothing that runs can reach "
                           "what they wait for",
                           primitive_name(e->primitive));
    return match_goroutines(
        e, out, doing ? doing : "are blocked and nothing can wake them");
}

const struct rule rule_goroutine_unreachable = {
    .id = "goroutine-unreachable",
    .title = "Goroutines that nothing can ever wake",
    .headline = "goroutines nothing can wake",
    .what = "Goroutines in Go's goroutineleak profile.",
    .why = "The garbage collector found no path from anything that runs to the "
           "channel or lock they wait for. So nobody is left who could send, "
           "close or unlock.",
    .infers = "Nothing: the profile is the proof. It is blind to what a global "
              "or a running goroutine still refers to, so others may leak as "
              "well.",
    .decides = "Already decided.",
    .alternatives = {"none: what the profile lists is leaked; a second fetch "
                     "may list more"},
    .fix = "Let whoever made the channel or took the lock finish the job on "
           "every path: close(ch), a buffer of 1, or select on ctx.Done().",
    .confirm = "seep fetch HOST --profile goroutineleak -n 2   (Go 1.27)",
    .leaking = "ch := make(chan int)\n"
               "go func() { ch <- compute() }()\n"
               "if cached {\n"
               "    return v // ch is forgotten; the sender stays\n"
               "}\n",
    .mended = "ch := make(chan int, 1) // the send never waits\n",
    .worst = GRADE_PROVEN,
    .needs = NEED_LEAK_PROFILE,
    .kinds = RULE_KIND(EVIDENCE_LEAK_PROFILE),
    .check = check,
};
