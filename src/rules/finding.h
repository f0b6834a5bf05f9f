/*
 * The finding: one leak, with its proof and its next step. Ids, grades and
 * names are part of the JSON contract (docs: findings document); never rename
 * or reuse. All strings are NUL-terminated, UTF-8 as far as the input was, and
 * borrowed: from the findings' arena, what is said at rules_merge_runs(), or
 * static.
 */
#ifndef SEEP_RULES_FINDING_H
#define SEEP_RULES_FINDING_H

#include "profile/profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bit of a kind of profile in a set of them. */
#define PROFILE_BIT(kind) (1u << (unsigned)(kind))

/* In rising order. */
#define GRADES(X)                                                              \
    X(INFO, "info", "worth knowing, harmless as far as seen")                  \
    X(GROWTH, "growth", "it grew; two snapshots cannot say more")              \
    X(SUSPECT, "suspect", "a leak by most tests, or the window is too short")  \
    X(STRONG, "strong", "a leak by every test, with enough data")              \
    X(PROVEN, "proven", "a leak by construction; no statistics needed")

enum grade {
#define X(name, text, what) GRADE_##name,
    GRADES(X)
#undef X
        N_GRADES
};
const char *grade_name(enum grade g);

enum verdict {
    VERDICT_CLEAN,
    VERDICT_INCONCLUSIVE,
    VERDICT_GROWTH,
    VERDICT_LEAK
};
const char *verdict_name(enum verdict v);

/* Did a patch change this frame's line, or only its function? */
enum frame_touch { TOUCH_NONE, TOUCH_FUNCTION, TOUCH_LINE };

/* What a repository says of a frame; review/ sets it. */
struct frame_mark {
    const char *path;   /* in the repository, from its root, with '/'; NULL: it
                           is not there, or nothing says where */
    const char *module; /* "golang.org/x/net@v0.17.0", "std"; NULL unknown */
    bool is_generated;  /* "Code generated ... DO NOT EDIT." */
    enum frame_touch touch;
    uint64_t text; /* of sites: digest of the function's source without the
                      names that it has; 0 unknown */
};

/* A source position. `function` is never NULL; file may be "", line 0. */
struct frame {
    const char *function;
    const char *file;
    const char *package;
    int64_t line;
    enum frame_origin origin;
    const struct frame_mark *mark; /* NULL: no repository was asked */
    const char *was; /* the function's identity before it was renamed; NULL: it
                        was not, as far as known */
};

struct metric {
    const char *name; /* "inuse_space", "inuse_objects", "goroutines", ... */
    const char *unit; /* "bytes" or "count" */
    double first, last, delta;
    double per_hour, per_hour_low, per_hour_high; /* NAN = unknown */
    const double *series;
    size_t n_series;
};

/* NAN where a test was not made. */
struct finding_statistics {
    size_t points;
    double p, q, retention, z, sampled, relative_error;
};

/* The same leak over the targets of a fleet that could have it. Values are the
   last ones of the metric that ranks. */
struct finding_replicas {
    uint32_t n_with, n_targets;
    double rms; /* root of the mean square over those that have it */
    double min, median, max;
    const char *const *worst; /* names of targets, largest value first */
    size_t n_worst;           /* at most FINDING_WORST_MAX */
};
enum { FINDING_WORST_MAX = 20 };

/* What keeps it alive, from a heap dump. */
struct finding_holder {
    const char *name; /* "main.userCache", "main.Server.cache.users" */
    const char *type; /* "map[int]*main.User"; NULL unknown */
    const char *path; /* from a root down to what is held */
    /* By it alone, and by it and others. */
    double retained_bytes, retained_objects, reachable_bytes;
    double share; /* of all that is live: 0..1 */
};

/* A finding that somebody accepts, or that is known to be harmless: it is shown
   apart and does not count. */
struct finding_acceptance {
    const char *by;      /* ".seep.yml:12", "known:grpc" */
    const char *reason;  /* never NULL */
    const char *expires; /* "2026-12-31"; NULL never */
};

/* It was there before, when functions had other names: then `id` and `loose_id`
   are those it had, so that whoever follows it does not lose it. */
struct finding_rename {
    const char *from; /* what its site, or else a caller, was; NULL unknown */
    const char
        *by; /* how that is known: "patch", "source", "stacks", "baseline" */
    char id[17], loose_id[17]; /* by the names of now */
};

/* What a baseline knows of a finding that it has. */
struct finding_past {
    double level, per_hour; /* of the metric that ranks; NAN unknown */
    const char *moved_from; /* the id it had, when only the site is the same */
};

/* One run of a process that restarted, judged by itself. */
struct finding_run {
    uint32_t number, n_runs;      /* from 1, of how many */
    const char *first, *last;     /* the files that it goes from and to */
    uint32_t n_heap, n_goroutine; /* points used */
    uint32_t n_profiles;          /* of heaps, repeated states among them */
    double seconds;               /* its window; 0 unknown */
    bool is_judged;
    bool is_short; /* for a verdict, so that it was not judged */
    enum verdict verdict;
    unsigned kinds; /* PROFILE_BITs */
};

