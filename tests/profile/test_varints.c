/* Runs of varints of every length, read against the plain way. */
#include "test.h"

#include "profile/varints_private.h"
#include "profile/wire_private.h"

enum { N_IDS = 40, MAX_BYTES = 10 };

static size_t put_varint(uint8_t *p, uint64_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) {
        p[n++] = (uint8_t)(v | 0x80);
    }
    p[n++] = (uint8_t)v;
    return n;
}

/* A number that takes `n` bytes. */
static uint64_t number_of(unsigned n, uint64_t random)
{
    return (random >> 1 & ((UINT64_C(1) << (7 * n - 1)) - 1)) |
           UINT64_C(1) << (7 * n - 1);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *seed ^ *seed >> 29;
}

/* Whatever stops the run is read the plain way, as the decoder does. */
static void runs_give_what_single_reads_give(void **state)
{
    (void)state;
    struct varints t;
    varints_init(&t);
    uint64_t seed = 1;
    for (unsigned round = 0; round < 2000; round++) {
        uint8_t bytes[N_IDS * MAX_BYTES + VARINTS_PADDING_BYTES + WIRE_PADDING];
        uint64_t want[N_IDS];
        size_t n_bytes = 0;
        const unsigned longest = 1 + round % 5;
        memset(bytes, round & 1 ? 0 : 0xff, sizeof(bytes));
        for (unsigned i = 0; i < N_IDS; i++) {
            const uint64_t random = next_random(&seed);
            want[i] = number_of(1 + (unsigned)(random >> 40) % longest, random);
            n_bytes += put_varint(bytes + n_bytes, want[i]);
        }
        uint32_t got[N_IDS + VARINTS_PADDING_ITEMS];
        uint32_t *out = got;
        const uint8_t *p = bytes;
        const uint8_t *end = bytes + n_bytes;
        while (p < end) {
            varints_read(&t, &p, end, &out);
            assert_true(p <= end);
            if (p < end) {
                uint64_t v = 0;
                p = wire_varint_at(p, &v);
                *out++ = (uint32_t)v;
            }
        }
        assert_int_equal(out - got, N_IDS);
        for (unsigned i = 0; i < N_IDS; i++) {
            assert_int_equal(got[i], (uint32_t)want[i]);
        }
    }
}

static void a_run_stops_before_what_is_cut_off(void **state)
{
    (void)state;
    struct varints t;
    varints_init(&t);
    const uint8_t bytes[2 + VARINTS_PADDING_BYTES] = {5, 0x80, 1};
    uint32_t got[2 + VARINTS_PADDING_ITEMS] = {0};
    uint32_t *out = got;
    const uint8_t *p = bytes;
    varints_read(&t, &p, bytes + 2, &out);
    const ptrdiff_t n = t.is_usable ? 1 : 0;
    assert_int_equal(p - bytes, n);
    assert_int_equal(out - got, n);
    assert_int_equal(got[0], n * 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_give_what_single_reads_give),
        cmocka_unit_test(a_run_stops_before_what_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
