/* The table of stacks: columns, quoting, what is left out. */
#include "made_profile.h"

static void assert_csv(const char *types, const struct made_sample *samples,
                       size_t n, const char *want)
{
    struct profile *p = made_profile(types, samples, n);
    struct err err = {0};
    struct buf out = BUF_LIMIT(1u << 20);
    const struct export_options o = {0};
    const struct export_format *f = export_format_find(SPAN_LIT("csv"));
    assert_non_null(f);
    assert_ok(f->write(p, &o, &out, &err), &err);
    assert_text(&out, want);
    buf_release(&out);
    profile_free(p);
}

static void a_row_for_each_stack_a_column_for_each_type(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "main@m.go:1;b", .values = {1, 10} },
        {.stack = "main@m.go:2;a", .values = {2, 0}  },
        {.stack = "main@m.go:3;b", .values = {4, -50}},
    };
    assert_csv("objects/count space/bytes", samples, 3,
               "stack,objects/count,space/bytes\r\n"
               "main;b,5,-40\r\n"
               "main;a,2,0\r\n");
}

static void commas_and_quotes_are_quoted(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "f(int, int)",      .values = {1}},
        {.stack = "a;operator\"\"_s", .values = {2}},
        {.stack = "two\nlines",       .values = {3}},
    };
    assert_csv("n,\"x\"/count", samples, 3,
               "stack,\"n,\"\"x\"\"/count\"\r\n"
               "\"f(int, int)\",1\r\n"
               "\"a;operator\"\"\"\"_s\",2\r\n"
               "two\\x0alines,3\r\n");
}

static void rows_of_zeros_are_left_out(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "a", .values = {0, 0} },
        {.stack = "b", .values = {3, -1}},
        {.stack = "b", .values = {-3, 1}},
        {.stack = "c", .values = {0, 1} },
    };
    assert_csv("n/count m/count", samples, 4,
               "stack,n/count,m/count\r\nc,0,1\r\n");
}

static void a_profile_without_samples_is_a_header(void **state)
{
    (void)state;
    assert_csv("n/count", NULL, 0, "stack,n/count\r\n");
}

static bool write_one(void *ctx, struct err *err)
{
    struct buf out = BUF_LIMIT(1u << 20);
    const struct export_options o = {0};
    const bool ok =
        export_format_find(SPAN_LIT("csv"))->write(ctx, &o, &out, err);
    buf_release(&out);
    return ok;
}

static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "a,b;c", .values = {1}}
    };
    struct profile *p = made_profile("n/count", samples, 1);
    assert_true(oom_walk(write_one, p) > 3);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_for_each_stack_a_column_for_each_type),
        cmocka_unit_test(commas_and_quotes_are_quoted),
        cmocka_unit_test(rows_of_zeros_are_left_out),
        cmocka_unit_test(a_profile_without_samples_is_a_header),
        cmocka_unit_test(running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
