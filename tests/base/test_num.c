#include "test.h"

#include "base/num.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

/* --- Writing --- */

typedef void add_double_fn(struct buf *b, double v);

static const struct text_case {
    add_double_fn *add;
    double v;
    const char *text;
} text_cases[] = {
    {num_bytes,   0,            "0 B"           },
    {num_bytes,   1,            "1 B"           },
    {num_bytes,   1023,         "1023 B"        },
    {num_bytes,   1023.7,       "1.0 KB"        },
    {num_bytes,   1024,         "1.0 KB"        },
    {num_bytes,   1536,         "1.5 KB"        },
    {num_bytes,   -1536,        "-1.5 KB"       },
    {num_bytes,   -0.2,         "0 B"           },
    {num_bytes,   3145728,      "3.0 MB"        },
    {num_bytes,   102297.6,     "99.9 KB"       },
    {num_bytes,   102400,       "100 KB"        },
    {num_bytes,   1048575,      "1.0 MB"        },
    {num_bytes,   1e18,         "888 PB"        },
    {num_bytes,   0x1p80,       "1048576 EB"    },
    {num_bytes,   NAN,          "unknown"       },
    {num_short,   0,            "0"             },
    {num_short,   45210,        "45k"           },
    {num_short,   12.53,        "12.5"          },
    {num_short,   12,           "12"            },
    {num_short,   0.0312,       "0.031"         },
    {num_short,   0.5,          "0.5"           },
    {num_short,   0.996,        "1"             },
    {num_short,   3.14159,      "3.1"           },
    {num_short,   99.96,        "100"           },
    {num_short,   999.4,        "999"           },
    {num_short,   999.6,        "1k"            },
    {num_short,   1234,         "1.2k"          },
    {num_short,   -9960,        "-10k"          },
    {num_short,   1.5e6,        "1.5M"          },
    {num_short,   2e-7,         "2e-07"         },
    {num_short,   1e20,         "1e+20"         },
    {num_short,   INFINITY,     "unknown"       },
    {num_seconds, 0,            "0 s"           },
    {num_seconds, 0.25,         "250 ms"        },
    {num_seconds, 0.0031,       "3.1 ms"        },
    {num_seconds, 22.5,         "22.5 s"        },
    {num_seconds, 42,           "42 s"          },
    {num_seconds, 59.97,        "1 min"         },
    {num_seconds, 90,           "1 min 30 s"    },
    {num_seconds, 599.6,        "10 min"        },
    {num_seconds, 3599,         "1 h"           },
    {num_seconds, 5430,         "1 h 31 min"    },
    {num_seconds, 5400,         "1 h 30 min"    },
    {num_seconds, 7200,         "2 h"           },
    {num_seconds, 259200,       "3 days"        },
    {num_seconds, 270000,       "3 days 3 h"    },
    {num_seconds, 86400.0 * 90, "90 days"       },
    {num_seconds, 1e300,        "over 100 years"},
    {num_seconds, -5,           "-5 s"          },
    {num_seconds, NAN,          "unknown"       },
    {num_p,       0,            "0"             },
    {num_p,       3.4e-7,       "3e-07"         },
    {num_p,       0.00099,      "1e-03"         },
    {num_p,       0.0012,       "0.0012"        },
    {num_p,       0.00996,      "0.010"         },
    {num_p,       0.05,         "0.050"         },
    {num_p,       0.5,          "0.50"          },
    {num_p,       1,            "1"             },
};

static void numbers_read_as_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(text_cases); i++) {
        struct buf b = BUF_LIMIT(500);
        text_cases[i].add(&b, text_cases[i].v);
        assert_true(buf_ok(&b));
        assert_string_equal(b.data, text_cases[i].text);
        buf_release(&b);
    }
}

static void counts_have_separators(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        const char *text;
    } rows[] = {
        {0,         "0"                         },
        {7,         "7"                         },
        {999,       "999"                       },
        {1000,      "1,000"                     },
        {214310,    "214,310"                   },
        {-1234567,  "-1,234,567"                },
        {INT64_MIN, "-9,223,372,036,854,775,808"},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct buf b = BUF_LIMIT(100);
        num_count(&b, rows[i].n);
        assert_string_equal(b.data, rows[i].text);
        buf_release(&b);
    }
}

