/* Contexts whose cancel is never called: children a parent still lists. */
#include "rules/match_private.h"

#include "base/banned.h"

static const struct match_name rows[] = {
    {"context.WithValue",     "context.WithValue"   },
    {"context.AfterFunc",     "context.AfterFunc"   },
    {"context.WithCancel*",   "context.WithCancel"  },
    {"context.WithTimeout*",  "context.WithTimeout" },
    {"context.WithDeadline*", "context.WithDeadline"},
    {"context.*",             "the context package" },
};

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    if (evidence_share_called(e, "context.*") < params[0]) {
        return false;
    }
    const struct match_name *row =
        match_called(e, rows, COUNT_OF(rows) - 1, params[0] / 2);
    match_evidence(out, "allocated in %s", row ? row->what : rows[5].what);
    if (evidence_any_frame(e, "context.*propagateCancel*")) {
        match_evidence(out, "the parent's list of children grows: they were "
                            "never cancelled");
    }
    if (row == &rows[0]) {
        out->headline = "contexts with values pile up";
        out->fix = "Do not wrap a context again and again in a loop, and do "
                   "not keep a request's context in a struct or a global.";
        return match_heap(e, out, "are contexts with values still in use");
    }
    return match_heap(e, out, "are contexts that were not cancelled");
}

static const struct rule_param params_rows[] = {
    {"min-share", "ratio", 0.5, 0.05, 1,
     "share of the growth that the context package allocated"},
};

const struct rule rule_heap_context = {
    .id = "heap-context",
    .title = "Contexts that are never cancelled",
    .headline = "contexts are never cancelled",
    .what = "What the context package allocates for WithCancel, WithTimeout, "
            "WithDeadline and their kin.",
    .why = "A parent that can be cancelled lists its children until they are "
           "cancelled or expire. Without cancel() they stay as long as the "
           "parent does, which is for ever under a root or in a global.",
    .infers = "From context functions called by the growing line. Which parent "
              "lists them is not in a profile.",
    .decides = "A heap dump: the children map of the parent; "
               "`go vet` (lostcancel) finds dropped cancels.",
    .alternatives = {"long timeouts that have yet to expire",
                     "one context per live session, by design"},
    .fix = "defer cancel() on the line after the context was made, also when a "
           "timeout would end it; do not store contexts in structs or "
           "globals.",
    .confirm = "go vet ./...   (lostcancel), or a heap dump   (who lists them)",
    .leaking = "ctx, _ := context.WithCancel(root)\n"
               "go serve(ctx, conn)\n",
    .mended = "ctx, cancel := context.WithCancel(root)\n"
              "go func() {\n"
              "    defer cancel()\n"
              "    serve(ctx, conn)\n"
              "}()\n",
    .worst = GRADE_STRONG,
    .needs = NEED_HEAP,
    .kinds = RULE_KIND(EVIDENCE_HEAP),
    .params = params_rows,
    .n_params = COUNT_OF(params_rows),
    .check = check,
};
