/* -tags: sums of values by label, in columns. */
#include "pprof_run.h"

static void assert_tags(struct profile *p, struct pprof_options *o,
                        const char *want)
{
    struct label_units units;
    struct err err = {0};
    assert_ok(label_units_find(p, &units, NULL, &err), &err);
    o->label_units = &units;
    struct buf out = run_report("tags", p, o);
    assert_text(&out, want);
    buf_release(&out);
    label_units_release(&units);
    profile_free(p);
}

static void values_of_a_label_are_sorted_by_weight(void **state)
{
    (void)state;
    struct profile *p = shop_profile();
    struct pprof_options o = run_options(p, 1);
    assert_tags(p, &o,
                " bytes: Total 7kB of 7.50kB (93.33%)\n"
                "        4kB (53.33%): 4kB\n"
                "        3kB (40.00%): 1kB\n"
                "\n"
                " user: Total 3.50kB of 7.50kB (46.67%)\n"
                "        3kB (40.00%): anna\n"
                "       512B ( 6.67%): b\u00f6rje\n"
                "\n");
}

static void columns_are_as_wide_as_their_characters(void **state)
{
    (void)state;
    struct profile *p = rich_profile();
    struct pprof_options o = run_options(p, 0);
    o.output_unit = SPAN_LIT("ms");
    assert_tags(p, &o,
                " gr\u00f6\u00dfe: Total 4ms of 5ms (80.00%)\n"
                "        4ms (80.00%): L\n"
                "\n"
                " size: Total 8ms of 5ms (160.00%)\n"
                "       4ms (80.00%): 2048ms\n"
                "       4ms (80.00%): 5ms\n"
                "\n"
                " tier: Total 8ms of 5ms (160.00%)\n"
                "       4ms (80.00%): back\n"
                "       4ms (80.00%): front\n"
                "\n"
                " wait: Total 8ms of 5ms (160.00%)\n"
                "       4ms (80.00%): 0\n"
                "       4ms (80.00%): 1.50ms\n"
                "\n");
}

/* Numbers that read the same are one; weight counts without its sign. */
static void values_that_look_alike_are_summed(void **state)
{
    (void)state;
    static const struct made_sample samples[] = {
        {"a", {-7}, "k=minus",      2000000},
        {"b", {5},  "k=plus",       2000001},
        {"c", {1},  "k=a",          3000000},
        {"d", {1},  "bytes=1.91MB", 0      },
    };
    struct profile *p = made_profile("n/count", samples, TEST_N(samples));
    struct pprof_options o = run_options(p, 0);
    o.output_unit = SPAN_LIT("MB");
    assert_tags(p, &o,
                " bytes: Total 0 of 14MB (    0%)\n"
                "        -1MB ( 7.14%): 1.91MB\n"
                "         1MB ( 7.14%): 2.86MB\n"
                "\n"
                " k: Total -1MB of 14MB ( 7.14%)\n"
                "    -7MB (50.00%): minus\n"
                "     5MB (35.71%): plus\n"
                "     1MB ( 7.14%): a\n"
                "\n");
}

static void without_a_total_there_are_no_shares(void **state)
{
    (void)state;
    static const struct made_sample samples[] = {
        {"a", {0}, "k=v", 0}
    };
    struct profile *p = made_profile("n/count", samples, 1);
    struct pprof_options o = run_options(p, 0);
    assert_tags(p, &o, " k: Total 0 of 0\n    0: v\n\n");
}

/* Tabs and newlines in a label are what they are to Go. */
static void a_hostile_label_is_laid_out_too(void **state)
{
    (void)state;
    static const struct made_sample samples[] = {
        {"a", {3}, "k=x\ty\nz", 0},
        {"a", {1}, "k=w",       0},
    };
    struct profile *p = made_profile("n/count", samples, 2);
    struct pprof_options o = run_options(p, 0);
    assert_tags(p, &o,
                " k: Total 4 of 4 (  100%)\n"
                "    3 (75.00%):  xy\n"
                "z\n"
                "   1 (25.00%): w\n"
                "\n");
}

static void no_labels_are_no_lines(void **state)
{
    (void)state;
    static const struct made_sample samples[] = {
        {"a", {1}, NULL, 0}
    };
    struct profile *p = made_profile("n/count", samples, 1);
    struct pprof_options o = run_options(p, 0);
    struct buf out = run_report("tags", p, &o);
    assert_int_equal(out.len, 0);
    buf_release(&out);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_a_label_are_sorted_by_weight),
        cmocka_unit_test(columns_are_as_wide_as_their_characters),
        cmocka_unit_test(values_that_look_alike_are_summed),
        cmocka_unit_test(without_a_total_there_are_no_shares),
        cmocka_unit_test(a_hostile_label_is_laid_out_too),
        cmocka_unit_test(no_labels_are_no_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
