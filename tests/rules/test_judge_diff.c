#include "test.h"

#include "rules/rules.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct rules_diff_options defaults = {4, 8 << 20, 50, 0.2};

static uint32_t location(struct profile_builder *b, const char *function)
{
    const struct builder_frame f = {span_of(function), SPAN_LIT("x.go"), 7};
    return profile_builder_location(b, 0, PROFILE_NONE, &f, 1);
}

/* `n` goroutines in main.wait below main.run, and 100 at each of so many other
   sites. */
static struct profile *goroutines_beside(int64_t n, int n_steady)
{
    struct profile_builder *b = profile_builder_new();
    struct profile *p = NULL;
    struct err err = {0};
    profile_builder_type(b, "goroutine", "count");
    profile_builder_period(b, "goroutine", "count", 1);
    const uint32_t locs[] = {location(b, "runtime.gopark"),
                             location(b, "runtime.chanrecv"),
                             location(b, "runtime.chanrecv1"),
                             location(b, "main.wait"), location(b, "main.run")};
    profile_builder_sample(b, locs, 5, &n, 1, NULL, 0);
    for (int i = 0; i < n_steady; i++) {
        char name[32];
        const int64_t level = 100;
        (void)snprintf(name, sizeof(name), "main.steady%c", 'A' + i);
        const uint32_t steady[] = {locs[0], locs[1], locs[2], location(b, name),
                                   locs[4]};
        profile_builder_sample(b, steady, 5, &level, 1, NULL, 0);
    }
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    return p;
}

static struct profile *goroutines(int64_t n)
{
    return goroutines_beside(n, 0);
}

/* `n` objects of 1 MiB of main.keep in use, `births` ever. */
static struct profile *heap(int64_t n, int64_t births)
{
    struct profile_builder *b = profile_builder_new();
    struct profile *p = NULL;
    struct err err = {0};
    profile_builder_type(b, "alloc_objects", "count");
    profile_builder_type(b, "alloc_space", "bytes");
    profile_builder_type(b, "inuse_objects", "count");
    profile_builder_type(b, "inuse_space", "bytes");
    profile_builder_period(b, "space", "bytes", 524288);
    const uint32_t locs[] = {location(b, "main.keep"), location(b, "main.run")};
    const int64_t values[] = {births, births << 20, n, n << 20};
    profile_builder_sample(b, locs, 2, values, 4, NULL, 0);
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    return p;
}

static void add(struct series_diff *d, enum diff_side side,
                enum profile_kind kind, struct profile *p, int64_t seconds)
{
    struct err err = {0};
    struct snapshot s = {.source = "x",
                         .kind = kind,
                         .form = FORM_PROTO,
                         .time_nanos = seconds * 1000000000,
                         .profile = p};
    assert_ok(series_diff_add(d, side, &s, &err), &err);
    snapshot_release(&s);
}

/* Heap profiles of one directory, ten seconds apart, of one process as long as
   the births go on. */
static void add_directory(struct series_diff *d, enum diff_side side,
                          const int64_t *levels, const int64_t *births,
                          size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err err = {0};
        struct snapshot s = {.source = side == DIFF_BASE ? "a/x" : "b/x",
                             .kind = KIND_HEAP,
                             .form = FORM_PROTO,
                             .time_nanos = (int64_t)(100 + 10 * i) * 1000000000,
                             .profile = heap(levels[i], births[i])};
        assert_ok(series_diff_add_listed(d, side, &s, &err), &err);
        snapshot_release(&s);
    }
}

static struct findings judge(struct series_diff *d)
{
    struct findings out = {0};
    struct err err = {0};
    assert_ok(series_diff_finish(d, false, &err), &err);
    assert_ok(rules_judge_diff(d, &defaults, &out, &err), &err);
    series_diff_free(d);
    return out;
}

/* --- what counts --- */

