/*
 * What the files of the engine share: rows with their site and owner, and the
 * unit, i.e. one group of rows that is tested as one thing. Everything here
 * lives in `struct judge` for the time of one rules_judge() call.
 */
#ifndef SEEP_RULES_JUDGE_PRIVATE_H
#define SEEP_RULES_JUDGE_PRIVATE_H

#include "base/arena.h"
#include "base/vec.h"
#include "rules/rules.h"

#define NO_FUNC UINT32_MAX

/* Fewer sampled objects of growth cannot be told from sampling noise: a pure
   accumulator has z = sqrt(growth), and 3 is asked. */
enum { HEAP_SAMPLES_MIN = 9 };

/* What a row's frames say, found once a row. Function ids are series'. */
struct row_facts {
    uint32_t site; /* innermost user (else dependency) function */
    uint32_t site_line;
    uint32_t site_at;   /* index of its frame */
    uint32_t operation; /* last user function before std, from the site out */
    uint32_t leaf;      /* innermost function that is not the runtime's */
    uint32_t outermost;
    uint8_t primitive;   /* enum primitive */
    bool is_known;       /* the row was looked at */
    bool is_user;        /* site is user code, not a dependency */
    bool is_baseline;    /* healthy by itself, however long it waits */
    bool is_listener;    /* of the baseline, but may grow without end */
    bool is_pool;        /* comes and goes with peers: at most suspect */
    bool is_idle_client; /* waits for the next request of an HTTP client */
    bool is_profiler;
    bool is_ticker;    /* time.NewTicker or time.Tick allocated here */
    bool is_transport; /* what an http.Transport keeps, made at its first use */
    bool is_context;   /* the site calls context.With... */
};

/* Why a unit is not strong; bits. */
enum unit_fault {
    FAULT_SMALL = 1,      /* growth below materiality: not tested at all */
    FAULT_TREND = 2,      /* no significant rise among all that was tested */
    FAULT_NOISE = 4,      /* growth within its own noise */
    FAULT_FREED = 8,      /* most of it is freed again */
    FAULT_SLOWING = 16,   /* growth slows down: warm-up */
    FAULT_LOAD = 32,      /* follows the load */
    FAULT_MIGRATION = 64, /* the total, or the leaf's total, stays flat */
    FAULT_BURST = 128,    /* came in one or two steps */
    FAULT_FALLS = 256,    /* fell back by much in between */
    FAULT_SHORT = 512,    /* too few points */
    FAULT_POOL = 1024,    /* bounded by peers */
    FAULT_SHARED = 2048,  /* explained by another unit */
    FAULT_NO_GC = 4096,   /* nothing was freed anywhere: no GC ran */
    FAULT_AGE = 8192,     /* dumps: the grown ones are all young */
    FAULT_LEVEL = 16384,  /* growth ended in the window: nothing since */
    FAULT_LATE = 32768,   /* rose in the last part of the window only */
    FAULT_BLOCK = 65536   /* one block that grows: steps, and no count */
};

VEC_TYPE(unit_rows, uint32_t)

/* One group judged as one thing. */
struct unit {
    enum series_plane plane;
    enum evidence_kind kind;
    uint32_t func;      /* site; outermost function where there is none */
    uint32_t operation; /* NO_FUNC unknown */
    uint32_t line;      /* 0 = the whole function */
    enum primitive primitive;
    bool has_site, is_user, is_parent, is_pool;
    bool is_idle_client;
    bool is_std; /* no frame of user or dependency */
    struct unit_rows rows;
    struct trend trend;
    unsigned faults;
    enum grade grade;
    bool is_candidate; /* will become a finding */
    struct unit *explained_by;
    double companion_heap_bytes, companion_goroutines;
    const char *wait_status;
    double cohort_first, cohort_left;
    double wait_minutes_max, wait_minutes, wait_minutes_others;
    bool has_creator;
    struct series_frame creator;
    const char *memstat;
    const char *note; /* one more line of evidence */
    bool has_opener;  /* std-only: user code that calls this part of std */
    uint32_t opener_row;
};
VEC_TYPE(units, struct unit *)

