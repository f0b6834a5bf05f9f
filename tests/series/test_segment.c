#include "series/made.h"

#include <stdio.h>

/* One heap snapshot whose two records were born this often. */
static void add_heap(struct series *s, const char *source, double seconds,
                     double a, double b)
{
    struct profile_builder *p = made_heap(1);
    made_block(p, "main.a", 16, a, 3);
    made_block(p, "main.b", 16, b, 3);
    made_add(s, p, KIND_HEAP, source, seconds);
}

static void add_goroutines(struct series *s, const char *source, double seconds,
                           double n)
{
    struct profile_builder *p = made_goroutine();
    made_count(p, "main.a", n);
    made_add(s, p, KIND_GOROUTINE, source, seconds);
}

static double goroutines_at(const struct series *s, size_t point)
{
    size_t n = 0;
    const struct series_cell *c = series_cells(s, PLANE_GOROUTINE, point, &n);
    assert_int_equal(n, 1);
    return (double)c[0].in_use;
}

static void a_process_that_goes_on_is_one_segment(void **state)
{
    (void)state;
    struct series *s = series_new(NULL);
    add_heap(s, "0", 0, 10, 10);
    add_heap(s, "1", 1, 20, 10);
    add_heap(s, "2", 2, 20, 30);
    made_finish(s);
    size_t n = 1;
    series_notes(s, &n);
    assert_int_equal(n, 0);
    assert_int_equal(series_about(s)->n_segments, 1);
    assert_int_equal(series_n_points(s, PLANE_HEAP), 3);
    series_free(s);
}

/* Two points, restart, three points: with goroutines of every moment. */
static struct series *restarted(size_t before, size_t after)
{
    struct series *s = series_new(NULL);
    char heap[32];
    char goroutine[32];
    for (size_t i = 0; i < before + after; i++) {
        const double t = (double)i;
        const double born = i < before ? 1000 + 10 * t : 50 + 10 * t;
        (void)snprintf(heap, sizeof heap, "%02zu.heap", i);
        (void)snprintf(goroutine, sizeof goroutine, "%02zu.goroutine", i);
        add_heap(s, heap, t, born, born);
        add_goroutines(s, goroutine, t, i < before ? 500 + t : 5 + t);
    }
    made_finish(s);
    return s;
}

static void a_restart_splits_and_the_longer_run_is_judged(void **state)
{
    (void)state;
    struct series *s = restarted(2, 3);
    size_t n = 0;
    const char *const *notes = series_notes(s, &n);
    assert_int_equal(n, 1);
    assert_string_equal(notes[0], "the process restarted between 01.heap and "
                                  "02.heap; the series is split there");
    assert_int_equal(series_about(s)->n_segments, 2);
    assert_int_equal(series_n_points(s, PLANE_HEAP), 3);
    series_free(s);
}

/* "02.goroutine" sorts before "02.heap", yet is of the new process. */
static void goroutines_of_the_moment_of_a_restart_are_the_new_runs(void **state)
{
    (void)state;
    struct series *s = restarted(2, 3);
    assert_int_equal(series_n_points(s, PLANE_GOROUTINE), 3);
    assert_true(goroutines_at(s, 0) == 7);
    series_free(s);
}

static void
goroutines_of_the_moment_of_a_restart_leave_the_old_run(void **state)
{
    (void)state;
    struct series *s = restarted(4, 2);
    assert_int_equal(series_n_points(s, PLANE_HEAP), 4);
    assert_int_equal(series_n_points(s, PLANE_GOROUTINE), 4);
    assert_true(goroutines_at(s, 3) == 503);
    series_free(s);
}

/* --- between the heap profiles of two runs --- */

/* Heap profiles a minute apart, the restart between the third and the fourth.
 */
static struct series *restarted_after_two_minutes(void)
{
    struct series *s = series_new(NULL);
    for (int i = 0; i < 6; i++) {
        char name[] = "heap-a";
        name[5] = (char)('a' + i);
        const double born = i < 3 ? 1000 + i : 10 + i;
        add_heap(s, name, 60 * i, born, born);
    }
    return s;
}

static uint32_t run_of(const struct series *s, const char *source)
{
    size_t n = 0;
    const struct series_input *in = series_inputs(s, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(in[i].source, source) == 0) {
            return in[i].run;
        }
    }
    fail_msg("%s is no input", source);
    return 0;
}

