#include "test.h"

#include "sim/world_private.h"

#include <math.h>
#include <string.h>

enum { CLIENTS = 12, LOOKS = 24 };

/* A service that does nothing beside its background. */
static void build_quiet(struct sim_world *w)
{
    sim_http_server(w, CLIENTS);
}

static void build_alone(struct sim_world *w)
{
    sim_http_server(w, 0);
}

static const struct sim_scenario quiet = {
    .name = "quiet", .service = "accounts", .build = build_quiet};
static const struct sim_scenario alone = {
    .name = "alone", .service = "accounts", .build = build_alone};

static struct sim_world *world_of(const struct sim_scenario *scenario,
                                  unsigned n, uint64_t seed, enum sim_go go)
{
    struct sim_options o;
    sim_options_default(&o);
    o.scenario = scenario;
    o.n_background = n;
    o.seed = seed;
    o.go = go;
    o.noise = 0;
    o.interval_ns = 20 * SIM_SECOND;
    o.n_snapshots = LOOKS;
    struct sim_world *w = NULL;
    struct err err = {0};
    assert_ok(sim_world_new(&o, &w, &err), &err);
    return w;
}

static void run_to(struct sim_world *w, unsigned look)
{
    struct err err = {0};
    assert_ok(sim_world_run(w, look * w->options.interval_ns, &err), &err);
}

static bool is_background(const struct sim_population *p)
{
    return strncmp(p->spec.name, "background ", 11) == 0;
}

/* Live bytes of the background's objects. */
static double live_bytes(const struct sim_world *w)
{
    double bytes = 0;
    for (size_t i = 0; i < w->populations.n; i++) {
        const struct sim_population *p = &w->populations.items[i];
        for (unsigned m = 0; is_background(p) && m < p->spec.n_members; m++) {
            bytes += (double)(p->n * p->spec.members[m].count) *
                     (double)w->buckets.items[p->buckets[m]].bytes;
        }
    }
    return bytes;
}

/* --- what there is --- */

static void zero_stacks_are_nothing(void **state)
{
    (void)state;
    struct sim_world *w = world_of(&alone, 0, 1, SIM_GO_1_23);
    assert_int_equal(w->populations.n, 1); /* the acceptor */
    sim_world_free(w);
}

/* Distinct stacks of the background's members. */
static size_t distinct_stacks(const struct sim_world *w)
{
    struct vec_u32 seen = {0};
    for (size_t i = 0; i < w->populations.n; i++) {
        const struct sim_population *p = &w->populations.items[i];
        for (unsigned m = 0; is_background(p) && m < p->spec.n_members; m++) {
            const uint32_t id = p->spec.members[m].stack.i;
            size_t at = 0;
            while (at < seen.n && seen.items[at] != id) {
                at++;
            }
            assert_true(at < seen.n || vec_u32_push(&seen, id));
        }
    }
    const size_t n = seen.n;
    vec_u32_release(&seen);
    return n;
}

static void stacks_are_as_many_as_wanted(void **state)
{
    (void)state;
    static const unsigned counts[] = {1, 2, 7, 20, 100, 500, 2000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct sim_world *w = world_of(&quiet, counts[i], i, SIM_GO_1_23);
        assert_int_equal(distinct_stacks(w), counts[i]);
        sim_world_free(w);
    }
}

static void every_version_has_a_background(void **state)
{
    (void)state;
    for (int go = 0; go < N_SIM_GOS; go++) {
        struct sim_world *w = world_of(&quiet, 300, 5, (enum sim_go)go);
        run_to(w, 1);
        assert_int_equal(w->populations.items[0].n, 1);
        sim_world_free(w);
    }
}

static void bytes_in_use_follow_the_stacks(void **state)
{
    (void)state;
    static const unsigned counts[] = {100, 500, 2000};
    for (size_t i = 0; i < 3; i++) {
        struct sim_world *w = world_of(&quiet, counts[i], i, SIM_GO_1_23);
        const double each = live_bytes(w) / counts[i];
        assert_true(each > 40000 && each < 90000);
        sim_world_free(w);
    }
}

static void allocation_rate_does_not_follow_the_stacks(void **state)
{
    (void)state;
    static const unsigned counts[] = {20, 100, 500, 2000};
    for (size_t i = 0; i < 4; i++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct sim_world *w =
                world_of(&quiet, counts[i], seed, SIM_GO_1_23);
            run_to(w, 1);
            const double before = w->total_alloc_bytes;
            run_to(w, 5);
            const double rate = (w->total_alloc_bytes - before) / 80;
            if (rate < 1.2e6 || rate > 4.5e6) {
                fail_msg("%u stacks, seed %u: %.0f bytes/s", counts[i],
                         (unsigned)seed, rate);
            }
            sim_world_free(w);
        }
    }
}

/* --- the null --- */

