/* When targets are judged: how often one, and how many of a fleet. */
#include "test.h"

#include "watch/watch.h"
#include "watch/watcher_private.h"

#include <stdio.h>

#define SECOND INT64_C(1000000000)

static const struct rules_options no_rules;

static struct watcher *watch_new(size_t n)
{
    const struct watch_options o = {.http = {.user_agent = "seep-test"},
                                    .interval_ns = SECOND,
                                    .has_heap = true,
                                    .rules = &no_rules};
    struct watch_targets t = {0};
    struct watcher *w = NULL;
    struct err err = {0};
    for (size_t i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "r-%04zu:1", i);
        assert_ok(watch_targets_add(&t, name, &err), &err);
    }
    assert_ok(watch_targets_finish(&t, &err), &err);
    assert_ok(watcher_new(&o, NULL, NULL, &w, &err), &err);
    assert_ok(watcher_set_targets(w, &t, 1, SECOND, &err), &err);
    watch_targets_release(&t);
    return w;
}

/* One more moment of a target, without a goroutine in it. */
static void moment(struct watcher *w, size_t i, bool has_proof)
{
    struct watched *t = w->items[i];
    const struct series_point p = {
        .kind = KIND_GOROUTINE,
        .form = FORM_PROTO,
        .program = "",
        .build_id = "",
        .time_nanos =
            ((int64_t)history_about(t->history).n_moments + 1) * SECOND};
    enum history_event event;
    struct err err = {0};
    w->counts.n_moments++;
    t->has_unjudged = true;
    assert_ok(history_add(t->history, w->table, &p, 1, &event, &err), &err);
    assert_ok(judging_after_moment(w, t, has_proof, &err), &err);
}

static void turn(struct watcher *w)
{
    struct err err = {0};
    assert_ok(judging_turn(w, &err), &err);
}

static void
a_target_is_judged_from_five_moments_on_ever_less_often(void **state)
{
    (void)state;
    static const uint64_t want[] = {5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                    16, 18, 20, 22, 24, 27, 30, 33, 37, 41};
    struct watcher *w = watch_new(1);
    size_t n = 0;
    for (uint64_t m = 1; m <= 41; m++) {
        const uint64_t before = w->counts.n_judgements;
        moment(w, 0, false);
        turn(w);
        if (w->counts.n_judgements > before) {
            assert_int_equal(m, want[n++]);
        }
    }
    assert_int_equal(n, sizeof want / sizeof want[0]);
    watcher_free(w);
}

static void proof_is_judged_at_once(void **state)
{
    (void)state;
    struct watcher *w = watch_new(1);
    w->earned = 0;
    moment(w, 0, true);
    assert_int_equal(w->counts.n_judgements, 1);
    watcher_free(w);
}

static void a_fleet_is_judged_as_far_as_its_moments_earned_it(void **state)
{
    (void)state;
    enum { N = 320, MOMENTS = 10 };
    struct watcher *w = watch_new(N);
    w->earned = 0;
    for (int m = 0; m < MOMENTS; m++) {
        for (size_t i = 0; i < N; i++) {
            moment(w, i, false);
        }
        while (judging_is_due(w)) {
            turn(w);
        }
    }
    /* One for 16 moments; all of them once before any of them twice. */
    assert_int_equal(w->counts.n_judgements, N * MOMENTS / 16);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(w->items[i]->has_findings, i < N * MOMENTS / 16);
    }
    watcher_free(w);
}

static void a_turn_judges_a_few_only(void **state)
{
    (void)state;
    struct watcher *w = watch_new(50);
    for (int m = 0; m < 5; m++) {
        for (size_t i = 0; i < 50; i++) {
            moment(w, i, false);
        }
    }
    turn(w);
    assert_int_equal(w->counts.n_judgements, 8);
    assert_true(judging_is_due(w));
    assert_true(watcher_next_ns(w) <= w->now_ns);
    watcher_free(w);
}

static void who_is_undecided_comes_first(void **state)
{
    (void)state;
    struct watcher *w = watch_new(20);
    struct finding suspect = {.id = "00000000000000aa",
                              .rule = rules_find("goroutine-growth"),
                              .grade = GRADE_SUSPECT,
                              .profile = KIND_GOROUTINE};
    const struct findings found = {.items = &suspect, .n = 1};
    struct err err = {0};
    assert_ok(findings_copy(&found, &w->items[19]->findings, &err), &err);
    w->earned = 0;
    for (int m = 0; m < 5; m++) {
        for (size_t i = 0; i < 20; i++) {
            moment(w, i, false);
        }
    }
    w->earned = 16;
    turn(w);
    assert_int_equal(w->counts.n_judgements, 1);
    assert_false(w->items[19]->has_unjudged);
    watcher_free(w);
}

/* Half of the fleet is suspected at every moment. */
static void many_who_are_undecided_keep_nobody_from_being_judged(void **state)
{
    (void)state;
    enum { N = 64 };
    struct watcher *w = watch_new(N);
    struct finding suspect = {.id = "00000000000000aa",
                              .rule = rules_find("goroutine-growth"),
                              .grade = GRADE_SUSPECT,
                              .profile = KIND_GOROUTINE};
    const struct findings found = {.items = &suspect, .n = 1};
    struct err err = {0};
    w->earned = 0;
    for (int m = 0; m < 60; m++) {
        for (size_t i = 0; i < N; i++) {
            if (i < N / 2) {
                findings_release(&w->items[i]->findings);
                assert_ok(findings_copy(&found, &w->items[i]->findings, &err),
                          &err);
            }
            moment(w, i, false);
        }
        turn(w);
    }
    for (size_t i = 0; i < N; i++) {
        assert_true(w->items[i]->has_findings);
    }
    watcher_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_target_is_judged_from_five_moments_on_ever_less_often),
        cmocka_unit_test(proof_is_judged_at_once),
        cmocka_unit_test(a_fleet_is_judged_as_far_as_its_moments_earned_it),
        cmocka_unit_test(a_turn_judges_a_few_only),
        cmocka_unit_test(who_is_undecided_comes_first),
        cmocka_unit_test(many_who_are_undecided_keep_nobody_from_being_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
