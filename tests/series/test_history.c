#include "series/watched.h"

#include "sim/sim.h"

static struct findings judged(struct series *s, struct rules_memory *memory)
{
    struct err err = {0};
    struct findings f;
    const struct rules_options o = {.memory = memory};
    assert_ok(rules_judge(s, &o, &f, &err), &err);
    return f;
}

static struct series *series_of(const struct history *h, struct stack_table *t)
{
    struct err err = {0};
    struct series *s = NULL;
    assert_ok(history_series(h, t, NULL, &s, &err), &err);
    return s;
}

/* --- which moments are kept --- */

static size_t kept_moments(const struct history *h, struct stack_table *t,
                           uint64_t *out, size_t max)
{
    struct err err = {0};
    const size_t n = history_about(h).n_kept;
    assert_true(n <= max);
    for (uint32_t i = 0; i < n; i++) {
        struct series_point *p = NULL;
        size_t n_points = 0;
        assert_ok(history_moment(h, t, i, &out[i], &p, &n_points, &err), &err);
        for (size_t k = 0; k < n_points; k++) {
            series_point_release(&p[k]);
        }
        free(p);
    }
    return n;
}

static void
kept_are_the_first_the_last_and_multiples_of_the_stride(void **state)
{
    (void)state;
    for (uint32_t most = 4; most <= 33; most += 7) {
        struct watched w;
        struct stack_table *t = stack_table_new();
        struct history *h = history_new(most);
        watched_init(&w, 150, most, false, false);
        for (size_t i = 0; i < w.n_moments; i++) {
            uint64_t kept[64];
            watched_step(&w, i, h, t);
            const struct history_about a = history_about(h);
            const size_t n = kept_moments(h, t, kept, 64);
            assert_int_equal(a.n_moments, i + 1);
            assert_true(n <= most);
            assert_true(n * 2 + 2 >= most || n == i + 1);
            assert_int_equal(kept[0], 0);
            assert_int_equal(kept[n - 1], i);
            for (size_t k = 0; k + 1 < n; k++) {
                assert_int_equal(kept[k], k * a.stride);
            }
        }
        history_free(h);
        stack_table_free(t);
        watched_release(&w);
    }
}

static void what_is_kept_is_what_was_given(void **state)
{
    (void)state;
    struct watched w;
    struct err err = {0};
    struct stack_table *t = stack_table_new();
    struct history *h = history_new(0);
    watched_init(&w, 101, 3, true, true);
    for (size_t i = 0; i < w.n_moments; i++) {
        watched_step(&w, i, h, t);
    }
    const struct history_about a = history_about(h);
    for (uint32_t i = 0; i < a.n_kept; i++) {
        uint64_t moment = 0;
        size_t n = 0;
        struct series_point *p = NULL;
        assert_ok(history_moment(h, t, i, &moment, &p, &n, &err), &err);
        assert_int_equal(n, 2);
        for (size_t k = 0; k < n; k++) {
            struct series_point given = watched_point(
                t, p[k].kind == KIND_HEAP ? watched_heap(&w, moment)
                                          : watched_goroutines(&w, moment));
            assert_points_equal(&p[k], &given);
            series_point_release(&given);
            series_point_release(&p[k]);
        }
        free(p);
    }
    history_free(h);
    stack_table_free(t);
    watched_release(&w);
}

/* Some of forty stacks, at a rate of sampling that changes: a history keeps
   differences, and must put all of them together again. */
static struct series_point changing(struct stack_table *t, unsigned moment)
{
    struct err err = {0};
    uint64_t seed = moment;
    struct snapshot snap = {.source = "x", .kind = KIND_HEAP};
    struct profile_builder *b =
        made_heap(moment % 5 < 3 ? MADE_PERIOD : 1 << (moment % 20));
    for (unsigned i = 0; i < 40; i++) {
        char stack[WATCHED_NAME];
        snprintf(stack, sizeof stack, "main.f%u:%u main.main", i, i);
        if (i < 3) { /* the same count at every rate */
            made_block(b, stack, 1 << (6 * i), 90, 7);
        } else if (test_random(&seed) % 4 == 0) {
            made_block(b, stack, 1 << (i % 20),
                       1000 * moment + (double)(test_random(&seed) % 500),
                       (double)(test_random(&seed) % 300));
        }
    }
    assert_ok(profile_builder_finish(b, &snap.profile, &err), &err);
    struct series_point p = watched_point(t, snap);
    p.kind = KIND_GOROUTINELEAK; /* of the heap it would be a restart */
    return p;
}

