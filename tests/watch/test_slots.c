#include "test.h"

#include "watch/slots_private.h"

#include <stdio.h>

enum { N = 64 };

struct line {
    struct slots s;
    struct slot_waiter waiters[N];
};

/* Waiter i asks host i % n_hosts. */
static void line_init(struct line *l, uint32_t n_hosts, uint32_t per_host,
                      uint32_t all)
{
    *l = (struct line){
        .s = {.per_host_max = per_host, .all_max = all}
    };
    for (uint32_t i = 0; i < N; i++) {
        char host[16];
        struct err err = {0};
        snprintf(host, sizeof host, "h%u", (unsigned)(i % n_hosts));
        assert_ok(slots_host(&l->s, host, &l->waiters[i].host, &err), &err);
        l->waiters[i].owner = &l->waiters[i];
    }
}

static void hosts_and_all_have_their_limits(void **state)
{
    (void)state;
    struct line l;
    line_init(&l, 4, 2, 5);
    unsigned n_taken = 0;
    for (size_t i = 0; i < N; i++) {
        n_taken += slots_take(&l.s, &l.waiters[i]) ? 1 : 0;
    }
    assert_int_equal(n_taken, 5);
    assert_int_equal(l.s.n_active, 5);
    assert_int_equal(l.s.n_waiting, N - 5);
    assert_null(slots_next(&l.s));
    for (uint32_t h = 0; h < 4; h++) {
        assert_true(l.s.hosts.items[h].n_active <= 2);
    }
    slots_release(&l.s);
}

static void everybody_is_served_once_and_no_limit_is_passed(void **state)
{
    (void)state;
    struct line l;
    line_init(&l, 7, 2, 6);
    bool served[N] = {false};
    uint32_t active[N];
    size_t n_active = 0;
    size_t n_served = 0;
    uint64_t dice = 1;
    for (uint32_t i = 0; i < N; i++) {
        if (slots_take(&l.s, &l.waiters[i])) {
            active[n_active++] = i;
        }
    }
    while (n_active > 0) {
        const size_t at = test_random(&dice) % n_active;
        const uint32_t done = active[at];
        assert_false(served[done]);
        served[done] = true;
        n_served++;
        active[at] = active[--n_active];
        slots_give_back(&l.s, &l.waiters[done]);
        struct slot_waiter *w;
        while ((w = slots_next(&l.s)) != NULL) {
            active[n_active++] = (uint32_t)(w - l.waiters);
        }
        assert_true(n_active <= 6);
        for (uint32_t h = 0; h < 7; h++) {
            assert_true(l.s.hosts.items[h].n_active <= 2);
        }
    }
    assert_int_equal(n_served, N);
    assert_int_equal(l.s.n_waiting, 0);
    slots_release(&l.s);
}

/* Host 0 has 61 waiters, three others one each: they come next. */
static void a_busy_host_holds_up_no_other(void **state)
{
    (void)state;
    struct line l;
    line_init(&l, 4, 1, 1);
    const uint32_t h0 = l.waiters[0].host;
    const uint32_t others[3] = {l.waiters[1].host, l.waiters[2].host,
                                l.waiters[3].host};
    for (size_t i = 0; i < N; i++) {
        l.waiters[i].host = i < N - 3 ? h0 : others[i - (N - 3)];
    }
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(slots_take(&l.s, &l.waiters[i]), i == 0);
    }
    struct slot_waiter *last = &l.waiters[0];
    for (size_t i = 0; i < 4; i++) {
        slots_give_back(&l.s, last);
        last = slots_next(&l.s);
        assert_non_null(last);
        if (i < 3) {
            assert_int_equal(last->host, others[i]);
        }
    }
    assert_int_equal(last->host, h0);
    slots_release(&l.s);
}

static void in_the_end_all_who_wait_are_dismissed(void **state)
{
    (void)state;
    struct line l;
    line_init(&l, 5, 1, 3);
    size_t n = 0;
    uint32_t from = 0;
    for (size_t i = 0; i < N; i++) {
        (void)slots_take(&l.s, &l.waiters[i]);
    }
    while (slots_dismiss(&l.s, &from)) {
        n++;
    }
    assert_int_equal(n, N - 3);
    assert_null(slots_next(&l.s));
    slots_give_back(&l.s, &l.waiters[0]);
    assert_null(slots_next(&l.s));
    slots_release(&l.s);
}

static void who_has_no_memory_waits_for_those_who_have(void **state)
{
    (void)state;
    struct line l;
    line_init(&l, 4, 8, 8);
    l.s.bytes_max = 100;
    for (size_t i = 0; i < 4; i++) {
        l.waiters[i].wanted_bytes = 40;
    }
    assert_true(slots_take(&l.s, &l.waiters[0]));
    assert_true(slots_take(&l.s, &l.waiters[1]));
    assert_false(slots_take(&l.s, &l.waiters[2]));
    assert_false(slots_take(&l.s, &l.waiters[3]));
    assert_null(slots_next(&l.s));
    /* It took less than last time, and then more. */
    assert_true(slots_charge(&l.s, &l.waiters[0], 10));
    assert_int_equal(l.s.bytes_active, 80);
    assert_true(slots_charge(&l.s, &l.waiters[0], 55));
    assert_int_equal(l.s.bytes_active, 95);
    slots_give_back(&l.s, &l.waiters[1]);
    assert_int_equal(l.s.bytes_active, 55);
    assert_ptr_equal(slots_next(&l.s), &l.waiters[2]);
    assert_null(slots_next(&l.s));
    slots_give_back(&l.s, &l.waiters[0]);
    slots_give_back(&l.s, &l.waiters[2]);
    assert_int_equal(l.s.bytes_active, 0);
    assert_ptr_equal(slots_next(&l.s), &l.waiters[3]);
    slots_release(&l.s);
}

static void
beyond_all_memory_who_takes_more_than_a_share_is_refused(void **state)
{
    (void)state;
    struct line l;
    line_init(&l, 4, 8, 8);
    l.s.bytes_max = 100;
    for (size_t i = 0; i < 4; i++) {
        assert_true(slots_take(&l.s, &l.waiters[i]));
    }
    assert_true(slots_charge(&l.s, &l.waiters[0], 90));
    assert_true(slots_charge(&l.s, &l.waiters[1], 25)); /* its share */
    assert_false(slots_charge(&l.s, &l.waiters[0], 91));
    slots_give_back(&l.s, &l.waiters[0]);
    assert_true(slots_charge(&l.s, &l.waiters[1], 70));
    /* Who wants more than there is may have it alone. */
    l.waiters[4].wanted_bytes = 1000;
    assert_false(slots_take(&l.s, &l.waiters[4]));
    for (size_t i = 1; i < 4; i++) {
        assert_null(slots_next(&l.s));
        slots_give_back(&l.s, &l.waiters[i]);
    }
    assert_ptr_equal(slots_next(&l.s), &l.waiters[4]);
    assert_false(slots_charge(&l.s, &l.waiters[4], 1001));
    slots_release(&l.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_and_all_have_their_limits),
        cmocka_unit_test(everybody_is_served_once_and_no_limit_is_passed),
        cmocka_unit_test(a_busy_host_holds_up_no_other),
        cmocka_unit_test(in_the_end_all_who_wait_are_dismissed),
        cmocka_unit_test(who_has_no_memory_waits_for_those_who_have),
        cmocka_unit_test(
            beyond_all_memory_who_takes_more_than_a_share_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
