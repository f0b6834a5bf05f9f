/*
 * Front header of rules/: the leak rules and the engine.
 *
 * A rule is one file rule_<name>.c with one `const struct rule`, and one row
 * RULE(<name>) in rules.def. The order of the rows decides which rule names a
 * candidate that several fit: the first whose check says yes.
 */
#ifndef SEEP_RULES_RULES_H
#define SEEP_RULES_RULES_H

#include "base/err.h"
#include "rules/dump_rules.h" /* IWYU pragma: export */
#include "rules/evidence.h"
#include "rules/finding.h"
#include "series/series.h"

/* What a rule needs to be able to speak; the engine says what was skipped. */
enum rule_need {
    NEED_HEAP = 1,         /* a series of heap profiles */
    NEED_GOROUTINE = 2,    /* a series of goroutine profiles */
    NEED_LEAK_PROFILE = 4, /* a goroutineleak profile */
    NEED_DUMPS = 8,        /* goroutine dumps (debug=2) */
    NEED_MEMSTATS = 16,    /* heap profiles in text form */
    NEED_HEAP_DUMP = 32    /* a heap dump */
};

struct rule_param {
    const char *name; /* kebab-case */
    const char *unit; /* "goroutines", "bytes", "ratio", ... */
    double value, min, max;
    const char *help;
};

/* What a rule writes about a candidate that fits. Strings live in `arena`
   (arena_printf); missing parts fall back to the rule's own texts. */
enum { MATCH_LINES_MAX = 8 };
struct rule_match {
    struct arena *arena;
    const char *headline; /* what a person reads first, no numbers */
    const char *cause;
    const char *why; /* of another rule that knows it */
    const char *fix;
    const char *confirm;
    const char *evidence[MATCH_LINES_MAX];
    size_t n_evidence;
    const char *alternatives[MATCH_LINES_MAX];
    size_t n_alternatives;
};

struct rule {
    const char *id;              /* final, kebab-case */
    const char *title;           /* <= 60 columns, no full stop */
    const char *headline;        /* default for match.headline */
    const char *what;            /* what leaks */
    const char *why;             /* why it can never be freed */
    const char *infers;          /* what the rule infers, from what */
    const char *decides;         /* what would decide it */
    const char *alternatives[4]; /* what else fits; NULL-terminated */
    const char *fix;
    const char *confirm;
    const char *leaking; /* a few lines of Go that leak */
    const char *mended;  /* and mended */
    enum grade worst;    /* highest grade the rule may give */
    unsigned needs;      /* enum rule_need bits */
    unsigned kinds;      /* bit per enum evidence_kind it judges */
    const struct rule_param *params;
    size_t n_params;

    /* Pure: no I/O, clock, globals. True when the candidate fits. `params`
       has n_params values in the order of the rows. */
    bool (*check)(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out);
};

#define RULE_KIND(kind) (1u << (kind))

/* All rules in order; borrowed, static. */
const struct rule *const *rules_all(size_t *n);
const struct rule *rules_find(const char *id); /* NULL: no such rule */

/* Overrides from `--set id.param=value`. */
struct rules_setting {
    const char *rule, *param;
    double value;
};

/* What stacks of one shared table say (whose code, what they wait in), kept
   from judgement to judgement: for those who judge often. Findings are the
   same with it and without. Free it before the table. */
struct rules_memory;
struct rules_memory *rules_memory_new(void); /* NULL: out of memory */
void rules_memory_free(struct rules_memory *m);
size_t rules_memory_bytes(const struct rules_memory *m);

struct rules_options {
    const struct rules_setting *settings;
    size_t n_settings;
    double memory_limit_bytes;   /* --limit; 0 = not asked */
    struct rules_memory *memory; /* NULL none; unused where no table is shared
                                  */
};

/* The pure step: everything the series says, as findings. */
bool rules_judge(const struct series *s, const struct rules_options *options,
                 struct findings *out, struct err *err) MUST_USE;

/* The runs of a process that restarted, each judged by itself. */
struct runs_judged {
    const struct finding_run *runs; /* all of them, in order of time */
    const struct findings *of;      /* of each; empty where none was judged */
    size_t n;
    size_t n_past; /* of them, from the first: too short or not, they say
                      nothing of what is asked about */
    /* Is it too small to count, whatever its grade? NULL: nothing is. */
    bool (*is_below)(const void *ctx, const struct finding *f);
    const void *ctx;
};

/* What they have together: a leak of any run is there, and what one of them
   could not show, none of them did. `out` borrows `runs` and, of `of`, the
   texts and parts of its findings: none of them is released before it. */
bool rules_merge_runs(const struct runs_judged *r, struct findings *out,
                      struct err *err) MUST_USE;

/* What makes a change count in a comparison of two groups. */
struct rules_diff_options {
    double min_z;          /* growth over its noise */
    double min_bytes;      /* of a heap site */
    double min_goroutines; /* of a goroutine site */
    double min_growth;     /* over the base: 0.1 is 10 %; with both others */
};

/* The same for a comparison: statistics give at most `growth`, or with at
   least three independent profiles a side `strong`. With several profiles a
   side a site counts when head is higher by more than the runs differ, and with
   calibration runs when it grew by more than those do. What fell by as much as
   would count is told with the state "fixed". */
bool rules_judge_diff(const struct series_diff *d,
                      const struct rules_diff_options *options,
                      struct findings *out, struct err *err) MUST_USE;

#endif