static void stacks_that_come_and_go_and_other_rates_are_kept(void **state)
{
    (void)state;
    struct err err = {0};
    struct stack_table *t = stack_table_new();
    struct history *h = history_new(9);
    for (unsigned i = 0; i < 70; i++) {
        enum history_event event;
        struct series_point given = changing(t, i);
        assert_ok(history_add(h, t, &given, 1, &event, &err), &err);
        series_point_release(&given);
        for (uint32_t k = 0; k < history_about(h).n_kept; k++) {
            uint64_t moment = 0;
            size_t n = 0;
            struct series_point *p = NULL;
            assert_ok(history_moment(h, t, k, &moment, &p, &n, &err), &err);
            given = changing(t, (unsigned)moment);
            assert_int_equal(n, 1);
            assert_points_equal(p, &given);
            series_point_release(p);
            series_point_release(&given);
            free(p);
        }
    }
    history_free(h);
    stack_table_free(t);
}

static void a_moment_that_is_not_kept_is_an_error(void **state)
{
    (void)state;
    struct err err = {0};
    struct history *h = history_new(0);
    struct stack_table *t = stack_table_new();
    uint64_t moment = 0;
    size_t n = 0;
    struct series_point *p = NULL;
    assert_false(history_moment(h, t, 0, &moment, &p, &n, &err));
    assert_err(&err, ERR_INTERNAL, "no moment 0 is kept");
    history_free(h);
    stack_table_free(t);
}

/* --- verdicts --- */

/* The same moments, given as files would be. */
static struct series *direct(const struct watched *w, const uint64_t *moments,
                             size_t n)
{
    struct err err = {0};
    struct series *s = series_new(NULL);
    for (size_t i = n; i-- > 0;) {
        char name[WATCHED_NAME];
        struct snapshot snap = watched_heap(w, moments[i]);
        snprintf(name, sizeof name, "%u.heap.pb.gz", (unsigned)moments[i]);
        snap.source = name;
        assert_ok(series_add(s, &snap, &err), &err);
        snapshot_release(&snap);
        snap = watched_goroutines(w, moments[i]);
        snprintf(name, sizeof name, "%u.goroutine.pb.gz", (unsigned)moments[i]);
        snap.source = name;
        assert_ok(series_add(s, &snap, &err), &err);
        snapshot_release(&snap);
    }
    made_finish(s);
    return s;
}

static void compare_with_direct(const struct watched *w,
                                const struct history *h, struct stack_table *t,
                                struct rules_memory *memory,
                                enum verdict *verdict)
{
    uint64_t kept[64];
    const size_t n = kept_moments(h, t, kept, 64);
    struct series *a = series_of(h, t);
    struct series *b = direct(w, kept, n);
    struct findings of_history = judged(a, memory);
    struct findings of_files = judged(b, NULL);
    assert_findings_equal(&of_history, &of_files);
    *verdict = of_history.verdict;
    findings_release(&of_history);
    findings_release(&of_files);
    series_free(a);
    series_free(b);
}

/* One table, one memory and other targets' stacks in them. */
static void verdicts_are_those_of_the_kept_moments_as_files(void **state)
{
    (void)state;
    struct stack_table *t = stack_table_new();
    struct rules_memory *memory = rules_memory_new();
    unsigned n_leaks = 0;
    unsigned n_false = 0;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct watched w;
        struct history *h = history_new(0);
        const bool leaks = seed % 3 == 0;
        enum verdict verdict = VERDICT_CLEAN;
        watched_init(&w, 20 + 9 * seed, seed, leaks && seed % 2, leaks);
        for (size_t i = 0; i < w.n_moments; i++) {
            watched_step(&w, i, h, t);
            if (i == 11 || i + 1 == w.n_moments) {
                compare_with_direct(&w, h, t, memory, &verdict);
            }
        }
        n_leaks += leaks && verdict == VERDICT_LEAK;
        n_false += !leaks && verdict == VERDICT_LEAK;
        history_free(h);
        watched_release(&w);
    }
    assert_int_equal(n_leaks, 8);
    assert_int_equal(n_false, 0);
    rules_memory_free(memory);
    stack_table_free(t);
}