static const struct count_case {
    int64_t base, head;
    size_t n_findings;
} goroutine_cases[] = {
    {10,   80,   1}, /* +70, z 7.4 */
    {10,   59,   0}, /* +49: too few */
    {1000, 1100, 0}, /* z 2.2: noise */
    {80,   50,   0}, /* fell */
    {0,    50,   1},
};

static void goroutines_count_by_number_and_noise(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(goroutine_cases) / sizeof(goroutine_cases[0]);
         i++) {
        const struct count_case *c = &goroutine_cases[i];
        struct series_diff *d = series_diff_new(NULL);
        add(d, DIFF_BASE, KIND_GOROUTINE, goroutines(c->base), 100);
        add(d, DIFF_HEAD, KIND_GOROUTINE, goroutines(c->head), 200);
        struct findings f = judge(d);
        assert_int_equal(f.n, c->n_findings);
        assert_int_equal(f.verdict,
                         c->n_findings ? VERDICT_GROWTH : VERDICT_CLEAN);
        findings_release(&f);
    }
}

/* Growth of `n` where there are 400 already. */
static size_t findings_beside_many(int64_t n)
{
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_BASE, KIND_GOROUTINE, goroutines(400), 100);
    add(d, DIFF_HEAD, KIND_GOROUTINE, goroutines(400 + n), 200);
    struct findings f = judge(d);
    const size_t out = f.n;
    findings_release(&f);
    return out;
}

static void a_leak_beside_many_goroutines_must_be_larger(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_BASE, KIND_GOROUTINE, goroutines(400), 100);
    add(d, DIFF_HEAD, KIND_GOROUTINE, goroutines(410), 200);
    struct findings f = judge(d);
    assert_true(f.limits.goroutines == 50);
    assert_string_equal(f.limits.goroutines_most.at, "main.wait");
    const int64_t most = (int64_t)f.limits.goroutines_most.amount;
    findings_release(&f);
    assert_true(most > 2 * 50);
    assert_int_equal(findings_beside_many(most), 1);
    assert_int_equal(findings_beside_many(most / 2), 0);
}

static void two_snapshots_say_growth_and_why_not_more(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_BASE, KIND_GOROUTINE, goroutines(10), 100);
    add(d, DIFF_HEAD, KIND_GOROUTINE, goroutines(500), 200);
    struct findings f = judge(d);
    assert_int_equal(f.n, 1);
    assert_int_equal(f.items[0].grade, GRADE_GROWTH);
    assert_string_equal(f.items[0].rule->id, "goroutine-chan-receive");
    assert_string_equal(f.items[0].site.function, "main.wait");
    assert_string_equal(f.items[0].operation, "main.run");
    assert_int_equal(strlen(f.items[0].id), 16);
    assert_string_equal(f.notes[0],
                        "two snapshots cannot separate a leak from warm-up or "
                        "load: at most growth");
    findings_release(&f);
}

/* Fewer births in a later run: the runs are independent processes. */
static struct findings judge_n_runs(int n, bool is_one_process)
{
    struct series_diff *d = series_diff_new(NULL);
    for (int i = 0; i < n; i++) {
        const int64_t births = is_one_process ? 5000 + 100 * i : 5000 - 100 * i;
        add(d, DIFF_BASE, KIND_HEAP, heap(20 + i, births), 100 + i);
        add(d, DIFF_HEAD, KIND_HEAP, heap(90 + i, births + 400), 200 + i);
    }
    return judge(d);
}

static struct findings judge_runs(bool is_one_process)
{
    return judge_n_runs(4, is_one_process);
}

static void three_runs_a_side_are_enough_for_one_site(void **state)
{
    (void)state;
    struct findings runs = judge_n_runs(3, false);
    assert_int_equal(runs.n, 1);
    assert_true(fabs(runs.items[0].statistics.p - 0.05) < 1e-12);
    assert_true(fabs(runs.items[0].statistics.q - 0.05) < 1e-12);
    assert_int_equal(runs.items[0].grade, GRADE_STRONG);
    findings_release(&runs);
}

