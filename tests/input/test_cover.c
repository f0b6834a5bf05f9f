/* Ranges of addresses: the first that covers one, against a plain search. */
#include "test.h"

#include "input/cover_private.h"

enum { N_RANGES = 60, N_ADDRESSES = 90 };

struct range {
    uint64_t start, limit;
};

static uint32_t search(const struct range *ranges, size_t n, uint64_t address)
{
    for (uint32_t i = 0; i < n; i++) {
        if (ranges[i].start <= address && address < ranges[i].limit) {
            return i;
        }
    }
    return COVER_NONE;
}

/* Numbers may be given in any order: smaller ones win. */
static void the_first_of_many_ranges_is_found(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (unsigned round = 0; round < 200; round++) {
        struct range ranges[N_RANGES];
        uint64_t bounds[2 * N_RANGES];
        const size_t n = (size_t)(test_random(&seed) % N_RANGES) + 1;
        for (size_t i = 0; i < n; i++) {
            ranges[i].start = test_random(&seed) % N_ADDRESSES;
            ranges[i].limit = test_random(&seed) % N_ADDRESSES;
            bounds[2 * i] = ranges[i].start;
            bounds[2 * i + 1] = ranges[i].limit;
        }
        struct cover c;
        assert_true(cover_init(&c, bounds, 2 * n));
        for (uint32_t i = (uint32_t)n; i > 0; i--) {
            cover_add(&c, ranges[i - 1].start, ranges[i - 1].limit, i - 1);
        }
        for (uint64_t a = 0; a < N_ADDRESSES + 1; a++) {
            assert_int_equal(cover_find(&c, a), search(ranges, n, a));
        }
        cover_release(&c);
    }
}

static void nothing_covers_nothing(void **state)
{
    (void)state;
    struct cover c;
    assert_true(cover_init(&c, NULL, 0));
    assert_int_equal(cover_find(&c, 0), COVER_NONE);
    assert_int_equal(cover_find(&c, UINT64_MAX), COVER_NONE);
    cover_release(&c);
}

static void the_last_address_has_no_range(void **state)
{
    (void)state;
    const uint64_t bounds[] = {0, UINT64_MAX};
    struct cover c;
    assert_true(cover_init(&c, bounds, 2));
    cover_add(&c, 0, UINT64_MAX, 7);
    assert_int_equal(cover_find(&c, UINT64_MAX - 1), 7);
    assert_int_equal(cover_find(&c, UINT64_MAX), COVER_NONE);
    cover_release(&c);
}

static bool init_action(void *ctx, struct err *err)
{
    const uint64_t bounds[] = {1, 2, 3};
    struct cover c;
    (void)ctx;
    const bool ok = cover_init(&c, bounds, 3);
    cover_release(&c);
    return ok || err_nomem(err, "cover");
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    assert_true(oom_walk(init_action, NULL) >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_of_many_ranges_is_found),
        cmocka_unit_test(nothing_covers_nothing),
        cmocka_unit_test(the_last_address_has_no_range),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
