/* What a pool keeps for reuse. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

static const char *const types[] = {"sync.Pool", "sync.poolLocal",
                                    "sync.poolLocalInternal", "sync.poolChain*",
                                    "sync.poolDequeue"};

static bool is_pool(const struct dump_candidate *c)
{
    struct dump_candidate all = *c;
    all.at = 0; /* what is pooled hangs below the pool's own structures */
    return c->what == DUMP_HELD && c->way.n > 0 &&
           dump_match_types(&all, types, COUNT_OF(types)) != NULL;
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (!is_pool(e->dump)) {
        return false;
    }
    return dump_match_held(e, out,
                           "what was put back is kept for two collections");
}

const struct rule rule_dump_pool = {
    .id = "dump-pool",
    .title = "A sync.Pool that keeps large things",
    .headline = "a pool keeps large things",
    .what = "Objects in a sync.Pool, most often buffers that grew once and "
            "were put back.",
    .why = "A pool keeps what is put into it over the next collection. When "
           "one large buffer goes in for every small need, the pool is as "
           "large as its largest use, times the number of processors.",
    .infers = "From the pool's own structures on the way to what is held.",
    .decides = "A dump after two collections without load: a pool is empty "
               "then, a leak is not.",
    .alternatives = {"a peak of load just before the dump",
                     "buffers that are large because they have to be"},
    .fix = "Do not put back what grew too large (cap(b) > max); put back in "
           "every path, and only once.",
    .confirm = "take the dump after runtime.GC() twice, without load",
    .leaking = "buf.Write(huge)\n"
               "pool.Put(buf) // from now on each Get may be huge\n",
    .mended = "if buf.Cap() <= maxPooled {\n"
              "    pool.Put(buf)\n"
              "}\n",
    .worst = GRADE_SUSPECT,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