static void times_are_rfc3339(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {
        {0,                            "1970-01-01T00:00:00Z"    },
        {INT64_C(951782400000000000),  "2000-02-29T00:00:00Z"    },
        {INT64_C(1709251199999999999), "2024-02-29T23:59:59.999Z"},
        {INT64_C(1700000000000500000), "2023-11-14T22:13:20Z"    },
        {INT64_C(1700000000007000000), "2023-11-14T22:13:20.007Z"},
        {INT64_C(4107542400000000000), "2100-03-01T00:00:00Z"    },
        {-1,                           "1969-12-31T23:59:59.999Z"},
        {INT64_C(-86400000000000),     "1969-12-31T00:00:00Z"    },
        {INT64_MAX,                    "2262-04-11T23:47:16.854Z"},
        {INT64_MIN,                    "1677-09-21T00:12:43.145Z"},
    };
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct buf b = BUF_LIMIT(100);
        num_rfc3339(&b, rows[i].ns);
        assert_string_equal(b.data, rows[i].text);
        buf_release(&b);
    }
}

/* --- Reading --- */

static const struct bytes_case {
    const char *text;
    bool ok;
    uint64_t bytes;
} bytes_cases[] = {
    {"0",                    true,  0                    },
    {"100",                  true,  100                  },
    {"100b",                 true,  100                  },
    {"512k",                 true,  512 << 10            },
    {"512 kB",               true,  512 << 10            },
    {"8MiB",                 true,  8 << 20              },
    {"1.5GB",                true,  UINT64_C(3) << 29    },
    {" 2t ",                 true,  UINT64_C(2) << 40    },
    {"18446744073709551615", true,  UINT64_MAX           },
    {"16383PiB",             true,  UINT64_C(16383) << 50},
    {"18446744073709551616", false, 0                    },
    {"16384PiB",             false, 0                    },
    {"99999999.5PiB",        false, 0                    },
    {"",                     false, 0                    },
    {"MiB",                  false, 0                    },
    {"-1",                   false, 0                    },
    {"1.2.3k",               false, 0                    },
    {"5kg",                  false, 0                    },
    {"5ki",                  false, 0                    },
    {"5bb",                  false, 0                    },
    {"1e3",                  false, 0                    },
};

static void sizes_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(bytes_cases); i++) {
        const struct bytes_case *c = &bytes_cases[i];
        uint64_t bytes = 0;
        const bool ok = num_parse_bytes(span_of(c->text), &bytes);
        if (ok != c->ok || bytes != c->bytes) {
            fail_msg("%s: %d %" PRIu64, c->text, ok, bytes);
        }
    }
}

static const struct duration_case {
    const char *text;
    bool ok;
    int64_t ns;
} duration_cases[] = {
    {"0",                     true,  0                     },
    {"90s",                   true,  INT64_C(90000000000)  },
    {"10m",                   true,  INT64_C(600000000000) },
    {"1h30m",                 true,  INT64_C(5400000000000)},
    {"250ms",                 true,  250000000             },
    {"1.5h",                  true,  INT64_C(5400000000000)},
    {".5s",                   true,  500000000             },
    {"5.s",                   true,  INT64_C(5000000000)   },
    {"-1m0.25s",              true,  INT64_C(-60250000000) },
    {"3us",                   true,  3000                  },
    {"3\xc2\xb5s",            true,  3000                  },
    {"7ns",                   true,  7                     },
    {"9223372036854775807ns", true,  INT64_MAX             },
    {"9223372036854775808ns", false, 0                     },
    {"2562048h",              false, 0                     },
    {"",                      false, 0                     },
    {"3",                     false, 0                     },
    {"s",                     false, 0                     },
    {".s",                    false, 0                     },
    {"1d",                    false, 0                     },
    {"1.2.3s",                false, 0                     },
    {"1h-3m",                 false, 0                     },
    {"1 h",                   false, 0                     },
};

static void durations_are_go_s(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(duration_cases); i++) {
        const struct duration_case *c = &duration_cases[i];
        int64_t ns = 0;
        const bool ok = num_parse_duration(span_of(c->text), &ns);
        if (ok != c->ok || ns != c->ns) {
            fail_msg("%s: %d %" PRId64, c->text, ok, ns);
        }
    }
}