static void a_leak_shows_after_thousands_of_moments(void **state)
{
    (void)state;
    struct watched w;
    struct stack_table *t = stack_table_new();
    struct history *h = history_new(0);
    watched_init(&w, 3000, 5, true, false);
    for (size_t i = 0; i < w.n_moments; i++) {
        watched_step(&w, i, h, t);
    }
    const struct history_about a = history_about(h);
    assert_int_equal(a.n_moments, 3000);
    assert_int_equal(a.stride, 128);
    assert_true(a.bytes < 8192);
    struct series *s = series_of(h, t);
    struct findings f = judged(s, NULL);
    assert_int_equal(f.verdict, VERDICT_LEAK);
    assert_string_equal(f.items[0].site.function, "main.(*Cache).put");
    findings_release(&f);
    series_free(s);
    history_free(h);
    stack_table_free(t);
    watched_release(&w);
}

static void a_simulated_service_is_judged_as_its_files_are(void **state)
{
    (void)state;
    static const char *const names[] = {"map-cache", "steady", "unclosed-body"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        struct err err = {0};
        struct sim_options o;
        struct sim_world *world = NULL;
        struct stack_table *t = stack_table_new();
        struct history *h = history_new(0);
        struct series *files = series_new(NULL);
        sim_options_default(&o);
        o.scenario = sim_scenario_find(names[k]);
        assert_ok(sim_world_new(&o, &world, &err), &err);
        for (unsigned i = 0; i < 12; i++) {
            struct series_point p[2];
            assert_ok(
                sim_world_run(world, (int64_t)(i + 1) * 60 * SIM_SECOND, &err),
                &err);
            for (int which = 0; which < 2; which++) {
                char name[WATCHED_NAME];
                struct snapshot snap = {.source = name, .form = FORM_PROTO};
                assert_ok(sim_profile_make(world,
                                           which ? SIM_GOROUTINE : SIM_HEAP,
                                           &snap.profile, &err),
                          &err);
                snap.kind = profile_kind(snap.profile);
                snap.time_nanos = snap.profile->time_nanos;
                snprintf(name, sizeof name, "%u.%s.pb.gz", i,
                         profile_kind_name(snap.kind));
                assert_ok(series_add(files, &snap, &err), &err);
                p[which] = watched_point(t, snap);
            }
            enum history_event event;
            assert_ok(history_add(h, t, p, 2, &event, &err), &err);
            series_point_release(&p[0]);
            series_point_release(&p[1]);
        }
        made_finish(files);
        struct series *s = series_of(h, t);
        struct findings a = judged(s, NULL);
        struct findings b = judged(files, NULL);
        assert_findings_equal(&a, &b);
        findings_release(&a);
        findings_release(&b);
        series_free(s);
        series_free(files);
        history_free(h);
        stack_table_free(t);
        sim_world_free(world);
    }
}

/* --- runs --- */

static void fallen_counters_begin_a_new_run(void **state)
{
    (void)state;
    struct watched before;
    struct watched after;
    struct stack_table *t = stack_table_new();
    struct history *h = history_new(0);
    watched_init(&before, 40, 1, true, true);
    watched_init(&after, 3, 2, false, false);
    after.begin_seconds = INT64_C(40) * 60;
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(watched_step(&before, i, h, t), HISTORY_TAKEN);
    }
    assert_int_equal(watched_step(&after, 0, h, t), HISTORY_RESTART);
    assert_int_equal(watched_step(&after, 1, h, t), HISTORY_TAKEN);
    const struct history_about a = history_about(h);
    assert_int_equal(a.n_runs, 2);
    assert_int_equal(a.n_moments, 2);
    assert_int_equal(a.n_kept, 2);
    assert_int_equal(a.stride, 1);
    assert_int_equal(a.first_nanos, watched_nanos(&after, 0));
    assert_int_equal(a.last_nanos, watched_nanos(&after, 1));
    struct series *s = series_of(h, t);
    assert_int_equal(series_about(s)->n_segments, 1);
    series_free(s);
    history_free(h);
    stack_table_free(t);
    watched_release(&before);
    watched_release(&after);
}

