#include "series/watched.h"

#include "sim/sim.h"

/* The point as a profile, through its bytes, as a point again. */
static struct series_point again(struct stack_table *t,
                                 const struct series_point *p)
{
    struct err err = {0};
    struct profile *made = NULL;
    struct snapshot snap = {.source = "x"};
    struct buf bytes = BUF_LIMIT((size_t)1 << 26);
    assert_ok(series_point_profile(t, p, &made, &err), &err);
    assert_ok(profile_encode(made, &bytes, &err), &err);
    assert_ok(profile_decode(buf_view(&bytes), &snap.profile, &err), &err);
    snap.kind = profile_kind(snap.profile);
    snap.time_nanos = snap.profile->time_nanos;
    profile_free(made);
    buf_release(&bytes);
    return watched_point(t, snap);
}

static void assert_survives(struct stack_table *t, const struct series_point *p)
{
    const uint32_t n = stack_table_n_rows(t);
    struct series_point q = again(t, p);
    assert_points_equal(p, &q);
    assert_int_equal(stack_table_n_rows(t), n);
    series_point_release(&q);
}

static void made_points_survive(void **state)
{
    (void)state;
    struct watched w;
    struct stack_table *t = stack_table_new();
    watched_init(&w, 30, 1, true, true);
    for (size_t i = 0; i < w.n_moments; i++) {
        struct series_point p = watched_point(t, watched_heap(&w, i));
        assert_survives(t, &p);
        p.is_collected = true;
        assert_survives(t, &p);
        p.kind = KIND_ALLOCS;
        p.is_delta = true;
        assert_survives(t, &p);
        series_point_release(&p);
        p = watched_point(t, watched_goroutines(&w, i));
        assert_survives(t, &p);
        p.kind = KIND_GOROUTINELEAK;
        assert_survives(t, &p);
        series_point_release(&p);
    }
    watched_release(&w);
    stack_table_free(t);
}

static void profiles_of_every_scenario_survive(void **state)
{
    (void)state;
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    for (size_t i = 0; i < n; i += 5) {
        struct err err = {0};
        struct sim_options o;
        struct sim_world *w = NULL;
        struct stack_table *t = stack_table_new();
        sim_options_default(&o);
        o.scenario = all[i];
        o.n_background = 60;
        assert_ok(sim_world_new(&o, &w, &err), &err);
        assert_ok(sim_world_run(w, 300 * SIM_SECOND, &err), &err);
        for (int which = 0; which < 2; which++) {
            struct snapshot snap = {.source = "x"};
            assert_ok(sim_profile_make(w, which ? SIM_GOROUTINE : SIM_HEAP,
                                       &snap.profile, &err),
                      &err);
            snap.kind = profile_kind(snap.profile);
            snap.time_nanos = snap.profile->time_nanos;
            struct series_point p = watched_point(t, snap);
            assert_survives(t, &p);
            series_point_release(&p);
        }
        sim_world_free(w);
        stack_table_free(t);
    }
}

static void labels_and_unnamed_addresses_survive(void **state)
{
    (void)state;
    struct err err = {0};
    struct stack_table *t = stack_table_new();
    struct profile_builder *b = made_goroutine();
    const struct builder_frame inlined[] = {
        {SPAN_LIT("main.inner"),      SPAN_LIT("/a.go"), 3},
        {SPAN_LIT("main.outer[...]"), SPAN_LIT("/a.go"), 9}
    };
    const uint32_t locs[] = {
        profile_builder_location(b, 0x10, PROFILE_NONE, inlined, 2),
        profile_builder_location(b, 0x4711, PROFILE_NONE, NULL, 0)};
    const struct profile_label labels[] = {
        {.key = profile_builder_string(b, SPAN_LIT("tenant")),
         .str = profile_builder_string(b, SPAN_LIT("blue"))},
        {.key = profile_builder_string(b, SPAN_LIT("op")),
         .str = profile_builder_string(b, SPAN_LIT("copy"))}
    };
    const int64_t five = 5;
    struct snapshot snap = {.source = "x", .kind = KIND_GOROUTINE};
    profile_builder_sample(b, locs, 2, &five, 1, labels, 2);
    profile_builder_sample(b, locs, 0, &five, 1, NULL, 0); /* no stack */
    assert_ok(profile_builder_finish(b, &snap.profile, &err), &err);
    struct series_point p = watched_point(t, snap);
    assert_int_equal(p.cells.n, 2);
    assert_survives(t, &p);
    series_point_release(&p);
    stack_table_free(t);
}

static void a_dump_makes_no_profile(void **state)
{
    (void)state;
    struct err err = {0};
    struct stack_table *t = stack_table_new();
    struct profile *p = NULL;
    const struct series_point dump = {.kind = KIND_GOROUTINE,
                                      .form = FORM_DUMP,
                                      .program = "",
                                      .build_id = ""};
    assert_false(series_point_profile(t, &dump, &p, &err));
    assert_err(&err, ERR_INTERNAL,
               "no profile can be made of a goroutine dump");
    stack_table_free(t);
}

struct oom_point {
    struct stack_table *t;
    struct series_point p;
};

static bool make_once(void *ctx, struct err *err)
{
    const struct oom_point *o = ctx;
    struct profile *p = NULL;
    const bool ok = series_point_profile(o->t, &o->p, &p, err);
    profile_free(p);
    return ok;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct watched w;
    struct oom_point o = {.t = stack_table_new()};
    watched_init(&w, 1, 1, false, false);
    o.p = watched_point(o.t, watched_heap(&w, 0));
    assert_true(oom_walk(make_once, &o) > 5);
    series_point_release(&o.p);
    stack_table_free(o.t);
    watched_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_points_survive),
        cmocka_unit_test(profiles_of_every_scenario_survive),
        cmocka_unit_test(labels_and_unnamed_addresses_survive),
        cmocka_unit_test(a_dump_makes_no_profile),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
