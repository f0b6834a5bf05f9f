/* What scenarios call to describe a service, and what it is asked about. */
#include "sim/world_private.h"

#include <stdarg.h>
#include <string.h>

#include "base/banned.h"

enum { FRAMES_OF_A_TEXT_STACK = 160 };

static void fail(struct sim_world *w, const struct err *err)
{
    if (!w->has_failed) {
        w->err = *err;
        w->has_failed = true;
    }
}

sim_stack_id sim_stack_of(struct sim_world *w, const char *const *texts,
                          size_t n)
{
    sim_stack_id id = {0};
    struct err err = {0};
    if (!w->has_failed && !sim_code_stack(&w->code, texts, n, &id, &err)) {
        fail(w, &err);
    }
    return id;
}

sim_stack_id sim_stack(struct sim_world *w, ...)
{
    const char *texts[FRAMES_OF_A_TEXT_STACK];
    size_t n = 0;
    va_list ap;
    va_start(ap, w);
    const char *text = va_arg(ap, const char *);
    while (text != NULL && n < FRAMES_OF_A_TEXT_STACK) {
        texts[n++] = text;
        text = va_arg(ap, const char *);
    }
    va_end(ap);
    return sim_stack_of(w, texts, n);
}

const char *sim_text(struct sim_world *w, const char *fmt, ...)
{
    struct buf b = BUF_LIMIT(4096);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    const char *text =
        buf_ok(&b) ? arena_strdup(&w->arena, buf_view(&b)) : NULL;
    buf_release(&b);
    if (text == NULL) {
        struct err err = {0};
        (void)err_nomem(&err, "a text of the simulator");
        fail(w, &err);
        return "";
    }
    return text;
}

/* --- populations --- */

/* runtime.sudog: what a goroutine on a channel's queue takes, allocated by
   what it calls to wait; UINT32_MAX none. */
static uint32_t sudog_bucket(struct sim_world *w,
                             const struct sim_goroutine_spec *g)
{
    enum { SUDOG_BYTES = 96 };
    sim_stack_id stack = {0};
    struct err err = {0};
    if (!g->has_sudog || w->has_failed) {
        return UINT32_MAX;
    }
    if (!sim_code_swap_leaf(&w->code, g->poses[0].stack, "@acquire-sudog",
                            &stack, &err)) {
        fail(w, &err);
        return UINT32_MAX;
    }
    return sim_bucket(w, stack, SUDOG_BYTES);
}

static void add_buckets(struct sim_world *w, struct sim_population *p)
{
    for (unsigned i = 0; i < p->spec.n_members; i++) {
        if (p->spec.members[i].count == 0) {
            p->spec.members[i].count = 1;
        }
        p->buckets[i] =
            sim_bucket(w, p->spec.members[i].stack, p->spec.members[i].bytes);
    }
    for (unsigned i = 0; i < p->spec.n_goroutines; i++) {
        p->sudog_buckets[i] = sudog_bucket(w, &p->spec.goroutines[i]);
    }
}

void sim_population(struct sim_world *w, const struct sim_population_spec *spec)
{
    if (w->has_failed) {
        return;
    }
    struct err err = {0};
    if (spec->n_members > SIM_MEMBERS_MAX ||
        spec->n_goroutines > SIM_GOROUTINES_MAX) {
        (void)err_set(&err, ERR_INTERNAL, "population %s is too large",
                      spec->name);
        fail(w, &err);
        return;
    }
    struct sim_population p = {
        .spec = *spec, .array_bucket = UINT32_MAX, .next_death_ns = INT64_MAX};
    sim_random_init(&p.random,
                    sim_mix(w->options.seed, UINT64_C(1) + w->generation),
                    spec->name);
    add_buckets(w, &p);
    if (!sim_populations_push(&w->populations, p)) {
        (void)err_nomem(&err, "a population of the simulator");
        fail(w, &err);
    }
}

void sim_garbage(struct sim_world *w, const char *name, sim_stack_id stack,
                 uint64_t bytes, double per_second)
{
    /* A few milliseconds: what a request keeps until it is answered. */
    const double life_s = 0.004;
    sim_population(
        w, &(struct sim_population_spec){
               .name = name,
               .members = {{.stack = stack, .bytes = bytes, .parent = -1}},
               .n_members = 1,
               .per_second = per_second,
               .life = { .kind = SIM_EXPONENTIAL,                              .mean_s = life_s},
    });
}

void sim_constant(struct sim_world *w, const char *name, sim_stack_id stack,
                  uint64_t bytes, uint64_t n)
{
    sim_population(
        w, &(struct sim_population_spec){
               .name = name,
               .members = {{.stack = stack, .bytes = bytes, .parent = -1}},
               .n_members = 1,
               .life = {.kind = SIM_FOREVER},
               .n_start = n,
           });
}

void sim_workers(struct sim_world *w, const char *name, const char *wait,
                 sim_stack_id stack, const char *created_by, uint64_t n)
{
    const bool queues =
        strcmp(wait, "select") == 0 || strncmp(wait, "chan ", 5) == 0;
    sim_population(
        w, &(struct sim_population_spec){
               .name = name,
               .goroutines = {{.poses = {{.wait = wait, .stack = stack}},
                               .n_poses = 1,
                               .created_by = created_by,
                               .has_sudog = queues}},
               .n_goroutines = 1,
               .life = {.kind = SIM_FOREVER},
               .n_start = n,
           });
}

/* --- what a scenario may look at --- */

static double seconds(int64_t ns)
{
    return (double)ns / (double)SIM_SECOND;
}

double sim_interval_s(const struct sim_world *w)
{
    return seconds(w->options.interval_ns);
}

double sim_window_s(const struct sim_world *w)
{
    return sim_interval_s(w) * (double)w->options.n_snapshots;
}

enum sim_go sim_world_go(const struct sim_world *w)
{
    return w->options.go;
}

unsigned sim_generation(const struct sim_world *w)
{
    return w->generation;
}

struct sim_quirks *sim_quirks(struct sim_world *w)
{
    return &w->quirks;
}

/* --- load --- */

const char *const sim_load_names[] = {"flat", "ramp", "diurnal", "burst", NULL};
_Static_assert(sizeof(sim_load_names) / sizeof(sim_load_names[0]) ==
                   N_SIM_LOADS + 1,
               "name every load");

/* A tenth of the time sixfold load, else so little that the mean is 1. */
static double burst(double phase)
{
    const double share = 0.1;
    const double high = 6.0;
    const double low = (1.0 - share * high) / (1.0 - share);
    return phase - (double)(int64_t)phase < share ? high : low;
}

static double load_at(enum sim_load load, double t_s, double window_s)
{
    const double two_pi = 6.283185307179586;
    const double x = window_s > 0 ? t_s / window_s : 0;
    switch (load) {
    case SIM_FLAT:
        return 1.0;
    case SIM_RAMP: /* x 2.5 over the window, then steady */
        return 1.0 + 1.5 * (x < 1.0 ? x : 1.0);
    case SIM_DIURNAL: /* a window sees a day and a half */
        return 1.0 + 0.6 * sim_sin(two_pi * 1.5 * x);
    case SIM_BURST:
        return burst(x * 7.0 + 0.4);
    case N_SIM_LOADS:
        break;
    }
    return 1.0;
}

double sim_load(const struct sim_world *w, double t_s)
{
    const enum sim_load load =
        w->options.has_load ? w->options.load : w->options.scenario->load;
    return load_at(load, t_s + seconds(w->started_ns), sim_window_s(w));
}
