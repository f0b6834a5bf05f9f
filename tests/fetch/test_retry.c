/* Who is asked again, and when. */
#include "test.h"

#include "fetch/retry.h"

#define MS_NS INT64_C(1000000)

static void only_what_may_pass_is_asked_again(void **state)
{
    (void)state;
    for (int f = 0; f < FETCH_N_FAILURES; f++) {
        const enum fetch_failure failure = (enum fetch_failure)f;
        const bool may_pass =
            failure == FETCH_FAILURE_BROKEN || failure == FETCH_FAILURE_SERVER;
        const bool is_reached = failure == FETCH_FAILURE_CONNECT;
        assert_int_equal(fetch_retry_is_worth(failure, false), may_pass);
        assert_int_equal(fetch_retry_is_worth(failure, true),
                         may_pass || is_reached);
    }
}

static void delays_double_up_to_the_longest(void **state)
{
    static const int64_t steps_ms[] = {100, 200, 400, 800, 1000, 1000};
    const struct fetch_retry r = {5, 100 * MS_NS, 1000 * MS_NS};
    uint64_t seed = 1;
    (void)state;
    for (unsigned i = 0; i < sizeof(steps_ms) / sizeof(steps_ms[0]); i++) {
        const int64_t step = steps_ms[i] * MS_NS;
        int64_t least = INT64_MAX;
        int64_t most = 0;
        for (int k = 0; k < 1000; k++) {
            const int64_t ns =
                fetch_retry_delay_ns(&r, i + 1, test_random(&seed));
            least = ns < least ? ns : least;
            most = ns > most ? ns : most;
        }
        assert_true(least >= step / 2 && least < step / 2 + step / 50);
        assert_true(most <= step && most > step - step / 50);
    }
}

static void both_ends_can_be_met(void **state)
{
    const struct fetch_retry r = {5, 100, 1000};
    (void)state;
    assert_int_equal(fetch_retry_delay_ns(&r, 1, 0), 50);
    assert_int_equal(fetch_retry_delay_ns(&r, 1, 50), 100);
    assert_int_equal(fetch_retry_delay_ns(&r, 1, 51), 50);
}

static void odd_numbers_do_no_harm(void **state)
{
    const struct fetch_retry none = {0};
    const struct fetch_retry endless = {5, INT64_MAX / 2 + 1, 0};
    const struct fetch_retry short_of_first = {5, 1000, 10};
    (void)state;
    assert_int_equal(fetch_retry_delay_ns(&none, 1, UINT64_MAX), 0);
    assert_int_equal(fetch_retry_delay_ns(&none, UINT32_MAX, 7), 0);
    assert_true(fetch_retry_delay_ns(&endless, UINT32_MAX, UINT64_MAX) > 0);
    assert_true(fetch_retry_delay_ns(&short_of_first, 1, 5) <= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_may_pass_is_asked_again),
        cmocka_unit_test(delays_double_up_to_the_longest),
        cmocka_unit_test(both_ends_can_be_met),
        cmocka_unit_test(odd_numbers_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
