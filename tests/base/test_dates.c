/* Dates as text: what exists is read, what does not is refused. */
#include "test.h"

#include "base/dates.h"
#include "base/num.h"

static void dates_become_days(void **state)
{
    static const struct {
        const char *text;
        bool is_valid;
        int64_t days;
    } rows[] = {
        {"1970-01-01",  true,  0    },
        {"1969-12-31",  true,  -1   },
        {"2000-02-29",  true,  11016},
        {"2026-12-31",  true,  20818},
        {"1900-02-29",  false, 0    },
        {"2026-02-29",  false, 0    },
        {"2026-13-01",  false, 0    },
        {"2026-00-10",  false, 0    },
        {"2026-04-31",  false, 0    },
        {"2026-4-30",   false, 0    },
        {"2026-04-30 ", false, 0    },
        {"26-04-30",    false, 0    },
        {"2026/04/30",  false, 0    },
        {"9999-01-01",  false, 0    },
        {"",            false, 0    },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t days = 7;
        assert_int_equal(date_parse(span_of(rows[i].text), &days),
                         rows[i].is_valid);
        assert_int_equal(days, rows[i].is_valid ? rows[i].days : 7);
    }
}

static void moments_read_back_as_written(void **state)
{
    static const int64_t moments[] = {0, 1, 1795849200000000000,
                                      951782399123000000, -86400000000000};
    (void)state;
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        struct buf text = BUF_LIMIT(64);
        int64_t read = 0;
        num_rfc3339(&text, moments[i]);
        assert_true(date_parse_moment(buf_view(&text), &read));
        /* Written to the millisecond. */
        assert_int_equal(read / 1000000, moments[i] / 1000000);
        buf_release(&text);
    }
}

static void other_moments_are_refused(void **state)
{
    static const char *const texts[] = {
        "2026-12-31",
        "2026-12-31T10:00:00",
        "2026-12-31T24:00:00Z",
        "2026-12-31T10:60:00Z",
        "2026-12-31T10:00:00+01:00",
        "2026-12-31T10:00:00.Z",
        "2026-12-31 10:00:00Z",
        "2026-12-31T10:00:00ZZ",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t ns = 7;
        assert_false(date_parse_moment(span_of(texts[i]), &ns));
        assert_int_equal(ns, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_become_days),
        cmocka_unit_test(moments_read_back_as_written),
        cmocka_unit_test(other_moments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