static void integers_are_the_whole_text(void **state)
{
    (void)state;
    uint64_t u = 0;
    int64_t i = 0;
    assert_true(num_parse_u64(SPAN_LIT("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    assert_false(num_parse_u64(SPAN_LIT("18446744073709551616"), &u));
    assert_false(num_parse_u64(SPAN_LIT(""), &u));
    assert_false(num_parse_u64(SPAN_LIT("-1"), &u));
    assert_false(num_parse_u64(SPAN_LIT("1 "), &u));
    assert_false(num_parse_u64(SPAN_LIT("1a"), &u));
    assert_true(num_parse_i64(SPAN_LIT("-9223372036854775808"), &i));
    assert_true(i == INT64_MIN);
    assert_true(num_parse_i64(SPAN_LIT("+5"), &i));
    assert_int_equal(i, 5);
    assert_false(num_parse_i64(SPAN_LIT("9223372036854775808"), &i));
    assert_false(num_parse_i64(SPAN_LIT("--5"), &i));
    assert_true(num_parse_hex(SPAN_LIT("C000ffEE"), &u));
    assert_true(u == 0xc000ffee);
    assert_false(num_parse_hex(SPAN_LIT("0x1"), &u));
    assert_false(num_parse_hex(SPAN_LIT("10000000000000000"), &u));
}

static void doubles_round_trip(void **state)
{
    (void)state;
    uint64_t seed = 11;
    unsigned n_off = 0;
    for (int i = 0; i < 100000; i++) {
        const double scale = pow(10, (double)(test_random(&seed) % 60) - 30);
        const double v = (double)(int64_t)test_random(&seed) / 0x1p63 * scale;
        char text[64];
        (void)snprintf(text, sizeof(text), "%.17g", v);
        double back = 0;
        assert_true(num_parse_double(span_of(text), &back));
        if (back != v) {
            n_off++;
            assert_true(nextafter(back, v) == v);
        }
    }
    /* Two roundings differ from one about once in 2^11 at most. */
    assert_true(n_off < 100);
}

static void doubles_refuse_what_is_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"",         ".",     "e5",  "1e",  "1e+",
                                      "nan",      "inf",   "0x1", "1,5", "1 ",
                                      "1e999999", "1e400", "--1"};
    for (size_t i = 0; i < N_OF(bad); i++) {
        double v = 0;
        if (num_parse_double(span_of(bad[i]), &v)) {
            fail_msg("%s was read as %g", bad[i], v);
        }
    }
    double v = 0;
    assert_true(num_parse_double(SPAN_LIT("-.5"), &v) && v == -0.5);
    assert_true(num_parse_double(SPAN_LIT("1e-400"), &v) && v == 0);
    assert_true(
        num_parse_double(SPAN_LIT("123456789012345678901234567890"), &v));
    assert_true(v == 123456789012345678901234567890.0);
}

static void checked_arithmetic_knows_the_ends(void **state)
{
    (void)state;
    uint64_t u = 5;
    assert_false(add_u64(&u, UINT64_MAX, 1));
    assert_false(mul_u64(&u, UINT64_C(1) << 32, UINT64_C(1) << 32));
    assert_int_equal(u, 5);
    assert_true(add_u64(&u, UINT64_MAX - 1, 1) && u == UINT64_MAX);
    assert_true(mul_u64(&u, UINT64_MAX, 1) && u == UINT64_MAX);
    assert_true(mul_u64(&u, 7, 0) && u == 0);
    uint32_t narrow = 3;
    assert_false(u32_from_u64(&narrow, UINT64_C(1) << 32));
    assert_int_equal(narrow, 3);
    assert_true(u32_from_u64(&narrow, UINT32_MAX));
    assert_true(add_sat_i64(INT64_MAX, 1) == INT64_MAX);
    assert_true(add_sat_i64(INT64_MIN, -1) == INT64_MIN);
    assert_true(add_sat_i64(INT64_MIN, INT64_MAX) == -1);
    assert_true(sub_sat_i64(INT64_MIN, 1) == INT64_MIN);
    assert_true(sub_sat_i64(INT64_MAX, -1) == INT64_MAX);
    assert_true(sub_sat_i64(0, INT64_MIN) == INT64_MAX);
    assert_true(sub_sat_i64(-1, INT64_MIN) == INT64_MAX);
    assert_true(sub_sat_i64(INT64_MIN, INT64_MIN) == 0);
    assert_true(sub_sat_i64(5, 7) == -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_read_as_documented),
        cmocka_unit_test(counts_have_separators),
        cmocka_unit_test(times_are_rfc3339),
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(durations_are_go_s),
        cmocka_unit_test(integers_are_the_whole_text),
        cmocka_unit_test(doubles_round_trip),
        cmocka_unit_test(doubles_refuse_what_is_none),
        cmocka_unit_test(checked_arithmetic_knows_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
