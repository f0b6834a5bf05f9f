/*
 * What a scenario is written in. A *population* is a set of equal entries
 * that come and go: requests, sessions, cache entries, leaked workers. An
 * entry is a few heap objects (members), and perhaps goroutines, that are born
 * together and die together. All else follows from populations: samples, GC,
 * profiles, MemStats, dumps.
 *
 * Failure is sticky: builders never fail towards the scenario, the world asks
 * once after build().
 */
#ifndef SEEP_SIM_MODEL_PRIVATE_H
#define SEEP_SIM_MODEL_PRIVATE_H

#include "sim/code_private.h"
#include "sim/sim.h"

enum {
    SIM_MEMBERS_MAX = 8,
    SIM_GOROUTINES_MAX = 5,
    SIM_POSES_MAX = 3,
    SIM_LABELS_MAX = 6
};

/* --- stacks --- */

/* sim_stack(w, "main.load cache.go:63", ..., "@http-handler", NULL): leaf
   first, see code_private.h. */
sim_stack_id sim_stack(struct sim_world *w, ...) __attribute__((sentinel));
sim_stack_id sim_stack_of(struct sim_world *w, const char *const *texts,
                          size_t n);

/* --- entries --- */

/* One object of every entry. */
struct sim_member {
    sim_stack_id stack; /* of the allocation */
    uint64_t bytes;     /* asked for; counted as its size class */
    uint32_t count;     /* objects like this in an entry; 0 means 1 */
    const char *type;   /* of the object in heap dumps: "main.User", "[]uint8",
                           "string"; NULL: bytes without pointers */
    /* Who points to it: the member of that index, or -1 the holder (the
       population's container, global or goroutine). 0 is member 0, so the
       first member of a spec says -1. */
    int parent;
};

/* A member in one line, one object of it in an entry. */
static inline struct sim_member sim_object(sim_stack_id stack, uint64_t bytes,
                                           const char *type, int parent)
{
    return (struct sim_member){stack, bytes, 1, type, parent};
}

/* What a goroutine of an entry is doing at a moment. With several poses each
   look finds one of them, by share; the wait then is short. With one it has
   waited since it was born. */
struct sim_pose {
    const char *wait; /* "chan receive", "IO wait", "select", "sleep",
                         "running", "sync.Mutex.Lock", "chan receive (nil
                         chan)"...: newest spelling */
    sim_stack_id stack;
    double share; /* of the looks; ignored for a single pose */
};

struct sim_goroutine_spec {
    struct sim_pose poses[SIM_POSES_MAX];
    unsigned n_poses;
    const char *created_by; /* "main.(*Hub).Add hub.go:31"; NULL for main */
    const char *label_key;  /* pprof.Do label, or NULL */
    const char *label_values[SIM_LABELS_MAX]; /* each goroutine has one */
    bool is_provable; /* goroutineleak finds it: nobody runnable or global can
                         reach what it waits for */
    bool has_sudog;   /* waits on a channel or select: 96 bytes on its stack's
                         behalf */
};

enum sim_life_kind {
    SIM_FOREVER,     /* never dies */
    SIM_EXPONENTIAL, /* mean_s */
    SIM_FIXED,       /* mean_s, give or take spread_s (uniform) */
    SIM_QUEUE,       /* the oldest goes when there are more than `capacity` */
    SIM_TWO_GCS,     /* what a sync.Pool holds: gone after two cycles */
    SIM_TARGET       /* as many as target() says come or go; arrivals beside
                        that live for mean_s and are replaced */
};

struct sim_life {
    enum sim_life_kind kind;
    double mean_s, spread_s;
    uint64_t capacity;
};

/* Factor or size by the time since the process started, in seconds. */
typedef double (*sim_curve)(const struct sim_world *w, double t_s);

enum sim_container_kind { SIM_NO_CONTAINER, SIM_MAP, SIM_SLICE, SIM_LIST };

/* What the entries hang in. Maps and slices have a backing array that grows
   by the version's rules and is allocated at `stack`; a list has none (its
   elements are members). */
