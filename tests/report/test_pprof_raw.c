/* -raw: all that is in a profile. */
#include "pprof_run.h"

static void everything_is_printed(void **state)
{
    (void)state;
    struct profile *p = rich_profile();
    const struct pprof_options o = run_options(p, 0);
    assert_report("raw", p, &o,
                  "Comment: made by hand\n"
                  "Comment: # not in headers\n"
                  "Doc: https://shop.example/p\n"
                  "PeriodType: cpu nanoseconds\n"
                  "Period: 10000000\n"
                  "Time: 2026-01-02 03:04:05.000000006 +0100 CET\n"
                  "Duration: 150m\n"
                  "Samples:\n"
                  "samples/count[dflt] cpu/nanoseconds\n"
                  "          4   40000000: 1 2 \n"
                  "                gr\u00f6\u00dfe:[L] tier:[front back]\n"
                  "                size:[2048 5] wait:[1500 microseconds 2 ]\n"
                  "         -1  -10000000: 2 \n"
                  "Locations\n"
                  "     1: 0x401000 M=1 work w.cc:5:17 s=3(_Z4workv)\n"
                  "             start s.cc:9:0 s=0\n"
                  "     2: 0x402000 [F] start s.cc:9:0 s=0\n"
                  "Mappings\n"
                  "1: 0x400000/0x500000/0x1000 /opt/shop/bin/shop c0ffee"
                  " [FN][FL][LN][IN]\n");
}

static void what_is_unknown_is_empty(void **state)
{
    (void)state;
    static const struct made_sample samples[] = {
        {"f@f.go:1;0x7", {5}, 0, 0}
    };
    struct profile *p = made_profile(" a/ ", samples, 1);
    const struct pprof_options o = run_options(p, 0);
    p->lines[0].function = PROFILE_NONE;
    assert_report("raw", p, &o,
                  "PeriodType:  \n"
                  "Period: 0\n"
                  "Samples:\n"
                  "/[dflt] a/\n"
                  "          5          0: 2 1 \n"
                  "Locations\n"
                  "     1: 0x0 M=1 ??\n"
                  "     2: 0x7 M=1 \n"
                  "Mappings\n"
                  "1: 0x1000/0x9000/0x0 /bin/service  \n");
}

/* Go's text of a duration, its first four characters. */
static void durations_are_cut(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *want;
    } cases[] = {
        {1,                        "1ns"      },
        {-1,                       "-1ns"     },
        {1000,                     "1\u00b5s" },
        {1500,                     "1.5\u00b5"},
        {999999,                   "999."     },
        {1000000,                  "1ms"      },
        {12500000,                 "12.5"     },
        {INT64_C(1000000000),      "1s"       },
        {INT64_C(1000000001),      "1.00"     },
        {INT64_C(61000000000),     "1m1s"     },
        {INT64_C(90000000000),     "1m30"     },
        {INT64_C(6000000000000),   "1h40"     },
        {INT64_C(3600000000000),   "1h0m"     },
        {INT64_C(360000000000000), "100h"     },
        {INT64_MIN,                "-256"     },
    };
    for (size_t i = 0; i < TEST_N(cases); i++) {
        struct profile *p = made_profile("", NULL, 0);
        const struct pprof_options o = {.ratio = 1};
        p->duration_nanos = cases[i].ns;
        struct buf out = run_report("raw", p, &o);
        char want[100];
        (void)snprintf(want, sizeof(want), "\nDuration: %s\nSamples:\n\n",
                       cases[i].want);
        if (strstr(out.data, want) == NULL) {
            fail_msg("no '%s' in '%s'", want, out.data);
        }
        buf_release(&out);
        profile_free(p);
    }
}

/* As many labels as a hostile sample may have: not in quadratic time. */
static void many_labels_take_no_longer_each(void **state)
{
    (void)state;
    enum { N_LABELS = 200000 };
    struct profile_builder *b = profile_builder_new();
    struct profile_label *labels = calloc(N_LABELS, sizeof(*labels));
    assert_non_null(b);
    assert_non_null(labels);
    profile_builder_type(b, "n", "count");
    for (int i = 0; i < N_LABELS; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i % (N_LABELS / 2));
        labels[i] = rich_string(b, key, "v");
    }
    const int64_t value = 1;
    profile_builder_sample(b, NULL, 0, &value, 1, labels, N_LABELS);
    struct profile *p;
    struct err err = {0};
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    const struct pprof_options o = run_options(p, 0);
    struct buf out = run_report("raw", p, &o);
    assert_non_null(strstr(out.data, "          k0:[v v] k10000:[v v] "));
    buf_release(&out);
    profile_free(p);
    free(labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_printed),
        cmocka_unit_test(what_is_unknown_is_empty),
        cmocka_unit_test(durations_are_cut),
        cmocka_unit_test(many_labels_take_no_longer_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
