/*
 * Front header of sim/: a seeded model of a Go service whose truth is known.
 * A world is one simulated process. Time in it passes only by
 * sim_world_run(); what it writes depends on its options alone, so the same
 * options give the same bytes from every compiler and build.
 */
#ifndef SEEP_SIM_SIM_H
#define SEEP_SIM_SIM_H

#include "base/buf.h"
#include "base/err.h"
#include "profile/profile.h"
#include "sim/serve.h" /* IWYU pragma: export */

#include <stdbool.h>
#include <stdint.h>

#define SIM_SECOND INT64_C(1000000000)

/* --- versions of Go whose spelling and habits are reproduced --- */

#define SIM_GOS(X)                                                             \
    X(1_19, "1.19", "go1.19.8")                                                \
    X(1_21, "1.21", "go1.21.13")                                               \
    X(1_23, "1.23", "go1.23.5")                                                \
    X(1_24, "1.24", "go1.24.2")                                                \
    X(1_25, "1.25", "go1.25.3")                                                \
    X(1_26, "1.26", "go1.26.0")                                                \
    X(1_27, "1.27", "go1.27.0")

enum sim_go {
#define X(name, text, full) SIM_GO_##name,
    SIM_GOS(X)
#undef X
        N_SIM_GOS
};

/* "1.23"; static. */
const char *sim_go_text(enum sim_go go);
/* "go1.23.5", as runtime.Version() says. */
const char *sim_go_full(enum sim_go go);
/* NULL-terminated, in the order of the enum: choices of --go. */
extern const char *const sim_go_names[];

/* --- what varies beside the scenario --- */

enum sim_load { SIM_FLAT, SIM_RAMP, SIM_DIURNAL, SIM_BURST, N_SIM_LOADS };
extern const char *const sim_load_names[]; /* NULL-terminated */

struct sim_scenario;

struct sim_options {
    const struct sim_scenario *scenario;
    uint64_t seed;
    uint64_t build;       /* dice of the background's code; 0: the seed */
    int64_t interval_ns;  /* between two snapshots */
    unsigned n_snapshots; /* interval * snapshots is the window */
    int64_t rate_bytes;   /* MemProfileRate; 1 = every allocation */
    enum sim_go go;
    unsigned n_background; /* stacks beside those of the scenario */
    bool has_load;         /* else the scenario chooses */
    enum sim_load load;
    double noise; /* standard deviation of the load's logarithm */
    double gogc;  /* percent; 0 = GC is off */
};

/* 10 x 60 s, seed 1, 512 KiB, Go 1.23,
   500 stacks, noise 0.05, GOGC 100. */
void sim_options_default(struct sim_options *o);

/* --- scenarios --- */

enum sim_label { SIM_LEAK, SIM_HEALTHY };

/* Texts of `seep sim --explain`; our own words and code, Go source with tabs,
   every text ends without a newline. */
struct sim_lesson {
    const char *leaks;  /* what leaks and why; or why it does not */
    const char *code;   /* Go that does it */
    const char *fix;    /* Go that mends it; NULL for healthy ones */
    const char *shows;  /* what the profiles show */
    const char *cannot; /* what they cannot show */
};

enum { SIM_CULPRITS_MAX = 6 };

struct sim_world;

struct sim_scenario {
    const char *name;   /* kebab-case, never renamed */
    const char *number; /* "L15", "C3"; of the evaluation plan */
    enum sim_label label;
    const char *kind;    /* "goroutine", "heap", "both" or "none" */
    const char *what;    /* one line, <= 56 columns, no full stop */
    const char *service; /* name of the binary, "accounts" */
    const char *hold;    /* what holds the memory, for scenario.json */
    /* Functions of which one must be in a finding's stack. */
    const char *culprits[SIM_CULPRITS_MAX + 1];
    /* Set where no method can tell it within the window (a healthy control
       that looks like a leak until it ends): the reason. */
    const char *undecidable;
    struct sim_lesson lesson;
    enum sim_load load;
    /* Declares stacks and populations (model_private.h); failure is sticky. */
    void (*build)(struct sim_world *w);
};

/* All, leaks first, in the order of scenarios.def; borrowed, static. */
const struct sim_scenario *const *sim_scenarios(size_t *n);
const struct sim_scenario *sim_scenario_find(const char *name); /* or NULL */

