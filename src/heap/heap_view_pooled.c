/*
 * What sync.Pools alone keep: all that their own structures dominate. It is
 * there to be used again, however little of it is in use.
 */
#include "heap/heap_dominators_private.h"
#include "heap/heap_view_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static bool is_of_pool(const char *class_name)
{
    static const char *const types[] = {"sync.poolLocal", "sync.poolChainElt",
                                        "sync.poolDequeue"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strstr(class_name, types[i])) {
            return true;
        }
    }
    return false;
}

static bool has_bit(const uint64_t *bits, uint32_t i)
{
    return (bits[i / 64] >> (i % 64) & 1) != 0;
}

static void set_bit(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

/* A dominator has a lower number than what it dominates. */
static void mark(const struct heap_view *v, const uint64_t *is_pool,
                 uint64_t *pooled)
{
    const struct flow_tree *tree = &v->f.dominators->tree;
    for (uint32_t i = 1; i < tree->n; i++) {
        const uint32_t c = v->class_of[tree->vertex[i]];
        if (has_bit(pooled, tree->idom[i]) ||
            (c != VIEW_NO_CLASS && has_bit(is_pool, c))) {
            set_bit(pooled, i);
        }
    }
}

bool view_find_pooled(struct heap_view *v, uint64_t **pooled)
{
    const size_t n_words = v->f.dominators->tree.n / 64 + (size_t)1;
    uint64_t *is_pool = calloc(v->classes.n / 64 + 1, sizeof *is_pool);
    bool is_any = false;
    *pooled = calloc(n_words, sizeof **pooled);
    for (uint32_t c = 0; is_pool && c < v->classes.n; c++) {
        if (is_of_pool(v->classes.items[c].name)) {
            set_bit(is_pool, c);
            is_any = true;
        }
    }
    const bool ok = is_pool && *pooled;
    if (ok && is_any) {
        mark(v, is_pool, *pooled);
    }
    free(is_pool);
    return ok;
}

bool view_is_pooled(const struct heap_view *v, const uint64_t *pooled,
                    object_id o)
{
    const uint32_t number = v->f.dominators->tree.number[view_node(v, o)];
    return flow_is_seen(number) && has_bit(pooled, number & ~FLOW_LEAF);
}
