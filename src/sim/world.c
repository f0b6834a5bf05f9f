/*
 * A simulated process through time. Steps end where the next collection is
 * due, where the caller looks, or where a quirk of the scenario happens.
 */
#include "sim/world_private.h"

#include "sim/population_private.h"

#include <math.h>
#include <stdlib.h>

#include "base/banned.h"

/* Steps: fine enough for the load's shape, and not more than twenty
   collections a second however fast the service allocates. */
#define STEP_LEAST_NS (SIM_SECOND / 20)
enum { STEPS_PER_INTERVAL = 4 };

/* sysmon forces a collection after so long (runtime.forcegcperiod). */
#define FORCED_GC_NS (120 * SIM_SECOND)

/* How long the load's noise stays what it is. */
static const double noise_memory_s = 10.0;

void sim_options_default(struct sim_options *o)
{
    *o = (struct sim_options){
        .seed = 1,
        .interval_ns = 60 * SIM_SECOND,
        .n_snapshots = 10,
        .rate_bytes = 512 << 10,
        .go = SIM_GO_1_23,
        .n_background = 500,
        .noise = 0.05,
        .gogc = 100.0,
    };
}

/* --- start and restart --- */

static void release_process(struct sim_world *w)
{
    for (size_t i = 0; i < w->populations.n; i++) {
        sim_cohorts_release(&w->populations.items[i].cohorts);
        sim_ones_release(&w->populations.items[i].ones);
    }
    sim_populations_release(&w->populations);
    sim_buckets_release(&w->buckets);
    intern_release(&w->bucket_keys);
    sim_code_release(&w->code);
    arena_release(&w->arena);
}

/* What writing a profile allocates: compress/flate's tables are the bulk. */
static void add_profiler(struct sim_world *w)
{
    enum { FLATE_BYTES = 663552 };
    w->profiler_bucket =
        sim_bucket(w, sim_stack(w, "@pprof-heap-write", NULL), FLATE_BYTES);
}

static bool start_populations(struct sim_world *w, struct err *err)
{
    for (size_t i = 0; i < w->populations.n; i++) {
        if (!sim_population_start(w, &w->populations.items[i], err)) {
            return false;
        }
    }
    return true;
}

/* Everything a process begins with; `now_ns` goes on. */
static bool start_process(struct sim_world *w, struct err *err)
{
    enum { G_BYTES = 440, FIRST_GOID = 18 };
    const struct sim_scenario *s = w->options.scenario;
    sim_code_init(&w->code, w->options.go, s->service);
    w->started_ns = w->now_ns;
    w->rate_bytes = w->options.rate_bytes;
    w->cycle = 0;
    w->n_gc = 0;
    w->n_forced = 0;
    w->last_gc_ns = -1;
    w->marked_bytes = 0;
    w->heap_bytes = 0;
    w->total_alloc_bytes = 0;
    w->peak_heap_bytes = 0;
    w->mallocs = 0;
    w->frees = 0;
    w->next_goid = FIRST_GOID;
    w->n_goroutines = 0;
    w->most_goroutines = 0;
    w->malg_bucket = sim_bucket(w, sim_stack(w, "@malg", NULL), G_BYTES);
    add_profiler(w);
    s->build(w);
    sim_background(w, w->options.n_background);
    if (!w->has_failed && start_populations(w, err)) {
        sim_gc_pace(w);
        return true;
    }
    if (w->has_failed) {
        *err = w->err;
    }
    return err_wrap(err, "scenario %s", s->name);
}

bool sim_world_restart(struct sim_world *w, struct err *err)
{
    release_process(w);
    w->generation++;
    return start_process(w, err);
}

bool sim_world_new(const struct sim_options *o, struct sim_world **out,
                   struct err *err)
{
    struct sim_world *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return err_nomem(err, "a world of the simulator");
    }
    w->options = *o;
    sim_random_init(&w->random, o->seed, o->scenario->name);
    if (!start_process(w, err)) {
        sim_world_free(w);
        return false;
    }
    *out = w;
    return true;
}

void sim_world_free(struct sim_world *w)
{
    if (w != NULL) {
        release_process(w);
        sim_last_looks_release(w);
        free(w);
    }
}

/* --- time --- */

int64_t sim_world_now(const struct sim_world *w)
{
    return w->now_ns;
}

static void step_noise(struct sim_world *w, double dt_s)
{
    const double keep = sim_exp(-dt_s / noise_memory_s);
    const double fresh = 1.0 - keep * keep;
    if (w->options.noise > 0) {
        w->noise_log = keep * w->noise_log + sqrt(fresh) * w->options.noise *
                                                 sim_random_normal(&w->random);
    }
}

static bool collects(const struct sim_world *w)
{
    return w->options.gogc > 0 && !w->quirks.gc_is_off;
}

