/*
 * One population through one step of time: who dies, who is born, which of
 * their objects are in the profiler's sample, and how the array they hang in
 * grows. Entries without goroutines are counts by age (cohorts), the others
 * are kept one by one.
 */
#include "sim/population_private.h"

#include <string.h>

#include "base/banned.h"

/* Entries of different age are told apart to about this share of a life. */
enum { AGES = 64 };

static double seconds(int64_t ns)
{
    return (double)ns / (double)SIM_SECOND;
}

static int64_t nanoseconds(double s)
{
    return (int64_t)(s * (double)SIM_SECOND);
}

/* --- objects of entries --- */

/* Objects of `n` new entries; the sampled ones are added to `sampled`. */
static void alloc_members(struct sim_world *w, struct sim_population *p,
                          uint64_t n, uint64_t *sampled)
{
    for (unsigned i = 0; i < p->spec.n_members; i++) {
        sampled[i] += sim_bucket_alloc(
            w, p->buckets[i], n * p->spec.members[i].count, &p->random);
    }
}

static void drop_members(struct sim_world *w, struct sim_population *p,
                         uint64_t n, const uint64_t *sampled)
{
    for (unsigned i = 0; i < p->spec.n_members; i++) {
        sim_bucket_drop(w, p->buckets[i], n * p->spec.members[i].count,
                        sampled[i]);
    }
}

/* Entries that come and go within the step. */
static void alloc_and_drop(struct sim_world *w, struct sim_population *p,
                           uint64_t n)
{
    uint64_t sampled[SIM_MEMBERS_MAX] = {0};
    alloc_members(w, p, n, sampled);
    drop_members(w, p, n, sampled);
    if (n == 0) {
        return;
    }
    for (unsigned g = 0; g < p->spec.n_goroutines; g++) {
        w->next_goid += n;
        const uint32_t bucket = p->sudog_buckets[g];
        sim_bucket_drop(w, bucket, n,
                        sim_bucket_alloc(w, bucket, n, &p->random));
    }
}

/* --- cohorts --- */

static void drop_from_cohort(struct sim_world *w, struct sim_population *p,
                             struct sim_cohort *c, uint64_t n)
{
    uint64_t sampled[SIM_MEMBERS_MAX] = {0};
    for (unsigned i = 0; i < p->spec.n_members; i++) {
        const uint64_t each = p->spec.members[i].count;
        sampled[i] = sim_random_hypergeometric(&p->random, c->n * each,
                                               c->sampled[i], n * each);
        c->sampled[i] -= sampled[i];
    }
    drop_members(w, p, n, sampled);
    c->n -= n;
    p->n -= n;
}

static void forget_empty_cohorts(struct sim_population *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->cohorts.n; i++) {
        if (p->cohorts.items[i].n > 0) {
            p->cohorts.items[kept++] = p->cohorts.items[i];
        }
    }
    p->cohorts.n = kept;
}

static bool has_memory(const struct sim_population *p)
{
    const enum sim_life_kind kind = p->spec.life.kind;
    return kind == SIM_FIXED || kind == SIM_QUEUE || kind == SIM_TWO_GCS;
}

/* May entries born now share the newest cohort? */
static bool is_same_age(const struct sim_population *p, int64_t born_ns)
{
    if (p->cohorts.n == 0) {
        return false;
    }
    const struct sim_cohort *last = &p->cohorts.items[p->cohorts.n - 1];
    const int64_t apart_ns = born_ns - last->born_ns;
    switch (p->spec.life.kind) {
    case SIM_FIXED:
        return apart_ns < nanoseconds(p->spec.life.mean_s / AGES);
    case SIM_QUEUE:
        return last->n < p->spec.life.capacity / AGES;
    case SIM_TWO_GCS:
        return apart_ns == 0;
    case SIM_FOREVER:
    case SIM_EXPONENTIAL:
    case SIM_TARGET:
        return true;
    }
    return true;
}

static bool add_to_cohorts(struct sim_world *w, struct sim_population *p,
                           uint64_t n, int64_t born_ns, struct err *err)
{
    if (n == 0) {
        return true;
    }
    if (!is_same_age(p, born_ns) &&
        !sim_cohorts_push(&p->cohorts,
                          (struct sim_cohort){.born_ns = born_ns})) {
        return err_nomem(err, "cohorts of the simulator");
    }
    struct sim_cohort *c = &p->cohorts.items[p->cohorts.n - 1];
    alloc_members(w, p, n, c->sampled);
    c->n += n;
    p->n += n;
    return true;
}