static void growth_below_the_limits_is_told(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_BASE, KIND_GOROUTINE, goroutines(1), 100);
    add(d, DIFF_HEAD, KIND_GOROUTINE, goroutines(45), 200);
    struct findings f = judge(d);
    assert_int_equal(f.verdict, VERDICT_CLEAN);
    assert_int_equal(f.n_below_limits, 1);
    assert_int_equal(f.n_notes, 2);
    assert_non_null(strstr(f.notes[0], "+44 at main.wait"));
    findings_release(&f);
}

static void independent_runs_may_be_strong(void **state)
{
    (void)state;
    struct findings runs = judge_runs(false);
    assert_int_equal(runs.n, 1);
    assert_int_equal(runs.items[0].grade, GRADE_STRONG);
    assert_true(fabs(runs.items[0].statistics.p - 1.0 / 70) < 1e-12);
    assert_int_equal(runs.verdict, VERDICT_LEAK);
    findings_release(&runs);

    struct findings one = judge_runs(true);
    assert_int_equal(one.n, 1);
    assert_int_equal(one.items[0].grade, GRADE_GROWTH);
    findings_release(&one);
}

/* --- runs, noise and what is gone --- */

static void add_goroutines(struct series_diff *d, enum diff_side side,
                           const int64_t *n, size_t n_runs)
{
    for (size_t i = 0; i < n_runs; i++) {
        add(d, side, KIND_GOROUTINE, goroutines(n[i]), 100 + (int64_t)i);
    }
}

/* Means 100 and 250, but the runs of head are 20, 30 and 700. */
static void one_run_that_stands_out_is_no_growth(void **state)
{
    (void)state;
    static const int64_t base[] = {90, 100, 110};
    static const int64_t wild[] = {20, 30, 700};
    static const int64_t high[] = {240, 250, 260};
    for (int is_high = 0; is_high < 2; is_high++) {
        struct series_diff *d = series_diff_new(NULL);
        add_goroutines(d, DIFF_BASE, base, 3);
        add_goroutines(d, DIFF_HEAD, is_high ? high : wild, 3);
        struct findings f = judge(d);
        assert_int_equal(f.n, is_high);
        if (!is_high) {
            assert_string_equal(
                f.notes[0], "1 site beyond sampling noise, but within the "
                            "spread of the runs of a side: +150 at main.wait, "
                            "z 8.0");
        }
        findings_release(&f);
    }
}

/* Noise of the runs: deviation 40, so that +100 is nothing and +600 is much. */
/* Against one base profile: more of a process that rises is no noise, and of
   one that goes up and down it is. */
static void profiles_of_one_process_are_noise_beside_their_trend(void **state)
{
    static const struct {
        int64_t levels[5];
        size_t n_findings;
    } cases[] = {
        {{10, 40, 70, 100, 130}, 1},
        {{10, 12, 14, 16, 130},  1},
        {{10, 130, 15, 10, 120}, 0},
        {{130, 10, 130, 10, 80}, 0},
    };
    static const int64_t births[] = {1000, 1100, 1200, 1300, 1400};
    static const int64_t base = 10;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct series_diff *d = series_diff_new(NULL);
        add_directory(d, DIFF_BASE, &base, births, 1);
        add_directory(d, DIFF_HEAD, cases[i].levels, births, 5);
        struct findings f = judge(d);
        assert_int_equal(f.n, cases[i].n_findings);
        if (f.n == 0) {
            assert_int_equal(f.verdict, VERDICT_CLEAN);
            assert_non_null(strstr(f.notes[0], "that the profiles of a process "
                                               "stray from its trend"));
        }
        findings_release(&f);
    }
}

/* A process that was started anew, and another one that grew: two runs do not
   say which of them is the rule. Three a side would. */
