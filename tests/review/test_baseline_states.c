/* When is an accepted finding worse? Only beyond doubt. */
#include "review/made_findings.h"

static struct baseline_entry entry(double delta, double low, double high)
{
    return (struct baseline_entry){.id = "0000000000000001",
                                   .loose_id = "f000000000000001",
                                   .rule = "heap-growth",
                                   .grade = GRADE_STRONG,
                                   .profile = KIND_GOROUTINE,
                                   .function = "main.f",
                                   .file = "",
                                   .metric = "goroutines",
                                   .unit = "count",
                                   .level = delta,
                                   .delta = delta,
                                   .noise = NAN,
                                   .per_hour = (low + high) / 2,
                                   .per_hour_low = low,
                                   .per_hour_high = high,
                                   .headline = ""};
}

static struct baseline_state state_of(struct baseline_entry past,
                                      struct baseline_entry now, double ratio)
{
    struct baseline b = {.items = &past, .n = 1};
    const struct baseline_window window = {.seconds = 0};
    struct baseline_states states;
    struct err err = {0};
    assert_ok(baseline_compare(&b, &now, 1, &window, ratio, &states, &err),
              &err);
    const struct baseline_state out = states.now[0];
    assert_int_equal(states.past[0], BASELINE_FOUND);
    baseline_states_release(&states);
    return out;
}

static void rates_are_worse_when_their_intervals_part(void **state)
{
    static const struct {
        double past_low, past_high, low, high, ratio;
        bool is_worse;
    } rows[] = {
        {90,  110, 90,  110, 0,   false},
        {90,  110, 109, 400, 0,   false},
        {90,  110, 111, 115, 0,   false}, /* parted, but by 13 % */
        {90,  110, 180, 220, 0,   true },
        {90,  110, 111, 115, 1.1, true },
        {90,  110, 180, 220, 3,   false},
        {180, 220, 90,  110, 0,   false},
        {-10, 10,  11,  20,  0,   true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct baseline_state s =
            state_of(entry(1, rows[i].past_low, rows[i].past_high),
                     entry(1, rows[i].low, rows[i].high), rows[i].ratio);
        if (s.is_worse != rows[i].is_worse) {
            fail_msg("row %zu", i);
        }
    }
}

static void growth_is_worse_beyond_its_noise(void **state)
{
    static const struct {
        double past, past_noise, now, noise;
        bool is_worse;
    } rows[] = {
        {100, 5,   200, 5,   true },
        {100, 30,  200, 30,  false},
        {100, 1,   120, 1,   false},
        {200, 5,   100, 5,   false},
        {100, NAN, 200, NAN, true }, /* 5.8 errors of counting */
        {10,  NAN, 20,  NAN, false}, /* 1.8 */
        {4,   NAN, 60,  NAN, true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct baseline_entry past = entry(rows[i].past, NAN, NAN);
        struct baseline_entry now = entry(rows[i].now, NAN, NAN);
        past.noise = rows[i].past_noise;
        now.noise = rows[i].noise;
        if (state_of(past, now, 0).is_worse != rows[i].is_worse) {
            fail_msg("row %zu", i);
        }
    }
}

/* A single dump has neither rates nor growth. */
static void levels_are_compared_where_there_is_no_growth(void **state)
{
    struct baseline_entry past = entry(NAN, NAN, NAN);
    struct baseline_entry now = entry(NAN, NAN, NAN);
    (void)state;
    past.unit = now.unit = "bytes";
    past.level = 1000;
    now.level = 1200;
    assert_false(state_of(past, now, 0).is_worse);
    now.level = 1300;
    assert_true(state_of(past, now, 0).is_worse);
}

static void a_grade_alone_is_not_worse(void **state)
{
    struct baseline_entry past = entry(100, 90, 110);
    struct baseline_entry now = past;
    (void)state;
    past.grade = GRADE_GROWTH;
    now.grade = GRADE_PROVEN;
    assert_false(state_of(past, now, 0).is_worse);
}

static void what_has_no_rates_is_not_compared_with_rates(void **state)
{
    const struct baseline_state s =
        state_of(entry(100, 90, 110), entry(900, NAN, NAN), 0);
    (void)state;
    assert_false(s.is_worse);
    assert_true(s.is_incomparable);
}

/* Two snapshots have no rates: in half the time it grows by half. */
static void what_two_snapshots_could_show_is_fixed(void **state)
{
    static const struct {
        double then, now, noise;
        bool is_fixed;
    } rows[] = {
        {10, 10,  NAN, true },
        {10, 6,   NAN, true },
        {10, 4,   NAN, false},
        {0,  4,   NAN, true },
        {10, 0,   NAN, true },
        {10, 100, NAN, true },
        {10, 10,  24,  true },
        {10, 10,  26,  false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct baseline_entry past = entry(100, NAN, NAN);
        struct baseline b = {.items = &past, .n = 1};
        const struct baseline_window window = {
            .seconds = rows[i].now, .goroutines = 50, .heap_bytes = NAN};
        struct baseline_states states;
        struct err err = {0};
        past.seconds = rows[i].then;
        past.noise = rows[i].noise;
        assert_ok(baseline_compare(&b, &past, 0, &window, 0, &states, &err),
                  &err);
        if ((states.past[0] == BASELINE_FIXED) != rows[i].is_fixed) {
            fail_msg("row %zu", i);
        }
        baseline_states_release(&states);
    }
}

/* Proof in one run, growth in the other: the same leak, at the same site. */
static void proof_and_growth_are_one_leak(void **state)
{
    struct baseline_entry past = entry(100, 90, 110);
    struct baseline_entry now = past;
    (void)state;
    memcpy(now.id, "00000000000000aa", 16);
    now.profile = KIND_GOROUTINELEAK;
    const struct baseline_state s = state_of(past, now, 0);
    assert_non_null(s.past);
    assert_false(s.is_moved);
}

/* A thousand entries that share one site pair with none. */
static void many_of_one_site_are_new(void **state)
{
    enum { N = 1000 };
    static struct baseline_entry past[N];
    static struct baseline_entry now[N];
    struct baseline b = {.items = past, .n = N};
    const struct baseline_window window = {.seconds = 0};
    struct baseline_states states;
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < N; i++) {
        past[i] = now[i] = entry(100, 90, 110);
        snprintf(past[i].id, 17, "%016zx", i);
        snprintf(now[i].id, 17, "%016zx", i + N / 2);
    }
    assert_ok(baseline_compare(&b, now, N, &window, 0, &states, &err), &err);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(states.now[i].past != NULL, i < N / 2);
        assert_int_equal(states.past[i],
                         i < N / 2 ? BASELINE_UNCHECKED : BASELINE_FOUND);
    }
    baseline_states_release(&states);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_worse_when_their_intervals_part),
        cmocka_unit_test(growth_is_worse_beyond_its_noise),
        cmocka_unit_test(levels_are_compared_where_there_is_no_growth),
        cmocka_unit_test(a_grade_alone_is_not_worse),
        cmocka_unit_test(what_has_no_rates_is_not_compared_with_rates),
        cmocka_unit_test(what_two_snapshots_could_show_is_fixed),
        cmocka_unit_test(proof_and_growth_are_one_leak),
        cmocka_unit_test(many_of_one_site_are_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
