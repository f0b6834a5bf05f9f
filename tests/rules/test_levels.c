/*
 * What becomes of growth that takes only a part of the window: one site with
 * given counts beside a stock in turnover, judged through the public interface.
 */
#include "series/made.h"

#include "rules/rules.h"

#include <stdio.h>

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

enum { POINTS_MAX = 16, BLOCK = 4096 };

static const double tick_s = 3;

/* In goroutines or sampled objects. */
static const struct part_case {
    const char *name;
    bool is_goroutine;
    double x[POINTS_MAX];
    size_t n;
    enum grade grade;
    bool has_ended;
} cases[] = {
    {"a_pool_that_filled_and_stays_is_info",
     true,  {12, 23, 31, 41, 51, 59, 59, 59, 60, 59, 59, 60, 59, 60},
     14, GRADE_INFO,
     true },
    {"a_cache_that_filled_and_stays_is_info",
     false, {22, 42, 66, 83, 109, 131, 148, 150, 150, 150, 150, 150, 150, 150},
     14, GRADE_INFO,
     true },
    {"a_batch_in_progress_is_suspect",
     false, {10, 10, 10, 10, 10, 10, 52, 94, 141, 178},
     10, GRADE_SUSPECT,
     false},
    {"it_is_strong_once_it_lasts",
     false, {10, 10, 10, 52, 94, 141, 178, 220, 262, 305, 347, 390},
     12, GRADE_STRONG,
     false},
    {"goroutines_pile_up_since_the_middle_and_are_strong",
     true,  {6, 6, 6, 6, 6, 6, 31, 56, 82, 106, 131, 157},
     12, GRADE_STRONG,
     false},
    {"goroutines_that_began_at_the_end_are_suspect",
     true,  {6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 31, 56, 82, 106},
     16, GRADE_SUSPECT,
     false},
    {"a_leak_that_comes_in_bursts_is_strong",
     true,  {0, 30, 30, 60, 60, 90, 90, 120, 120, 150, 150, 180},
     12, GRADE_STRONG,
     false},
    {"a_leak_that_rests_for_long_is_kept",
     true,  {0, 30, 30, 60, 60, 90, 90, 120, 120, 150, 150, 150, 150, 150, 150},
     15, GRADE_SUSPECT,
     false},
    {"a_pace_that_may_be_none_is_not_told",
     true,  {16, 24, 25, 33, 32, 33, 28, 32, 29, 36, 42, 42},
     12, GRADE_STRONG,
     false},
    {"a_leak_that_slows_down_is_kept",
     true,  {0, 60, 120, 180, 190, 200, 210, 220, 230, 240, 250, 260},
     12, GRADE_SUSPECT,
     false},
};

static void take(const struct part_case *c, size_t i, struct series *s)
{
    struct profile_builder *heap = made_heap(MADE_PERIOD);
    struct profile_builder *goroutines = made_goroutine();
    char source[32];
    made_block(heap, "main.page:5 net/http.HandlerFunc.ServeHTTP", BLOCK,
               100 + 40 * (double)i, 60 + (double)(i % 3));
    made_count(goroutines, "runtime.gopark main.idle:3", 8);
    if (c->is_goroutine) {
        made_count(goroutines,
                   "runtime.gopark runtime.chanrecv runtime.chanrecv1 "
                   "main.part:7",
                   c->x[i]);
    } else {
        made_block(heap, "main.part:7 net/http.HandlerFunc.ServeHTTP", BLOCK,
                   c->x[i], c->x[i]);
    }
    (void)snprintf(source, sizeof source, "%02zu.heap", i);
    made_add(s, heap, KIND_HEAP, source, tick_s * (double)i);
    (void)snprintf(source, sizeof source, "%02zu.goroutine", i);
    made_add(s, goroutines, KIND_GOROUTINE, source, tick_s * (double)i);
}

static void a_part_of_the_window_is_judged(void **state)
{
    const struct part_case *c = *state;
    struct err err = {0};
    struct findings f;
    struct series *s = series_new(NULL);
    for (size_t i = 0; i < c->n; i++) {
        take(c, i, s);
    }
    made_finish(s);
    assert_ok(rules_judge(s, NULL, &f, &err), &err);
    series_free(s);
    assert_int_equal(f.n, 1);
    const struct finding *it = &f.items[0];
    assert_string_equal(it->site.function, "main.part");
    assert_string_equal(grade_name(it->grade), grade_name(c->grade));
    assert_int_equal(it->has_ended, c->has_ended);
    if (c->has_ended) {
        assert_true(isnan(it->metrics[0].per_hour));
        assert_non_null(strstr(it->evidence[0], " and stays there for"));
    } else {
        /* A pace is told with an interval of one sign, or not at all. */
        assert_false(it->metrics[0].per_hour_low <= 0);
    }
    findings_release(&f);
}

int main(void)
{
    struct CMUnitTest tests[N_OF(cases)];
    for (size_t i = 0; i < N_OF(cases); i++) {
        tests[i] =
            (struct CMUnitTest){.name = cases[i].name,
                                .test_func = a_part_of_the_window_is_judged,
                                .initial_state = test_case(&cases[i])};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
