/* The checksum is zlib's, whatever the length and however it is cut. */
#include "test.h"

#include "base/crc.h"

#include <zlib.h>

enum { MOST = 700 };

static void it_is_the_one_of_gzip(void **state)
{
    (void)state;
    const uint8_t check[] = "123456789";
    assert_int_equal(crc_update(0, check, 9), 0xcbf43926);
    assert_int_equal(crc_update(7, NULL, 0), 7);
    uint8_t bytes[MOST];
    uint64_t random = 1;
    for (size_t i = 0; i < MOST; i++) {
        bytes[i] = (uint8_t)test_random(&random);
    }
    for (size_t n = 0; n + 16 <= MOST; n++) {
        const size_t at = n % 16;
        const uint32_t start = (uint32_t)test_random(&random);
        assert_int_equal(crc_update(start, bytes + at, n),
                         crc32_z(start, bytes + at, n));
    }
}

static void pieces_make_the_whole(void **state)
{
    (void)state;
    uint8_t bytes[MOST] = {0};
    bytes[MOST - 1] = 1;
    const uint32_t whole = (uint32_t)crc32_z(0, bytes, MOST);
    for (size_t cut = 0; cut <= MOST; cut++) {
        const uint32_t first = crc_update(0, bytes, cut);
        assert_int_equal(crc_update(first, bytes + cut, MOST - cut), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_one_of_gzip),
        cmocka_unit_test(pieces_make_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
