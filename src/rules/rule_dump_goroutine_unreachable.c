/* Blocked, and whatever could wake them is reached by nobody who runs. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    const struct dump_candidate *c = e->dump;
    if (c->what != DUMP_UNREACHABLE) {
        return false;
    }
    const bool is_one = c->n_goroutines == 1;
    if (dump_match_library(e, out)) {
        out->headline = NULL; /* that nothing wakes them is more */
        out->why = NULL;
        out->n_alternatives = 0;
    } else {
        out->fix = match_fix_of(e->primitive);
    }
    if (c->on == BLOCKED_COROUTINE) {
        out->why = "Only the functions next and stop that iter.Pull returned "
                   "go on with the iterator. In the dump nobody has them, so "
                   "it stays where it is, and what it holds is never freed.";
    }
    out->cause = arena_printf(
        out->arena,
        "%s goroutine%s started as %s (%s) %s for what nobody who runs can "
        "reach: nothing can ever wake %s",
        match_count(out, (double)c->n_goroutines), is_one ? "" : "s", c->entry,
        c->wait_reason, is_one ? "waits" : "wait", is_one ? "it" : "them");
    match_evidence(
        out, "%s %s in %s object%s that nobody who may go on reaches%s%s",
        is_one ? "it holds" : "they hold", match_bytes(out, c->retained_bytes),
        match_count(out, c->retained_objects),
        c->retained_objects == 1 ? "" : "s",
        c->stack_bytes > 0 ? ", and stacks of " : "",
        c->stack_bytes > 0 ? match_bytes(out, c->stack_bytes) : "");
    if (c->shared_bytes > 0) {
        match_evidence(out,
                       "%s %s more together with other goroutines that "
                       "nothing can wake, counted with them",
                       is_one ? "it holds" : "they hold",
                       match_bytes(out, c->shared_bytes));
    }
    if (c->n_alike > c->n_goroutines) {
        match_evidence(
            out,
            "%s more wait alike; somebody may still reach what "
            "they wait for",
            match_count(out, (double)(c->n_alike - c->n_goroutines)));
    }
    if (e->grade == GRADE_SUSPECT) {
        match_evidence(out, "parts of the dump are missing, so that this is no "
                            "proof");
    } else if (e->grade == GRADE_INFO) {
        match_evidence(out, "a few may be left behind once, at start or at "
                            "shutdown: only more of them fill memory");
    }
    return true;
}

const struct rule rule_dump_goroutine_unreachable = {
    .id = "dump-goroutine-unreachable",
    .title = "Goroutines that nothing can ever wake, by a heap dump",
    .headline = "goroutines nothing can wake",
    .what = "Goroutines that wait for a channel, a lock or the next of "
            "an iter.Pull which no goroutine that can go on, and no global, "
            "reaches.",
    .why = "Only code that reaches the channel or the lock could send, close "
           "or unlock. In the dump nobody does, so the wait has no end, and "
           "what these goroutines hold is never freed.",
    .infers = "Nothing: whatever is not understood (main, the runtime's own, "
              "waits whose object is not known) counts as able to go on. "
              "From Go 1.24 on, what only garbage or a clean-up refers to is "
              "left out as well.",
    .decides = "Already decided. Damaged dumps are no proof.",
    .alternatives = {"none while the dump is whole: these goroutines are "
                     "leaked", "a few left behind at start or shutdown, which never "
                     "become more"},
    .fix = "Let whoever made the channel or took the lock finish the job on "
           "every path: close(ch), a buffer of 1, or select on ctx.Done().",
    .confirm = "seep heap DUMP --exe BINARY --view goroutines",
    .leaking = "ch := make(chan int)\n"
               "go func() { ch <- compute() }()\n"
               "if cached {\n"
               "    return v // ch is forgotten; the sender stays\n"
               "}\n",
    .mended = "ch := make(chan int, 1) // the send never waits\n",
    .worst = GRADE_PROVEN,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
