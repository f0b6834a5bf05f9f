/*
 * A slice, buffer or list that is only appended to. growslice never shows in a
 * profile; a block that is replaced by a somewhat larger one does.
 */
#include "rules/match_private.h"

#include "base/banned.h"

static const struct match_name called[] = {
    {"container/list.(*List).*", "container/list"},
    {"container/heap.Push",      "container/heap"},
    {"slices.Grow*",             "slices.Grow"   },
    {"slices.Insert*",           "slices.Insert" },
    {"reflect.Append*",          "reflect.Append"},
};

static const struct match_name buffers[] = {
    {"bytes.(*Buffer).*",    "bytes.Buffer"   },
    {"strings.(*Builder).*", "strings.Builder"},
};

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    struct staircase stairs;
    const bool steps = evidence_staircase(e, &stairs);
    const struct match_name *row =
        match_called(e, called, COUNT_OF(called), params[0]);
    const struct match_name *buffer =
        steps ? match_called(e, buffers, COUNT_OF(buffers), params[0]) : NULL;
    if (row) {
        match_evidence(out, "the line calls %s", row->what);
    } else if (buffer) {
        match_evidence(out, "one %s grew from %s to %s", buffer->what,
                       match_bytes(out, stairs.from_bytes),
                       match_bytes(out, stairs.to_bytes));
    } else if (steps && e->is_leaf_site) {
        match_evidence(out,
                       "one block was replaced by a larger one, %s to %s, as "
                       "append does",
                       match_bytes(out, stairs.from_bytes),
                       match_bytes(out, stairs.to_bytes));
    } else {
        return false;
    }
    return match_heap(e, out, "were appended, it seems, and stay");
}

static const struct rule_param params_rows[] = {
    {"min-share", "ratio", 0.5, 0.05, 1,
     "share of the growth that a list or buffer function allocated"},
};

const struct rule rule_heap_slice_held = {
    .id = "heap-slice-held",
    .title = "A slice or list that is only appended to",
    .headline = "a slice or list only grows",
    .what = "Elements of a slice, list or buffer that is never cut.",
    .why = "A slice keeps its whole backing array and everything its elements "
           "point to, also those before s[n:]. Append without a bound grows "
           "until memory is out.",
    .infers = "From list functions called by the line, or from a block that "
              "was replaced by a larger one as append does it. A profile never "
              "shows append itself.",
    .decides = "A heap dump names the slice, its length and who "
               "holds it.",
    .alternatives = {"a log, queue or index that grows by design, bounded by "
                     "compaction or retention you know of", "a map that grows in other steps",
                     "a buffer on its way to its working size"},
    .fix = "Bound it: a ring of fixed size, cut and copy (slices.Clone of the "
           "tail, clear what was dropped), or write the old part out.",
    .confirm = "debug.WriteHeapDump(fd)   (which slice, how long)",
    .leaking = "func (r *Recorder) Add(s Sample) {\n"
               "    r.samples = append(r.samples, &s)\n"
               "}\n",
    .mended = "func (r *Recorder) Add(s Sample) {\n"
              "    r.ring[r.next%len(r.ring)] = s\n"
              "    r.next++\n"
              "}\n",
    .worst = GRADE_STRONG,
    .needs = NEED_HEAP,
    .kinds = RULE_KIND(EVIDENCE_HEAP),
    .params = params_rows,
    .n_params = COUNT_OF(params_rows),
    .check = check,
};
