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

/* Against a series, two snapshots have levels alone. */
static void one_sided_rates_leave_the_level(void **state)
{
    static const struct {
        double past, now;
        bool is_worse, is_incomparable;
    } rows[] = {
        {100, 900, true,  false},
        {100, 110, false, false},
        {NAN, 900, false, true },
        {100, NAN, false, true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct baseline_entry past = entry(100, 90, 110);
        struct baseline_entry now = entry(100, NAN, NAN);
        past.level = rows[i].past;
        now.level = rows[i].now;
        const struct baseline_state s = state_of(past, now, 0);
        const struct baseline_state back = state_of(now, past, 0);
        assert_int_equal(s.is_worse, rows[i].is_worse);
        assert_int_equal(s.is_incomparable, rows[i].is_incomparable);
        assert_false(back.is_worse);
    }
}

/* What an entry becomes when nothing of now is it, but for what `now` says. */
static enum baseline_fate fate_in(struct baseline_window window,
                                  const struct baseline_entry *now, size_t n)
{
    struct baseline_entry past = entry(100, 90, 110);
    struct baseline b = {.items = &past, .n = 1};
    struct baseline_states states;
    struct err err = {0};
    past.program = "orders";
    window.kinds = window.kinds != 0 ? window.kinds : PROFILE_BIT(past.profile);
    window.goroutines = 10;
    assert_ok(baseline_compare(&b, now, n, &window, 0, &states, &err), &err);
    const enum baseline_fate fate = states.past[0];
    baseline_states_release(&states);
    return fate;
}

static void what_a_run_cannot_know_is_not_fixed(void **state)
{
    static const struct {
        struct baseline_window window;
        enum baseline_fate fate;
    } rows[] = {
        {{.seconds = 3600},                          BASELINE_FIXED    },
        {{.seconds = 3600, .program = "orders"},     BASELINE_FIXED    },
        {{.seconds = 3600, .program = ""},           BASELINE_FIXED    },
        {{.seconds = 3600, .program = "accounts"},   BASELINE_UNCHECKED},
        {{.seconds = 3600, .has_lost = true},        BASELINE_UNCHECKED},
        {{.seconds = 3600, .is_inconclusive = true}, BASELINE_UNCHECKED},
        {{.seconds = 3600, .is_comparison = true},   BASELINE_UNCHECKED},
        {{.kinds = PROFILE_BIT(KIND_HEAP)},          BASELINE_UNCHECKED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(fate_in(rows[i].window, NULL, 0), rows[i].fate);
    }
}

/* A dump shows all that it holds, if it is whole and of the same program; and
   beside profiles it is asked for proof alone. */
static void only_a_dump_of_the_program_says_what_is_gone(void **state)
{
    static const struct {
        struct baseline_window window;
        enum grade grade;
        const char *program;
        enum baseline_fate fate;
    } rows[] = {
        {{.program = "orders"},                                  GRADE_SUSPECT, "orders", BASELINE_FIXED    },
        {{.program = ""},                                        GRADE_SUSPECT, "orders", BASELINE_UNCHECKED},
        {{.program = NULL},                                      GRADE_SUSPECT, "orders", BASELINE_UNCHECKED},
        {{.program = "orders"},                                  GRADE_SUSPECT, "",       BASELINE_UNCHECKED},
        {{.program = ""},                                        GRADE_SUSPECT, "",       BASELINE_UNCHECKED},
        {{.program = "chat"},                                    GRADE_SUSPECT, "orders", BASELINE_UNCHECKED},
        {{.program = "orders", .is_inconclusive = true},
         GRADE_SUSPECT,                                                         "orders",
         BASELINE_UNCHECKED                                                                                 },
        {{.program = "orders", .has_lost = true},
         GRADE_SUSPECT,                                                         "orders",
         BASELINE_UNCHECKED                                                                                 },
        {{.program = "orders", .kinds = PROFILE_BIT(KIND_HEAP)},
         GRADE_SUSPECT,                                                         "orders",
         BASELINE_UNCHECKED                                                                                 },
        {{.program = "orders", .kinds = PROFILE_BIT(KIND_HEAP)},
         GRADE_PROVEN,                                                          "orders",
         BASELINE_FIXED                                                                                     },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct baseline_entry past = entry(100, NAN, NAN);
        struct baseline b = {.items = &past, .n = 1};
        struct baseline_window window = rows[i].window;
        struct baseline_states states;
        struct err err = {0};
        past.profile = KIND_HEAPDUMP;
        past.grade = rows[i].grade;
        past.program = rows[i].program;
        window.kinds |= PROFILE_BIT(KIND_HEAPDUMP);
        assert_ok(baseline_compare(&b, NULL, 0, &window, 0, &states, &err),
                  &err);
        if (states.past[0] != rows[i].fate) {
            fail_msg("row %zu", i);
        }
        baseline_states_release(&states);
    }
}

/* By its id or its site; a series that says so repeats what a baseline said. */
static void only_a_comparison_says_what_fell(void **state)
{
    const struct baseline_window comparison = {.is_comparison = true};
    const struct baseline_window series = {.has_lost = true};
    struct baseline_entry now[2] = {entry(100, NAN, NAN), entry(100, NAN, NAN)};
    (void)state;
    now[0].is_fixed = true;
    assert_int_equal(fate_in(comparison, now, 1), BASELINE_FIXED);
    assert_int_equal(fate_in(series, now, 1), BASELINE_UNCHECKED);
    memcpy(now[0].id, "00000000000000aa", 16);
    assert_int_equal(fate_in(comparison, now, 1), BASELINE_FIXED);
    /* Gone as one, there as another. */
    memcpy(now[0].id, now[1].id, 16);
    assert_int_equal(fate_in(comparison, now, 2), BASELINE_FOUND);
}

static void what_is_aside_is_still_there(void **state)
{
    struct baseline_entry now = entry(100, 90, 110);
    (void)state;
    now.is_aside = true;
    assert_int_equal(
        fate_in((struct baseline_window){.seconds = 3600}, &now, 1),
        BASELINE_FOUND);
}

static void a_run_without_its_profiles_is_blind(void **state)
{
    const struct baseline_entry goroutine = entry(100, 90, 110);
    struct baseline_entry dump = entry(100, 90, 110);
    struct baseline_window w = {.kinds = PROFILE_BIT(KIND_HEAP)};
    (void)state;
    dump.profile = KIND_HEAPDUMP;
    assert_true(baseline_is_blind(&goroutine, &w));
    assert_false(baseline_is_blind(&dump, &w));
    w.is_comparison = true;
    assert_false(baseline_is_blind(&goroutine, &w));
    w = (struct baseline_window){.kinds = PROFILE_BIT(KIND_GOROUTINELEAK)};
    assert_false(baseline_is_blind(&goroutine, &w));
    assert_true(baseline_is_blind(&dump, &w));
    w = (struct baseline_window){.kinds = 0};
    assert_false(baseline_is_blind(&goroutine, &w));
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

/* 60 to 140 an hour, 100 likely, in a window as long as that which found it:
   the lower bound must do, and its noise is asked of the likely growth. */
static void doubt_counts_once_in_what_is_fixed(void **state)
{
    static const struct {
        double seconds, noise;
        bool is_fixed;
    } rows[] = {
        {3600, 20, true },
        {3600, 24, true },
        {3600, 26, false},
        {2400, 20, false}, /* 40 at the least, 50 could be shown */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct baseline_entry past = entry(100, 60, 140);
        struct baseline b = {.items = &past, .n = 1};
        const struct baseline_window window = {
            .seconds = rows[i].seconds, .goroutines = 50, .heap_bytes = NAN};
        struct baseline_states states;
        struct err err = {0};
        past.seconds = 3600;
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

/* An entry that was renamed and saved has the site of either name: other
   callers may come to it under both. */
static void a_renamed_site_is_found_under_either_name(void **state)
{
    static const struct {
        const char *past_own, *loose, *own;
        bool is_found;
    } rows[] = {
        {"",                 "f000000000000001", "",                 true },
        {"f000000000000002", "f000000000000002", "",                 true },
        {"f000000000000002", "f000000000000001", "",                 true },
        {"",                 "f000000000000002", "f000000000000001", true },
        {"f000000000000002", "f000000000000003", "f000000000000002", true },
        {"f000000000000002", "f000000000000003", "",                 false},
    };
    const struct baseline_window window = {.seconds = 0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct baseline_entry past = entry(100, 90, 110);
        struct baseline_entry now = past;
        struct baseline b = {.items = &past, .n = 1};
        struct baseline_states states;
        struct err err = {0};
        (void)snprintf(past.own_id, sizeof past.own_id, "0000000000000002");
        (void)snprintf(now.id, sizeof now.id, "0000000000000003");
        (void)snprintf(past.own_loose_id, sizeof past.own_loose_id, "%s",
                       rows[i].past_own);
        (void)snprintf(now.loose_id, sizeof now.loose_id, "%s", rows[i].loose);
        (void)snprintf(now.own_loose_id, sizeof now.own_loose_id, "%s",
                       rows[i].own);
        assert_ok(baseline_compare(&b, &now, 1, &window, 0, &states, &err),
                  &err);
        if ((states.now[0].past != NULL) != rows[i].is_found ||
            states.now[0].is_moved != rows[i].is_found) {
            fail_msg("row %zu", i);
        }
        baseline_states_release(&states);
    }
}

/* Two new ones under the names of one: which of them it is nobody can say. */
static void of_two_under_its_names_none_is_the_old_one(void **state)
{
    struct baseline_entry past = entry(100, 90, 110);
    struct baseline_entry now[] = {past, past};
    struct baseline b = {.items = &past, .n = 1};
    const struct baseline_window window = {.seconds = 0};
    struct baseline_states states;
    struct err err = {0};
    (void)state;
    (void)snprintf(past.own_loose_id, sizeof past.own_loose_id,
                   "f000000000000002");
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(now[i].id, sizeof now[i].id, "000000000000000%zu",
                       i + 5);
        (void)snprintf(now[i].loose_id, sizeof now[i].loose_id,
                       "f000000000000002");
    }
    assert_ok(baseline_compare(&b, now, 2, &window, 0, &states, &err), &err);
    assert_null(states.now[0].past);
    assert_null(states.now[1].past);
    baseline_states_release(&states);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_worse_when_their_intervals_part),
        cmocka_unit_test(growth_is_worse_beyond_its_noise),
        cmocka_unit_test(levels_are_compared_where_there_is_no_growth),
        cmocka_unit_test(a_grade_alone_is_not_worse),
        cmocka_unit_test(one_sided_rates_leave_the_level),
        cmocka_unit_test(what_a_run_cannot_know_is_not_fixed),
        cmocka_unit_test(only_a_dump_of_the_program_says_what_is_gone),
        cmocka_unit_test(only_a_comparison_says_what_fell),
        cmocka_unit_test(what_is_aside_is_still_there),
        cmocka_unit_test(a_run_without_its_profiles_is_blind),
        cmocka_unit_test(what_two_snapshots_could_show_is_fixed),
        cmocka_unit_test(doubt_counts_once_in_what_is_fixed),
        cmocka_unit_test(proof_and_growth_are_one_leak),
        cmocka_unit_test(a_renamed_site_is_found_under_either_name),
        cmocka_unit_test(of_two_under_its_names_none_is_the_old_one),
        cmocka_unit_test(many_of_one_site_are_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