struct memory_program;

struct judge {
    const struct series *s;
    const struct rules_options *options;
    struct arena *arena;           /* the findings' */
    struct arena work;             /* of this judgement: arrays behind trends */
    struct memory_program *memory; /* NULL none */
    struct span module;
    uint8_t *origin; /* per func: enum frame_origin, 255 unknown */
    struct row_facts *rows;
    uint32_t n_rows;
    struct units units;
    struct series_frames frames; /* scratch */
    double ticker_growth;        /* objects of time.NewTicker and time.Tick */
    double transport_growth;     /* bytes */
    double load_ratio, p_load;   /* last third over first; MK of its rate */
    size_t n_loads;              /* intervals whose load is known */
    const double *load; /* bytes allocated up to each point of the goroutine
                           plane: the program's work; NULL unknown */
    double total_heap_growth, total_goroutine_growth;
    bool no_gc;
    uint32_t n_within_noise;
    const char *block_note; /* of a large block that is new, or larger */
    const char *finalizer_note;
    struct series_matrix goroutines[2]; /* whole functions, lines: what their
                                           trends borrow */
};

/* Seconds between the first and the last point; 0 below two points. */
static inline double trend_span(const struct trend *t)
{
    return t->n > 1 ? t->seconds[t->n - 1] - t->seconds[0] : 0;
}

/* rows.c: fills judge.rows for every row some point holds. */
bool judge_rows(struct judge *j, struct err *err) MUST_USE;

/* Frames of a row as rules see them, in the judge's arena. */
bool judge_frames(struct judge *j, uint32_t row, struct frame **out, size_t *n,
                  struct err *err) MUST_USE;

/* A new unit owned by the judge; NULL when memory is out. */
struct unit *judge_unit(struct judge *j, enum series_plane plane,
                        enum evidence_kind kind, struct err *err);

/* gates.c: is the growth too small to matter? Needs trend_measure_ends()
   only. What is small is not tested: nearly everything in a healthy program,
   and the tests cost a hundred times more. */
bool gate_is_small_heap(const struct judge *j, const struct trend *t);
bool gate_is_small_goroutine(const struct trend *t);

/* The decision from a measured trend. `faults` may come with bits set; sets
   faults and grade. */
void gate_heap(const struct judge *j, struct unit *u);
void gate_goroutine(const struct judge *j, struct unit *u);

/* judge_finalizers.c: sets finalizer_note. */
void judge_finalizers(struct judge *j);

/* judge_heap.c, judge_goroutine.c, judge_proof.c, judge_memstats.c: add
   units. Goroutines come after heap: they use its load. */
bool judge_heap(struct judge *j, struct err *err) MUST_USE;
bool judge_goroutines(struct judge *j, struct err *err) MUST_USE;
bool judge_proof(struct judge *j, struct err *err) MUST_USE;
bool judge_memstats(struct judge *j, struct err *err) MUST_USE;

/* judge_transports.c: how much more of their own the heap's http.Transports
   keep; and did one come with each connection of a group that grew? */
void judge_transports(struct judge *j);
bool judge_has_transport_each(const struct judge *j, const struct trend *t);

/* judge_tickers.c: how many more tickers the heap holds. */
void judge_tickers(struct judge *j);
bool judge_is_ticker_row(const struct judge *j, uint32_t row);

/* judge_dumps.c: what goroutine dumps say of the goroutine units: states,
   creators, cohorts, ages. */
bool judge_dumps(struct judge *j, struct err *err) MUST_USE;

/* cluster.c: one leak, one finding. */
bool judge_cluster(struct judge *j, struct err *err) MUST_USE;

/* finding.c: a unit becomes a finding. */
bool finding_of_unit(struct judge *j, const struct unit *u, struct finding *out,
                     struct err *err) MUST_USE;

/* Benjamini-Hochberg over the trends of these units: fills q. */
bool judge_q(struct unit *const *units, size_t n, struct err *err) MUST_USE;

#endif
