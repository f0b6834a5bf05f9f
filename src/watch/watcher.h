/*
 * The watch: schedule -> fetch -> history step -> judgement -> store -> events.
 * Single-threaded and driven from outside: watcher_run() does what is ready
 * and says what happened through one callback. It reads no clock and no
 * environment: times are arguments. One watcher serves one target (`seep leaks
 * URL`) and ten thousand.
 */
#ifndef SEEP_WATCH_WATCHER_H
#define SEEP_WATCH_WATCHER_H

#include "fetch/fetch.h"
#include "rules/rules.h"
#include "series/series.h"
#include "store/store.h"
#include "watch/targets.h"

struct watcher;

/* When a debug=2 dump, which stops the world, may be asked for. */
enum watch_dumps {
    WATCH_DUMPS_NEVER,
    WATCH_DUMPS_SMALL, /* of services with at most 1,000 goroutines */
    WATCH_DUMPS_ALWAYS
};

struct watch_options {
    struct fetch_http_options http;
    struct fetch_retry retry;
    int64_t interval_ns;
    double jitter;
    uint64_t seed;
    bool collects; /* ?gc=1 for heap profiles */
    bool has_heap, has_goroutine, has_leak_profile; /* what is fetched */
    enum watch_dumps dumps;
    uint32_t per_host_max, in_flight_max; /* requests at once */
    uint64_t
        answers_bytes_max; /* memory of all answers under way; 0 = 512 MiB */
    uint32_t moments_max;  /* kept a target; 0 = default */
    bool begins_at_once;   /* first ticks now, not spread over an interval */
    uint64_t moments_each; /* ends a target after so many, taken or missed;
                              0 = never */
    const char *module;
    const struct rules_options *rules;
    struct store *store;     /* NULL none; borrowed. Retention is kept, too */
    int64_t (*cpu_ns)(void); /* CPU time of this thread, to count what decoding
                                takes; NULL: not counted */
};

enum watch_event_kind {
    WATCH_ADDED, /* a target joined */
    WATCH_REMOVED,
    WATCH_MOMENT,    /* a set of snapshots was taken */
    WATCH_MISSED,    /* it failed, or a profile of it: `failure`, `text` */
    WATCH_RECOVERED, /* taken again after misses */
    WATCH_SKIPPED,   /* a tick was dropped: the one before still runs */
    WATCH_RESTART,   /* a new series began; `text`: why, if the process is the
                        one it was */
    WATCH_DEPLOY,
    WATCH_FINDING,   /* new, or of another grade than before */
    WATCH_CONFIRMED, /* a finding is proven, or strong and stays so while its
                        window doubles (ten moments at most): once each */
    WATCH_GONE,      /* a finding is no longer seen */
    WATCH_HINT,      /* `text`: goroutineleak is not served, ... */
    N_WATCH_EVENTS
};
const char *watch_event_name(enum watch_event_kind k); /* "moment", ... */

struct watch_event {
    enum watch_event_kind kind;
    uint32_t target;
    int64_t wall_nanos;
    const char *profile; /* "heap"; NULL when of the target */
    enum fetch_failure failure;
    const char *text;
    const struct finding *finding; /* lent */
    enum grade before;             /* GRADE_INFO: was not there */
};
typedef void (*watch_on_event)(void *ctx, const struct watch_event *e);

bool watcher_new(const struct watch_options *o, watch_on_event on_event,
                 void *ctx, struct watcher **out, struct err *err) MUST_USE;
void watcher_free(struct watcher *w);

/* The targets from now on: those that are new join, those that are missing
   leave, the others go on. Copied. History of a target that the store knows
   is taken up again. */
bool watcher_set_targets(struct watcher *w, const struct watch_targets *t,
                         int64_t mono_ns, int64_t wall_nanos,
                         struct err *err) MUST_USE;

/* Begins what is due, takes what has arrived, waiting at most `wait_ms` for
   something to happen, and judges some of those whose turn it is. A turn has a
   bounded part in each, so that the caller's clock stays fresh: call again when
   watcher_next_ns() has come. Fails for lack of memory and the like only: a
   target's failures are events, a store's see watcher_store_trouble(). */