/* The truth of a scenario as JSON, in the form of the labelled corpus.
   `runs` names the folders beside it. */
bool sim_truth_write(const struct sim_options *o, const char *const *runs,
                     size_t n_runs, struct buf *out, struct err *err) MUST_USE;

/* --- a world --- */

/* At time 0 the process has started and serves. */
bool sim_world_new(const struct sim_options *o, struct sim_world **out,
                   struct err *err) MUST_USE;
void sim_world_free(struct sim_world *w);

/* Lets time pass until `until_ns` after the start; never backwards. */
bool sim_world_run(struct sim_world *w, int64_t until_ns,
                   struct err *err) MUST_USE;
int64_t sim_world_now(const struct sim_world *w); /* since the start */

/* runtime.GC(): what `?gc=1` does before a heap profile is written. */
bool sim_world_collect(struct sim_world *w, struct err *err) MUST_USE;

/* Wall clock of the start, unix ns: a constant of the model. */
#define SIM_EPOCH_NS (INT64_C(1767603600) * SIM_SECOND)

/* --- what it offers, as net/http/pprof would --- */

#define SIM_PROFILES(X)                                                        \
    X(HEAP, "heap")                                                            \
    X(ALLOCS, "allocs")                                                        \
    X(GOROUTINE, "goroutine")                                                  \
    X(GOROUTINELEAK, "goroutineleak")                                          \
    X(THREADCREATE, "threadcreate")                                            \
    X(BLOCK, "block")                                                          \
    X(MUTEX, "mutex")                                                          \
    X(CPU, "profile")

enum sim_profile {
#define X(name, text) SIM_##name,
    SIM_PROFILES(X)
#undef X
        N_SIM_PROFILES
};
const char *sim_profile_name(enum sim_profile p);

/* Does this world's version of Go have it? */
bool sim_world_offers(const struct sim_world *w, enum sim_profile p);

/* The profile of now, as a structure (debug=0 before encoding). Writing a
   profile allocates in the process, as in Go; so the world changes. */
bool sim_profile_make(struct sim_world *w, enum sim_profile p,
                      struct profile **out, struct err *err) MUST_USE;

/* How long CPU profiles last from now on, in seconds of the world. */
void sim_world_profile_for(struct sim_world *w, double seconds);

/* `debug` 0: gzipped proto; 1: text; 2: text (goroutine and goroutineleak: a
   dump of all goroutines). */
bool sim_profile_write(struct sim_world *w, enum sim_profile p, int debug,
                       struct buf *out, struct err *err) MUST_USE;

/* Current values as runtime.ReadMemStats gives them. */
void sim_world_memstats(const struct sim_world *w, struct memstats *out);

/* --- the truth --- */

struct sim_truth {
    double leaked_bytes; /* live bytes of what leaks, unsampled */
    double leaked_objects;
    double leaked_sampled; /* of them in the profile's sample */
    double leaked_goroutines;
    double live_bytes; /* of everything reachable */
    double goroutines;
};
void sim_world_truth(const struct sim_world *w, struct sim_truth *out);

/* Unsampled live bytes whose innermost frame outside the standard library is
   `function`, and goroutines with `function` on their stack: of now, and as
   of the state that the heap profile shows. */
double sim_truth_site_bytes(const struct sim_world *w, const char *function);
double sim_truth_site_published(const struct sim_world *w,
                                const char *function);
double sim_truth_site_goroutines(const struct sim_world *w,
                                 const char *function);

/* The means behind them: what the rates of arrival (load and its noise
   included) would have kept there, were there no chance in single arrivals; of
   bytes as of the state that the heap profile shows. Counts entries that are
   kept for ever (others are stationary) and the arrays they hang in. An
   interval for a rate of growth should cover the growth of these. */
double sim_truth_site_expected_bytes(const struct sim_world *w,
                                     const char *function);
double sim_truth_site_expected_goroutines(const struct sim_world *w,
                                          const char *function);

/* --- heap dumps of a world --- */

/* runtime.GC() and debug.WriteHeapDump(), and the ELF file of the program
   that wrote it (symbols and types of its globals). */
bool sim_dump_write(struct sim_world *w, struct sink *out,
                    struct err *err) MUST_USE;
bool sim_program_write(struct sim_world *w, struct buf *out,
                       struct err *err) MUST_USE;

#include "sim/scale.h" /* IWYU pragma: export */

#endif