static void another_binary_begins_a_new_run(void **state)
{
    (void)state;
    struct watched w;
    struct stack_table *t = stack_table_new();
    struct history *h = history_new(0);
    watched_init(&w, 8, 1, false, false);
    assert_int_equal(watched_step(&w, 0, h, t), HISTORY_TAKEN);
    w.program = "/opt/new/server"; /* the same program, elsewhere */
    assert_int_equal(watched_step(&w, 1, h, t), HISTORY_TAKEN);
    w.build_id = ""; /* says nothing */
    assert_int_equal(watched_step(&w, 2, h, t), HISTORY_TAKEN);
    w.build_id = "another";
    assert_int_equal(watched_step(&w, 3, h, t), HISTORY_DEPLOY);
    w.program = "/opt/new/other";
    assert_int_equal(watched_step(&w, 4, h, t), HISTORY_DEPLOY);
    assert_int_equal(history_about(h).n_runs, 3);
    assert_int_equal(history_about(h).n_moments, 1);
    history_free(h);
    stack_table_free(t);
    watched_release(&w);
}

/* A series goes by time: after half an hour more of the old times it would
   still end with moment 14. */
static void a_clock_set_back_begins_a_new_run(void **state)
{
    (void)state;
    struct watched w;
    struct stack_table *t = stack_table_new();
    struct history *h = history_new(0);
    watched_init(&w, 30, 1, false, true);
    for (size_t i = 0; i < 30; i++) {
        w.begin_seconds = i < 15 ? 0 : -3600;
        assert_int_equal(watched_step(&w, i, h, t),
                         i == 15 ? HISTORY_CLOCK : HISTORY_TAKEN);
    }
    assert_int_equal(history_about(h).n_runs, 2);
    assert_int_equal(history_about(h).n_moments, 15);
    assert_int_equal(history_about(h).first_nanos, watched_nanos(&w, 15));
    assert_int_equal(history_about(h).last_nanos, watched_nanos(&w, 29));
    struct series *s = series_of(h, t);
    assert_int_equal(series_n_points(s, PLANE_GOROUTINE), 15);
    series_free(s);
    history_free(h);
    stack_table_free(t);
    watched_release(&w);
}

static enum history_event step_at(struct history *h, struct stack_table *t,
                                  int64_t heap_nanos, int64_t goroutine_nanos)
{
    struct err err = {0};
    enum history_event event = HISTORY_TAKEN;
    const struct series_point p[2] = {
        {.kind = KIND_HEAP,
         .time_nanos = heap_nanos,
         .program = "",
         .build_id = ""},
        {.kind = KIND_GOROUTINE,
         .time_nanos = goroutine_nanos,
         .program = "",
         .build_id = ""},
    };
    assert_ok(history_add(h, t, p, 2, &event, &err), &err);
    return event;
}

static void small_steps_and_missing_times_are_no_clock_set_back(void **state)
{
    (void)state;
    const int64_t second = INT64_C(1000000000);
    struct stack_table *t = stack_table_new();
    struct history *h = history_new(0);
    step_at(h, t, 100 * second, 101 * second);
    assert_int_not_equal(step_at(h, t, 100 * second, 100 * second),
                         HISTORY_CLOCK);
    assert_int_not_equal(step_at(h, t, 0, 0), HISTORY_CLOCK);
    assert_int_not_equal(step_at(h, t, 0, 102 * second), HISTORY_CLOCK);
    /* Between its two profiles: the next moment tells. */
    assert_int_not_equal(step_at(h, t, 110 * second, 51 * second),
                         HISTORY_CLOCK);
    assert_int_equal(step_at(h, t, 60 * second, 61 * second), HISTORY_CLOCK);
    assert_int_equal(history_about(h).n_moments, 1);
    history_free(h);
    stack_table_free(t);
}

