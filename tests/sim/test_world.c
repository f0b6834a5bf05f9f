/* Time, births and deaths, and the cycles by which Go publishes a profile. */
#include "test.h"

#include "sim/world_private.h"

#include <math.h>

/* --- services made for the test --- */

enum { KEPT_BYTES = 1024, GARBAGE_BYTES = 4096 };

static void build_one_leak(struct sim_world *w)
{
    sim_population(
        w, &(struct sim_population_spec){
               .name = "kept",
               .members = {{.stack = sim_stack(w, "main.keep keep.go:10",
                                               "main.main main.go:20", NULL),
                            .bytes = KEPT_BYTES,
                            .parent = -1}},
               .n_members = 1,
               .per_second = 100,
               .ignores_load = true,
               .life = {.kind = SIM_FOREVER},
               .is_leak = true,
           });
}

static void build_lives(struct sim_world *w)
{
    static const struct sim_life lives[] = {
        {.kind = SIM_EXPONENTIAL, .mean_s = 20},
        {.kind = SIM_FIXED,       .mean_s = 20, .spread_s = 5},
        {.kind = SIM_QUEUE,                       .capacity = 2000                  },
    };
    static const char *const names[] = {"exponential", "fixed", "queue"};
    for (size_t i = 0; i < 3; i++) {
        const char *text =
            sim_text(w, "main.%s lives.go:%zu", names[i], 10 + i);
        sim_population(w, &(struct sim_population_spec){
                              .name = names[i],
                              .members = {{.stack = sim_stack(w, text, NULL),
                                           .bytes = KEPT_BYTES,
                                           .parent = -1}},
                              .n_members = 1,
                              .per_second = 100,
                              .ignores_load = true,
                              .life = lives[i],
                              .n_start = 2000,
                          });
    }
    sim_garbage(w, "garbage", sim_stack(w, "main.burn burn.go:9", NULL),
                GARBAGE_BYTES, 500);
}

static void build_goroutines(struct sim_world *w)
{
    sim_population(
        w, &(struct sim_population_spec){
               .name = "sessions",
               .goroutines = {{.poses = {{.wait = "select",
                                          .stack = sim_stack(
                                              w, "@select",
                                              "main.session chat.go:8", NULL)}},
                               .n_poses = 1,
                               .created_by = "main.main main.go:30",
                               .has_sudog = true}},
               .n_goroutines = 1,
               .per_second = 10,
               .ignores_load = true,
               .life = { .kind = SIM_EXPONENTIAL,                                     .mean_s = 30},
               .n_start = 300,
    });
}

static void build_nothing(struct sim_world *w)
{
    (void)w;
}

static struct sim_world *world_of(void (*build)(struct sim_world *),
                                  uint64_t seed, int64_t rate)
{
    static struct sim_scenario scenario;
    scenario = (struct sim_scenario){
        .name = "test", .service = "test", .build = build};
    struct sim_options o;
    struct sim_world *w = NULL;
    struct err err = {0};
    sim_options_default(&o);
    o.scenario = &scenario;
    o.seed = seed;
    o.rate_bytes = rate;
    o.n_background = 0;
    o.noise = 0;
    if (!sim_world_new(&o, &w, &err)) {
        fail_msg("%s", err.text);
    }
    return w;
}

static void run_to(struct sim_world *w, double s)
{
    struct err err = {0};
    if (!sim_world_run(w, (int64_t)(s * 1e9), &err)) {
        fail_msg("%s", err.text);
    }
}

/* --- births and deaths --- */

static void a_leak_grows_as_asked(void **state)
{
    (void)state;
    struct sim_world *w = world_of(build_one_leak, 3, 512 << 10);
    struct sim_truth truth;
    run_to(w, 600);
    sim_world_truth(w, &truth);
    /* 60,000 expected, standard deviation 245 */
    assert_true(fabs(truth.leaked_objects - 60000) < 4 * 245);
    assert_true(truth.leaked_bytes == truth.leaked_objects * KEPT_BYTES);
    /* sampled with 1 - exp(-1/512): 117 +- 11 */
    assert_true(fabs(truth.leaked_sampled - 117) < 4 * 11);
    sim_world_free(w);
}

static void every_life_is_stationary(void **state)
{
    (void)state;
    double mean[3] = {0};
    enum { RUNS = 20 };
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct sim_world *w = world_of(build_lives, seed, 512 << 10);
        run_to(w, 300);
        for (size_t i = 0; i < 3; i++) {
            mean[i] += (double)w->populations.items[i].n / RUNS;
        }
        sim_world_free(w);
    }
    for (size_t i = 0; i < 3; i++) {
        /* Poisson: 45 of one run, 10 of the mean */
        assert_true(fabs(mean[i] - 2000) < 50);
    }
}