/* Share of entries of age `from` that die before they are `to` old. */
static double share_dying(const struct sim_life *life, double from_s,
                          double to_s)
{
    const double first = life->mean_s - life->spread_s;
    const double span = 2.0 * life->spread_s;
    if (to_s <= first) {
        return 0.0;
    }
    if (span <= 0 || to_s >= first + span) {
        return 1.0;
    }
    const double begin = from_s > first ? from_s : first;
    return (to_s - begin) / (first + span - begin);
}

/* Were there two collections since? */
static bool survived_two(const struct sim_world *w, int64_t born_ns)
{
    enum { RING = sizeof(w->gc_starts_ns) / sizeof(w->gc_starts_ns[0]) };
    return w->n_gc >= 2 && born_ns < w->gc_starts_ns[(w->n_gc - 2) % RING];
}

static uint64_t cohort_deaths(struct sim_world *w, struct sim_population *p,
                              const struct sim_cohort *c, int64_t from_ns,
                              int64_t to_ns)
{
    const struct sim_life *life = &p->spec.life;
    const double dt_s = seconds(to_ns - from_ns);
    switch (life->kind) {
    case SIM_FOREVER:
    case SIM_QUEUE:
        return 0;
    case SIM_EXPONENTIAL:
        return sim_random_binomial(&p->random, c->n,
                                   1.0 - sim_exp(-dt_s / life->mean_s));
    case SIM_FIXED:
        return sim_random_binomial(&p->random, c->n,
                                   share_dying(life,
                                               seconds(from_ns - c->born_ns),
                                               seconds(to_ns - c->born_ns)));
    case SIM_TWO_GCS:
        return survived_two(w, c->born_ns) ? c->n : 0;
    case SIM_TARGET:
        return life->mean_s > 0
                   ? sim_random_binomial(&p->random, c->n,
                                         1.0 - sim_exp(-dt_s / life->mean_s))
                   : 0;
    }
    return 0;
}

static void cohorts_die(struct sim_world *w, struct sim_population *p,
                        int64_t from_ns, int64_t to_ns)
{
    for (size_t i = 0; i < p->cohorts.n; i++) {
        struct sim_cohort *c = &p->cohorts.items[i];
        const uint64_t n = cohort_deaths(w, p, c, from_ns, to_ns);
        if (n > 0) {
            drop_from_cohort(w, p, c, n);
        }
    }
}

/* The oldest entries go first. */
static void drop_oldest(struct sim_world *w, struct sim_population *p,
                        uint64_t n)
{
    for (size_t i = 0; i < p->cohorts.n && n > 0; i++) {
        struct sim_cohort *c = &p->cohorts.items[i];
        const uint64_t some = c->n < n ? c->n : n;
        drop_from_cohort(w, p, c, some);
        n -= some;
    }
}

/* --- entries one by one --- */

static int64_t death_ns(struct sim_world *w, struct sim_population *p,
                        int64_t born_ns)
{
    const struct sim_life *life = &p->spec.life;
    switch (life->kind) {
    case SIM_FOREVER:
    case SIM_QUEUE:
    case SIM_TWO_GCS:
        return INT64_MAX;
    case SIM_EXPONENTIAL:
        /* Of those alive at the end of the step; it has no memory. */
        return w->now_ns +
               nanoseconds(sim_random_exponential(&p->random, life->mean_s));
    case SIM_FIXED:
        return born_ns +
               nanoseconds(life->mean_s +
                           life->spread_s *
                               (2.0 * sim_random_unit(&p->random) - 1.0));
    case SIM_TARGET:
        return life->mean_s > 0
                   ? w->now_ns + nanoseconds(sim_random_exponential(
                                     &p->random, life->mean_s))
                   : INT64_MAX;
    }
    return INT64_MAX;
}

static void note_goroutines(struct sim_world *w, uint64_t n)
{
    w->n_goroutines += n;
    if (w->n_goroutines > w->most_goroutines) {
        /* g structs are kept for reuse and never freed: a high-water mark. */
        (void)sim_bucket_alloc(w, w->malg_bucket,
                               w->n_goroutines - w->most_goroutines,
                               &w->random);
        w->most_goroutines = w->n_goroutines;
    }
}