static void a_state_seen_before_is_said_and_makes_no_point(void **state)
{
    (void)state;
    struct watched w;
    struct stack_table *t = stack_table_new();
    struct history *h = history_new(0);
    watched_init(&w, 12, 1, false, false);
    for (size_t i = 4; i < 12; i++) { /* no GC from moment 3 on */
        memcpy(&w.sites[i * WATCHED_SITES], &w.sites[(size_t)3 * WATCHED_SITES],
               WATCHED_SITES * sizeof *w.sites);
        w.sites[i * WATCHED_SITES + 5].born += (double)i; /* the profiler */
    }
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(watched_step(&w, i, h, t),
                         i < 4 ? HISTORY_TAKEN : HISTORY_REPEAT);
    }
    struct series *s = series_of(h, t);
    assert_int_equal(series_n_points(s, PLANE_HEAP), 4);
    assert_int_equal(series_about(s)->n_stale, 8);
    assert_int_equal(series_n_points(s, PLANE_GOROUTINE), 12);
    series_free(s);
    history_free(h);
    stack_table_free(t);
    watched_release(&w);
}

/* The plateau of a service that idles, asked with ?gc=1. */
static void
a_state_seen_before_is_a_point_where_garbage_was_collected(void **state)
{
    (void)state;
    struct watched w;
    struct stack_table *t = stack_table_new();
    struct history *h = history_new(0);
    watched_init(&w, 1, 1, false, false);
    for (int64_t i = 0; i < 12; i++) {
        enum history_event event;
        struct err err = {0};
        struct series_point p = watched_point(t, watched_heap(&w, 0));
        p.is_collected = true;
        p.time_nanos += i * INT64_C(1000000000);
        assert_ok(history_add(h, t, &p, 1, &event, &err), &err);
        assert_int_equal(event, HISTORY_TAKEN);
        series_point_release(&p);
    }
    struct series *s = series_of(h, t);
    assert_int_equal(series_n_points(s, PLANE_HEAP), 12);
    assert_int_equal(series_about(s)->n_stale, 0);
    series_free(s);
    history_free(h);
    stack_table_free(t);
    watched_release(&w);
}

/* --- what it is made for --- */

static void replaying_gives_the_same_history(void **state)
{
    (void)state;
    struct watched w;
    struct stack_table *t = stack_table_new();
    struct stack_table *other = stack_table_new();
    struct history *a = history_new(0);
    struct history *b = history_new(0);
    watched_init(&w, 77, 9, true, false);
    /* The other table has seen something else before. */
    struct series_point p = watched_point(other, watched_goroutines(&w, 70));
    series_point_release(&p);
    for (size_t i = 0; i < w.n_moments; i++) {
        watched_step(&w, i, a, t);
        watched_step(&w, i, b, other);
    }
    const struct history_about of_a = history_about(a);
    const struct history_about of_b = history_about(b);
    assert_int_equal(of_a.n_kept, of_b.n_kept);
    assert_int_equal(of_a.stride, of_b.stride);
    struct series *sa = series_of(a, t);
    struct series *sb = series_of(b, other);
    struct findings fa = judged(sa, NULL);
    struct findings fb = judged(sb, NULL);
    assert_findings_equal(&fa, &fb);
    findings_release(&fa);
    findings_release(&fb);
    series_free(sa);
    series_free(sb);
    history_free(a);
    history_free(b);
    stack_table_free(t);
    stack_table_free(other);
    watched_release(&w);
}

static void evidence_of_rare_profiles_stays_until_the_next(void **state)
{
    (void)state;
    struct err err = {0};
    struct watched w;
    struct stack_table *t = stack_table_new();
    struct history *h = history_new(4);
    watched_init(&w, 60, 1, false, false);
    for (size_t i = 0; i < w.n_moments; i++) {
        struct series_point p[3] = {
            watched_point(t, watched_heap(&w, i)),
            watched_point(t, watched_goroutines(&w, i)),
            watched_point(t, watched_goroutines(&w, i))};
        enum history_event event;
        p[2].kind = KIND_GOROUTINELEAK;
        assert_ok(history_add(h, t, p, i == 13 ? 3 : 2, &event, &err), &err);
        for (int k = 0; k < 3; k++) {
            series_point_release(&p[k]);
        }
    }
    struct series *s = series_of(h, t);
    assert_int_equal(series_n_points(s, PLANE_LEAK), 1);
    assert_true(history_about(h).n_kept <= 5);
    series_free(s);
    history_free(h);
    stack_table_free(t);
    watched_release(&w);
}

