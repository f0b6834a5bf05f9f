/* A variable of the program that keeps much. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    const struct dump_candidate *c = e->dump;
    const struct dump_row *top = c->what == DUMP_HELD ? dump_top(c) : NULL;
    if (!top || top->is_object || top->branch->sample == 0 ||
        heap_group(c->dump->facts->graph, top->branch->sample - 1)->kind !=
            ROOT_GLOBAL) {
        return false;
    }
    if (c->container == CONTAINER_LIST) {
        out->headline = "elements of a list pile up";
        out->fix = "Remove what is done with (l.Remove(e), unlink the node), "
                   "or keep the last n only.";
    }
    return dump_match_held(e, out, NULL);
}

const struct rule rule_dump_global = {
    .id = "dump-global",
    .title = "A global variable that keeps much of the heap",
    .headline = "a variable keeps much of the heap",
    .what = "A package variable, and the list, the tree or the one large "
            "thing it refers to.",
    .why = "A global lives as long as the program, so does all that it "
           "reaches. What is linked to it and never unlinked stays.",
    .infers = "From the dump: the variable by its symbol, and what it alone "
              "keeps.",
    .decides = "A second dump: it keeps more under the same load.",
    .alternatives = {"a table that is loaded once", "a cache at its bound"},
    .fix = "Unlink what is done with, or bound it; keep state of a request "
           "out of package variables.",
    .confirm = "seep heap DUMP --exe BINARY --view globals",
    .leaking = "var last *Entry\n"
               "\n"
               "func log(e *Entry) {\n"
               "    e.prev = last // every entry holds the one before it\n"
               "    last = e\n"
               "}\n",
    .mended = "ring[n%len(ring)] = e // the last few\n",
    .worst = GRADE_SUSPECT,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
