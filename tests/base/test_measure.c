/*
 * Units and numbers as google/pprof prints them. The wanted texts are its
 * own, of the same values.
 */
#include "test.h"

#include "base/measure.h"

#include <math.h>
#include <stdio.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void values_are_labelled_as_pprof_does(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *from, *to, *want;
    } cases[] = {
        {0,                         "bytes",        "minimum", "0"                                   },
        {1,                         "bytes",        "auto",    "1B"                                  },
        {1023,                      "bytes",        "auto",    "1023B"                               },
        {1024,                      "bytes",        "auto",    "1kB"                                 },
        {1536,                      "bytes",        "auto",    "1.50kB"                              },
        {-1536,                     "bytes",        "auto",    "-1.50kB"                             },
        {1536,                      "BYTES",        "mb",      "0"                                   },
        {5243,                      "bytes",        "MB",      "0.01MB"                              },
        {-5243,                     "bytes",        "MB",      "-0.01MB"                             },
        {-1,                        "bytes",        "PB",      "0"                                   },
        {3,                         "Kilobytes",    "b",       "3072B"                               },
        {1500,                      "ms",           "auto",    "1.50s"                               },
        {1500,                      "milliseconds", "us",      "1500000us"                           },
        {5400,                      "sec",          "auto",    "1.50hrs"                             },
        {0,                         "ns",           "auto",    "0"                                   },
        {90,                        "seconds",      "kB",      "90s"                                 },
        {7,                         "ns",           "parsec",  "0"                                   },
        {1500,                      "milligcu",     "auto",    "1.50GCU"                             },
        {3,                         "count",        "minimum", "3"                                   },
        {3,                         "count",        "count",   "3"                                   },
        {3,                         "count",        "counts",  "3counts"                             },
        {3,                         "objects",      "widgets", "3widgets"                            },
        {3,                         "",             "",        "3"                                   },
        {12345,                     "samples",      "kb",      "12345kb"                             },
 /* A plural loses its s before the table is asked. */
        {5,                         "\u03bcs",      "ns",      "5ns"                                 },
        {5,                         "\u03bcss",     "ns",      "5000ns"                              },
 /* In the middle between two hundredths: to the even one. */
        {128,                       "bytes",        "kb",      "0.12kB"                              },
        {384,                       "bytes",        "kb",      "0.38kB"                              },
        {1005,                      "ms",           "s",       "1s"                                  },
        {1015,                      "ms",           "s",       "1.01s"                               },
        {1023999,                   "bytes",        "MB",      "0.98MB"                              },
        {INT64_MAX,                 "bytes",        "auto",    "8192PB"                              },
        {INT64_MIN,                 "bytes",        "auto",    "-9223372036854775808B"               },
        {INT64_MIN,                 "count",        "auto",    "-9223372036854775808"                },
        {INT64_MAX,                 "count",        "auto",    "9223372036854775808"                 },
        {INT64_MAX,                 "PB",           "B",       "10384593717069655257060992658440192B"},
        {INT64_C(9007199254740993), "ns",           "us",      "9007199254740.99us"                  },
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct buf out = BUF_LIMIT(200);
        measure_label(&out, cases[i].value, span_of(cases[i].from),
                      span_of(cases[i].to));
        assert_string_equal(out.data, cases[i].want);
        buf_release(&out);
    }
}

static void units_that_say_nothing_are_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *want;
    } cases[] = {
        {"count", "minimum",   ""       },
        {"count", "unit",      ""       },
        {"count", "sample",    ""       },
        {"count", "samples",   "samples"},
        {"bytes", "minimum",   "B"      },
        {"bytes", "megabytes", "MB"     },
        {"bytes", "count",     "B"      },
        {"ns",    "auto",      "ns"     },
        {"ns",    "ms",        "ms"     },
        {"gcu",   "",          "GCU"    },
        {"ns",    "x",         "s"      },
        {"x",     "",          ""       },
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct span unit;
        (void)measure_scale(5, span_of(cases[i].from), span_of(cases[i].to),
                            &unit);
        if (!span_is(unit, cases[i].want)) {
            fail_msg("%s to %s: '%.*s'", cases[i].from, cases[i].to,
                     (int)unit.len, unit.p);
        }
    }
}

