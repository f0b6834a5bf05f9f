#include "test.h"

#include "rules/rules.h"

#include <math.h>
#include <string.h>

static const struct rules_diff_options defaults = {4, 8 << 20, 50};

static uint32_t location(struct profile_builder *b, const char *function)
{
    const struct builder_frame f = {span_of(function), SPAN_LIT("x.go"), 7};
    return profile_builder_location(b, 0, PROFILE_NONE, &f, 1);
}

/* `n` goroutines in main.wait below main.run. */
static struct profile *goroutines(int64_t n)
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
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    return p;
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

static struct findings judge(struct series_diff *d)
{
    struct findings out = {0};
    struct err err = {0};
    assert_ok(series_diff_finish(d, &err), &err);
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
    {80,   10,   0}, /* fell */
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
        cmocka_unit_test(two_snapshots_say_growth_and_why_not_more),
        cmocka_unit_test(independent_runs_may_be_strong),
        cmocka_unit_test(three_runs_a_side_are_enough_for_one_site),
        cmocka_unit_test(growth_below_the_limits_is_told),
        cmocka_unit_test(a_leak_profile_is_proof_without_a_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
