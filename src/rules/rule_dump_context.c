/* Contexts that their parent still knows, or chains of values. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

static const char *const types[] = {"context.cancelCtx", "context.timerCtx",
                                    "context.valueCtx", "context.afterFuncCtx",
                                    "context.canceler"};

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    const char *type = dump_match_types(e->dump, types, COUNT_OF(types));
    if (!type || e->dump->what != DUMP_HELD) {
        return false;
    }
    const bool is_chain = e->dump->container == CONTAINER_LIST;
    if (!is_chain && dump_match_stays(e->dump)) {
        out->headline = "contexts are never cancelled";
    }
    if (is_chain) {
        out->headline = "a chain of contexts grows";
        out->fix = "Derive from the request's context each time, not from the "
                   "last derived one: ctx := context.WithValue(base, k, v).";
    }
    return dump_match_held(e, out,
                           is_chain ? "each context holds the one before it"
                                    : "a context stays with its parent until "
                                      "it is cancelled");
}

const struct rule rule_dump_context = {
    .id = "dump-context",
    .title = "Contexts that are not cancelled",
    .headline = "contexts that were not cancelled pile up",
    .what = "Derived contexts that pile up below a parent that lives on, or "
            "a chain of values that grows.",
    .why = "WithCancel, WithTimeout and WithDeadline enter the new context "
           "in its parent's map of children; cancel() or the parent's end "
           "removes it. A context made from the last one in a loop holds all "
           "before it.",
    .infers = "From the types: context.cancelCtx, timerCtx, valueCtx, and "
              "what holds them.",
    .decides = "A second dump: children of requests that ended are still "
               "there.",
    .alternatives = {"requests in flight, each with a context of its own",
                     "long-lived streams that end with their client"},
    .fix = "defer cancel() where the context is made; derive from the "
           "request's context, not from one that lives as long as the "
           "program.",
    .confirm = "seep heap DUMP --exe BINARY --view dominators",
    .leaking = "ctx, _ := context.WithCancel(server.ctx) // cancel is dropped\n"
               "go handle(ctx, conn)\n",
    .mended = "ctx, cancel := context.WithCancel(server.ctx)\n"
              "defer cancel()\n",
    .worst = GRADE_SUSPECT,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
