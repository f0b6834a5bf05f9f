/* Entries of a map. */
#include "rules/dump_match_private.h"

#include <string.h>

#include "base/banned.h"

static bool check_sync_map(const struct evidence *e, struct rule_match *out)
{
    const struct dump_candidate *c = e->dump;
    double n_entries = 0;
    for (size_t i = c->at; i < c->way.n; i++) {
        const struct view_branch *b = c->way.rows[i]->branch;
        if (strstr(b->class_name, "sync.entry")) {
            n_entries = b->n_nodes > n_entries ? b->n_nodes : n_entries;
        }
    }
    out->headline = "entries of a sync.Map pile up";
    out->fix = "Delete(key) where the entry's life ends, or bound it: a "
               "sync.Map keeps what is stored until it is deleted.";
    if (n_entries > 0) {
        match_evidence(out, "%s entries", match_count(out, n_entries));
    }
    return dump_match_held(e, out, NULL);
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->dump->what == DUMP_HELD &&
        e->dump->container == CONTAINER_SYNC_MAP) {
        return check_sync_map(e, out);
    }
    if (e->dump->what != DUMP_HELD || e->dump->container != CONTAINER_MAP) {
        return false;
    }
    if (e->dump->has_map && e->dump->map.n_deleted > e->dump->map.n_entries) {
        out->headline = "a map keeps its room";
        out->fix = "Build a new map when most entries are gone: a map never "
                   "gives room back.";
    }
    return dump_match_held(e, out, NULL);
}

const struct rule rule_dump_map = {
    .id = "dump-map",
    .title = "A map that holds much of the heap",
    .headline = "map entries pile up",
    .what = "A map, its entries and what they hold: a cache, an index, a "
            "table of sessions.",
    .why = "A map holds key and value until they are deleted, and its own "
           "table never shrinks. Without deletion or a bound it grows with "
           "every new key.",
    .infers = "From the map in the dump: its name, its entries, its room, "
              "and whether what was allocated for it was ever freed.",
    .decides = "A second dump: more entries under the same load.",
    .alternatives = {"a cache that is as large as it is meant to be",
                     "an index of all there is, loaded once"},
    .fix = "Bound it: an LRU or a TTL for caches, delete(m, k) where the "
           "entry's life ends.",
    .confirm = "seep heap diff EARLIER LATER --exe BINARY",
    .leaking = "u := load(id)\n"
               "cache.users[id] = u // never deleted\n",
    .mended = "cache.users[id] = u\n"
              "if len(cache.users) > maxUsers {\n"
              "    cache.evictOldest()\n"
              "}\n",
    .worst = GRADE_SUSPECT,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
