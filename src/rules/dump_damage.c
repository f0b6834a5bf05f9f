/*
 * Is all of a dump there? It may have been cut off, or have stretches that
 * nobody can read; and WriteHeapDump does not notice a full disk, so that
 * records may be missing where nothing looks damaged: then there is less than
 * the runtime counted and pointers lead to what is not there, or fewer
 * goroutines than it lists. What a missing part held may be anything.
 */
#include "rules/dump_private.h"

#include "base/banned.h"

/* Real dumps agree with MemStats to the byte, unless a collection had garbage
   left to free: MemStats counts that, and the dump begins by freeing it.
   Nothing points to it. */
static const double missing_max = 0.01;

double rules_dump_missing(const struct heap_about *a)
{
    const bool has_lost = a->n_to_lost > 0 || a->n_objects == 0;
    if (!has_lost || !a->has_memstats ||
        a->memstats->heap_alloc <= a->object_bytes) {
        return 0;
    }
    const double all = (double)a->memstats->heap_alloc;
    const double missing = (all - (double)a->object_bytes) / all;
    return missing > missing_max ? missing : 0;
}

bool rules_dump_is_whole(const struct dump_evidence *e)
{
    const struct heap_about *a = heap_graph_about(e->facts->graph);
    return !a->condition.is_truncated && a->condition.n_damaged == 0 &&
           a->n_lost_goroutines == 0 && rules_dump_missing(a) == 0;
}

void rules_see_damage(const struct dump_evidence *e, struct findings *f)
{
    if (rules_dump_is_whole(e)) {
        return;
    }
    f->has_lost = true;
    f->is_open = true;
    f->limits.advice = "take the dump again: not all of it is there";
    if (f->verdict == VERDICT_CLEAN) {
        f->verdict = VERDICT_INCONCLUSIVE;
    }
}
