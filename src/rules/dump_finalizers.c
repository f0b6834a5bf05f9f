/*
 * What finalizers keep. What waits for its turn is freed soon, unless the one
 * that runs never ends; an object with a finalizer that refers to itself is
 * never found dead.
 */
#include "rules/dump_private.h"

#include "base/banned.h"

static const struct root_group *group_of(const struct dump_candidate *c)
{
    const struct dump_row *top = dump_top(c);
    const struct root_group *g =
        top && !top->is_object && top->branch->sample > 0
            ? heap_group(c->dump->facts->graph, top->branch->sample - 1)
            : NULL;
    return g && g->kind == ROOT_FINALIZER ? g : NULL;
}

/* Is the object held by what it refers to, and by nothing else? */
static bool is_cycle(const struct dump_candidate *c, const struct root_group *g)
{
    const struct heap_facts *f = c->dump->facts;
    const object_id o = heap_object_at(f->graph, g->address);
    if (g->address == 0 || o.i == OBJECT_NONE.i) {
        return false;
    }
    const heap_node group = dump_top(c)->branch->sample;
    heap_node at = heap_node_of_object(f->graph, o);
    while (heap_is_reachable(f->dominators, at) && at != 0 && at != group) {
        at = heap_dominator(f->dominators, at);
    }
    return at == group;
}

void dump_find_finalizer(struct dump_candidate *c)
{
    const struct root_group *g = group_of(c);
    if (!g) {
        return;
    }
    if (c->container == CONTAINER_QUEUE) {
        c->finalizer = FINALIZER_QUEUE;
    } else if (span_starts(span_of(g->name), "finalizer of")) {
        c->finalizer = FINALIZER_CLOSURE;
    } else if (g->address == 0) {
        c->finalizer = FINALIZER_QUEUE;
    } else if (is_cycle(c, g)) {
        c->finalizer = FINALIZER_CYCLE;
    } else {
        c->finalizer = FINALIZER_NEXT;
        c->is_growing = false; /* the next collection queues it */
    }
}
