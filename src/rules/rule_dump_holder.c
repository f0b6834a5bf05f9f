/* Whatever holds much and is none of the others. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->dump->what != DUMP_HELD || e->dump->way.n == 0) {
        return false;
    }
    const struct dump_row *at = dump_at(e->dump);
    if (at->is_object &&
        !span_starts(span_of(at->branch->class_name), "unknown")) {
        out->confirm = arena_printf(
            out->arena, "seep heap DUMP --exe BINARY --paths-to '%s'",
            at->branch->class_name);
    }
    if (e->dump->container == CONTAINER_LIST) {
        out->headline = "elements of a list pile up";
        out->fix = "Remove what is done with (l.Remove(e), unlink the node), "
                   "or keep the last n only.";
    }
    return dump_match_held(e, out, NULL);
}

const struct rule rule_dump_holder = {
    .id = "dump-holder",
    .title = "Something else that keeps much of the heap",
    .headline = "one holder keeps much of the heap",
    .what = "An object, or many of one type, that keep much of the heap "
            "alive.",
    .why = "What it refers to is freed with it, not before. When it lives on "
           "or when there are ever more of it, so does all of that.",
    .infers = "From the dominator tree: without it, this memory would be "
              "free.",
    .decides = "A second dump: it keeps more under the same load.",
    .alternatives = {"what the program is about, and needs",
                     "work in progress when the dump was taken"},
    .fix = "Find on the path who should have let it go, and let it go there.",
    .confirm = "seep heap DUMP --exe BINARY --view dominators",
    .leaking = "prev := node\n"
               "node = &Node{next: prev} // nothing is ever unlinked\n",
    .mended = "if n > limit {\n"
              "    cut(node, limit)\n"
              "}\n",
    .worst = GRADE_SUSPECT,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