/* Last third over first third of the looks, less 1. */
static double drift_of(unsigned n, uint64_t seed)
{
    struct sim_world *w = world_of(&quiet, n, seed, SIM_GO_1_23);
    double first = 0;
    double last = 0;
    for (unsigned look = 0; look < LOOKS; look++) {
        run_to(w, look);
        const double bytes = live_bytes(w);
        first += look < LOOKS / 3 ? bytes : 0;
        last += look >= LOOKS - LOOKS / 3 ? bytes : 0;
    }
    sim_world_free(w);
    return last / first - 1;
}

static void live_bytes_do_not_drift(void **state)
{
    (void)state;
    enum { SEEDS = 12 };
    double sum = 0;
    double squares = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const double drift = drift_of(150, seed);
        if (drift < -0.03 || drift > 0.03) {
            fail_msg("seed %u drifts by %.4f", (unsigned)seed, drift);
        }
        sum += drift;
        squares += drift * drift;
    }
    const double mean = sum / SEEDS;
    const double variance = (squares - SEEDS * mean * mean) / (SEEDS - 1);
    const double standard_error = sqrt(variance / SEEDS);
    if (fabs(mean) > 4 * standard_error) {
        fail_msg("mean drift %.5f, standard error %.5f", mean, standard_error);
    }
}

static void counts_of_each_population_stay_near_their_start(void **state)
{
    (void)state;
    struct sim_world *w = world_of(&quiet, 300, 3, SIM_GO_1_23);
    run_to(w, LOOKS);
    for (size_t i = 0; i < w->populations.n; i++) {
        const struct sim_population *p = &w->populations.items[i];
        const double start = (double)p->spec.n_start;
        const double moved = fabs((double)p->n - start);
        /* Two Poisson counts, six deviations. */
        if (moved > 6 * sqrt(2 * start) + 12) {
            fail_msg("%s: %.0f became %llu", p->spec.name, start,
                     (unsigned long long)p->n);
        }
    }
    sim_world_free(w);
}

/* --- seeds --- */

static void equal_seeds_give_equal_programs(void **state)
{
    (void)state;
    struct sim_world *a = world_of(&quiet, 200, 9, SIM_GO_1_23);
    struct sim_world *b = world_of(&quiet, 200, 9, SIM_GO_1_23);
    struct sim_world *other = world_of(&quiet, 200, 10, SIM_GO_1_23);
    assert_int_equal(a->code.frames.n, b->code.frames.n);
    assert_memory_equal(a->code.stack_frames.items, b->code.stack_frames.items,
                        a->code.stack_frames.n * sizeof(uint32_t));
    assert_true(a->code.stack_frames.n != other->code.stack_frames.n ||
                memcmp(a->code.stack_frames.items,
                       other->code.stack_frames.items,
                       a->code.stack_frames.n * sizeof(uint32_t)) != 0);
    sim_world_free(a);
    sim_world_free(b);
    sim_world_free(other);
}

/* --- the server --- */

static const struct sim_population *find(const struct sim_world *w,
                                         const char *name)
{
    for (size_t i = 0; i < w->populations.n; i++) {
        if (strcmp(w->populations.items[i].spec.name, name) == 0) {
            return &w->populations.items[i];
        }
    }
    return NULL;
}

static void server_keeps_its_clients(void **state)
{
    (void)state;
    struct sim_world *w = world_of(&quiet, 0, 1, SIM_GO_1_23);
    const struct sim_population *idle = find(w, "http idle");
    assert_non_null(idle);
    const uint64_t first_goid = w->next_goid;
    for (unsigned look = 0; look < LOOKS; look++) {
        run_to(w, look);
        assert_int_equal(find(w, "http idle")->n, CLIENTS);
        assert_int_equal(find(w, "http acceptor")->n, 1);
    }
    /* Some came back in eight minutes. */
    assert_true(w->next_goid > first_goid + 2);
    sim_world_free(w);
}

static void idle_connection_waits_for_a_request(void **state)
{
    (void)state;
    struct sim_world *w = world_of(&quiet, 0, 1, SIM_GO_1_23);
    const struct sim_population *idle = find(w, "http idle");
    const struct sim_pose *pose = &idle->spec.goroutines[0].poses[0];
    assert_string_equal(pose->wait, "IO wait");
    size_t n;
    const uint32_t *frames = sim_code_frames(&w->code, pose->stack, &n);
    assert_string_equal(sim_frame_function(&w->code, frames[0])->name,
                        "runtime.gopark");
    assert_string_equal(sim_frame_function(&w->code, frames[n - 1])->name,
                        "net/http.(*conn).serve");
    sim_world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_stacks_are_nothing),
        cmocka_unit_test(stacks_are_as_many_as_wanted),
        cmocka_unit_test(every_version_has_a_background),
        cmocka_unit_test(bytes_in_use_follow_the_stacks),
        cmocka_unit_test(allocation_rate_does_not_follow_the_stacks),
        cmocka_unit_test(live_bytes_do_not_drift),
        cmocka_unit_test(counts_of_each_population_stay_near_their_start),
        cmocka_unit_test(equal_seeds_give_equal_programs),
        cmocka_unit_test(server_keeps_its_clients),
        cmocka_unit_test(idle_connection_waits_for_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