static void
a_profile_between_two_runs_is_of_the_heap_profile_beside_it(void **state)
{
    static const struct {
        double seconds;
        uint32_t run;
    } rows[] = {
        {0,   1},
        {100, 1},
        {121, 1},
        {124, 1},
        {130, 0},
        {150, 0},
        {170, 0},
        {175, 2},
        {179, 2},
        {301, 2},
        {400, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct series *s = restarted_after_two_minutes();
        add_goroutines(s, "goroutine", rows[i].seconds + 0.5, 1);
        made_finish(s);
        if (run_of(s, "goroutine") != rows[i].run) {
            fail_msg("row %zu", i);
        }
        series_free(s);
    }
}

/* Of many only the one of the heap profile's moment. */
static void counts_of_every_second_between_two_runs_are_of_neither(void **state)
{
    (void)state;
    struct series *s = restarted_after_two_minutes();
    char name[32];
    for (int t = 119; t <= 181; t++) {
        /* Letters: digits would pair them. */
        (void)snprintf(name, sizeof name, "goroutine-%c%c", 'a' + t / 26,
                       'a' + t % 26);
        add_goroutines(s, name, t + 0.25, t);
    }
    made_finish(s);
    size_t n = 0;
    size_t n_of[3] = {0};
    const struct series_input *in = series_inputs(s, &n);
    for (size_t i = 0; i < n; i++) {
        n_of[in[i].kind == KIND_GOROUTINE ? in[i].run : 0]++;
        if (in[i].run == 0) {
            assert_string_equal(in[i].why,
                                "taken between two runs of the process: of "
                                "which is not known");
        }
    }
    assert_int_equal(n_of[1], 2); /* 119 and 120 */
    assert_int_equal(n_of[2], 2); /* 180 and 181 */
    series_free(s);
}

static void of_runs_of_equal_length_the_latest_is_judged(void **state)
{
    (void)state;
    struct series *s = restarted(3, 3);
    assert_int_equal(series_n_points(s, PLANE_GOROUTINE), 3);
    assert_true(goroutines_at(s, 0) == 8);
    size_t n = 0;
    const struct series_input *in = series_inputs(s, &n);
    assert_string_equal(in[0].why, "another run of the process is judged");
    series_free(s);
}

static void assert_is_run(const struct series *s, uint32_t run, size_t n)
{
    assert_int_equal(series_about(s)->run, run);
    assert_int_equal(series_about(s)->n_segments, 2);
    assert_int_equal(series_about(s)->n_dropped, 2 * (11 - n));
    assert_int_equal(series_about(s)->n_outside, 2 * (11 - n));
    assert_true(series_about(s)->seconds == (double)n - 1);
    assert_int_equal(series_n_points(s, PLANE_HEAP), n);
    assert_int_equal(series_n_points(s, PLANE_GOROUTINE), n);
    assert_true(goroutines_at(s, 0) == (run == 1 ? 500 : 10));
    size_t n_inputs = 0;
    const struct series_input *in = series_inputs(s, &n_inputs);
    assert_int_equal(n_inputs, 22);
    for (size_t i = 0; i < n_inputs; i++) {
        assert_int_equal(in[i].used, in[i].run == run);
        assert_int_equal(in[i].why == NULL, in[i].run == run);
    }
    (void)series_notes(s, &n_inputs);
    assert_int_equal(n_inputs, 1);
}

/* There and back: a run is what it was before another was chosen. */
static void a_series_turns_from_run_to_run(void **state)
{
    (void)state;
    struct err err = {0};
    struct series *s = restarted(5, 6);
    assert_is_run(s, 2, 6);
    for (int i = 0; i < 3; i++) {
        assert_ok(series_choose_run(s, 1, &err), &err);
        assert_is_run(s, 1, 5);
        assert_ok(series_choose_run(s, 2, &err), &err);
        assert_is_run(s, 2, 6);
    }
    series_free(s);
}

static void runs_are_named_and_those_too_short_for_a_verdict(void **state)
{
    (void)state;
    struct series *s = restarted(4, 6);
    size_t n = 0;
    const struct series_run *runs = series_runs(s, &n);
    assert_int_equal(n, 2);
    assert_string_equal(runs[0].first, "00.heap");
    assert_string_equal(runs[0].last, "03.heap");
    assert_int_equal(runs[0].n_heap, 4);
    assert_false(runs[0].is_judgeable);
    assert_string_equal(runs[1].first, "04.heap");
    assert_string_equal(runs[1].last, "09.heap");
    assert_int_equal(runs[1].n_heap, 6);
    assert_true(runs[1].is_judgeable);
    series_free(s);
}

static void two_restarts_make_three_segments(void **state)
{
    (void)state;
    struct series *s = series_new(NULL);
    add_heap(s, "0", 0, 90, 90);
    add_heap(s, "1", 1, 50, 50);
    add_heap(s, "2", 2, 60, 60);
    add_heap(s, "3", 3, 10, 10);
    made_finish(s);
    size_t n = 0;
    series_notes(s, &n);
    assert_int_equal(n, 2);
    assert_int_equal(series_about(s)->n_segments, 3);
    assert_int_equal(series_n_points(s, PLANE_HEAP), 2);
    series_free(s);
}

static void two_processes_at_once_are_refused_by_name(void **state)
{
    (void)state;
    struct err err = {0};
    struct series *s = series_new(NULL);
    add_heap(s, "dir/a1.heap", 0, 1000, 5);
    add_heap(s, "dir/b1.heap", 1, 10, 500);
    add_heap(s, "dir/a2.heap", 2, 1010, 6);
    add_heap(s, "dir/b2.heap", 3, 20, 510);
    assert_false(series_finish(s, &err));
    assert_err(&err, ERR_MISMATCH,
               "two processes at once: dir/a2.heap and dir/b1.heap; give the "
               "snapshots of one");
    series_free(s);
}

static void add_program(struct series *s, const char *source, double seconds,
                        const char *program)
{
    struct profile_builder *p = made_goroutine();
    made_program(p, program);
    made_count(p, "main.a", 1);
    made_add(s, p, KIND_GOROUTINE, source, seconds);
}

static void two_programs_are_refused_by_name(void **state)
{
    (void)state;
    struct err err = {0};
    struct series *s = series_new(NULL);
    add_program(s, "x/1.goroutine", 0, "/srv/orders");
    add_program(s, "x/2.goroutine", 1, "/srv/billing");
    assert_false(series_finish(s, &err));
    assert_err(&err, ERR_MISMATCH,
               "two programs at once: orders in x/1.goroutine and billing in "
               "x/2.goroutine; give the snapshots of one");
    series_free(s);
}

static void one_program_may_run_from_two_directories(void **state)
{
    (void)state;
    struct series *s = series_new(NULL);
    add_program(s, "1.goroutine", 0, "/srv/a/orders");
    add_program(s, "2.goroutine", 1, "/srv/b/orders");
    made_finish(s);
    assert_string_equal(series_about(s)->program, "orders");
    series_free(s);
}

static void add_build(struct series *s, const char *source, double seconds,
                      double born, const char *build_id)
{
    struct profile_builder *p = made_heap(1);
    profile_builder_mapping(p, 0x400000, 0x500000, 0, SPAN_LIT("/srv/orders"),
                            span_of(build_id));
    made_block(p, "main.a", 16, born, 3);
    made_add(s, p, KIND_HEAP, source, seconds);
}

/* A deploy is a restart as well. */
static void a_run_has_the_build_id_of_its_own_profiles(void **state)
{
    (void)state;
    struct err err = {0};
    struct series *s = series_new(NULL);
    add_build(s, "1", 1, 100, "old");
    add_build(s, "2", 2, 110, "old");
    add_build(s, "3", 3, 10, "new");
    add_build(s, "4", 4, 20, "new");
    add_build(s, "5", 5, 30, "new");
    made_finish(s);
    assert_int_equal(series_about(s)->run, 2);
    assert_string_equal(series_about(s)->build_id, "new");
    assert_ok(series_choose_run(s, 1, &err), &err);
    assert_string_equal(series_about(s)->build_id, "old");
    series_free(s);
}

/* One snapshot each, in a loop. */
static struct series *restarted_often(int n)
{
    struct series *s = series_new(NULL);
    for (int i = 0; i < n; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i);
        add_heap(s, name, i, 10000 - i, 10000 - i);
    }
    return s;
}