struct sim_container {
    enum sim_container_kind kind;
    sim_stack_id stack;
    unsigned key_bytes, elem_bytes; /* maps; slices have elem_bytes only */
};

struct sim_population_spec {
    const char *name; /* unique in the scenario; seeds its random stream */
    struct sim_member members[SIM_MEMBERS_MAX];
    unsigned n_members;
    /* Bit per member: runtime.SetFinalizer was called with it. Where its
       parent has one, too, it points back, and such a cycle needs no holder:
       Go never frees it. */
    uint32_t finalizers;
    struct sim_goroutine_spec goroutines[SIM_GOROUTINES_MAX];
    unsigned n_goroutines;

    double per_second; /* arrivals at load 1 */
    bool ignores_load; /* else arrivals follow the world's load */
    sim_curve rate;    /* a further factor; NULL = 1 */
    sim_curve target;  /* SIM_TARGET: entries wanted */
    bool is_clumped;   /* SIM_FIXED, SIM_EXPONENTIAL: arrivals come all at
                          once, `clump` of them every clump / per_second */
    uint32_t clump;
    struct sim_life life;
    uint64_t n_start; /* entries at time 0, of random age */

    struct sim_container container;
    const char *global;      /* symbol that holds it: "main.users"; NULL: a
                                goroutine's stack */
    const char *global_type; /* "map[int]*main.User" */
    bool is_leak;            /* its growth is the leak */
};

static inline bool sim_has_finalizer(const struct sim_population_spec *p,
                                     unsigned member)
{
    return p->finalizers >> member & 1;
}

/* Copies the spec (texts are borrowed and must be static or from
   sim_text()). */
void sim_population(struct sim_world *w,
                    const struct sim_population_spec *spec);

/* printf into the world's arena; for names made in loops. */
const char *sim_text(struct sim_world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* --- frequent forms --- */

/* Objects allocated at `stack` and dead within milliseconds: load on the
   allocator, nothing in use. */
void sim_garbage(struct sim_world *w, const char *name, sim_stack_id stack,
                 uint64_t bytes, double per_second);

/* A constant number of objects from start-up on. */
void sim_constant(struct sim_world *w, const char *name, sim_stack_id stack,
                  uint64_t bytes, uint64_t n);

/* `n` goroutines from start-up on, in one pose. */
void sim_workers(struct sim_world *w, const char *name, const char *wait,
                 sim_stack_id stack, const char *created_by, uint64_t n);

/* An idle HTTP server with `n` keep-alive clients: the acceptor and the
   connections' goroutines. Every scenario has one. (background.c) */
void sim_http_server(struct sim_world *w, uint64_t n);

/* The service's ordinary life: `n` stacks of a realistic call graph (handlers,
   JSON, SQL, context, templates, caches at their cap), about 60 KiB in use a
   stack, heavy-tailed, and garbage of about 1.5 MB/s. Called by the world
   itself with --background. (background.c) */
void sim_background(struct sim_world *w, unsigned n);

/* The goroutines of a background of `n` stacks: those that stay, and requests
   in flight as the load has it. (background_goroutines.c) */
void sim_background_goroutines(struct sim_world *w, const char *service,
                               unsigned n);

/* --- what a scenario may look at and do --- */

double sim_window_s(const struct sim_world *w); /* snapshots * interval */
double sim_interval_s(const struct sim_world *w);
double sim_load(const struct sim_world *w, double t_s); /* 1 = base */
enum sim_go sim_world_go(const struct sim_world *w);

/* How often the process was restarted: build() is called again then and may
   spell functions otherwise. */
unsigned sim_generation(const struct sim_world *w);

/* Quirks of a scenario, set in build(). */
struct sim_quirks {
    bool gc_is_off;       /* GOGC=off */
    double restart_s;     /* restart once, so long after the first start */
    double rate_change_s; /* MemProfileRate set anew once, then */
    int64_t rate_after;
    bool truncates_dumps;     /* debug=2 breaks off in the middle */
    unsigned duplicate_every; /* every n-th look repeats the one before */
    uint64_t runs_gc_every_s; /* runtime.GC() by the program; 0 never */
};
struct sim_quirks *sim_quirks(struct sim_world *w);

#endif
