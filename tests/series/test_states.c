#include "series/made.h"
#include "series/points_private.h"

enum { PER_POINT = 4 };

/* A heap profile of up to four rows: born and live of each. */
struct state {
    double born[PER_POINT], live[PER_POINT];
};

static const char *const stacks[PER_POINT] = {
    "main.a", "main.b",
    "compress/flate.NewWriter runtime/pprof.(*profileBuilder).build main.a",
    "runtime/pprof.writeHeapInternal net/http/pprof.Index"};

static void add_state(struct series *s, const struct state *x, double seconds,
                      const char *source)
{
    struct profile_builder *b = made_heap(1);
    for (size_t i = 0; i < PER_POINT; i++) {
        if (x->born[i] > 0) {
            made_block(b, stacks[i], 16, x->born[i], x->live[i]);
        }
    }
    made_add(s, b, KIND_HEAP, source, seconds);
}

/* Points left of n states. */
static size_t points_of(const struct state *x, size_t n)
{
    static const char *const names[] = {"0", "1", "2", "3", "4", "5"};
    struct series *s = series_new(NULL);
    for (size_t i = 0; i < n; i++) {
        add_state(s, &x[i], (double)i, names[i]);
    }
    made_finish(s);
    const size_t left = series_n_points(s, PLANE_HEAP);
    assert_int_equal(series_about(s)->n_dropped + left, n);
    series_free(s);
    return left;
}

static void a_repeated_state_is_no_point(void **state)
{
    (void)state;
    const struct state x[] = {
        {{20, 9}, {5, 4}},
        {{20, 9}, {5, 4}},
        {{20, 9}, {5, 4}},
        {{22, 9}, {5, 4}}
    };
    assert_int_equal(points_of(x, 4), 2);
}

/* It is as of the collection that was asked for with it. */
static void a_repeated_state_that_was_collected_is_a_point(void **state)
{
    (void)state;
    static const char *const names[] = {"0", "1", "2", "3"};
    struct err err = {0};
    struct series *s = series_new(NULL);
    const struct state x = {
        {20, 9},
        {5,  4}
    };
    for (size_t i = 0; i < 4; i++) {
        add_state(s, &x, (double)i, names[i]);
        /* The third asked for none: nothing says that it is new. */
        s->all.items[i].is_collected = i != 2;
    }
    assert_ok(series_finish(s, &err), &err);
    assert_int_equal(series_n_points(s, PLANE_HEAP), 3);
    assert_int_equal(series_about(s)->n_stale, 1);
    series_free(s);
}

static void births_alone_make_a_new_state(void **state)
{
    (void)state;
    const struct state x[] = {
        {{20, 9}, {5, 4}},
        {{21, 9}, {5, 4}}
    };
    assert_int_equal(points_of(x, 2), 2);
}

static void a_row_more_makes_a_new_state(void **state)
{
    (void)state;
    const struct state x[] = {
        {{20},    {5}   },
        {{20, 9}, {5, 4}}
    };
    assert_int_equal(points_of(x, 2), 2);
}

/* A state that comes back later is one: only runs of equals are dropped. */
static void a_state_that_returns_is_a_point(void **state)
{
    (void)state;
    const struct state x[] = {
        {{20, 9},  {5, 4}},
        {{20, 10}, {5, 3}},
        {{20, 10}, {5, 4}}
    };
    assert_int_equal(points_of(x, 3), 3);
}

static void the_profilers_own_stacks_make_no_new_state(void **state)
{
    (void)state;
    const struct state x[] = {
        {{20, 9, 4, 1}, {5, 4, 4, 1}},
        {{20, 9, 8, 2}, {5, 4, 6, 2}}
    };
    assert_int_equal(points_of(x, 2), 1);
}

static void states_before_the_first_gc_are_dropped(void **state)
{
    (void)state;
    const struct state x[] = {
        {{20, 9}, {20, 9}},
        {{30, 9}, {30, 9}},
        {{40, 9}, {7, 9} },
        {{50, 9}, {8, 9} }
    };
    assert_int_equal(points_of(x, 4), 2);
}

/* What a collection left is a level, though nothing was freed yet. */
static void a_state_that_was_collected_is_not_before_the_first_gc(void **state)
{
    (void)state;
    static const char *const names[] = {"0", "1", "2", "3"};
    static const struct state x[] = {
        {{20, 9}, {20, 9}},
        {{30, 9}, {30, 9}},
        {{40, 9}, {7, 9} },
        {{50, 9}, {8, 9} }
    };
    struct err err = {0};
    struct series *s = series_new(NULL);
    for (size_t i = 0; i < 4; i++) {
        add_state(s, &x[i], (double)i, names[i]);
        s->all.items[i].is_collected = i > 0;
    }
    assert_ok(series_finish(s, &err), &err);
    assert_int_equal(series_n_points(s, PLANE_HEAP), 3);
    series_free(s);
}

/* A program that frees nothing at all only accumulates. */
static void a_series_without_any_free_is_kept(void **state)
{
    (void)state;
    const struct state x[] = {
        {{20}, {20}},
        {{30}, {30}},
        {{40}, {40}}
    };
    assert_int_equal(points_of(x, 3), 3);
}

static void few_frees_do_not_tell_of_a_gc(void **state)
{
    (void)state;
    const struct state x[] = {
        {{20}, {20}},
        {{30}, {30}},
        {{40}, {36}}
    };
    assert_int_equal(points_of(x, 3), 3);
}

static void a_dropped_state_is_listed_with_its_reason(void **state)
{
    (void)state;
    const struct state x = {
        {20, 9},
        {5,  4}
    };
    struct series *s = series_new(NULL);
    add_state(s, &x, 0, "a");
    add_state(s, &x, 1, "b");
    made_finish(s);
    size_t n = 0;
    const struct series_input *in = series_inputs(s, &n);
    assert_true(in[0].used);
    assert_false(in[1].used);
    assert_string_equal(in[1].why,
                        "no GC since the snapshot before: the same state");
    assert_int_equal(series_about(s)->n_dropped, 1);
    series_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeated_state_is_no_point),
        cmocka_unit_test(a_repeated_state_that_was_collected_is_a_point),
        cmocka_unit_test(births_alone_make_a_new_state),
        cmocka_unit_test(a_row_more_makes_a_new_state),
        cmocka_unit_test(a_state_that_returns_is_a_point),
        cmocka_unit_test(the_profilers_own_stacks_make_no_new_state),
        cmocka_unit_test(states_before_the_first_gc_are_dropped),
        cmocka_unit_test(a_state_that_was_collected_is_not_before_the_first_gc),
        cmocka_unit_test(a_series_without_any_free_is_kept),
        cmocka_unit_test(few_frees_do_not_tell_of_a_gc),
        cmocka_unit_test(a_dropped_state_is_listed_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
