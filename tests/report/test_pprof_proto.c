/* -proto and -topproto: what they write is read again and compared. */
#include "pprof_run.h"

static struct profile *written(const char *name, struct profile *p,
                               const struct pprof_options *o)
{
    struct buf out = run_report(name, p, o);
    struct profile *again;
    struct err err = {0};
    assert_ok(profile_decode(buf_view(&out), &again, &err), &err);
    buf_release(&out);
    profile_free(p);
    return again;
}

static void a_profile_is_written_as_it_is(void **state)
{
    (void)state;
    struct profile *p = rich_profile();
    struct buf want = BUF_LIMIT((size_t)1 << 20);
    struct err err = {0};
    assert_ok(profile_encode(p, &want, &err), &err);
    const struct pprof_options o = run_options(p, 0);
    struct buf out = run_report("proto", p, &o);
    assert_true(span_eq(buf_view(&out), buf_view(&want)));
    buf_release(&out);
    buf_release(&want);
    profile_free(p);
}

static void a_ratio_is_applied_to_every_value(void **state)
{
    (void)state;
    struct profile *p = rich_profile();
    struct pprof_options o = run_options(p, 0);
    o.ratio = 1 / 3.0;
    p = written("proto", p, &o);
    assert_int_equal(p->n_samples, 2);
    static const int64_t want[] = {1, 13333333, 0, -3333333};
    assert_memory_equal(p->values, want, sizeof(want));
    profile_free(p);
}

static void assert_string(const struct profile *p, str_id s, const char *want)
{
    assert_string_equal(profile_text(p, s), want);
}

/* Two lines of one function share it; the order is that of -top. */
static void nodes_become_samples(void **state)
{
    (void)state;
    struct profile *p = shop_profile();
    struct pprof_options o = run_options(p, 1);
    p->period = 512;
    p->time_nanos = 7;
    profile_aggregate(p, KEEP_INLINES | KEEP_FUNCTION | KEEP_FILE | KEEP_LINE);
    p = written("topproto", p, &o);
    assert_string(p, p->types[0].type, "cum");
    assert_string(p, p->types[1].type, "flat");
    assert_string(p, p->types[0].unit, "B");
    assert_string(p, p->types[1].unit, "B");
    assert_int_equal(p->period, 512);
    assert_int_equal(p->time_nanos, 7);
    static const int64_t want[] = {4096, 4096, 3072, 3072, 512,  512,
                                   7168, 0,    512,  0,    3072, 0};
    assert_int_equal(p->n_samples, 6);
    assert_memory_equal(p->values, want, sizeof(want));
    static const char *const functions[] = {"shop.serve", "shop.parse", "",
                                            "main.main"};
    static const char *const files[] = {"serve.go", "parse.go", "", "main.go"};
    assert_int_equal(p->n_functions, TEST_N(functions));
    for (size_t i = 0; i < TEST_N(functions); i++) {
        assert_string(p, p->functions[i].name, functions[i]);
        assert_string(p, p->functions[i].system_name, "");
        assert_string(p, p->functions[i].file, files[i]);
    }
    static const struct {
        uint32_t function;
        int64_t line;
    } lines[] = {
        {0, 21},
        {1, 5 },
        {2, 0 },
        {3, 10},
        {3, 12},
        {0, 20}
    };
    assert_int_equal(p->n_lines, TEST_N(lines));
    for (uint32_t i = 0; i < TEST_N(lines); i++) {
        assert_int_equal(p->sample_off[i], i);
        const struct profile_location *l = &p->locations[p->sample_locs[i]];
        assert_int_equal(l->n_lines, 1);
        assert_int_equal(p->lines[l->first_line].function, lines[i].function);
        assert_int_equal(p->lines[l->first_line].line, lines[i].line);
    }
    profile_free(p);
}

/* Cut to whole numbers of the unit. */
static void values_are_in_the_unit_of_the_report(void **state)
{
    (void)state;
    struct profile *p = shop_profile();
    struct pprof_options o = run_options(p, 1);
    o.output_unit = SPAN_LIT("kb");
    profile_aggregate(p, KEEP_FUNCTION | KEEP_INLINES);
    p = written("topproto", p, &o);
    static const int64_t want[] = {7, 4, 3, 3, 0, 0, 7, 0};
    assert_int_equal(p->n_samples, 4);
    assert_memory_equal(p->values, want, sizeof(want));
    assert_string(p, p->types[0].unit, "kb");
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_is_written_as_it_is),
        cmocka_unit_test(a_ratio_is_applied_to_every_value),
        cmocka_unit_test(nodes_become_samples),
        cmocka_unit_test(values_are_in_the_unit_of_the_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