/* Until the heap is expected to reach its goal, or the forced collection. */
static int64_t until_gc_ns(const struct sim_world *w)
{
    double per_s = 0;
    for (size_t i = 0; i < w->populations.n; i++) {
        per_s += sim_population_bytes_per_s(w, &w->populations.items[i]);
    }
    const double room = w->goal_bytes - w->heap_bytes;
    const int64_t since = w->last_gc_ns < 0 ? w->started_ns : w->last_gc_ns;
    const int64_t forced = FORCED_GC_NS - (w->now_ns - since);
    const double limit_s = (double)FORCED_GC_NS / (double)SIM_SECOND;
    if (room <= 0) {
        return STEP_LEAST_NS;
    }
    if (per_s <= 0 || room / per_s > limit_s) {
        return forced;
    }
    const int64_t ns = (int64_t)(room / per_s * (double)SIM_SECOND);
    return ns < forced ? ns : forced;
}

/* The next moment at which a quirk wants attention; INT64_MAX none. */
static int64_t next_quirk_ns(const struct sim_world *w)
{
    const struct sim_quirks *q = &w->quirks;
    int64_t next = INT64_MAX;
    const int64_t restart_ns = (int64_t)(q->restart_s * (double)SIM_SECOND);
    const int64_t rate_ns = (int64_t)(q->rate_change_s * (double)SIM_SECOND);
    if (q->restart_s > 0 && !w->has_restarted) {
        next = restart_ns;
    }
    if (q->rate_change_s > 0 && w->rate_bytes != q->rate_after &&
        rate_ns < next) {
        next = rate_ns;
    }
    return next;
}

static bool heed_quirks(struct sim_world *w, struct err *err)
{
    const struct sim_quirks *q = &w->quirks;
    const double now_s = (double)w->now_ns / (double)SIM_SECOND;
    if (q->rate_change_s > 0 && now_s >= q->rate_change_s &&
        w->rate_bytes != q->rate_after) {
        sim_set_rate(w, q->rate_after);
    }
    if (q->restart_s > 0 && !w->has_restarted && now_s >= q->restart_s) {
        w->has_restarted = true;
        return sim_world_restart(w, err);
    }
    return true;
}

/* The end of the step that begins now; says whether a collection ends it. */
static int64_t step_end(const struct sim_world *w, int64_t until_ns,
                        bool *ends_with_gc)
{
    int64_t dt = w->options.interval_ns / STEPS_PER_INTERVAL;
    *ends_with_gc = false;
    if (collects(w)) {
        int64_t gc = until_gc_ns(w);
        gc = gc < STEP_LEAST_NS ? STEP_LEAST_NS : gc;
        *ends_with_gc = gc <= dt;
        dt = gc < dt ? gc : dt;
    }
    dt = dt < STEP_LEAST_NS ? STEP_LEAST_NS : dt;
    int64_t end = w->now_ns + dt;
    const int64_t quirk = next_quirk_ns(w);
    if (quirk > w->now_ns && quirk < end) {
        end = quirk;
        *ends_with_gc = false;
    }
    if (until_ns < end) {
        end = until_ns;
        *ends_with_gc = false;
    }
    return end;
}

static bool step(struct sim_world *w, int64_t until_ns, struct err *err)
{
    bool ends_with_gc = false;
    const int64_t from = w->now_ns;
    const int64_t to = step_end(w, until_ns, &ends_with_gc);
    step_noise(w, (double)(to - from) / (double)SIM_SECOND);
    w->now_ns = to;
    for (size_t i = 0; i < w->populations.n; i++) {
        if (!sim_population_step(w, &w->populations.items[i], from, to, err)) {
            if (w->has_failed) {
                *err = w->err;
            }
            return false;
        }
    }
    if (ends_with_gc || (collects(w) && w->heap_bytes >= w->goal_bytes)) {
        sim_gc(w, false, false);
    }
    return heed_quirks(w, err);
}

bool sim_world_run(struct sim_world *w, int64_t until_ns, struct err *err)
{
    while (w->now_ns < until_ns) {
        if (!step(w, until_ns, err)) {
            return false;
        }
    }
    return true;
}

bool sim_world_collect(struct sim_world *w, struct err *err)
{
    (void)err; /* cannot fail today; the signature says it may */
    sim_gc(w, true, true);
    return true;
}

/* --- looks --- */

void sim_world_profile_for(struct sim_world *w, double seconds)
{
    w->cpu_seconds = seconds;
}

void sim_looked(struct sim_world *w, enum sim_profile p)
{
    w->n_looks[p]++;
    /* A compressor a profile, garbage as soon as it is written. */
    const uint64_t sampled =
        sim_bucket_alloc(w, w->profiler_bucket, 1, &w->random);
    sim_bucket_drop(w, w->profiler_bucket, 1, sampled);
}