static void dumps_and_texts_are_kept_too(void **state)
{
    (void)state;
    struct err err = {0};
    struct stack_table *t = stack_table_new();
    struct history *h = history_new(0);
    for (uint64_t i = 0; i < 3; i++) {
        enum history_event event;
        struct goroutine_dump *d = made_dump();
        made_dumped(d, 1 + i, "chan receive", 3, "main.wait:7 main.main:9");
        made_dumped(d, 9 + i, "select", -1, "main.loop:8");
        struct snapshot snap = {.source = "d",
                                .kind = KIND_GOROUTINE,
                                .form = FORM_DUMP,
                                .dump = d};
        struct profile_builder *b = made_heap(1);
        made_block(b, "main.a", 16, 40 + (double)i, 5);
        profile_builder_profile(b)->memstats = (struct memstats){
            .present = true,
            .has = 1u << MEMSTATS_NumGC | 1u << MEMSTATS_HeapAlloc,
            .v = {[MEMSTATS_NumGC] = i, [MEMSTATS_HeapAlloc] = 1000 + i}
        };
        struct snapshot heap = {
            .source = "h", .kind = KIND_HEAP, .form = FORM_TEXT};
        assert_ok(profile_builder_finish(b, &heap.profile, &err), &err);
        struct series_point p[2] = {watched_point(t, snap),
                                    watched_point(t, heap)};
        assert_ok(history_add(h, t, p, 2, &event, &err), &err);
        series_point_release(&p[0]);
        series_point_release(&p[1]);
    }
    struct series *s = series_of(h, t);
    size_t n = 0;
    const struct series_dump *dumps = series_dumps(s, &n);
    assert_int_equal(n, 3);
    assert_string_equal(dumps[2].source, "002.goroutine.debug2.txt");
    assert_int_equal(dumps[2].n, 2);
    assert_int_equal(dumps[2].items[0].id, 3);
    assert_string_equal(dumps[2].items[0].status, "chan receive");
    assert_int_equal(dumps[2].items[0].wait_minutes, 3);
    const struct series_memstats *m = series_memstats(s, &n);
    assert_int_equal(n, 3);
    assert_int_equal(m[1].stats.v[MEMSTATS_HeapAlloc], 1001);
    series_free(s);
    history_free(h);
    stack_table_free(t);
}

static void totals_are_those_of_the_points(void **state)
{
    (void)state;
    struct watched w;
    struct stack_table *t = stack_table_new();
    struct history *h = history_new(0);
    double values[8];
    int64_t nanos[8];
    watched_init(&w, 20, 4, false, false);
    for (size_t i = 0; i < w.n_moments; i++) {
        watched_step(&w, i, h, t);
    }
    assert_int_equal(history_totals(h, PLANE_GOROUTINE, values, nanos, 8), 8);
    double sum = 0;
    for (size_t g = 0; g < WATCHED_GROUPS; g++) {
        sum += w.groups[(size_t)19 * WATCHED_GROUPS + g];
    }
    assert_true(watched_same(values[7], sum));
    assert_int_equal(nanos[0], watched_nanos(&w, 12));
    assert_int_equal(history_totals(h, PLANE_LEAK, values, nanos, 8), 0);
    assert_int_equal(history_totals(h, PLANE_HEAP, values, nanos, 8), 8);
    struct series *s = series_of(h, t);
    assert_true(watched_same(values[7], series_about(s)->live_heap_bytes));
    series_free(s);
    history_free(h);
    stack_table_free(t);
    watched_release(&w);
}