static void goroutines_come_and_go(void **state)
{
    (void)state;
    struct sim_world *w = world_of(build_goroutines, 5, 512 << 10);
    run_to(w, 400);
    struct sim_goroutine_list list = {0};
    struct err err = {0};
    assert_true(sim_goroutines(w, &list, &err));
    assert_int_equal(list.n, w->n_goroutines + 2);
    assert_true(fabs((double)w->n_goroutines - 300) < 5 * 17.4);
    for (size_t i = 2; i < list.n; i++) {
        assert_true(list.items[i].goid < w->next_goid);
        assert_true(list.items[i].since_ns <= w->now_ns);
    }
    assert_true(w->most_goroutines >= w->n_goroutines);
    /* goids are never dealt twice */
    assert_true(w->next_goid > 10 * 300);
    sim_goroutine_list_release(&list);
    sim_world_free(w);
}

/* --- the profile's cycles --- */

static const struct sim_bucket *bucket_of(const struct sim_world *w,
                                          uint32_t population)
{
    return &w->buckets.items[w->populations.items[population].buckets[0]];
}

static void before_the_first_collection_everything_shows(void **state)
{
    (void)state;
    struct sim_world *w = world_of(build_one_leak, 1, 1);
    w->options.gogc = 0;
    run_to(w, 5);
    sim_publish(w);
    assert_int_equal(bucket_of(w, 0)->active.allocs,
                     bucket_of(w, 0)->live_sampled);
    /* ... and then nothing new, as long as nothing is collected */
    const uint64_t before = bucket_of(w, 0)->active.allocs;
    run_to(w, 10);
    sim_publish(w);
    assert_int_equal(bucket_of(w, 0)->active.allocs, before);
    assert_true(bucket_of(w, 0)->live_sampled > before);
    sim_world_free(w);
}

static void a_profile_shows_the_collection_before_the_last(void **state)
{
    (void)state;
    struct sim_world *w = world_of(build_one_leak, 1, 1);
    w->options.gogc = 0;
    run_to(w, 5);
    const uint64_t first = bucket_of(w, 0)->live_sampled;
    sim_gc(w, false, false);
    run_to(w, 10);
    const uint64_t second = bucket_of(w, 0)->live_sampled;
    sim_gc(w, false, false);
    sim_publish(w);
    assert_int_equal(bucket_of(w, 0)->active.allocs, first);
    run_to(w, 15);
    sim_gc(w, false, false);
    sim_publish(w);
    assert_int_equal(bucket_of(w, 0)->active.allocs, second);
    sim_world_free(w);
}

static void runtime_gc_publishes_at_once(void **state)
{
    (void)state;
    struct err err = {0};
    struct sim_world *w = world_of(build_one_leak, 1, 1);
    run_to(w, 30);
    assert_true(sim_world_collect(w, &err));
    sim_publish(w);
    assert_int_equal(bucket_of(w, 0)->active.allocs,
                     bucket_of(w, 0)->live_sampled);
    assert_true(sim_truth_site_published(w, "main.keep") ==
                sim_truth_site_bytes(w, "main.keep"));
    sim_world_free(w);
}

static void frees_never_exceed_allocs(void **state)
{
    (void)state;
    struct sim_world *w = world_of(build_lives, 9, 64 << 10);
    for (int i = 1; i <= 60; i++) {
        run_to(w, i * 5);
        for (size_t k = 0; k < w->buckets.n; k++) {
            const struct sim_bucket *b = &w->buckets.items[k];
            assert_true(b->active.frees <= b->active.allocs);
            assert_true(b->active.all_frees <= b->active.all_allocs);
            assert_true(b->live_sampled <= b->live);
        }
        uint64_t objects = 0;
        for (size_t k = 0; k < w->buckets.n; k++) {
            objects += w->buckets.items[k].live + w->buckets.items[k].dead;
        }
        assert_int_equal(w->mallocs - w->frees, objects);
    }
    assert_true(w->n_gc > 10);
    sim_world_free(w);
}

/* --- determinism --- */

static void looking_in_between_changes_nothing_but_steps(void **state)
{
    (void)state;
    struct sim_world *a = world_of(build_lives, 4, 512 << 10);
    struct sim_world *b = world_of(build_lives, 4, 512 << 10);
    run_to(a, 100);
    run_to(b, 100);
    assert_int_equal(a->buckets.n, b->buckets.n);
    for (size_t i = 0; i < a->buckets.n; i++) {
        assert_memory_equal(&a->buckets.items[i], &b->buckets.items[i],
                            sizeof(a->buckets.items[i]));
    }
    sim_world_free(a);
    sim_world_free(b);
}

static void an_empty_service_runs(void **state)
{
    (void)state;
    struct sim_world *w = world_of(build_nothing, 1, 512 << 10);
    run_to(w, 3600);
    /* sysmon collects every two minutes */
    assert_true(w->n_gc >= 29 && w->n_gc <= 32);
    sim_world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leak_grows_as_asked),
        cmocka_unit_test(every_life_is_stationary),
        cmocka_unit_test(goroutines_come_and_go),
        cmocka_unit_test(before_the_first_collection_everything_shows),
        cmocka_unit_test(a_profile_shows_the_collection_before_the_last),
        cmocka_unit_test(runtime_gc_publishes_at_once),
        cmocka_unit_test(frees_never_exceed_allocs),
        cmocka_unit_test(looking_in_between_changes_nothing_but_steps),
        cmocka_unit_test(an_empty_service_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
