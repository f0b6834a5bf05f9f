/* The runtime's own figures, where heap profiles in text form carry them. */
#include "rules/match_private.h"

#include <string.h>

#include "base/banned.h"

struct figure {
    const char *name;
    const char *headline;
    const char *what;
    const char *hint;
};

static const struct figure figures[] = {
    {"HeapAlloc",   "the heap in use grows",             "bytes in use on the heap",
     "The heap profiles of the same window say which lines allocated it."},
    {"HeapObjects", "the number of objects grows",       "objects on the heap",
     "Many small objects: look for maps and lists in the heap profile by "
     "inuse_objects."                                                    },
    {"Stack",       "memory for goroutine stacks grows", "bytes of goroutine stacks",
     "More goroutines or deeper stacks: look at the goroutine profile."  },
    {"HeapInuse",   "spans in use grow",                 "bytes of spans in use",
     "If HeapAlloc stays flat, it is fragmentation, not a leak."         },
    {"Sys",         "memory from the system grows",      "bytes taken from the system",
     "If HeapAlloc stays flat, look at stacks, cgo and mmap."            },
};

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    for (size_t i = 0; e->memstat && i < COUNT_OF(figures); i++) {
        const struct figure *f = &figures[i];
        if (strcmp(e->memstat, f->name) != 0) {
            continue;
        }
        const bool is_count = strcmp(f->name, "HeapObjects") == 0;
        out->headline = f->headline;
        out->fix = f->hint;
        out->cause = arena_printf(out->arena, "%s: %s -> %s %s", f->name,
                                  is_count ? match_count(out, e->trend.first)
                                           : match_bytes(out, e->trend.first),
                                  is_count ? match_count(out, e->trend.last)
                                           : match_bytes(out, e->trend.last),
                                  f->what);
        return true;
    }
    return false;
}

const struct rule rule_memstats_growth = {
    .id = "memstats-growth",
    .title = "A figure of the runtime that only grows",
    .headline = "a figure of the runtime grows",
    .what = "HeapAlloc, HeapObjects or stack memory of runtime.MemStats.",
    .why = "After a collection these figures count what is still in use; in a "
           "steady service they end a long window where they began it.",
    .infers = "From the MemStats block of heap profiles in text form. They "
              "swing with the phase of the collector and name no line.",
    .decides = "The heap and goroutine profiles of the same window, or a "
               "longer one taken with ?gc=1.",
    .alternatives = {"the phase of the collector: last against first says "
                     "little", "load that rose during the window",
                     "a start-up that has yet to settle"},
    .fix = "Take heap and goroutine profiles over a longer window, under "
           "steady load, and look at what they name.",
    .confirm = "seep leaks DIR   (profiles name the line)",
    .leaking = "var seen = map[string]bool{}\n"
               "\n"
               "func handle(id string) { seen[id] = true }\n",
    .mended = "func handle(id string) { seen.Add(id) } // an LRU\n",
    .worst = GRADE_SUSPECT,
    .needs = NEED_MEMSTATS,
    .kinds = RULE_KIND(EVIDENCE_MEMSTATS),
    .check = check,
};