static void what_two_runs_cannot_decide_is_open(void **state)
{
    static const int64_t base[] = {10, 20, 30};
    static const int64_t base_births[] = {1000, 1100, 1200};
    static const int64_t head[] = {10, 20, 30, 110, 120, 130};
    static const int64_t head_births[] = {1000, 1100, 1200, 900, 1000, 1300};
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    add_directory(d, DIFF_BASE, base, base_births, 3);
    add_directory(d, DIFF_HEAD, head, head_births, 6);
    struct findings f = judge(d);
    assert_int_equal(f.n, 0);
    assert_int_equal(f.verdict, VERDICT_INCONCLUSIVE);
    assert_true(f.is_open);
    assert_string_equal(f.limits.advice, "give three runs or more a side");
    findings_release(&f);
}

static void growth_within_the_noise_of_calibration_does_not_count(void **state)
{
    (void)state;
    static const int64_t levels[] = {60, 140, 100, 80, 120};
    static const struct {
        int64_t head;
        size_t n_findings;
    } cases[] = {
        {200, 0},
        {800, 1}
    };
    for (size_t i = 0; i < 2; i++) {
        struct series_diff *d = series_diff_new(NULL);
        struct err err = {0};
        add(d, DIFF_BASE, KIND_GOROUTINE, goroutines(100), 100);
        add(d, DIFF_HEAD, KIND_GOROUTINE, goroutines(cases[i].head), 200);
        for (uint32_t run = 0; run < 5; run++) {
            struct snapshot s = {.source = "x",
                                 .kind = KIND_GOROUTINE,
                                 .form = FORM_PROTO,
                                 .time_nanos = INT64_C(300000000000) + run,
                                 .profile = goroutines(levels[run])};
            assert_ok(series_diff_calibrate(d, run, &s, &err), &err);
            snapshot_release(&s);
        }
        struct findings f = judge(d);
        assert_int_equal(f.n, cases[i].n_findings);
        findings_release(&f);
    }
}

/* Two runs are too few; what is found beside it may be accepted later. */
static void what_is_open_is_told_beside_what_is_found(void **state)
{
    (void)state;
    static const int64_t levels[] = {60, 140};
    for (int has_proof = 0; has_proof < 2; has_proof++) {
        struct series_diff *d = series_diff_new(NULL);
        struct err err = {0};
        add(d, DIFF_BASE, KIND_GOROUTINE, goroutines(100), 100);
        add(d, DIFF_HEAD, KIND_GOROUTINE, goroutines(400), 200);
        if (has_proof) {
            add(d, DIFF_HEAD, KIND_GOROUTINELEAK, goroutines(5), 200);
        }
        for (uint32_t run = 0; run < 2; run++) {
            struct snapshot s = {.source = "x",
                                 .kind = KIND_GOROUTINE,
                                 .form = FORM_PROTO,
                                 .time_nanos = INT64_C(300000000000) + run,
                                 .profile = goroutines(levels[run])};
            assert_ok(series_diff_calibrate(d, run, &s, &err), &err);
            snapshot_release(&s);
        }
        struct findings f = judge(d);
        assert_int_equal(f.n, has_proof);
        assert_int_equal(f.verdict,
                         has_proof ? VERDICT_LEAK : VERDICT_INCONCLUSIVE);
        assert_true(f.is_open && f.is_comparison);
        assert_string_equal(f.limits.advice,
                            "give five calibration runs or more");
        findings_release(&f);
    }
}

/* Sites that could have counted share the risk, also those that did not move:
   their number may not depend on what moved. */