static bool add_one(struct sim_world *w, struct sim_population *p,
                    int64_t born_ns, struct err *err)
{
    struct sim_one one = {.born_ns = born_ns,
                          .dies_ns = death_ns(w, p, born_ns),
                          .first_goid = w->next_goid,
                          .salt = sim_random_u64(&p->random)};
    one.parent_goid = 1 + sim_mix(one.salt, 7) % w->next_goid;
    uint64_t sampled[SIM_MEMBERS_MAX] = {0};
    alloc_members(w, p, 1, sampled);
    for (unsigned i = 0; i < p->spec.n_members; i++) {
        one.sampled[i] = (uint16_t)sampled[i];
    }
    for (unsigned g = 0; g < p->spec.n_goroutines; g++) {
        const uint64_t pinned =
            sim_bucket_alloc(w, p->sudog_buckets[g], 1, &p->random);
        one.sudogs |= (uint8_t)(pinned << g);
    }
    if (one.dies_ns < p->next_death_ns) {
        p->next_death_ns = one.dies_ns;
    }
    w->next_goid += p->spec.n_goroutines;
    note_goroutines(w, p->spec.n_goroutines);
    p->n++;
    return sim_ones_push(&p->ones, one) ||
           err_nomem(err, "goroutines of the simulator");
}

static void drop_one(struct sim_world *w, struct sim_population *p,
                     const struct sim_one *one)
{
    uint64_t sampled[SIM_MEMBERS_MAX];
    for (unsigned i = 0; i < p->spec.n_members; i++) {
        sampled[i] = one->sampled[i];
    }
    drop_members(w, p, 1, sampled);
    for (unsigned g = 0; g < p->spec.n_goroutines; g++) {
        sim_bucket_drop(w, p->sudog_buckets[g], 1, (one->sudogs >> g) & 1u);
    }
    w->n_goroutines -= p->spec.n_goroutines;
    p->n--;
}

/* Drops who is due, and of the rest the `n_more` oldest. */
static void ones_die(struct sim_world *w, struct sim_population *p,
                     int64_t to_ns, uint64_t n_more)
{
    size_t kept = 0;
    if (n_more == 0 && to_ns < p->next_death_ns) {
        return; /* or what leaks would be looked through at every step */
    }
    p->next_death_ns = INT64_MAX;
    for (size_t i = 0; i < p->ones.n; i++) {
        const struct sim_one one = p->ones.items[i];
        if (one.dies_ns <= to_ns) {
            drop_one(w, p, &one);
        } else if (n_more > 0) {
            drop_one(w, p, &one);
            n_more--;
        } else {
            p->ones.items[kept++] = one;
            p->next_death_ns =
                one.dies_ns < p->next_death_ns ? one.dies_ns : p->next_death_ns;
        }
    }
    p->ones.n = kept;
}

/* --- arrivals --- */

static bool add_entries(struct sim_world *w, struct sim_population *p,
                        uint64_t n, int64_t from_ns, int64_t to_ns,
                        struct err *err)
{
    if (p->spec.n_goroutines == 0) {
        return add_to_cohorts(w, p, n, from_ns + (to_ns - from_ns) / 2, err);
    }
    for (uint64_t i = 0; i < n; i++) {
        const double at = sim_random_unit(&p->random);
        const int64_t born =
            from_ns + (int64_t)(at * (double)(to_ns - from_ns));
        if (!add_one(w, p, born, err)) {
            return false;
        }
    }
    return true;
}

/* Of what arrives evenly within the step, the share still there at its end,
   and how far before the end those arrived at most. */
static double share_staying(const struct sim_population *p, double dt_s,
                            double *within_s)
{
    const struct sim_life *life = &p->spec.life;
    *within_s = dt_s;
    if (life->kind == SIM_EXPONENTIAL && dt_s > 0) {
        const double x = dt_s / life->mean_s;
        *within_s = x > 3.0 ? 3.0 * life->mean_s : dt_s;
        return (1.0 - sim_exp(-x)) / x;
    }
    if (life->kind == SIM_FIXED && life->mean_s < dt_s) {
        *within_s = life->mean_s;
        return life->mean_s / dt_s;
    }
    return 1.0;
}

double sim_population_per_s(const struct sim_world *w,
                            const struct sim_population *p, double t_s)
{
    double rate = p->spec.per_second;
    if (!p->spec.ignores_load) {
        rate *= sim_load(w, t_s) * sim_exp(w->noise_log);
    }
    if (p->spec.rate != NULL) {
        rate *= p->spec.rate(w, t_s);
    }
    return rate > 0 ? rate : 0.0;
}

/* Entries of clumps that fall due in the step. */
static uint64_t clumped(struct sim_population *p, double mean)
{
    p->backlog += mean / (double)p->spec.clump;
    const uint64_t n = (uint64_t)p->backlog;
    p->backlog -= (double)n;
    return n * p->spec.clump;
}

