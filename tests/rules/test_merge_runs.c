/* What the runs of a process that restarted have together. */
#include "rules/rules.h"
#include "test.h"

#include <math.h>
#include <string.h>

enum { RUNS = 3 };

static const struct rule any_rule = {
    .id = "heap-growth", .headline = "memory stays", .worst = GRADE_PROVEN};
static const struct rule mild_rule = {.id = "memstats-growth",
                                      .headline = "memory grows",
                                      .worst = GRADE_SUSPECT};

/* Three runs, of which none has found anything yet. */
struct made {
    struct finding_run runs[RUNS];
    struct findings of[RUNS];
    struct finding items[RUNS][4];
    struct metric metrics[RUNS][4];
    struct findings out;
    size_t n_past;
};

static void begin(struct made *m)
{
    static const char *const names[RUNS][2] = {
        {"00", "09"},
        {"10", "19"},
        {"20", "29"}
    };
    *m = (struct made){.out = {.n = 0}};
    for (size_t k = 0; k < RUNS; k++) {
        m->runs[k] = (struct finding_run){.number = (uint32_t)k + 1,
                                          .n_runs = RUNS,
                                          .first = names[k][0],
                                          .last = names[k][1],
                                          .n_heap = 10,
                                          .n_profiles = 10,
                                          .is_judged = true};
        m->of[k] = (struct findings){
            .verdict = VERDICT_CLEAN,
            .kinds = PROFILE_BIT(KIND_HEAP),
            .window_seconds = 100,
            .items = m->items[k],
            .limits = {.heap_bytes = 1000, .goroutines = NAN},
            .oom = {.seconds = NAN                 }
        };
    }
}

static struct finding *add(struct made *m, size_t run, const char *id,
                           enum grade grade, double delta, double per_hour)
{
    struct findings *f = &m->of[run];
    struct metric *metric = &m->metrics[run][f->n];
    struct finding *out = &f->items[f->n++];
    *metric = (struct metric){.name = "inuse_space",
                              .unit = "count",
                              .first = 10,
                              .last = 10 + delta,
                              .delta = delta,
                              .per_hour = per_hour};
    *out = (struct finding){.rule = &any_rule,
                            .grade = grade,
                            .profile = KIND_HEAP,
                            .metrics = metric,
                            .n_metrics = 1};
    (void)strncpy(out->id, id, sizeof(out->id) - 1);
    return out;
}

static bool is_below_hundred(const void *ctx, const struct finding *f)
{
    (void)ctx;
    return f->metrics[0].delta < 100;
}

static void merge(struct made *m, bool has_limit)
{
    struct err err = {0};
    const struct runs_judged r = {.runs = m->runs,
                                  .of = m->of,
                                  .n = RUNS,
                                  .n_past = m->n_past,
                                  .is_below =
                                      has_limit ? is_below_hundred : NULL};
    findings_release(&m->out);
    assert_ok(rules_merge_runs(&r, &m->out, &err), &err);
}

static void a_leak_of_any_run_is_there(void **state)
{
    struct made m;
    (void)state;
    begin(&m);
    add(&m, 0, "a", GRADE_STRONG, 500, 50);
    add(&m, 2, "b", GRADE_SUSPECT, 200, 20);
    merge(&m, false);
    assert_int_equal(m.out.n, 2);
    assert_int_equal(m.out.verdict, VERDICT_LEAK);
    assert_string_equal(m.out.items[0].id, "a");
    assert_int_equal(m.out.items[0].run->number, 1);
    assert_int_equal(m.out.items[1].run->number, 3);
    assert_int_equal(m.out.n_runs, RUNS);
    findings_release(&m.out);
}

/* The figures are those that limits and baselines are asked about. */
static void one_leak_of_several_runs_is_one_finding(void **state)
{
    struct made m;
    (void)state;
    begin(&m);
    add(&m, 0, "a", GRADE_STRONG, 500, 50);
    add(&m, 1, "a", GRADE_SUSPECT, 300, 90);
    merge(&m, false);
    assert_int_equal(m.out.n, 1);
    const struct finding *f = &m.out.items[0];
    assert_int_equal(f->grade, GRADE_STRONG);
    assert_int_equal(f->run->number, 2);
    assert_true(f->metrics[0].delta == 300);
    assert_int_equal(f->n_evidence, 1);
    assert_string_equal(f->evidence[0],
                        "in run 1, too, from 00 to 09: strong, 10 -> 510");
    findings_release(&m.out);
}

static void what_holds_it_in_another_run_is_told(void **state)
{
    static const struct finding_holder holder = {.name = "main.cache"};
    struct made m;
    (void)state;
    begin(&m);
    add(&m, 0, "a", GRADE_STRONG, 500, 50)->holder = &holder;
    add(&m, 1, "a", GRADE_STRONG, 300, 90);
    merge(&m, false);
    assert_int_equal(m.out.items[0].run->number, 2);
    assert_string_equal(m.out.items[0].evidence[0],
                        "in run 1, too, from 00 to 09: strong, 10 -> 510, held "
                        "by main.cache");
    findings_release(&m.out);
}

static void what_may_fail_comes_before_what_is_too_small(void **state)
{
    struct made m;
    (void)state;
    begin(&m);
    add(&m, 0, "a", GRADE_STRONG, 90, 900);
    add(&m, 1, "a", GRADE_STRONG, 300, 30);
    merge(&m, false);
    assert_int_equal(m.out.items[0].run->number, 1);
    merge(&m, true);
    assert_int_equal(m.out.items[0].run->number, 2);
    findings_release(&m.out);
}

