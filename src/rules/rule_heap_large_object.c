/* Growth that is made of few, large blocks. */
#include "rules/match_private.h"

#include "base/banned.h"

enum { MIN_BLOCK, MIN_SHARE, N_PARAMS };

static const struct rule_param params_rows[N_PARAMS] = {
    [MIN_BLOCK] = {"min-block", "bytes", 65536, 1024, 1e12,
                   "a block of this size or more is large"},
    [MIN_SHARE] = {"min-share", "ratio", 0.5,   0.05, 1,
                   "share of the growth in large blocks"  },
};

static double grown_bytes(const struct evidence_size *s)
{
    const double d = s->block_bytes * (s->objects_last - s->objects_first);
    return d > 0 ? d : 0;
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    double all = 0;
    double large = 0;
    double objects = 0;
    for (size_t i = 0; i < e->n_sizes; i++) {
        const struct evidence_size *s = &e->sizes[i];
        all += grown_bytes(s);
        if (s->block_bytes >= params[MIN_BLOCK] && grown_bytes(s) > 0) {
            large += grown_bytes(s);
            objects += s->objects_last - s->objects_first;
        }
    }
    if (!(large > 0) || large < params[MIN_SHARE] * all) {
        return false;
    }
    match_evidence(out, "about %s large block%s %.0f%% of what grew here",
                   match_count(out, objects),
                   objects < 1.5 ? " holds" : "s hold", large / all * 100);
    return match_heap(e, out, "are few and large, and stay");
}

const struct rule rule_heap_large_object = {
    .id = "heap-large-object",
    .title = "Large objects that are kept",
    .headline = "large objects are kept",
    .what = "Few objects of 64 KB or more each, still in use.",
    .why = "Something small (a struct, a slice entry, a closure) still points "
           "to a large block; one forgotten reference costs as much as "
           "thousands of small objects.",
    .infers = "From the block sizes in the profile. Who holds them, and "
              "whether all of a block is of use, is not in it.",
    .decides = "A heap dump: the holder, and references into "
               "the middle of the blocks.",
    .alternatives = {"buffers of work in flight",
                     "data that is meant to stay, bounded by compaction or "
                     "retention you know of"},
    .fix = "Set the field to nil once the large part is used, keep a copy of "
           "the small part that is needed (slices.Clone), or keep the large "
           "part on disk.",
    .confirm = "debug.WriteHeapDump(fd)   (who holds the blocks)",
    .leaking = "type Result struct {\n"
               "    ID  int\n"
               "    raw []byte // the whole page, kept for one field\n"
               "}\n",
    .mended = "r := &Result{ID: parseID(raw)} // raw can go\n",
    .worst = GRADE_STRONG,
    .needs = NEED_HEAP,
    .kinds = RULE_KIND(EVIDENCE_HEAP),
    .params = params_rows,
    .n_params = N_PARAMS,
    .check = check,
};
