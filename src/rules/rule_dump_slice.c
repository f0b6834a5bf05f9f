/* Elements of a slice. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->dump->what != DUMP_HELD || e->dump->container != CONTAINER_SLICE) {
        return false;
    }
    const struct view_slice *s = &e->dump->slice;
    if (e->dump->has_slice && s->n_used * 2 < s->capacity) {
        out->headline = "a slice keeps what is behind its length";
        out->fix = "clear(s[n:]) before s = s[:n], so that nothing is referred "
                   "to from behind the length; slices.Clone(s[:n]) gives back "
                   "the array as well.";
        return dump_match_held(e, out,
                               "the array is much longer than what is in use "
                               "of it");
    }
    return dump_match_held(e, out, NULL);
}

const struct rule rule_dump_slice = {
    .id = "dump-slice",
    .title = "A slice that holds much of the heap",
    .headline = "elements of a slice pile up",
    .what = "A slice that is appended to, and what its elements hold.",
    .why = "The array behind a slice holds every element, also those before "
           "the slice's begin and behind its length. Appending without ever "
           "cutting grows for ever.",
    .infers = "From the array in the dump, the variable or field that holds "
              "it, and its elements.",
    .decides = "A second dump: more elements under the same load.",
    .alternatives = {"a table that is loaded once", "a ring of fixed length"},
    .fix = "Take elements out when they are done with (and set the slot to "
           "nil), or keep the last n only.",
    .confirm = "seep heap diff EARLIER LATER --exe BINARY",
    .leaking = "history = append(history, ev) // for ever\n",
    .mended = "history = append(history, ev)\n"
              "if len(history) > keep {\n"
              "    history = slices.Clone(history[len(history)-keep:])\n"
              "}\n",
    .worst = GRADE_SUSPECT,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
