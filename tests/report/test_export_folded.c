/* Folded stacks: merging, order, names that would break a line. */
#include "made_profile.h"

static struct buf folded(struct profile *p, uint32_t column)
{
    struct err err = {0};
    struct buf out = BUF_LIMIT(1u << 20);
    const struct export_format *f = export_format_find(SPAN_LIT("folded"));
    assert_non_null(f);
    const struct export_options o = {.value_column = column};
    assert_ok(f->write(p, &o, &out, &err), &err);
    return out;
}

static void assert_folded(const char *types, const struct made_sample *samples,
                          size_t n, uint32_t column, const char *want)
{
    struct profile *p = made_profile(types, samples, n);
    struct buf out = folded(p, column);
    assert_text(&out, want);
    buf_release(&out);
    profile_free(p);
}

static void equal_names_are_one_line_in_order_of_first_sight(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "main@m.go:1;b@b.go:7", .values = {1, 10}},
        {                               .stack = "main@m.go:2;a@a.go:3",              .values = {2, 20}                 },
        { .stack = "main@m.go:3;b@b.go:8",                 .values = {4, 40},                                  .label = "k=v"},
    };
    assert_folded("objects/count space/bytes", samples, 3, 1,
                  "main;b 50\nmain;a 20\n");
    assert_folded("objects/count space/bytes", samples, 3, 0,
                  "main;b 5\nmain;a 2\n");
}

static void inlined_calls_are_frames_as_others_are(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "main>outer>inner;leaf", .values = {1}},
        {.stack = "main;outer;inner>leaf", .values = {2}},
    };
    assert_folded("n/count", samples, 2, 0, "main;outer;inner;leaf 3\n");
}

static void what_is_nothing_in_the_column_is_left_out(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "main;a", .values = {1, 0} },
        {.stack = "main;b", .values = {5}    },
        {.stack = "main;b", .values = {-5, 7}},
        {.stack = "main;c", .values = {-3, 0}},
    };
    assert_folded("n/count m/count", samples, 4, 0, "main;a 1\nmain;c -3\n");
    assert_folded("n/count m/count", samples, 4, 1, "main;b 7\n");
}

static void names_cannot_end_a_frame_or_a_line(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "App\\Kernel;C:\\x86\\run;a b", .values = {1}},
        {.stack = "two\nlines\r",                 .values = {2}},
    };
    assert_folded("n/count", samples, 2, 0,
                  "App\\Kernel;C:\\x5cx86\\run;a b 1\n"
                  "two\\x0alines\\x0d 2\n");
}

static void a_semicolon_of_a_name_is_escaped(void **state)
{
    (void)state;
    struct profile_builder *b = profile_builder_new();
    profile_builder_type(b, "n", "count");
    const struct builder_frame frame = {.function = SPAN_LIT("a;b")};
    const uint32_t location =
        profile_builder_location(b, 0, PROFILE_NONE, &frame, 1);
    const int64_t value = 3;
    profile_builder_sample(b, &location, 1, &value, 1, NULL, 0);
    struct profile *p = NULL;
    struct err err = {0};
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    struct buf out = folded(p, 0);
    assert_text(&out, "a\\x3bb 3\n");
    buf_release(&out);
    profile_free(p);
}

static void frames_without_names_are_called_as_reports_call_them(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "main;0x1234", .values = {1}},
        {.stack = "",            .values = {2}},
    };
    assert_folded("n/count", samples, 2, 0,
                  "main;0000000000001234 [service] 1\n<unknown> 2\n");
}

/* Nothing is lost: the sum of all lines is that of the column. */
static void lines_add_up_to_the_profile(void **state)
{
    (void)state;
    struct buf in = test_read_file(testdata("profiles/heap-go1.23.pb.gz"));
    struct profile *p = NULL;
    struct err err = {0};
    assert_ok(profile_decode(buf_view(&in), &p, &err), &err);
    for (uint32_t column = 0; column < p->n_types; column++) {
        int64_t want = 0;
        for (uint32_t s = 0; s < p->n_samples; s++) {
            want += p->values[(size_t)s * p->n_types + column];
        }
        struct buf out = folded(p, column);
        struct span rest = buf_view(&out);
        struct span line;
        int64_t sum = 0;
        while (span_line(&rest, &line)) {
            int64_t v = 0;
            const size_t blank = span_rfind_char(line, ' ');
            assert_true(num_parse_i64(span_from(line, blank + 1), &v));
            sum += v;
        }
        assert_int_equal(sum, want);
        buf_release(&out);
    }
    profile_free(p);
    buf_release(&in);
}

static void a_limit_of_the_output_is_an_error(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "main;a", .values = {1}}
    };
    struct profile *p = made_profile("n/count", samples, 1);
    struct buf out = BUF_LIMIT(5);
    struct err err = {0};
    const struct export_options o = {0};
    assert_false(
        export_format_find(SPAN_LIT("folded"))->write(p, &o, &out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_release(&out);
    profile_free(p);
}

static bool write_one(void *ctx, struct err *err)
{
    struct buf out = BUF_LIMIT(1u << 20);
    const struct export_options o = {0};
    const bool ok =
        export_format_find(SPAN_LIT("folded"))->write(ctx, &o, &out, err);
    buf_release(&out);
    return ok;
}

static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "main;a\n;0x1234", .values = {1}},
        {.stack = "main;b",          .values = {1}},
    };
    struct profile *p = made_profile("n/count", samples, 2);
    assert_true(oom_walk(write_one, p) > 3);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_names_are_one_line_in_order_of_first_sight),
        cmocka_unit_test(inlined_calls_are_frames_as_others_are),
        cmocka_unit_test(what_is_nothing_in_the_column_is_left_out),
        cmocka_unit_test(names_cannot_end_a_frame_or_a_line),
        cmocka_unit_test(a_semicolon_of_a_name_is_escaped),
        cmocka_unit_test(frames_without_names_are_called_as_reports_call_them),
        cmocka_unit_test(lines_add_up_to_the_profile),
        cmocka_unit_test(a_limit_of_the_output_is_an_error),
        cmocka_unit_test(running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