bool watcher_run(struct watcher *w, int64_t mono_ns, int64_t wall_nanos,
                 int wait_ms, struct err *err) MUST_USE;

/* For a caller with descriptors of its own. */
int watcher_fd(const struct watcher *w);
int64_t watcher_next_ns(const struct watcher *w); /* when next due */
/* May the caller let answers gather for some hundredths of a second, and take
   them together? Not with few targets, and not where others wait for them. */
bool watcher_may_gather(const struct watcher *w);
size_t watcher_n_in_flight(const struct watcher *w);

/* Begins nothing new from now on; watcher_run() goes on until nothing is in
   flight. */
void watcher_drain(struct watcher *w);

/* Judges what has not been judged since its last moment. At the end. */
bool watcher_judge_all(struct watcher *w, int64_t wall_nanos,
                       struct err *err) MUST_USE;

/* --- what is known of a target --- */

struct watch_about {
    const struct watch_target *target;
    bool is_gone;    /* left; its last state is kept until the end */
    bool is_ended;   /* has all its moments */
    bool is_failing; /* the last tick was missed */
    enum fetch_failure failure;
    const char *failure_text; /* "" none */
    int64_t last_nanos;       /* of the last moment taken; 0 none */
    uint64_t n_moments, n_missed, n_skipped, n_repeats;
    double heap_bytes, goroutines;             /* last; NAN unknown */
    double heap_first_bytes, goroutines_first; /* of the run */
    const struct findings *findings; /* last judgement; NULL none yet */
    enum grade grade;                /* the highest; GRADE_INFO none */
    struct history_about history;
};
size_t watcher_n_targets(const struct watcher *w);
void watcher_about(const struct watcher *w, uint32_t target,
                   struct watch_about *out);
/* The gravest finding of the last judgement that was confirmed, now or by an
   earlier watch into the store, and is strong still; NULL none. */
const struct finding *watcher_confirmed(const struct watcher *w,
                                        uint32_t target);
const struct history *watcher_history(const struct watcher *w, uint32_t target);
struct stack_table *watcher_table(struct watcher *w);

/* A finished series of what is kept of a target. Free with series_free(). */
bool watcher_series(struct watcher *w, uint32_t target, struct series **out,
                    struct err *err) MUST_USE;

/* One request beside the schedule: a debug=2 dump as evidence. `done` gets
   the bytes' end as fetch's does. */
bool watcher_ask(struct watcher *w, uint32_t target, const char *profile,
                 unsigned debug, struct sink sink, void *ctx,
                 void (*done)(void *ctx, const struct fetch_result *r),
                 struct err *err) MUST_USE;

/* Why the store takes nothing at present; NULL: it works, or there is none. The
   watch goes on without it and tries again every ten seconds; what was not
   stored by then is counted, and missing in it. */
const char *watcher_store_trouble(const struct watcher *w);
/* What was wrong first; NULL nothing ever was. */
const char *watcher_store_trouble_first(const struct watcher *w);

/* --- figures of the whole --- */

enum { WATCH_BUCKETS = 14 }; /* latency, seconds: .001 .0025 .005 ... 30 +Inf */
struct watch_counts {
    uint64_t n_requests[FETCH_N_FAILURES]; /* by what became of them */
    uint64_t n_bytes, n_moments, n_missed, n_skipped, n_retries, n_judgements;
    uint64_t latency[WATCH_BUCKETS];
    double latency_seconds;
    uint64_t lateness[WATCH_BUCKETS]; /* started after due */
    double lateness_seconds;
    int64_t decode_cpu_ns;  /* inflating and decoding answers */
    uint64_t n_unstored;    /* moments that the store did not take */
    uint64_t answers_bytes; /* memory of what is under way */
    uint32_t n_targets, n_failing;
    uint64_t n_findings[N_GRADES]; /* open now */
    size_t state_bytes, table_bytes;
    uint32_t n_rows;
};
void watcher_counts(const struct watcher *w, struct watch_counts *out);
extern const double watch_bucket_seconds[WATCH_BUCKETS - 1];

#endif
