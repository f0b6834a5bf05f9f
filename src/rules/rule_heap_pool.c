/*
 * Objects made by a pool's New that stay. The pool itself lets go after two
 * collections, so what stays is held elsewhere, was never put back, or is
 * taken faster than it returns.
 */
#include "rules/match_private.h"

#include <string.h>

#include "base/banned.h"

/* Growth whose site was called straight by (*Pool).Get, i.e. is New. */
static double share_of_new(const struct evidence *e)
{
    double total = 0;
    double hit = 0;
    for (size_t i = 0; i < e->n_stacks; i++) {
        const struct evidence_stack *s = &e->stacks[i];
        const double grown = s->delta > 0 ? s->delta : 0;
        total += grown;
        for (size_t k = 0; e->has_site && k + 1 < s->n_frames; k++) {
            if (strcmp(s->frames[k].function, e->site.function) == 0 &&
                strcmp(s->frames[k + 1].function, "sync.(*Pool).Get") == 0) {
                hit += grown;
                break;
            }
        }
    }
    return total > 0 ? hit / total : 0;
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    if (share_of_new(e) < params[0]) {
        return false;
    }
    const bool is_drift =
        e->n_sizes > 1 && e->sizes[0].objects_first < 1 &&
        e->sizes[0].block_bytes > e->sizes[e->n_sizes - 1].block_bytes;
    if (is_drift) {
        match_evidence(out, "blocks of new, larger sizes appear");
    }
    return match_heap(e, out, "made by a sync.Pool's New are still in use");
}

static const struct rule_param params_rows[] = {
    {"min-share", "ratio", 0.5, 0.05, 1,
     "share of the growth that a pool's New allocated"},
};

const struct rule rule_heap_pool = {
    .id = "heap-pool",
    .title = "Objects of a sync.Pool that never come back",
    .headline = "objects of a sync.Pool do not come back",
    .what = "Objects that New made for sync.Pool.Get.",
    .why = "Get without Put makes a new object each time, and something keeps "
           "the old ones; or what is put back refers to more each time. The "
           "pool alone frees idle objects after two collections.",
    .infers = "From New called under (*Pool).Get. Whether Put is missing, or "
              "somebody keeps what he also put back, is not in a profile.",
    .decides = "Take the profile after two collections (?gc=1, twice): what "
               "falls was only the pool. A heap dump names the holder.",
    .alternatives = {"a pool filling up under rising load: falls after two "
                     "collections", "as many objects in use as requests in flight"},
    .fix = "defer pool.Put(x) right after Get on every path; reset x first "
           "(drop its pointers), do not put back buffers above a size cap, and "
           "keep no reference after Put.",
    .confirm = "seep leaks 'URL/heap?gc=1'   (falls after two collections?)",
    .leaking = "b := pool.Get().(*bytes.Buffer)\n"
               "render(b)\n"
               "if b.Len() == 0 {\n"
               "    return errEmpty // not put back\n"
               "}\n"
               "pool.Put(b) // grown buffers stay grown\n",
    .mended = "b := pool.Get().(*bytes.Buffer)\n"
              "defer func() {\n"
              "    if b.Cap() <= 64<<10 {\n"
              "        b.Reset()\n"
              "        pool.Put(b)\n"
              "    }\n"
              "}()\n",
    .worst = GRADE_STRONG,
    .needs = NEED_HEAP,
    .kinds = RULE_KIND(EVIDENCE_HEAP),
    .params = params_rows,
    .n_params = COUNT_OF(params_rows),
    .check = check,
};
