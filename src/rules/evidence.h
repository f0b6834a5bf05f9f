/*
 * What a rule may see: read-only views of one candidate, i.e. one thing that
 * grew (or is proven stuck), already judged by the statistics. A rule decides
 * only what kind of leak it looks like and says why.
 */
#ifndef SEEP_RULES_EVIDENCE_H
#define SEEP_RULES_EVIDENCE_H

#include "rules/finding.h"
#include "series/series.h"

enum evidence_kind {
    EVIDENCE_HEAP,         /* a heap site that grew */
    EVIDENCE_GOROUTINE,    /* a goroutine group that grew */
    EVIDENCE_LEAK_PROFILE, /* goroutines in Go's goroutineleak profile */
    EVIDENCE_DUMP_STATE,   /* goroutines in a state that nothing can end */
    EVIDENCE_COHORT,       /* goids of three dumps that never went away */
    EVIDENCE_MEMSTATS,     /* runtime figures that grew */
    EVIDENCE_HEAP_DUMP     /* what holds much in a heap dump */
};

/* The blocking operation at the leaf of a goroutine's stack. */
#define PRIMITIVES(X)                                                          \
    X(OTHER, "runs or waits")                                                  \
    X(CHAN_RECEIVE, "chan receive")                                            \
    X(CHAN_SEND, "chan send")                                                  \
    X(NIL_CHAN, "nil channel")                                                 \
    X(SELECT, "select")                                                        \
    X(SELECT_EMPTY, "select (no cases)")                                       \
    X(MUTEX, "sync.Mutex.Lock")                                                \
    X(RWMUTEX, "sync.RWMutex")                                                 \
    X(WAITGROUP, "sync.WaitGroup.Wait")                                        \
    X(COND, "sync.Cond.Wait")                                                  \
    X(SLEEP, "sleep")                                                          \
    X(IO_WAIT, "IO wait")                                                      \
    X(SYSCALL, "syscall")                                                      \
    X(COROUTINE, "coroutine")

enum primitive {
#define X(name, text) PRIMITIVE_##name,
    PRIMITIVES(X)
#undef X
        N_PRIMITIVES
};
const char *primitive_name(enum primitive p);

/* What the stack waits in, from its frames (leaf first): profiles keep the
   runtime's frames, dumps hide them. OTHER when the frames do not say. */
enum primitive primitive_of(const struct frame *leaf_first, size_t n);

/* The same for a goroutine of a dump: its wait reason ("chan receive (nil
   chan)", may be NULL) and its frames. */
enum primitive primitive_of_status(const char *status,
                                   const struct frame *leaf_first, size_t n);

/* Goroutines every healthy program has: what it is ("accept loop"), or NULL.
   Never a finding by how long they wait; by growth, only listeners are. */
const char *evidence_is_baseline(const struct frame *leaf_first, size_t n);

/* Those of the former that wait in Accept: as many as there are listeners,
   which a program may forget to close. */
bool evidence_is_listener(const struct frame *leaf_first, size_t n);

/* Goroutines that come and go with clients or up to a bound (idle keep-alive
   connections, the server's side of a connection): what it is, or NULL. At
   most suspect. */
const char *evidence_is_pool(const struct frame *leaf_first, size_t n);

/* Those of the pool that read for an HTTP client and have no request: a
   connection each that its Transport keeps for the next one. */
bool evidence_is_idle_client(const struct frame *leaf_first, size_t n);

struct dump_candidate;

/* One stack of the group, the stack that grew most first. Frames leaf first,
   all of them (runtime and std included), names as Go prints them. */
struct evidence_stack {
    const struct frame *frames;
    size_t n_frames;
    double first, last, delta; /* bytes, or goroutines */
    double objects_first, objects_last;
    const char *labels; /* "user=42 op=copy", NULL none */
};

/* Blocks of one size at a heap site. */
struct evidence_size {
    double block_bytes;
    double objects_first, objects_last;
};

struct evidence {
    enum evidence_kind kind;
    enum grade grade;         /* what statistics or proof allow */
    enum primitive primitive; /* goroutine kinds */
    const char *wait_status;  /* from debug=2, most common; NULL unknown */
    bool has_site;
    struct frame site; /* innermost user frame (or dependency's) */
    bool is_leaf_site; /* heap: the site itself allocates (no std below) */
    bool has_creator;
    struct frame creator;  /* from debug=2 */
    const char *operation; /* outermost user function below std, or NULL */
    const struct evidence_stack *stacks;
    size_t n_stacks;
    const struct evidence_size *sizes; /* heap; largest growth first */
    size_t n_sizes;
    struct trend trend;
    const char *memstat; /* EVIDENCE_MEMSTATS: field name */

    /* Cohort of goids, where dumps exist: of those seen in the first dump,
       how many were still there in the last. NAN unknown. */
    double cohort_first, cohort_left;
    double wait_minutes_max; /* longest wait in the last dump; NAN unknown */
    double wait_minutes;     /* median wait of the group there; NAN unknown */
    double wait_minutes_others; /* median of all other goroutines; NAN */

    /* Companions folded into this one: heap its goroutines hold, the other
       goroutines of the same request. */
    double companion_heap_bytes;
    double companion_goroutines;

    /* Growth, in objects, of what time.NewTicker and time.Tick allocated in
       the whole program; 0 unknown. */
    double ticker_objects_growth;

    /* The heap that http.Transports keep of their own grew by so much, and as
       much as one for each of these connections would; 0 it did not, or
       unknown. */
    double transport_bytes_growth;

    const struct dump_candidate *dump; /* EVIDENCE_HEAP_DUMP; else NULL */

    /* Of the whole program. */
    const struct series_about *about;
    double total_heap_growth_bytes;
    double total_goroutine_growth;
};

/* Frame tests over the first (largest) stack; names without version drift:
   exact function name, or a prefix ending in '*'. */
bool evidence_has_frame(const struct evidence *e, const char *pattern);

/* Does any stack of the group have it? */
bool evidence_any_frame(const struct evidence *e, const char *pattern);

/* Name of the std or dependency frame (not the runtime's) directly below the
   site in the first stack, or NULL: what the user's line called. */
const char *evidence_callee(const struct evidence *e);

/* Does one name fit one pattern (exact, or a prefix ending in '*')? */
bool evidence_name_fits(const char *name, const char *pattern);

/* Share of the group's growth (0..1) whose stacks have the pattern directly
   below the site, i.e. called by the user's line. */
double evidence_share_called(const struct evidence *e, const char *pattern);

/* Share of the group's growth whose stacks have it anywhere. */
double evidence_share_with(const struct evidence *e, const char *pattern);

/* One block that was replaced by larger ones at this site while the series
   ran: the mark of a map or slice that grows. False when there is none. */
struct staircase {
    double from_bytes, to_bytes;
    bool is_doubling; /* every step about 2: old maps, small slices */
};
bool evidence_staircase(const struct evidence *e, struct staircase *out);

/* Has the last element of a Go name (its function or method) or its receiver
   type this camel-case word? ("Register" in "bus.(*Hub).RegisterFunc") */
bool name_has_word(const char *function, const char *word);

#endif
