/*
 * The state of a simulated process, for what moves it (world.c,
 * population.c, bucket.c) and for what writes it (export_*.c, image.c).
 *
 * Objects are counted, not stored: a population knows how many entries live
 * and how many objects of each member are in the profiler's sample (each was
 * taken with probability 1 - exp(-size / rate), independently, as Go does).
 * Entries with goroutines are stored one by one, since dumps name them.
 *
 * Time passes in steps that end at garbage collections or where the caller
 * wants to look; within a step arrivals are Poisson, deaths binomial.
 */
#ifndef SEEP_SIM_WORLD_PRIVATE_H
#define SEEP_SIM_WORLD_PRIVATE_H

#include "sim/model_private.h"
#include "sim/random_private.h"

/* Cycles of runtime's memRecord: what is allocated in cycle c is published
   with c + 2, what is freed with c + 1, so that a profile shows the heap as
   of one moment: the end of the mark phase before the last. `sampled` counts
   are the profiler's, `all` is the truth of the same moment. */
struct sim_cycle {
    uint64_t allocs, frees;
    uint64_t all_allocs, all_frees;
};

enum { SIM_FUTURE_CYCLES = 3 };

/* One (stack, size) of the memory profile. */
struct sim_bucket {
    sim_stack_id stack;
    uint64_t bytes; /* size class */
    double p;       /* chance of an object to be sampled */
    bool is_seen;   /* something was sampled once: the record exists */
    uint32_t seen;  /* n-th record a heap profile showed, from 1; 0 not yet
                       (export_heap.c numbers them) */
    struct sim_cycle active, future[SIM_FUTURE_CYCLES];
    uint64_t live, live_sampled; /* reachable now */
    uint64_t dead, dead_sampled; /* garbage until the next collection */
};
VEC_TYPE(sim_buckets, struct sim_bucket)

/* An entry that has goroutines. Its goroutines have ids first_goid ... */
struct sim_one {
    int64_t born_ns, dies_ns; /* INT64_MAX: never */
    uint64_t first_goid, parent_goid;
    uint64_t salt;                     /* for poses and labels */
    uint16_t sampled[SIM_MEMBERS_MAX]; /* objects of member i in the sample */
    uint8_t sudogs; /* bit per goroutine: its sudog is in the sample */
};
VEC_TYPE(sim_ones, struct sim_one)

/* Entries of about one age. Only lives with a memory need more than one. */
struct sim_cohort {
    int64_t born_ns; /* middle of the step */
    uint64_t n;
    uint64_t sampled[SIM_MEMBERS_MAX];
};
VEC_TYPE(sim_cohorts, struct sim_cohort)

struct sim_population {
    struct sim_population_spec spec;
    struct sim_random random;
    uint32_t buckets[SIM_MEMBERS_MAX];
    uint32_t sudog_buckets[SIM_GOROUTINES_MAX]; /* UINT32_MAX none */
    uint64_t n;                                 /* entries alive */
    struct sim_cohorts cohorts; /* when it has no goroutines; oldest first */
    struct sim_ones ones;       /* when it has */
    int64_t next_death_ns;      /* of them: nobody is due before */
    double backlog;             /* fraction of an arrival carried on */
    /* Arrivals there should have been: so far, up to the last collection, and
       up to the one whose state the heap profile shows. */
    double expected, expected_at_gc, expected_shown;
    /* The container's backing array: entries it has room for, and its
       objects, one (slice, map before 1.24) or tables of equal size. */
    uint64_t room;
    uint32_t array_bucket; /* UINT32_MAX none */
    uint64_t n_arrays;
    uint32_t array_header_bytes; /* 8: a type word in front, Go 1.22 */
    uint64_t arrays_sampled;
};
VEC_TYPE(sim_populations, struct sim_population)

struct sim_world {
    struct sim_options options;
    struct sim_quirks quirks;
    struct sim_code code;
    struct arena arena;
    struct err err; /* sticky, of builders */
    bool has_failed;

    struct sim_buckets buckets;
    struct intern bucket_keys;
    struct sim_populations populations;
    struct sim_random random;

    bool has_restarted;  /* as the scenario's quirk asks */
    unsigned generation; /* restarts so far */
    int64_t started_ns;  /* of this process, in the world's time */
    int64_t now_ns;      /* since the world's start */
    int64_t rate_bytes;  /* MemProfileRate now */
    double noise_log;    /* logarithm of the load's present noise */