static void steady_sites_share_the_risk(void **state)
{
    (void)state;
    static const int64_t levels[] = {60, 140, 100, 80, 120};
    for (int n_steady = 0; n_steady <= 20; n_steady += 20) {
        struct series_diff *d = series_diff_new(NULL);
        struct err err = {0};
        add(d, DIFF_BASE, KIND_GOROUTINE, goroutines_beside(100, n_steady),
            100);
        add(d, DIFF_HEAD, KIND_GOROUTINE, goroutines_beside(350, n_steady),
            200);
        for (uint32_t run = 0; run < 5; run++) {
            struct snapshot s = {.source = "x",
                                 .kind = KIND_GOROUTINE,
                                 .form = FORM_PROTO,
                                 .time_nanos = INT64_C(300000000000) + run,
                                 .profile =
                                     goroutines_beside(levels[run], n_steady)};
            assert_ok(series_diff_calibrate(d, run, &s, &err), &err);
            snapshot_release(&s);
        }
        struct findings f = judge(d);
        assert_int_equal(f.n, n_steady == 0 ? 1 : 0);
        findings_release(&f);
    }
}

static void a_leak_that_is_gone_is_fixed(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_BASE, KIND_GOROUTINE, goroutines(500), 100);
    add(d, DIFF_HEAD, KIND_GOROUTINE, goroutines(5), 200);
    struct findings f = judge(d);
    assert_int_equal(f.verdict, VERDICT_CLEAN);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.items[0].state, "fixed");
    assert_string_equal(f.items[0].site.function, "main.wait");
    assert_string_equal(
        f.items[0].cause,
        "500 goroutines in base, 5 in head: what was here is gone");
    findings_release(&f);
}

/* Both profiled at once, base a moment later. */
static void what_is_fixed_is_told_of_sides_of_one_time(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_BASE, KIND_GOROUTINE, goroutines(500), 201);
    add(d, DIFF_HEAD, KIND_GOROUTINE, goroutines(5), 200);
    struct findings f = judge(d);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.items[0].state, "fixed");
    findings_release(&f);
}

/* +100 of 1,000 is beyond noise with z 2.2 only; of 10,000, +2,000 is 20 %. */
static void small_shares_do_not_count(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_BASE, KIND_GOROUTINE, goroutines(10000), 100);
    add(d, DIFF_HEAD, KIND_GOROUTINE, goroutines(11000), 200);
    struct findings f = judge(d);
    assert_int_equal(f.n, 0);
    assert_int_equal(f.n_below_limits, 1);
    assert_string_equal(f.notes[0],
                        "1 site beyond noise, but below --min-growth 20%: "
                        "+1000 at main.wait, z 6.9");
    findings_release(&f);
}

static void a_leak_profile_is_proof_without_a_base(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_HEAD, KIND_GOROUTINELEAK, goroutines(3), 200);
    struct findings f = judge(d);
    assert_int_equal(f.n, 1);
    assert_int_equal(f.items[0].grade, GRADE_PROVEN);
    assert_string_equal(f.items[0].rule->id, "goroutine-unreachable");
    assert_null(f.items[0].state);
    findings_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goroutines_count_by_number_and_noise),
        cmocka_unit_test(a_leak_beside_many_goroutines_must_be_larger),
        cmocka_unit_test(two_snapshots_say_growth_and_why_not_more),
        cmocka_unit_test(independent_runs_may_be_strong),
        cmocka_unit_test(one_run_that_stands_out_is_no_growth),
        cmocka_unit_test(profiles_of_one_process_are_noise_beside_their_trend),
        cmocka_unit_test(what_two_runs_cannot_decide_is_open),
        cmocka_unit_test(growth_within_the_noise_of_calibration_does_not_count),
        cmocka_unit_test(what_is_open_is_told_beside_what_is_found),
        cmocka_unit_test(steady_sites_share_the_risk),
        cmocka_unit_test(a_leak_that_is_gone_is_fixed),
        cmocka_unit_test(what_is_fixed_is_told_of_sides_of_one_time),
        cmocka_unit_test(small_shares_do_not_count),
        cmocka_unit_test(three_runs_a_side_are_enough_for_one_site),
        cmocka_unit_test(growth_below_the_limits_is_told),
        cmocka_unit_test(a_leak_profile_is_proof_without_a_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
