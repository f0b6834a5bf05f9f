/* Numbers of the older formats. */
#include "test.h"

#include "input/scan_private.h"

struct literal_case {
    const char *text;
    bool is_number;
    int64_t want;
};

static const struct literal_case literal_cases[] = {
    {"15",                  true,  15       },
    {"-15",                 true,  -15      },
    {"+15",                 true,  15       },
    {"0",                   true,  0        },
    {"017",                 true,  15       },
    {"0o17",                true,  15       },
    {"0x1F",                true,  31       },
    {"0b101",               true,  5        },
    {"9223372036854775807", true,  INT64_MAX},
    {"9223372036854775808", false, 0        },
    {"08",                  false, 0        },
    {"0x",                  false, 0        },
    {"",                    false, 0        },
    {"-",                   false, 0        },
    {"1 ",                  false, 0        },
    {"1f",                  false, 0        },
};

static void literals_are_those_of_go(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(literal_cases) / sizeof(literal_cases[0]);
         i++) {
        const struct literal_case *const c = &literal_cases[i];
        int64_t v = 0;
        assert_int_equal(scan_literal(span_of(c->text), &v), c->is_number);
        if (c->is_number) {
            assert_true(v == c->want);
        }
    }
}

static void addresses_are_found_in_between(void **state)
{
    (void)state;
    static const uint64_t want[] = {0x0, 0x5a, 0xffffffffffffffff, 0xc};
    const struct span text =
        SPAN_LIT("PC: 0x0x 0x5aG 00x 0xZ 0xffffffffffffffff, creator:0xc");
    size_t n = 0;
    uint64_t address;
    bool fits;
    for (size_t at = 0; scan_address(text, &at, &address, &fits); n++) {
        assert_true(fits);
        assert_true(n < sizeof(want) / sizeof(want[0]));
        assert_true(address == want[n]);
    }
    assert_int_equal(n, sizeof(want) / sizeof(want[0]));
}

static void address_beyond_64_bits_is_said(void **state)
{
    (void)state;
    uint64_t address;
    bool fits;
    size_t at = 0;
    assert_true(
        scan_address(SPAN_LIT("0x10000000000000000"), &at, &address, &fits));
    assert_false(fits);
    at = 0;
    assert_true(
        scan_address(SPAN_LIT("0x00000000000000000007"), &at, &address, &fits));
    assert_true(fits);
    assert_int_equal(address, 7);
}

static void comments_may_be_indented(void **state)
{
    (void)state;
    assert_true(scan_is_comment(SPAN_LIT("")));
    assert_true(scan_is_comment(SPAN_LIT(" \t\r")));
    assert_true(scan_is_comment(SPAN_LIT("  # x")));
    assert_false(scan_is_comment(SPAN_LIT(" x # y")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_are_those_of_go),
        cmocka_unit_test(addresses_are_found_in_between),
        cmocka_unit_test(address_beyond_64_bits_is_said),
        cmocka_unit_test(comments_may_be_indented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