    /* collector */
    uint32_t cycle; /* of the profile */
    uint64_t n_gc, n_forced;
    int64_t last_gc_ns;  /* world time; -1 before the first */
    double marked_bytes; /* live after the last mark */
    double goal_bytes;   /* next collection starts at so much heap */
    double heap_bytes;   /* reachable and garbage */
    double total_alloc_bytes;
    uint64_t mallocs, frees;
    double peak_heap_bytes, heap_sys_bytes;
    int64_t gc_starts_ns[256]; /* ring: waits are counted from them */

    /* goroutines */
    uint64_t next_goid;
    uint64_t n_goroutines, most_goroutines; /* of populations; beside main */
    uint32_t malg_bucket;

    /* looks */
    double cpu_seconds; /* of the next CPU profile; 0 = as Go's default */
    uint64_t n_looks[N_SIM_PROFILES];
    uint32_t profiler_bucket; /* what writing profiles allocates */
    uint32_t n_seen;          /* buckets with a number in `seen` */
    /* What was given last, by profile and debug, for duplicate_every. */
    struct sim_last_look {
        struct buf bytes;
        uint64_t n;
    } last_looks[N_SIM_PROFILES][3];
};

/* Frees them; sim_world_free() calls it (export.c). */
void sim_last_looks_release(struct sim_world *w);

/* Bucket of a stack and a size as asked for; UINT32_MAX after a failure. */
uint32_t sim_bucket(struct sim_world *w, sim_stack_id stack, uint64_t bytes);
uint64_t sim_size_class(uint64_t bytes);

/* Do the elements of its map or slice point to the entries? container.c. */
bool sim_container_points(const struct sim_population *p);

/* MemProfileRate set anew: counts for what is allocated from now on. */
void sim_set_rate(struct sim_world *w, int64_t rate_bytes);

/* Allocates objects of a bucket now; returns how many of them are sampled. */
uint64_t sim_bucket_alloc(struct sim_world *w, uint32_t bucket, uint64_t n,
                          struct sim_random *r);
/* They are unreachable from now on: garbage until a collection. */
void sim_bucket_drop(struct sim_world *w, uint32_t bucket, uint64_t n,
                     uint64_t sampled);

/* Lets a population live through (from, to]; population.c. */
bool sim_population_step(struct sim_world *w, struct sim_population *p,
                         int64_t from_ns, int64_t to_ns, struct err *err);
/* What its arrivals allocate at the present load, bytes per second. */
double sim_population_bytes_per_s(const struct sim_world *w,
                                  const struct sim_population *p);

/* A collection: what is dead is freed, the profile's cycle advances, and with
   `publishes` (runtime.GC) the new state is shown at once; collector.c. */
void sim_gc(struct sim_world *w, bool is_forced, bool publishes);

/* Sets the goal of the next collection from the heap as it is. */
void sim_gc_pace(struct sim_world *w);

/* The state a heap profile shows now: merges as runtime.MemProfile does
   (before the first collection everything so far). */
void sim_publish(struct sim_world *w);

/* The process ends and starts anew; time goes on. */
bool sim_world_restart(struct sim_world *w, struct err *err) MUST_USE;

/* --- goroutines as seen now --- */

/* One goroutine of the process: populations' and the fixed ones (main, the
   profiler's). In the order of goids of each population. */
struct sim_goroutine {
    uint64_t goid, parent_goid; /* parent 0: unknown */
    const char *wait;           /* newest spelling */
    sim_stack_id stack;
    uint32_t creator;     /* frame index; UINT32_MAX: main */
    int64_t since_ns;     /* waits since; world time */
    int64_t wait_minutes; /* as dumps say it (from the first GC after); 0 */
    const char *label_key, *label_value; /* NULL none */
    bool is_provable;
    bool is_leak;
    uint32_t population; /* UINT32_MAX: fixed */
};
VEC_TYPE(sim_goroutine_list, struct sim_goroutine)

/* Appends all goroutines there are now. */
bool sim_goroutines(struct sim_world *w, struct sim_goroutine_list *out,
                    struct err *err) MUST_USE;

/* What a look costs in the process: called once per profile written. */
void sim_looked(struct sim_world *w, enum sim_profile p);

#endif