/* The other targets of a table are none of its business. */
static void a_series_numbers_its_own_stacks_only(void **state)
{
    (void)state;
    struct watched w;
    struct stack_table *t = stack_table_new();
    for (unsigned i = 0; i < 500; i++) {
        char stack[WATCHED_NAME];
        struct profile_builder *b = made_goroutine();
        struct snapshot snap = {.source = "x", .kind = KIND_GOROUTINE};
        struct err err = {0};
        snprintf(stack, sizeof stack, "main.other%u:%u main.main", i, i);
        made_count(b, stack, 1);
        assert_ok(profile_builder_finish(b, &snap.profile, &err), &err);
        struct series_point p = watched_point(t, snap);
        series_point_release(&p);
    }
    struct history *h = history_new(0);
    watched_init(&w, 9, 1, false, false);
    for (size_t i = 0; i < w.n_moments; i++) {
        watched_step(&w, i, h, t);
    }
    struct series *s = series_of(h, t);
    assert_int_equal(series_n_rows(s), WATCHED_SITES + WATCHED_GROUPS);
    assert_true(series_n_funcs(s) < 40);
    series_free(s);
    history_free(h);
    stack_table_free(t);
    watched_release(&w);
}

/* --- memory --- */

/* Snapshots made beforehand, so that making them does not run out. */
enum { OOM_MOMENTS = 7 };
struct oom_world {
    struct snapshot heap[OOM_MOMENTS], goroutines[OOM_MOMENTS];
};

static bool add_moment(const struct oom_world *o, size_t i, struct history *h,
                       struct stack_table *t, struct err *err)
{
    enum history_event event;
    struct series_point p[2] = {{0}};
    const bool ok = series_point_of(t, &o->heap[i], &p[0], err) &&
                    series_point_of(t, &o->goroutines[i], &p[1], err) &&
                    history_add(h, t, p, 2, &event, err);
    series_point_release(&p[0]);
    series_point_release(&p[1]);
    return ok;
}

static bool step_and_judge(void *ctx, struct err *err)
{
    const struct oom_world *o = ctx;
    struct stack_table *t = stack_table_new();
    struct history *h = history_new(4);
    struct rules_memory *memory = rules_memory_new();
    const struct rules_options options = {.memory = memory};
    struct series *s = NULL;
    struct findings f = {0};
    bool ok = (t && h && memory) || err_nomem(err, "test");
    for (size_t i = 0; ok && i < OOM_MOMENTS; i++) {
        ok = add_moment(o, i, h, t, err);
    }
    ok = ok && history_series(h, t, NULL, &s, err) &&
         rules_judge(s, &options, &f, err);
    findings_release(&f);
    series_free(s);
    rules_memory_free(memory);
    history_free(h);
    stack_table_free(t);
    return ok;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct watched w;
    struct oom_world o;
    watched_init(&w, OOM_MOMENTS, 1, true, true);
    for (size_t i = 0; i < OOM_MOMENTS; i++) {
        o.heap[i] = watched_heap(&w, i);
        o.goroutines[i] = watched_goroutines(&w, i);
    }
    assert_true(oom_walk(step_and_judge, &o) > 100);
    for (size_t i = 0; i < OOM_MOMENTS; i++) {
        snapshot_release(&o.heap[i]);
        snapshot_release(&o.goroutines[i]);
    }
    watched_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            kept_are_the_first_the_last_and_multiples_of_the_stride),
        cmocka_unit_test(what_is_kept_is_what_was_given),
        cmocka_unit_test(stacks_that_come_and_go_and_other_rates_are_kept),
        cmocka_unit_test(a_moment_that_is_not_kept_is_an_error),
        cmocka_unit_test(verdicts_are_those_of_the_kept_moments_as_files),
        cmocka_unit_test(a_leak_shows_after_thousands_of_moments),
        cmocka_unit_test(a_simulated_service_is_judged_as_its_files_are),
        cmocka_unit_test(fallen_counters_begin_a_new_run),
        cmocka_unit_test(another_binary_begins_a_new_run),
        cmocka_unit_test(a_clock_set_back_begins_a_new_run),
        cmocka_unit_test(small_steps_and_missing_times_are_no_clock_set_back),
        cmocka_unit_test(a_state_seen_before_is_said_and_makes_no_point),
        cmocka_unit_test(
            a_state_seen_before_is_a_point_where_garbage_was_collected),
        cmocka_unit_test(replaying_gives_the_same_history),
        cmocka_unit_test(evidence_of_rare_profiles_stays_until_the_next),
        cmocka_unit_test(dumps_and_texts_are_kept_too),
        cmocka_unit_test(totals_are_those_of_the_points),
        cmocka_unit_test(a_series_numbers_its_own_stacks_only),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
