/* The goroutines of a moment, one by one, as a dump would list them. */
#include "sim/world_private.h"

#include "base/banned.h"

enum {
    RING = sizeof(((struct sim_world *)NULL)->gc_starts_ns) /
           sizeof(((struct sim_world *)NULL)->gc_starts_ns[0])
};

#define MINUTE (60 * SIM_SECOND)

/* Minutes as dumps say them: from the first collection that found the
   goroutine waiting (runtime: g.waitsince is set by markroot). */
static int64_t wait_minutes(const struct sim_world *w, int64_t since_ns)
{
    const uint64_t first = w->n_gc > RING ? w->n_gc - RING : 0;
    for (uint64_t i = first; i < w->n_gc; i++) {
        const int64_t at = w->gc_starts_ns[i % RING];
        if (at >= since_ns) {
            return (w->now_ns - at) / MINUTE;
        }
    }
    return 0;
}

/* Which pose a look finds, by shares; the same look finds the same. */
static const struct sim_pose *pose_of(const struct sim_world *w,
                                      const struct sim_goroutine_spec *g,
                                      uint64_t salt, int64_t born_ns,
                                      int64_t *since_ns)
{
    *since_ns = born_ns;
    if (g->n_poses < 2) {
        return &g->poses[0];
    }
    const uint64_t dice = sim_mix(salt, (uint64_t)w->now_ns);
    double at = (double)(dice >> 11) / 9007199254740992.0; /* 2^53 */
    const int64_t ago = (int64_t)(sim_mix(dice, 3) % (4 * SIM_SECOND));
    *since_ns = w->now_ns - ago > born_ns ? w->now_ns - ago : born_ns;
    unsigned i = 0;
    while (i + 1 < g->n_poses && at >= g->poses[i].share) {
        at -= g->poses[i].share;
        i++;
    }
    return &g->poses[i];
}

static const char *label_of(const struct sim_goroutine_spec *g, uint64_t salt)
{
    unsigned n = 0;
    while (n < SIM_LABELS_MAX && g->label_values[n] != NULL) {
        n++;
    }
    return g->label_key == NULL || n == 0 ? NULL : g->label_values[salt % n];
}

static bool add_one(struct sim_world *w, uint32_t population,
                    const struct sim_one *one, const uint32_t *creators,
                    struct sim_goroutine_list *out)
{
    const struct sim_population *p = &w->populations.items[population];
    for (unsigned i = 0; i < p->spec.n_goroutines; i++) {
        const struct sim_goroutine_spec *g = &p->spec.goroutines[i];
        const uint64_t salt = sim_mix(one->salt, i);
        int64_t since = 0;
        const struct sim_pose *pose = pose_of(w, g, salt, one->born_ns, &since);
        const struct sim_goroutine item = {
            .goid = one->first_goid + i,
            .parent_goid = one->parent_goid,
            .wait = pose->wait,
            .stack = pose->stack,
            .creator = creators[i],
            .since_ns = since,
            .wait_minutes = wait_minutes(w, since),
            .label_key = g->label_key,
            .label_value = label_of(g, salt),
            .is_provable = g->is_provable,
            .is_leak = p->spec.is_leak,
            .population = population,
        };
        if (!sim_goroutine_list_push(out, item)) {
            return false;
        }
    }
    return true;
}

static bool add_population(struct sim_world *w, uint32_t population,
                           struct sim_goroutine_list *out, struct err *err)
{
    const struct sim_population *p = &w->populations.items[population];
    uint32_t creators[SIM_GOROUTINES_MAX];
    for (unsigned i = 0; i < p->spec.n_goroutines; i++) {
        creators[i] = UINT32_MAX;
        const char *text = p->spec.goroutines[i].created_by;
        if (text != NULL &&
            !sim_code_frame(&w->code, text, &creators[i], err)) {
            return false;
        }
    }
    for (size_t i = 0; i < p->ones.n; i++) {
        if (!add_one(w, population, &p->ones.items[i], creators, out)) {
            return err_nomem(err, "goroutines of the simulator");
        }
    }
    return true;
}

/* main waits for a signal; the goroutine that writes the profile runs. */
static bool add_fixed(struct sim_world *w, struct sim_goroutine_list *out,
                      struct err *err)
{
    const sim_stack_id main_stack = sim_stack(
        w, "@chan-receive", "main.main main.go:61", "runtime.main", NULL);
    const sim_stack_id profiler =
        sim_stack(w, "@pprof-handler-goroutine", NULL);
    uint32_t server = UINT32_MAX;
    if (w->has_failed) {
        *err = w->err;
        return false;
    }
    if (!sim_code_frame(&w->code, "@by-server", &server, err)) {
        return false;
    }
    const struct sim_goroutine fixed[] = {
        {.goid = 1,
         .wait = "chan receive",
         .stack = main_stack,
         .creator = UINT32_MAX,
         .since_ns = w->started_ns,
         .wait_minutes = wait_minutes(w, w->started_ns),
         .population = UINT32_MAX},
        {.goid = w->next_goid,
         .parent_goid = 1,
         .wait = "running",
         .stack = profiler,
         .creator = server,
         .since_ns = w->now_ns,
         .population = UINT32_MAX                         },
    };
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (!sim_goroutine_list_push(out, fixed[i])) {
            return err_nomem(err, "goroutines of the simulator");
        }
    }
    return true;
}

bool sim_goroutines(struct sim_world *w, struct sim_goroutine_list *out,
                    struct err *err)
{
    if (!add_fixed(w, out, err)) {
        return false;
    }
    for (size_t i = 0; i < w->populations.n; i++) {
        if (!add_population(w, (uint32_t)i, out, err)) {
            return false;
        }
    }
    return true;
}
