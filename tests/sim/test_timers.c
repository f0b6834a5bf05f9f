/* Timers come out in order whatever is added and removed in between. */
#include "test.h"

#include "sim/serve_private.h"

enum { N_TIMERS = 500 };

static void timers_come_in_order(void **state)
{
    struct sim_timers q = {0};
    struct sim_timer timers[N_TIMERS] = {0};
    bool is_in[N_TIMERS] = {false};
    uint64_t dice = 1;
    (void)state;
    for (size_t i = 0; i < N_TIMERS; i++) {
        timers[i].due_ns = (int64_t)(test_random(&dice) % 1000);
        is_in[i] = true;
        assert_true(sim_timers_add(&q, &timers[i]));
    }
    for (size_t i = 0; i < N_TIMERS; i += 3) {
        sim_timers_remove(&q, &timers[i]);
        sim_timers_remove(&q, &timers[i]); /* again: nothing happens */
        is_in[i] = false;
    }
    int64_t last_ns = INT64_MIN;
    for (int64_t now_ns = 0; now_ns < 1000; now_ns += 10) {
        struct sim_timer *t;
        while ((t = sim_timers_due(&q, now_ns)) != NULL) {
            assert_true(is_in[t - timers]);
            assert_true(t->due_ns >= last_ns && t->due_ns <= now_ns);
            is_in[t - timers] = false;
            last_ns = t->due_ns;
        }
        assert_true(sim_timers_next_ns(&q) > now_ns);
    }
    for (size_t i = 0; i < N_TIMERS; i++) {
        assert_int_equal(is_in[i], i % 3 != 0 && timers[i].due_ns > 990);
        is_in[i] = false;
    }
    sim_timers_release(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(timers_come_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
