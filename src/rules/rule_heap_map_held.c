/*
 * Objects kept by a map. Proto profiles drop the runtime's frames, so a map is
 * seen only through sync.Map, the runtime's map functions (text profiles with
 * the binary), or a block at the line that is replaced by one twice as large.
 */
#include "rules/match_private.h"

#include "base/banned.h"

static const struct match_name frames[] = {
    {"runtime.mapassign*",           "the runtime's map functions"},
    {"runtime.hashGrow*",            "the runtime's map functions"},
    {"runtime.makeBucketArray*",     "the runtime's map functions"},
    {"runtime.(*hmap).*",            "the runtime's map functions"},
    {"internal/runtime/maps.*",      "the runtime's map functions"},
    {"sync.(*Map).*",                "sync.Map"                   },
    {"internal/sync.(*HashTrieMap*", "sync.Map"                   },
};

static const char *const words[] = {"Cache", "Memo", "Memoize", "LRU"};

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    struct staircase stairs;
    const bool doubles =
        evidence_staircase(e, &stairs) && stairs.is_doubling && e->is_leaf_site;
    const struct match_name *row = match_any_frame(e, frames, COUNT_OF(frames));
    const bool has_frames =
        row && evidence_share_with(e, row->pattern) >= params[0];
    const char *name = match_word(e, words, COUNT_OF(words), 1, NULL);
    if (has_frames) {
        match_evidence(out, "the stack goes through %s", row->what);
    } else if (doubles) {
        match_evidence(out,
                       "one block was replaced by a larger one by doubling, %s "
                       "to %s, as a map's table is",
                       match_bytes(out, stairs.from_bytes),
                       match_bytes(out, stairs.to_bytes));
    } else if (name) {
        out->headline = "a cache seems to grow without bound";
        match_evidence(out,
                       "inferred from the name %s alone: which container holds "
                       "the objects is not in the profile",
                       match_short_name(name));
    } else {
        return false;
    }
    return match_heap(e, out, "were put into a map, it seems, and stay");
}

static const struct rule_param params_rows[] = {
    {"min-share", "ratio", 0.2, 0.01, 1,
     "share of the growth with the map functions on the stack"},
};

const struct rule rule_heap_map_held = {
    .id = "heap-map-held",
    .title = "Entries of a map that are never deleted",
    .headline = "map entries are never deleted",
    .what = "Objects put into a map (a cache, an index, a table of sessions).",
    .why = "A map holds key and value until they are deleted, and the map's "
           "own table never shrinks. Without deletion or a bound it grows with "
           "every new key.",
    .infers = "From sync.Map or the runtime's map functions on the stack, from "
              "a block that doubles at the same line, or from a name that says "
              "cache. Maps of Go 1.24 and later grow in equal blocks and show "
              "no doubling.",
    .decides = "A heap dump names the map and its length; a "
               "text profile (debug=1) keeps the runtime's frames.",
    .alternatives = {"a cache on its way to its bound",
                     "a store that grows by design, bounded by compaction or "
                     "retention you know of", "a slice that happened to double"},
    .fix = "Bound it: an LRU or a TTL for caches, delete(m, k) where the "
           "entry's life ends; build a new map now and then if it once was "
           "huge.",
    .confirm = "debug.WriteHeapDump(fd)   (which map, how many entries)",
    .leaking = "func (s *Store) Get(id int) *User {\n"
               "    if u, ok := s.m[id]; ok {\n"
               "        return u\n"
               "    }\n"
               "    s.m[id] = load(id) // never deleted\n"
               "    return s.m[id]\n"
               "}\n",
    .mended = "    s.m[id] = load(id)\n"
              "    if len(s.m) > maxUsers {\n"
              "        s.evictOldest()\n"
              "    }\n",
    .worst = GRADE_STRONG,
    .needs = NEED_HEAP,
    .kinds = RULE_KIND(EVIDENCE_HEAP),
    .params = params_rows,
    .n_params = COUNT_OF(params_rows),
    .check = check,
};