struct rule;

struct finding {
    char id[17], loose_id[17]; /* 16 hex digits each */
    const struct rule *rule;
    enum grade grade;
    enum profile_kind profile; /* heap, goroutine, goroutineleak, heapdump */
    const char *state;         /* "new", "existing", "worse", "fixed"; NULL */
    int64_t first_seen_nanos;  /* since 1970; 0 unknown */
    bool has_site;             /* memstats findings have none */
    struct frame site;
    bool has_creator;
    struct frame creator;
    const char *operation; /* NULL unknown */
    const struct frame *stack;
    size_t n_stack;
    const struct metric *metrics; /* the first one ranks */
    size_t n_metrics;
    struct finding_statistics statistics;
    const struct finding_holder *holder; /* NULL unknown */
    const char *headline; /* "goroutines wait on a channel receive" */
    const char *cause;
    const char *why;   /* where more is known than the rule says; else NULL */
    bool has_ended;    /* it grew and stopped: the rule's `why` says nothing */
    const char *doubt; /* the line of evidence that says why it is no more than
                          a suspicion; NULL none */
    const char **evidence;
    size_t n_evidence;
    const char **alternatives;
    size_t n_alternatives;
    const char *fix;
    const char *confirm;        /* a command or capture that would decide it */
    double rank_bytes_per_hour; /* lower bound of growth; sorts */
    const struct finding_replicas *replicas; /* NULL: of one target */
    const struct finding_run *run; /* of its figures; NULL: there is one */
    /* The rest is what review/ says; NULL when it was not asked. */
    const struct frame *primary; /* where a forge shows it, in `stack`, `site`
                                    or `creator`: the first frame that the patch
                                    touched, else the first of the repository */
    const struct frame *patched; /* the first frame that the patch touched */
    const struct finding_past *past;
    const struct finding_rename *renamed; /* NULL: not, as far as known */
    const struct finding_acceptance *accepted;
    const char *uncounted; /* why it does not fail a run all the same: "below
                              --min-bytes 8.0 MB"; NULL: it may */
};

/* Where it must be larger: where so much is there already that it would drown
   in what is normal there. */
struct limit_most {
    double amount;
    const char *at; /* function; NULL: nowhere, or not known */
};

struct limits {
    double heap_bytes; /* smallest leak this window could show; NAN none */
    double goroutines;
    struct limit_most heap_most, goroutines_most; /* of comparisons */
    const char *advice; /* "wait 4 more minutes", NULL when decided */
};

/* Time to out-of-memory under --limit. */
struct out_of_memory {
    bool asked;
    double limit_bytes;
    double seconds, seconds_low, seconds_high; /* NAN = not in sight */
};

/* What an id means; findings of another version have other ids. */
enum { FINDING_ID_VERSION = 1 };

/* Sorted: grade, then lower bound of growth, then id. */
struct findings {
    enum verdict verdict;
    unsigned kinds;        /* PROFILE_BITs of what was judged; 0 unknown */
    double window_seconds; /* 0 unknown */
    const char *program;   /* base name of its binary; NULL unknown */
    bool is_comparison;    /* of two groups: what both have is not found */
    bool has_lost;         /* an input was skipped: what is not found says less;
                              the caller knows */
    bool is_open;          /* something cannot be decided, so that nothing found
                              is inconclusive, never clean */
    const char *unchecked; /* why not all of the baseline could be asked for: no
                              pass where only what is new counts; NULL */
    struct finding *items;
    size_t n;
    struct limits limits;
    struct out_of_memory oom;
    const struct finding_run *runs; /* all there are, where it restarted */
    size_t n_runs;
    uint32_t n_within_noise; /* sites that grew, but not beyond noise */
    uint32_t n_below_limits; /* beyond noise, too small to count */
    const char **notes;
    size_t n_notes;
    struct arena arena; /* owns all above, but of merged runs what is theirs:
                           `runs`, and what the findings of each run own */
};

void findings_release(struct findings *f);

/* The ids of a finding whose functions have the names of now, or those that
   they had before (frame.was). */
struct finding_ids {
    char id[17], loose_id[17];
};
bool finding_identify(const struct finding *f, bool by_past_names,
                      struct finding_ids *out, struct err *err) MUST_USE;

/* Gives the finding the ids that it had, and `renamed`, if any of its frames
   was called otherwise; else nothing. `by` is borrowed. */
bool finding_take_past_ids(struct finding *f, const char *by,
                           struct arena *arena, struct err *err) MUST_USE;

/* One more line for people behind the notes; `text`, which lives as long as
   the findings, is no memory when it is NULL. */
bool findings_note(struct findings *f, const char *text,
                   struct err *err) MUST_USE;

#endif
