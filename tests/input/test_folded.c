/* Folded stacks: what is taken for them, and what is read of them. */
#include "raw_text.h"

static void frames_are_turned_leaf_first(void **state)
{
    (void)state;
    struct buf b = test_read_file(testdata("legacy/symbols.folded"));
    struct snapshot s = snapshot_of(buf_view(&b));
    const struct profile *const p = s.profile;
    assert_int_equal(s.kind, KIND_OTHER);
    assert_int_equal(s.form, FORM_TEXT);
    assert_string_equal(profile_text(p, p->types[0].type), "samples");
    assert_string_equal(profile_text(p, p->types[0].unit), "count");
    assert_int_equal(p->n_samples, 4);
    assert_int_equal(profile_total(p, 0), 22);
    assert_string_equal(sample_leaf(p, 0), "handle");
    assert_string_equal(sample_leaf(p, 1), "(*Depot).weigh ;parcels;");
    assert_string_equal(sample_leaf(p, 2), "idle");
    assert_int_equal(p->sample_off[1], 3);
    assert_int_equal(p->n_locations, 5);
    assert_int_equal(p->n_functions, 5);
    assert_int_equal(p->n_mappings, 0);
    snapshot_release(&s);
    buf_release(&b);
}

static void escapes_are_those_of_the_export(void **state)
{
    (void)state;
    struct snapshot s =
        snapshot_of_text("a;\\x3b\\x0a\\x0d\\x5cx3b\\x41 \\n\\ 1\n");
    assert_string_equal(sample_leaf(s.profile, 0), ";\n\r\\x3b\\x41 \\n\\");
    snapshot_release(&s);
}

static void numbers_may_be_differences(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text("a;b -12\r\n\r\na;c 3");
    assert_int_equal(s.profile->n_samples, 2);
    assert_int_equal(s.profile->values[0], -12);
    assert_int_equal(s.profile->values[1], 3);
    snapshot_release(&s);
}

static void an_empty_name_is_one(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text("a;;b 1\n");
    assert_int_equal(s.profile->sample_off[1], 3);
    snapshot_release(&s);
}

static const char *const strangers[] = {
    "main 12\nrun 3\n",    /* no semicolon anywhere */
    "a;b 12\nand prose\n", /* a line without a number */
    "a;b 12.5\n",          "a;b 99999999999999999999\n", ";; \n", "int x; 5;\n",
};

static void texts_that_only_resemble_are_not_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        struct snapshot s = {0};
        struct err err = {0};
        assert_false(input_decode(span_of(strangers[i]), NULL, &s, &err));
        assert_int_equal(err.code, ERR_UNKNOWN);
    }
}

static void a_stack_may_be_longer_than_the_head(void **state)
{
    (void)state;
    struct buf b = BUF_LIMIT(1 << 20);
    for (unsigned i = 0; i < 2000; i++) {
        buf_printf(&b, "frame_%u;", i);
    }
    buf_str(&b, "leaf 7\n");
    struct snapshot s = snapshot_of(buf_view(&b));
    assert_int_equal(s.profile->sample_off[1], 2001);
    assert_string_equal(sample_leaf(s.profile, 0), "leaf");
    snapshot_release(&s);
    buf_release(&b);
}

static void a_line_behind_the_head_must_be_one_too(void **state)
{
    (void)state;
    struct buf b = BUF_LIMIT(1 << 20);
    for (unsigned i = 0; i < 1000; i++) {
        buf_str(&b, "main;run 1\n");
    }
    buf_str(&b, "oops\n");
    struct snapshot s = {0};
    struct err err = {0};
    assert_false(input_decode(buf_view(&b), NULL, &s, &err));
    assert_err(&err, ERR_FORMAT,
               "folded stacks, line 1001: not \"frame;frame count\"");
    assert_int_equal(err.offset, 11000);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_turned_leaf_first),
        cmocka_unit_test(escapes_are_those_of_the_export),
        cmocka_unit_test(numbers_may_be_differences),
        cmocka_unit_test(an_empty_name_is_one),
        cmocka_unit_test(texts_that_only_resemble_are_not_taken),
        cmocka_unit_test(a_stack_may_be_longer_than_the_head),
        cmocka_unit_test(a_line_behind_the_head_must_be_one_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