static void percents_have_two_digits(void **state)
{
    (void)state;
    static const struct {
        int64_t value, total;
        const char *want, *brief;
    } cases[] = {
        {0,         100,       "    0%",                    "0%"      },
        {5,         0,         "    0%",                    "0%"      },
        {1,         100,       " 1.00%",                    "1.00%"   },
        {-1,        100,       " 1.00%",                    "1.00%"   },
        {1,         3,         "33.33%",                    "33.33%"  },
        {5,         3,         "166.67%",                   "166.67%" },
        {9994,      10000,     "99.94%",                    "99.94%"  },
        {9995,      10000,     "  100%",                    "100%"    },
        {10005,     10000,     "  100%",                    "100%"    },
        {10006,     10000,     "100.06%",                   "100.06%" },
        {1,         1000,      "  0.1%",                    "0.1%"    },
        {12,        10000,     " 0.12%",                    "0.12%"   },
        {996,       100000,    "    1%",                    "1%"      },
        {994,       100000,    " 0.99%",                    "0.99%"   },
        {1,         10000,     " 0.01%",                    "0.01%"   },
        {996,       10000000,  " 0.01%",                    "0.01%"   },
        {12,        1000000,   "0.0012%",                   "0.0012%" },
        {1,         1000000,   "0.0001%",                   "0.0001%" },
        {1,         10000000,  "1e-05%",                    "1e-05%"  },
        {1,         INT64_MAX, "1.1e-17%",                  "1.1e-17%"},
        {INT64_MIN, INT64_MAX, "  100%",                    "100%"    },
        {INT64_MIN, 1,         "922337203685477580800.00%",
         "922337203685477580800.00%"                                  },
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct buf out = BUF_LIMIT(200);
        measure_percent(&out, cases[i].value, cases[i].total);
        assert_string_equal(out.data, cases[i].want);
        buf_clear(&out);
        measure_percent_short(&out, cases[i].value, cases[i].total);
        assert_string_equal(out.data, cases[i].brief);
        buf_release(&out);
    }
}

/* printf rounds right; so must what is faster. */
static void fast_numbers_are_printfs(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (unsigned i = 0; i < 200000; i++) {
        /* All sizes, and many that end in a half. */
        const int64_t value = (int64_t)(test_random(&seed) >> (i % 64)) &
                              (i % 3 == 0 ? ~INT64_C(0x3ff) : ~INT64_C(0));
        const double v =
            measure_scale(value, SPAN_LIT("ms"), SPAN_LIT("s"), NULL);
        char want[400];
        (void)snprintf(want, sizeof(want), "%.2f", v);
        char *whole = strstr(want, ".00");
        if (whole != NULL) {
            *whole = '\0';
        }
        struct buf out = BUF_LIMIT(400);
        measure_label(&out, value, SPAN_LIT("ms"), SPAN_LIT("s"));
        if (out.data[out.len - 1] == 's') {
            out.data[out.len - 1] = '\0';
        }
        assert_string_equal(out.data, strcmp(want, "-0") != 0 ? want : "0");
        buf_release(&out);
    }
}

static void kinds_are_told_apart(void **state)
{
    (void)state;
    assert_true(measure_same_kind(SPAN_LIT("ms"), SPAN_LIT("Hours")));
    assert_true(measure_same_kind(SPAN_LIT("MB"), SPAN_LIT("bytes")));
    assert_true(measure_same_kind(SPAN_LIT("count"), SPAN_LIT("count")));
    assert_false(measure_same_kind(SPAN_LIT("count"), SPAN_LIT("counts")));
    assert_false(measure_same_kind(SPAN_LIT("ms"), SPAN_LIT("bytes")));
}

static void what_does_not_fit_is_the_least_number(void **state)
{
    (void)state;
    assert_true(measure_truncate(1.99) == 1);
    assert_true(measure_truncate(-1.99) == -1);
    assert_true(measure_truncate(0x1p63) == INT64_MIN);
    assert_true(measure_truncate(-0x1p63) == INT64_MIN);
    assert_true(measure_truncate(-0x1.8p63) == INT64_MIN);
    assert_true(measure_truncate(0x1.fffffffffffffp62) ==
                INT64_C(0x7ffffffffffffc00));
    assert_true(measure_truncate(NAN) == INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_labelled_as_pprof_does),
        cmocka_unit_test(units_that_say_nothing_are_left_out),
        cmocka_unit_test(percents_have_two_digits),
        cmocka_unit_test(fast_numbers_are_printfs),
        cmocka_unit_test(kinds_are_told_apart),
        cmocka_unit_test(what_does_not_fit_is_the_least_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