static void a_deploy_a_day_is_no_end(void **state)
{
    (void)state;
    struct series *s = restarted_often(400);
    made_finish(s);
    size_t n = 0;
    const char *const *notes = series_notes(s, &n);
    assert_int_equal(series_about(s)->n_segments, 400);
    assert_int_equal(n, 9);
    assert_string_equal(notes[8], "the process restarted 391 more times");
    series_free(s);
}

static void a_process_beside_one_in_a_crash_loop_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct series *s = restarted_often(60);
    add_heap(s, "b1", 0.5, 5, 90000);
    add_heap(s, "b2", 100, 6, 90001);
    assert_false(series_finish(s, &err));
    assert_int_equal(err.code, ERR_MISMATCH);
    series_free(s);
}

static void endless_restarts_are_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct series *s = restarted_often(4100);
    assert_false(series_finish(s, &err));
    assert_err(&err, ERR_MISMATCH,
               "more than 4095 restarts: are these snapshots of one process?");
    series_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_that_goes_on_is_one_segment),
        cmocka_unit_test(a_restart_splits_and_the_longer_run_is_judged),
        cmocka_unit_test(
            goroutines_of_the_moment_of_a_restart_are_the_new_runs),
        cmocka_unit_test(
            goroutines_of_the_moment_of_a_restart_leave_the_old_run),
        cmocka_unit_test(
            a_profile_between_two_runs_is_of_the_heap_profile_beside_it),
        cmocka_unit_test(
            counts_of_every_second_between_two_runs_are_of_neither),
        cmocka_unit_test(of_runs_of_equal_length_the_latest_is_judged),
        cmocka_unit_test(a_series_turns_from_run_to_run),
        cmocka_unit_test(runs_are_named_and_those_too_short_for_a_verdict),
        cmocka_unit_test(two_restarts_make_three_segments),
        cmocka_unit_test(two_processes_at_once_are_refused_by_name),
        cmocka_unit_test(two_programs_are_refused_by_name),
        cmocka_unit_test(one_program_may_run_from_two_directories),
        cmocka_unit_test(a_run_has_the_build_id_of_its_own_profiles),
        cmocka_unit_test(a_deploy_a_day_is_no_end),
        cmocka_unit_test(a_process_beside_one_in_a_crash_loop_is_refused),
        cmocka_unit_test(endless_restarts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
