/*
 * Data reachable from a package variable for as long as the program runs,
 * inferred from initialisers, registries and metric vectors on the stack.
 */
#include "rules/match_private.h"

#include <string.h>

#include "base/banned.h"

static const struct match_name below[] = {
    {"github.com/prometheus/client_golang/prometheus.*",
     "Prometheus metrics: every new set of label values stays"                             },
    {"go.opentelemetry.io/otel/sdk/metric*",
     "OpenTelemetry metrics: every new set of attributes stays"                            },
    {"go.opencensus.io/stats/view.*",
     "OpenCensus views: every new set of tags stays"                                       },
    {"expvar.*",                                         "expvar: published variables stay"},
    {"sync.(*Once).*",                                   "a sync.Once: made once, for ever"},
};

static const char *const words[] = {"Registry", "Registrar", "Global",
                                    "Globals", "Singleton"};

/* "pkg.init" or "pkg.init.0". A closure made there ("pkg.init.func1") says
   nothing: handlers and workers are often such closures. */
static bool is_initialiser(const char *function)
{
    const char *slash = strrchr(function, '/');
    const char *dot = strchr(slash ? slash : function, '.');
    return dot && strncmp(dot, ".init", 5) == 0 &&
           (dot[5] == '\0' ||
            (dot[5] == '.' && dot[6] >= '0' && dot[6] <= '9'));
}

static const char *initialiser(const struct evidence *e)
{
    return e->has_site && is_initialiser(e->site.function) ? e->site.function
                                                           : NULL;
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    const struct match_name *row =
        match_called(e, below, COUNT_OF(below), params[0]);
    const char *init = initialiser(e);
    const char *name = match_word(e, words, COUNT_OF(words), 1, NULL);
    if (row) {
        match_evidence(out, "the line calls %s", row->what);
    } else if (init) {
        match_evidence(
            out, "%s belongs to a package's variables or initialiser", init);
    } else if (name) {
        out->headline = "a registry seems to grow without bound";
        match_evidence(out,
                       "inferred from the name %s alone: whether a package "
                       "variable holds them is not in the profile",
                       match_short_name(name));
        return match_heap(e, out, "were put into a registry, it seems");
    } else {
        return false;
    }
    return match_heap(e, out, "hang on a package variable, it seems");
}

static const struct rule_param params_rows[] = {
    {"min-share", "ratio", 0.5, 0.05, 1,
     "share of the growth that a registry allocated"},
};

const struct rule rule_heap_global = {
    .id = "heap-global",
    .title = "Data that a package variable keeps for ever",
    .headline = "a package variable keeps it all",
    .what = "Data added to something global: a registry, a metric with many "
            "label values, a variable set by an initialiser.",
    .why = "What a package variable reaches is in use until the program ends. "
           "Whatever is added and not removed is a leak.",
    .infers = "From registry or metric functions, or a package initialiser on "
              "the stack, or a name that says registry. A profile does not "
              "show variables.",
    .decides = "A heap dump names the variable at the root "
               "of the path.",
    .alternatives = {"a registry that fills up to a known size",
                     "the holder is no global, but lives as long"},
    .fix = "Keep data that grows out of package variables: pass it where it is "
           "used and let it end with its owner; bound label values; remove "
           "what was registered.",
    .confirm = "debug.WriteHeapDump(fd)   (which variable)",
    .leaking = "var history [][]byte\n"
               "\n"
               "func record(b []byte) {\n"
               "    history = append(history, b)\n"
               "}\n",
    .mended = "type Recorder struct{ last [1024][]byte; n int }\n"
              "\n"
              "func (r *Recorder) record(b []byte) {\n"
              "    r.last[r.n%len(r.last)] = b\n"
              "    r.n++\n"
              "}\n",
    .worst = GRADE_STRONG,
    .needs = NEED_HEAP,
    .kinds = RULE_KIND(EVIDENCE_HEAP),
    .params = params_rows,
    .n_params = COUNT_OF(params_rows),
    .check = check,
};
