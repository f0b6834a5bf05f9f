#include "test.h"

#include "base/reader.h"

/* Reference encoder. */
static size_t put_varint(uint8_t *out, uint64_t v)
{
    size_t n = 0;
    while (v >= 0x80) {
        out[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    out[n++] = (uint8_t)v;
    return n;
}

static void varints_round_trip(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 100000; i++) {
        /* Every magnitude, and both sides of each power of two. */
        uint64_t v = test_random(&seed) >> (test_random(&seed) % 64);
        v += (uint64_t)(i % 3) - 1;
        uint8_t bytes[10];
        const size_t n = put_varint(bytes, v);
        struct reader r = reader_of(bytes, n);
        assert_true(reader_varint(&r) == v);
        assert_true(reader_ok(&r));
        assert_int_equal(reader_left(&r), 0);
        for (size_t cut = 0; cut < n; cut++) {
            struct reader part = reader_of(bytes, cut);
            assert_int_equal(reader_varint(&part), 0);
            assert_string_equal(part.failed, "varint is cut off");
        }
    }
}

static void overlong_varints_fail(void **state)
{
    (void)state;
    const uint8_t eleven[11] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                0x80, 0x80, 0x80, 0x80, 0x01};
    struct reader r = reader_of(eleven, sizeof(eleven));
    assert_int_equal(reader_varint(&r), 0);
    assert_string_equal(r.failed, "varint is longer than 10 bytes");
    assert_int_equal(reader_left(&r), 0);
}

static void padded_varints_and_high_bits_are_taken_as_protobuf_does(void **st)
{
    (void)st;
    const uint8_t padded[] = {0x81, 0x80, 0x00};
    struct reader r = reader_of(padded, sizeof(padded));
    assert_int_equal(reader_varint(&r), 1);
    const uint8_t high[] = {0xff, 0xff, 0xff, 0xff, 0xff,
                            0xff, 0xff, 0xff, 0xff, 0x7f};
    r = reader_of(high, sizeof(high));
    assert_true(reader_varint(&r) == UINT64_MAX);
    assert_true(reader_ok(&r));
}

static void fixed_widths_are_little_endian(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 0x84, 5, 6, 7, 8, 9, 10, 11, 0xfc, 1};
    struct reader r = reader_of(bytes, sizeof(bytes));
    assert_int_equal(reader_fixed32(&r), 0x84030201u);
    assert_true(reader_fixed64(&r) == UINT64_C(0xfc0b0a0908070605));
    assert_int_equal(reader_fixed32(&r), 0);
    assert_string_equal(r.failed, "fixed-width number is cut off");
}

static void lengths_are_bounded_by_what_holds_them(void **state)
{
    (void)state;
    const uint8_t good[] = {3, 'a', 'b', 'c', 9};
    struct reader r = reader_of(good, sizeof(good));
    struct reader inner = reader_bytes(&r);
    assert_int_equal(reader_left(&inner), 3);
    assert_int_equal(reader_varint(&r), 9);

    const uint8_t bad[] = {4, 'a', 'b', 'c'};
    r = reader_of(bad, sizeof(bad));
    inner = reader_bytes(&r);
    assert_false(reader_ok(&r));
    assert_false(reader_ok(&inner));
    assert_int_equal(reader_left(&inner), 0);
    assert_string_equal(r.failed, "field is longer than what holds it");
}

static void huge_lengths_do_not_wrap(void **state)
{
    (void)state;
    uint8_t bytes[11] = {0};
    (void)put_varint(bytes, UINT64_MAX);
    struct reader r = reader_of(bytes, sizeof(bytes));
    (void)reader_bytes(&r);
    assert_false(reader_ok(&r));
}

static void the_first_failure_sticks(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x80};
    struct reader r = reader_of(bytes, 1);
    (void)reader_varint(&r);
    (void)reader_fixed64(&r);
    reader_skip(&r, 3);
    assert_string_equal(r.failed, "varint is cut off");
}

static void skip_knows_four_wire_types(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x96, 1, 1, 2, 3, 4, 5, 6, 7,
                             8,    2, 7, 7, 1, 2, 3, 4, 42};
    struct reader r = reader_of(bytes, sizeof(bytes));
    reader_skip(&r, 0);
    reader_skip(&r, 1);
    reader_skip(&r, 2);
    reader_skip(&r, 5);
    assert_int_equal(reader_varint(&r), 42);
    assert_true(reader_ok(&r));
    for (unsigned type = 0; type < 8; type++) {
        r = reader_of(bytes, sizeof(bytes));
        reader_skip(&r, type);
        const bool is_known = type <= 2 || type == 5;
        if (type != 2) { /* 0x96 0x01 as a length is too long */
            assert_int_equal(reader_ok(&r), is_known);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(varints_round_trip),
        cmocka_unit_test(overlong_varints_fail),
        cmocka_unit_test(
            padded_varints_and_high_bits_are_taken_as_protobuf_does),
        cmocka_unit_test(fixed_widths_are_little_endian),
        cmocka_unit_test(lengths_are_bounded_by_what_holds_them),
        cmocka_unit_test(huge_lengths_do_not_wrap),
        cmocka_unit_test(the_first_failure_sticks),
        cmocka_unit_test(skip_knows_four_wire_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