static void a_rule_names_no_higher_grade_than_it_may_give(void **state)
{
    struct made m;
    (void)state;
    begin(&m);
    add(&m, 0, "a", GRADE_STRONG, 300, 30);
    add(&m, 1, "a", GRADE_SUSPECT, 900, 90)->rule = &mild_rule;
    merge(&m, false);
    assert_ptr_equal(m.out.items[0].rule, &any_rule);
    findings_release(&m.out);
}

/* Two stacks of one id are two leaks, in each run. */
static void an_id_that_is_twice_in_a_run_is_two_findings(void **state)
{
    struct made m;
    (void)state;
    begin(&m);
    add(&m, 0, "a", GRADE_STRONG, 500, 50);
    add(&m, 0, "a", GRADE_SUSPECT, 100, 10);
    add(&m, 1, "a", GRADE_STRONG, 400, 40);
    merge(&m, false);
    assert_int_equal(m.out.n, 2);
    assert_int_equal(m.out.items[0].n_evidence, 1);
    assert_int_equal(m.out.items[1].n_evidence, 0);
    findings_release(&m.out);
}

static void the_weakest_run_says_what_could_be_seen(void **state)
{
    struct made m;
    (void)state;
    begin(&m);
    m.of[0].kinds |= PROFILE_BIT(KIND_GOROUTINE);
    m.of[0].limits.goroutines = 10;
    m.of[1].limits.heap_bytes = 5000;
    m.of[2].window_seconds = 7;
    merge(&m, false);
    assert_int_equal(m.out.kinds, PROFILE_BIT(KIND_HEAP));
    assert_true(m.out.limits.heap_bytes == 5000);
    assert_true(isnan(m.out.limits.goroutines));
    assert_true(m.out.window_seconds == 7);
    assert_int_equal(m.out.verdict, VERDICT_CLEAN);
    assert_false(m.out.is_open);
    findings_release(&m.out);
}

static void one_run_that_could_not_decide_leaves_it_open(void **state)
{
    struct made m;
    (void)state;
    begin(&m);
    m.of[1].verdict = VERDICT_INCONCLUSIVE;
    m.of[1].limits.advice = "wait 4 min more";
    merge(&m, false);
    assert_int_equal(m.out.verdict, VERDICT_INCONCLUSIVE);
    assert_true(m.out.is_open);
    assert_string_equal(m.out.limits.advice,
                        "run 2, from 10 to 19: wait 4 min more");
    add(&m, 0, "a", GRADE_STRONG, 500, 50);
    merge(&m, false);
    assert_int_equal(m.out.verdict, VERDICT_LEAK);
    assert_true(m.out.is_open);
    findings_release(&m.out);
}

static void leave_short(struct made *m, size_t run, uint32_t n_profiles)
{
    m->runs[run].is_judged = false;
    m->runs[run].is_short = true;
    m->runs[run].n_heap = m->runs[run].n_profiles = n_profiles;
}

static void short_runs_are_counted_and_open_when_they_are_most(void **state)
{
    struct made m;
    (void)state;
    begin(&m);
    leave_short(&m, 2, 4);
    merge(&m, false);
    assert_int_equal(m.out.n_notes, 1);
    assert_string_equal(
        m.out.notes[0],
        "4 of 24 heap profiles lie in 1 run too short to be judged");
    assert_int_equal(m.out.verdict, VERDICT_CLEAN);
    leave_short(&m, 1, 4);
    m.runs[0].n_profiles = 7;
    merge(&m, false);
    assert_int_equal(m.out.verdict, VERDICT_INCONCLUSIVE);
    assert_true(m.out.is_open);
    findings_release(&m.out);
}

/* A run of 30 profiles that show 3 states is no short one. */
static void a_run_is_as_long_as_it_has_profiles(void **state)
{
    struct made m;
    (void)state;
    begin(&m);
    leave_short(&m, 0, 4);
    leave_short(&m, 1, 4);
    m.runs[2].n_profiles = 30;
    m.runs[2].n_heap = 3;
    merge(&m, false);
    assert_string_equal(
        m.out.notes[0],
        "8 of 38 heap profiles lie in 2 runs too short to be judged");
    assert_int_equal(m.out.verdict, VERDICT_CLEAN);
    findings_release(&m.out);
}

static void short_runs_of_the_past_leave_nothing_open(void **state)
{
    struct made m;
    (void)state;
    begin(&m);
    leave_short(&m, 0, 40);
    merge(&m, false);
    assert_true(m.out.is_open);
    m.n_past = 1;
    merge(&m, false);
    assert_false(m.out.is_open);
    assert_int_equal(m.out.n_notes, 0);
    assert_int_equal(m.out.verdict, VERDICT_CLEAN);
    leave_short(&m, 2, 11);
    merge(&m, false);
    assert_true(m.out.is_open);
    assert_string_equal(
        m.out.notes[0],
        "11 of 21 heap profiles lie in 1 run too short to be judged");
    findings_release(&m.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leak_of_any_run_is_there),
        cmocka_unit_test(one_leak_of_several_runs_is_one_finding),
        cmocka_unit_test(what_holds_it_in_another_run_is_told),
        cmocka_unit_test(what_may_fail_comes_before_what_is_too_small),
        cmocka_unit_test(a_rule_names_no_higher_grade_than_it_may_give),
        cmocka_unit_test(an_id_that_is_twice_in_a_run_is_two_findings),
        cmocka_unit_test(the_weakest_run_says_what_could_be_seen),
        cmocka_unit_test(one_run_that_could_not_decide_leaves_it_open),
        cmocka_unit_test(short_runs_are_counted_and_open_when_they_are_most),
        cmocka_unit_test(a_run_is_as_long_as_it_has_profiles),
        cmocka_unit_test(short_runs_of_the_past_leave_nothing_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
