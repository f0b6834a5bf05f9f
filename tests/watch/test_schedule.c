#include "test.h"

#include "watch/schedule.h"

#include <stdio.h>

#define SECOND INT64_C(1000000000)

static struct schedule *make(int64_t interval_ns, double jitter)
{
    struct schedule *s = schedule_new(interval_ns, jitter, 7);
    assert_non_null(s);
    return s;
}

static int64_t take(struct schedule *s, int64_t now, uint32_t *id,
                    uint64_t *n_skipped)
{
    int64_t due = 0;
    assert_true(schedule_take(s, now, id, &due, n_skipped));
    return due;
}

static void nobody_is_due_in_an_empty_schedule(void **state)
{
    (void)state;
    struct schedule *s = make(SECOND, 0);
    uint32_t id;
    int64_t due;
    uint64_t n;
    assert_false(schedule_take(s, INT64_MAX / 2, &id, &due, &n));
    assert_int_equal(schedule_next_ns(s), INT64_MAX);
    schedule_free(s);
}

static void at_once_means_now_and_each_interval_from_then(void **state)
{
    (void)state;
    struct schedule *s = make(3 * SECOND, 0);
    const int64_t start = 12345;
    assert_true(schedule_add(s, 0, "orders:6060", start, true));
    for (int64_t i = 0; i < 10; i++) {
        uint32_t id = 9;
        uint64_t n = 9;
        assert_int_equal(schedule_next_ns(s), start + i * 3 * SECOND);
        assert_int_equal(take(s, start + i * 3 * SECOND + 50, &id, &n),
                         start + i * 3 * SECOND);
        assert_int_equal(id, 0);
        assert_int_equal(n, 0);
    }
    schedule_free(s);
}

static void places_come_from_names_and_outlast_a_restart(void **state)
{
    (void)state;
    int64_t first[2];
    for (int i = 0; i < 2; i++) {
        struct schedule *s = make(10 * SECOND, 0);
        assert_true(schedule_add(s, 5, "orders:6060", i * 70 * SECOND, false));
        first[i] = schedule_next_ns(s);
        assert_in_range(first[i], i * 70 * SECOND, (i * 70 + 10) * SECOND);
        schedule_free(s);
    }
    assert_int_equal(first[0] % (10 * SECOND), first[1] % (10 * SECOND));
}

static void a_thousand_targets_are_spread_evenly(void **state)
{
    (void)state;
    enum { N = 1000, PARTS = 10 };
    struct schedule *s = make(10 * SECOND, 0);
    unsigned in_part[PARTS] = {0};
    for (uint32_t i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof name, "replica-%u:6060", (unsigned)i);
        assert_true(schedule_add(s, i, name, 0, false));
    }
    int64_t last = 0;
    for (int i = 0; i < N; i++) {
        uint32_t id;
        uint64_t n;
        const int64_t next = schedule_next_ns(s);
        assert_true(next >= last);
        assert_int_equal(take(s, next, &id, &n), next);
        in_part[next / SECOND]++;
        last = next;
    }
    for (int i = 0; i < PARTS; i++) {
        assert_in_range(in_part[i], N / PARTS * 7 / 10, N / PARTS * 13 / 10);
    }
    schedule_free(s);
}

static void ticks_that_are_missed_are_dropped_and_counted(void **state)
{
    (void)state;
    struct schedule *s = make(SECOND, 0);
    uint32_t id;
    uint64_t n;
    assert_true(schedule_add(s, 0, "a", 0, true));
    assert_int_equal(take(s, 0, &id, &n), 0);
    assert_int_equal(n, 0);
    /* Asleep for 5.5 s: ticks 2 to 5 are gone, the next is at 6. */
    assert_int_equal(take(s, 5 * SECOND + SECOND / 2, &id, &n), SECOND);
    assert_int_equal(n, 4);
    assert_int_equal(schedule_next_ns(s), 6 * SECOND);
    schedule_free(s);
}

static void being_late_does_not_shift_those_to_come(void **state)
{
    (void)state;
    struct schedule *s = make(SECOND, 0);
    uint32_t id;
    uint64_t n;
    assert_true(schedule_add(s, 0, "a", 0, true));
    take(s, SECOND / 3, &id, &n);
    assert_int_equal(schedule_next_ns(s), SECOND);
    take(s, SECOND + SECOND * 9 / 10, &id, &n);
    assert_int_equal(schedule_next_ns(s), 2 * SECOND);
    assert_int_equal(n, 0);
    schedule_free(s);
}

static void
jitter_shakes_within_its_share_and_differently_each_time(void **state)
{
    (void)state;
    struct schedule *s = make(10 * SECOND, 0.2);
    int64_t before = -1;
    unsigned n_equal = 0;
    assert_true(schedule_add(s, 0, "a", 0, true));
    for (int64_t i = 0; i < 100; i++) {
        uint32_t id;
        uint64_t n;
        const int64_t due = take(s, schedule_next_ns(s), &id, &n);
        const int64_t shake = due - i * 10 * SECOND;
        assert_in_range(shake, 0, 2 * SECOND);
        n_equal += shake == before ? 1 : 0;
        before = shake;
        assert_int_equal(n, 0);
    }
    assert_true(n_equal < 3);
    schedule_free(s);
}

static void removed_targets_are_due_no_more(void **state)
{
    (void)state;
    enum { N = 200 };
    struct schedule *s = make(SECOND, 0);
    for (uint32_t i = 0; i < N; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%u", (unsigned)i);
        assert_true(schedule_add(s, i, name, 0, false));
    }
    for (uint32_t i = 0; i < N; i += 2) {
        schedule_remove(s, i);
        schedule_remove(s, i); /* again: nothing happens */
    }
    int64_t last = 0;
    for (int i = 0; i < N / 2; i++) {
        uint32_t id;
        uint64_t n;
        const int64_t next = schedule_next_ns(s);
        assert_true(next >= last && next < SECOND);
        take(s, next, &id, &n);
        assert_int_equal(id % 2, 1);
        last = next;
    }
    assert_true(schedule_next_ns(s) >= SECOND);
    schedule_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_due_in_an_empty_schedule),
        cmocka_unit_test(at_once_means_now_and_each_interval_from_then),
        cmocka_unit_test(places_come_from_names_and_outlast_a_restart),
        cmocka_unit_test(a_thousand_targets_are_spread_evenly),
        cmocka_unit_test(ticks_that_are_missed_are_dropped_and_counted),
        cmocka_unit_test(being_late_does_not_shift_those_to_come),
        cmocka_unit_test(
            jitter_shakes_within_its_share_and_differently_each_time),
        cmocka_unit_test(removed_targets_are_due_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
