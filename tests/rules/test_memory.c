#include "series/watched.h"

#include "sim/sim.h"

enum { MOMENTS = 9 };

/* A simulated service watched for some moments. */
struct target {
    struct history *history;
    struct sim_world *world;
};

static void target_init(struct target *x, const char *scenario, uint64_t seed)
{
    struct err err = {0};
    struct sim_options o;
    sim_options_default(&o);
    o.scenario = sim_scenario_find(scenario);
    o.seed = seed;
    o.n_background = 80;
    x->history = history_new(0);
    assert_ok(sim_world_new(&o, &x->world, &err), &err);
}

static void target_release(struct target *x)
{
    history_free(x->history);
    sim_world_free(x->world);
}

static void step(struct target *x, struct stack_table *t, unsigned i)
{
    struct err err = {0};
    struct series_point p[2];
    enum history_event event;
    assert_ok(sim_world_run(x->world, (int64_t)(i + 1) * 60 * SIM_SECOND, &err),
              &err);
    for (int which = 0; which < 2; which++) {
        struct snapshot snap = {.source = "x", .form = FORM_PROTO};
        assert_ok(sim_profile_make(x->world, which ? SIM_GOROUTINE : SIM_HEAP,
                                   &snap.profile, &err),
                  &err);
        snap.kind = profile_kind(snap.profile);
        snap.time_nanos = snap.profile->time_nanos;
        p[which] = watched_point(t, snap);
    }
    assert_ok(history_add(x->history, t, p, 2, &event, &err), &err);
    series_point_release(&p[0]);
    series_point_release(&p[1]);
}

static struct findings judged(const struct target *x, struct stack_table *t,
                              struct rules_memory *memory, const char *module)
{
    struct err err = {0};
    struct series *s = NULL;
    struct findings f;
    const struct series_options so = {.module = module};
    const struct rules_options o = {.memory = memory};
    assert_ok(history_series(x->history, t, &so, &s, &err), &err);
    assert_ok(rules_judge(s, &o, &f, &err), &err);
    series_free(s);
    return f;
}

/* Every service at every moment, with one memory for all and with none. */
static void findings_are_the_same_with_a_memory_and_without(void **state)
{
    (void)state;
    static const char *const names[] = {
        "map-cache",          "steady",
        "unclosed-body",      "ticker-not-stopped",
        "leak-in-dependency", "context-never-cancelled"};
    enum { N = sizeof names / sizeof names[0] };
    static const char *const modules[] = {NULL, "example.com/nobody"};
    struct stack_table *t = stack_table_new();
    struct rules_memory *memory = rules_memory_new();
    struct target targets[N];
    size_t n_findings = 0;
    for (size_t k = 0; k < N; k++) {
        target_init(&targets[k], names[k], k + 1);
    }
    for (unsigned i = 0; i < MOMENTS; i++) {
        for (size_t k = 0; k < N; k++) {
            step(&targets[k], t, i);
            const char *module = modules[i % 2];
            struct findings with = judged(&targets[k], t, memory, module);
            struct findings without = judged(&targets[k], t, NULL, module);
            assert_findings_equal(&with, &without);
            n_findings += with.n;
            findings_release(&with);
            findings_release(&without);
        }
    }
    assert_true(n_findings > 10);
    for (size_t k = 0; k < N; k++) {
        target_release(&targets[k]);
    }
    rules_memory_free(memory);
    stack_table_free(t);
}

static void a_memory_is_bounded_by_the_stacks(void **state)
{
    (void)state;
    struct stack_table *t = stack_table_new();
    struct rules_memory *memory = rules_memory_new();
    struct watched w;
    size_t bytes = 0;
    watched_init(&w, 60, 1, false, false);
    struct history *h = history_new(0);
    for (size_t i = 0; i < w.n_moments; i++) {
        watched_step(&w, i, h, t);
        const struct target x = {.history = h};
        struct findings f = judged(&x, t, memory, NULL);
        findings_release(&f);
        bytes = i == 20 ? rules_memory_bytes(memory) : bytes;
    }
    assert_int_equal(rules_memory_bytes(memory), bytes);
    history_free(h);
    watched_release(&w);
    rules_memory_free(memory);
    stack_table_free(t);
}

/* A series with stacks of its own has no use for it. */
static void a_series_that_shares_no_table_leaves_it_alone(void **state)
{
    (void)state;
    struct err err = {0};
    struct rules_memory *memory = rules_memory_new();
    const size_t bytes = rules_memory_bytes(memory);
    struct series *s = series_new(NULL);
    for (int i = 0; i < 6; i++) {
        struct profile_builder *b = made_goroutine();
        made_count(b, "main.a main.main", i);
        char name[WATCHED_NAME];
        snprintf(name, sizeof name, "%d.goroutine.pb.gz", i);
        made_add(s, b, KIND_GOROUTINE, name, i);
    }
    made_finish(s);
    struct findings f;
    const struct rules_options o = {.memory = memory};
    assert_ok(rules_judge(s, &o, &f, &err), &err);
    assert_int_equal(rules_memory_bytes(memory), bytes);
    findings_release(&f);
    series_free(s);
    rules_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings_are_the_same_with_a_memory_and_without),
        cmocka_unit_test(a_memory_is_bounded_by_the_stacks),
        cmocka_unit_test(a_series_that_shares_no_table_leaves_it_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