static bool arrive(struct sim_world *w, struct sim_population *p,
                   int64_t from_ns, int64_t to_ns, struct err *err)
{
    const double dt_s = seconds(to_ns - from_ns);
    const double t_s = seconds((from_ns + to_ns) / 2 - w->started_ns);
    const double mean = sim_population_per_s(w, p, t_s) * dt_s;
    if (mean <= 0) {
        return true;
    }
    p->expected += mean;
    if (p->spec.is_clumped && p->spec.clump > 0) {
        return add_entries(w, p, clumped(p, mean), to_ns, to_ns, err);
    }
    double within_s = dt_s;
    const double stay = share_staying(p, dt_s, &within_s);
    const uint64_t n = sim_random_poisson(&p->random, mean * stay);
    if (stay < 1.0) {
        alloc_and_drop(w, p,
                       sim_random_poisson(&p->random, mean * (1.0 - stay)));
    }
    return add_entries(w, p, n, to_ns - nanoseconds(within_s), to_ns, err);
}

static void drop_entries(struct sim_world *w, struct sim_population *p,
                         int64_t to_ns, uint64_t n)
{
    if (p->spec.n_goroutines > 0) {
        ones_die(w, p, to_ns, n);
    } else {
        drop_oldest(w, p, n);
    }
}

static bool reach_target(struct sim_world *w, struct sim_population *p,
                         int64_t from_ns, int64_t to_ns, struct err *err)
{
    const double t_s = seconds(to_ns - w->started_ns);
    const double wanted = p->spec.target == NULL ? 0 : p->spec.target(w, t_s);
    const uint64_t n = wanted > 0 ? (uint64_t)(wanted + 0.5) : 0;
    if (n < p->n) {
        drop_entries(w, p, to_ns, p->n - n);
        return true;
    }
    return add_entries(w, p, n - p->n, from_ns, to_ns, err);
}

bool sim_population_step(struct sim_world *w, struct sim_population *p,
                         int64_t from_ns, int64_t to_ns, struct err *err)
{
    if (p->spec.n_goroutines > 0) {
        ones_die(w, p, to_ns, 0);
    } else {
        cohorts_die(w, p, from_ns, to_ns);
    }
    const bool ok = p->spec.life.kind == SIM_TARGET
                        ? reach_target(w, p, from_ns, to_ns, err)
                        : arrive(w, p, from_ns, to_ns, err);
    if (!ok) {
        return false;
    }
    if (p->spec.life.kind == SIM_QUEUE && p->n > p->spec.life.capacity) {
        drop_entries(w, p, to_ns, p->n - p->spec.life.capacity);
    }
    if (p->spec.n_goroutines == 0) {
        forget_empty_cohorts(p);
    }
    return sim_container_fit(w, p);
}

/* --- the start --- */

/* Ages at the start are even over a life, as in a process that has run. */
static bool start_aged(struct sim_world *w, struct sim_population *p,
                       struct err *err)
{
    const double mean_s = p->spec.life.mean_s;
    const uint64_t n = p->spec.n_start;
    for (uint64_t i = 0; i < AGES; i++) {
        const uint64_t some = n * (i + 1) / AGES - n * i / AGES;
        const double age = mean_s * (1.0 - ((double)i + 0.5) / AGES);
        if (!add_to_cohorts(w, p, some, w->now_ns - nanoseconds(age), err)) {
            return false;
        }
    }
    return true;
}

static bool start_ones(struct sim_world *w, struct sim_population *p,
                       struct err *err)
{
    const struct sim_life *life = &p->spec.life;
    for (uint64_t i = 0; i < p->spec.n_start; i++) {
        if (!add_one(w, p, w->now_ns, err)) {
            return false;
        }
        struct sim_one *one = &p->ones.items[p->ones.n - 1];
        if (life->kind == SIM_FIXED) {
            const int64_t age =
                nanoseconds(life->mean_s * sim_random_unit(&p->random));
            one->dies_ns -= age;
        }
    }
    return true;
}

bool sim_population_start(struct sim_world *w, struct sim_population *p,
                          struct err *err)
{
    bool ok = true;
    if (p->spec.n_start == 0) {
        /* nobody there yet */
    } else if (p->spec.n_goroutines > 0) {
        ok = start_ones(w, p, err);
    } else if (has_memory(p)) {
        ok = start_aged(w, p, err);
    } else {
        ok = add_to_cohorts(w, p, p->spec.n_start, w->now_ns, err);
    }
    return ok && sim_container_fit(w, p);
}

double sim_population_bytes_per_s(const struct sim_world *w,
                                  const struct sim_population *p)
{
    double bytes = 0;
    for (unsigned i = 0; i < p->spec.n_members; i++) {
        bytes += (double)p->spec.members[i].count *
                 (double)w->buckets.items[p->buckets[i]].bytes;
    }
    const double t_s = seconds(w->now_ns - w->started_ns);
    return bytes * sim_population_per_s(w, p, t_s);
}
